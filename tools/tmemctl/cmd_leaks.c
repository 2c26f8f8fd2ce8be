// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl leaks - which call sites leak, since when and how fast.
 *
 * The program's own detector says which: their live bytes grow from step to
 * step, and do not come back.
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
#include "units.h"

/* struct wishes - the command line */
struct wishes {
	struct source source;
	bool json;
};

/*
 * struct leaks - what is reported
 * @rank: all sites, the one with the most live bytes first
 * @n:    how many of them leak
 */
struct leaks {
	const struct snap *snap;
	struct symbols *symbols;
	struct site_groups groups;
	const struct snap_site **rank;
	size_t n;
};

#define SAME_MAX 8 /* sites with the same frames that are listed */

/* --- text ----------------------------------------------------------------- */

static void print_stack(struct symbols *symbols, const struct snap_site *site)
{
	const struct symbol *symbol;
	unsigned int i;

	for (i = 0; i < site->depth; i++) {
		symbol = symbols_find(symbols, site->frames[i]);
		printf("  %-9s %s\n", i ? "" : "stack",
		       symbol_place(symbol).text);
	}
}

static void print_same(const struct leaks *leaks, const struct snap_site *site)
{
	const struct snap_site **same;
	size_t i, n, listed = 0;

	same = site_groups_find(&leaks->groups, site, &n);
	if (n < 2)
		return;
	printf("  %-9s %zu more with these frames, told apart by tag and "
	       "label:\n",
	       "merged", n - 1);
	for (i = 0; i < n && listed < SAME_MAX; i++) {
		if (same[i] == site)
			continue;
		printf("  %-9s   site %llu, %s live%s%s: %s\n", "",
		       (unsigned long long)same[i]->id,
		       units_bytes(same[i]->n.live_bytes).text,
		       *same[i]->tag_name ? ", tag " : "",
		       site_fit(same[i]->tag_name, 40).text,
		       site_title(leaks->symbols, same[i]).text);
		listed++;
	}
	if (n - 1 > listed)
		printf("  %-9s   and %zu others\n", "", n - 1 - listed);
}

/* What this site may be more than one of. */
static void print_merged(const struct leaks *leaks,
			 const struct snap_site *site)
{
	print_same(leaks, site);
	if (site->depth && !*site->label && !site->tag)
		printf("  %-9s no tag and no label: all that has this stack is "
		       "one site\n",
		       "merged");
	if (site_is_cut(leaks->snap, site))
		printf("  %-9s %u frames were kept: what differs further out "
		       "is one site\n",
		       "merged", site->depth);
}

static void print_leak(const struct leaks *leaks, const struct snap_site *site)
{
	const struct snap_leak *leak = &site->leak;
	double rate = leak->bytes_per_step > 0 ? leak->bytes_per_step : 0;

	printf("\nsite %llu: %s\n", (unsigned long long)site->id,
	       site_title(leaks->symbols, site).text);
	if (*site->tag_name)
		printf("  %-9s %s\n", "tag",
		       site_fit(site->tag_name, 200).text);
	printf("  %-9s %s per step since step %s; named at step %s (score "
	       "%.2f)\n",
	       "growth", units_bytes((uint64_t)rate).text,
	       units_count(leak->since_step).text,
	       units_count(leak->named_at_step).text, leak->score);
	printf("  %-9s %s in %s blocks", "live",
	       units_bytes(site->n.live_bytes).text,
	       units_count(site->n.live_blocks).text);
	if (site->error)
		printf(", standard error %s", units_bytes(site->error).text);
	printf("; %s of %s were freed\n", units_count(site->n.frees).text,
	       units_count(site->n.allocs).text);
	print_stack(leaks->symbols, site);
	print_merged(leaks, site);
}

static void print_text(const struct leaks *leaks)
{
	size_t i;

	if (leaks->n)
		printf("%s of %s sites %s, over %s steps\n",
		       units_count(leaks->n).text,
		       units_count(leaks->snap->n_sites).text,
		       leaks->n == 1 ? "leaks" : "leak",
		       units_count(leaks->snap->steps).text);
	else if (leaks->snap->steps)
		printf("no leaks among %s sites, over %s steps\n",
		       units_count(leaks->snap->n_sites).text,
		       units_count(leaks->snap->steps).text);
	else
		puts("nothing can be said: the program marked no steps "
		     "(tmem_step_mark)");
	for (i = 0; i < leaks->n; i++)
		print_leak(leaks, leaks->rank[i]);
	if (leaks->n)
		putchar('\n');
	site_print_how(leaks->snap);
	symbols_note(leaks->symbols);
}

/* --- JSON ----------------------------------------------------------------- */

static struct json_object *leak_json(const struct leaks *leaks,
				     const struct snap_site *site)
{
	struct json_object *object = site_json(leaks->symbols, site);
	struct json_object *array = json_array_make();
	const struct snap_site **same;
	size_t i, n;

	json_put_number(object, "bytes_per_step", site->leak.bytes_per_step);
	json_put_u64(object, "since_step", site->leak.since_step);
	json_put_u64(object, "named_at_step", site->leak.named_at_step);
	json_put_number(object, "score", site->leak.score);
	same = site_groups_find(&leaks->groups, site, &n);
	for (i = 0; i < n; i++)
		if (same[i] != site)
			json_append_u64(array, same[i]->id);
	json_put_child(object, "same_frames", array);
	json_put_bool(object, "cut", site_is_cut(leaks->snap, site));
	return object;
}

static void print_json(const struct leaks *leaks)
{
	struct json_object *root = site_json_head(leaks->snap);
	struct json_object *array = json_array_make();
	size_t i;

	for (i = 0; i < leaks->n; i++)
		json_append(array, leak_json(leaks, leaks->rank[i]));
	json_put_child(root, "leaks", array);
	json_put_child(root, "no_symbols", symbols_list(leaks->symbols));
	json_print(root);
}

/* --- command line --------------------------------------------------------- */

static bool report(const struct wishes *wishes, const struct snap *snap)
{
	struct leaks leaks = { .snap = snap };
	bool good = false;
	size_t i;

	leaks.symbols = source_symbols(&wishes->source, snap);
	leaks.rank = site_rank(snap, SITE_BY_LIVE);
	if (leaks.symbols && leaks.rank)
		good = site_groups_make(&leaks.groups, snap);
	for (i = 0; good && i < snap->n_sites; i++)
		if (leaks.rank[i]->leak.leaking)
			leaks.rank[leaks.n++] = leaks.rank[i];
	if (good && wishes->json)
		print_json(&leaks);
	else if (good)
		print_text(&leaks);
	symbols_close(leaks.symbols);
	site_groups_free(&leaks.groups);
	free(leaks.rank);
	return good;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'j':
		wishes->json = true;
		return 0;
	default:
		return source_parse(&wishes->source, key, arg, state);
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	SOURCE_PID,
	SOURCE_NONE,
	SOURCE_ALL,
	{ 0 },
};

int cmd_leaks(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.doc = "Name the call sites that leak, of a snapshot or of a "
		       "running program.",
	};
	struct wishes wishes = { 0 };
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
