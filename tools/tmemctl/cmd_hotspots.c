// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl hotspots - the call sites with the most, of whatever one wants less
 * of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "json.h"
#include "say.h"
#include "site.h"
#include "source.h"
#include "table.h"
#include "units.h"

/* struct wishes - the command line */
struct wishes {
	struct source source;
	enum site_by by;
	unsigned long top;
	bool json;
};

/* struct hotspots - @n sites are shown; @all is the sum of what orders them */
struct hotspots {
	const struct snap *snap;
	struct symbols *symbols;
	const struct snap_site **rank;
	size_t n;
	uint64_t all;
	enum site_by by;
};

static double share(const struct hotspots *hot, const struct snap_site *site)
{
	return hot->all ? (double)site_value(&site->n, hot->by) /
				  (double)hot->all :
			  0;
}

/* The middle of the bucket that the median lies in; below 0: none was freed. */
static double median_ns(const struct snap_site *site)
{
	double all = 0, below = 0;
	unsigned int i;

	for (i = 0; i < site->n_lifetimes; i++)
		all += (double)site->lifetimes[i];
	for (i = 0; all > 0 && i < site->n_lifetimes; i++) {
		below += (double)site->lifetimes[i];
		if (below >= all / 2)
			return 1414.2 * (double)(1ULL << i);
	}
	return -1;
}

/* --- text ----------------------------------------------------------------- */

static void put_site(struct table *table, const struct hotspots *hot,
		     const struct snap_site *site)
{
	double median = median_ns(site);

	table_row(table);
	table_put(table, "%llu", (unsigned long long)site->id);
	table_put(table, "%s", units_percent(share(hot, site)).text);
	table_put(table, "%s", units_bytes(site->n.alloc_bytes).text);
	table_put(table, "%s", units_count(site->n.allocs).text);
	table_put(table, "%s", units_bytes(site->n.live_bytes).text);
	table_put(table, "%s",
		  units_bytes(site_value(&site->n, SITE_BY_CHURN)).text);
	table_put(table, "%s%s", median < 0 ? "" : "~",
		  median < 0 ? "-" : units_ns(median).text);
	table_put(table, "%s", site->pattern);
	table_put(table, "%s",
		  *site->tag_name ? site_fit(site->tag_name, 20).text : "-");
	table_put(table, "%s",
		  site_fit(site_title(hot->symbols, site).text, TABLE_CELL - 1)
			  .text);
}

static void print_text(const struct hotspots *hot)
{
	struct table table;
	size_t i;

	printf("%zu of %s sites, by %s\n", hot->n,
	       units_count(hot->snap->n_sites).text, site_by_names[hot->by]);
	if (hot->n) {
		table_begin(&table, "site share allocated blocks live churn "
				    "life <pattern <tag <at");
		for (i = 0; i < hot->n; i++)
			put_site(&table, hot, hot->rank[i]);
		table_print(&table);
	}
	site_print_how(hot->snap);
	symbols_note(hot->symbols);
}

/* --- JSON ----------------------------------------------------------------- */

static void print_json(const struct hotspots *hot)
{
	struct json_object *root = site_json_head(hot->snap);
	struct json_object *array = json_array_make(), *item;
	size_t i;

	for (i = 0; i < hot->n; i++) {
		item = site_json(hot->symbols, hot->rank[i]);
		json_put_u64(item, "churn_bytes",
			     site_value(&hot->rank[i]->n, SITE_BY_CHURN));
		json_put_number(item, "share", share(hot, hot->rank[i]));
		json_append(array, item);
	}
	json_put_text(root, "by", site_by_names[hot->by]);
	json_put_child(root, "hotspots", array);
	json_put_child(root, "no_symbols", symbols_list(hot->symbols));
	json_print(root);
}

/* --- command line --------------------------------------------------------- */

/* Sites that have none of it are left out. */
static void choose(struct hotspots *hot, unsigned long top)
{
	size_t i;

	for (i = 0; i < hot->snap->n_sites; i++)
		hot->all += site_value(&hot->snap->sites[i].n, hot->by);
	while (hot->n < top && hot->n < hot->snap->n_sites &&
	       site_value(&hot->rank[hot->n]->n, hot->by))
		hot->n++;
}

static bool report(const struct wishes *wishes, const struct snap *snap)
{
	struct hotspots hot = { .snap = snap, .by = wishes->by };
	bool good;

	hot.symbols = source_symbols(&wishes->source, snap);
	hot.rank = site_rank(snap, wishes->by);
	good = hot.symbols && hot.rank;
	if (good) {
		choose(&hot, wishes->top);
		if (wishes->json)
			print_json(&hot);
		else
			print_text(&hot);
	}
	symbols_close(hot.symbols);
	free(hot.rank);
	return good;
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
		return 0;
	case 'j':
		wishes->json = true;
		return 0;
	case 't':
		wishes->top = args_count(state, "--top", arg, 1, 1000000);
		return 0;
	default:
		return source_parse(&wishes->source, key, arg, state);
	}
}

static const struct argp_option options[] = {
	{ "by", 'b', "WHAT", 0,
	  "Order by bytes allocated (the default), count of blocks, live bytes "
	  "or churn",
	  0 },
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	SOURCE_PID,
	SOURCE_NONE,
	SOURCE_ALL,
	{ "top", 't', "N", 0, "Show so many sites (default 10)", 0 },
	{ 0 },
};

int cmd_hotspots(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.doc = "Show the call sites that allocate or hold the most, of "
		       "a snapshot or of a running program.",
	};
	struct wishes wishes = { .top = 10 };
	struct snap *snap;
	bool good;

	args_parse(&argp, argc, argv, &wishes);
	snap = source_load(&wishes.source);
	if (!snap)
		return EXIT_FAILED;
	good = report(&wishes, snap);
	snap_free(snap);
	return good ? EXIT_OK : EXIT_FAILED;
}
