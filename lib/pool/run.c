// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The record of a run and its tables are one piece of metadata: 8 bytes for a
 * block, apart from the memory that users write to.
 */
#include "pool/run.h"

#include "pool/cache.h"
#include "pool/meta.h"
#include "pool/pool.h"
#include "pool/site.h"

#define RUN_BLOCKS_MAX 1024u
#define RUN_BLOCKS_MIN 4u
#define RUN_PAGES_MIN 4u
#define RUN_PAGES_MAX 64u
#define RUN_CACHES 11u /* by the power of two that holds the blocks */
#define RUN_GRAVES 64u
#define RUN_HEADER 128u
#define RUN_PER_BLOCK (sizeof(uint32_t) + 2 * sizeof(uint16_t))

_Static_assert(sizeof(struct tmem_run) <= RUN_HEADER, "the tables follow it");

static struct tmem_meta_cache run_cache[RUN_CACHES];

/*
 * The last runs that were given back.  A second free of a block that was in
 * one can still be told who freed it first; their pages may be others' by now.
 */
static struct tmem_run *run_graves[RUN_GRAVES];
static unsigned int run_grave;

static struct tmem_meta_cache *run_meta(uint32_t blocks)
{
	unsigned int i =
		blocks > 1 ? 32u - (unsigned int)__builtin_clz(blocks - 1) : 0;

	run_cache[i].size = RUN_HEADER + ((size_t)RUN_PER_BLOCK << i);
	return &run_cache[i];
}

/* The fewest pages that leave less than 1/32 unused; or the most. */
static uint32_t run_pages(size_t bytes, unsigned int grow)
{
	uint32_t pages = RUN_PAGES_MIN << grow;

	for (; pages < RUN_PAGES_MAX; pages++) {
		size_t total = pages * TMEM_PAGE_BYTES;

		if (total / bytes >= RUN_BLOCKS_MIN &&
		    total % bytes * 32 <= total)
			break;
	}
	if (pages > RUN_PAGES_MAX)
		pages = RUN_PAGES_MAX;
	while (pages * TMEM_PAGE_BYTES / bytes > RUN_BLOCKS_MAX)
		pages--;
	return pages;
}

static void run_tables(struct tmem_run *run)
{
	char *table = (char *)run + RUN_HEADER;
	uint32_t i;

	run->state = (void *)table;
	table += run->blocks * sizeof(uint32_t);
	run->stack = (void *)table;
	table += run->blocks * sizeof(uint16_t);
	run->remote_next = (void *)table;
	/* The first block is on top; the record was zeroed: SITE_NEVER. */
	for (i = 0; i < run->blocks; i++)
		run->stack[i] = (uint16_t)(run->blocks - 1 - i);
	run->free = run->blocks;
}

static void run_set_pages(struct tmem_run *run, struct tmem_run *to)
{
	uint32_t i;

	for (i = 0; i < run->pages; i++)
		atomic_store_explicit(&tmem_page_run[run->page + i], to,
				      memory_order_release);
}

struct tmem_run *tmem_run_new(struct tmem_pool *pool, unsigned int bin,
			      unsigned int grow, struct tmem_pages_how *how)
{
	size_t bytes = tmem_bin_bytes(bin);
	uint32_t pages = run_pages(bytes, grow);
	uint32_t blocks = (uint32_t)(pages * TMEM_PAGE_BYTES / bytes);
	struct tmem_run *run = tmem_meta_get(run_meta(blocks));
	tmem_page_id id;

	if (!run)
		return NULL;
	run->blocks = (uint16_t)blocks;
	id = tmem_pages_get(pool, pages, 1, how);
	if (id == TMEM_NO_PAGE) {
		tmem_meta_put(run_meta(blocks), run);
		return NULL;
	}
	run->base = tmem_page_addr(id);
	run->bytes = (uint32_t)bytes;
	run->magic = (uint32_t)(((1ULL << 32) + bytes - 1) / bytes);
	run->bin = (uint8_t)bin;
	run->page = id;
	run->pages = tmem_page_at(id)->len;
	run_tables(run);
	tmem_page_at(id)->kind = TMEM_PAGE_RUN;
	run_set_pages(run, run);
	return run;
}

/* Pages that still say so are no run's. */
static void run_clear_pages(const struct tmem_run *run)
{
	uint32_t i;

	for (i = 0; i < run->pages; i++)
		if (atomic_load_explicit(&tmem_page_run[run->page + i],
					 memory_order_relaxed) == run)
			atomic_store_explicit(&tmem_page_run[run->page + i],
					      NULL, memory_order_release);
}

void tmem_run_forget(struct tmem_run *run)
{
	run_clear_pages(run);
	atomic_store_explicit(&run->thread, NULL, memory_order_relaxed);
	tmem_meta_put(run_meta(run->blocks), run);
}

void tmem_run_release(struct tmem_run *run)
{
	struct tmem_run **grave = &run_graves[run_grave++ % RUN_GRAVES];

	if (*grave)
		tmem_run_forget(*grave);
	*grave = run;
	run->list = TMEM_RUN_DEAD;
	atomic_store_explicit(&run->thread, NULL, memory_order_relaxed);
	tmem_pages_put(run->page, run->pages);
}

void tmem_run_drain(struct tmem_run *run)
{
	struct tmem_cache_count *count = &run->cache->count;
	uint32_t at = atomic_load_explicit(&run->remote, memory_order_relaxed);
	uint32_t n = 0;

	if (!at || at == TMEM_REMOTE_CLOSED)
		return;
	at = atomic_exchange_explicit(&run->remote, 0, memory_order_acquire);
	count->waste -= atomic_exchange_explicit(&run->remote_waste, 0,
						 memory_order_relaxed);
	while (at) {
		run->stack[run->free++] = (uint16_t)(at - 1);
		at = run->remote_next[at - 1];
		n++;
	}
	count->frees += n;
	count->bytes -= (int64_t)n * run->bytes;
	tmem_pool_count_tier(run->cache->pool, run->bytes, 0, n);
}
