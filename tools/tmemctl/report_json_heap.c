// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json_heap - memory now and memory over time, in the report's JSON.
 *
 * The timeline is in columns: a chart wants all values of one thing.
 */
#include "json.h"
#include "report.h"

/* --- now ------------------------------------------------------------------ */

static struct json_object *tiers_json(const struct snap *snap)
{
	struct json_object *array = json_array_make(), *item;
	size_t i;

	for (i = 0; i < SNAP_TIERS; i++) {
		item = json_object_make();
		json_put_text(item, "name", snap->tiers[i].name);
		json_put_u64(item, "allocs", snap->tiers[i].allocs);
		json_put_u64(item, "frees", snap->tiers[i].frees);
		json_put_u64(item, "live_bytes", snap->tiers[i].live_bytes);
		json_put_u64(item, "live_blocks", snap->tiers[i].live_blocks);
		json_append(array, item);
	}
	return array;
}

static struct json_object *node_json(const struct report_node *node)
{
	struct json_object *object = json_object_make();

	json_put_u64(object, "node", node->node);
	json_put_u64(object, "spans_busy", node->busy);
	json_put_u64(object, "spans_idle", node->idle);
	json_put_u64(object, "free_bytes", node->free_bytes);
	json_put_number(object, "external", node->external);
	if (!node->fill) {
		json_put_null(object, "spans_per_cell");
		json_put_null(object, "fill");
		return object;
	}
	json_put_u64(object, "spans_per_cell", node->per_cell);
	json_put_text(object, "fill", node->fill);
	return object;
}

static void put_heap(struct json_object *object, const struct report_heap *heap)
{
	json_put_u64(object, "held_bytes", heap->held);
	json_put_u64(object, "idle_bytes", heap->idle);
	json_put_u64(object, "waste_inside_bytes", heap->inside);
	json_put_u64(object, "waste_between_bytes", heap->between);
	json_put_u64(object, "metadata_bytes", heap->metadata);
	json_put_number(object, "internal", heap->internal);
	json_put_number(object, "external", heap->external);
	json_put_u64(object, "reused", heap->reused);
	json_put_u64(object, "failures", heap->failures);
	json_put_u64(object, "misuse", heap->misuse);
	json_put_u64(object, "spans_filled", heap->filled);
	json_put_u64(object, "spans_purged", heap->purged);
	json_put_u64(object, "spans_lost", heap->lost);
	json_put_u64(object, "spans_moved", heap->moved);
}

struct json_object *report_json_heap(const struct report *report)
{
	struct json_object *object = json_object_make();
	struct json_object *nodes = json_array_make();
	size_t i;

	site_json_counts(object, &report->snap->counts);
	put_heap(object, &report->heap);
	json_put_child(object, "tiers", tiers_json(report->snap));
	for (i = 0; i < report->heap.n_nodes; i++)
		json_append(nodes, node_json(&report->heap.nodes[i]));
	json_put_child(object, "nodes", nodes);
	return object;
}

/* --- over time ------------------------------------------------------------ */

static struct json_object *column(struct json_object *object, const char *key)
{
	struct json_object *array = json_array_make();

	json_put_child(object, key, array);
	return array;
}

static void put_moments(struct json_object *object,
			const struct report_time *time)
{
	struct json_object *us = column(object, "us");
	struct json_object *step = column(object, "step");
	struct json_object *level = column(object, "level");
	struct json_object *live = column(object, "live_bytes");
	struct json_object *held = column(object, "held_bytes");
	size_t i;

	for (i = 0; i < time->n; i++) {
		json_append_u64(us, time->at_ns[i] / 1000);
		json_append_u64(step, time->moments[i]->step);
		json_append_u64(level, report_level(time->moments[i]));
		json_append_u64(live, time->moments[i]->live_bytes);
		json_append_u64(held, time->moments[i]->held_bytes);
	}
}

static void put_tiers(struct json_object *object,
		      const struct report_time *time)
{
	struct json_object *tiers = column(object, "tiers"), *array;
	size_t i, k;

	for (k = 0; k < SNAP_TIERS; k++) {
		array = json_array_make();
		for (i = 0; i < time->n; i++)
			json_append_u64(array, time->moments[i]->tiers[k]);
		json_append(tiers, array);
	}
}

static void put_curves(struct json_object *object,
		       const struct report_time *time)
{
	struct json_object *curves = column(object, "sites"), *item, *array;
	size_t i, k;

	for (k = 0; k < time->n_curves; k++) {
		item = json_object_make();
		json_put_u64(item, "site", time->curves[k]->id);
		array = column(item, "bytes");
		for (i = 0; i < time->n; i++)
			json_append_u64(array,
					report_curve_bytes(time->moments[i],
							   time->curves[k]));
		json_append(curves, item);
	}
}

struct json_object *report_json_time(const struct report_time *time)
{
	struct json_object *object = json_object_make();

	put_moments(object, time);
	put_tiers(object, time);
	put_curves(object, time);
	return object;
}
