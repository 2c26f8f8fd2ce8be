// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an arena holds, and where.
 *
 * Counted by a walk over the page cache when somebody asks, because memory
 * moves between nodes behind our back (compaction, NUMA balancing,
 * move_pages(2)): a counter kept at fill time would tell where memory was.
 */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "tmem.h"

struct tmem_usage {
	int nid; /* count this node only, or NUMA_NO_NODE */
	u64 spans_huge;
	u64 spans_small;
	u64 small_pages;
	u64 last_small; /* 1 + the last span of small pages seen */
};

static void tmem_usage_add(struct tmem_usage *usage, struct folio *folio)
{
	u64 span = (folio->index >> TMEM_SPAN_ORDER) + 1;

	if (usage->nid != NUMA_NO_NODE && folio_nid(folio) != usage->nid)
		return;
	if (folio_test_large(folio)) {
		usage->spans_huge++;
		return;
	}
	usage->small_pages++;
	if (usage->last_small != span)
		usage->spans_small++;
	usage->last_small = span;
}

static int tmem_usage_walk(struct tmem_arena *arena, struct tmem_usage *usage)
{
	struct folio_batch batch;
	pgoff_t index = 0;
	unsigned int i;

	folio_batch_init(&batch);
	while (filemap_get_folios(arena->mapping, &index, ULONG_MAX, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++)
			tmem_usage_add(usage, batch.folios[i]);
		folio_batch_release(&batch);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int tmem_usage_stat(struct tmem_arena *arena, struct tmem_arena_stat *stat)
{
	struct tmem_usage usage = { .nid = NUMA_NO_NODE };
	int err;

	if (stat->flags)
		return -EINVAL;
	err = tmem_usage_walk(arena, &usage);
	if (err)
		return err;
	*stat = (struct tmem_arena_stat){
		.policy = arena->policy.mode,
		.size = tmem_arena_size(arena),
		.resident = (usage.spans_huge << TMEM_SPAN_SHIFT) +
			    (usage.small_pages << PAGE_SHIFT),
		.spans_huge = usage.spans_huge,
		.spans_small = usage.spans_small,
		.fills = atomic64_read(&arena->fills),
		.fills_small = atomic64_read(&arena->fills_small),
		.fills_off_node = atomic64_read(&arena->fills_off_node),
		.fills_failed = atomic64_read(&arena->fills_failed),
		.purged = atomic64_read(&arena->purged),
		.recalled = atomic64_read(&arena->recalled),
		.fills_pool = atomic64_read(&arena->fills_pool),
		.fills_limited = atomic64_read(&arena->fills_limited),
		.id = arena->id,
	};
	return 0;
}

int tmem_usage_node(struct tmem_arena *arena, struct tmem_arena_node_stat *stat)
{
	struct tmem_usage usage = { .nid = stat->node };
	int err;

	if (stat->flags || stat->node >= nr_node_ids)
		return -EINVAL;
	err = tmem_usage_walk(arena, &usage);
	if (err)
		return err;
	stat->spans_huge = usage.spans_huge;
	stat->small_bytes = usage.small_pages << PAGE_SHIFT;
	return 0;
}
