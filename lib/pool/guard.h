/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guard mode (TMEM_DEBUG=guard): each block lies between red zones in a larger
 * block of the heap, and is kept for a while, filled with a pattern, when it
 * has been freed.  What was written where nothing may be is found when the
 * block is freed, and when it leaves the quarantine.
 *
 * Threads have no caches in this mode, so that every call comes by the heap
 * lock, and calls that are made by way of a cache need not know of it.
 */
#ifndef TMEM_POOL_GUARD_H
#define TMEM_POOL_GUARD_H

#include <stdatomic.h>

#include "pool/pool.h"

extern _Atomic(bool) tmem_guard_on;

static inline bool tmem_guard_is_on(void)
{
	return __builtin_expect(
		atomic_load_explicit(&tmem_guard_on, memory_order_relaxed), 0);
}

/*
 * A block with its red zones, called for at @caller, or NULL.  Its contents
 * are for tmem_guard_fill().  The heap lock is held.
 */
void *tmem_guard_get(struct tmem_pool *pool, size_t align, size_t size,
		     const void *caller);

/* The pattern of new memory; before the block is anybody's, without a lock. */
void tmem_guard_fill(void *ptr, size_t size);

/* tmem_block_find() for a user's address.  The heap lock is held. */
bool tmem_guard_find(const void *ptr, struct tmem_block *block);

static inline bool tmem_user_block_find(const void *ptr,
					struct tmem_block *block)
{
	return tmem_guard_is_on() ? tmem_guard_find(ptr, block) :
				    tmem_block_find(ptr, block);
}

/* The rest takes the heap lock itself, and speaks without it. */

/* tmem_free().  false: no live block, and *block says what is known of it. */
bool tmem_guard_free(void *ptr, const void *caller, struct tmem_block *block);

/* Say of a pointer in the quarantine that @call refused it, or false. */
bool tmem_guard_refuse(const char *call, const void *ptr, const void *caller);

/* The quarantine is empty afterwards.  false: it was before. */
bool tmem_guard_flush(void);

/* A pool goes: its blocks are looked at a last time, and forgotten. */
void tmem_guard_forget(const struct tmem_pool *pool);

/*
 * In the child of a fork whose memory is its parent's: so is what is in the
 * quarantine.  The heap lock is held.
 */
void tmem_guard_inherit(void);

#endif /* TMEM_POOL_GUARD_H */
