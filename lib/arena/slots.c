// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One reserved range of addresses, so that from a pointer to its slot is
 * arithmetic.
 *
 * The range is eight times the memory, so that what grows finds room behind
 * it, and a hole is only addresses.  Where so many are not to be had
 * (RLIMIT_AS), as many as there are.
 */
#define _GNU_SOURCE
#include "arena/slots.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/backend.h"

#define SLOTS_PER_SPAN 8u
#define SLOTS_MAX (1u << 22) /* 8 TiB; a page's number fits 32 bits */
#define SLOTS_GAP 16u /* room to grow, at least */

struct tmem_slots tmem_slots;

int tmem_slots_open(uint32_t spans)
{
	uint64_t count = (uint64_t)spans * SLOTS_PER_SPAN;

	if (count > SLOTS_MAX)
		count = SLOTS_MAX;
	for (; count; count /= 2) {
		tmem_slots.base = tmem_os_reserve(count * TMEM_SPAN_BYTES);
		if (tmem_slots.base)
			break;
	}
	if (!tmem_slots.base)
		return -ENOMEM;
	tmem_slots.slot = tmem_os_table(count * sizeof(struct tmem_slot));
	if (!tmem_slots.slot) {
		munmap(tmem_slots.base, count * TMEM_SPAN_BYTES);
		tmem_slots.base = NULL;
		return -ENOMEM;
	}
	tmem_slots.count = (uint32_t)count;
	tmem_slots.bytes = count * TMEM_SPAN_BYTES;
	return 0;
}

void tmem_slots_close(void)
{
	if (tmem_slots.base)
		munmap(tmem_slots.base, tmem_slots.bytes);
	tmem_os_table_free(tmem_slots.slot,
			   tmem_slots.count * sizeof(struct tmem_slot));
	memset(&tmem_slots, 0, sizeof(tmem_slots));
}

/* The number of free slots from first on, up to count. */
static uint32_t slots_run(uint32_t first, uint32_t count)
{
	uint32_t n = 0;

	while (n < count && tmem_slot_at(first + n)->kind == TMEM_SLOT_FREE)
		n++;
	return n;
}

/* The first slot from there on whose address is a multiple of align slots. */
static uint32_t slots_aligned(uint32_t first, uint32_t align)
{
	uintptr_t number = ((uintptr_t)tmem_slots.base >> TMEM_SLOT_SHIFT);

	return first + (uint32_t)(-(number + first) & (align - 1));
}

static uint32_t slots_search(uint32_t from, uint32_t to, uint32_t count,
			     uint32_t align)
{
	uint32_t first = slots_aligned(from, align), run;

	while (first < to && count <= tmem_slots.count - first) {
		run = slots_run(first, count);
		if (run == count)
			return first;
		first = slots_aligned(first + run + 1, align);
	}
	return TMEM_NO_SLOT;
}

uint32_t tmem_slots_alloc(uint32_t count, uint32_t align)
{
	uint32_t gap = count / 2 > SLOTS_GAP ? count / 2 : SLOTS_GAP;
	uint32_t first =
		slots_search(tmem_slots.next, tmem_slots.count, count, align);

	if (first == TMEM_NO_SLOT)
		first = slots_search(0, tmem_slots.next, count, align);
	if (first == TMEM_NO_SLOT)
		return first;
	tmem_slots.next = first + count;
	if (gap < tmem_slots.count - tmem_slots.next)
		tmem_slots.next += gap;
	tmem_slots_reach(first + count);
	return first;
}

bool tmem_slots_are_free(uint32_t first, uint32_t count)
{
	return first < tmem_slots.count && count <= tmem_slots.count - first &&
	       slots_run(first, count) == count;
}

void tmem_slots_reach(uint32_t end)
{
	if (tmem_slots.used < end)
		tmem_slots.used = end;
}

void tmem_slots_free(uint32_t first, uint32_t count)
{
	memset(&tmem_slots.slot[first], 0, count * sizeof(struct tmem_slot));
}

size_t tmem_slots_metadata(void)
{
	return tmem_slots.used * sizeof(struct tmem_slot);
}
