/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order idle spans are given back.
 *
 * The score of a span is how much sooner it should go, from how long it has
 * been idle (recency), how often it was taken again (frequency), and how many
 * idle slots it lies among (size):
 *
 *	             (age + 1 ms) * (8 + min(8, log2(run)))
 *	score = -------------------------------------------
 *	                 8 * (1 + log2(1 + uses))
 *
 * Recency, in proportion: for most reuse the chance of being wanted in the next
 * moment falls with the time since the last use about as 1/age.
 *
 * Frequency divides, for what is used often will be used again; by its
 * logarithm, because the count is of the span's whole life.  In proportion, a
 * span that was taken 1000 times in the first minute would be kept 1000 times
 * longer than others for ever.
 *
 * Size multiplies: a run of spans goes by one system call and one TLB shoot
 * down, and leaves one hole in the mappings, so its bytes are cheaper to give
 * back.  At most by 2, at 256 spans (512 MiB): what is cheap to purge is not
 * for that unlikely to be wanted.
 *
 * Example.  Idle spans, by score; what goes first is on top:
 *
 *	   age    uses   run    (age + 1) * size / frequency
 *	  60 s       0    64    60001 * 14/8 / 1     = 105 002
 *	  60 s       0     1    60001 *  8/8 / 1     =  60 001
 *	 200 s     255     1    200001 * 8/8 / 9     =  22 222
 *	  60 s       7     1    60001 *  8/8 / 4     =  15 000
 *	   1 s       0   256    1001 * 16/8 / 1      =   2 002
 *
 * Known limits: the logarithms are straight lines between powers of two (0.09
 * off at most), and a count of uses does not decay.
 */
#ifndef TMEM_GC_LRU_H
#define TMEM_GC_LRU_H

#include <stddef.h>
#include <stdint.h>

#include "pool/idle.h"

/* The score, in units of 1/256.  Pure. */
uint64_t tmem_lru_score(const struct tmem_idle_span *span);

/* An entry of the order; the span is the caller's. */
struct tmem_lru_entry {
	uint64_t score;
	uint32_t index;
	uint32_t slot;
};

/*
 * Spans in the order of their scores, without sorting those that nobody asks
 * for.  Of equal scores the lower slot is first, so that runs stay together.
 */
struct tmem_lru {
	struct tmem_lru_entry *entries; /* a heap, the first is the next */
	size_t count;
};

/*
 * @entries: room for @count; the caller's for as long as *lru is used.  Spans
 * idle for less than @min_age_ms are left out.
 */
void tmem_lru_start(struct tmem_lru *lru, struct tmem_lru_entry *entries,
		    const struct tmem_idle_span *spans, size_t count,
		    uint32_t min_age_ms);

/* Up to max indices of the next spans, ascending by slot; how many. */
size_t tmem_lru_next(struct tmem_lru *lru, uint32_t *index, size_t max);

#endif /* TMEM_GC_LRU_H */
