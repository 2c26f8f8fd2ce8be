// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json - the report for programs, and for the page: every figure that
 * the page shows is in it (Documentation/schema/report.schema.json).
 */
#include <stdlib.h>
#include <string.h>
#include <tmem/pressure.h>

#include "json.h"
#include "report.h"

/* --- head, health --------------------------------------------------------- */

static struct json_object *head_json(const struct report *report)
{
	const struct snap *snap = report->snap;
	struct json_object *object = site_json_head(snap);

	json_put_text(object, "library", snap->library);
	json_put_u64(object, "wall_ms", snap->wall_ns / 1000000);
	json_put_text(object, "last_step", snap->last_step);
	return object;
}

static struct json_object *health_json(const struct report_health *health)
{
	struct json_object *object, *array, *item;
	size_t i;

	if (!health->terms)
		return NULL;
	object = json_object_make();
	array = json_array_make();
	json_put_number(object, "score", health->score);
	json_put_text(object, "band", health->band);
	for (i = 0; i < health->n; i++) {
		item = json_object_make();
		json_put_text(item, "name", health->terms[i].name);
		json_put_number(item, "value", health->terms[i].value);
		json_put_number(item, "weight", health->terms[i].weight);
		json_put_number(item, "penalty", health->terms[i].penalty);
		json_append(array, item);
	}
	json_put_child(object, "terms", array);
	array = json_array_make();
	for (i = 0; i < health->n_unknown; i++)
		json_append_text(array, health->unknown[i]);
	json_put_child(object, "unknown", array);
	return object;
}

static struct json_object *advice_json(const struct report *report)
{
	struct json_object *array, *item;
	size_t i;

	if (!report->advice)
		return NULL;
	array = json_array_make();
	for (i = 0; i < report->n_advice; i++) {
		item = json_object_make();
		json_put_text(item, "id", report->advice[i].id);
		json_put_number(item, "severity", report->advice[i].severity);
		json_put_text(item, "text", report->advice[i].text);
		json_put_text(item, "command", report->advice[i].command);
		json_append(array, item);
	}
	return array;
}

/* --- pressure ------------------------------------------------------------- */

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static struct json_object *episode_json(const struct report_episode *one)
{
	struct json_object *object = json_object_make();

	json_put_number(object, "from_ms", ms(one->from_ns));
	json_put_number(object, "to_ms", ms(one->to_ns));
	json_put_text(object, "level",
		      tmem_level_name((enum tmem_level)one->level));
	json_put_u64(object, "held_before", one->held_before);
	json_put_u64(object, "held_least", one->held_least);
	return object;
}

static struct json_object *pressure_json(const struct report_time *time)
{
	struct json_object *object = json_object_make();
	struct json_object *levels = json_array_make(), *item;
	struct json_object *episodes = json_array_make();
	double all = time->all_ns ? (double)time->all_ns : 1;
	size_t i;

	for (i = 0; i < REPORT_LEVELS; i++) {
		item = json_object_make();
		json_put_text(item, "level",
			      tmem_level_name((enum tmem_level)i));
		json_put_number(item, "ms", ms(time->level_ns[i]));
		json_put_number(item, "share", (double)time->level_ns[i] / all);
		json_append(levels, item);
	}
	json_put_child(object, "levels", levels);
	json_put_number(object, "all_ms", ms(time->all_ns));
	json_put_u64(object, "changes", time->changes);
	for (i = 0; i < time->n_episodes; i++)
		json_append(episodes, episode_json(&time->episodes[i]));
	json_put_child(object, "episodes", episodes);
	return object;
}

/* --- sites ---------------------------------------------------------------- */

static struct json_object *order_json(const struct snap_site **order, size_t n)
{
	struct json_object *array = json_array_make();
	size_t i;

	for (i = 0; i < n; i++)
		json_append_u64(array, order[i]->id);
	return array;
}

static void mark(const struct report *report, bool *shown,
		 const struct snap_site *const *sites, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		shown[sites[i] - report->snap->sites] = true;
}

/* Each that is named anywhere in the report, once, the most live bytes first. */
static struct json_object *sites_json(const struct report *report)
{
	const struct snap *snap = report->snap;
	struct json_object *array = json_array_make();
	bool *shown = calloc(snap->n_sites + 1, sizeof(*shown));
	size_t i;

	if (!shown)
		return array;
	mark(report, shown, report->live, report->top);
	mark(report, shown, report->bytes, report->top);
	mark(report, shown, report->leaks, report->n_leaks);
	mark(report, shown, report->time.curves, report->time.n_curves);
	for (i = 0; i < snap->n_sites; i++)
		if (shown[report->live[i] - snap->sites])
			json_append(array, site_json(report->symbols,
						     report->live[i]));
	free(shown);
	return array;
}

static struct json_object *leaks_json(const struct report *report)
{
	struct json_object *array = json_array_make(), *item;
	const struct snap_site *site;
	size_t i;

	for (i = 0; i < report->n_leaks; i++) {
		site = report->leaks[i];
		item = json_object_make();
		json_put_u64(item, "site", site->id);
		json_put_number(item, "bytes_per_step",
				site->leak.bytes_per_step);
		json_put_u64(item, "since_step", site->leak.since_step);
		json_put_u64(item, "named_at_step", site->leak.named_at_step);
		json_put_number(item, "score", site->leak.score);
		json_append(array, item);
	}
	return array;
}

static struct json_object *patterns_json(const struct report *report)
{
	struct json_object *array = json_array_make(), *item;
	const struct report_pattern *pattern;
	size_t i;

	for (i = 0; i < REPORT_PATTERNS; i++) {
		pattern = &report->patterns[i];
		if (!pattern->sites)
			continue;
		item = json_object_make();
		json_put_text(item, "pattern", pattern->name);
		json_put_u64(item, "sites", pattern->sites);
		json_put_u64(item, "allocs", pattern->allocs);
		json_put_u64(item, "alloc_bytes", pattern->alloc_bytes);
		json_put_u64(item, "live_bytes", pattern->live_bytes);
		json_append(array, item);
	}
	return array;
}

static void put_sites(struct json_object *root, const struct report *report)
{
	struct json_object *top = json_object_make();
	struct json_object *lifetimes = json_array_make();
	size_t i;

	json_put_child(top, "live", order_json(report->live, report->top));
	json_put_child(top, "bytes", order_json(report->bytes, report->top));
	json_put_child(root, "top", top);
	json_put_child(root, "leaks", leaks_json(report));
	json_put_child(root, "patterns", patterns_json(report));
	for (i = 0; i < report->n_lifetimes; i++)
		json_append_u64(lifetimes, report->lifetimes[i]);
	json_put_child(root, "lifetimes", lifetimes);
	json_put_child(root, "sites", sites_json(report));
	json_put_child(root, "no_symbols", symbols_list(report->symbols));
}

struct json_object *report_to_json(const struct report *report)
{
	struct json_object *root = json_object_make();

	json_put_text(root, "format", "tmem-report");
	json_put_u64(root, "version", 1);
	json_put_child(root, "program", head_json(report));
	json_put_child(root, "health", health_json(&report->health));
	json_put_child(root, "advice", advice_json(report));
	json_put_child(root, "memory", report_json_heap(report));
	json_put_child(root, "pressure", pressure_json(&report->time));
	json_put_child(root, "timeline", report_json_time(&report->time));
	put_sites(root, report);
	return root;
}
