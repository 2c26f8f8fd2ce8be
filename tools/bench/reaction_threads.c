// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's threads: how soon the collector gives back its first byte when
 * the level is set, how soon each thread ends when it is told to, and what the
 * monitor costs while nothing happens.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <tmem.h>
#include <unistd.h>

#include "bar.h"
#include "reaction.h"

#define BAR_STOP_NS 50000000ull
#define BAR_CPU 0.001

/* ns; @gc, @monitor, @control: until each has stopped */
struct round {
	uint64_t first, gc, monitor, control;
};

static struct tmem_gc_stats gc_stats(void)
{
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	tmem_gc_stats_get(&stats);
	return stats;
}

static struct tmem_monitor_stats monitor_stats(void)
{
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;

	tmem_monitor_stats_get(&stats);
	return stats;
}

static bool gc_is_low(uint64_t unused)
{
	struct tmem_gc_stats stats = gc_stats();

	(void)unused;
	return stats.running && stats.level == TMEM_LEVEL_LOW;
}

static bool gc_has_purged(uint64_t more_than)
{
	return gc_stats().purged_bytes > more_than;
}

static bool monitor_has_looked(uint64_t looks)
{
	return monitor_stats().looks >= looks;
}

static bool wait_until(bool (*fn)(uint64_t arg), uint64_t arg,
		       uint64_t patience_ns)
{
	uint64_t until = reaction_now() + patience_ns;

	while (!fn(arg) && reaction_now() < until)
		usleep(50);
	return fn(arg);
}

/* It is told to stop when it has begun to give back 256 MiB. */
static bool gc_round(struct round *r)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;
	uint64_t purged, began;

	if (tmem_gc_config_set(&config) || tmem_gc_level_set(TMEM_LEVEL_LOW) ||
	    !reaction_make_idle() || !wait_until(gc_is_low, 0, PATIENCE_NS))
		return false;
	purged = gc_stats().purged_bytes;
	tmem_gc_level_set(TMEM_LEVEL_CRITICAL);
	if (!wait_until(gc_has_purged, purged, PATIENCE_NS))
		return false;
	began = reaction_now();
	config.off = 1;
	tmem_gc_config_set(&config);
	r->gc = reaction_now() - began;
	r->first = gc_stats().reaction_ns;
	return true;
}

static bool monitor_round(struct round *r)
{
	struct tmem_monitor_config config = TMEM_MONITOR_CONFIG_INIT;
	uint64_t began;

	config.interval_ms = 3600000;
	if (tmem_monitor_start(&config) ||
	    !wait_until(monitor_has_looked, 1, PATIENCE_NS))
		return false;
	began = reaction_now();
	tmem_monitor_stop();
	r->monitor = reaction_now() - began;
	return true;
}

static bool control_round(struct round *r)
{
	uint64_t began;

	if (tmem_control_start())
		return false;
	began = reaction_now();
	tmem_control_stop();
	r->control = reaction_now() - began;
	return true;
}

/* The share of a CPU over so many looks at the default interval, or -1. */
static double monitor_cost(unsigned int looks)
{
	struct tmem_monitor_stats before, after;
	uint64_t began;

	if (tmem_monitor_start(NULL) ||
	    !wait_until(monitor_has_looked, 1, PATIENCE_NS))
		return -1;
	before = monitor_stats();
	began = reaction_now();
	if (!wait_until(monitor_has_looked, before.looks + looks,
			looks * PATIENCE_NS))
		return -1;
	after = monitor_stats();
	began = reaction_now() - began;
	tmem_monitor_stop();
	return (double)(after.cpu_ns - before.cpu_ns) / (double)began;
}

#define ROW(name, of)                                  \
	reaction_row(name, rounds, sizeof(*rounds), n, \
		     offsetof(struct round, of))

static int rounds_print(const struct round *rounds, unsigned int n)
{
	uint64_t first, gc, monitor, control;
	int missed;

	printf("%u rounds, backend %s\n", n, tmem_backend_name());
	printf("  %-24s %12s %12s %12s\n", "until", "median", "99 %", "worst");
	first = ROW("level set: first byte", first);
	gc = ROW("collector has stopped", gc);
	monitor = ROW("monitor has stopped", monitor);
	control = ROW("control has stopped", control);
	missed = bar_print(first < BAR_FIRST_NS,
			   "collector, first byte within 10 ms");
	missed |= bar_print(gc < BAR_STOP_NS, "collector stops within 50 ms");
	missed |=
		bar_print(monitor < BAR_STOP_NS, "monitor stops within 50 ms");
	missed |= bar_print(control < BAR_STOP_NS,
			    "control socket stops within 50 ms");
	return missed;
}

int reaction_threads(int argc, char **argv)
{
	unsigned int n = argc > 1 ? (unsigned int)atoi(argv[1]) : 50, i;
	static struct round rounds[ROUNDS_MAX];
	double share;
	int missed;

	if (n < 1 || n > ROUNDS_MAX) {
		fprintf(stderr, "reaction: 1 to %u rounds\n", ROUNDS_MAX);
		return 1;
	}
	for (i = 0; i < n; i++)
		if (!gc_round(&rounds[i]) || !monitor_round(&rounds[i]) ||
		    !control_round(&rounds[i])) {
			fprintf(stderr, "reaction: round %u failed\n", i);
			return 1;
		}
	missed = rounds_print(rounds, n);
	share = monitor_cost(n / 5 + 1);
	if (share < 0) {
		fprintf(stderr, "reaction: the monitor does not look\n");
		return 1;
	}
	missed |= bar_print(share <= BAR_CPU,
			    "monitor takes at most %g %% of a CPU: %.4f %%",
			    100 * BAR_CPU, 100 * share);
	return missed;
}
