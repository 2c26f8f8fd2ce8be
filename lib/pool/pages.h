/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page heap: extents taken from chunks and given back to them.
 *
 * A chunk reaches over as many spans as it likes.  A span all of whose pages
 * are in chunks is idle; one with an extent in it is busy.  Chunks of different
 * pools, and of different nodes where the strategy keeps these apart, do not
 * grow together.
 *
 * Everything here is called with the heap lock held.
 */
#ifndef TMEM_POOL_PAGES_H
#define TMEM_POOL_PAGES_H

#include "pool/chunks.h"

struct tmem_pool;

/* What came with the pages. */
struct tmem_pages_how {
	bool fresh; /* memory had to be taken from the system */
	bool zero; /* they hold nothing but zeroes */
};

/*
 * Pages in a row, at a multiple of align pages (a power of two), with memory
 * behind them; a chunk no more.  TMEM_NO_PAGE: no memory, no addresses, or more
 * than the pool may have.  *how is added to.
 */
tmem_page_id tmem_pages_get(struct tmem_pool *pool, uint32_t pages,
			    uint32_t align, struct tmem_pages_how *how);

/*
 * Just those pages of a chunk, as tmem_pages_get() would.  false: no memory
 * behind them, and the chunk is as it was.
 */
bool tmem_pages_take(tmem_page_id chunk, tmem_page_id id, uint32_t pages,
		     struct tmem_pages_how *how);

/* They are free again. */
void tmem_pages_put(tmem_page_id id, uint32_t pages);

/*
 * Make an extent longer or shorter where it is.  false: it is as it was.
 * Not for inherited slots.
 */
bool tmem_pages_resize(tmem_page_id id, uint32_t pages, uint32_t to);

/* The list that chunks of a node are in. */
unsigned int tmem_pages_class(const struct tmem_pool *pool, unsigned int node);

/* The class that a caller here, now, gets memory of first. */
unsigned int tmem_pages_here(const struct tmem_pool *pool);

/* The pool's chunks of a class, or NULL: no memory for the lists. */
struct tmem_chunks *tmem_pages_chunks(struct tmem_pool *pool,
				      unsigned int class);

/* Idle slots that are in no chunk become the pool's, and a chunk. */
void tmem_pages_add(struct tmem_pool *pool, unsigned int class, uint32_t first,
		    uint32_t count);

/*
 * Take idle slots that lie wholly in a chunk out of it, and from their pool.
 * The rest of the chunk stays.
 */
void tmem_pages_cut(tmem_page_id chunk, uint32_t first, uint32_t count);

/* The chunks that a slot's free pages are in. */
struct tmem_chunks *tmem_pages_of(const struct tmem_slot *slot);

/* Pages in extents, of all pools, and the most there have been lately. */
uint64_t tmem_pages_used(void);
uint64_t tmem_pages_high(void);

/* Forget part of what has been long ago. */
void tmem_pages_decay(void);

/*
 * All of a pool's spans become idle and another's, whatever is in them.  Runs
 * in them have been forgotten.
 */
void tmem_pages_hand_over(struct tmem_pool *from, struct tmem_pool *to);

/* The child of a fork has none of its parent's. */
void tmem_pages_inherit(struct tmem_pool *pool);

/* gather.c */

/*
 * Make a chunk in which that many pages fit, of memory of one node (or, if
 * any_node or where the pool does not keep them apart, of any): by moving idle spans together, or
 * with fresh ones.  false if that cannot be.
 */
bool tmem_gather(struct tmem_pool *pool, unsigned int node, bool any_node,
		 uint32_t pages, uint32_t align, struct tmem_pages_how *how);

#endif /* TMEM_POOL_PAGES_H */
