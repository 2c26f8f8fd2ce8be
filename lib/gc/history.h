/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much idle memory was never needed: the fewest idle spans at any moment
 * of a while.
 *
 * Ages alone do not tell.  A heap that takes its spans in turn has none that
 * is old, however many too many it holds; the low-water mark is right whatever
 * the order is.
 *
 * The past is a row of periods with the low-water mark of each.  When the row
 * is full, periods of its older half are joined two by two: the farther away,
 * the coarser.  That errs to one side: a question about a time that cuts
 * through a period is answered with all of it, so with too few spans, never
 * with too many.
 */
#ifndef TMEM_GC_HISTORY_H
#define TMEM_GC_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define TMEM_GC_PERIODS 64u

struct tmem_gc_period {
	uint64_t end_ns; /* it begins where the one before ends */
	uint64_t low; /* spans */
};

/* From tmem_gc_history_start() on.  Whoever owns it orders the calls. */
struct tmem_gc_history {
	struct tmem_gc_period period[TMEM_GC_PERIODS]; /* oldest first */
	unsigned int count;
	uint64_t start_ns; /* nothing is known of before */
};

void tmem_gc_history_start(struct tmem_gc_history *history, uint64_t now_ns);

/* From the end of the last period until now there were low spans or more. */
void tmem_gc_history_add(struct tmem_gc_history *history, uint64_t now_ns,
			 uint64_t low);

/* The fewest since window_ns before now; 0 if that is not known. */
uint64_t tmem_gc_history_low(const struct tmem_gc_history *history,
			     uint64_t now_ns, uint64_t window_ns);

/* So many went because we gave them back: nobody needed them. */
void tmem_gc_history_gone(struct tmem_gc_history *history, uint64_t spans);

#endif /* TMEM_GC_HISTORY_H */
