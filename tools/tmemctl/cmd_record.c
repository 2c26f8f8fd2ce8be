// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl record - run a program, and keep a snapshot of its memory.
 *
 * The library writes the last one itself, when the program ends by exit(); one
 * that is killed leaves the last that it was asked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "record.h"
#include "say.h"
#include "units.h"

#define EVERY_MAX 86400
#define NOT_FOUND 127
#define NOT_STARTED 126

/* struct plan - what the command line says; @interval: NULL: the library's */
struct plan {
	const char *file;
	const char *interval;
	unsigned long every;
	char **program;
};

/* --- the program ---------------------------------------------------------- */

/* What the environment says of analytics counts, if it is on there. */
static void set_environment(const struct plan *plan, const char *last)
{
	const char *now = getenv("TMEM_ANALYTICS");
	uint64_t interval = 1;

	if (plan->interval)
		units_parse(plan->interval, &interval);
	if (!now || !*now || !strcmp(now, "off") || plan->interval)
		setenv("TMEM_ANALYTICS", interval ? "on" : "all", 1);
	setenv("TMEM_CONTROL", "on", 1);
	setenv("TMEM_SNAPSHOT", last, 1);
}

/* Comes back with errno if it cannot be started. */
static void run_program(const struct plan *plan, const char *last,
			const sigset_t *mask)
{
	set_environment(plan, last);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(plan->program[0], plan->program);
}

/* Its process; or -1, with errno of fork() or execvp(). */
static pid_t start(const struct plan *plan, const char *last,
		   const sigset_t *mask)
{
	int ends[2], error = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		run_program(plan, last, mask);
		error = errno;
		_exit(write(ends[1], &error, sizeof(error)) < 0);
	}
	error = pid < 0 ? errno : 0;
	close(ends[1]);
	if (pid > 0 && read(ends[0], &error, sizeof(error)) > 0)
		waitpid(pid, NULL, 0);
	close(ends[0]);
	errno = error;
	return error ? -1 : pid;
}

/* --- until it ends ---------------------------------------------------------- */

/* What a terminal sends goes to the program too; the rest is passed on. */
static void watch_signals(sigset_t *waited, sigset_t *before)
{
	sigemptyset(waited);
	sigaddset(waited, SIGCHLD);
	sigaddset(waited, SIGTERM);
	sigaddset(waited, SIGHUP);
	sigprocmask(SIG_BLOCK, waited, before);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

static struct timespec until(uint64_t moment)
{
	uint64_t now = clock_ns(), left = moment > now ? moment - now : 0;

	return (struct timespec){ .tv_sec = (time_t)(left / 1000000000),
				  .tv_nsec = (long)(left % 1000000000) };
}

/* Until it has ended; its wait status. */
static int attend(const struct plan *plan, struct record *record,
		  const sigset_t *waited)
{
	const uint64_t period = plan->every * 1000000000ull;
	uint64_t next = clock_ns() + period;
	struct timespec left;
	int got, status;

	while (waitpid(record->pid, &status, WNOHANG) != record->pid) {
		left = until(next);
		got = sigtimedwait(waited, NULL, plan->every ? &left : NULL);
		if (got == SIGTERM || got == SIGHUP)
			kill(record->pid, got);
		else if (got < 0 && errno == EAGAIN)
			record_ask(record);
		if (got < 0 && errno != EINTR)
			next = clock_ns() + period;
	}
	return status;
}

/* --- begin and end ------------------------------------------------------------ */

static int not_started(const struct plan *plan, int error)
{
	say("cannot start '%s': %s", plan->program[0], strerror(error));
	return error == ENOENT ? NOT_FOUND : NOT_STARTED;
}

static int record(const struct plan *plan)
{
	struct record record = { .file = plan->file };
	sigset_t waited, before;
	int status;
	bool kept;

	if (!record_open(&record))
		return EXIT_FAILED;
	watch_signals(&waited, &before);
	record.pid = start(plan, record.last, &before);
	if (record.pid < 0) {
		status = not_started(plan, errno);
		record_drop(&record);
		return status;
	}
	if (plan->interval)
		record_interval(&record, plan->interval);
	status = attend(plan, &record, &waited);
	kept = record_close(&record);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	status = WEXITSTATUS(status);
	return status || kept ? status : EXIT_FAILED;
}

/* --- command line --------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct plan *plan = state->input;
	uint64_t bytes;

	switch (key) {
	case 'o':
		plan->file = arg;
		return 0;
	case 'i':
		if (!units_parse(arg, &bytes))
			args_wrong(state, "--interval: '%s' is no size", arg);
		plan->interval = arg;
		return 0;
	case 'e':
		plan->every = args_count(state, "--every", arg, 0, EVERY_MAX);
		return 0;
	case ARGP_KEY_ARGS:
		plan->program = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!plan->program)
			args_wrong(state, "which program? as in 'tmemctl "
					  "record -- PROGRAM ARG...'");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "every", 'e', "S", 0,
	  "Ask for a snapshot every so many seconds, 10 by default; 0: only the "
	  "last one is kept",
	  0 },
	{ "interval", 'i', "SIZE", 0,
	  "Sample a block for so many bytes; 0: every block", 0 },
	{ "output", 'o', "FILE", 0,
	  "Where the snapshot goes, tmem.json by default", 0 },
	{ 0 },
};

int cmd_record(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[--] PROGRAM [ARG...]",
		.doc = "Run a program with analytics on, and keep a snapshot "
		       "of its memory.  Its exit status is passed on.",
	};
	struct plan plan = { .file = "tmem.json", .every = 10 };

	args_parse_program(&argp, argc, argv, &plan);
	return record(&plan);
}
