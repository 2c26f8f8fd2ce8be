// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a program may set, and the names of things.
 */
#include <errno.h>
#include <stddef.h>

#include "optimizer/optimizer.h"

#define WINDOW 20u
#define FACTOR 1.2
#define CONFIDENCE 0.7

static const char *const strategies[] = {
	[TMEM_OPTIMIZER_BALANCED] = "balanced",
	[TMEM_OPTIMIZER_MEMORY_FIRST] = "memory-first",
	[TMEM_OPTIMIZER_SPEED_FIRST] = "speed-first",
	[TMEM_OPTIMIZER_ADAPTIVE] = "adaptive",
};

const char *tmem_optimizer_strategy_name(enum tmem_optimizer_strategy strategy)
{
	return (unsigned int)strategy <= TMEM_OPTIMIZER_ADAPTIVE ?
		       strategies[strategy] :
		       NULL;
}

const char *tmem_optimizer_pattern_name(enum tmem_optimizer_pattern pattern)
{
	static const char *const names[] = {
		[TMEM_OPTIMIZER_UNKNOWN] = "unknown",
		[TMEM_OPTIMIZER_STEADY] = "steady",
		[TMEM_OPTIMIZER_BURSTY] = "bursty",
		[TMEM_OPTIMIZER_PERIODIC] = "periodic",
		[TMEM_OPTIMIZER_GROWING] = "growing",
		[TMEM_OPTIMIZER_RANDOM] = "random",
	};

	return (unsigned int)pattern <= TMEM_OPTIMIZER_RANDOM ? names[pattern] :
								NULL;
}

/* Written so that NaN is out of range. */
static bool config_ok(const struct tmem_optimizer_config *c)
{
	return c->off <= 1 && c->strategy <= TMEM_OPTIMIZER_ADAPTIVE &&
	       !c->reserved && c->window >= TMEM_OPTIMIZER_WINDOW_MIN &&
	       c->window <= TMEM_OPTIMIZER_WINDOW_MAX && c->factor >= 1.0 &&
	       c->factor <= 4.0 && c->confidence > 0.0 && c->confidence <= 1.0;
}

int tmem_optimizer_config_make(struct tmem_optimizer_config *to,
			       const struct tmem_optimizer_config *from)
{
	struct tmem_optimizer_config made = *from;

	if (!made.window)
		made.window = WINDOW;
	if (made.factor == 0.0)
		made.factor = FACTOR;
	if (made.confidence == 0.0)
		made.confidence = CONFIDENCE;
	if (!config_ok(&made))
		return -EINVAL;
	made.struct_size = sizeof(made);
	*to = made;
	return 0;
}
