/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A site whose live bytes come back to the same level, period after period of
 * steps: a list that is emptied every 40 steps, memory kept for an epoch.  Pure:
 * no clock, no allocation, a state of constant size.
 *
 * Looked at is the series of live bytes at step marks.  A *return* is a fall by
 * more than half of the rise since the last low, and by more than chance.  Two returns in a row agree if
 * their lows differ by at most 1/8 of the rise, and the steps between returns
 * by at most 1/4, or one step.  Four returns that agree make a cycle; it ends
 * when twice the period passes without a return, or with one that disagrees.
 * Blocks that come and go within one step leave no trace at its mark: they are
 * short-lived, not cyclic.
 */
#ifndef TMEM_ANALYTICS_CYCLE_H
#define TMEM_ANALYTICS_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#define TMEM_CYCLE_RETURNS 4u

/* struct tmem_cycle - of one site; all zero at first */
struct tmem_cycle {
	uint64_t low; /* of the period that goes on, its lowest */
	uint64_t high; /* and its highest after that */
	uint64_t base; /* the low before */
	uint64_t error; /* the largest of the period */
	uint32_t step; /* calls so far */
	uint32_t returned; /* step of the last return */
	uint32_t period; /* steps between the last two */
	uint32_t agree; /* returns in a row that agree */
};

/* @error: standard error of @live_bytes; a rise of 4 of it or less is none. */
void tmem_cycle_step(struct tmem_cycle *cycle, uint64_t live_bytes,
		     uint64_t error);
bool tmem_cycle_is(const struct tmem_cycle *cycle);

#endif /* TMEM_ANALYTICS_CYCLE_H */
