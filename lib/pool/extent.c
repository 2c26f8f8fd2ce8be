// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Extents: runs of pages in shared spans, found by best fit, coalesced when
 * they are freed.
 *
 * An extent has at most 512 pages, so best fit needs no tree: free extents are
 * listed by their number of pages, and a bitmap says which lists are not
 * empty.  The smallest that is large enough is the first bit set from there
 * on.  Taking one, and giving one back, are constant time.
 *
 * Boundary tags: the first and the last page of every extent, free or not,
 * carry its length; a free one's neighbours are found from them.  Only first
 * pages have a kind, and pages inside an extent never look like one: that is
 * how a pointer that is no block is told from one that is.
 */
#include <string.h>

#include "pool/meta.h"
#include "pool/pool.h"

enum page_kind {
	PAGE_NONE = 0, /* inside, or last page of, an extent */
	PAGE_FREE, /* first page of a free extent */
	PAGE_BLOCK, /* first page of an extent that is one block */
	PAGE_RUN, /* any page of an extent that is a run */
};

struct page {
	uint8_t kind;
	bool free_end; /* last page of a free extent */
	uint16_t len; /* first and last page: pages of the extent */
	union {
		struct {
			tmem_page_id prev, next; /* PAGE_FREE: list */
		};
		struct tmem_run *run; /* PAGE_RUN */
	};
};

/*
 * The records of a span that extents live in.  From the first extent in it to
 * the last.
 */
struct tmem_shared {
	struct tmem_shared *prev, *next; /* of the pool */
	uint32_t slot;
	struct page page[TMEM_SPAN_PAGES];
};

static struct tmem_meta_cache shared_cache = {
	.size = sizeof(struct tmem_shared),
};

static struct page *page_at(tmem_page_id id)
{
	struct tmem_slot *slot = tmem_slot_at(id / TMEM_SPAN_PAGES);

	return &slot->shared->page[id % TMEM_SPAN_PAGES];
}

static void free_link(struct tmem_pool *pool, tmem_page_id id, uint32_t len)
{
	struct page *page = page_at(id);
	tmem_page_id *list = &pool->free[len];

	page->kind = PAGE_FREE;
	page->len = (uint16_t)len;
	page->prev = TMEM_NO_PAGE;
	page->next = *list;
	if (*list != TMEM_NO_PAGE)
		page_at(*list)->prev = id;
	*list = id;
	pool->free_map[len / 64] |= 1ULL << (len % 64);
	page_at(id + len - 1)->len = (uint16_t)len;
	page_at(id + len - 1)->free_end = true;
}

static void free_unlink(struct tmem_pool *pool, tmem_page_id id)
{
	struct page *page = page_at(id);
	uint32_t len = page->len;

	if (page->next != TMEM_NO_PAGE)
		page_at(page->next)->prev = page->prev;
	if (page->prev != TMEM_NO_PAGE)
		page_at(page->prev)->next = page->next;
	else
		pool->free[len] = page->next;
	if (pool->free[len] == TMEM_NO_PAGE)
		pool->free_map[len / 64] &= ~(1ULL << (len % 64));
	page->kind = PAGE_NONE;
	page_at(id + len - 1)->free_end = false;
}

/* The smallest free extent of at least that many pages. */
static tmem_page_id free_best(const struct tmem_pool *pool, uint32_t pages)
{
	uint32_t word = pages / 64;
	uint64_t bits = pool->free_map[word] & ~0ULL << (pages % 64);

	while (!bits) {
		if (++word > TMEM_SPAN_PAGES / 64)
			return TMEM_NO_PAGE;
		bits = pool->free_map[word];
	}
	return pool->free[word * 64 + (uint32_t)__builtin_ctzll(bits)];
}

/* A new shared span: one free extent of all its pages. */
static tmem_page_id shared_new(struct tmem_pool *pool, bool *fresh)
{
	struct tmem_shared *shared = tmem_meta_get(&shared_cache);
	struct tmem_slot *slot;
	uint32_t index;

	if (!shared)
		return TMEM_NO_PAGE;
	index = tmem_window_get(1, 1, fresh);
	if (index == TMEM_NO_SLOT) {
		tmem_meta_put(&shared_cache, shared);
		return TMEM_NO_PAGE;
	}
	slot = tmem_slot_at(index);
	slot->kind = TMEM_SLOT_SHARED;
	slot->pool = pool;
	slot->shared = shared;
	shared->slot = index;
	shared->next = pool->shared;
	if (shared->next)
		shared->next->prev = shared;
	pool->shared = shared;
	free_link(pool, index * TMEM_SPAN_PAGES, TMEM_SPAN_PAGES);
	return index * TMEM_SPAN_PAGES;
}

