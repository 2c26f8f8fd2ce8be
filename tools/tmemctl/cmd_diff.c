// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl diff - what has changed between two snapshots, of one program or of
 * two runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "compare.h"
#include "json.h"
#include "say.h"
#include "site.h"
#include "source.h"
#include "table.h"
#include "units.h"

/* struct wishes - the command line */
struct wishes {
	struct source source[2];
	unsigned long top;
	bool json;
};

/*
 * struct diff - what is reported
 * @snap, @symbols: before and after
 * @changed:        rows that are not as they were; the first ones
 */
struct diff {
	const struct wishes *wishes;
	struct snap *snap[2];
	struct symbols *symbols[2];
	struct comparison comparison;
	size_t changed;
};

static struct symbol_text title(const struct diff *diff,
				const struct change_row *row)
{
	return row->after ? site_title(diff->symbols[1], row->after) :
			    site_title(diff->symbols[0], row->before);
}

static const char *tag(const struct change_row *row)
{
	return row->after ? row->after->tag_name : row->before->tag_name;
}

/* --- text ----------------------------------------------------------------- */

static struct unit_text signed_bytes(int64_t bytes)
{
	struct unit_text t =
		units_bytes(bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes);

	memmove(t.text + 1, t.text, sizeof(t.text) - 2);
	t.text[0] = bytes < 0 ? '-' : '+';
	return t;
}

static struct unit_text signed_count(uint64_t before, uint64_t after)
{
	struct unit_text t =
		units_count(before < after ? after - before : before - after);

	memmove(t.text + 1, t.text, sizeof(t.text) - 2);
	t.text[0] = after < before ? '-' : '+';
	return t;
}

static void put_row(struct table *table, const struct diff *diff,
		    const struct change_row *row)
{
	table_row(table);
	table_put(table, "%s", change_names[compare_change(row)]);
	table_put(table, "%s", signed_bytes(compare_delta(row)).text);
	table_put(table, "%s", units_bytes(row->a.live_bytes).text);
	table_put(table, "%s", units_bytes(row->b.live_bytes).text);
	table_put(table, "%s",
		  signed_count(row->a.live_blocks, row->b.live_blocks).text);
	table_put(table, "%s", signed_count(row->a.allocs, row->b.allocs).text);
	table_put(table, "%s", *tag(row) ? site_fit(tag(row), 20).text : "-");
	table_put(table, "%s",
		  site_fit(title(diff, row).text, TABLE_CELL - 1).text);
}

static void print_head(const struct diff *diff)
{
	const struct snap *a = diff->snap[0], *b = diff->snap[1];
	int64_t live =
		(int64_t)b->counts.live_bytes - (int64_t)a->counts.live_bytes;

	if (a->pid != b->pid || strcmp(a->exe, b->exe))
		puts("these are two runs, or two programs");
	else if (b->time_ns >= a->time_ns)
		printf("%s later\n",
		       units_ns((double)(b->time_ns - a->time_ns)).text);
	else
		puts("the second one is the older one");
	printf("live %s, from %s to %s; steps %s to %s\n",
	       signed_bytes(live).text, units_bytes(a->counts.live_bytes).text,
	       units_bytes(b->counts.live_bytes).text,
	       units_count(a->steps).text, units_count(b->steps).text);
}

static void print_text(const struct diff *diff)
{
	size_t i, n = diff->changed;
	struct table table;

	n = n < diff->wishes->top ? n : diff->wishes->top;
	print_head(diff);
	printf("%zu of %s sites, of which %s changed\n", n,
	       units_count(diff->comparison.n).text,
	       units_count(diff->changed).text);
	if (n) {
		table_begin(&table, "<change live before after blocks "
				    "allocated <tag <at");
		for (i = 0; i < n; i++)
			put_row(&table, diff, &diff->comparison.rows[i]);
		table_print(&table);
	}
	site_print_how(diff->snap[1]);
	symbols_note(diff->symbols[1]);
}

/* --- JSON ----------------------------------------------------------------- */

