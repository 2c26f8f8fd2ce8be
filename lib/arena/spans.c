// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What happens to spans, and what it costs (measured, 2 MiB): a store to make
 * one idle, a compare-exchange to have it back, 5 us to move it, 110 us to
 * have a fresh one, up to 5 ms where a hypervisor had taken the page.
 */
#define _GNU_SOURCE
#include "arena/spans.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "arena/backend.h"

#define FILL_SPANS 64u /* at once: 128 MiB */

struct tmem_spans_stats tmem_spans_stats;

static uint64_t spans_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t tmem_spans_clock(void)
{
	return (uint32_t)spans_now();
}

static struct tmem_arena *slot_arena(const struct tmem_slot *slot)
{
	return tmem_supply_arena(slot->span);
}

/* Slots from first on, below end, whose spans are in a row in one arena. */
static uint32_t slots_in_row(uint32_t first, uint32_t end)
{
	tmem_span_id span = tmem_slot_at(first)->span;
	uint32_t n = 1;

	while (first + n < end && tmem_slot_at(first + n)->span == span + n &&
	       tmem_slot_at(first + n)->absent == tmem_slot_at(first)->absent)
		n++;
	return n;
}

/* Memory behind slots in a row, where a touch must not fail.  0 or -ENOMEM. */
static int slots_fill(uint32_t first, uint32_t count)
{
	tmem_span_id span = tmem_slot_at(first)->span;

	if (!tmem_supply_must_populate())
		return 0;
	return tmem_arena_populate(tmem_supply_arena(span),
				   tmem_span_index(span), count);
}

/* Some of them may have been filled before the memory was all. */
static void spans_empty(tmem_span_id first, uint32_t count)
{
	struct tmem_arena *arena = tmem_supply_arena(first);
	uint32_t index = tmem_span_index(first), i;

	for (i = 0; i < count; i++)
		tmem_arena_release(arena, index + i);
	tmem_arena_purge(arena, index, count, NULL);
	for (i = 0; i < count; i++)
		tmem_arena_mark_purged(arena, index + i);
}

/* Spans that were taken from the supply for nothing go back. */
static void supply_unmap(uint32_t to, tmem_span_id first, uint32_t count)
{
	struct tmem_arena *arena = tmem_supply_arena(first);
	uint32_t index = tmem_span_index(first);

	spans_empty(first, count);
	tmem_arena_unmap(arena, index, count);
	tmem_slots_free(to, count);
	tmem_supply_give(first, count);
}

/* Spans of a node, mapped behind slots, and ours. */
static uint32_t supply_map(unsigned int node, uint32_t to, uint32_t want)
{
	struct tmem_arena *arena;
	tmem_span_id first;
	uint32_t n, i;

	n = tmem_supply_take(node, want, &first);
	if (!n)
		return 0;
	arena = tmem_supply_arena(first);
	if (!tmem_arena_map(arena, tmem_slot_addr(to), tmem_span_index(first),
			    n)) {
		tmem_supply_give(first, n);
		return 0;
	}
	for (i = 0; i < n; i++) {
		/* Of a span that was given back the word is PURGED. */
		tmem_arena_claim(arena, tmem_span_index(first + i));
		tmem_slot_at(to + i)->span = first + i;
	}
	return n;
}

/*
 * On /dev/tmem a fresh span is filled here, while it is still easy to go to
 * another node for it, and stays held: else the kernel could take it back to
 * fill the next one.
 */
static uint32_t supply_try(unsigned int node, uint32_t to, uint32_t want)
{
	bool filled = tmem_supply_must_populate();
	uint32_t now = tmem_spans_clock(), n, i;

	n = supply_map(node, to, want);
	if (!n)
		return 0;
	if (slots_fill(to, n)) {
		supply_unmap(to, tmem_slot_at(to)->span, n);
		return 0;
	}
	for (i = 0; i < n; i++) {
		struct tmem_slot *slot = tmem_slot_at(to + i);

		if (!filled)
			tmem_arena_mark_purged(slot_arena(slot),
					       tmem_span_index(slot->span));
		slot->absent = !filled;
		slot->zero = true;
		slot->idle_since = now;
		slot->uses = 0;
		slot->kind = TMEM_SLOT_IDLE;
	}
	if (filled) {
		tmem_spans_stats.filled += n;
		tmem_spans_stats.idle += n;
	}
	tmem_slots_reach(to + n);
	return n;
}

uint32_t tmem_spans_supply(unsigned int node, uint32_t to, uint32_t want)
{
	uint32_t n = 0;

	if (want > FILL_SPANS)
		want = FILL_SPANS;
	/* A node that has room for some of them only gives these. */
	for (; !n && want; want /= 2)
		n = supply_try(node, to, want);
	return n;
}

