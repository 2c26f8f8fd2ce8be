// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl report - everything on one page: how well a program's memory does,
 * what to do about it, and the figures behind that.
 */
#include <stdio.h>

#include "args.h"
#include "cmd.h"
#include "report.h"
#include "say.h"
#include "source.h"

enum kind { KIND_TEXT, KIND_JSON, KIND_HTML };

/* struct wishes - the command line */
struct wishes {
	struct source source;
	enum kind kind;
	const char *out;
	unsigned long top;
};

static bool write_file(const struct wishes *wishes, const struct report *report)
{
	struct json_object *json;
	struct output output;
	bool good;

	if (!output_open(&output, wishes->out))
		return false;
	json = report_to_json(report);
	if (wishes->kind == KIND_HTML)
		good = report_write_page(json, output.file);
	else
		good = report_write(json, false, output.file);
	json_object_put(json);
	return output_close(&output, good);
}

static bool write_report(const struct wishes *wishes, const struct snap *snap)
{
	struct report report = { 0 };
	struct symbols *symbols = source_symbols(&wishes->source, snap);
	bool good;

	good = symbols && report_make(&report, snap, symbols, wishes->top);
	if (good && wishes->kind == KIND_TEXT)
		report_print(&report);
	else if (good)
		good = write_file(wishes, &report);
	report_free(&report);
	symbols_close(symbols);
	return good;
}

/* --- command line --------------------------------------------------------- */

static void set_kind(struct wishes *wishes, enum kind kind,
		     const struct argp_state *state)
{
	if (wishes->kind != KIND_TEXT && wishes->kind != kind)
		args_wrong(state, "either --json or --html, not both");
	wishes->kind = kind;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'H':
		set_kind(wishes, KIND_HTML, state);
		return 0;
	case 'j':
		set_kind(wishes, KIND_JSON, state);
		return 0;
	case 'o':
		wishes->out = arg;
		return 0;
	case 't':
		wishes->top = args_count(state, "--top", arg, 1, 1000);
		return 0;
	case ARGP_KEY_END:
		if (wishes->out && wishes->kind == KIND_TEXT)
			args_wrong(state,
				   "--output goes with --html or --json");
		return source_parse(&wishes->source, key, arg, state);
	default:
		return source_parse(&wishes->source, key, arg, state);
	}
}

static const struct argp_option options[] = {
	{ "html", 'H', NULL, 0, "Write a page with pictures, for a browser",
	  0 },
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	{ "output", 'o', "FILE", 0, "Write there, whole or not at all", 0 },
	SOURCE_PID,
	SOURCE_NONE,
	SOURCE_ALL,
	{ "top", 't', "N", 0, "Show so many sites (default 10)", 0 },
	{ 0 },
};

int cmd_report(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.doc = "Report on the memory of a program, from a snapshot or "
		       "while it runs: its health, what to do, and the figures "
		       "behind that.",
	};
	struct wishes wishes = { .top = 10 };
	struct snap *snap;
	bool good;

	args_parse(&argp, argc, argv, &wishes);
	snap = source_load(&wishes.source);
	if (!snap)
		return EXIT_FAILED;
	good = write_report(&wishes, snap);
	snap_free(snap);
	return good ? EXIT_OK : EXIT_FAILED;
}
