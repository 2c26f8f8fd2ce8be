// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the pool says of itself: counters, and trimming.
 */
#include <errno.h>
#include <string.h>

#include "arena/spans.h"
#include "analytics/core.h"
#include "core/settings.h"
#include "gc/gc.h"
#include "pool/detail.h"
#include "pool/guard.h"
#include "pool/guard_table.h"
#include "pool/heap.h"
#include "pool/idle.h"
#include "pool/meta.h"

/* Of one moment: no thread allocates while its counters are read. */
static void stats_collect(void)
{
	struct tmem_pool *pool;

	tmem_threads_stop();
	tmem_threads_flush();
	for (pool = tmem_heap_pools(); pool; pool = pool->next) {
		tmem_pool_flush(&pool->shared);
		tmem_pool_flush(&pool->nobody);
	}
	tmem_threads_go();
}

static void stats_count(struct tmem_stats *stats,
			const struct tmem_pool_count *count)
{
	const struct tmem_cache_count *done = &count->done;

	stats->allocs = done->allocs;
	stats->frees = done->frees;
	stats->failures = count->failures;
	stats->reused = done->allocs - count->fresh;
	stats->misuse = count->misuse;
	stats->live_blocks = done->allocs - done->frees - count->dropped;
	stats->live_bytes = (uint64_t)done->bytes;
	stats->waste_bytes = (uint64_t)done->waste;
	stats->peak_live_bytes = count->peak_bytes;
}

/* Free pages in spans that are busy, and where they are. */
static void stats_pool_pages(struct tmem_stats *stats,
			     const struct tmem_pool *pool)
{
	unsigned int node;

	for (node = 0; node < TMEM_NODES_MAX; node++) {
		const struct tmem_chunks *chunks = pool->chunks[node];

		if (!chunks)
			continue;
		stats->chunks += chunks->count;
		stats->free_bytes += chunks->pages * TMEM_PAGE_BYTES;
	}
}

/* With the heap lock held. */
static void stats_all(struct tmem_stats *stats)
{
	stats_count(stats, tmem_heap_count());
	stats->spans_busy = tmem_spans_stats.busy;
	stats->spans_idle = tmem_spans_stats.idle;
	stats->spans_filled = tmem_spans_stats.filled;
	stats->spans_purged = tmem_spans_stats.purged;
	stats->spans_lost = tmem_spans_stats.lost;
	stats->spans_moved = tmem_spans_stats.moved;
	stats->metadata_bytes = tmem_meta_bytes() + tmem_page_metadata() +
				tmem_slots_metadata() + tmem_supply_metadata() +
				tmem_guarded_metadata() +
				tmem_analytics_metadata();
}

void tmem_detail_get(struct tmem_detail *detail)
{
	static const struct tmem_stats empty = TMEM_STATS_INIT;
	struct tmem_stats *stats = &detail->stats;
	struct tmem_pool *pool;

	*stats = empty;

	if (tmem_heap_enter_if_ready()) {
		stats_collect();
		for (pool = tmem_heap_pools(); pool; pool = pool->next)
			stats_pool_pages(stats, pool);
		stats->held_bytes =
			(tmem_spans_stats.busy + tmem_spans_stats.idle) *
			TMEM_SPAN_BYTES;
	} else {
		tmem_heap_enter_anyway();
	}
	stats_all(stats);
	memcpy(detail->tier, tmem_heap_count()->tier, sizeof(detail->tier));
	tmem_heap_leave();
}

int tmem_stats_get(struct tmem_stats *to)
{
	struct tmem_detail detail;

	tmem_detail_get(&detail);
	return tmem_struct_put(to, &detail.stats, sizeof(detail.stats)) ?
		       0 :
		       -EINVAL;
}

void tmem_detail_nodes(struct tmem_detail_node nodes[TMEM_NODES_MAX])
{
	uint32_t i;

	memset(nodes, 0, TMEM_NODES_MAX * sizeof(*nodes));
	if (!tmem_heap_enter_if_ready())
		return;
	for (i = 0; i < tmem_slots.used; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);
		struct tmem_detail_node *node = &nodes[slot->node];

		node->spans_idle += slot->kind == TMEM_SLOT_IDLE &&
				    !slot->absent;
		if (slot->kind != TMEM_SLOT_BUSY)
			continue;
		node->spans_busy++;
		node->free_bytes +=
			(TMEM_SLOT_PAGES - slot->used) * TMEM_PAGE_BYTES;
	}
	tmem_heap_leave();
}

static void stats_pool_spans(struct tmem_stats *stats,
			     const struct tmem_pool *pool)
{
	uint32_t i;

	for (i = 0; i < tmem_slots.used; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		if (slot->pool != pool)
			continue;
		stats->spans_busy += slot->kind == TMEM_SLOT_BUSY;
		stats->spans_idle += slot->kind == TMEM_SLOT_IDLE &&
				     !slot->absent;
	}
	stats->held_bytes =
		(stats->spans_busy + stats->spans_idle) * TMEM_SPAN_BYTES;
}

/* Spans are a pool's own. */
int tmem_pool_stats_get(struct tmem_pool *pool, struct tmem_stats *to)
{
	struct tmem_stats stats = TMEM_STATS_INIT;

	tmem_heap_enter_anyway();
	stats_collect();
	stats_count(&stats, &pool->count);
	stats_pool_pages(&stats, pool);
	stats_pool_spans(&stats, pool);
	tmem_heap_leave();
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}

size_t tmem_trim(size_t keep_bytes)
{
	size_t idle;

	tmem_guard_flush();
	tmem_threads_drain(0);
	idle = tmem_idle_count() * TMEM_SPAN_BYTES;
	if (idle <= keep_bytes)
		return 0;
	return tmem_lru_purge(idle - keep_bytes, 0);
}
