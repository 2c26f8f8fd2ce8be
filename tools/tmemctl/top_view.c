// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_view - one process: pressure, fragmentation, tiers, nodes and sites.
 *
 * Rates are what changed since the snapshot before, by the clock of the
 * process that made both; the first time there are none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tmem.h>

#include "top_view.h"
#include "units.h"
#include "when.h"

#define SITES_BATCH 10
#define NODES_SHOWN 8

/* --- rates ------------------------------------------------------------------ */

struct rate {
	char text[40];
};

/* Seconds since the snapshot before, or 0. */
static double elapsed(const struct top_view *view, const struct snap *now)
{
	const struct snap *before = view->before;

	if (!before || before->pid != now->pid ||
	    before->time_ns >= now->time_ns)
		return 0;
	return (double)(now->time_ns - before->time_ns) / 1e9;
}

static struct rate rate_count(uint64_t now, uint64_t before, double seconds)
{
	struct rate rate = { "-" };

	if (seconds > 0)
		snprintf(rate.text, sizeof(rate.text), "%s/s",
			 units_count(now > before ?
					     (uint64_t)((double)(now - before) /
							seconds) :
					     0)
				 .text);
	return rate;
}

static struct rate rate_bytes(uint64_t now, uint64_t before, double seconds)
{
	struct rate rate = { "-" };
	uint64_t change = now > before ? now - before : before - now;

	if (seconds > 0)
		snprintf(
			rate.text, sizeof(rate.text), "%s%s/s",
			now > before ? "+" :
			change	     ? "-" :
				       "",
			units_bytes((uint64_t)((double)change / seconds)).text);
	return rate;
}

/* --- parts ------------------------------------------------------------------ */

static uint64_t heap_count(const struct snap *snap, const char *name)
{
	return json_object_get_uint64(json_object_object_get(snap->heap, name));
}

static void show_head(const struct snap *now, struct top_text *text)
{
	const char *exe = strrchr(now->exe, '/');
	struct when_text at = when_clock(now->time_ns);

	top_text_add(text, TOP_HEADING, "%-60.60s%20.8s", "tmemctl top",
		     at.text);
	top_text_add(text, TOP_PLAIN, "process %llu  %.40s  libtmem %.12s",
		     (unsigned long long)now->pid, exe ? exe + 1 : now->exe,
		     now->library);
}

static void show_level(const struct snap *now, struct top_text *text)
{
	const struct snap_moment *last =
		now->n_moments ? &now->moments[now->n_moments - 1] : NULL;
	const char *name =
		last ? tmem_level_name((enum tmem_level)last->level) : NULL;

	top_text_add(text,
		     last && last->level >= TMEM_LEVEL_HIGH ? TOP_WARNING :
							      TOP_PLAIN,
		     "pressure %-9s analytics %s%s%s, %llu dropped",
		     name ? name : "unknown", now->mode,
		     now->interval_bytes ? ", a sample each " : "",
		     now->interval_bytes ?
			     units_bytes(now->interval_bytes).text :
			     "",
		     (unsigned long long)now->dropped);
}

static double number(struct json_object *object, const char *name)
{
	return json_object_get_double(json_object_object_get(object, name));
}

/* Libraries before the manager's health say nothing of it. */
static void show_health(const struct snap *now, struct top_text *text)
{
	struct json_object *health, *advice, *first;
	const char *band, *what;

	if (!json_object_object_get_ex(now->root, "health", &health) ||
	    !json_object_is_type(health, json_type_object))
		return;
	band = json_object_get_string(json_object_object_get(health, "band"));
	advice = json_object_object_get(now->root, "advice");
	first = json_object_is_type(advice, json_type_array) ?
			json_object_array_get_idx(advice, 0) :
			NULL;
	what = json_object_get_string(json_object_object_get(first, "command"));
	top_text_add(text,
		     band && (!strcmp(band, "critical") ||
			      !strcmp(band, "warning")) ?
			     TOP_WARNING :
			     TOP_PLAIN,
		     "health %.2f %-9.9s %s%.50s", number(health, "score"),
		     band ? band : "", what ? "try " : "", what ? what : "");
}

static void show_totals(const struct top_view *view, const struct snap *now,
			struct top_text *text)
{
	const struct snap_counts *n = &now->counts,
				 *b = view->before ? &view->before->counts : n;
	double seconds = elapsed(view, now);

	top_text_add(text, TOP_PLAIN,
		     "live %-11s peak %-11s held %-11s blocks %s",
		     units_bytes(n->live_bytes).text,
		     units_bytes(n->peak_live_bytes).text,
		     units_bytes(heap_count(now, "held_bytes")).text,
		     units_count(n->live_blocks).text);
	top_text_add(text, TOP_PLAIN, "allocs %-14s frees %-14s bytes %s",
		     rate_count(n->allocs, b->allocs, seconds).text,
		     rate_count(n->frees, b->frees, seconds).text,
		     rate_bytes(n->alloc_bytes, b->alloc_bytes, seconds).text);
	top_text_add(text, TOP_PLAIN, "steps %s  last %.40s",
		     units_count(now->steps).text,
		     now->steps && *now->last_step ? now->last_step : "-");
}

