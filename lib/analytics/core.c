// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Recording: a block that was sampled begins, and ends.
 *
 * Stack and clock are looked at before the lock is taken.  What is done with
 * it held takes about 100 ns, but for thinning, which looks at all records,
 * and happens once for each doubling of the interval.
 */
#define _GNU_SOURCE
#include "analytics/core.h"

#include <errno.h>
#include <time.h>

#include "analytics/context.h"
#include "analytics/events.h"
#include "analytics/names.h"
#include "analytics/node.h"
#include "analytics/record.h"
#include "analytics/sampler.h"
#include "analytics/site.h"
#include "analytics/stack.h"
#include "analytics/timeline.h"
#include "arena/slots.h"
#include "core/lock.h"

#define RATE_NS (1000000000ULL / TMEM_SAMPLES_MAX)
#define PACE_SAMPLES 32u
#define PACE_NS 1000000000ULL /* a look at least so often */
#define PACE_DOUBLINGS 3u /* at once */
#define PACE_INTERVAL_MAX ((uint64_t)1 << 30)
#define INTERVAL_FIRST 4096u /* where each block was recorded before */

struct tmem_analytics_count tmem_analytics_count;

static struct tmem_lock core_lock = TMEM_LOCK_INIT;
static uint64_t core_random;

static uint64_t core_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

_Atomic(uint64_t (*)(void)) tmem_analytics_clock = core_clock;

void tmem_analytics_lock(void)
{
	tmem_lock_take(&core_lock);
}

void tmem_analytics_unlock(void)
{
	tmem_lock_give(&core_lock);
}

static void record_count(const struct tmem_record *record, int sign)
{
	tmem_site_add(tmem_site_at(record->site), (double)record->bytes,
		      record->weight, sign);
	tmem_nodes_add(record, sign);
}

/* As if it had never been. */
static void record_forget(const struct tmem_record *record)
{
	record_count(record, -1);
}

/*
 * What is the chance that this one would have been recorded at the interval of
 * now, given that it was?  It lives with that chance, and then stands for as
 * many more.  false: it goes.
 */
static bool record_thin(struct tmem_record *record, uint64_t interval)
{
	double chance = tmem_sampler_chance(interval, record->bytes);

	if (chance * record->weight >= 1)
		return true;
	if (tmem_sampler_uniform(&core_random) > chance * record->weight)
		return false;
	record->weight = 1 / chance;
	return true;
}

static void core_thin_one(uint32_t place, uint64_t interval)
{
	struct tmem_record *record = tmem_records_at(place), old;

	if (!record)
		return;
	old = *record;
	if (!record_thin(record, interval)) {
		record_forget(&old);
		tmem_records_take(old.address, &old);
		tmem_analytics_count.dropped++;
	} else if (record->weight > old.weight) {
		record_forget(&old);
		record_count(record, 1);
	}
}

/* Room for a quarter of all records at least, if that can be. */
static void core_thin(void)
{
	uint64_t interval, goal = tmem_analytics_count.max_records / 4 * 3;
	uint32_t i;

	interval = atomic_load(&tmem_sampler_interval);
	while (tmem_records_count() > goal && interval < UINT64_MAX / 4) {
		interval = interval ? 2 * interval : INTERVAL_FIRST;
		atomic_store(&tmem_sampler_interval, interval);
		for (i = 0; i < tmem_records_end(); i++)
			core_thin_one(i, interval);
	}
}

/*
 * A block costs 0.4 us from its sample to its end, and some times that where the
 * program has the caches for itself.  More than TMEM_SAMPLES_MAX of them a second would
 * be felt: the interval is doubled then, until there are not; and halved again,
 * down to what was asked for, when there are less than a quarter of that.  Not
 * where every block was asked for.
 */
