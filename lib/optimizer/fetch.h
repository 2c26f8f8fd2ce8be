/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the optimizer does to the heap.  All calls take the locks they need.
 */
#ifndef TMEM_OPTIMIZER_FETCH_H
#define TMEM_OPTIMIZER_FETCH_H

#include <stdbool.h>

#include "optimizer/plan.h"

/* How things are; not the level. */
void tmem_fetch_look(struct tmem_plan_state *state);

/*
 * Up to want spans of a node, with memory, for the default pool, but no more
 * than make @target with all that there are: the program may have taken some
 * meanwhile.  @to is the first slot of a place for them, or TMEM_NO_SLOT, and is
 * moved on.  A few at once, so that others come by.  Returns how many; 0: there
 * are none to be had.
 */
uint32_t tmem_fetch_spans(unsigned int node, uint32_t want, uint64_t target,
			  uint32_t *to);

/* Move idle spans together where no piece is so long.  true: they were. */
bool tmem_fetch_gather(uint64_t bytes);

/*
 * A mark: what was fetched before the last one and has not been used goes.  All
 * that has not been used, if @all.
 */
void tmem_fetch_return(bool all);

#endif /* TMEM_OPTIMIZER_FETCH_H */