static void show_nodes(const struct snap *now, struct top_text *text)
{
	struct json_object *parts =
		json_object_object_get(now->heap, "fragmentation");
	struct json_object *nodes = json_object_object_get(parts, "nodes");
	size_t i, n = 0;

	top_text_add(text, TOP_PLAIN, "waste internal %s  external %s",
		     units_percent(number(parts, "internal")).text,
		     units_percent(number(parts, "external")).text);
	if (json_object_is_type(nodes, json_type_array))
		n = json_object_array_length(nodes);
	top_text_add(text, TOP_PLAIN, "%s", "");
	top_text_add(text, TOP_HEADING, "%-6s%12s%12s%12s", "NODE", "BUSY",
		     "IDLE", "EXTERNAL");
	for (i = 0; i < n && i < NODES_SHOWN; i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		top_text_add(text, TOP_PLAIN, "%-6d%12s%12s%12s",
			     json_object_get_int(
				     json_object_object_get(node, "node")),
			     units_bytes((uint64_t)number(node, "spans_busy") *
					 TMEM_SPAN_BYTES)
				     .text,
			     units_bytes((uint64_t)number(node, "spans_idle") *
					 TMEM_SPAN_BYTES)
				     .text,
			     units_percent(number(node, "external")).text);
	}
}

/* Tiers that were never used are left out. */
static void show_tiers(const struct top_view *view, const struct snap *now,
		       struct top_text *text)
{
	const struct snap *before = view->before ? view->before : now;
	double seconds = elapsed(view, now);
	unsigned int i;

	top_text_add(text, TOP_PLAIN, "%s", "");
	top_text_add(text, TOP_HEADING, "%-9s%12s%14s%16s%16s", "TIER", "LIVE",
		     "BLOCKS", "CHANGE", "ALLOCS");
	for (i = 0; i < SNAP_TIERS; i++) {
		const struct snap_tier *tier = &now->tiers[i],
				       *old = &before->tiers[i];

		if (!tier->allocs && !tier->live_blocks)
			continue;
		top_text_add(
			text, TOP_PLAIN, "%-9.9s%12s%14s%16s%16s",
			tier->name ? tier->name : "",
			units_bytes(tier->live_bytes).text,
			units_count(tier->live_blocks).text,
			rate_bytes(tier->live_bytes, old->live_bytes, seconds)
				.text,
			rate_count(tier->allocs, old->allocs, seconds).text);
	}
}

/* --- sites ------------------------------------------------------------------ */

struct title {
	uint64_t id;
	char text[TOP_TITLE];
};

static const char *title_known(const struct top_view *view, uint64_t id)
{
	const struct title *titles = view->titles.data;
	size_t i;

	for (i = 0; i < view->titles.used; i++)
		if (titles[i].id == id)
			return titles[i].text;
	return NULL;
}

/* Of the sites that are new among the first @n. */
static void titles_find(struct top_view *view, struct snap *now,
			const struct snap_site **sites, size_t n)
{
	struct symbols *symbols = NULL;
	struct symbol_text text;
	struct title *title;
	size_t i;

	view->titles.item = sizeof(*title);
	for (i = 0; i < n; i++) {
		if (title_known(view, sites[i]->id))
			continue;
		if (!symbols)
			symbols = symbols_open(now, view->names);
		title = symbols ? vec_add(&view->titles) : NULL;
		if (!title)
			break;
		text = site_title(symbols, sites[i]);
		title->id = sites[i]->id;
		snprintf(title->text, sizeof(title->text), "%.47s",
			 site_fit(text.text, 30).text);
	}
	if (symbols)
		symbols_close(symbols);
}

static void show_site(const struct top_view *view, const struct snap_site *site,
		      double seconds, struct top_text *text)
{
	const struct snap_site *old =
		view->before ? snap_site(view->before, site->id) : NULL;
	const char *title = title_known(view, site->id);
	const char *pattern = site->leak.leaking ? "leaked" : site->pattern;

	top_text_add(text, site->leak.leaking ? TOP_WARNING : TOP_PLAIN,
		     "%11s%14s%12s  %-7.*s %.30s%s%.15s",
		     units_bytes(site->n.live_bytes).text,
		     rate_bytes(site->n.live_bytes, old ? old->n.live_bytes : 0,
				seconds)
			     .text,
		     rate_count(site->n.allocs, old ? old->n.allocs : 0,
				seconds)
			     .text,
		     (int)strcspn(pattern, "-"), pattern, title ? title : "",
		     *site->tag_name ? " @" : "", site->tag_name);
}

static void show_sites(struct top_view *view, struct snap *now,
		       struct top_text *text)
{
	const struct snap_site **sites = site_rank(now, view->by);
	size_t i, n = now->n_sites;
	unsigned int room = view->rows ? 0 : SITES_BATCH;

	top_text_add(text, TOP_PLAIN, "%s", "");
	top_text_add(text, TOP_HEADING, "%11s%14s%12s  %-7s SITE by %s", "LIVE",
		     "CHANGE", "ALLOCS", "LIVES", site_by_names[view->by]);
	if (view->rows > text->used)
		room = view->rows - text->used;
	if (n > room)
		n = room;
	if (!sites)
		return;
	titles_find(view, now, sites, n);
	for (i = 0; i < n; i++)
		show_site(view, sites[i], elapsed(view, now), text);
	free(sites);
}

void top_view_show(struct top_view *view, struct snap *now,
		   struct top_text *text)
{
	top_text_clear(text);
	show_head(now, text);
	show_level(now, text);
	show_health(now, text);
	show_totals(view, now, text);
	show_nodes(now, text);
	show_tiers(view, now, text);
	show_sites(view, now, text);
	if (view->before)
		snap_free(view->before);
	view->before = now;
}

void top_view_free(struct top_view *view)
{
	if (view->before)
		snap_free(view->before);
	vec_free(&view->titles);
}
