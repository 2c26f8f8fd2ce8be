// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay_json - what a replay found, for programs.
 *
 * Names and units are an interface: tmemctl(8) lists them.
 */
#include "figures.h"
#include "json.h"

static void put_run(struct json_object *root, const struct report *r)
{
	json_put_text(root, "trace", r->path);
	json_put_text(root, "tool_version", TMEM_VERSION);
	json_put_text(root, "library_version", tmem_version());
	json_put_text(root, "backend", r->backend);
	json_put_text(root, "policy", r->policy);
	json_put_text(root, "strategy", r->strategy);
	json_put_text(root, "touch", report_touch(r->config->touch));
	json_put_u64(root, "threads", r->trace->threads);
	json_put_u64(root, "window", r->config->window);
	json_put_u64(root, "events", r->trace->events);
	json_put_u64(root, "allocations", r->trace->blocks);
	json_put_u64(root, "frees", r->trace->frees);
}

static struct json_object *repeat_object(const struct report *r, unsigned int i)
{
	const struct replay_repeat *repeat = &r->repeats[i];
	struct json_object *object = json_object_make();

	json_put_u64(object, "repeat", i + 1);
	json_put_bool(object, "cold", i == 0);
	json_put_number(object, "ns_per_event", figures_ns_per_event(r, i));
	json_put_u64(object, "minor_faults", repeat->cost.minor_faults);
	json_put_number(object, "user_ms", (double)repeat->cost.user_us / 1e3);
	json_put_number(object, "sys_ms", (double)repeat->cost.sys_us / 1e3);
	json_put_u64(object, "peak_resident_bytes", figures_resident(r, i));
	json_put_number(object, "reuse_ratio",
			figures_ratio(repeat->reused, repeat->allocs));
	if (!r->config->steps)
		return object;
	json_put_u64(object, "path_faults", repeat->path_faults);
	json_put_u64(object, "steps", repeat->steps);
	json_put_u64(object, "held_peak_bytes", repeat->held_peak);
	json_put_u64(object, "held_mean_bytes",
		     repeat->steps ? repeat->held_bytes / repeat->steps : 0);
	return object;
}

static void put_time(struct json_object *root, const struct report *r)
{
	struct json_object *list = json_array_make();
	unsigned int i;

	for (i = 0; i < r->config->repeats; i++)
		json_append(list, repeat_object(r, i));
	json_put_number(root, "ns_per_event", figures_median_ns(r));
	json_put_u64(root, "minor_faults", figures_median_faults(r));
	json_put_child(root, "repeats", list);
}

static struct json_object *nodes_array(const struct tmem_residency *residency)
{
	struct json_object *list = json_array_make();
	struct json_object *object;
	unsigned int node;

	for (node = 0; node < TMEM_NODES_MAX; node++) {
		if (!residency->node_bytes[node])
			continue;
		object = json_object_make();
		json_put_u64(object, "node", node);
		json_put_u64(object, "bytes", residency->node_bytes[node]);
		json_put_u64(object, "spans",
			     residency->node_bytes[node] / TMEM_SPAN_BYTES);
		json_append(list, object);
	}
	return list;
}

static void put_memory(struct json_object *root, const struct report *r)
{
	const struct footprint *peak = figures_peak(r);
	const struct tmem_residency *residency = &peak->residency;
	uint64_t resident = figures_last_resident(r);
	uint64_t live = r->trace->peak_bytes;

	json_put_u64(root, "peak_event", r->trace->peak_event + 1);
	json_put_u64(root, "peak_live_bytes", live);
	json_put_u64(root, "peak_live_blocks", peak->stats.live_blocks);
	json_put_u64(root, "peak_usable_bytes", peak->stats.live_bytes);
	json_put_u64(root, "peak_resident_bytes", resident);
	json_put_number(root, "resident_per_live",
			figures_ratio(resident, live));
	json_put_bool(root, "residency_known", peak->known);
	json_put_u64(root, "span_resident_bytes", residency->resident);
	json_put_number(root, "span_resident_per_live",
			figures_ratio(residency->resident, live));
	json_put_child(root, "nodes", nodes_array(residency));
	json_put_bool(root, "nodes_exact", residency->nodes_exact);
	json_put_u64(root, "mapped_bytes", residency->mapped);
	json_put_u64(root, "pmd_mapped_bytes", residency->pmd_mapped);
	json_put_number(root, "pmd_mapped_ratio",
			figures_ratio(residency->pmd_mapped,
				      residency->mapped));
	json_put_u64(root, "mappings", residency->vmas);
	json_put_u64(root, "held_bytes", peak->stats.held_bytes);
	json_put_number(root, "internal_waste_ratio", figures_internal(r));
	json_put_number(root, "external_waste_ratio", figures_external(r));
}

static void put_counters(struct json_object *root, const struct report *r)
{
	json_put_number(root, "reuse_ratio",
			figures_ratio(r->stats.reused, r->stats.allocs));
	json_put_u64(root, "purged_bytes", figures_purged(r));
	json_put_u64(root, "library_peak_bytes", r->stats.peak_live_bytes);
	json_put_u64(root, "spans_lost", r->stats.spans_lost);
	json_put_u64(root, "spans_moved", r->stats.spans_moved);
	json_put_u64(root, "metadata_bytes", r->stats.metadata_bytes);
	json_put_u64(root, "misuse", r->stats.misuse);
}

static void put_optimizer(struct json_object *root, const struct report *r)
{
	const struct tmem_optimizer_stats *o = &r->optimizer;
	struct json_object *object = json_object_make();

	json_put_bool(object, "running", o->running);
	json_put_text(object, "strategy",
		      tmem_optimizer_strategy_name(o->strategy));
	json_put_text(object, "pattern",
		      tmem_optimizer_pattern_name(o->pattern));
	json_put_u64(object, "period", o->period);
	json_put_number(object, "confidence", o->confidence);
	json_put_u64(object, "steps", o->steps);
	json_put_u64(object, "sure_steps", o->sure_steps);
	json_put_u64(object, "requested_bytes", o->requested_bytes);
	json_put_u64(object, "predicted_bytes", o->predicted_bytes);
	json_put_u64(object, "foreseen_bytes", o->foreseen_bytes);
	json_put_u64(object, "prepared_spans", o->prepared_spans);
	json_put_u64(object, "prepared_used", o->prepared_used);
	json_put_u64(object, "prepared_wasted", o->prepared_wasted);
	json_put_u64(object, "kept_spans", o->kept_spans);
	json_put_u64(object, "returned_spans", o->returned_spans);
	json_put_u64(object, "gathered", o->gathered);
	json_put_u64(object, "learn_ns", o->learn_ns);
	json_put_u64(object, "prepare_ns", o->prepare_ns);
	json_put_child(root, "optimizer", object);
}

void report_json(const struct report *report)
{
	struct json_object *root = json_object_make();

	put_run(root, report);
	put_time(root, report);
	put_memory(root, report);
	put_counters(root, report);
	if (report->config->steps)
		put_optimizer(root, report);
	json_print(root);
}
