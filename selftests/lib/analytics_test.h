/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the analytics: switched on as a test wants it, sites
 * found by their label, and a clock that stands until it is moved, or goes on
 * with each look.
 *
 * Nothing here asserts: that is the test's work.
 */
#ifndef ANALYTICS_TEST_H
#define ANALYTICS_TEST_H

#include "heap_test.h"

#include <fcntl.h>

#include "analytics/core.h"

/* The heap without a collector, and analytics on; 0: every block. */
static inline int an_init(uint64_t interval, uint64_t max_records)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	int err;

	unsetenv("TMEM_ANALYTICS");
	err = heap_init();
	if (!err)
		err = tmem_analytics_get(&config);
	if (err)
		return err;
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = interval;
	if (max_records)
		config.max_records = max_records;
	return tmem_analytics_set(&config);
}

/* A block from a site of that name. */
static inline void *an_alloc(const char *label, size_t size)
{
	void *block;

	tmem_site_push(NULL, 0, label);
	block = tmem_alloc(size);
	tmem_site_pop();
	return block;
}

/* id 0: there is none. */
static inline struct tmem_site_info an_site(const char *tag, const char *label)
{
	struct tmem_site_info site = TMEM_SITE_INIT;
	uint32_t id;

	for (id = 1; !tmem_site_get(id, &site); id++)
		if (!strcmp(site.label, label) && !strcmp(site.tag, tag))
			return site;
	return (struct tmem_site_info)TMEM_SITE_INIT;
}

static inline struct tmem_analytics_stats an_stats(void)
{
	struct tmem_analytics_stats stats = TMEM_ANALYTICS_STATS_INIT;

	tmem_analytics_stats_get(&stats);
	return stats;
}

static _Atomic(uint64_t) an_now = 1000000000000ULL;

static inline uint64_t an_clock(void)
{
	return atomic_load(&an_now);
}

static inline void an_clock_stop(void)
{
	atomic_store(&tmem_analytics_clock, an_clock);
}

/*
 * A millisecond passes at each look: of no sample too many come in a time, and
 * the interval is neither doubled nor halved because of that.
 */
static inline uint64_t an_clock_step(void)
{
	return atomic_fetch_add(&an_now, 1000000);
}

static inline void an_clock_steps(void)
{
	atomic_store(&tmem_analytics_clock, an_clock_step);
}

static inline void an_clock_add(double seconds)
{
	atomic_fetch_add(&an_now, (uint64_t)(seconds * 1e9));
}

#endif /* ANALYTICS_TEST_H */
