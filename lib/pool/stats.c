// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the pool says of itself: counters, and trimming.
 */
#include <errno.h>

#include "core/settings.h"
#include "pool/heap.h"
#include "pool/meta.h"

static void stats_count(struct tmem_stats *stats,
			const struct tmem_pool_count *count)
{
	stats->allocs = count->allocs;
	stats->frees = count->frees;
	stats->failures = count->failures;
	stats->reused = count->reused;
	stats->misuse = count->misuse;
	stats->live_blocks = count->live_blocks;
	stats->live_bytes = count->live_bytes;
	stats->peak_live_bytes = count->peak_live_bytes;
}

int tmem_stats_get(struct tmem_stats *to)
{
	const struct tmem_windows_stats *spans = tmem_windows_stats();
	struct tmem_stats stats = TMEM_STATS_INIT;

	tmem_heap_enter_anyway();
	stats_count(&stats, tmem_heap_count());
	stats.spans_busy = spans->spans_live;
	stats.spans_idle = spans->spans_idle;
	stats.spans_filled = spans->spans_filled;
	stats.spans_purged = spans->spans_purged;
	stats.spans_lost = spans->spans_lost;
	stats.metadata_bytes = tmem_meta_bytes() + tmem_windows_metadata();
	tmem_heap_leave();
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}

/* Spans that hold small blocks are a pool's own; so are large blocks'. */
int tmem_pool_stats_get(struct tmem_pool *pool, struct tmem_stats *to)
{
	struct tmem_stats stats = TMEM_STATS_INIT;

	tmem_heap_enter_anyway();
	stats_count(&stats, &pool->count);
	stats.spans_busy = tmem_extent_spans(pool) + tmem_large_spans(pool);
	tmem_heap_leave();
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}

size_t tmem_trim(size_t keep_bytes)
{
	size_t freed = 0;

	if (tmem_heap_enter_if_ready()) {
		freed = tmem_windows_trim(keep_bytes);
		tmem_heap_leave();
	}
	return freed;
}
