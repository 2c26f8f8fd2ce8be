// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Windows: get, put, trim.
 *
 * Order in which memory for a window is looked for:
 *  1. an idle window of just this size: nothing to do but claim its spans;
 *  2. spans of other idle windows of the wanted node, moved here.  The window
 *     that fits best is taken apart, so that few calls are needed;
 *  3. spans of that node that hold no memory yet;
 *  4. 2 and 3 on the other nodes, nearest first.
 * (Under TMEM_NUMA_INTERLEAVE idle spans of all nodes come before 3.)
 * Moving comes before fresh memory because it costs a system call where fresh
 * memory costs clearing 2 MiB, and because it keeps the footprint down.
 */
#define _GNU_SOURCE
#include "arena/windows.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/backend.h"
#include "arena/slots.h"

#define ALIKE_BUCKETS 256u
#define FILL_SPANS 64u /* at once: 128 MiB */

static struct {
	uint32_t oldest, newest; /* idle windows */
	uint32_t alike[ALIKE_BUCKETS]; /* idle windows by count */
	struct tmem_windows_stats stats;
} windows;

int tmem_windows_open(void)
{
	unsigned int i;

	windows.oldest = windows.newest = TMEM_NO_SLOT;
	for (i = 0; i < ALIKE_BUCKETS; i++)
		windows.alike[i] = TMEM_NO_SLOT;
	return tmem_slots_open(tmem_supply_spans());
}

void tmem_windows_close(void)
{
	tmem_slots_close();
	memset(&windows, 0, sizeof(windows));
}

const struct tmem_windows_stats *tmem_windows_stats(void)
{
	return &windows.stats;
}

/* Idle windows, by age. */

static void age_link(uint32_t head)
{
	struct tmem_slot *slot = tmem_slot_at(head);

	slot->newer = TMEM_NO_SLOT;
	slot->older = windows.newest;
	if (windows.newest != TMEM_NO_SLOT)
		tmem_slot_at(windows.newest)->newer = head;
	else
		windows.oldest = head;
	windows.newest = head;
}

static void age_unlink(uint32_t head)
{
	struct tmem_slot *slot = tmem_slot_at(head);

	if (slot->newer != TMEM_NO_SLOT)
		tmem_slot_at(slot->newer)->older = slot->older;
	else
		windows.newest = slot->older;
	if (slot->older != TMEM_NO_SLOT)
		tmem_slot_at(slot->older)->newer = slot->newer;
	else
		windows.oldest = slot->newer;
}

/* Idle windows, by number of slots, the one used last first. */

static void alike_link(uint32_t head)
{
	struct tmem_slot *slot = tmem_slot_at(head);
	uint32_t *bucket = &windows.alike[slot->count % ALIKE_BUCKETS];

	slot->alike_prev = TMEM_NO_SLOT;
	slot->alike_next = *bucket;
	if (*bucket != TMEM_NO_SLOT)
		tmem_slot_at(*bucket)->alike_prev = head;
	*bucket = head;
}

static void alike_unlink(uint32_t head)
{
	struct tmem_slot *slot = tmem_slot_at(head);

	if (slot->alike_next != TMEM_NO_SLOT)
		tmem_slot_at(slot->alike_next)->alike_prev = slot->alike_prev;
	if (slot->alike_prev != TMEM_NO_SLOT)
		tmem_slot_at(slot->alike_prev)->alike_next = slot->alike_next;
	else
		windows.alike[slot->count % ALIKE_BUCKETS] = slot->alike_next;
}

static void window_mark(uint32_t head, uint32_t count, enum tmem_slot_kind kind)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		tmem_slot_at(head + i)->kind = (uint8_t)kind;
		tmem_slot_at(head + i)->head = head;
	}
	tmem_slot_at(head)->count = count;
}

static void window_link_idle(uint32_t head)
{
	age_link(head);
	alike_link(head);
	windows.stats.spans_idle += tmem_slot_at(head)->count;
}

static void window_unlink_idle(uint32_t head)
{
	age_unlink(head);
	alike_unlink(head);
	windows.stats.spans_idle -= tmem_slot_at(head)->count;
}

/* Words and lists; a window of no slots is nothing. */
static void window_idle(uint32_t head, uint32_t count)
{
	uint32_t i;

	if (!count)
		return;
	for (i = 0; i < count; i++) {
		struct tmem_slot *slot = tmem_slot_at(head + i);

		tmem_arena_release(tmem_supply_arena(slot->span),
				   tmem_span_index(slot->span));
	}
	window_mark(head, count, TMEM_SLOT_IDLE);
	window_link_idle(head);
}

/*
 * An idle span becomes busy.  Where the kernel has taken its memory, it is
 * like a fresh one.
 */
