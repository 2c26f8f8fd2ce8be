// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor looks, as often as it may, until it has looked so many times; then
 * what it has kept is read back, point by point.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tmem.h>
#include <unistd.h>

#include "seed.h"

#define POINTS_MAX 1048576u
#define INTERVAL_MS 10u

/* Points that are there, each later than the one before. */
static size_t points_read(void)
{
	struct tmem_monitor_point *points = calloc(POINTS_MAX, sizeof(*points));
	size_t n = points ? tmem_monitor_points(points, POINTS_MAX) : 0, i;

	for (i = 1; i < n; i++)
		if (points[i].time_ns <= points[i - 1].time_ns)
			n = 0;
	free(points);
	return n;
}

int seed_history(unsigned int looks)
{
	struct tmem_monitor_config config = TMEM_MONITOR_CONFIG_INIT;
	struct tmem_monitor_history history = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;
	uint64_t until =
		seed_now() + (uint64_t)looks * INTERVAL_MS * 4 * 1000000u;

	config.interval_ms = INTERVAL_MS;
	config.tense_ms = INTERVAL_MS;
	config.react_off = 1;
	if (tmem_monitor_start(&config)) {
		fprintf(stderr, "seed: the monitor does not start\n");
		return 1;
	}
	do {
		usleep(50000);
		tmem_monitor_stats_get(&stats);
	} while (stats.looks < looks && seed_now() < until);
	tmem_monitor_stop();
	if (tmem_monitor_history_get(&history))
		return 1;
	printf("looks %llu\ncapacity %llu\nkept %zu\n",
	       (unsigned long long)stats.looks,
	       (unsigned long long)history.capacity, points_read());
	return 0;
}
