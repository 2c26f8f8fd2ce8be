/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is given back at which level, and when it is looked at.
 *
 * A period of I is looked at in ticks of I/16, and what was not needed for
 * 3/4 I goes.  So what a program leaves idle is back within I:
 *
 *	up to 1/16 I	caches are drained of what they hold
 *	up to 1/16 I	until the tick that sees it
 *	up to 1/16 I	a low-water mark of a tick that began before
 *	      3/4  I	not needed
 *	up to 1/16 I	until the next tick
 *
 * and what a program takes again within 3/4 I stays.
 */
#ifndef TMEM_GC_POLICY_H
#define TMEM_GC_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/gc.h>

#define TMEM_GC_MS 1000000ull /* in ns */

#define TMEM_GC_POLICY_DEFAULT                                         \
	{                                                              \
		.struct_size = sizeof(struct tmem_gc_config),          \
		.level = {                                             \
			[TMEM_LEVEL_LOW] = { 300000, 300000, 100, 0 }, \
			[TMEM_LEVEL_MEDIUM] = { 60000, 30000, 25, 0 }, \
			[TMEM_LEVEL_HIGH] = { 10000, 1000, 75, 0 },    \
			[TMEM_LEVEL_CRITICAL] = { 100, 0, 100, 0 },    \
		},                                                     \
	}

/*
 * From what a program set to what is in force: defaults filled in, no level
 * slower than a better one.  false if a value is out of range.
 */
bool tmem_gc_policy_make(struct tmem_gc_config *to,
			 const struct tmem_gc_config *from);

/* "N" as the interval of LOW, in ms; false if it is none. */
bool tmem_gc_policy_parse_decay(const char *text, uint32_t *interval_ms);

/* Not needed for that long is not needed for the time of a setting. */
static inline uint64_t tmem_gc_policy_window_ns(uint32_t ms)
{
	return ms * TMEM_GC_MS / 4 * 3;
}

/* How long until the next look. */
uint64_t tmem_gc_policy_tick_ns(const struct tmem_gc_level_config *level);

/* Caches of threads that did not come to the heap for that long are drained. */
uint64_t tmem_gc_policy_drain_ms(const struct tmem_gc_level_config *level);

/* Spans that were not needed for a time, or the share of them. */
uint64_t tmem_gc_policy_share(uint64_t spans, uint32_t percent);

#endif /* TMEM_GC_POLICY_H */