static void shared_free(struct tmem_pool *pool, struct tmem_shared *shared)
{
	if (shared->next)
		shared->next->prev = shared->prev;
	if (shared->prev)
		shared->prev->next = shared->next;
	else
		pool->shared = shared->next;
	tmem_window_put(shared->slot);
	tmem_meta_put(&shared_cache, shared);
}

static void extent_mark(tmem_page_id id, uint32_t pages)
{
	page_at(id)->kind = PAGE_BLOCK;
	page_at(id)->run = NULL;
	page_at(id)->len = (uint16_t)pages;
	page_at(id + pages - 1)->len = (uint16_t)pages;
}

tmem_page_id tmem_extent_get(struct tmem_pool *pool, uint32_t pages,
			     uint32_t align, bool *fresh)
{
	tmem_page_id id, first;
	uint32_t len;

	if (pages + align - 1 > TMEM_SPAN_PAGES)
		return TMEM_NO_PAGE;
	id = free_best(pool, pages + align - 1);
	if (id == TMEM_NO_PAGE)
		id = shared_new(pool, fresh);
	if (id == TMEM_NO_PAGE)
		return id;

	/* A span starts at a multiple of any alignment that can come here. */
	len = page_at(id)->len;
	first = (id + align - 1) / align * align;
	free_unlink(pool, id);
	if (first > id)
		free_link(pool, id, first - id);
	if (id + len > first + pages)
		free_link(pool, first + pages, id + len - first - pages);
	extent_mark(first, pages);
	return first;
}

void tmem_extent_put(struct tmem_pool *pool, struct tmem_shared *shared,
		     uint32_t page)
{
	struct page *pages = shared->page;
	uint32_t first = page, len = pages[page].len, i;
	tmem_page_id base = shared->slot * TMEM_SPAN_PAGES;

	for (i = first; i < first + len && pages[i].kind == PAGE_RUN; i++)
		pages[i].kind = PAGE_NONE;
	pages[first].kind = PAGE_NONE;
	if (first && pages[first - 1].free_end) {
		uint32_t before = pages[first - 1].len;

		free_unlink(pool, base + first - before);
		first -= before;
		len += before;
	}
	if (first + len < TMEM_SPAN_PAGES &&
	    pages[first + len].kind == PAGE_FREE) {
		uint32_t after = pages[first + len].len;

		free_unlink(pool, base + first + len);
		len += after;
	}
	if (len == TMEM_SPAN_PAGES)
		shared_free(pool, shared);
	else
		free_link(pool, base + first, len);
}

void tmem_extent_set_run(struct tmem_shared *shared, uint32_t page,
			 struct tmem_run *run)
{
	uint32_t len = shared->page[page].len, i;

	for (i = page; i < page + len; i++) {
		shared->page[i].kind = PAGE_RUN;
		shared->page[i].run = run;
	}
}

uint32_t tmem_extent_find(const struct tmem_shared *shared, uint32_t page,
			  struct tmem_run **run)
{
	const struct page *p = &shared->page[page];

	*run = p->kind == PAGE_RUN ? p->run : NULL;
	return p->kind == PAGE_BLOCK ? p->len : 0;
}

uint64_t tmem_extent_spans(const struct tmem_pool *pool)
{
	const struct tmem_shared *shared;
	uint64_t spans = 0;

	for (shared = pool->shared; shared; shared = shared->next)
		spans++;
	return spans;
}

void tmem_extent_drop_all(struct tmem_pool *pool)
{
	struct tmem_shared *shared;
	struct tmem_run *run;
	uint32_t i;

	while ((shared = pool->shared)) {
		for (i = 0; i < TMEM_SPAN_PAGES; i++) {
			run = NULL;
			tmem_extent_find(shared, i, &run);
			/* Every page of a run names it; free it once. */
			if (run &&
			    (!i || shared->page[i - 1].kind != PAGE_RUN ||
			     shared->page[i - 1].run != run))
				tmem_run_free_all(run);
		}
		shared_free(pool, shared);
	}
}
