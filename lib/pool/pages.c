// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Extents and chunks.  Taking an extent splits a chunk, giving it back joins
 * it with the chunks before and behind it: constant time but for one store for
 * each whole span in it.
 */
#include "pool/pages.h"

#include <errno.h>

#include "arena/spans.h"
#include "pool/heap.h"
#include "pool/meta.h"

#define ATTEMPTS 8u /* at memory that the kernel had taken meanwhile */

static struct tmem_meta_cache chunks_cache = {
	.size = sizeof(struct tmem_chunks),
};

static struct {
	uint64_t used;
	uint64_t high;
} pages_gauge;

static bool pool_by_node(const struct tmem_pool *pool)
{
	return pool->ops->by_node && !tmem_supply_interleaves();
}

unsigned int tmem_pages_class(const struct tmem_pool *pool, unsigned int node)
{
	return pool_by_node(pool) ? node : 0;
}

unsigned int tmem_pages_here(const struct tmem_pool *pool)
{
	return pool_by_node(pool) ? tmem_supply_wanted() : 0;
}

struct tmem_chunks *tmem_pages_chunks(struct tmem_pool *pool,
				      unsigned int class)
{
	struct tmem_chunks *chunks = pool->chunks[class];

	if (chunks)
		return chunks;
	chunks = tmem_meta_get(&chunks_cache);
	if (chunks)
		tmem_chunks_reset(chunks);
	pool->chunks[class] = chunks;
	return chunks;
}

struct tmem_chunks *tmem_pages_of(const struct tmem_slot *slot)
{
	return slot->pool->chunks[slot->node];
}

static bool slot_has_chunks(const struct tmem_slot *slot)
{
	return slot->kind == TMEM_SLOT_IDLE || slot->kind == TMEM_SLOT_BUSY;
}

/* Chunks on either side of the border before id may become one. */
static bool border_is_open(tmem_page_id id)
{
	struct tmem_slot *slot = tmem_slot_at(tmem_page_slot(id));

	if (id % TMEM_SLOT_PAGES)
		return true;
	if (!id || tmem_page_slot(id) >= tmem_slots.count)
		return false;
	return slot_has_chunks(slot) && slot_has_chunks(slot - 1) &&
	       slot->pool == slot[-1].pool && slot->node == slot[-1].node;
}

/* The chunk that ends before id; its first page and length. */
static uint32_t chunk_before(tmem_page_id id)
{
	struct tmem_page *page;

	if (!border_is_open(id))
		return 0;
	page = tmem_page_at(id - 1);
	if (page->kind == TMEM_PAGE_FREE_END ||
	    (page->kind == TMEM_PAGE_FREE && page->len == 1))
		return page->len;
	return 0;
}

static uint32_t chunk_behind(tmem_page_id id)
{
	struct tmem_page *page = tmem_page_at(id);

	if (!border_is_open(id) || page->kind != TMEM_PAGE_FREE)
		return 0;
	return page->len;
}

/* Pages become a chunk, with those around them. */
static void chunk_join(struct tmem_chunks *chunks, tmem_page_id id,
		       uint32_t len)
{
	uint32_t n = chunk_before(id);

	if (n && n + len <= TMEM_PAGES_MAX) {
		id -= n;
		len += n;
		tmem_chunk_unlink(chunks, id);
	}
	n = chunk_behind(id + len);
	if (n && n + len <= TMEM_PAGES_MAX) {
		tmem_chunk_unlink(chunks, id + len);
		len += n;
	}
	tmem_chunk_link(chunks, id, len);
}

void tmem_pages_add(struct tmem_pool *pool, unsigned int class, uint32_t first,
		    uint32_t count)
{
	uint32_t i;

	for (i = first; i < first + count; i++) {
		tmem_slot_at(i)->pool = pool;
		tmem_slot_at(i)->node = (uint8_t) class;
	}
	pool->slots += count;
	chunk_join(pool->chunks[class], first * TMEM_SLOT_PAGES,
		   count * TMEM_SLOT_PAGES);
}

void tmem_pages_cut(tmem_page_id chunk, uint32_t first, uint32_t count)
{
	struct tmem_slot *slot = tmem_slot_at(first);
	struct tmem_chunks *chunks = tmem_pages_of(slot);
	tmem_page_id from = first * TMEM_SLOT_PAGES;
	tmem_page_id to = from + count * TMEM_SLOT_PAGES;
	tmem_page_id end = chunk + tmem_page_at(chunk)->len;

	tmem_chunk_unlink(chunks, chunk);
	if (from > chunk)
		tmem_chunk_link(chunks, chunk, from - chunk);
	if (end > to)
		tmem_chunk_link(chunks, to, end - to);
	slot->pool->slots -= count;
}

/* Pages of an extent that lie in a slot. */
static uint32_t pages_in(uint32_t slot, tmem_page_id id, tmem_page_id end)
{
	tmem_page_id first = slot * TMEM_SLOT_PAGES;
	tmem_page_id last = first + TMEM_SLOT_PAGES;

	return (end < last ? end : last) - (id > first ? id : first);
}

