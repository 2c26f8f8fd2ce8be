// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memory for spans takes 110 us each, and up to 5 ms where a hypervisor had
 * taken the page: it is got without the heap lock.  The slots are out of all
 * chunks meanwhile, as those that are given back are (pool/idle.c).
 */
#include "optimizer/fetch.h"

#include <string.h>

#include "arena/spans.h"
#include "pool/heap.h"
#include "pool/idle.h"
#include "pool/pages.h"

/* An emergency waits for so many: 10 ms, at worst, on anonymous memory. */
#define BATCH_ANON 2u
#define BATCH_DEV 16u /* filled in parallel */
#define RETURN_MAX 64u

static unsigned int node_index(unsigned int node)
{
	return node < TMEM_LEARN_NODES ? node : TMEM_LEARN_NODES - 1;
}

void tmem_fetch_look(struct tmem_plan_state *state)
{
	uint32_t i;

	memset(state, 0, sizeof(*state));
	if (!tmem_heap_enter_if_ready())
		return;
	for (i = 0; i < tmem_slots.used; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);
		unsigned int node = node_index(tmem_span_node(slot->span));

		state->node_busy[node] += slot->kind == TMEM_SLOT_BUSY;
		state->node_idle[node] += slot->kind == TMEM_SLOT_IDLE &&
					  !slot->absent;
	}
	state->busy = tmem_spans_stats.busy;
	state->idle = tmem_spans_stats.idle;
	state->room = tmem_heap_room(tmem_heap_default_pool());
	tmem_heap_leave();
}

/* With the heap lock held: a place for n slots, where the last ones ended. */
static bool fetch_place(uint32_t want, uint32_t n, uint32_t *to)
{
	if (*to != TMEM_NO_SLOT && tmem_slots_are_free(*to, n))
		return true;
	*to = tmem_slots_alloc(want, 1);
	if (*to == TMEM_NO_SLOT)
		*to = tmem_slots_alloc(n, 1);
	return *to != TMEM_NO_SLOT;
}

/* So too: n slots that limits count from here on. */
static uint32_t fetch_begin(unsigned int node, uint32_t want, uint64_t target,
			    uint32_t *to)
{
	uint64_t held = tmem_spans_stats.busy + tmem_spans_stats.idle;
	struct tmem_pool *pool = tmem_heap_default_pool();
	unsigned int class = tmem_pages_class(pool, node);
	uint32_t n = tmem_supply_must_populate() ? BATCH_DEV : BATCH_ANON, i;

	if (held >= target)
		return 0;
	if (n > target - held)
		n = (uint32_t)(target - held);
	if (n > want)
		n = want;
	if (n > tmem_heap_room(pool))
		n = tmem_heap_room(pool);
	if (!n || !tmem_pages_chunks(pool, class) || !fetch_place(want, n, to))
		return 0;
	n = tmem_spans_fetch(node, *to, n);
	for (i = 0; i < n; i++) {
		tmem_slot_at(*to + i)->pool = pool;
		tmem_slot_at(*to + i)->node = (uint8_t) class;
	}
	pool->slots += n;
	return n;
}

static void fetch_end(unsigned int node, uint32_t to, uint32_t n, bool ok)
{
	struct tmem_pool *pool = tmem_heap_default_pool();

	pool->slots -= n;
	tmem_spans_fetch_end(to, n, ok);
	if (ok)
		tmem_pages_add(pool, tmem_pages_class(pool, node), to, n);
}

uint32_t tmem_fetch_spans(unsigned int node, uint32_t want, uint64_t target,
			  uint32_t *to)
{
	uint32_t n;
	int err;

	tmem_idle_lock();
	if (!tmem_heap_enter_if_ready()) {
		tmem_idle_unlock();
		return 0;
	}
	n = fetch_begin(node, want, target, to);
	tmem_heap_leave();
	if (n) {
		err = tmem_spans_fetch_fill(*to, n);
		tmem_heap_enter_anyway();
		fetch_end(node, *to, n, !err);
		tmem_heap_leave();
		*to += n;
		if (err)
			n = 0;
	}
	tmem_idle_unlock();
	return n;
}

bool tmem_fetch_gather(uint64_t bytes)
{
	struct tmem_pool *pool = tmem_heap_default_pool();
	struct tmem_pages_how how = { 0 };
	struct tmem_chunks *chunks;
	uint32_t pages = tmem_pages_for(bytes);
	bool done = false;

	if (bytes > TMEM_EXTENT_MAX || !tmem_heap_enter_if_ready())
		return false;
	pages = pool->ops->round(pages);
	chunks = tmem_pages_chunks(pool, tmem_pages_here(pool));
	/* What is idle must do: nothing is taken from the system here. */
	if (chunks && tmem_spans_stats.idle * TMEM_SLOT_PAGES >= pages &&
	    tmem_spans_stats.idle + tmem_spans_stats.busy >=
		    tmem_heap_span_goal() &&
	    pool->ops->find(chunks, pages, 1) == TMEM_NO_PAGE)
		done = tmem_gather(pool, tmem_supply_wanted(), false, pages, 1,
				   &how);
	tmem_heap_leave();
	return done;
}

/* Fetched, and not used; it may be for the step that is under way, unless all. */
static size_t return_pick(struct tmem_idle_span *to, bool all, bool age)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < tmem_slots.used; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);

		if (slot->kind != TMEM_SLOT_IDLE || !slot->fetched)
			continue;
		if ((all || slot->fetched > 1) && n < RETURN_MAX)
			to[n++] = (struct tmem_idle_span){ .slot = i };
		else if (age && slot->fetched == 1)
			slot->fetched = 2;
	}
	return n;
}

void tmem_fetch_return(bool all)
{
	struct tmem_idle_span spans[RETURN_MAX];
	bool age = true;
	size_t n;

	do {
		if (!tmem_heap_enter_if_ready())
			return;
		n = 0;
		if (tmem_spans_stats.fetched >
		    tmem_spans_stats.fetched_used +
			    tmem_spans_stats.fetched_lost)
			n = return_pick(spans, all, age);
		tmem_heap_leave();
		age = false;
	} while (n && tmem_idle_purge(spans, n) && n == RETURN_MAX);
}
