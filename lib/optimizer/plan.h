/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a prediction and how things are to what is to be done.  Pure.
 */
#ifndef TMEM_OPTIMIZER_PLAN_H
#define TMEM_OPTIMIZER_PLAN_H

#include <linux/tmem.h> /* enum tmem_level */
#include <stdbool.h>
#include <tmem/optimizer.h>

#include "optimizer/learn.h"

/*
 * struct tmem_plan_row - a strategy, in figures.  "Foreseen" is the most spans
 * that the step is to use at once; factors are of that.
 * @recent:  of @keep and @fetch: the most of the window at least
 * @keep:    so many spans stay out of the collector's reach; 0.0: none
 * @fetch:   up to so many are fetched ahead; 0.0: none
 * @trim:    what is above goes at once; 0.0: nothing
 * @keep_room, @fetch_room: these are times the configured factor, or less the
 *           surer it is; but for the most of the window
 * @patient: while a sure opening is waited for, keep the most of the window
 * @cache_shift: threads' caches of small blocks are so many halves of their size
 * @gc_least: at low the collector acts as at this level
 * @lean:    tensor caches compress by themselves at a level better (1), as ever
 *           (0), at critical only (-1)
 * @defrag_us: time for defragmentation after each step
 */
struct tmem_plan_row {
	bool recent;
	double keep, fetch, trim;
	bool keep_room, fetch_room;
	bool patient;
	unsigned int cache_shift;
	enum tmem_level gc_least;
	int lean;
	uint64_t defrag_us;
};

/* Not of TMEM_OPTIMIZER_ADAPTIVE. */
const struct tmem_plan_row *
tmem_plan_row(enum tmem_optimizer_strategy strategy);

/* How things are; spans. */
struct tmem_plan_state {
	uint64_t busy, idle; /* of all nodes, with memory */
	uint64_t node_busy[TMEM_LEARN_NODES], node_idle[TMEM_LEARN_NODES];
	uint64_t room; /* that may be taken before a limit is reached */
	enum tmem_level level;
};

/*
 * struct tmem_plan - what is to be done; spans
 * @hold:  busy and idle together, that the collector leaves; 0: all are its
 * @trim:  idle ones that go now
 * @target: busy and idle together, that there are to be then
 * @fetch: that are to be had from a node for it
 * @largest: bytes of a request that a place is to be ready for; 0: of none
 */
struct tmem_plan {
	uint64_t hold, trim, target;
	uint64_t fetch[TMEM_LEARN_NODES];
	uint64_t largest;
};

/* What a prediction is to be acted on by. */
struct tmem_plan_ask {
	const struct tmem_plan_row *row;
	const struct tmem_prediction *prediction;
	double recent; /* the most spans of the window */
	double factor, confidence; /* as configured */
	bool waits; /* for an opening: nothing goes before it is known */
};

void tmem_plan_make(struct tmem_plan *plan, const struct tmem_plan_ask *ask,
		    const struct tmem_plan_state *state);

#endif /* TMEM_OPTIMIZER_PLAN_H */