static void slot_claim(struct tmem_slot *slot)
{
	slot->absent = tmem_arena_claim(tmem_supply_arena(slot->span),
					tmem_span_index(slot->span)) == 1;
	slot->zero = slot->absent;
	if (slot->absent)
		windows.stats.spans_lost++;
}

/* Slots from first on, below end, whose spans are in a row in one arena. */
static uint32_t slots_in_row(uint32_t first, uint32_t end)
{
	tmem_span_id span = tmem_slot_at(first)->span;
	uint32_t n = 1;

	while (first + n < end && tmem_slot_at(first + n)->span == span + n &&
	       tmem_slot_at(first + n)->absent == tmem_slot_at(first)->absent &&
	       tmem_slot_at(first + n)->zero == tmem_slot_at(first)->zero)
		n++;
	return n;
}

/*
 * Have memory behind absent slots whose spans are in a row, where a touch must
 * not fail.  On a failure they are absent still.
 */
static bool slots_fill(uint32_t first, uint32_t count)
{
	tmem_span_id span = tmem_slot_at(first)->span;
	uint32_t i;

	if (tmem_supply_must_populate() &&
	    tmem_arena_populate(tmem_supply_arena(span), tmem_span_index(span),
				count))
		return false;
	for (i = first; i < first + count; i++)
		tmem_slot_at(i)->absent = false;
	windows.stats.spans_filled += count;
	return true;
}

/* The same for all of a window's absent slots. */
static bool window_fill(uint32_t head, uint32_t count, bool *fresh)
{
	uint32_t i, n;

	for (i = head; i < head + count; i += n) {
		n = slots_in_row(i, head + count);
		if (!tmem_slot_at(i)->absent)
			continue;
		*fresh = true;
		if (!slots_fill(i, n))
			return false;
	}
	return true;
}

static uint32_t window_exact(uint32_t count, uint32_t align, unsigned int node)
{
	uint32_t head = windows.alike[count % ALIKE_BUCKETS];

	for (; head != TMEM_NO_SLOT; head = tmem_slot_at(head)->alike_next) {
		struct tmem_slot *slot = tmem_slot_at(head);

		if (slot->count == count &&
		    tmem_slots_is_aligned(head, align) &&
		    (tmem_supply_interleaves() ||
		     tmem_span_node(slot->span) == node))
			return head;
	}
	return TMEM_NO_SLOT;
}

static uint32_t window_reuse(uint32_t count, uint32_t align, unsigned int node)
{
	uint32_t head = window_exact(count, align, node), i;

	if (head == TMEM_NO_SLOT)
		return head;
	window_unlink_idle(head);
	for (i = 0; i < count; i++)
		slot_claim(tmem_slot_at(head + i));
	return head;
}

/*
 * The idle window with just enough spans, or the largest, among those that
 * end in a span of the node (spans are taken from the end).
 */
static uint32_t idle_best(unsigned int node, uint32_t want)
{
	uint32_t head, best = TMEM_NO_SLOT, best_count = 0;

	for (head = windows.oldest; head != TMEM_NO_SLOT;
	     head = tmem_slot_at(head)->newer) {
		struct tmem_slot *slot = tmem_slot_at(head);
		struct tmem_slot *last = slot + slot->count - 1;
		bool better = slot->count >= want ?
				      best_count < want ||
					      slot->count < best_count :
				      best_count < slot->count;

		if (tmem_span_node(last->span) == node && better) {
			best = head;
			best_count = slot->count;
		}
	}
	return best;
}

/* A span of an idle window goes to another slot and is busy there. */
static bool slot_move(uint32_t from, uint32_t to)
{
	struct tmem_slot *slot = tmem_slot_at(to);

	slot->span = tmem_slot_at(from)->span;
	if (!tmem_arena_map(tmem_supply_arena(slot->span), tmem_slot_addr(to),
			    tmem_span_index(slot->span), 1))
		return false;
	slot_claim(slot);
	tmem_slots_free(from, 1);
	return true;
}

/*
 * Move up to want spans of a node out of an idle window to the slots at to.
 * They are taken from its end; what remains stays where it is, and as old as
 * it is.  Returns how many were moved.
 */
static uint32_t idle_move(unsigned int node, uint32_t to, uint32_t want)
{
	uint32_t head = idle_best(node, want), count, n;

	if (head == TMEM_NO_SLOT)
		return 0;
	count = tmem_slot_at(head)->count;
	alike_unlink(head);
	for (n = 0; n < want && n < count; n++) {
		/* The first slot goes with its place in the list. */
		if (n == count - 1)
			age_unlink(head);
		if (slot_move(head + count - 1 - n, to + n))
			continue;
		if (n == count - 1)
			age_link(head);
		break;
	}
	windows.stats.spans_idle -= n;
	if (count > n) {
		tmem_slot_at(head)->count = count - n;
		alike_link(head);
	}
	return n;
}