/* The slots that an extent is in become busy.  0 or -ENOMEM. */
static int slots_take(tmem_page_id id, uint32_t pages,
		      struct tmem_pages_how *how)
{
	uint32_t first = tmem_page_slot(id);
	uint32_t last = tmem_page_slot(id + pages - 1);
	uint32_t from = first, to = last + 1, i;

	/* Only those at the ends can be busy already. */
	from += tmem_slot_at(first)->kind == TMEM_SLOT_BUSY;
	to -= to > from && tmem_slot_at(last)->kind == TMEM_SLOT_BUSY;
	if (to > from && tmem_spans_claim(from, to - from, &how->fresh))
		return -ENOMEM;
	how->zero = true;
	for (i = first; i <= last; i++) {
		struct tmem_slot *slot = tmem_slot_at(i);

		how->zero &= slot->zero;
		slot->zero = false;
		slot->used += (uint16_t)pages_in(i, id, id + pages);
	}
	pages_gauge.used += pages;
	if (pages_gauge.high < pages_gauge.used)
		pages_gauge.high = pages_gauge.used;
	return 0;
}

/* Those with nothing else in them become idle. */
static void slots_give(tmem_page_id id, uint32_t pages)
{
	uint32_t first = tmem_page_slot(id);
	uint32_t last = tmem_page_slot(id + pages - 1), i;
	uint32_t from = first, to = last + 1;

	pages_gauge.used -= pages;
	for (i = first; i <= last; i++)
		tmem_slot_at(i)->used -= (uint16_t)pages_in(i, id, id + pages);
	from += tmem_slot_at(first)->used != 0;
	to -= to > from && tmem_slot_at(last)->used != 0;
	if (to > from)
		tmem_spans_release(from, to - from);
}

/*
 * Where in a chunk.  At its start; but small extents go to the end if there
 * they share a span that is busy, and one that is idle stays so.
 */
static tmem_page_id chunk_place(tmem_page_id chunk, uint32_t pages,
				uint32_t align)
{
	tmem_page_id end = chunk + tmem_page_at(chunk)->len;

	if (align > 1)
		return tmem_page_aligned(chunk, align);
	if (end % TMEM_SLOT_PAGES >= pages &&
	    tmem_slot_at(tmem_page_slot(chunk))->kind == TMEM_SLOT_IDLE)
		return end - pages;
	return chunk;
}

bool tmem_pages_take(tmem_page_id chunk, tmem_page_id id, uint32_t pages,
		     struct tmem_pages_how *how)
{
	struct tmem_chunks *chunks =
		tmem_pages_of(tmem_slot_at(tmem_page_slot(chunk)));
	uint32_t len = tmem_page_at(chunk)->len;

	if (slots_take(id, pages, how))
		return false;
	tmem_chunk_unlink(chunks, chunk);
	if (id > chunk)
		tmem_chunk_link(chunks, chunk, id - chunk);
	if (chunk + len > id + pages)
		tmem_chunk_link(chunks, id + pages, chunk + len - id - pages);
	tmem_page_at(id)->len = pages;
	return true;
}

/*
 * The kernel had taken what was behind a chunk, and has nothing to put there.
 * Its empty slots go, so that memory can be sought elsewhere.
 */
static void chunk_drop_absent(tmem_page_id chunk)
{
	uint32_t slot, first, end = tmem_chunk_slots(chunk, &first), n;

	for (slot = first; slot < end; slot++)
		if (tmem_slot_at(slot)->absent)
			break;
	if (slot == end)
		return;
	for (n = 1; slot + n < end && tmem_slot_at(slot + n)->absent;)
		n++;
	tmem_pages_cut(chunk, slot, n);
	tmem_spans_retire(slot, n);
}

/* From one node's memory; if any_node, with that of others. */
static tmem_page_id pages_of_node(struct tmem_pool *pool, unsigned int node,
				  bool any_node, uint32_t pages, uint32_t align,
				  struct tmem_pages_how *how)
{
	struct tmem_chunks *chunks =
		tmem_pages_chunks(pool, tmem_pages_class(pool, node));
	tmem_page_id chunk, id;
	unsigned int i;

	if (!chunks)
		return TMEM_NO_PAGE;
	for (i = 0; i < ATTEMPTS; i++) {
		chunk = pool->ops->find(chunks, pages, align);
		if (chunk == TMEM_NO_PAGE) {
			if (!tmem_gather(pool, node, any_node, pages, align,
					 how))
				break;
			continue;
		}
		id = chunk_place(chunk, pages, align);
		if (tmem_pages_take(chunk, id, pages, how))
			return id;
		chunk_drop_absent(chunk);
	}
	return TMEM_NO_PAGE;
}

tmem_page_id tmem_pages_get(struct tmem_pool *pool, uint32_t pages,
			    uint32_t align, struct tmem_pages_how *how)
{
	unsigned int wanted = tmem_supply_wanted(), i, count;
	const uint8_t *order = tmem_supply_order(wanted, &count);
	tmem_page_id id = TMEM_NO_PAGE;

	pages = pool->ops->round(pages);
	if (!pool_by_node(pool))
		return pages_of_node(pool, wanted, false, pages, align, how);
	for (i = 0; id == TMEM_NO_PAGE && i < count; i++)
		id = pages_of_node(pool, order[i], false, pages, align, how);
	/* No node has so much: together they may. */
	if (id == TMEM_NO_PAGE && count > 1)
		id = pages_of_node(pool, wanted, true, pages, align, how);
	return id;
}

