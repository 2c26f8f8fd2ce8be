/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of health and advice in a real process: a made-up host on
 * which nothing is wrong, and what is advised on it.
 *
 * For one source file of a program.  Nothing here asserts: that is the test's
 * work.
 */
#ifndef ADVICE_TEST_H
#define ADVICE_TEST_H

#include "heap_test.h"
#include "monitor_host.h"

#include "monitor/monitor.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

/*
 * From now on that host is looked at; it takes a monitor that starts.  The
 * module is the real one: on backend dev its figures count, too.
 */
static inline bool advice_host(void)
{
	struct tmem_monitor_config config = TMEM_MONITOR_CONFIG_INIT;

	if (!host_make() ||
	    !host_file(THP "enabled", "always [madvise] never\n") ||
	    !host_file(THP "defrag", "always defer [madvise] never\n") ||
	    !host_file("/proc/sys/vm/max_map_count", "65530\n") ||
	    !host_file("/proc/sys/vm/swappiness", "60\n") ||
	    !host_file("/proc/self/maps", "one\ntwo\nthree\n") ||
	    !host_file("/proc/self/status", "Name:\tx\nVmSwap:\t 0 kB\n") ||
	    !host_file("/dev/tmem", ""))
		return false;
	unsetenv("MEMORY_PRESSURE_WATCH");
	tmem_monitor_use(host);
	return !tmem_monitor_start(&config) && !tmem_monitor_stop();
}

/* What is advised; its id is "" if it is not. */
static inline struct tmem_advice advised(const char *id)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX], none = { .id = "" };
	int i, n = tmem_advice_get(advice, TMEM_ADVICE_MAX);

	for (i = 0; i < n; i++)
		if (!strcmp(advice[i].id, id)) {
			printf("# %s %.2f: %s: %s\n", advice[i].id,
			       advice[i].severity, advice[i].text,
			       advice[i].command);
			return advice[i];
		}
	return none;
}

static inline bool is_advised(const char *id)
{
	return advised(id).id[0];
}

static inline struct tmem_health health_now(void)
{
	struct tmem_health health = TMEM_HEALTH_INIT;

	if (tmem_health_get(&health))
		memset(&health, 0xff, sizeof(health));
	return health;
}

/* What a term takes off; -1: it is not known. */
static inline double penalty(const struct tmem_health *health, const char *name)
{
	uint32_t i;

	for (i = 0; i < health->terms && i < TMEM_HEALTH_TERMS_MAX; i++)
		if (!strcmp(health->term[i].name, name))
			return health->term[i].penalty;
	return -1;
}

/* Blocks, all of one size; false: one could not be had. */
static inline bool blocks_take(void **block, size_t count, size_t size)
{
	size_t i;

	for (i = 0; i < count; i++) {
		block[i] = tmem_alloc(size);
		if (!block[i])
			return false;
	}
	return true;
}

/* Each @step th of them goes. */
static inline void blocks_free(void **block, size_t count, size_t step)
{
	size_t i;

	for (i = 0; i < count; i += step) {
		tmem_free(block[i]);
		block[i] = NULL;
	}
}

#endif /* ADVICE_TEST_H */
