/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool, as its parts see it.
 *
 *   block of ...          is ...
 *   up to 32 KiB          one of equal blocks in a run           (run.c)
 *   below 2 MiB           an extent: pages of a shared span      (extent.c)
 *   2 MiB and more        a window of its own                    (large.c)
 *
 * A run is itself an extent.  Everything is protected by the heap lock.
 */
#ifndef TMEM_POOL_INTERNAL_H
#define TMEM_POOL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/pool.h>

#include "arena/windows.h"

#define TMEM_PAGE_BYTES ((size_t)4096)
#define TMEM_PAGE_SHIFT 12
#define TMEM_SPAN_PAGES 512u

#define TMEM_BINS 56u
#define TMEM_BIN_MAX ((size_t)32 << 10)
#define TMEM_EXTENT_PAGES_MAX (TMEM_SPAN_PAGES - 1)

struct tmem_run;

/* A page of a shared span: slot << 9 | page. */
typedef uint32_t tmem_page_id;
#define TMEM_NO_PAGE UINT32_MAX

struct tmem_pool_count {
	uint64_t allocs, frees, failures, reused, misuse;
	uint64_t live_blocks, live_bytes, peak_live_bytes;
};

struct tmem_pool {
	char name[32];
	struct tmem_pool *prev, *next;
	struct tmem_pool_count count;
	/* Runs with a free block, by bin; the first is filled first. */
	struct tmem_run *partial[TMEM_BINS];
	/* Free extents by their pages, and which of these lists hold any. */
	tmem_page_id free[TMEM_SPAN_PAGES + 1];
	uint64_t free_map[TMEM_SPAN_PAGES / 64 + 1];
	struct tmem_shared *shared; /* shared spans */
	uint32_t large; /* first slot of a large block, or TMEM_NO_SLOT */
};

void tmem_pool_reset(struct tmem_pool *pool);

/* Where a live block is.  run: index is its number in it. */
struct tmem_block {
	struct tmem_slot *slot;
	struct tmem_run *run; /* NULL: an extent or a large block */
	uint32_t index; /* in the run; or first page of the extent */
	size_t bytes; /* usable */
};

/* extent.c */

/*
 * Pages of a shared span, the first at a multiple of align pages; best fit.
 * TMEM_NO_PAGE if there is no memory.  *fresh is set if memory had to be taken
 * from the system.
 */
tmem_page_id tmem_extent_get(struct tmem_pool *pool, uint32_t pages,
			     uint32_t align, bool *fresh);

/* The extent becomes free; the span too if nothing else is in it. */
void tmem_extent_put(struct tmem_pool *pool, struct tmem_shared *shared,
		     uint32_t page);

/* Say that the extent at page is this run. */
void tmem_extent_set_run(struct tmem_shared *shared, uint32_t page,
			 struct tmem_run *run);

/* What is allocated at a page: pages (0: nothing starts here) or a run. */
uint32_t tmem_extent_find(const struct tmem_shared *shared, uint32_t page,
			  struct tmem_run **run);

uint64_t tmem_extent_spans(const struct tmem_pool *pool);

/* All shared spans of the pool become idle, whatever is in them. */
void tmem_extent_drop_all(struct tmem_pool *pool);

static inline char *tmem_page_addr(tmem_page_id id)
{
	return tmem_slot_addr(id / TMEM_SPAN_PAGES) +
	       (id % TMEM_SPAN_PAGES) * TMEM_PAGE_BYTES;
}

/* run.c */

/* The bin for a size and alignment, or TMEM_BINS if none will do. */
unsigned int tmem_bin_of(size_t size, size_t align);
size_t tmem_bin_bytes(unsigned int bin);

char *tmem_run_get(struct tmem_pool *pool, unsigned int bin, bool *fresh);
void tmem_run_put(struct tmem_pool *pool, struct tmem_run *run, uint32_t index);

/* false if ptr is no live block of the run. */
bool tmem_run_find(const struct tmem_run *run, const char *ptr,
		   struct tmem_block *block);

/* Forget the runs of a pool whose spans are gone. */
void tmem_run_free_all(struct tmem_run *run);

/* large.c */
char *tmem_large_get(struct tmem_pool *pool, size_t size, size_t align,
		     bool *fresh);
void tmem_large_put(struct tmem_pool *pool, struct tmem_slot *slot);
void tmem_large_drop_all(struct tmem_pool *pool);
uint64_t tmem_large_spans(const struct tmem_pool *pool);

/* Zero what is not zero already. */
void tmem_large_clear(const struct tmem_slot *slot);

/* block.c */

/* false if ptr is not the address of a live block. */
bool tmem_block_find(const void *ptr, struct tmem_block *block);

#endif /* TMEM_POOL_INTERNAL_H */
