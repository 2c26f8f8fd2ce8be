// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The heap's invariants, compared record by record.
 *
 * Extents and chunks fill each stretch of slots of one pool and class without
 * a gap or an overlap; no two chunks lie side by side; a slot's count of pages
 * in use is what its extents come to, and it is busy exactly if that is not
 * zero; every chunk is in the list that its length says; a run's free blocks
 * are those that its states call free, and no block is live and free.
 */
#include <errno.h>

#include "arena/spans.h"
#include "core/log.h"
#include "pool/heap.h"
#include "pool/site.h"

static int broken(const char *what, uint32_t where)
{
	tmem_log(TMEM_LOG_ERROR, "heap check: %s (at %u)", what, where);
	return -EUCLEAN;
}

/* Live blocks of a run, and that what is free is said to be so. */
static int check_run(struct tmem_run *run)
{
	uint32_t i, live = 0, at, remote = 0;

	for (i = 0; i < run->blocks; i++)
		live += tmem_site_is_live(run->state[i]);
	for (i = 0; i < run->free; i++) {
		if (run->stack[i] >= run->blocks ||
		    tmem_site_is_live(run->state[run->stack[i]]))
			return broken("a live block is on a stack", run->page);
	}
	at = atomic_load(&run->remote);
	for (; at && at != TMEM_REMOTE_CLOSED; at = run->remote_next[at - 1]) {
		if (++remote > run->blocks ||
		    tmem_site_is_live(run->state[at - 1]))
			return broken("a live block is on a remote list",
				      run->page);
	}
	if (live + run->free + remote + run->refs != run->blocks)
		return broken("a run has lost a block", run->page);
	return 0;
}

static int check_run_extent(tmem_page_id id, uint32_t len)
{
	struct tmem_run *run = atomic_load(&tmem_page_run[id]);
	uint32_t i;
	int err;

	if (!run || run->page != id || run->pages != len)
		return broken("a run's extent has no run", id);
	for (i = 1; i < len; i++)
		if (atomic_load(&tmem_page_run[id + i]) != run)
			return broken("a page is not its run's", id + i);
	err = check_run(run);
	run->refs = 0;
	return err;
}

/* One extent or chunk; adds what is in use to the slots' counts in used. */
static int check_piece(tmem_page_id id, tmem_page_id end, bool *was_free)
{
	const struct tmem_page *page = tmem_page_at(id);
	uint32_t len = page->len;
	bool is_free = page->kind == TMEM_PAGE_FREE;

	if (page->kind != TMEM_PAGE_FREE && page->kind != TMEM_PAGE_BLOCK &&
	    page->kind != TMEM_PAGE_RUN)
		return broken("a page that should begin something does not",
			      id);
	if (!len || len > end - id)
		return broken("an extent or chunk reaches too far", id);
	if (is_free && len > 1 &&
	    (page[len - 1].kind != TMEM_PAGE_FREE_END ||
	     page[len - 1].len != len))
		return broken("a chunk's ends differ", id);
	if (is_free && *was_free && len < TMEM_PAGES_MAX / 2)
		return broken("two chunks lie side by side", id);
	*was_free = is_free;
	return page->kind == TMEM_PAGE_RUN ? check_run_extent(id, len) : 0;
}

static int check_slot(uint32_t slot, uint32_t used)
{
	const struct tmem_slot *s = tmem_slot_at(slot);

	if (s->used != used)
		return broken("a span's pages in use are miscounted", slot);
	if ((s->kind == TMEM_SLOT_BUSY) != (used != 0))
		return broken(
			"a span is idle with a block in it, or the reverse",
			slot);
	return 0;
}

/* The part of a piece that is in each slot; slots that end are complete. */
static int check_slots_of(tmem_page_id id, uint32_t len, bool is_free,
			  uint32_t *used)
{
	uint32_t n;
	int err = 0;

	for (; !err && len; id += n, len -= n) {
		n = TMEM_SLOT_PAGES - id % TMEM_SLOT_PAGES;
		if (n > len)
			n = len;
		*used += is_free ? 0 : n;
		if ((id + n) % TMEM_SLOT_PAGES)
			continue;
		err = check_slot(tmem_page_slot(id), *used);
		*used = 0;
	}
	return err;
}

