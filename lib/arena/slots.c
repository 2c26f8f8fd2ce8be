// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One reserved range of addresses, so that from a pointer to its slot is
 * arithmetic.
 *
 * The range is eight times the memory: windows of many sizes come and go, and
 * a hole between two of them is only addresses.  Where so many are not to be
 * had (RLIMIT_AS), as many as there are.
 */
#define _GNU_SOURCE
#include "arena/slots.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/backend.h"

#define SLOTS_PER_SPAN 8u
#define SLOTS_MAX (1u << 23) /* 16 TiB; a slot and a page fit 32 bits */

static struct {
	char *base;
	uint32_t count;
	uint32_t used; /* high-water mark */
	uint32_t next; /* where the search goes on */
	struct tmem_slot *slot;
} slots;

int tmem_slots_open(uint32_t spans)
{
	uint64_t count = (uint64_t)spans * SLOTS_PER_SPAN;

	if (count > SLOTS_MAX)
		count = SLOTS_MAX;
	for (; count; count /= 2) {
		slots.base = tmem_os_reserve(count * TMEM_SPAN_BYTES);
		if (slots.base)
			break;
	}
	if (!slots.base)
		return -ENOMEM;
	slots.slot = tmem_os_table(count * sizeof(*slots.slot));
	if (!slots.slot) {
		munmap(slots.base, count * TMEM_SPAN_BYTES);
		slots.base = NULL;
		return -ENOMEM;
	}
	slots.count = (uint32_t)count;
	return 0;
}

void tmem_slots_close(void)
{
	if (slots.base)
		munmap(slots.base, slots.count * TMEM_SPAN_BYTES);
	tmem_os_table_free(slots.slot, slots.count * sizeof(*slots.slot));
	memset(&slots, 0, sizeof(slots));
}

/* The number of free slots from first on, up to count. */
static uint32_t slots_run(uint32_t first, uint32_t count)
{
	uint32_t n = 0;

	while (n < count && slots.slot[first + n].kind == TMEM_SLOT_FREE)
		n++;
	return n;
}

/* The first slot from there on whose address is a multiple of align slots. */
static uint32_t slots_aligned(uint32_t first, uint32_t align)
{
	uintptr_t address = (uintptr_t)slots.base / TMEM_SPAN_BYTES + first;

	return first + (uint32_t)(-address & (align - 1));
}

bool tmem_slots_is_aligned(uint32_t first, uint32_t align)
{
	return slots_aligned(first, align) == first;
}

static uint32_t slots_search(uint32_t from, uint32_t to, uint32_t count,
			     uint32_t align)
{
	uint32_t first = slots_aligned(from, align), run;

	while (first < to && count <= slots.count - first) {
		run = slots_run(first, count);
		if (run == count)
			return first;
		first = slots_aligned(first + run + 1, align);
	}
	return TMEM_NO_SLOT;
}

uint32_t tmem_slots_alloc(uint32_t count, uint32_t align)
{
	uint32_t first = slots_search(slots.next, slots.count, count, align);

	if (first == TMEM_NO_SLOT)
		first = slots_search(0, slots.next, count, align);
	if (first == TMEM_NO_SLOT)
		return first;
	slots.next = first + count;
	if (slots.used < slots.next)
		slots.used = slots.next;
	return first;
}

void tmem_slots_free(uint32_t first, uint32_t count)
{
	memset(&slots.slot[first], 0, count * sizeof(*slots.slot));
}

uint32_t tmem_slots_used(void)
{
	return slots.used;
}

struct tmem_slot *tmem_slot_at(uint32_t index)
{
	return &slots.slot[index];
}

uint32_t tmem_slot_index(const struct tmem_slot *slot)
{
	return (uint32_t)(slot - slots.slot);
}

char *tmem_slot_addr(uint32_t index)
{
	return slots.base + index * TMEM_SPAN_BYTES;
}

struct tmem_slot *tmem_slot_of(const void *ptr)
{
	uintptr_t offset = (uintptr_t)ptr - (uintptr_t)slots.base;

	if (offset >= slots.count * TMEM_SPAN_BYTES)
		return NULL;
	return &slots.slot[offset / TMEM_SPAN_BYTES];
}

void tmem_windows_range(char **start, char **end)
{
	*start = slots.base;
	*end = slots.base + slots.count * TMEM_SPAN_BYTES;
}

size_t tmem_slots_metadata(void)
{
	return slots.used * sizeof(*slots.slot);
}
