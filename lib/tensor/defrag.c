// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Defragmentation: empty the spans that hold least, into room that the others
 * have.
 *
 * A plan is made anew in each call, from what the heap and the handles say now,
 * without stopping anybody; what changed meanwhile is found out at each move.
 *
 *   movable    a span all of whose used pages belong to handles that are not
 *              pinned, and are of blocks of a span's size at most
 *   victims    the movable spans with least in them, as many as the room in the
 *              other busy spans (of the same node) has place for:
 *              sum(used of victims) <= sum(free of the rest)
 *
 * Worked: spans that hold 10, 20, 30 and 90 % (of movable blocks): the first
 * two are victims, since 30 <= 70 + 10; with the third it would be 60 > 10.
 *
 * A victim that turns out to have a pinned block stays, and is room for others.
 * One with a block for which there is no room in one piece stays, too, but is
 * none: blocks go to spans that hold more, never to those that hold less, or
 * two calls with a small budget would move the same block to and fro for ever.
 *
 * Cost: a plan takes some 10 ns for each handle and slot; a move, copying the
 * block and two turns with the heap lock; a span given back, 50 us.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "arena/backend.h"
#include "core/lock.h"
#include "core/settings.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/idle.h"
#include "pool/move.h"
#include "tensor/handle.h"

#define PURGE 4u /* spans given back at once */
#define NOBODY UINT32_MAX

/* Tables of one call.  By slot, if it does not say otherwise. */
struct defrag {
	struct tmem_pool *pool;
	const void *caller;
	uint64_t deadline; /* ns; UINT64_MAX: none */
	struct tmem_defrag_report report;
	uint32_t slots, handles;
	char *tables;
	size_t bytes; /* of these */
	uint32_t *head; /* a handle whose block begins there, or NOBODY */
	uint32_t *next; /* by handle: another one */
	uint32_t *order; /* slots that are movable, the emptiest first */
	uint32_t candidates;
	uint32_t cursor; /* where the last block was put */
	uint16_t *used; /* pages in extents */
	uint16_t *movable; /* pages in blocks that could be moved */
	uint8_t *victim;
	uint8_t *class; /* blocks go from slots of one to others of it */
	struct tmem_idle_span empty[PURGE];
	unsigned int emptied;
};

static struct tmem_lock defrag_lock = TMEM_LOCK_INIT;

void tmem_defrag_fork_child(void)
{
	atomic_store(&defrag_lock.word, 0);
}

static uint64_t defrag_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Not before something has been moved: calls with any budget come to an end. */
static bool defrag_is_late(const struct defrag *d)
{
	return d->deadline != UINT64_MAX && d->report.moved_blocks &&
	       defrag_clock() >= d->deadline;
}

static int defrag_open(struct defrag *d)
{
	char *at;

	d->slots = tmem_move_slots();
	d->handles = tmem_handle_count();
	d->bytes =
		d->slots * (2 * sizeof(uint32_t) + 2 * sizeof(uint16_t) + 2) +
		d->handles * sizeof(uint32_t) + 1;
	at = tmem_os_table(d->bytes);
	if (!at)
		return -ENOMEM;
	d->tables = at;
	d->head = (uint32_t *)at;
	d->order = d->head + d->slots;
	d->next = d->order + d->slots;
	d->used = (uint16_t *)(d->next + d->handles);
	d->movable = d->used + d->slots;
	d->victim = (uint8_t *)(d->movable + d->slots);
	d->class = d->victim + d->slots;
	memset(d->head, 0xff, d->slots * sizeof(*d->head));
	return 0;
}

/* 0, pins, or that it is none of this pool's. */
static uint32_t defrag_state(const struct defrag *d, struct tmem_handle *handle)
{
	uint32_t state =
		atomic_load_explicit(&handle->state, memory_order_acquire);

	return atomic_load_explicit(&handle->pool, memory_order_relaxed) ==
			       d->pool ?
		       state :
		       TMEM_HANDLE_FREE;
}

static bool state_is_pinned(uint32_t state)
{
	return state && state < TMEM_HANDLE_LOST;
}