/* Spans that were taken from the supply for nothing go back. */
static void supply_unmap(uint32_t to, tmem_span_id first, uint32_t count)
{
	struct tmem_arena *arena = tmem_supply_arena(first);
	uint32_t index = tmem_span_index(first), i;

	/* Some may have been filled before the memory was all. */
	for (i = 0; i < count; i++)
		tmem_arena_release(arena, index + i);
	tmem_arena_purge(arena, index, count, NULL);
	for (i = 0; i < count; i++)
		tmem_arena_mark_purged(arena, index + i);
	tmem_arena_unmap(arena, index, count);
	tmem_slots_free(to, count);
	tmem_supply_give(first, count);
}

static uint32_t supply_try(unsigned int node, uint32_t to, uint32_t want)
{
	tmem_span_id first;
	uint32_t n = tmem_supply_take(node, want, &first), i;

	if (!n)
		return 0;
	if (!tmem_arena_map(tmem_supply_arena(first), tmem_slot_addr(to),
			    tmem_span_index(first), n)) {
		tmem_supply_give(first, n);
		return 0;
	}
	for (i = 0; i < n; i++) {
		tmem_slot_at(to + i)->span = first + i;
		tmem_slot_at(to + i)->zero = true;
		tmem_slot_at(to + i)->absent = true;
		/* Of a span that was given back the word is PURGED. */
		tmem_arena_claim(tmem_supply_arena(first + i),
				 tmem_span_index(first + i));
	}
	if (slots_fill(to, n))
		return n;
	supply_unmap(to, first, n);
	return 0;
}

/*
 * Up to want spans of a node that hold no memory, at the slots at to, filled.
 * None if the node is full, which is then set in *full.  A node that has room
 * for some of them only gives these.
 */
static uint32_t supply_map(unsigned int node, uint32_t to, uint32_t want,
			   uint64_t *full)
{
	uint32_t n = 0;

	if (*full & 1ULL << node)
		return 0;
	if (want > FILL_SPANS)
		want = FILL_SPANS;
	for (; !n && want; want /= 2)
		n = supply_try(node, to, want);
	if (!n)
		*full |= 1ULL << node;
	return n;
}

/*
 * Up to want spans, of the wanted node or the nearest that has any.  Where
 * blocks are interleaved, what counts is the balance over all of them: an idle
 * span of another node is better than more memory from this one.
 */
static uint32_t window_extend(unsigned int node, uint32_t to, uint32_t want,
			      uint64_t *full)
{
	unsigned int i, count;
	const uint8_t *order = tmem_supply_order(node, &count);
	bool any = tmem_supply_interleaves();
	uint32_t n = 0;

	for (i = 0; any && !n && i < count; i++)
		n = idle_move(order[i], to, want);
	for (i = 0; !n && i < count; i++) {
		n = idle_move(order[i], to, want);
		if (!n)
			n = supply_map(order[i], to, want, full);
	}
	return n;
}

/*
 * Purge an idle window.  Returns the bytes given back; the window is gone if
 * all of it was, and else stays idle for another time.
 */
static size_t window_purge(uint32_t head)
{
	uint32_t count = tmem_slot_at(head)->count, i, n, freed, purged = 0,
		 gone = 0;
	tmem_span_id span;

	for (i = 0; i < count; i += n) {
		span = tmem_slot_at(head + i)->span;
		n = slots_in_row(head + i, head + count);
		tmem_arena_purge(tmem_supply_arena(span), tmem_span_index(span),
				 n, &freed);
		purged += freed;
	}
	for (i = 0; i < count; i++) {
		span = tmem_slot_at(head + i)->span;
		gone += tmem_arena_is_purged(tmem_supply_arena(span),
					     tmem_span_index(span));
	}
	windows.stats.spans_purged += purged;
	if (gone < count)
		return purged * TMEM_SPAN_BYTES;

	window_unlink_idle(head);
	for (i = 0; i < count; i += n) {
		span = tmem_slot_at(head + i)->span;
		n = slots_in_row(head + i, head + count);
		tmem_arena_unmap(tmem_supply_arena(span), tmem_span_index(span),
				 n);
		tmem_supply_give(span, n);
	}
	tmem_slots_free(head, count);
	return purged * TMEM_SPAN_BYTES;
}

/*
 * A window that could not be finished.  What was found idle is idle again;
 * what was taken from the supply goes back there.
 */