void tmem_pages_put(tmem_page_id id, uint32_t pages)
{
	struct tmem_slot *slot = tmem_slot_at(tmem_page_slot(id));

	tmem_page_at(id)->kind = TMEM_PAGE_NONE;
	slots_give(id, pages);
	chunk_join(tmem_pages_of(slot), id, pages);
}

bool tmem_pages_resize(tmem_page_id id, uint32_t pages, uint32_t to)
{
	struct tmem_slot *slot = tmem_slot_at(tmem_page_slot(id));
	struct tmem_chunks *chunks = tmem_pages_of(slot);
	struct tmem_pages_how how = { 0 };
	uint32_t more, behind;

	if (to == pages)
		return true;
	if (to < pages) {
		tmem_page_at(id)->len = to;
		slots_give(id + to, pages - to);
		chunk_join(chunks, id + to, pages - to);
		return true;
	}
	more = to - pages;
	behind = chunk_behind(id + pages);
	if (behind < more || slots_take(id + pages, more, &how))
		return false;
	tmem_chunk_unlink(chunks, id + pages);
	if (behind > more)
		tmem_chunk_link(chunks, id + to, behind - more);
	tmem_page_at(id)->len = to;
	return true;
}

uint64_t tmem_pages_used(void)
{
	return pages_gauge.used;
}

uint64_t tmem_pages_high(void)
{
	return pages_gauge.high;
}

void tmem_pages_decay(void)
{
	pages_gauge.high -= (pages_gauge.high - pages_gauge.used) / 4;
}

/* The slots from first on that are one pool's, and one class's. */
static uint32_t slots_alike(uint32_t first)
{
	const struct tmem_slot *slot = tmem_slot_at(first);
	uint32_t n = 1;

	while (first + n < tmem_slots.used && slot_has_chunks(slot + n) &&
	       slot[n].pool == slot->pool && slot[n].node == slot->node)
		n++;
	return n;
}

/* Records of extents and chunks, which fill slots without a gap. */
static void slots_wipe(uint32_t first, uint32_t count)
{
	tmem_page_id id = first * TMEM_SLOT_PAGES;
	tmem_page_id end = id + count * TMEM_SLOT_PAGES;
	uint32_t len;

	for (; id < end; id += len) {
		struct tmem_page *page = tmem_page_at(id);

		len = page->len;
		if (page->kind != TMEM_PAGE_FREE)
			pages_gauge.used -= len;
		page->kind = TMEM_PAGE_NONE;
		page[len - 1].kind = TMEM_PAGE_NONE;
	}
}

static void slots_idle(uint32_t first, uint32_t count)
{
	uint32_t i;

	for (i = first; i < first + count; i++) {
		if (tmem_slot_at(i)->kind == TMEM_SLOT_BUSY)
			tmem_spans_release(i, 1);
		tmem_slot_at(i)->used = 0;
	}
}

/* By the node that each is of, if that counts for the new owner. */
static void slots_give_to(struct tmem_pool *pool, uint32_t first,
			  uint32_t count)
{
	uint32_t i, n;

	for (i = 0; i < count; i += n) {
		struct tmem_slot *slot = tmem_slot_at(first + i);
		unsigned int node = tmem_span_node(slot->span);

		for (n = 1;
		     i + n < count && tmem_span_node(slot[n].span) == node;)
			n++;
		tmem_pages_add(pool, tmem_pages_class(pool, node), first + i,
			       n);
	}
}

void tmem_pages_hand_over(struct tmem_pool *from, struct tmem_pool *to)
{
	unsigned int node;
	uint32_t i, n;

	for (i = 0; i < tmem_slots.used; i += n) {
		struct tmem_slot *slot = tmem_slot_at(i);

		n = 1;
		if (slot->pool != from || slot->kind == TMEM_SLOT_FREE ||
		    slot->kind == TMEM_SLOT_INHERITED)
			continue;
		if (slot->kind == TMEM_SLOT_PURGING) {
			slot->pool = to;
			slot->node = (uint8_t)tmem_pages_class(
				to, tmem_span_node(slot->span));
			to->slots++;
			continue;
		}
		n = slots_alike(i);
		slots_wipe(i, n);
		slots_idle(i, n);
		slots_give_to(to, i, n);
	}
	for (node = 0; node < TMEM_NODES_MAX; node++)
		if (from->chunks[node])
			tmem_meta_put(&chunks_cache, from->chunks[node]);
}

void tmem_pages_inherit(struct tmem_pool *pool)
{
	unsigned int node;

	for (node = 0; node < TMEM_NODES_MAX; node++)
		if (pool->chunks[node])
			tmem_chunks_reset(pool->chunks[node]);
	pool->slots = 0;
	pages_gauge.used = 0;
	pages_gauge.high = 0;
}
