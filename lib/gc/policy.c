// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What follows from a row of the table of levels.
 */
#include "gc/policy.h"

static bool interval_ok(uint32_t ms)
{
	return ms >= TMEM_GC_INTERVAL_MIN_MS && ms <= TMEM_GC_INTERVAL_MAX_MS;
}

static bool level_ok(const struct tmem_gc_level_config *level)
{
	return interval_ok(level->interval_ms) &&
	       level->age_ms <= level->interval_ms && level->share <= 100 &&
	       !level->reserved;
}

bool tmem_gc_policy_make(struct tmem_gc_config *to,
			 const struct tmem_gc_config *from)
{
	static const struct tmem_gc_config standard = TMEM_GC_POLICY_DEFAULT;
	struct tmem_gc_config made = *from;
	unsigned int i;

	if (from->off > 1 || from->reserved)
		return false;
	for (i = 0; i < TMEM_GC_LEVELS; i++) {
		struct tmem_gc_level_config *level = &made.level[i];

		if (!level->interval_ms)
			*level = standard.level[i];
		if (!level_ok(level))
			return false;
		if (i && level->interval_ms > level[-1].interval_ms)
			level->interval_ms = level[-1].interval_ms;
		if (level->age_ms > level->interval_ms)
			level->age_ms = level->interval_ms;
	}
	made.struct_size = sizeof(made);
	*to = made;
	return true;
}

bool tmem_gc_policy_parse_decay(const char *text, uint32_t *interval_ms)
{
	uint64_t ms = 0;

	do {
		if (*text < '0' || *text > '9')
			return false;
		ms = ms * 10 + (unsigned int)(*text - '0');
	} while (ms <= TMEM_GC_INTERVAL_MAX_MS && *++text);
	if (ms > TMEM_GC_INTERVAL_MAX_MS || !interval_ok((uint32_t)ms))
		return false;
	*interval_ms = (uint32_t)ms;
	return true;
}

uint64_t tmem_gc_policy_tick_ns(const struct tmem_gc_level_config *level)
{
	uint64_t tick = level->interval_ms * TMEM_GC_MS / 16;

	/* An emergency's interval is short; looking is not for free. */
	if (!level->age_ms)
		return level->interval_ms * TMEM_GC_MS;
	if (tick > level->age_ms * TMEM_GC_MS / 4)
		tick = level->age_ms * TMEM_GC_MS / 4;
	return tick < TMEM_GC_MS ? TMEM_GC_MS : tick;
}

uint64_t tmem_gc_policy_drain_ms(const struct tmem_gc_level_config *level)
{
	return level->interval_ms / 16;
}

uint64_t tmem_gc_policy_share(uint64_t spans, uint32_t percent)
{
	return (spans * percent + 99) / 100;
}
