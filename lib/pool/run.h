/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run: an extent cut into equal blocks.
 *
 * A run belongs to a cache (cache.h): of a thread, which takes blocks from it
 * and gives them back without a lock; or of nobody, and then under the heap
 * lock.  Other threads put what they free on the run's remote list.
 *
 * From tmem_run_new() to tmem_run_release().  What owns it is protected by the
 * heap lock, and readable by the owner; so are free and stack.  state[] of a
 * block that is free is the owner's, that of a live one is its holder's.
 */
#ifndef TMEM_POOL_RUN_H
#define TMEM_POOL_RUN_H

#include <stdatomic.h>

#include "pool/bins.h"
#include "pool/page.h"
#include "pool/pages.h"

struct tmem_cache;
struct tmem_thread;

/* Of the remote list: nobody comes for it; free under the heap lock. */
#define TMEM_REMOTE_CLOSED UINT32_MAX

enum tmem_run_list {
	TMEM_RUN_NOWHERE = 0,
	TMEM_RUN_PARTIAL, /* has a free block */
	TMEM_RUN_FULL, /* has none, as far as the owner knows */
	TMEM_RUN_ORPHAN, /* of the pool: its thread has gone */
	TMEM_RUN_DEAD, /* given back; its record says who freed what */
};

struct tmem_run {
	char *base;
	uint32_t bytes; /* of a block */
	uint32_t magic; /* 2^32 / bytes, rounded up */
	_Atomic(struct tmem_thread *) thread; /* that it belongs to, or NULL */
	_Atomic(uint32_t) *state; /* of each block: site.h */
	uint16_t *stack; /* free blocks */
	uint16_t free; /* on the stack */
	uint16_t blocks;
	uint8_t bin;
	uint8_t list;
	struct tmem_cache *cache;
	/* Up to here is what a free looks at: 64 bytes. */
	uint16_t *remote_next;
	_Atomic(uint32_t) remote; /* 1 + first of the remote list, 0: empty */
	_Atomic(uint32_t) remote_waste; /* of the blocks in it */
	uint32_t pages;
	tmem_page_id page;
	struct tmem_run *prev, *next; /* of its list */
	struct tmem_run *pending; /* of the cache's */
	bool is_pending;
	uint16_t refs; /* of check.c: blocks on the owner's stack */
};

/* All blocks free, in no list.  grow: pages are doubled so often.  Or NULL. */
struct tmem_run *tmem_run_new(struct tmem_pool *pool, unsigned int bin,
			      unsigned int grow, struct tmem_pages_how *how);

/* Give its pages back; none of its blocks is live. */
void tmem_run_release(struct tmem_run *run);

/* The record goes; its pages are somebody else's business. */
void tmem_run_forget(struct tmem_run *run);

/*
 * Blocks on the remote list become free, and are counted as the owner's frees.
 * It stays closed if it was.
 */
void tmem_run_drain(struct tmem_run *run);

/* The number of a block in its run; run->blocks or more: ptr is no block. */
static inline uint32_t tmem_run_index(const struct tmem_run *run,
				      const void *ptr)
{
	size_t offset = (size_t)((const char *)ptr - run->base);
	uint32_t index = (uint32_t)((offset * run->magic) >> 32);

	return (size_t)index * run->bytes == offset ? index : UINT32_MAX;
}

static inline char *tmem_run_block(const struct tmem_run *run, uint32_t index)
{
	return run->base + (size_t)index * run->bytes;
}

/* The run that an address of the range is or was in, or NULL. */
static inline struct tmem_run *tmem_run_of(const void *ptr)
{
	return atomic_load_explicit(&tmem_page_run[tmem_page_of(ptr)],
				    memory_order_acquire);
}

#endif /* TMEM_POOL_RUN_H */