/* The block of a handle that could be moved, as it looks now; false: none. */
static bool defrag_block(const struct defrag *d, uint32_t number,
			 tmem_page_id *id, uint32_t *pages)
{
	struct tmem_handle *handle = tmem_handle_at(number);
	const char *block;

	if (defrag_state(d, handle))
		return false;
	block = atomic_load_explicit(&handle->block, memory_order_relaxed);
	*pages = atomic_load_explicit(&handle->pages, memory_order_relaxed);
	if (!tmem_slot_of(block) || *pages > TMEM_MOVE_MAX)
		return false;
	*id = tmem_page_of(block);
	return tmem_page_slot(*id + *pages - 1) < d->slots;
}

static void defrag_count(struct defrag *d)
{
	uint32_t i, slot, border, pages;
	tmem_page_id id;

	for (i = 0; i < d->handles; i++) {
		if (!defrag_block(d, i, &id, &pages)) {
			d->report.pinned_blocks += state_is_pinned(
				defrag_state(d, tmem_handle_at(i)));
			continue;
		}
		slot = tmem_page_slot(id);
		border = (slot + 1) * TMEM_SLOT_PAGES;
		d->next[i] = d->head[slot];
		d->head[slot] = i;
		if (id + pages <= border) {
			d->movable[slot] += (uint16_t)pages;
			continue;
		}
		d->movable[slot] += (uint16_t)(border - id);
		d->movable[slot + 1] += (uint16_t)(id + pages - border);
	}
}

static bool slot_is_candidate(const struct defrag *d, uint32_t slot)
{
	return d->used[slot] && d->used[slot] < TMEM_SLOT_PAGES &&
	       d->used[slot] == d->movable[slot];
}

/* By pages used, the fewest first. */
static void defrag_sort(struct defrag *d)
{
	uint32_t start[TMEM_SLOT_PAGES + 1] = { 0 }, i, n;

	for (i = 0; i < d->slots; i++)
		if (slot_is_candidate(d, i))
			start[d->used[i]]++;
	for (i = 0; i <= TMEM_SLOT_PAGES; i++) {
		n = start[i];
		start[i] = d->candidates;
		d->candidates += n;
	}
	for (i = 0; i < d->slots; i++)
		if (slot_is_candidate(d, i))
			d->order[start[d->used[i]]++] = i;
}

/* As many of each class as fit into the rest of it. */
static void defrag_choose(struct defrag *d)
{
	int64_t room[TMEM_NODES_MAX] = { 0 };
	uint32_t i, n = 0, slot;

	for (i = 0; i < d->slots; i++)
		if (d->used[i])
			room[d->class[i]] += TMEM_SLOT_PAGES - d->used[i];
	for (i = 0; i < d->candidates; i++) {
		slot = d->order[i];
		/* Its own room is none then, and what it holds takes some. */
		room[d->class[slot]] -= TMEM_SLOT_PAGES;
		if (room[d->class[slot]] < 0)
			continue;
		d->victim[slot] = 1;
		d->order[n++] = slot;
	}
	d->candidates = n;
}

/* With the lock of moves held, and the handle ours. */
static enum tmem_move_result handle_move(struct defrag *d,
					 struct tmem_handle *handle)
{
	char *from = atomic_load_explicit(&handle->block, memory_order_relaxed);
	size_t size = atomic_load_explicit(&handle->size, memory_order_relaxed);
	enum tmem_move_result result;
	void *to;

	if (atomic_load_explicit(&handle->pool, memory_order_relaxed) !=
	    d->pool)
		return TMEM_MOVE_GONE;
	result = tmem_move_begin(d->pool, from, d->victim, d->slots, &d->cursor,
				 &to);
	if (result != TMEM_MOVE_DONE)
		return result;
	memcpy(to, from, size);
	atomic_store_explicit(&handle->block, to, memory_order_relaxed);
	tmem_move_end(from, d->caller);
	d->report.moved_blocks++;
	d->report.moved_bytes += size;
	return TMEM_MOVE_DONE;
}

/* Of a block, or of all in a span. */
enum defrag_result {
	DEFRAG_MOVED,
	DEFRAG_PINNED, /* its span cannot be emptied before somebody lets go */
	DEFRAG_STOPPED, /* its span cannot be emptied in this call */
};

static enum defrag_result defrag_move(struct defrag *d, uint32_t number)
{
	struct tmem_handle *handle = tmem_handle_at(number);
	enum tmem_move_result result = TMEM_MOVE_GONE;
	uint32_t state = 0;

