// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A place for a block that is to be moved is sought as for a new one, smallest
 * chunk first, but only where the span is busy anyway and is to stay so: no
 * span becomes busy by it, none is gathered, no memory is taken.
 *
 * The lists may hold little but chunks of victims.  If the first few are such,
 * the records of slots that stay are gone through, from where the last block
 * was put.
 */
#include "pool/move.h"

#include "pool/alloc.h"
#include "pool/heap.h"
#include "pool/site.h"

#define LOOK_MAX 64u /* chunks that are looked at for one block */
#define SCAN_MAX 1024u /* slots */

struct move_search {
	const uint8_t *victim;
	uint32_t slots;
	uint32_t pages;
	uint32_t look;
	tmem_page_id chunk, id; /* found */
};

uint32_t tmem_move_slots(void)
{
	uint32_t used = 0;

	if (tmem_heap_enter_if_ready()) {
		used = tmem_slots.used;
		tmem_heap_leave();
	}
	return used;
}

struct tmem_move_sum tmem_move_look(const struct tmem_pool *pool,
				    uint16_t *used, uint8_t *class,
				    uint32_t slots)
{
	struct tmem_move_sum sum = { 0 };
	uint32_t i;

	tmem_heap_enter_anyway();
	for (i = 0; i < tmem_slots.used; i++) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		if (slot->kind != TMEM_SLOT_BUSY || slot->pool != pool)
			continue;
		sum.busy++;
		sum.used += slot->used;
		if (i >= slots)
			continue;
		used[i] = slot->used;
		class[i] = slot->node;
	}
	tmem_heap_leave();
	return sum;
}

/* Pages from there on are in slots that are busy, and stay so. */
static bool place_is_good(const struct move_search *s, tmem_page_id id)
{
	uint32_t i = tmem_page_slot(id);
	uint32_t last = tmem_page_slot(id + s->pages - 1);

	for (; i <= last; i++)
		if (tmem_slot_at(i)->kind != TMEM_SLOT_BUSY ||
		    (i < s->slots && s->victim[i]))
			return false;
	return true;
}

static bool chunk_is_good(struct move_search *s, tmem_page_id chunk)
{
	uint32_t len = tmem_page_at(chunk)->len;

	if (len < s->pages)
		return false;
	s->chunk = chunk;
	s->id = chunk;
	if (place_is_good(s, s->id))
		return true;
	s->id = chunk + len - s->pages;
	return place_is_good(s, s->id);
}

static bool move_search(struct move_search *s, const struct tmem_chunks *chunks)
{
	unsigned int bin = tmem_chunk_bin(s->pages);
	tmem_page_id id;

	for (; (bin = tmem_chunks_next(chunks, bin)) < TMEM_CHUNK_BINS; bin++) {
		for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
		     id = tmem_page_at(id)->next) {
			if (!s->look--)
				return false;
			if (chunk_is_good(s, id))
				return true;
		}
	}
	return false;
}

/* A chunk that begins in a slot. */
static bool slot_search(struct move_search *s, uint32_t slot)
{
	tmem_page_id id = slot * TMEM_SLOT_PAGES, end = id + TMEM_SLOT_PAGES;

	for (; id < end; id++) {
		const struct tmem_page *page = tmem_page_at(id);

		if (page->kind == TMEM_PAGE_FREE && chunk_is_good(s, id))
			return true;
	}
	return false;
}

static bool move_scan(struct move_search *s, const struct tmem_slot *like,
		      uint32_t *cursor)
{
	uint32_t n = tmem_slots.used < SCAN_MAX ? tmem_slots.used : SCAN_MAX;

	for (; n; n--, (*cursor)++) {
		const struct tmem_slot *slot;

		if (*cursor >= tmem_slots.used)
			*cursor = 0;
		slot = tmem_slot_at(*cursor);
		if (slot->kind != TMEM_SLOT_BUSY || slot->pool != like->pool ||
		    slot->node != like->node || slot->used == TMEM_SLOT_PAGES ||
		    (*cursor < s->slots && s->victim[*cursor]))
			continue;
		if (slot_search(s, *cursor))
			return true;
	}
	return false;
}

/* Pages that were taken become a block like another. */
static void *move_block(struct tmem_pool *pool, tmem_page_id id, size_t waste)
{
	struct tmem_page *page = tmem_page_at(id);
	struct tmem_cache_count count = {
		.allocs = 1,
		.bytes = (int64_t)(page->len * TMEM_PAGE_BYTES),
		.waste = (int64_t)waste,
	};

	atomic_store_explicit(&tmem_page_run[id], NULL, memory_order_relaxed);
	page->kind = TMEM_PAGE_BLOCK;
	tmem_extent_set_waste(page, waste);
	tmem_pool_count_add(pool, &count);
	return tmem_page_addr(id);
}

static enum tmem_move_result move_begin(struct tmem_pool *pool,
					const void *from, struct move_search *s,
					uint32_t *cursor, void **to)
{
	struct tmem_pages_how how = { 0 };
	struct tmem_block block;

	if (!tmem_block_find(from, &block) || block.run ||
	    block.slot->kind != TMEM_SLOT_BUSY || block.slot->pool != pool)
		return TMEM_MOVE_GONE;
	s->pages = tmem_page_at(block.page)->len;
	if (s->pages > TMEM_MOVE_MAX)
		return TMEM_MOVE_GONE;
	if (!move_search(s, tmem_pages_of(block.slot)) &&
	    !move_scan(s, block.slot, cursor))
		return TMEM_MOVE_NO_ROOM;
	if (!tmem_pages_take(s->chunk, s->id, s->pages, &how))
		return TMEM_MOVE_NO_ROOM;
	*to = move_block(pool, s->id, block.waste);
	return TMEM_MOVE_DONE;
}

enum tmem_move_result tmem_move_begin(struct tmem_pool *pool, const void *from,
				      const uint8_t *victim, uint32_t slots,
				      uint32_t *cursor, void **to)
{
	struct move_search search = {
		.victim = victim,
		.slots = slots,
		.look = LOOK_MAX,
	};
	enum tmem_move_result result;

	tmem_heap_enter_anyway();
	result = move_begin(pool, from, &search, cursor, to);
	tmem_heap_leave();
	return result;
}

void tmem_move_end(const void *block, const void *caller)
{
	struct tmem_block found;

	tmem_heap_enter_anyway();
	if (tmem_block_find(block, &found))
		tmem_heap_put(&found, tmem_site_of(caller));
	tmem_heap_leave();
}

bool tmem_move_is_empty(uint32_t slot)
{
	bool empty;

	tmem_heap_enter_anyway();
	empty = tmem_slot_at(slot)->kind == TMEM_SLOT_IDLE;
	tmem_heap_leave();
	return empty;
}
