// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bins and runs: blocks up to 32 KiB.
 *
 * Bins are 64 bytes apart up to 1 KiB, then eight to a doubling, so that a
 * block wastes at most an eighth of itself (and at most 63 bytes when small).
 *
 * A run is an extent cut into blocks of one bin; a bitmap outside of it says
 * which are free.  The block freed last is handed out first, while it is still
 * in the cache.
 */
#include <string.h>

#include "pool/meta.h"
#include "pool/pool.h"

#define BIN_STEP 64u
#define BIN_LINEAR 16u /* bins that are a step apart */
#define RUN_BLOCKS_MAX 1024u
#define RUN_BLOCKS_MIN 8u
#define RUN_PAGES_MIN 16u
#define RUN_PAGES_MAX 64u
#define RUN_WORDS (RUN_BLOCKS_MAX / 64)

/* From the first block in it to the last. */
struct tmem_run {
	struct tmem_run *prev, *next; /* of pool->partial, while it is */
	char *base;
	uint32_t slot;
	uint16_t page; /* first page in the span */
	uint16_t bin;
	uint16_t blocks;
	uint16_t free;
	uint16_t last; /* freed last, where to look first */
	uint64_t map[RUN_WORDS]; /* bit set: free */
};

static struct tmem_meta_cache run_cache = { .size = sizeof(struct tmem_run) };

size_t tmem_bin_bytes(unsigned int bin)
{
	unsigned int octave, step;

	if (bin < BIN_LINEAR)
		return (bin + 1) * BIN_STEP;
	octave = (bin - BIN_LINEAR) / 8;
	step = (bin - BIN_LINEAR) % 8 + 1;
	return ((size_t)1024 << octave) + step * ((size_t)128 << octave);
}

static unsigned int bin_of_size(size_t size)
{
	unsigned int octave;

	if (size <= BIN_LINEAR * BIN_STEP)
		return (unsigned int)((size + BIN_STEP - 1) / BIN_STEP) -
		       (size != 0);
	octave = 63u - (unsigned int)__builtin_clzll(size - 1) - 10;
	return BIN_LINEAR + octave * 8 +
	       (unsigned int)((size - 1 - ((size_t)1024 << octave)) >>
			      (7 + octave));
}

unsigned int tmem_bin_of(size_t size, size_t align)
{
	unsigned int bin;

	if (size > TMEM_BIN_MAX || align > TMEM_PAGE_BYTES)
		return TMEM_BINS;
	/* A run starts on a page: blocks are aligned if their size is. */
	for (bin = bin_of_size(size); bin < TMEM_BINS; bin++)
		if (!(tmem_bin_bytes(bin) & (align - 1)))
			break;
	return bin;
}

/* The fewest pages, from 64 KiB, that leave less than 1/32 unused; or most. */
static uint32_t run_pages(size_t bytes)
{
	uint32_t pages;

	for (pages = RUN_PAGES_MIN; pages < RUN_PAGES_MAX; pages++) {
		size_t total = pages * TMEM_PAGE_BYTES;

		if (total / bytes >= RUN_BLOCKS_MIN &&
		    total % bytes * 32 <= total)
			break;
	}
	return pages;
}

static void partial_link(struct tmem_pool *pool, struct tmem_run *run)
{
	run->prev = NULL;
	run->next = pool->partial[run->bin];
	if (run->next)
		run->next->prev = run;
	pool->partial[run->bin] = run;
}

static void partial_unlink(struct tmem_pool *pool, struct tmem_run *run)
{
	if (run->next)
		run->next->prev = run->prev;
	if (run->prev)
		run->prev->next = run->next;
	else
		pool->partial[run->bin] = run->next;
}

static struct tmem_run *run_new(struct tmem_pool *pool, unsigned int bin,
				bool *fresh)
{
	size_t bytes = tmem_bin_bytes(bin);
	uint32_t pages = run_pages(bytes), i;
	struct tmem_run *run = tmem_meta_get(&run_cache);
	tmem_page_id id;

	if (!run)
		return NULL;
	id = tmem_extent_get(pool, pages, 1, fresh);
	if (id == TMEM_NO_PAGE) {
		tmem_meta_put(&run_cache, run);
		return NULL;
	}
	run->base = tmem_page_addr(id);
	run->slot = id / TMEM_SPAN_PAGES;
	run->page = id % TMEM_SPAN_PAGES;
	run->bin = (uint16_t)bin;
	run->blocks = (uint16_t)(pages * TMEM_PAGE_BYTES / bytes);
	run->free = run->blocks;
	for (i = 0; i < run->blocks; i++)
		run->map[i / 64] |= 1ULL << (i % 64);
	tmem_extent_set_run(tmem_slot_at(run->slot)->shared, run->page, run);
	partial_link(pool, run);
	return run;
}

/* A run on the partial list has a free block. */
static uint32_t run_pick(struct tmem_run *run)
{
	uint32_t word = run->last / 64;

	if (run->map[word] & 1ULL << (run->last % 64))
		return run->last;
	while (!run->map[word])
		word = (word + 1) % RUN_WORDS;
	return word * 64 + (uint32_t)__builtin_ctzll(run->map[word]);
}

char *tmem_run_get(struct tmem_pool *pool, unsigned int bin, bool *fresh)
{
	struct tmem_run *run = pool->partial[bin];
	uint32_t index;

	if (!run)
		run = run_new(pool, bin, fresh);
	if (!run)
		return NULL;
	index = run_pick(run);
	run->map[index / 64] &= ~(1ULL << (index % 64));
	run->last = (uint16_t)index;
	if (!--run->free)
		partial_unlink(pool, run);
	return run->base + index * tmem_bin_bytes(bin);
}

void tmem_run_put(struct tmem_pool *pool, struct tmem_run *run, uint32_t index)
{
	run->map[index / 64] |= 1ULL << (index % 64);
	run->last = (uint16_t)index;
	if (!run->free++)
		partial_link(pool, run);
	if (run->free < run->blocks)
		return;
	partial_unlink(pool, run);
	tmem_extent_put(pool, tmem_slot_at(run->slot)->shared, run->page);
	tmem_meta_put(&run_cache, run);
}

bool tmem_run_find(const struct tmem_run *run, const char *ptr,
		   struct tmem_block *block)
{
	size_t offset = (size_t)(ptr - run->base);
	size_t bytes = tmem_bin_bytes(run->bin);
	uint32_t index = (uint32_t)(offset / bytes);

	if (offset % bytes || index >= run->blocks ||
	    run->map[index / 64] & 1ULL << (index % 64))
		return false;
	block->run = (struct tmem_run *)(uintptr_t)run;
	block->index = index;
	block->bytes = bytes;
	return true;
}

void tmem_run_free_all(struct tmem_run *run)
{
	tmem_meta_put(&run_cache, run);
}
