// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl replay - replay a trace through libtmem and report.
 *
 * The order matters: the trace is read and the threads are started before
 * resident memory is read for the first time, and the library is set up after
 * it.  So what grows from there on is the library's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "pages.h"
#include "replay_report.h"
#include "say.h"
#include "setup.h"

#define REPEATS_MAX 10000
#define WINDOW_MAX 1000000000
#define REST_MAX 60000

/* struct options - the command line of tmemctl replay */
struct options {
	struct setup setup;
	struct replay_config config;
	bool json;
	bool placed; /* by options that malloc does not know */
	bool repeated; /* --repeat was given */
	const char *snapshot; /* file, or NULL */
	int optimizer; /* strategy, or -1: off */
	const char *path;
};

static const char doc[] =
	"Replay the allocations of a recorded program through libtmem, and "
	"report time, page faults and memory."
	"\vTRACE is a memtrace file, plain or compressed with zstd.  One thread "
	"replays each thread of the trace.  POLICY is local, "
	"interleave[:NODES], bind:NODES or preferred:NODES, with NODES as in "
	"0,2-3; the default is TMEM_NUMA, or local.  STRATEGY is adaptive, "
	"first-fit, best-fit, size-class or numa-aware; the default is "
	"TMEM_STRATEGY, or adaptive.";

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
	{ "strategy", 's', "STRATEGY", 0, "Place blocks by this strategy", 0 },
	{ "max-bytes", 'm', "SIZE", 0,
	  "Hold no more memory than this, as in 512M (0: no limit)", 0 },
	{ "repeat", 'r', "N", 0, "Replay N times (default 3)", 0 },
	{ "window", 'w', "N", 0,
	  "Keep threads within N events of each other (default 512)", 0 },
	{ "snapshot", 'S', "FILE", 0,
	  "Have the library's analytics on, replay once, and write a snapshot "
	  "to FILE before what the trace left alive is freed",
	  0 },
	{ "sites", 'c', "WHAT", 0,
	  "Tell the analytics of call sites: full (addresses and line, the "
	  "default), native (addresses alone), or none",
	  0 },
	{ "optimizer", 'o', "STRATEGY", 0,
	  "Have the library's optimizer foresee what steps need: balanced, "
	  "memory-first, speed-first, adaptive, or off; reports what it did",
	  0 },
	{ "rest", 'R', "MS", 0,
	  "With --optimizer: rest so long in each step, all along it, not timed",
	  0 },
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

static bool take_sites(struct options *options, const char *word)
{
	static const char *const words[] = {
		[REPLAY_SITES_FULL] = "full",
		[REPLAY_SITES_NATIVE] = "native",
		[REPLAY_SITES_NONE] = "none",
	};
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]))
			continue;
		options->config.sites = (enum replay_sites)i;
		return true;
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
	if (key == 'c' && !take_sites(options, arg))
		args_wrong(state, "--sites: '%s' is not full, native or none",
			   arg);
	if (key == 'S')
		options->snapshot = arg;
}

static void take_placement(int key, const char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	options->placed = true;
	if (key == 'n' && !setup_numa(&options->setup, arg))
		args_wrong(state, "--numa: '%s' is no policy", arg);
	if (key == 's' && !setup_strategy(&options->setup, arg))
		args_wrong(state, "--strategy: '%s' is no strategy", arg);
	if (key == 'm' && !setup_max_bytes(&options->setup, arg))
		args_wrong(state,
			   "--max-bytes: '%s' is no size of 2M or more, or 0",
			   arg);
}

static void take_optimizer(const char *word, struct options *options,
			   struct argp_state *state)
{
	const char *name;
	int i;

	options->config.steps = true;
	options->optimizer = -1;
	if (!strcmp(word, "off"))
		return;
	for (i = 0; (name = tmem_optimizer_strategy_name(
			     (enum tmem_optimizer_strategy)i));
	     i++)
		if (!strcmp(name, word))
			options->optimizer = i;
	if (options->optimizer < 0)
		args_wrong(state, "--optimizer: '%s' is no strategy", word);
}

