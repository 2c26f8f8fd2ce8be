// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Giving memory back takes 50 us for a span and more, so it is done with the
 * slots out of their chunks and the heap lock released.
 */
#include "pool/idle.h"

#include <pthread.h>

#include "arena/spans.h"
#include "pool/heap.h"
#include "pool/pages.h"

#define BATCH 32u /* runs of slots that are out of the heap at once */

/* Held while slots are TMEM_SLOT_PURGING.  Taken before the heap lock. */
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

struct idle_run {
	uint32_t first, count;
};

void tmem_idle_lock(void)
{
	pthread_mutex_lock(&idle_lock);
}

void tmem_idle_unlock(void)
{
	pthread_mutex_unlock(&idle_lock);
}

/* Calls fn for each chunk that holds whole slots, until it returns true. */
static bool idle_walk(bool (*fn)(void *ctx, tmem_page_id chunk), void *ctx)
{
	struct tmem_pool *pool;
	unsigned int node, bin;
	tmem_page_id id;

	for (pool = tmem_heap_pools(); pool; pool = pool->next) {
		for (node = 0; node < TMEM_NODES_MAX; node++) {
			struct tmem_chunks *chunks = pool->chunks[node];

			bin = tmem_chunk_bin(TMEM_SLOT_PAGES);
			for (; chunks && (bin = tmem_chunks_next(chunks, bin)) <
						 TMEM_CHUNK_BINS;
			     bin++)
				for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
				     id = tmem_page_at(id)->next)
					if (fn(ctx, id))
						return true;
		}
	}
	return false;
}

struct idle_snapshot {
	struct tmem_idle_span *to;
	size_t max, count;
	uint32_t now;
};

static bool snapshot_chunk(void *ctx, tmem_page_id chunk)
{
	struct idle_snapshot *s = ctx;
	uint32_t first, end = tmem_chunk_slots(chunk, &first), i;

	for (i = first; i < end; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		if (slot->absent)
			continue;
		if (s->count < s->max)
			s->to[s->count] = (struct tmem_idle_span){
				.slot = i,
				.age_ms = s->now - slot->idle_since,
				.uses = slot->uses,
				.node = tmem_span_node(slot->span),
				.run = end - first,
			};
		s->count++;
	}
	return false;
}

size_t tmem_idle_list(struct tmem_idle_span *to, size_t max)
{
	struct idle_snapshot s = { .to = to, .max = max };

	if (!tmem_heap_enter_if_ready())
		return 0;
	s.now = tmem_spans_clock();
	idle_walk(snapshot_chunk, &s);
	tmem_heap_leave();
	return s.count;
}

size_t tmem_idle_count(void)
{
	size_t count;

	if (!tmem_heap_enter_if_ready())
		return 0;
	count = tmem_spans_stats.idle;
	tmem_heap_leave();
	return count;
}

/* Slots that are to go, and lie in a chunk. */
struct idle_pick {
	tmem_page_id chunk;
	uint32_t first, count;
};

static bool pick_chunk(void *ctx, tmem_page_id chunk)
{
	struct idle_pick *pick = ctx;
	uint32_t first, end = tmem_chunk_slots(chunk, &first), i, n;

	for (i = first; i < end && !tmem_slot_at(i)->wanted;)
		i++;
	for (n = 0; i + n < end && tmem_slot_at(i + n)->wanted; n++)
		tmem_slot_at(i + n)->wanted = false;
	*pick = (struct idle_pick){ chunk, i, n };
	return n;
}

/* Take wanted slots out of their chunks, some runs at a time. */
static unsigned int idle_take(struct idle_run *runs)
{
	struct idle_pick pick;
	unsigned int n = 0;
	uint32_t i;

	while (n < BATCH && idle_walk(pick_chunk, &pick)) {
		tmem_pages_cut(pick.chunk, pick.first, pick.count);
		/* Held until it is gone: limits count it. */
		tmem_slot_at(pick.first)->pool->slots += pick.count;
		for (i = 0; i < pick.count; i++)
			tmem_slot_at(pick.first + i)->kind = TMEM_SLOT_PURGING;
		runs[n++] = (struct idle_run){ pick.first, pick.count };
	}
	return n;
}

/* Empty slots are free now; what could not be emptied is a chunk again. */
static void idle_settle(const struct idle_run *run)
{
	uint32_t i, n, end = run->first + run->count;

	for (i = run->first; i < end; i++)
		tmem_slot_at(i)->pool->slots--;
	tmem_spans_retire(run->first, run->count);
	for (i = run->first; i < end; i += n) {
		struct tmem_slot *slot = tmem_slot_at(i);

		for (n = 1; i + n < end && slot[n].kind == slot->kind;)
			n++;
		if (slot->kind == TMEM_SLOT_IDLE)
			tmem_pages_add(slot->pool, slot->node, i, n);
	}
}

static void idle_want(const struct tmem_idle_span *spans, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct tmem_slot *slot = tmem_slot_at(spans[i].slot);

		slot->wanted = slot->kind == TMEM_SLOT_IDLE && !slot->absent;
	}
}

size_t tmem_idle_purge(const struct tmem_idle_span *spans, size_t count)
{
	struct idle_run runs[BATCH];
	uint64_t purged = 0, now;
	unsigned int n, i;

	tmem_idle_lock();
	if (!tmem_heap_enter_if_ready()) {
		tmem_idle_unlock();
		return 0;
	}
	idle_want(spans, count);
	while ((n = idle_take(runs))) {
		now = 0;
		tmem_heap_leave();
		for (i = 0; i < n; i++)
			now += tmem_spans_purge(runs[i].first, runs[i].count);
		tmem_heap_enter_anyway();
		for (i = 0; i < n; i++)
			idle_settle(&runs[i]);
		tmem_spans_stats.purged += now;
		purged += now;
	}
	tmem_heap_leave();
	tmem_idle_unlock();
	return purged * TMEM_SPAN_BYTES;
}
