// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table of strategies, and what follows from a row of it.
 */
#include "optimizer/plan.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/*
 * The heap takes fresh memory until it holds 1/16 more than it uses (pool/heap.h,
 * tmem_heap_span_goal()): what goes of that comes back at once, by faults.
 */
#define HELD (1.0 + 1.0 / 16.0)

/*
 * What each figure was chosen by is in Documentation/design/optimizer.md, and
 * the table, in words, there and in libtmem(7): keep them the same.
 */
static const struct tmem_plan_row rows[] = {
	[TMEM_OPTIMIZER_BALANCED] = {
		.keep = 1.0,
		.keep_room = true,
		.patient = true,
		.fetch = 1.0,
	},
	[TMEM_OPTIMIZER_MEMORY_FIRST] = {
		.keep = 1.0,
		.fetch = 1.0,
		.trim = 1.0,
		.cache_shift = 2,
		.gc_least = TMEM_LEVEL_MEDIUM,
		.lean = 1,
		.defrag_us = 1000,
	},
	[TMEM_OPTIMIZER_SPEED_FIRST] = {
		.recent = true,
		.keep = 1.0,
		.fetch = 1.0,
		.keep_room = true,
		.fetch_room = true,
		.lean = -1,
	},
};

const struct tmem_plan_row *tmem_plan_row(enum tmem_optimizer_strategy strategy)
{
	if (strategy >= TMEM_OPTIMIZER_ADAPTIVE)
		strategy = TMEM_OPTIMIZER_BALANCED;
	return &rows[strategy];
}

static uint64_t whole(double spans)
{
	if (!(spans > 0.0))
		return 0;
	return spans < 0x1p40 ? (uint64_t)ceil(spans - 1e-6) : 1ull << 40;
}

/* What is foreseen, with room above it; but not less than that. */
static double plan_size(double foreseen, double factor, double least)
{
	return foreseen * factor > least ? foreseen * factor : least;
}

/* The whole factor where it is just sure enough; none where it is certain. */
static double plan_room(const struct tmem_plan_ask *ask)
{
	double sure = ask->prediction->confidence - ask->confidence;
	double most = 1.0 - ask->confidence;

	if (most <= 0.0 || sure >= most)
		return 1.0;
	if (sure < 0.0)
		sure = 0.0;
	return 1.0 + (ask->factor - 1.0) * (1.0 - sure / most);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* In proportion, where what is wanted is more than what is foreseen. */
static void plan_fetch(struct tmem_plan *plan,
		       const struct tmem_plan_state *state,
		       const struct tmem_prediction *p, uint64_t target)
{
	uint64_t missing =
		least(less(target, state->busy + state->idle), state->room);
	double all = 0.0, scale;
	unsigned int i;

	for (i = 0; i < TMEM_LEARN_NODES; i++)
		all += p->want[TMEM_WANT_NODE + i];
	if (!missing || all <= 0.0)
		return;
	plan->target = target;
	scale = (double)target / all;
	for (i = 0; i < TMEM_LEARN_NODES && missing; i++) {
		uint64_t want = whole(p->want[TMEM_WANT_NODE + i] * scale);

		want = less(want, state->node_busy[i] + state->node_idle[i]);
		plan->fetch[i] = least(want, missing);
		missing -= plan->fetch[i];
	}
}

static void plan_trim(struct tmem_plan *plan,
		      const struct tmem_plan_state *state, double target)
{
	uint64_t surplus = less(state->busy + state->idle, whole(target));

	plan->trim = least(surplus, state->idle);
}

void tmem_plan_make(struct tmem_plan *plan, const struct tmem_plan_ask *ask,
		    const struct tmem_plan_state *state)
{
	const struct tmem_prediction *p = ask->prediction;
	const struct tmem_plan_row *row = ask->row;
	double foreseen = p->want[TMEM_WANT_SPANS];
	bool sure = p->confidence >= ask->confidence;
	bool calm = state->level < TMEM_LEVEL_HIGH;
	bool soon = ask->waits && p->opening_confidence >= ask->confidence;
	double room = plan_room(ask);
	double least_kept =
		row->recent || (row->patient && soon) ? ask->recent : 0.0;
	double least_fetched = row->recent ? ask->recent : 0.0;

	memset(plan, 0, sizeof(*plan));
	/* Not to give back what was needed lately takes no foresight. */
	if (calm)
		plan->hold = whole(HELD *
				   plan_size(sure ? foreseen * row->keep : 0.0,
					     row->keep_room ? room : 1.0,
					     least_kept));
	if (!sure)
		return;
	if (row->trim > 0.0 && !ask->waits)
		plan_trim(plan, state, HELD * foreseen * row->trim);
	if (!calm)
		return;
	plan_fetch(plan, state, p,
		   whole(plan_size(foreseen * row->fetch,
				   row->fetch_room ? room : 1.0,
				   least_fetched)));
	plan->largest = (uint64_t)p->want[TMEM_WANT_LARGEST];
}
