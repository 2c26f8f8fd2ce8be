// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An entry costs a look at the heap's counters (threads are stopped for some
 * microseconds) and at all sites: ten a second, and at steps up to a hundred.
 */
#include "analytics/timeline.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <tmem/gc.h>

#include "analytics/core.h"
#include "analytics/events.h"
#include "analytics/node.h"
#include "analytics/site.h"
#include "arena/backend.h"
#include "monitor/monitor.h"
#include "pool/detail.h"
#include "pool/heap.h"

#define STEP_GAPS 10u /* at steps, so many times as often */

static struct {
	struct tmem_timeline_entry *entry;
	uint32_t count;
	_Atomic(uint64_t) due_ns;
	_Atomic(uint64_t) gap_ns;
} timeline = { .gap_ns = TMEM_TIMELINE_NS };

int tmem_timeline_open(void)
{
	if (!timeline.entry)
		timeline.entry = tmem_os_table(TMEM_TIMELINE_MAX *
					       sizeof(*timeline.entry));
	return timeline.entry ? 0 : -ENOMEM;
}

/* Into those with the most, the most first. */
static void shares_add(struct tmem_timeline_share *shares, uint32_t max,
		       uint32_t id, uint64_t live)
{
	uint32_t k = max - 1;

	if (live <= shares[k].live_bytes)
		return;
	for (; k && shares[k - 1].live_bytes < live; k--)
		shares[k] = shares[k - 1];
	shares[k] = (struct tmem_timeline_share){
		.id = id,
		.live_bytes = live,
	};
}

static void entry_shares(struct tmem_timeline_entry *entry)
{
	uint32_t id;

	for (id = tmem_sites_next(0); id; id = tmem_sites_next(id))
		shares_add(entry->sites, TMEM_TIMELINE_SITES, id,
			   (uint64_t)tmem_site_at(id)->live_bytes);
	for (id = 0; id < TMEM_NODES_MAX; id++)
		shares_add(entry->nodes, TMEM_TIMELINE_NODES, id,
			   tmem_nodes_live(id));
}

/* Half as many, twice as far apart. */
static void timeline_halve(void)
{
	uint32_t i;

	for (i = 0; i < TMEM_TIMELINE_MAX / 2; i++)
		timeline.entry[i] = timeline.entry[2 * i + 1];
	timeline.count = TMEM_TIMELINE_MAX / 2;
	atomic_store(&timeline.gap_ns, 2 * atomic_load(&timeline.gap_ns));
}

static enum tmem_level level_followed(void)
{
	struct tmem_gc_stats gc = TMEM_GC_STATS_INIT;
	enum tmem_level level;

	if (tmem_monitor_level(&level))
		return level;
	tmem_gc_stats_get(&gc);
	return (enum tmem_level)gc.level;
}

/* But for the level and what needs the lock. */
static void entry_heap(struct tmem_timeline_entry *entry)
{
	struct tmem_detail detail;
	unsigned int i;

	tmem_detail_get(&detail);
	entry->live_bytes = detail.stats.live_bytes;
	entry->held_bytes = detail.stats.held_bytes;
	for (i = 0; i < TMEM_TIERS; i++)
		entry->tiers[i] = tmem_tier_live_bytes(&detail.tier[i]);
}

/* With the lock held. */
static void entry_records(struct tmem_timeline_entry *entry)
{
	entry->step = tmem_analytics_count.steps;
	entry_shares(entry);
}

static void timeline_add(uint64_t now)
{
	struct tmem_timeline_entry entry = { .time_ns = now };

	entry_heap(&entry);
	entry.level = level_followed();
	tmem_analytics_lock();
	entry_records(&entry);
	if (timeline.count == TMEM_TIMELINE_MAX)
		timeline_halve();
	timeline.entry[timeline.count++] = entry;
	tmem_analytics_unlock();
}

bool tmem_timeline_look(uint64_t now, struct tmem_timeline_entry *entry)
{
	enum tmem_level level;

	if (!tmem_heap_enter_if_ready())
		return false;
	tmem_heap_leave();
	*entry = (struct tmem_timeline_entry){ .time_ns = now };
	entry_heap(entry);
	entry->level = tmem_monitor_level_look(&level) ? level :
							 level_followed();
	tmem_analytics_lock();
	entry_records(entry);
	tmem_analytics_unlock();
	return true;
}

void tmem_timeline_tick(uint64_t now)
{
	uint64_t due =
		atomic_load_explicit(&timeline.due_ns, memory_order_relaxed);
	uint64_t gap =
		atomic_load_explicit(&timeline.gap_ns, memory_order_relaxed);

	/* A clock that jumped back: due is further off than it was ever set. */
	if ((now < due && due - now <= gap) || !tmem_analytics_is_on())
		return;
	if (atomic_compare_exchange_strong(&timeline.due_ns, &due, now + gap))
		timeline_add(now);
}

void tmem_timeline_step(uint64_t now)
{
	uint64_t gap =
		atomic_load_explicit(&timeline.gap_ns, memory_order_relaxed);
	uint64_t due =
		atomic_load_explicit(&timeline.due_ns, memory_order_relaxed);

	/* The last one was taken a gap before what is due. */
	if (now < due && due - now <= gap && due - now > gap - gap / STEP_GAPS)
		return;
	if (atomic_compare_exchange_strong(&timeline.due_ns, &due, now + gap))
		timeline_add(now);
}

bool tmem_timeline_get(uint32_t i, struct tmem_timeline_entry *entry)
{
	if (i >= timeline.count)
		return false;
	*entry = timeline.entry[i];
	return true;
}

size_t tmem_timeline_metadata(void)
{
	return timeline.count * sizeof(*timeline.entry);
}
