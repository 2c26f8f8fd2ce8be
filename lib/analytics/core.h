/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The middle of the analytics: its lock, its clock, and what all parts need.
 */
#ifndef TMEM_ANALYTICS_CORE_H
#define TMEM_ANALYTICS_CORE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/analytics.h>

/*
 * The analytics lock, over names, sites, records and the timeline.  It is the
 * innermost of all: whoever holds it takes no other and makes no slow call,
 * so that reports hold up nobody: they take it for each piece.
 */
void tmem_analytics_lock(void);
void tmem_analytics_unlock(void);

/* CLOCK_MONOTONIC in nanoseconds; tests put another in its place. */
extern _Atomic(uint64_t (*)(void)) tmem_analytics_clock;

static inline uint64_t tmem_analytics_now(void)
{
	return atomic_load_explicit(&tmem_analytics_clock,
				    memory_order_relaxed)();
}

/* What has been counted; the lock is held. */
struct tmem_analytics_count {
	uint64_t samples;
	uint64_t dropped;
	uint64_t steps;
	uint32_t step_name;
	uint64_t max_records;
	uint64_t least_interval; /* the configured one */
	_Atomic(uint32_t) depth; /* read without the lock */
};

extern struct tmem_analytics_count tmem_analytics_count;

/* Bytes of all tables that are in use.  Takes the lock. */
size_t tmem_analytics_metadata(void);

#endif /* TMEM_ANALYTICS_CORE_H */