static void core_pace(uint64_t now)
{
	static uint64_t since, n;
	uint64_t interval = atomic_load(&tmem_sampler_interval);
	uint64_t least = tmem_analytics_count.least_interval;
	uint64_t due = ++n * RATE_NS, spent = now - since;
	unsigned int doublings = 0;

	/* A clock that jumped back begins anew. */
	if (!least || (now >= since && n < PACE_SAMPLES && spent <= PACE_NS))
		return;
	if (now >= since && spent > 4 * due && interval > least)
		interval /= 2;
	while (now >= since && spent < due && interval < PACE_INTERVAL_MAX &&
	       doublings++ < PACE_DOUBLINGS) {
		interval *= 2;
		spent *= 2;
	}
	since = now;
	n = 0;
	atomic_store(&tmem_sampler_interval, interval);
}

/* With the lock held. */
static void core_add(struct tmem_record *record,
		     const struct tmem_origin *origin)
{
	struct tmem_record old;

	if (tmem_records_take(record->address, &old))
		record_forget(&old);
	if (tmem_records_count() >= tmem_analytics_count.max_records)
		core_thin();
	tmem_analytics_count.samples++;
	core_pace(record->time_ns);
	/* The interval may be another by now. */
	if (!record_thin(record, atomic_load(&tmem_sampler_interval)))
		return;
	record->site = tmem_sites_find(origin);
	if (tmem_records_add(record))
		record_count(record, 1);
	else
		tmem_analytics_count.dropped++;
}

void tmem_analytics_take(const void *ptr, const struct tmem_sample *sample,
			 const void *caller)
{
	struct tmem_record record = {
		.address = (uintptr_t)ptr,
		.bytes = sample->bytes,
		.time_ns = tmem_analytics_now(),
		.weight = sample->weight,
		.thread = tmem_context_thread(),
		.node = tmem_slot_of(ptr)->node,
	};
	uint64_t room[TMEM_FRAMES_MAX];
	struct tmem_origin origin;
	int saved = errno;

	tmem_context_origin(&origin, caller, room, tmem_analytics_count.depth);
	tmem_analytics_lock();
	core_add(&record, &origin);
	tmem_analytics_unlock();
	tmem_timeline_tick(record.time_ns);
	errno = saved;
}

static void core_end(const struct tmem_record *record, uint64_t now)
{
	uint64_t life = now > record->time_ns ? now - record->time_ns : 0;

	tmem_site_end(tmem_site_at(record->site), (double)record->bytes,
		      record->weight, life);
	tmem_nodes_add(record, -1);
}

void tmem_analytics_drop(const void *ptr)
{
	struct tmem_record record;
	uint64_t now = tmem_analytics_now();

	tmem_analytics_lock();
	if (tmem_records_take((uintptr_t)ptr, &record))
		core_end(&record, now);
	tmem_analytics_unlock();
}

void tmem_analytics_drop_pool(const struct tmem_pool *pool)
{
	uint64_t now = tmem_analytics_now();
	struct tmem_record *record, old;
	uint32_t i;

	tmem_analytics_lock();
	for (i = 0; i < tmem_records_end(); i++) {
		record = tmem_records_at(i);
		if (!record ||
		    tmem_slot_of((void *)record->address)->pool != pool)
			continue;
		tmem_records_take(record->address, &old);
		core_end(&old, now);
	}
	tmem_analytics_unlock();
}

void tmem_analytics_fork_prepare(void)
{
	tmem_analytics_lock();
}

void tmem_analytics_fork_done(void)
{
	tmem_context_fork();
	tmem_analytics_unlock();
}

void tmem_analytics_inherit(void)
{
	tmem_records_clear();
	tmem_sites_forget_live();
	tmem_nodes_clear();
}

size_t tmem_analytics_metadata(void)
{
	size_t bytes;

	tmem_analytics_lock();
	bytes = tmem_names_metadata() + tmem_sites_metadata() +
		tmem_records_metadata() + tmem_timeline_metadata();
	tmem_analytics_unlock();
	return bytes;
}
