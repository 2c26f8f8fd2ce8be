// SPDX-License-Identifier: LGPL-2.1-or-later
#include "optimizer/adapt.h"

static unsigned int adapt_stage(enum tmem_level level)
{
	if (level >= TMEM_LEVEL_HIGH)
		return 2;
	return level == TMEM_LEVEL_MEDIUM;
}

enum tmem_optimizer_strategy
tmem_adapt_look(struct tmem_adapt *a, enum tmem_level level, uint64_t now_ns)
{
	static const enum tmem_optimizer_strategy strategy[] = {
		TMEM_OPTIMIZER_SPEED_FIRST,
		TMEM_OPTIMIZER_BALANCED,
		TMEM_OPTIMIZER_MEMORY_FIRST,
	};
	unsigned int stage = adapt_stage(level);

	if (stage >= a->stage) {
		a->stage = stage;
		a->calm_ns = 0;
	} else if (!a->calm_ns || now_ns < a->calm_ns) {
		/* From here on; or the clock went back. */
		a->calm_ns = now_ns ? now_ns : 1;
	} else if (now_ns - a->calm_ns >= TMEM_ADAPT_CALM_NS) {
		a->stage--;
		a->calm_ns = now_ns;
	}
	return strategy[a->stage];
}