uint32_t tmem_spans_fetch(unsigned int node, uint32_t to, uint32_t want)
{
	uint32_t n = supply_map(node, to, want), i;

	for (i = 0; i < n; i++) {
		struct tmem_slot *slot = tmem_slot_at(to + i);

		slot->absent = true;
		slot->zero = true;
		slot->kind = TMEM_SLOT_PURGING;
	}
	tmem_slots_reach(to + n);
	return n;
}

int tmem_spans_fetch_fill(uint32_t to, uint32_t count)
{
	tmem_span_id span = tmem_slot_at(to)->span;

	return tmem_arena_populate(tmem_supply_arena(span),
				   tmem_span_index(span), count);
}

void tmem_spans_fetch_end(uint32_t to, uint32_t count, bool ok)
{
	uint32_t now = tmem_spans_clock(), i;

	if (!ok) {
		supply_unmap(to, tmem_slot_at(to)->span, count);
		return;
	}
	for (i = to; i < to + count; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);

		slot->absent = false;
		slot->fetched = 1;
		slot->idle_since = now;
		slot->kind = TMEM_SLOT_IDLE;
		tmem_arena_release(slot_arena(slot),
				   tmem_span_index(slot->span));
	}
	tmem_spans_stats.filled += count;
	tmem_spans_stats.fetched += count;
	tmem_spans_stats.idle += count;
}

/* What was fetched ahead is used now, or goes unused. */
static inline void slot_fetched(struct tmem_slot *slot, uint64_t *count)
{
	if (__builtin_expect(!slot->fetched, 1))
		return;
	++*count;
	slot->fetched = 0;
}

/* Somebody had its memory while it was idle. */
static void slot_lost(struct tmem_slot *slot)
{
	slot_fetched(slot, &tmem_spans_stats.fetched_lost);
	if (!slot->absent) {
		tmem_spans_stats.lost++;
		tmem_spans_stats.idle--;
	}
	slot->absent = true;
	slot->zero = true;
}

void tmem_spans_hold(uint32_t first, uint32_t count)
{
	uint32_t i;

	if (!tmem_supply_must_populate())
		return;
	for (i = first; i < first + count; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);

		if (tmem_arena_claim(slot_arena(slot),
				     tmem_span_index(slot->span)) == 1)
			slot_lost(slot);
	}
}

void tmem_spans_let_go(uint32_t first, uint32_t count)
{
	uint32_t i;

	if (!tmem_supply_must_populate())
		return;
	for (i = first; i < first + count; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);

		if (slot->absent)
			tmem_arena_mark_purged(slot_arena(slot),
					       tmem_span_index(slot->span));
		else
			tmem_arena_release(slot_arena(slot),
					   tmem_span_index(slot->span));
	}
}

/* Slots whose spans follow each other: they can move in one go. */
static uint32_t spans_in_row(uint32_t first, uint32_t count)
{
	tmem_span_id span = tmem_slot_at(first)->span;
	uint32_t n = 1;

	while (n < count && tmem_slot_at(first + n)->span == span + n)
		n++;
	return n;
}

/*
 * Neighbours, in one call.  false, and nothing has happened, where they are of
 * several mappings.  Nobody purges a span that is in a chunk (pool/idle.c).
 */
static bool spans_move_all(uint32_t from, uint32_t to, uint32_t count)
{
	size_t bytes = count * TMEM_SPAN_BYTES;
	uint32_t i;

	if (count < 2 ||
	    !tmem_arena_has_mremap(slot_arena(tmem_slot_at(from))) ||
	    tmem_os_move(tmem_slot_addr(from), tmem_slot_addr(to), bytes))
		return false;
	/* They are moved, whatever becomes of the old addresses. */
	(void)tmem_os_unreach(tmem_slot_addr(from), bytes);
	for (i = 0; i < count; i++) {
		struct tmem_slot *slot = tmem_slot_at(from + i);

		tmem_arena_moved(slot_arena(slot), tmem_span_index(slot->span),
				 tmem_slot_addr(to + i));
	}
	return true;
}

uint32_t tmem_spans_move(uint32_t from, uint32_t to, uint32_t count)
{
	bool all = spans_move_all(from, to, count);
	uint32_t done;
	tmem_span_id span;

	/* Else one by one: where it fails it is known which. */
	for (done = 0; done < count; done++) {
		span = tmem_slot_at(from + done)->span;
		if (!all && !tmem_arena_map(tmem_supply_arena(span),
					    tmem_slot_addr(to + done),
					    tmem_span_index(span), 1))
			break;
		*tmem_slot_at(to + done) = *tmem_slot_at(from + done);
		tmem_slots_free(from + done, 1);
	}
	tmem_spans_stats.moved += done;
	tmem_slots_reach(to + done);
	return done;
}

