// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl watch - a line for each change of the memory pressure.
 *
 * The level comes by netlink, which needs no permission and does not keep the
 * module from being removed.  A trigger of one's own needs the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "link.h"
#include "say.h"
#include "watch_line.h"
#include "watch_trigger.h"

#define DEFAULT_TRIGGER "some 150000 1000000"
#define FOREVER UINT64_MAX
#define COUNT_MAX 1000000000UL
#define TIMEOUT_MAX (366UL * 86400)
/* Events that are printed before the signals are looked at again. */
#define BATCH 64

enum end {
	GOING,
	DONE,
	TIME_UP,
	SIGNALLED,
	REMOVED,
	FAILED,
	UNWRITABLE,
};

/*
 * struct watch - from the command line on
 * @count:    events to be printed; 0: no end
 * @seconds:  0 to TIMEOUT_MAX, if @timed
 * @pressure: with a trigger on @cgroup; NULL without
 * @printed:  events so far
 * @shown:    "changes" of what was shown last
 * @owed:     and what they must be when all that waits has been read; if it
 *            is more, the difference was lost
 */
struct watch {
	bool json;
	bool timed;
	unsigned long count;
	unsigned long seconds;
	const char *cgroup;
	const char *trigger;
	struct tmem_netlink *netlink;
	struct tmem_pressure *pressure;
	unsigned long printed;
	uint64_t shown;
	uint64_t owed;
};

/* Set by the handler, which runs in ppoll() only. */
static volatile sig_atomic_t signalled;

static void on_signal(int signal)
{
	(void)signal;
	signalled = 1;
}

/* One who starts us in the background may have SIGINT ignored. */
static void catch (int signal, sigset_t *set)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	sigaction(signal, NULL, &old);
	if (old.sa_handler == SIG_IGN)
		return;
	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, NULL);
	sigaddset(set, signal);
}

static void catch_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	catch (SIGINT, &set);
	catch (SIGTERM, &set);
	sigprocmask(SIG_BLOCK, &set, before);
	sigdelset(before, SIGINT);
	sigdelset(before, SIGTERM);
}

/* --- events --------------------------------------------------------------- */

/* What follows a line. */
static enum end after(struct watch *watch, bool written, bool event)
{
	if (!written)
		return UNWRITABLE;
	watch->printed += event;
	return event && watch->printed == watch->count ? DONE : GOING;
}

static enum end failed(struct watch *watch, int error)
{
	if (error == -ENODEV)
		return line_removed(watch->json) ? REMOVED : UNWRITABLE;
	link_failed("cannot go on watching", error);
	return FAILED;
}

static enum end show_lost(struct watch *watch, uint64_t upto)
{
	uint64_t lost = upto - watch->shown;

	watch->shown = upto;
	return after(watch, line_lost(watch->json, lost), false);
}

static enum end show_now(struct watch *watch)
{
	struct tmem_pressure_event now;
	int error = tmem_netlink_pressure(watch->netlink, &now);

	if (error)
		return failed(watch, error);
	watch->shown = now.changes;
	return after(watch, line_now(watch->json, &now), false);
}

/* How many changes there were tells whether we have seen them all. */
static enum end show_level(struct watch *watch,
			   const struct tmem_pressure_event *event)
{
	enum end end = GOING;

	/* From between the subscription and the first line. */
	if (event->changes <= watch->shown)
		return GOING;
	if (event->changes > watch->shown + 1)
		end = show_lost(watch, event->changes - 1);
	if (end != GOING)
		return end;
	watch->shown = event->changes;
	return after(watch, line_level(watch->json, event), true);
}

/* The kernel dropped some; which, is known when the others have been read. */
static enum end note_loss(struct watch *watch)
{
	struct tmem_pressure_event now;
	int error = tmem_netlink_pressure(watch->netlink, &now);

	if (error)
		return failed(watch, error);
	watch->owed = now.changes;
	return GOING;
}

static enum end settle_loss(struct watch *watch)
{
	enum end end = GOING;

	if (watch->owed > watch->shown) {
		end = show_lost(watch, watch->owed);
		if (end == GOING)
			end = show_now(watch);
	}
	return end;
}

/* *more is set if there may be more to read. */
static enum end read_netlink(struct watch *watch, bool *more)
{
	struct tmem_pressure_event event;
	enum end end = GOING;
	int i, got;

	for (i = 0; i < BATCH && end == GOING; i++) {
		got = tmem_netlink_wait(watch->netlink, 0, &event);
		if (got == 0)
			return settle_loss(watch);
		if (got == 1)
			end = show_level(watch, &event);
		else if (got == -ENOBUFS)
			end = note_loss(watch);
		else if (got != -EINTR)
			end = failed(watch, got);
	}
	*more = true;
	return end;
}

/* The level is told by netlink, so here it is not news. */
static enum end read_device(struct watch *watch, bool *more)
{
	struct tmem_event event;
	enum end end = GOING;
	int i, got;

