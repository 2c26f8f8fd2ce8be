// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a look at the idle memory does:
 *
 *  1. note the fewest idle spans since the last look;
 *  2. drain the caches of threads that are idle;
 *  3. what was not needed for the interval goes; when a level is entered, and
 *     every age_ms after that, its share of what was not needed for age_ms;
 *  4. by the order of the scores, until that many spans have gone.
 *
 * Spans go in batches: the heap is free for others between them, the thread
 * can be told to stop, and the first bytes are there early.
 */
#include "gc/cycle.h"

#include <tmem/arena.h>

#include "gc/policy.h"
#include "gc/snapshot.h"

#define BATCH_FIRST 4u
#define BATCH 16u /* 32 MiB: about a millisecond */

#define COUNT(cycle, field, n)                               \
	atomic_fetch_add_explicit(&(cycle)->count->field, n, \
				  memory_order_relaxed)
#define SET(cycle, field, n) \
	atomic_store_explicit(&(cycle)->count->field, n, memory_order_relaxed)

static uint64_t cycle_now(const struct tmem_gc_cycle *cycle)
{
	return cycle->ops->worker->now_ns();
}

void tmem_gc_cycle_start(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_ops *ops,
			 struct tmem_gc_count *count)
{
	*cycle = (struct tmem_gc_cycle){ .ops = ops, .count = count };
	tmem_gc_history_start(&cycle->history, cycle_now(cycle));
}

static bool cycle_stopped(const struct tmem_gc_cycle *cycle)
{
	return cycle->stop &&
	       atomic_load_explicit(cycle->stop, memory_order_relaxed);
}

/* The first bytes since a level became worse. */
static void cycle_reacted(struct tmem_gc_cycle *cycle)
{
	uint64_t now, took;

	if (!cycle->event_ns && cycle->first_ns)
		return;
	now = cycle_now(cycle);
	if (!cycle->first_ns)
		cycle->first_ns = now;
	if (!cycle->event_ns)
		return;
	took = now > cycle->event_ns ? now - cycle->event_ns : 1;
	cycle->event_ns = 0;
	SET(cycle, reaction_ns, took);
	if (took > atomic_load_explicit(&cycle->count->reaction_max_ns,
					memory_order_relaxed))
		SET(cycle, reaction_max_ns, took);
}

/* What an end is: so many bytes given back, or so many spans tried. */
struct goal {
	size_t bytes, spans;
};

static size_t cycle_purge(struct tmem_gc_cycle *cycle,
			  const struct tmem_gc_snapshot *snapshot,
			  uint32_t min_age_ms, struct goal goal)
{
	struct tmem_idle_span batch[BATCH];
	uint32_t index[BATCH];
	size_t n, i, max = BATCH_FIRST, freed, bytes = 0, tried = 0;
	struct tmem_lru lru;

	tmem_lru_start(&lru, snapshot->entries, snapshot->spans,
		       snapshot->count, min_age_ms);
	while (bytes < goal.bytes && tried < goal.spans &&
	       !cycle_stopped(cycle)) {
		/* Not more than is wanted, even if each gives a span. */
		n = (goal.bytes - bytes - 1) / TMEM_SPAN_BYTES + 1;
		if (n > goal.spans - tried)
			n = goal.spans - tried;
		n = tmem_lru_next(&lru, index, n < max ? n : max);
		if (!n)
			break;
		for (i = 0; i < n; i++)
			batch[i] = snapshot->spans[index[i]];
		freed = cycle->ops->idle_purge(batch, n);
		if (freed)
			cycle_reacted(cycle);
		bytes += freed;
		tried += n;
		max = BATCH;
	}
	tmem_gc_history_gone(&cycle->history, bytes / TMEM_SPAN_BYTES);
	COUNT(cycle, purged_bytes, bytes);
	COUNT(cycle, purged_spans, bytes / TMEM_SPAN_BYTES);
	return bytes;
}

/* Spans that were not needed for the time of a setting. */
static uint64_t cycle_unneeded(const struct tmem_gc_cycle *cycle,
			       const struct tmem_gc_snapshot *snapshot,
			       uint32_t ms, uint64_t now)
{
	uint64_t window = tmem_gc_policy_window_ns(ms), aged, low;

	if (!ms)
		return snapshot->count;
	aged = tmem_gc_snapshot_aged(snapshot,
				     (window + TMEM_GC_MS - 1) / TMEM_GC_MS);
	low = tmem_gc_history_low(&cycle->history, now, window);
	return aged > low ? aged : low;
}

/* The share is due again; once only, at the entry, where there is no age. */
static bool cycle_early(const struct tmem_gc_cycle *cycle,
			const struct tmem_gc_level_config *l, uint64_t now)
{
	return l->age_ms &&
	       now - cycle->early_ns >= tmem_gc_policy_window_ns(l->age_ms);
}

