/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page table: a record for each page of the range of addresses, outside of
 * the memory that users write to.
 *
 * Records say where extents (pages that are handed out as one) and chunks
 * (free pages in a row) begin and end; pages inside of one say nothing.  That
 * is how a pointer that is no block is told from one that is.  Records that
 * nothing has touched take no memory.
 *
 * Protected by the heap lock, except that the run of a page may be read at any
 * time: a caller who owns a block in it knows that it does not change.
 */
#ifndef TMEM_POOL_PAGE_H
#define TMEM_POOL_PAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "arena/slots.h"

#define TMEM_PAGE_SHIFT 12
#define TMEM_PAGE_BYTES ((size_t)1 << TMEM_PAGE_SHIFT)
#define TMEM_PAGES_MAX ((1u << 28) - 1) /* in one chunk or extent: 1 TiB */

/* The largest block: half of that, so that rounding up is no worry. */
#define TMEM_EXTENT_MAX ((size_t)(TMEM_PAGES_MAX / 2) << TMEM_PAGE_SHIFT)

struct tmem_run;

/* A page of the range, counted from its start. */
typedef uint32_t tmem_page_id;
#define TMEM_NO_PAGE UINT32_MAX

enum tmem_page_kind {
	TMEM_PAGE_NONE = 0, /* inside, or last page of, an extent */
	TMEM_PAGE_FREE, /* first page of a chunk */
	TMEM_PAGE_FREE_END, /* last page of a chunk of two pages or more */
	TMEM_PAGE_BLOCK, /* first page of an extent that is one block */
	TMEM_PAGE_RUN, /* first page of an extent that is a run */
};

struct tmem_page {
	uint32_t len : 28; /* first and last page: pages in it */
	uint32_t kind : 4;
	uint32_t site; /* who freed the block that began here (site.h), or 0 */
	tmem_page_id prev, next; /* TMEM_PAGE_FREE: list (chunks.h) */
};

extern struct tmem_page *tmem_page_table;
extern _Atomic(struct tmem_run *) *tmem_page_run;

/* Tables for all slots.  0 or -ENOMEM. */
int tmem_page_open(void);
void tmem_page_close(void);

/* Bytes of the tables for the addresses that have ever been used. */
size_t tmem_page_metadata(void);

static inline struct tmem_page *tmem_page_at(tmem_page_id id)
{
	return &tmem_page_table[id];
}

static inline uint32_t tmem_page_slot(tmem_page_id id)
{
	return id / TMEM_SLOT_PAGES;
}

static inline char *tmem_page_addr(tmem_page_id id)
{
	return tmem_slots.base + ((size_t)id << TMEM_PAGE_SHIFT);
}

/* Pages that hold so many bytes, at most TMEM_EXTENT_MAX. */
static inline uint32_t tmem_pages_for(size_t bytes)
{
	return (uint32_t)((bytes + TMEM_PAGE_BYTES - 1) >> TMEM_PAGE_SHIFT);
}

/* The page of an address inside of the range. */
static inline tmem_page_id tmem_page_of(const void *ptr)
{
	return (tmem_page_id)(((uintptr_t)ptr - (uintptr_t)tmem_slots.base) >>
			      TMEM_PAGE_SHIFT);
}

#endif /* TMEM_POOL_PAGE_H */