static struct json_object *row_json(const struct diff *diff,
				    const struct change_row *row)
{
	struct json_object *object, *part;

	object = row->after ? site_json(diff->symbols[1], row->after) :
			      site_json(diff->symbols[0], row->before);
	json_put_text(object, "change", change_names[compare_change(row)]);
	json_put_i64(object, "delta_bytes", compare_delta(row));
	part = json_object_make();
	site_json_counts(part, &row->a);
	json_put_child(object, "before", part);
	part = json_object_make();
	site_json_counts(part, &row->b);
	json_put_child(object, "after", part);
	return object;
}

static void print_json(const struct diff *diff)
{
	struct json_object *root = json_object_make();
	struct json_object *array = json_array_make();
	size_t i;

	json_put_child(root, "before", site_json_head(diff->snap[0]));
	json_put_child(root, "after", site_json_head(diff->snap[1]));
	json_put_i64(root, "delta_bytes",
		     (int64_t)diff->snap[1]->counts.live_bytes -
			     (int64_t)diff->snap[0]->counts.live_bytes);
	json_put_u64(root, "changed", diff->changed);
	for (i = 0; i < diff->changed && i < diff->wishes->top; i++)
		json_append(array, row_json(diff, &diff->comparison.rows[i]));
	json_put_child(root, "sites", array);
	json_put_child(root, "no_symbols", symbols_list(diff->symbols[1]));
	json_print(root);
}

/* --- command line --------------------------------------------------------- */

static bool open_both(struct diff *diff)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		diff->snap[i] = source_load(&diff->wishes->source[i]);
		if (!diff->snap[i])
			return false;
		diff->symbols[i] =
			source_symbols(&diff->wishes->source[i], diff->snap[i]);
		if (!diff->symbols[i])
			return false;
	}
	return compare_snaps(&diff->comparison, diff->snap[0], diff->snap[1]);
}

static bool report(const struct wishes *wishes)
{
	struct diff diff = { .wishes = wishes };
	bool good = open_both(&diff);
	unsigned int i;

	/* They are in the order of their change. */
	while (good && diff.changed < diff.comparison.n &&
	       compare_delta(&diff.comparison.rows[diff.changed]))
		diff.changed++;
	if (good && wishes->json)
		print_json(&diff);
	else if (good)
		print_text(&diff);
	compare_free(&diff.comparison);
	for (i = 0; i < 2; i++) {
		symbols_close(diff.symbols[i]);
		snap_free(diff.snap[i]);
	}
	return good;
}

static void take_file(struct wishes *wishes, struct argp_state *state,
		      char *arg)
{
	if (wishes->source[1].file)
		args_wrong(state, "'%s' is one word too many", arg);
	wishes->source[wishes->source[0].file ? 1 : 0].file = arg;
}

static void check(const struct wishes *wishes, struct argp_state *state)
{
	if (!wishes->source[1].file)
		args_wrong(state, "which two snapshots?");
	if (!strcmp(wishes->source[0].file, "-") &&
	    !strcmp(wishes->source[1].file, "-"))
		args_wrong(state, "standard input is only one");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'j':
		wishes->json = true;
		return 0;
	case 'n':
	case 'S':
		source_parse(&wishes->source[0], key, arg, state);
		return source_parse(&wishes->source[1], key, arg, state);
	case 't':
		wishes->top = args_count(state, "--top", arg, 1, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		take_file(wishes, state, arg);
		return 0;
	case ARGP_KEY_END:
		check(wishes, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	SOURCE_NONE,
	SOURCE_ALL,
	{ "top", 't', "N", 0, "Show so many sites (default 10)", 0 },
	{ 0 },
};

int cmd_diff(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "BEFORE AFTER",
		.doc = "Compare two snapshots: which call sites hold more, "
		       "which less, which are new.",
	};
	struct wishes wishes = { .top = 10 };

	args_parse(&argp, argc, argv, &wishes);
	return report(&wishes) ? EXIT_OK : EXIT_FAILED;
}
