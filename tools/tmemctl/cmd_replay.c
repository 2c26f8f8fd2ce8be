// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl replay - replay a trace through libtmem and report.
 *
 * The order matters: the trace is read and the threads are started before
 * resident memory is read for the first time, and the library is set up after
 * it.  So what grows from there on is the library's.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "pages.h"
#include "replay_report.h"
#include "say.h"
#include "setup.h"

#define REPEATS_MAX 10000
#define WINDOW_MAX 1000000000

/* struct options - the command line of tmemctl replay */
struct options {
	struct setup setup;
	struct replay_config config;
	bool json;
	bool numa;
	const char *path;
};

static const char doc[] =
	"Replay the allocations of a recorded program through libtmem, and "
	"report time, page faults and memory."
	"\vTRACE is a memtrace file, plain or compressed with zstd.  One thread "
	"replays each thread of the trace.  POLICY is local, "
	"interleave[:NODES], bind:NODES or preferred:NODES, with NODES as in "
	"0,2-3; the default is TMEM_NUMA, or local.";

static const struct argp_option option_list[] = {
	{ "touch", 't', "WHAT", 0,
	  "Write to each block: none, page (one byte in each 4 KiB, the "
	  "default), or full",
	  0 },
	{ "backend", 'b', "NAME", 0,
	  "Take memory from dev (/dev/tmem), anon (no module), auto, or, to "
	  "compare, malloc (the C library's, or what is preloaded)",
	  0 },
	{ "numa", 'n', "POLICY", 0, "Place memory on these nodes", 0 },
	{ "repeat", 'r', "N", 0, "Replay N times (default 3)", 0 },
	{ "window", 'w', "N", 0,
	  "Keep threads within N events of each other (default 512)", 0 },
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	{ "quiet", 'q', NULL, 0, "Show no progress bar", 0 },
	{ 0 },
};

static bool take_touch(struct options *options, const char *word)
{
	enum replay_touch touch;

	for (touch = REPLAY_TOUCH_NONE; touch <= REPLAY_TOUCH_FULL; touch++) {
		if (!strcmp(word, report_touch(touch))) {
			options->config.touch = touch;
			return true;
		}
	}
	return false;
}

static void take_word(int key, const char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	if (key == 't' && !take_touch(options, arg))
		args_wrong(state, "--touch: '%s' is not none, page or full",
			   arg);
	if (key == 'b' && !setup_backend(&options->setup, arg))
		args_wrong(state,
			   "--backend: '%s' is not dev, anon, auto or malloc",
			   arg);
	options->numa |= key == 'n';
	if (key == 'n' && !setup_numa(&options->setup, arg))
		args_wrong(state, "--numa: '%s' is no policy", arg);
}

static void take_path(const char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	if (options->path)
		args_wrong(state, "'%s' is one trace too many", arg);
	options->path = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
	case 'b':
	case 'n':
		take_word(key, arg, state);
		break;
	case 'r':
		options->config.repeats = (unsigned int)args_count(
			state, "--repeat", arg, 1, REPEATS_MAX);
		break;
	case 'w':
		options->config.window = (unsigned int)args_count(
			state, "--window", arg, 1, WINDOW_MAX);
		break;
	case 'j':
		options->json = true;
		break;
	case 'q':
		options->config.quiet = true;
		break;
	case ARGP_KEY_ARG:
		take_path(arg, state);
		break;
	case ARGP_KEY_END:
		if (!options->path)
			args_wrong(state, "which trace?");
		if (options->setup.peer && options->numa)
			args_wrong(state, "--numa: malloc has no policy");
		options->config.peer = options->setup.peer;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void say_failure(const struct options *options,
			const struct replay_failure *failure)
{
	const char *word = setup_last_word();

	say("%s: event %zu: the allocation of %llu bytes failed: %s%s%s%s",
	    options->path, failure->event, (unsigned long long)failure->bytes,
	    strerror(failure->error), *word ? " (" : "", word,
	    *word ? ")" : "");
}

/* Give all memory back, report, and judge. */
static int finish(const struct options *options, struct report *report)
{
	const struct tmem_stats empty = TMEM_STATS_INIT;

	tmem_trim(0);
	report->stats = empty;
	if (tmem_stats_get(&report->stats)) {
		say("the library does not give its statistics");
		return EXIT_FAILED;
	}
	if (options->json)
		report_json(report);
	else
		report_text(report);
	setup_warnings();
	if (!report->stats.misuse)
		return EXIT_OK;
	say("the library refused %llu frees: it or this tool has a bug",
	    (unsigned long long)report->stats.misuse);
	return EXIT_FAILED;
}

static int run(struct options *options, const struct trace *trace,
	       struct replay *replay, struct replay_repeat *repeats)
{
	struct report report = {
		.path = options->path,
		.trace = trace,
		.config = &options->config,
		.repeats = repeats,
		.rss_before = cost_rss(),
	};
	struct replay_failure failure;

	if (setup_library(&options->setup))
		return EXIT_FAILED;
	report.backend = options->setup.peer ? "malloc" : tmem_backend_name();
	report.policy = options->setup.peer ? "none" : options->setup.policy;
	if (replay_run(replay, repeats, &failure)) {
		say_failure(options, &failure);
		return EXIT_FAILED;
	}
	return finish(options, &report);
}

static int run_trace(struct options *options, const struct trace *trace)
{
	size_t bytes = options->config.repeats * sizeof(struct replay_repeat);
	struct replay_repeat *repeats = pages_get(bytes);
	struct replay *replay = NULL;
	int status = EXIT_FAILED;

	if (!repeats)
		say("no memory for %u repeats", options->config.repeats);
	else
		replay = replay_create(trace, &options->config);
	if (replay) {
		status = run(options, trace, replay, repeats);
		replay_destroy(replay);
	}
	pages_put(repeats, bytes);
	return status;
}

int cmd_replay(int argc, char **argv)
{
	const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "TRACE",
		.doc = doc,
	};
	struct options options = {
		.setup = SETUP_INIT,
		.config.touch = REPLAY_TOUCH_PAGE,
		.config.repeats = 3,
		.config.window = 512,
	};
	struct trace trace;
	int status;

	args_parse(&argp, argc, argv, &options);
	if (trace_load(&trace, options.path))
		return EXIT_FAILED;
	status = run_trace(&options, &trace);
	trace_unload(&trace);
	return status;
}
