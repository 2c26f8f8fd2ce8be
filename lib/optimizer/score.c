// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How much of a step had been foreseen, before it came.
 *
 * A prediction from an opening is made when some of the step's bytes have come:
 * they count as foreseen only if the mark's prediction was sure of them.
 */
#include "optimizer/optimizer.h"

static double least(double a, double b)
{
	return a < b ? a : b;
}

void tmem_optimizer_score(struct tmem_optimizer *o,
			  const struct tmem_demand *demand)
{
	const struct tmem_prediction *p = &o->prediction;
	double requested = demand->want[TMEM_WANT_BYTES];
	double passed = least(o->passed, requested);
	double foreseen = tmem_learn_foreseen(p, demand);
	double all = 0.0;
	unsigned int i;

	o->stats.steps++;
	o->stats.requested_bytes += (uint64_t)requested;
	if (p->confidence < o->config.confidence)
		return;
	for (i = 0; i < TMEM_TIERS; i++)
		all += p->want[TMEM_WANT_TIER + i];
	if (o->confidence_at_mark < o->config.confidence)
		foreseen = foreseen > passed ? foreseen - passed : 0.0;
	o->stats.sure_steps++;
	o->stats.predicted_bytes += (uint64_t)all;
	o->stats.foreseen_bytes += (uint64_t)foreseen;
}
