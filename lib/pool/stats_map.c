// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A picture of the spans: how full each is, where it lies.  Bounded, so that
 * a heap of a terabyte has one, too.
 */
#include "pool/detail.h"
#include "pool/heap.h"

/* Spans that hold memory, as tmem_detail_nodes() counts them. */
static bool map_has(const struct tmem_slot *slot, unsigned int node)
{
	return slot->node == node &&
	       (slot->kind == TMEM_SLOT_BUSY ||
		(slot->kind == TMEM_SLOT_IDLE && !slot->absent));
}

static uint64_t map_count(unsigned int node)
{
	uint64_t spans = 0;
	uint32_t i;

	for (i = 0; i < tmem_slots.used; i++)
		spans += map_has(tmem_slot_at(i), node);
	return spans;
}

/* Rounded up: what has a page in use is not empty. */
static char map_cell(uint64_t pages, uint64_t spans)
{
	uint64_t all = spans * TMEM_SLOT_PAGES;

	return (char)('0' + (pages * 8 + all - 1) / all);
}

static void map_fill(struct tmem_detail_map *map, unsigned int node)
{
	uint64_t pages = 0, spans = 0;
	char *cell = map->cells;
	uint32_t i;

	for (i = 0; i < tmem_slots.used; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		if (!map_has(slot, node))
			continue;
		pages += slot->kind == TMEM_SLOT_BUSY ? slot->used : 0;
		if (++spans < map->spans_per_cell)
			continue;
		*cell++ = map_cell(pages, spans);
		pages = 0;
		spans = 0;
	}
	if (spans)
		*cell++ = map_cell(pages, spans);
	*cell = '\0';
}

void tmem_detail_map(struct tmem_detail_map *map, unsigned int node)
{
	uint64_t spans;

	map->spans_per_cell = 1;
	map->cells[0] = '\0';
	if (!tmem_heap_enter_if_ready())
		return;
	spans = map_count(node);
	if (spans > TMEM_DETAIL_CELLS)
		map->spans_per_cell =
			(spans + TMEM_DETAIL_CELLS - 1) / TMEM_DETAIL_CELLS;
	map_fill(map, node);
	tmem_heap_leave();
}
