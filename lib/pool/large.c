// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks of 2 MiB and more: each is a window of its own.
 */
#include <string.h>

#include "pool/pool.h"

static void large_link(struct tmem_pool *pool, uint32_t head)
{
	struct tmem_slot *slot = tmem_slot_at(head);

	slot->owner_prev = TMEM_NO_SLOT;
	slot->owner_next = pool->large;
	if (pool->large != TMEM_NO_SLOT)
		tmem_slot_at(pool->large)->owner_prev = head;
	pool->large = head;
}

static void large_unlink(struct tmem_pool *pool, struct tmem_slot *slot)
{
	if (slot->owner_next != TMEM_NO_SLOT)
		tmem_slot_at(slot->owner_next)->owner_prev = slot->owner_prev;
	if (slot->owner_prev != TMEM_NO_SLOT)
		tmem_slot_at(slot->owner_prev)->owner_next = slot->owner_next;
	else
		pool->large = slot->owner_next;
}

char *tmem_large_get(struct tmem_pool *pool, size_t size, size_t align,
		     bool *fresh)
{
	size_t count = (size + TMEM_SPAN_BYTES - 1) / TMEM_SPAN_BYTES;
	uint32_t align_slots = 1, head;
	struct tmem_slot *slot;

	if (count > UINT32_MAX)
		return NULL;
	if (align > TMEM_SPAN_BYTES)
		align_slots = (uint32_t)(align / TMEM_SPAN_BYTES);
	head = tmem_window_get((uint32_t)count, align_slots, fresh);
	if (head == TMEM_NO_SLOT)
		return NULL;
	slot = tmem_slot_at(head);
	slot->kind = TMEM_SLOT_LARGE;
	slot->pool = pool;
	slot->bytes = count * TMEM_SPAN_BYTES;
	large_link(pool, head);
	return tmem_slot_addr(head);
}

void tmem_large_put(struct tmem_pool *pool, struct tmem_slot *slot)
{
	large_unlink(pool, slot);
	tmem_window_put(tmem_slot_index(slot));
}

uint64_t tmem_large_spans(const struct tmem_pool *pool)
{
	uint32_t head;
	uint64_t spans = 0;

	for (head = pool->large; head != TMEM_NO_SLOT;
	     head = tmem_slot_at(head)->owner_next)
		spans += tmem_slot_at(head)->count;
	return spans;
}

void tmem_large_drop_all(struct tmem_pool *pool)
{
	while (pool->large != TMEM_NO_SLOT)
		tmem_large_put(pool, tmem_slot_at(pool->large));
}

void tmem_large_clear(const struct tmem_slot *slot)
{
	uint32_t head = tmem_slot_index(slot), i;

	for (i = 0; i < slot->count; i++)
		if (!slot[i].zero)
			memset(tmem_slot_addr(head + i), 0, TMEM_SPAN_BYTES);
}