static void take_path(const char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	if (options->path)
		args_wrong(state, "'%s' is one trace too many", arg);
	options->path = arg;
}

static void take_end(struct argp_state *state)
{
	struct options *options = state->input;

	if (!options->path)
		args_wrong(state, "which trace?");
	if (options->setup.peer &&
	    (options->placed || options->snapshot || options->config.steps))
		args_wrong(state, "--numa, --strategy, --max-bytes, "
				  "--snapshot, --optimizer: malloc has none "
				  "of these");
	if (options->config.rest_ms && !options->config.steps)
		args_wrong(state, "--rest goes with --optimizer");
	options->config.peer = options->setup.peer;
	/* Steps of a second replay would not follow those of the first. */
	if (options->snapshot && !options->repeated)
		options->config.repeats = 1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
	case 'b':
	case 'c':
	case 'S':
		take_word(key, arg, state);
		break;
	case 'n':
	case 's':
	case 'm':
		take_placement(key, arg, state);
		break;
	case 'o':
		take_optimizer(arg, options, state);
		break;
	case 'R':
		options->config.rest_ms = (unsigned int)args_count(
			state, "--rest", arg, 0, REST_MAX);
		break;
	case 'r':
		options->repeated = true;
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
		take_end(state);
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
	const struct tmem_optimizer_stats none = TMEM_OPTIMIZER_STATS_INIT;

	report->optimizer = none;
	tmem_optimizer_stats_get(&report->optimizer);
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

/*
 * Analytics as the environment says.  If it says nothing every block counts: a
 * replay is a hundred times as fast as the program was, too fast for samples.
 */
static int snapshot_open(struct options *options)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	int error;

	if (!options->snapshot)
		return 0;
	tmem_analytics_get(&config);
	if (config.mode == TMEM_ANALYTICS_OFF)
		config.interval_bytes = 0;
	config.mode = TMEM_ANALYTICS_ON;
	error = tmem_analytics_set(&config);
	if (error) {
		say("the analytics cannot be switched on: %s",
		    strerror(-error));
		return -1;
	}
	options->config.snapshot =
		open(options->snapshot,
		     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (options->config.snapshot >= 0)
		return 0;
	say("%s: %s", options->snapshot, strerror(errno));
	return -1;
}

static int snapshot_close(const struct options *options,
			  const struct replay_repeat *last)
{
	int error = last->snapshot_error;

	if (!options->snapshot)
		return 0;
	if (close(options->config.snapshot) && !error)
		error = errno;
	if (error)
		say("%s: %s", options->snapshot, strerror(error));
	return error ? -1 : 0;
}

static int optimizer_start(const struct options *options)
{
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;
	int error;

	if (!options->config.steps)
		return 0;
	tmem_optimizer_config_get(&config);
	config.off = options->optimizer < 0;
	if (!config.off)
		config.strategy = (uint32_t)options->optimizer;
	error = tmem_optimizer_config_set(&config);
	if (error)
		say("the optimizer cannot be set: %s", strerror(-error));
	return error ? -1 : 0;
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

	if (setup_library(&options->setup) || snapshot_open(options) ||
	    optimizer_start(options))
		return EXIT_FAILED;
	replay_snapshot(replay, options->config.snapshot);
	report.backend = options->setup.peer ? "malloc" : tmem_backend_name();
	report.policy = options->setup.peer ? "none" : options->setup.policy;
	report.strategy = options->setup.peer ? "none" :
						options->setup.strategy;
	if (replay_run(replay, repeats, &failure)) {
		say_failure(options, &failure);
		return EXIT_FAILED;
	}
	if (snapshot_close(options, &repeats[options->config.repeats - 1]))
		return EXIT_FAILED;
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
		.config.snapshot = -1,
		.optimizer = -1,
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
