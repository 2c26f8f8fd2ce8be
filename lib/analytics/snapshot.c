// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A snapshot: everything the analytics know, written part by part.  No lock is
 * held while anything is written.
 */
#define _GNU_SOURCE
#include "analytics/snapshot.h"

#include <errno.h>
#include <time.h>
#include <tmem/analytics.h>
#include <tmem/version.h>
#include <unistd.h>

#include "analytics/core.h"
#include "analytics/names.h"
#include "analytics/timeline.h"

static uint64_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void snapshot_head(struct tmem_json *json)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	tmem_json_text(json, "format", "tmem-snapshot");
	tmem_json_number(json, "version", 1);
	tmem_json_number(json, "pid", (uint64_t)getpid());
	tmem_json_text(json, "exe", exe);
	tmem_json_number(json, "time_ns", tmem_analytics_now());
	tmem_json_number(json, "wall_ns", wall_clock());
	tmem_json_text(json, "library", tmem_version());
}

static void snapshot_analytics(struct tmem_json *json)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	struct tmem_analytics_stats stats = TMEM_ANALYTICS_STATS_INIT;

	tmem_analytics_get(&config);
	tmem_analytics_stats_get(&stats);
	tmem_json_begin(json, "analytics", '{');
	tmem_json_text(json, "mode",
		       config.mode == TMEM_ANALYTICS_OFF ? "off" :
		       config.interval_bytes		 ? "on" :
							   "all");
	tmem_json_number(json, "interval_bytes", stats.interval_bytes);
	tmem_json_number(json, "depth", config.depth);
	tmem_json_number(json, "max_records", config.max_records);
	tmem_json_number(json, "samples", stats.samples);
	tmem_json_number(json, "records", stats.records);
	tmem_json_number(json, "records_dropped", stats.records_dropped);
	tmem_json_number(json, "sites_lost", stats.sites_lost);
	tmem_json_number(json, "metadata_bytes", stats.metadata_bytes);
	tmem_json_end(json, '}');
}

static void snapshot_steps(struct tmem_json *json)
{
	uint32_t name;
	uint64_t steps;

	tmem_analytics_lock();
	steps = tmem_analytics_count.steps;
	name = tmem_analytics_count.step_name;
	tmem_analytics_unlock();
	tmem_json_begin(json, "steps", '{');
	tmem_json_number(json, "count", steps);
	tmem_json_text(json, "last", tmem_names_text(name));
	tmem_json_end(json, '}');
}

static void timeline_shares(struct tmem_json *json, const char *key,
			    const struct tmem_timeline_share *shares,
			    unsigned int max)
{
	unsigned int i;

	tmem_json_begin(json, key, '[');
	for (i = 0; i < max && shares[i].live_bytes; i++) {
		tmem_json_begin(json, NULL, '[');
		tmem_json_number(json, NULL, shares[i].id);
		tmem_json_number(json, NULL, shares[i].live_bytes);
		tmem_json_end(json, ']');
	}
	tmem_json_end(json, ']');
}

static void timeline_entry(struct tmem_json *json,
			   const struct tmem_timeline_entry *entry)
{
	unsigned int i;

	tmem_json_begin(json, NULL, '{');
	tmem_json_number(json, "time_ns", entry->time_ns);
	tmem_json_number(json, "step", entry->step);
	tmem_json_number(json, "level", entry->level);
	tmem_json_number(json, "live_bytes", entry->live_bytes);
	tmem_json_number(json, "held_bytes", entry->held_bytes);
	tmem_json_begin(json, "tiers", '[');
	for (i = 0; i < TMEM_TIERS; i++)
		tmem_json_number(json, NULL, entry->tiers[i]);
	tmem_json_end(json, ']');
	timeline_shares(json, "nodes", entry->nodes, TMEM_TIMELINE_NODES);
	timeline_shares(json, "sites", entry->sites, TMEM_TIMELINE_SITES);
	tmem_json_end(json, '}');
}

static void snapshot_timeline(struct tmem_json *json)
{
	struct tmem_timeline_entry entry;
	uint64_t last = 0;
	uint32_t i = 0;
	bool more;

	tmem_json_begin(json, "timeline", '[');
	do {
		tmem_analytics_lock();
		more = tmem_timeline_get(i++, &entry);
		tmem_analytics_unlock();
		/* Entries move when there are many: some are not seen then. */
		if (!more || entry.time_ns < last)
			continue;
		last = entry.time_ns;
		timeline_entry(json, &entry);
	} while (more);
	/* A process may have done nothing, and noticed nothing, for long. */
	if (tmem_timeline_look(tmem_analytics_now(), &entry))
		timeline_entry(json, &entry);
	tmem_json_end(json, ']');
}

int tmem_snapshot_write(int fd, unsigned int flags)
{
	struct tmem_json json;
	int saved = errno, err;

	if (flags & ~TMEM_SNAPSHOT_RECORDS)
		return -EINVAL;
	err = tmem_json_open(&json, fd);
	if (err)
		return err;
	tmem_json_begin(&json, NULL, '{');
	snapshot_head(&json);
	snapshot_analytics(&json);
	tmem_snapshot_heap(&json);
	tmem_snapshot_health(&json);
	tmem_snapshot_advice(&json);
	tmem_snapshot_modules(&json);
	tmem_snapshot_sites(&json);
	tmem_snapshot_tags(&json);
	snapshot_steps(&json);
	snapshot_timeline(&json);
	if (flags & TMEM_SNAPSHOT_RECORDS)
		tmem_snapshot_records(&json);
	tmem_snapshot_threads(&json);
	tmem_json_end(&json, '}');
	err = tmem_json_close(&json);
	errno = saved;
	return err;
}
