/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cache: the runs from which one thread takes the small blocks of one pool.
 * Each pool has one of nobody's besides, which is used under the heap lock by
 * threads that have none of their own.
 *
 * Only the owner uses a cache without the heap lock, and only between
 * tmem_thread_begin() and tmem_thread_end() (thread.h).  All calls here are
 * made with the heap lock held, by the owner or while it is stopped.
 */
#ifndef TMEM_POOL_CACHE_H
#define TMEM_POOL_CACHE_H

#include "pool/run.h"

/* A free block in a cache, and where its state is. */
struct tmem_ref {
	char *block;
	_Atomic(uint32_t) *state;
};

/*
 * ref[] is a stack of free blocks.  It grows with use: cap is 0 until a bin has
 * been to the heap some times, so that a span whose last small block is freed
 * becomes idle at once in a program that frees now and then.
 */
struct tmem_bin {
	_Alignas(64) struct tmem_ref *ref;
	uint32_t n; /* on the stack */
	uint32_t cap; /* how many are kept */
	uint64_t allocs, frees; /* not yet in the pool's count */
	uint32_t bytes; /* of a block */
	uint16_t limit; /* of cap */
	uint16_t visits; /* to the heap, since the last drain */
	struct tmem_run *partial; /* runs with a free block */
	uint32_t grow; /* runs that were made: later ones are larger */
};

/* What was done; added to the pool's at last. */
struct tmem_cache_count {
	uint64_t allocs, frees;
	int64_t bytes; /* usable, of blocks allocated less those freed */
	int64_t waste; /* of these, not asked for */
};

struct tmem_cache {
	struct tmem_thread *thread; /* NULL: the pool's own */
	struct tmem_pool *pool;
	struct tmem_ref *refs; /* of all bins */
	struct tmem_cache_count count; /* beside what the bins count */
	struct tmem_bin bin[TMEM_BINS];
	struct tmem_run *full; /* runs without a free block */
	struct tmem_run *pending; /* runs that got a remote free */
};

/*
 * @refs: room for a reference of each bin, and then it keeps none; NULL: it has
 * room of its own.  false: there is no memory for that.
 */
bool tmem_cache_open(struct tmem_cache *cache, struct tmem_pool *pool,
		     struct tmem_thread *thread, struct tmem_ref *refs);

/* From now on bins keep so many halves of their blocks; under the heap lock. */
void tmem_cache_set_shift(unsigned int shift);

/* It holds no blocks and no runs any more. */
void tmem_cache_close(struct tmem_cache *cache);

/* At least one block on a bin's stack.  false: no memory. */
bool tmem_cache_refill(struct tmem_cache *cache, unsigned int bin,
		       struct tmem_pages_how *how);

/* The owner gives a block of its own runs back; its stack was full. */
void tmem_cache_give(struct tmem_run *run, uint32_t index);

/*
 * A block that is not the caller's cache's becomes free.  Without the heap
 * lock: false if it has to be asked again with it.
 */
bool tmem_cache_push(struct tmem_run *run, uint32_t index, size_t waste);
void tmem_cache_push_locked(struct tmem_run *run, uint32_t index, size_t waste);

/* Remote frees become free blocks. */
void tmem_cache_collect(struct tmem_cache *cache);

/* Give back what is free.  Returns bytes of blocks. */
size_t tmem_cache_drain(struct tmem_cache *cache);

/* Runs with live blocks become orphans; the others are given back. */
void tmem_cache_abandon(struct tmem_cache *cache);

/* Count the blocks on stacks in their runs' refs.  false: one is live. */
bool tmem_cache_mark(const struct tmem_cache *cache);

/* Forget all runs; their pages are somebody else's business. */
void tmem_cache_forget(struct tmem_cache *cache);

/*
 * In the child of a fork, backend dev: the runs are nobody's, and stay only so
 * that the parent's blocks are known.
 */
void tmem_cache_inherit(struct tmem_cache *cache);
void tmem_orphans_inherit(struct tmem_pool *pool);
void tmem_orphans_forget(struct tmem_pool *pool);

#endif /* TMEM_POOL_CACHE_H */
