// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl top - what a running program's memory does, again and again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "peer.h"
#include "say.h"
#include "top_list.h"
#include "top_screen.h"
#include "top_view.h"

#define COUNT_MAX 1000000000
#define DELAY_MIN 0.1
#define DELAY_MAX 3600.0

/*
 * struct top - @pid: 0: all that answer; @count: pictures, or 0: no end
 * @no_symbols: open no files to name sites
 * @note: what went wrong last time, or ""
 */
struct top {
	pid_t pid;
	bool batch;
	bool no_symbols;
	unsigned long count;
	int delay_ms;
	unsigned long shown;
	struct top_view view;
	struct top_text text;
	char note[320];
};

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	signalled = number;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* Its snapshot names the files: a stranger's are not opened. */
static bool is_ours(pid_t pid)
{
	struct stat process;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return !stat(path, &process) && process.st_uid == geteuid();
}

/* --- a picture -------------------------------------------------------------- */

/* The next one is in text; false: there will be none. */
static bool look_at_process(struct top *top)
{
	struct snap *now;
	char name[32];
	FILE *answer;
	int err = peer_try(top->pid, "snapshot", PEER_PATIENCE_MS, &answer,
			   top->note, sizeof(top->note));

	/* One that is stopped may go on. */
	if (err)
		return err == -ETIMEDOUT && top->shown;
	top->note[0] = '\0';
	snprintf(name, sizeof(name), "process %d", (int)top->pid);
	now = snap_load(answer, name);
	if (now)
		top_view_show(&top->view, now, &top->text);
	return now;
}

static bool look(struct top *top)
{
	top->view.rows = top->batch ? 0 : top_screen_rows();
	if (top->pid)
		return look_at_process(top);
	top_list_show(&top->text);
	return true;
}

/* false: it cannot be written. */
static bool show(struct top *top)
{
	if (!top->batch) {
		top_screen_show(&top->text, top->note);
		top->shown++;
		return true;
	}
	if (*top->note)
		say("%s", top->note);
	if (top->shown++)
		putchar('\n');
	return top_text_print(&top->text);
}

/* --- again and again --------------------------------------------------------- */

static void sleep_ms(int ms)
{
	const struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	nanosleep(&time, NULL);
}

/* Until the next picture; false: the user has seen enough. */
static bool wait(struct top *top)
{
	uint64_t now = clock_ns(),
		 end = now + (uint64_t)top->delay_ms * 1000000;
	enum top_key key;

	if (top->batch) {
		sleep_ms(top->delay_ms);
		return !signalled;
	}
	for (; now < end && !signalled; now = clock_ns()) {
		key = top_screen_wait((int)((end - now) / 1000000) + 1);
		if (key == TOP_KEY_QUIT)
			return false;
		if (key == TOP_KEY_ORDER)
			top->view.by = (top->view.by + 1) % SITE_BYS;
		if (key != TOP_KEY_NONE)
			break;
	}
	return !signalled;
}

/* An exit status. */
static int run(struct top *top)
{
	for (;;) {
		if (!look(top))
			break;
		if (!show(top))
			return EXIT_FAILED; /* main() says so */
		if (top->count && top->shown >= top->count)
			return EXIT_OK;
		if (!wait(top))
			return EXIT_OK;
	}
	top_screen_close();
	if (*top->note)
		say("%s", top->note);
	return top->shown && !top->count ? EXIT_OK : EXIT_FAILED;
}

/* --- command line -------------------------------------------------------------- */

static int parse_delay(const struct argp_state *state, const char *arg)
{
	char *end;
	double seconds = strtod(arg, &end);

	if (end == arg || *end || !strchr("0123456789.", arg[0]) ||
	    !(seconds >= DELAY_MIN && seconds <= DELAY_MAX))
		args_wrong(state,
			   "--delay: '%s' is no number of seconds from 0.1 to "
			   "3600",
			   arg);
	return (int)(seconds * 1000);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;

	switch (key) {
	case 'p':
		top->pid = (pid_t)args_count(state, "--pid", arg, 1, INT_MAX);
		return 0;
	case 'b':
		top->batch = true;
		return 0;
	case 'N':
		top->no_symbols = true;
		return 0;
	case 'n':
		top->count = args_count(state, "--count", arg, 1, COUNT_MAX);
		return 0;
	case 'd':
		top->delay_ms = parse_delay(state, arg);
		return 0;
	case 's':
		if (!site_by_parse(arg, &top->view.by))
			args_wrong(state,
				   "--sort: '%s' is not bytes, count, live or "
				   "churn",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		args_wrong(state, "'%s' is one word too many", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "batch", 'b', NULL, 0, "Print lines instead of filling a terminal",
	  0 },
	{ "count", 'n', "N", 0, "End after so many pictures", 0 },
	{ "delay", 'd', "S", 0, "Seconds from one to the next, 2 by default",
	  0 },
	{ "no-symbols", 'N', NULL, 0,
	  "Open no files to name call sites; so it is for another user's "
	  "process",
	  0 },
	{ "pid", 'p', "PID", 0,
	  "The process; without it, all that answer are listed", 0 },
	{ "sort", 's', "WORD", 0,
	  "Order of the sites: live (the default), bytes, count or churn", 0 },
	{ 0 },
};

int cmd_top(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Show what the memory of a running program does: by "
		       "tier, node and call site.",
	};
	static struct top top = { .delay_ms = 2000,
				  .view = { .by = SITE_BY_LIVE } };
	int status;

	args_parse(&argp, argc, argv, &top);
	if (!top.batch && !top_screen_open())
		return EXIT_FAILED;
	top.view.names = !top.no_symbols && is_ours(top.pid);
	catch_signals();
	status = run(&top);
	top_screen_close();
	top_view_free(&top.view);
	return status;
}