	for (i = 0; i < BATCH && end == GOING; i++) {
		got = tmem_pressure_wait(watch->pressure, 0, &event);
		if (got == 0)
			return GOING;
		if (got == 1 && event.type != TMEM_EVENT_LEVEL)
			end = after(watch,
				    line_trigger(watch->json, &event,
						 watch->cgroup),
				    true);
		else if (got < 0 && got != -EINTR)
			end = failed(watch, got);
	}
	*more = true;
	return end;
}

/* --- loop ----------------------------------------------------------------- */

static struct timespec time_left(uint64_t deadline)
{
	uint64_t now = clock_ns();
	uint64_t left = deadline > now ? deadline - now : 0;

	return (struct timespec){
		.tv_sec = (time_t)(left / 1000000000),
		.tv_nsec = (long)(left % 1000000000),
	};
}

static enum end wait_once(struct watch *watch, uint64_t deadline,
			  const sigset_t *mask, bool *more)
{
	struct pollfd fds[] = {
		{ .fd = tmem_netlink_fd(watch->netlink), .events = POLLIN },
		{ .fd = watch->pressure ? tmem_pressure_fd(watch->pressure) :
					  -1,
		  .events = POLLIN },
	};
	struct timespec left = time_left(*more ? 0 : deadline);
	int got = ppoll(fds, 2, *more || deadline != FOREVER ? &left : NULL,
			mask);

	if (signalled)
		return SIGNALLED;
	if (got == 0 && !*more)
		return TIME_UP;
	*more = false;
	return GOING;
}

static enum end watch_on(struct watch *watch, const sigset_t *mask)
{
	uint64_t deadline = FOREVER;
	enum end end = show_now(watch);
	bool more = true;

	if (watch->timed)
		deadline = clock_ns() + watch->seconds * 1000000000;
	while (end == GOING) {
		end = wait_once(watch, deadline, mask, &more);
		if (end == GOING)
			end = read_netlink(watch, &more);
		if (end == GOING && watch->pressure)
			end = read_device(watch, &more);
		if (end == GOING && !time_left(deadline).tv_sec &&
		    !time_left(deadline).tv_nsec)
			end = TIME_UP;
	}
	return end;
}

/* --- begin and end -------------------------------------------------------- */

static int finish(const struct watch *watch, enum end end)
{
	switch (end) {
	case TIME_UP:
		if (watch->printed >= watch->count)
			return EXIT_OK;
		say("time is up after %lu of %lu events", watch->printed,
		    watch->count);
		return EXIT_FAILED;
	case REMOVED:
		say("the module was removed");
		return EXIT_GONE;
	case UNWRITABLE: /* main() says so */
	case FAILED:
		return EXIT_FAILED;
	default:
		return EXIT_OK;
	}
}

static bool begin(struct watch *watch)
{
	int error;

	watch->netlink = link_open();
	if (!watch->netlink)
		return false;
	error = tmem_netlink_subscribe(watch->netlink);
	if (error)
		link_failed("cannot subscribe to the pressure", error);
	else if (watch->cgroup)
		watch->pressure = trigger_open(watch->cgroup, watch->trigger);
	return !error && (!watch->cgroup || watch->pressure);
}

/* --- command line --------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watch *watch = state->input;

	switch (key) {
	case 'j':
		watch->json = true;
		return 0;
	case 'n':
		watch->count = args_count(state, "--count", arg, 1, COUNT_MAX);
		return 0;
	case 't':
		watch->timed = true;
		watch->seconds =
			args_count(state, "--timeout", arg, 0, TIMEOUT_MAX);
		return 0;
	case 'c':
		watch->cgroup = arg;
		return 0;
	case 'T':
		watch->trigger = arg;
		return 0;
	case ARGP_KEY_ARG:
		args_wrong(state, "'%s' is one word too many", arg);
	case ARGP_KEY_END:
		if (watch->trigger && !watch->cgroup)
			args_wrong(state, "--trigger goes with --cgroup");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "cgroup", 'c', "DIR", 0,
	  "Watch the memory.pressure of this cgroup too, through /dev/tmem",
	  0 },
	{ "count", 'n', "N", 0, "End after so many events", 0 },
	{ "json", 'j', NULL, 0, "Print one JSON object per line", 0 },
	{ "timeout", 't', "S", 0, "End after so many seconds", 0 },
	{ "trigger", 'T', "TEXT", 0,
	  "When that cgroup's trigger fires: \"some 150000 1000000\" (the "
	  "default) if some task waited 150 ms of a second",
	  0 },
	{ 0 },
};

int cmd_watch(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Print the memory pressure, and a line each time that "
		       "its level changes, until interrupted.",
	};
	struct watch watch = { 0 };
	int status = EXIT_FAILED;
	sigset_t mask;

	args_parse(&argp, argc, argv, &watch);
	if (!watch.trigger)
		watch.trigger = DEFAULT_TRIGGER;
	if (begin(&watch)) {
		catch_signals(&mask);
		status = finish(&watch, watch_on(&watch, &mask));
	}
	tmem_pressure_close(watch.pressure);
	if (watch.netlink)
		tmem_netlink_close(watch.netlink);
	return status;
}
