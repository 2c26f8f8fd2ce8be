// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the heap counts exactly, all of one moment but for the nodes.
 */
#include "analytics/snapshot.h"

#include "arena/backend.h"

#include <tmem/arena.h>

static void heap_counts(struct tmem_json *json,
			const struct tmem_detail *detail)
{
	uint64_t alloc_bytes = 0, free_bytes = 0;
	unsigned int i;

	for (i = 0; i < TMEM_TIERS; i++) {
		alloc_bytes += detail->tier[i].alloc_bytes;
		free_bytes += detail->tier[i].free_bytes +
			      detail->tier[i].dropped_bytes;
	}
	tmem_json_begin(json, "counts", '{');
	tmem_json_number(json, "allocs", detail->stats.allocs);
	/* What went with its pool is gone, too. */
	tmem_json_number(json, "frees",
			 detail->stats.allocs - detail->stats.live_blocks);
	tmem_json_number(json, "alloc_bytes", alloc_bytes);
	tmem_json_number(json, "free_bytes", free_bytes);
	tmem_json_number(json, "live_bytes", detail->stats.live_bytes);
	tmem_json_number(json, "live_blocks", detail->stats.live_blocks);
	tmem_json_number(json, "peak_live_bytes",
			 detail->stats.peak_live_bytes);
	tmem_json_end(json, '}');
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void heap_map(struct tmem_json *json, unsigned int node)
{
	struct tmem_detail_map map;

	tmem_detail_map(&map, node);
	tmem_json_number(json, "spans_per_cell", map.spans_per_cell);
	tmem_json_text(json, "fill", map.cells);
}

static void heap_nodes(struct tmem_json *json)
{
	struct tmem_detail_node nodes[TMEM_NODES_MAX];
	unsigned int i;

	tmem_detail_nodes(nodes);
	tmem_json_begin(json, "nodes", '[');
	for (i = 0; i < TMEM_NODES_MAX; i++) {
		const struct tmem_detail_node *node = &nodes[i];
		uint64_t spans = node->spans_busy + node->spans_idle;

		if (!spans)
			continue;
		tmem_json_begin(json, NULL, '{');
		tmem_json_number(json, "node", i);
		tmem_json_real(json, "external",
			       share(node->free_bytes,
				     spans * TMEM_SPAN_BYTES));
		tmem_json_number(json, "spans_busy", node->spans_busy);
		tmem_json_number(json, "spans_idle", node->spans_idle);
		tmem_json_number(json, "free_bytes", node->free_bytes);
		heap_map(json, i);
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
}

/* As tmem/pool.h defines them. */
static void heap_fragmentation(struct tmem_json *json,
			       const struct tmem_stats *s)
{
	uint64_t idle = s->spans_idle * TMEM_SPAN_BYTES;
	uint64_t between = s->free_bytes > idle ? s->free_bytes - idle : 0;

	tmem_json_begin(json, "fragmentation", '{');
	tmem_json_real(json, "internal", share(s->waste_bytes, s->live_bytes));
	tmem_json_real(json, "external", share(between, s->held_bytes));
	heap_nodes(json);
	tmem_json_end(json, '}');
}

static void heap_stats(struct tmem_json *json, const struct tmem_stats *s)
{
	tmem_json_begin(json, "heap", '{');
	tmem_json_number(json, "allocs", s->allocs);
	tmem_json_number(json, "frees", s->frees);
	tmem_json_number(json, "failures", s->failures);
	tmem_json_number(json, "reused", s->reused);
	tmem_json_number(json, "misuse", s->misuse);
	tmem_json_number(json, "live_blocks", s->live_blocks);
	tmem_json_number(json, "live_bytes", s->live_bytes);
	tmem_json_number(json, "peak_live_bytes", s->peak_live_bytes);
	tmem_json_number(json, "spans_busy", s->spans_busy);
	tmem_json_number(json, "spans_idle", s->spans_idle);
	tmem_json_number(json, "spans_filled", s->spans_filled);
	tmem_json_number(json, "spans_purged", s->spans_purged);
	tmem_json_number(json, "spans_lost", s->spans_lost);
	tmem_json_number(json, "metadata_bytes", s->metadata_bytes);
	tmem_json_number(json, "waste_bytes", s->waste_bytes);
	tmem_json_number(json, "free_bytes", s->free_bytes);
	tmem_json_number(json, "chunks", s->chunks);
	tmem_json_number(json, "held_bytes", s->held_bytes);
	tmem_json_number(json, "spans_moved", s->spans_moved);
	heap_fragmentation(json, s);
	tmem_json_end(json, '}');
}

static void heap_tiers(struct tmem_json *json, const struct tmem_detail *detail)
{
	static const char *const names[TMEM_TIERS] = {
		"<=64",	  "<=256",   "<=1Ki", "<=4Ki", "<=16Ki",
		"<=64Ki", "<=256Ki", "<=1Mi", ">1Mi",
	};
	unsigned int i;

	tmem_json_begin(json, "tiers", '[');
	for (i = 0; i < TMEM_TIERS; i++) {
		const struct tmem_tier_count *tier = &detail->tier[i];

		tmem_json_begin(json, NULL, '{');
		tmem_json_number(json, "tier", i);
		tmem_json_text(json, "name", names[i]);
		tmem_json_number(json, "allocs", tier->allocs);
		tmem_json_number(json, "frees", tier->frees + tier->dropped);
		tmem_json_number(json, "live_bytes",
				 tmem_tier_live_bytes(tier));
		tmem_json_number(json, "live_blocks", tmem_tier_live(tier));
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
}

void tmem_snapshot_heap(struct tmem_json *json)
{
	struct tmem_detail detail;

	tmem_detail_get(&detail);
	heap_counts(json, &detail);
	heap_stats(json, &detail.stats);
	heap_tiers(json, &detail);
}