/* A stretch of slots of one pool and class. */
static int check_stretch(uint32_t first, uint32_t count, uint64_t *free_pages)
{
	tmem_page_id id = first * TMEM_SLOT_PAGES;
	tmem_page_id end = id + count * TMEM_SLOT_PAGES;
	bool was_free = false;
	uint32_t used = 0, len;
	int err = 0;

	for (; !err && id < end; id += len) {
		err = check_piece(id, end, &was_free);
		if (err)
			return err;
		len = tmem_page_at(id)->len;
		*free_pages += was_free ? len : 0;
		err = check_slots_of(id, len, was_free, &used);
	}
	return err;
}

static uint32_t stretch(uint32_t first)
{
	const struct tmem_slot *slot = tmem_slot_at(first);
	uint32_t n = 1;

	while (first + n < tmem_slots.used &&
	       (slot[n].kind == TMEM_SLOT_IDLE ||
		slot[n].kind == TMEM_SLOT_BUSY) &&
	       slot[n].pool == slot->pool && slot[n].node == slot->node)
		n++;
	return n;
}

static int check_slots(uint64_t *free_pages)
{
	uint32_t i, n;
	int err = 0;

	for (i = 0; !err && i < tmem_slots.used; i += n) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		n = 1;
		if (slot->kind != TMEM_SLOT_IDLE &&
		    slot->kind != TMEM_SLOT_BUSY)
			continue;
		n = stretch(i);
		err = check_stretch(i, n, free_pages);
	}
	return err;
}

static int check_list(const struct tmem_chunks *chunks, unsigned int bin,
		      uint64_t *pages)
{
	tmem_page_id id, before = TMEM_NO_PAGE;

	for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
	     before = id, id = tmem_page_at(id)->next) {
		const struct tmem_page *page = tmem_page_at(id);

		if (page->kind != TMEM_PAGE_FREE || page->prev != before ||
		    tmem_chunk_bin(page->len) != bin ||
		    tmem_pages_of(tmem_slot_at(tmem_page_slot(id))) != chunks)
			return broken("a chunk is in a list that it is not of",
				      id);
		*pages += page->len;
	}
	if ((before != TMEM_NO_PAGE) != (chunks->map[bin / 64] >> bin % 64 & 1))
		return broken("the map of chunks is wrong", bin);
	return 0;
}

static int check_chunks(const struct tmem_chunks *chunks, uint64_t *pages)
{
	uint64_t mine = 0;
	unsigned int bin;
	int err = 0;

	for (bin = 0; !err && bin < TMEM_CHUNK_BINS; bin++)
		err = check_list(chunks, bin, &mine);
	if (!err && mine != chunks->pages)
		err = broken("chunks' pages are miscounted", (uint32_t)mine);
	*pages += mine;
	return err;
}

static int check_lists(uint64_t free_pages)
{
	struct tmem_pool *pool;
	uint64_t pages = 0;
	unsigned int node;
	int err = 0;

	for (pool = tmem_heap_pools(); pool; pool = pool->next)
		for (node = 0; !err && node < TMEM_NODES_MAX; node++)
			if (pool->chunks[node])
				err = check_chunks(pool->chunks[node], &pages);
	if (!err && pages != free_pages)
		err = broken("a chunk is in no list", (uint32_t)pages);
	return err;
}

/* Count what is on stacks, for check_run(). */
static int check_caches(void)
{
	struct tmem_pool *pool;
	bool good = tmem_threads_mark();

	for (pool = tmem_heap_pools(); pool; pool = pool->next)
		good &= tmem_cache_mark(&pool->shared);
	return good ? 0 : broken("a live block is on a thread's stack", 0);
}

int tmem_check(void)
{
	uint64_t free_pages = 0;
	int err;

	if (!tmem_heap_enter_if_ready())
		return 0;
	tmem_threads_stop();
	err = check_caches();
	if (!err)
		err = check_slots(&free_pages);
	if (!err)
		err = check_lists(free_pages);
	tmem_threads_go();
	tmem_heap_leave();
	return err;
}
