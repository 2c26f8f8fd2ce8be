// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Switched on and off, and by what rate: at the start by the environment, and
 * at run time.  Threads are stopped meanwhile, since their countdowns change.
 */
#include <errno.h>
#include <tmem/analytics.h>

#include "analytics/core.h"
#include "analytics/events.h"
#include "analytics/names.h"
#include "analytics/record.h"
#include "analytics/sampler.h"
#include "analytics/site.h"
#include "analytics/timeline.h"
#include "core/log.h"
#include "core/settings.h"
#include "pool/heap.h"

#define DEPTH_DEFAULT 8u
#define INTERVAL_DEFAULT ((uint64_t)512 << 10)
#define INTERVAL_MAX ((uint64_t)1 << 40)
#define RECORDS_DEFAULT ((uint64_t)131072)
#define RECORDS_MIN 1024u

_Atomic(bool) tmem_analytics_on;

/* Set before anything is recorded. */
__attribute__((constructor)) static void config_defaults(void)
{
	tmem_analytics_count.max_records = RECORDS_DEFAULT;
	atomic_store(&tmem_analytics_count.depth, DEPTH_DEFAULT);
	atomic_store(&tmem_sampler_interval, INTERVAL_DEFAULT);
	tmem_analytics_count.least_interval = INTERVAL_DEFAULT;
}

static int config_tables(void)
{
	if (tmem_names_open() || tmem_sites_open() || tmem_records_open() ||
	    tmem_timeline_open())
		return -ENOMEM;
	return 0;
}

void tmem_analytics_open(unsigned int mode)
{
	if (mode == TMEM_SETTINGS_ANALYTICS_OFF)
		return;
	if (config_tables()) {
		tmem_log(
			TMEM_LOG_WARN,
			"no memory for the tables of TMEM_ANALYTICS: it is off");
		return;
	}
	if (mode == TMEM_SETTINGS_ANALYTICS_ALL) {
		atomic_store(&tmem_sampler_interval, 0);
		tmem_analytics_count.least_interval = 0;
	}
	atomic_store(&tmem_analytics_on, true);
	tmem_samples_reset();
}

static bool config_valid(const struct tmem_analytics_config *c)
{
	return c->mode <= TMEM_ANALYTICS_ON && c->depth &&
	       c->depth <= TMEM_FRAMES_MAX &&
	       c->interval_bytes <= INTERVAL_MAX &&
	       c->max_records >= RECORDS_MIN &&
	       c->max_records <= TMEM_RECORDS_MAX;
}

/* With the heap lock held, and threads stopped. */
static void config_apply(const struct tmem_analytics_config *c)
{
	tmem_analytics_lock();
	tmem_analytics_count.max_records = c->max_records;
	atomic_store(&tmem_analytics_count.depth, c->depth);
	atomic_store(&tmem_sampler_interval, c->interval_bytes);
	tmem_analytics_count.least_interval = c->interval_bytes;
	atomic_store(&tmem_analytics_on, c->mode == TMEM_ANALYTICS_ON);
	tmem_analytics_unlock();
	tmem_samples_reset();
	tmem_threads_resample();
}

int tmem_analytics_set(const struct tmem_analytics_config *config)
{
	struct tmem_analytics_config c;
	int err;

	if (!tmem_struct_get(&c, sizeof(c), config) || !config_valid(&c))
		return -EINVAL;
	err = tmem_heap_enter();
	if (err)
		return err;
	if (c.mode == TMEM_ANALYTICS_ON)
		err = config_tables();
	if (!err) {
		tmem_threads_stop();
		config_apply(&c);
		tmem_threads_go();
	}
	tmem_heap_leave();
	return err;
}

int tmem_analytics_get(struct tmem_analytics_config *to)
{
	struct tmem_analytics_config c = TMEM_ANALYTICS_INIT;

	tmem_analytics_lock();
	c.mode = tmem_analytics_is_on() ? TMEM_ANALYTICS_ON :
					  TMEM_ANALYTICS_OFF;
	c.depth = atomic_load(&tmem_analytics_count.depth);
	c.interval_bytes = tmem_analytics_count.least_interval;
	c.max_records = tmem_analytics_count.max_records;
	tmem_analytics_unlock();
	return tmem_struct_put(to, &c, sizeof(c)) ? 0 : -EINVAL;
}

int tmem_analytics_stats_get(struct tmem_analytics_stats *to)
{
	struct tmem_analytics_stats s = TMEM_ANALYTICS_STATS_INIT;

	s.metadata_bytes = tmem_analytics_metadata();
	tmem_analytics_lock();
	s.records = tmem_records_count();
	s.records_dropped = tmem_analytics_count.dropped;
	s.samples = tmem_analytics_count.samples;
	s.sites = tmem_sites_count() + (tmem_sites_lost() != 0);
	s.sites_lost = tmem_sites_lost();
	s.interval_bytes = atomic_load(&tmem_sampler_interval);
	s.steps = tmem_analytics_count.steps;
	tmem_analytics_unlock();
	return tmem_struct_put(to, &s, sizeof(s)) ? 0 : -EINVAL;
}
