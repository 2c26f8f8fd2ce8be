// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl snapshot - take a snapshot of a running program, or read one, and
 * write it down for this or other programs.
 */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "export.h"
#include "output.h"
#include "say.h"
#include "source.h"

struct format {
	const char *name;
	bool (*write)(const struct export_job *x);
	bool symbols; /* it has names of functions */
};

static const struct format formats[] = {
	{ "json", export_json, false },
	{ "collapsed", export_collapsed, true },
	{ "pprof", export_pprof, true },
	{ "memviz", export_memviz, true },
	{ "chrome", export_chrome, true },
	{ "openmetrics", export_openmetrics, true },
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

/* struct wishes - the command line */
struct wishes {
	struct source source;
	const struct format *format;
	const char *out;
	enum site_by by;
	bool by_given;
};

static bool write_it(const struct wishes *wishes, const struct snap *snap)
{
	struct export_job x = { .snap = snap, .by = wishes->by };
	struct output output;
	bool good;

	x.names = wishes->format->symbols && !wishes->source.no_symbols;
	x.symbols = x.names ? source_symbols(&wishes->source, snap) :
			      symbols_open(snap, false);
	if (!x.symbols)
		return false;
	good = output_open(&output, wishes->out);
	if (good) {
		x.out = output.file;
		good = wishes->format->write(&x);
		good = output_close(&output, good);
	}
	if (good)
		symbols_trouble(x.symbols);
	symbols_close(x.symbols);
	return good;
}

/* --- command line --------------------------------------------------------- */

static const struct format *parse_format(const struct argp_state *state,
					 const char *word)
{
	size_t i;

	for (i = 0; i < N_FORMATS; i++)
		if (!strcmp(formats[i].name, word))
			return &formats[i];
	args_wrong(state,
		   "--format: '%s' is not json, collapsed, pprof, "
		   "memviz, chrome or openmetrics",
		   word);
}

static void check(const struct wishes *wishes, struct argp_state *state)
{
	if (wishes->by_given && wishes->format->write != export_collapsed)
		args_wrong(state, "--by goes with --format=collapsed");
	if (wishes->source.records && wishes->source.file)
		args_wrong(state, "--records goes with --pid");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'b':
		if (!site_by_parse(arg, &wishes->by))
			args_wrong(state,
				   "--by: '%s' is not bytes, count, "
				   "live or churn",
				   arg);
		wishes->by_given = true;
		return 0;
	case 'f':
		wishes->format = parse_format(state, arg);
		return 0;
	case 'o':
		wishes->out = arg;
		return 0;
	case 'r':
		wishes->source.records = true;
		return 0;
	case ARGP_KEY_END:
		check(wishes, state);
		return source_parse(&wishes->source, key, arg, state);
	default:
		return source_parse(&wishes->source, key, arg, state);
	}
}

static const struct argp_option options[] = {
	{ "by", 'b', "WHAT", 0,
	  "What a collapsed stack counts for: live (the default), bytes, count "
	  "or churn",
	  0 },
	{ "format", 'f', "FORMAT", 0,
	  "json (the default), collapsed, pprof, memviz, chrome or openmetrics",
	  0 },
	{ "output", 'o', "FILE", 0, "Write there, whole or not at all", 0 },
	SOURCE_PID,
	{ "records", 'r', NULL, 0, "Ask for each live block, too", 0 },
	SOURCE_NONE,
	SOURCE_ALL,
	{ 0 },
};

int cmd_snapshot(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.doc = "Take a snapshot of a running program, or read one, and "
		       "write it in a format of this or another tool.",
	};
	struct wishes wishes = { .format = &formats[0], .by = SITE_BY_LIVE };
	struct snap *snap;
	bool good;

	args_parse(&argp, argc, argv, &wishes);
	snap = source_load(&wishes.source);
	if (!snap)
		return EXIT_FAILED;
	good = write_it(&wishes, snap);
	snap_free(snap);
	return good ? EXIT_OK : EXIT_FAILED;
}
