/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the collector asks of the rest of the world, so that its tests have a
 * clock and a heap of their own and never sleep.
 */
#ifndef TMEM_GC_OPS_H
#define TMEM_GC_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/worker.h"
#include "pool/idle.h"

struct tmem_source;
struct tmem_source_ops;

struct tmem_gc_ops {
	const struct tmem_worker_ops *worker; /* the clock, the thread */
	/* As in pool/idle.h. */
	size_t (*idle_list)(struct tmem_idle_span *to, size_t max);
	size_t (*idle_purge)(const struct tmem_idle_span *spans, size_t count);
	size_t (*threads_drain)(uint64_t idle_ms);
	void (*threads_adapt)(unsigned int level);
	/* Spans now idle, for the size of a list; may be out of date. */
	uint64_t (*idle_now)(void);
	/* The fewest idle spans since the last call. */
	uint64_t (*idle_low)(void);
	/*
	 * Of so many idle spans so many are to go: how many may.  The others
	 * are about to be used.  Not asked at the worst levels.  NULL: all.
	 */
	uint64_t (*idle_spare)(uint64_t idle, uint64_t want);
	const struct tmem_source_ops *source;
};

#endif /* TMEM_GC_OPS_H */
