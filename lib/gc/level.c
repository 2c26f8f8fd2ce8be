// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The level without the module.
 */
#include "gc/level.h"

#include <stdbool.h>

#define HOLD_NS 2000000000ull
#define HYSTERESIS 500u

/* Hundredths of a percent; what MEDIUM, HIGH and CRITICAL begin at. */
static const uint32_t use_from[TMEM_GC_THRESHOLDS] = { 5000, 7500, 9000 };
static const uint32_t stall_from[TMEM_GC_THRESHOLDS] = { 500, 2000, 4000 };

static uint32_t level_of(uint32_t figure, const uint32_t *from)
{
	uint32_t level = TMEM_LEVEL_LOW;

	while (level < TMEM_GC_THRESHOLDS && figure >= from[level])
		level++;
	return level;
}

/* Of a stall the hysteresis is half of the threshold at most. */
static bool is_calm(uint32_t i, uint32_t use, uint32_t stall)
{
	uint32_t half = stall_from[i] / 2;

	return use <= use_from[i] - HYSTERESIS &&
	       stall <= stall_from[i] - (half < HYSTERESIS ? half : HYSTERESIS);
}

enum tmem_level tmem_gc_meter_look(struct tmem_gc_meter *meter, uint64_t now_ns,
				   uint32_t use, uint32_t stall)
{
	uint32_t by_use = level_of(use, use_from), i;
	uint32_t by_stall = level_of(stall, stall_from);
	uint32_t level = by_use > by_stall ? by_use : by_stall;

	for (i = 0; i < TMEM_GC_THRESHOLDS; i++)
		if (!is_calm(i, use, stall))
			meter->calm_since_ns[i] = 0;
		else if (!meter->calm_since_ns[i] ||
			 now_ns < meter->calm_since_ns[i])
			meter->calm_since_ns[i] = now_ns ? now_ns : 1;
	while (meter->level > level) {
		uint64_t since = meter->calm_since_ns[meter->level - 1];

		if (!since || now_ns - since < HOLD_NS)
			break;
		meter->level--;
	}
	if (meter->level < level)
		meter->level = level;
	return (enum tmem_level)meter->level;
}