	tmem_handle_move_lock();
	if (atomic_compare_exchange_strong_explicit(
		    &handle->state, &state, TMEM_HANDLE_MOVING,
		    memory_order_acquire, memory_order_relaxed)) {
		result = handle_move(d, handle);
		atomic_store_explicit(&handle->state, 0, memory_order_release);
	}
	tmem_handle_move_unlock();
	if (state_is_pinned(state)) {
		d->report.pinned_blocks++;
		return DEFRAG_PINNED;
	}
	if (result != TMEM_MOVE_NO_ROOM)
		return DEFRAG_MOVED;
	d->report.no_room++;
	return DEFRAG_STOPPED;
}

/* Of the blocks that begin in a slot, those that reach into a victim's. */
static enum defrag_result slot_move(struct defrag *d, uint32_t slot,
				    uint32_t victim)
{
	enum defrag_result result;
	uint32_t i, pages;
	tmem_page_id id;

	for (i = d->head[slot]; i != NOBODY; i = d->next[i]) {
		if (defrag_is_late(d)) {
			d->report.more = 1;
			return DEFRAG_STOPPED;
		}
		/* It may be elsewhere by now, or pinned: that is told. */
		if (atomic_load(&tmem_handle_at(i)->state) == 0 &&
		    (!defrag_block(d, i, &id, &pages) ||
		     tmem_page_slot(id) > victim ||
		     tmem_page_slot(id + pages - 1) < victim))
			continue;
		result = defrag_move(d, i);
		if (result != DEFRAG_MOVED)
			return result;
	}
	return DEFRAG_MOVED;
}

static void defrag_give_back(struct defrag *d)
{
	d->report.returned_bytes += tmem_idle_purge(d->empty, d->emptied);
	d->emptied = 0;
}

static void victim_move(struct defrag *d, uint32_t victim)
{
	enum defrag_result result = DEFRAG_MOVED;

	/* The last block of the slot before may reach into this one. */
	if (victim && d->head[victim - 1] != NOBODY)
		result = slot_move(d, victim - 1, victim);
	if (result == DEFRAG_MOVED)
		result = slot_move(d, victim, victim);
	if (result == DEFRAG_STOPPED)
		return;
	/* Somebody holds it, or has taken memory there: room for others. */
	if (result == DEFRAG_PINNED || !tmem_move_is_empty(victim)) {
		d->victim[victim] = 0;
		return;
	}
	d->report.emptied_spans++;
	d->empty[d->emptied++] = (struct tmem_idle_span){ .slot = victim };
	if (d->emptied == PURGE)
		defrag_give_back(d);
}

static void defrag_work(struct defrag *d)
{
	uint32_t i;

	defrag_count(d);
	defrag_sort(d);
	defrag_choose(d);
	for (i = 0; i < d->candidates && !d->report.more; i++)
		victim_move(d, d->order[i]);
	defrag_give_back(d);
}

static int defrag_run(struct defrag *d, uint64_t budget_us)
{
	struct tmem_move_sum before, after;
	int err = defrag_open(d);

	if (err)
		return err;
	before = tmem_move_look(d->pool, d->used, d->class, d->slots);
	if (budget_us && !tmem_guard_is_on())
		defrag_work(d);
	after = tmem_move_look(d->pool, NULL, NULL, 0);
	tmem_os_table_free(d->tables, d->bytes);
	d->report.busy_before = before.busy * TMEM_SPAN_BYTES;
	d->report.used_before = before.used * TMEM_PAGE_BYTES;
	d->report.busy_after = after.busy * TMEM_SPAN_BYTES;
	d->report.used_after = after.used * TMEM_PAGE_BYTES;
	return 0;
}

int tmem_defragment(struct tmem_pool *pool, uint64_t budget_us,
		    struct tmem_defrag_report *report)
{
	struct defrag d = {
		.pool = pool ? pool : tmem_heap_default_pool(),
		.caller = __builtin_return_address(0),
		.deadline = UINT64_MAX,
	};
	uint64_t start = defrag_clock();
	int err = tmem_heap_enter();

	if (err)
		return err;
	tmem_heap_leave();
	if (report && !tmem_struct_put(report, &d.report, sizeof(d.report)))
		return -EINVAL;
	if (budget_us < (UINT64_MAX - start) / 1000)
		d.deadline = start + budget_us * 1000;
	tmem_lock_take(&defrag_lock);
	err = defrag_run(&d, budget_us);
	tmem_lock_give(&defrag_lock);
	d.report.us = (defrag_clock() - start) / 1000;
	if (!err && report)
		(void)tmem_struct_put(report, &d.report, sizeof(d.report));
	return err;
}
