/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one optimizer of the process, as its parts see it.
 *
 * Locks, outermost first: the work lock (one thread works at a time), the
 * heap's locks.  The optimizer's lock is a leaf: nothing is called with it held.
 */
#ifndef TMEM_OPTIMIZER_INTERNAL_H
#define TMEM_OPTIMIZER_INTERNAL_H

#include <pthread.h>

#include "optimizer/adapt.h"
#include "optimizer/events.h"
#include "optimizer/learn.h"
#include "optimizer/plan.h"
#include "optimizer/tally.h"

/* There is one, for as long as the library is loaded. */
struct tmem_optimizer {
	pthread_mutex_t lock; /* over what follows, down to work_lock */
	struct tmem_optimizer_config config;
	struct tmem_optimizer_stats stats; /* not those of spans */
	uint64_t hold, hold_until_ns; /* spans; what the collector leaves */

	pthread_mutex_t work_lock; /* over the rest */
	struct tmem_learn learn;
	struct tmem_prediction prediction; /* of the step that is under way */
	double confidence_at_mark;
	double passed; /* bytes that had come when it was made; 0: at the mark */
	struct tmem_adapt adapt;
	struct tmem_plan plan; /* what of it is left to do */
	uint32_t place; /* a slot; where fetched spans go next */
	uint64_t learned; /* steps */
	bool dirty; /* something may have been fetched */

	/* acting + 1, whose side effects are in force; 0: none */
	_Atomic(uint32_t) applied;
	atomic_bool working; /* somebody holds the work lock */
	_Atomic(unsigned int) gc_least; /* enum tmem_level */
};

extern struct tmem_optimizer tmem_optimizer;

/* CLOCK_MONOTONIC in nanoseconds; tests put another in its place. */
extern _Atomic(uint64_t (*)(void)) tmem_optimizer_clock;

static inline uint64_t tmem_optimizer_now_ns(void)
{
	return atomic_load_explicit(&tmem_optimizer_clock,
				    memory_order_relaxed)();
}

/* events.c: a step has ended; by a mark, or as it was found.  Without locks. */
void tmem_optimizer_step_end(bool marked);

/* config.c */

/* With the defaults filled in.  0 or -EINVAL. */
int tmem_optimizer_config_make(struct tmem_optimizer_config *to,
			       const struct tmem_optimizer_config *from);

/* score.c; the work lock and the optimizer's are held */

/* A step has ended that was foreseen so: count how well. */
void tmem_optimizer_score(struct tmem_optimizer *o,
			  const struct tmem_demand *demand);

#endif /* TMEM_OPTIMIZER_INTERNAL_H */