/* The span is ours.  Where the kernel has taken its memory, it is fresh. */
static void slot_claim(struct tmem_slot *slot)
{
	bool known = slot->absent;

	if (tmem_arena_claim(slot_arena(slot), tmem_span_index(slot->span)) ==
	    1)
		slot_lost(slot);
	else if (!known)
		tmem_spans_stats.idle--;
	slot_fetched(slot, &tmem_spans_stats.fetched_used);
	slot->uses++;
	slot->kind = TMEM_SLOT_BUSY;
	tmem_spans_stats.busy++;
}

static void slot_release(struct tmem_slot *slot, uint32_t now, uint32_t word)
{
	tmem_spans_stats.busy--;
	slot->idle_since = now;
	slot->kind = TMEM_SLOT_IDLE;
	if (slot->absent) {
		tmem_arena_mark_purged(slot_arena(slot),
				       tmem_span_index(slot->span));
		return;
	}
	tmem_spans_stats.idle++;
	tmem_arena_release_as(slot_arena(slot), tmem_span_index(slot->span),
			      word);
}

void tmem_spans_release(uint32_t first, uint32_t count)
{
	uint64_t now = spans_now();
	uint32_t word = tmem_arena_idle_word_at(now), i;

	for (i = first; i < first + count; i++)
		slot_release(tmem_slot_at(i), (uint32_t)now, word);
}

int tmem_spans_claim(uint32_t first, uint32_t count, bool *fresh)
{
	uint32_t end = first + count, i, n, j;
	bool absent = false;
	int err = 0;

	for (i = first; i < end; i++) {
		slot_claim(tmem_slot_at(i));
		absent |= tmem_slot_at(i)->absent;
	}
	for (i = first; absent && !err && i < end; i += n) {
		n = slots_in_row(i, end);
		if (!tmem_slot_at(i)->absent)
			continue;
		err = slots_fill(i, n);
		if (err) {
			spans_empty(tmem_slot_at(i)->span, n);
			break;
		}
		for (j = i; j < i + n; j++)
			tmem_slot_at(j)->absent = false;
		tmem_spans_stats.filled += n;
		*fresh = true;
	}
	if (err)
		tmem_spans_release(first, count);
	return err ? -ENOMEM : 0;
}

uint32_t tmem_spans_purge(uint32_t first, uint32_t count)
{
	uint32_t end = first + count, purged = 0, i, n, freed;

	for (i = first; i < end; i += n) {
		struct tmem_slot *slot = tmem_slot_at(i);

		n = spans_in_row(i, end - i);
		freed = 0;
		tmem_arena_purge(slot_arena(slot), tmem_span_index(slot->span),
				 n, &freed);
		purged += freed;
	}
	return purged;
}

/* Slots whose spans are empty, and in a row; or the reverse. */
static uint32_t slots_gone(uint32_t first, uint32_t end, bool *gone)
{
	uint32_t n = 0;

	do {
		struct tmem_slot *slot = tmem_slot_at(first + n);
		bool is = tmem_arena_is_purged(slot_arena(slot),
					       tmem_span_index(slot->span));

		if (!n)
			*gone = is;
		else if (is != *gone ||
			 slot->span != tmem_slot_at(first)->span + n)
			break;
		n++;
	} while (first + n < end);
	return n;
}

void tmem_spans_retire(uint32_t first, uint32_t count)
{
	uint32_t end = first + count, i, j, n;
	tmem_span_id span;
	bool gone;

	for (i = first; i < end; i += n) {
		n = slots_gone(i, end, &gone);
		for (j = i; j < i + n; j++) {
			if (!gone)
				tmem_slot_at(j)->kind = TMEM_SLOT_IDLE;
			else if (!tmem_slot_at(j)->absent)
				tmem_spans_stats.idle--;
			if (gone)
				slot_fetched(tmem_slot_at(j),
					     &tmem_spans_stats.fetched_lost);
		}
		if (!gone)
			continue;
		span = tmem_slot_at(i)->span;
		tmem_arena_unmap(tmem_supply_arena(span), tmem_span_index(span),
				 n);
		tmem_supply_give(span, n);
		tmem_slots_free(i, n);
	}
}

void tmem_spans_inherit(bool readable)
{
	uint32_t i;

	for (i = 0; i < tmem_slots.used; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);
		char *addr = tmem_slot_addr(i);

		if (slot->kind == TMEM_SLOT_FREE)
			continue;
		if (slot->kind != TMEM_SLOT_BUSY &&
		    slot->kind != TMEM_SLOT_INHERITED) {
			tmem_os_unreach(addr, TMEM_SPAN_BYTES);
			tmem_slots_free(i, 1);
			continue;
		}
		/* Rather no access to the parent's memory than to write it. */
		if ((!readable || mprotect(addr, TMEM_SPAN_BYTES, PROT_READ)) &&
		    tmem_os_unreach(addr, TMEM_SPAN_BYTES))
			munmap(addr, TMEM_SPAN_BYTES);
		slot->kind = TMEM_SLOT_INHERITED;
	}
	memset(&tmem_spans_stats, 0, sizeof(tmem_spans_stats));
}
