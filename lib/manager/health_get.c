// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where the figures of the score come from.  What no part of the library knows
 * is left out of the score, and said.
 *
 * Locks: the one here is a leaf.  All figures are read before it is taken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <tmem/analytics.h>
#include <tmem/arena.h>
#include <tmem/monitor.h>
#include <tmem/pool.h>

#include "core/lock.h"
#include "core/settings.h"
#include "manager/health.h"
#include "monitor/monitor.h"

#define LEAKS_MAX 256u

_Atomic(uint64_t (*)(void)) tmem_health_clock = tmem_monitor_now_ns;

static uint64_t health_now_ns(void)
{
	return atomic_load_explicit(&tmem_health_clock, memory_order_relaxed)();
}

/* What the calls before have left behind. */
static struct {
	struct tmem_lock lock;
	struct tmem_health_band_state band;
	struct tmem_health_memory failures;
} past;

/*
 * The lock may have been another thread's at the moment of a fork: then what it
 * guards may be half written, and is forgotten.
 */
static void past_fork_child(void)
{
	if (atomic_load(&past.lock.word)) {
		memset(&past.band, 0, sizeof(past.band));
		memset(&past.failures, 0, sizeof(past.failures));
	}
	atomic_store(&past.lock.word, 0);
}

__attribute__((constructor)) static void past_prepare(void)
{
	pthread_atfork(NULL, NULL, past_fork_child);
}

/* The monitor's word where it runs, our own look where it does not. */
static void get_pressure(struct tmem_health_inputs *in)
{
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	struct tmem_monitor_trend trend = TMEM_MONITOR_TREND_INIT;

	in->unknown |= 1u << TMEM_HEALTH_TREND;
	tmem_monitor_stats_get(&stats);
	if (stats.running && !tmem_monitor_sample_get(&sample) &&
	    !tmem_monitor_trend_get(&trend) && trend.samples >= 2) {
		in->unknown &= ~(1u << TMEM_HEALTH_TREND);
		/*
		 * Both of one look.  What it does not believe it predicts no
		 * change for.
		 */
		in->rise = sample.predicted - sample.ratio;
		in->confidence = trend.r2;
	} else if (!stats.running || !sample.time_ns) {
		tmem_monitor_look(&sample);
	}
	in->pressure = sample.ratio;
	/* No look yet: an empty sample has nothing. */
	if (!sample.have)
		in->unknown |= 1u << TMEM_HEALTH_PRESSURE |
			       1u << TMEM_HEALTH_TREND;
}

static void get_leaks(struct tmem_health_inputs *in)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	struct tmem_analytics_stats stats = TMEM_ANALYTICS_STATS_INIT;
	struct tmem_leak leaks[LEAKS_MAX];
	int i, n;

	tmem_analytics_get(&config);
	tmem_analytics_stats_get(&stats);
	/* Switched off, what was found is not up to date. */
	if (config.mode == TMEM_ANALYTICS_OFF || !stats.steps) {
		in->unknown |= 1u << TMEM_HEALTH_LEAK;
		return;
	}
	n = tmem_leaks_get(leaks, LEAKS_MAX);
	for (i = 0; i < n; i++) {
		in->leaks++;
		in->leaked += (double)leaks[i].live_bytes;
	}
}

static void get_heap(struct tmem_health_inputs *in,
		     const struct tmem_stats *stats)
{
	uint64_t idle = stats->spans_idle * TMEM_SPAN_BYTES;

	in->held = (double)stats->held_bytes;
	in->live = (double)stats->live_bytes;
	in->inside = (double)stats->waste_bytes;
	if (stats->free_bytes > idle)
		in->between = (double)(stats->free_bytes - idle);
}

double tmem_health_failures(uint64_t failures)
{
	uint64_t now = health_now_ns();
	double lately;

	tmem_lock_take(&past.lock);
	lately = tmem_health_remember(&past.failures, failures, now);
	tmem_lock_give(&past.lock);
	return lately;
}

int tmem_health_get(struct tmem_health *to)
{
	struct tmem_health health = TMEM_HEALTH_INIT;
	struct tmem_health_inputs in = { 0 };
	struct tmem_stats stats = TMEM_STATS_INIT;
	uint64_t now;
	size_t size;

	/* A wrong struct_size must not count as a look. */
	memcpy(&size, to, sizeof(size));
	if (size < sizeof(size) || size > 4096)
		return -EINVAL;
	tmem_stats_get(&stats);
	get_heap(&in, &stats);
	get_pressure(&in);
	get_leaks(&in);
	in.failures = tmem_health_failures(stats.failures);
	if (tmem_health_of(&in, &health))
		return -EINVAL;
	now = health_now_ns();
	tmem_lock_take(&past.lock);
	health.band = tmem_health_band_next(&past.band, health.score, now);
	tmem_lock_give(&past.lock);
	return tmem_struct_put(to, &health, sizeof(health)) ? 0 : -EINVAL;
}
