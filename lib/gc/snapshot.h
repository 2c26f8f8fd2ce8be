/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The idle spans of a moment, and room for their order.
 */
#ifndef TMEM_GC_SNAPSHOT_H
#define TMEM_GC_SNAPSHOT_H

#include "gc/lru.h"
#include "gc/ops.h"

#define TMEM_GC_FEW 64u

/* From tmem_gc_snapshot_take() to tmem_gc_snapshot_drop(). */
struct tmem_gc_snapshot {
	struct tmem_idle_span *spans;
	struct tmem_lru_entry *entries;
	size_t count;
	void *table;
	size_t table_bytes;
	/* Where there is no memory for a table: some of them are enough. */
	struct tmem_idle_span few_spans[TMEM_GC_FEW];
	struct tmem_lru_entry few_entries[TMEM_GC_FEW];
};

void tmem_gc_snapshot_take(struct tmem_gc_snapshot *snapshot,
			   const struct tmem_gc_ops *ops);
void tmem_gc_snapshot_drop(struct tmem_gc_snapshot *snapshot);

/* How many of them have been idle for that long. */
uint64_t tmem_gc_snapshot_aged(const struct tmem_gc_snapshot *snapshot,
			       uint64_t age_ms);

#endif /* TMEM_GC_SNAPSHOT_H */