static size_t cycle_look(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_level_config *l, bool enter,
			 bool spare)
{
	uint64_t now = cycle_now(cycle), want, early;
	struct tmem_gc_snapshot snapshot;
	size_t bytes;

	tmem_gc_history_add(&cycle->history, now, cycle->ops->idle_low());
	tmem_gc_snapshot_take(&snapshot, cycle->ops);
	want = cycle_unneeded(cycle, &snapshot, l->interval_ms, now);
	SET(cycle, unneeded_bytes, want * TMEM_SPAN_BYTES);
	if (enter || cycle_early(cycle, l, now)) {
		early = cycle_unneeded(cycle, &snapshot, l->age_ms, now);
		early = tmem_gc_policy_share(early, l->share);
		want = early > want ? early : want;
		cycle->early_ns = now;
	}
	/* Not needed lately, but soon: while memory is not short, it stays. */
	if (spare && want)
		want = cycle->ops->idle_spare(snapshot.count, want);
	bytes = cycle_purge(cycle, &snapshot, 0,
			    (struct goal){ SIZE_MAX, want });
	tmem_gc_snapshot_drop(&snapshot);
	return bytes;
}

/* The same, and what belongs to it. */
static size_t cycle_pass(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_config *config,
			 enum tmem_level level, bool enter)
{
	const struct tmem_gc_level_config *l = &config->level[level];
	uint64_t began = cycle_now(cycle);
	uint64_t idle_ms = enter && !l->age_ms ? 0 : tmem_gc_policy_drain_ms(l);
	bool spare = level < TMEM_LEVEL_HIGH && cycle->ops->idle_spare;
	size_t bytes, more = 0;

	/* What is idle already first: it is quicker had. */
	bytes = cycle_look(cycle, l, enter, spare);
	COUNT(cycle, drained_bytes, cycle->ops->threads_drain(idle_ms));
	if (!idle_ms && !cycle_stopped(cycle))
		more = cycle_look(cycle, l, true, spare);
	COUNT(cycle, runs[level], 1);
	SET(cycle, last_run_ns, cycle_now(cycle) - began);
	return bytes + more;
}

size_t tmem_gc_cycle_run(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_config *config,
			 enum tmem_level level)
{
	return cycle_pass(cycle, config, level, true);
}

size_t tmem_gc_cycle_purge(struct tmem_gc_cycle *cycle, size_t want,
			   uint32_t min_age_ms)
{
	struct tmem_gc_snapshot snapshot;
	size_t bytes;

	if (!want)
		return 0;
	tmem_gc_snapshot_take(&snapshot, cycle->ops);
	bytes = cycle_purge(cycle, &snapshot, min_age_ms,
			    (struct goal){ want, SIZE_MAX });
	tmem_gc_snapshot_drop(&snapshot);
	return bytes;
}

/* true: the level is worse than the one before. */
static bool cycle_level(struct tmem_gc_cycle *cycle, enum tmem_level level,
			uint64_t event_ns)
{
	bool worse = level > cycle->level;

	if (level == cycle->level)
		return false;
	cycle->level = level;
	cycle->event_ns = worse ? event_ns : 0;
	COUNT(cycle, level_changes, 1);
	SET(cycle, level, level);
	return worse;
}

/* How long blocks may be in caches that nobody comes back to. */
static void cycle_cached(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_level_config *l, uint64_t now)
{
	cycle->drain_until_ns = now + tmem_gc_policy_drain_ms(l) * TMEM_GC_MS +
				tmem_gc_policy_tick_ns(l);
}

uint64_t tmem_gc_cycle_step(struct tmem_gc_cycle *cycle,
			    const struct tmem_gc_config *config,
			    enum tmem_level level, uint64_t event_ns,
			    bool cached)
{
	const struct tmem_gc_level_config *l = &config->level[level];
	uint64_t now = cycle_now(cycle), tick = tmem_gc_policy_tick_ns(l);
	uint64_t since = now - cycle->last_ns;
	enum tmem_level before = cycle->level;
	bool worse = cycle_level(cycle, level, event_ns ? event_ns : now);

	cycle->first_ns = 0;
	if (cached)
		cycle_cached(cycle, l, now);
	/* Woken for a level that is the same: no need to disturb the heap. */
	if (level == before && cycle->last_ns && since < tick)
		return tick - since;
	cycle->last_ns = now;
	cycle_pass(cycle, config, level, worse);
	/* There was nothing to free: what comes later is no reaction. */
	cycle->event_ns = 0;
	/* After the memory: what bounds caches does not free any by itself. */
	if (level != before)
		cycle->ops->threads_adapt(level);
	now = cycle_now(cycle);
	if (!cycle->ops->idle_now() && now >= cycle->drain_until_ns)
		return TMEM_GC_NEVER;
	return tick;
}