static void window_abandon(uint32_t head, uint32_t count)
{
	uint32_t end = head + count, i, n;

	for (i = head; i < end; i += n) {
		n = slots_in_row(i, end);
		if (tmem_slot_at(i)->zero) {
			if (!tmem_slot_at(i)->absent)
				windows.stats.spans_filled -= n;
			supply_unmap(i, tmem_slot_at(i)->span, n);
			continue;
		}
		while (i + n < end && !tmem_slot_at(i + n)->zero)
			n++;
		window_idle(i, n);
	}
}

/*
 * Addresses for a window.  When there are none left in a row, idle windows are
 * dissolved, oldest first, for theirs.
 */
static uint32_t window_place(uint32_t count, uint32_t align)
{
	uint32_t place = tmem_slots_alloc(count, align), head, newer;

	for (head = windows.oldest;
	     place == TMEM_NO_SLOT && head != TMEM_NO_SLOT; head = newer) {
		newer = tmem_slot_at(head)->newer;
		window_purge(head);
		place = tmem_slots_alloc(count, align);
	}
	return place;
}

static uint32_t window_build(uint32_t count, uint32_t align, unsigned int node,
			     bool *fresh)
{
	uint32_t head = window_place(count, align), n, got;
	uint64_t filled = windows.stats.spans_filled, full = 0;

	if (head == TMEM_NO_SLOT)
		return head;
	for (n = 0; n < count; n += got) {
		if (n && tmem_supply_interleaves())
			node = tmem_supply_wanted();
		got = window_extend(node, head + n,
				    tmem_supply_interleaves() ? 1 : count - n,
				    &full);
		if (!got)
			break;
	}
	*fresh |= windows.stats.spans_filled != filled;
	if (n == count && window_fill(head, count, fresh))
		return head;
	window_abandon(head, n);
	tmem_slots_free(head + n, count - n);
	return TMEM_NO_SLOT;
}

uint32_t tmem_window_get(uint32_t count, uint32_t align_slots, bool *fresh)
{
	unsigned int node = tmem_supply_wanted();
	uint32_t head;

	*fresh = false;
	if (count > tmem_supply_spans())
		return TMEM_NO_SLOT;
	head = window_reuse(count, align_slots, node);
	if (head != TMEM_NO_SLOT && !window_fill(head, count, fresh)) {
		window_abandon(head, count);
		head = TMEM_NO_SLOT;
	}
	if (head == TMEM_NO_SLOT)
		head = window_build(count, align_slots, node, fresh);
	if (head == TMEM_NO_SLOT)
		return head;
	window_mark(head, count, TMEM_SLOT_LIVE);
	windows.stats.spans_live += count;
	return head;
}

void tmem_window_put(uint32_t head)
{
	uint32_t count = tmem_slot_at(head)->count;

	windows.stats.spans_live -= count;
	window_idle(head, count);
}

size_t tmem_windows_trim(size_t keep_bytes)
{
	uint32_t head = windows.oldest, newer;
	size_t freed = 0;

	while (head != TMEM_NO_SLOT &&
	       windows.stats.spans_idle * TMEM_SPAN_BYTES > keep_bytes) {
		newer = tmem_slot_at(head)->newer;
		freed += window_purge(head);
		head = newer;
	}
	return freed;
}

size_t tmem_windows_metadata(void)
{
	return tmem_slots_metadata() + tmem_supply_metadata();
}

void tmem_windows_inherit(void)
{
	uint32_t head, count, i;

	for (head = 0; head < tmem_slots_used(); head += count) {
		struct tmem_slot *slot = tmem_slot_at(head);

		count = slot->kind == TMEM_SLOT_FREE ? 1 : slot->count;
		if (slot->kind == TMEM_SLOT_FREE)
			continue;
		if (slot->kind == TMEM_SLOT_IDLE) {
			tmem_os_unreach(tmem_slot_addr(head),
					count * TMEM_SPAN_BYTES);
			tmem_slots_free(head, count);
			continue;
		}
		/* Rather no access to the parent's memory than to write it. */
		if (mprotect(tmem_slot_addr(head), count * TMEM_SPAN_BYTES,
			     PROT_READ) &&
		    tmem_os_unreach(tmem_slot_addr(head),
				    count * TMEM_SPAN_BYTES))
			munmap(tmem_slot_addr(head), count * TMEM_SPAN_BYTES);
		for (i = 0; i < count; i++)
			tmem_slot_at(head + i)->inherited = true;
	}
	windows.oldest = windows.newest = TMEM_NO_SLOT;
	memset(windows.alike, 0xff, sizeof(windows.alike));
	memset(&windows.stats, 0, sizeof(windows.stats));
}
