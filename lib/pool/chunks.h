/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chunks: free pages in a row, in lists by length.
 *
 * Up to 511 pages there is a list for each length; above there are eight to a
 * doubling.  A bitmap says which lists hold any.
 *
 * From tmem_chunks_reset() on; protected by the heap lock.
 */
#ifndef TMEM_POOL_CHUNKS_H
#define TMEM_POOL_CHUNKS_H

#include <stdbool.h>

#include "pool/page.h"

#define TMEM_CHUNK_EXACT 512u /* lengths with a list of their own, and 0 */
#define TMEM_CHUNK_BINS (TMEM_CHUNK_EXACT + 19u * 8u)
#define TMEM_CHUNK_WORDS ((TMEM_CHUNK_BINS + 63) / 64)

struct tmem_chunks {
	tmem_page_id list[TMEM_CHUNK_BINS];
	uint64_t map[TMEM_CHUNK_WORDS];
	uint64_t pages; /* of all chunks */
	uint32_t count;
};

void tmem_chunks_reset(struct tmem_chunks *chunks);

/* These pages are a chunk; and no longer. */
void tmem_chunk_link(struct tmem_chunks *chunks, tmem_page_id id, uint32_t len);
void tmem_chunk_unlink(struct tmem_chunks *chunks, tmem_page_id id);

/*
 * A chunk in which pages fit at a multiple of align pages (a power of two), or
 * TMEM_NO_PAGE:
 * _best: the smallest, of equal ones the one freed last
 * _lowest: the smallest, of equal ones the one with the lowest address
 * _first: the one with the lowest address.
 */
tmem_page_id tmem_chunks_best(const struct tmem_chunks *chunks, uint32_t pages,
			      uint32_t align);
tmem_page_id tmem_chunks_lowest(const struct tmem_chunks *chunks,
				uint32_t pages, uint32_t align);
tmem_page_id tmem_chunks_first(const struct tmem_chunks *chunks, uint32_t pages,
			       uint32_t align);

/* The first page from id on whose address is a multiple of align pages. */
tmem_page_id tmem_page_aligned(tmem_page_id id, uint32_t align);

/* The list for a length, and the next that is not empty, or TMEM_CHUNK_BINS. */
unsigned int tmem_chunk_bin(uint32_t len);
unsigned int tmem_chunks_next(const struct tmem_chunks *chunks,
			      unsigned int bin);

/* The last list that is not empty, before bin; TMEM_CHUNK_BINS: there is none. */
unsigned int tmem_chunks_before(const struct tmem_chunks *chunks,
				unsigned int bin);

/* The slots that lie wholly in a chunk: [*first, *end), may be none. */
static inline uint32_t tmem_chunk_slots(tmem_page_id id, uint32_t *first)
{
	uint32_t end = (id + tmem_page_at(id)->len) / TMEM_SLOT_PAGES;

	*first = (id + TMEM_SLOT_PAGES - 1) / TMEM_SLOT_PAGES;
	return end > *first ? end : *first;
}

#endif /* TMEM_POOL_CHUNKS_H */
