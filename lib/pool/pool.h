/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool, as its parts see it.
 *
 *   block of ...        is ...
 *   up to 32 KiB        one of equal blocks in a run          (run.c, cache.c)
 *   more                an extent, pages in a row                   (pages.c)
 *
 * A run is itself an extent.  Extents are taken from chunks (chunks.c), and
 * chunks are made of spans (gather.c).
 *
 * Everything is protected by the heap lock.
 */
#ifndef TMEM_POOL_INTERNAL_H
#define TMEM_POOL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/pool.h>

#include "pool/cache.h"
#include "pool/strategy.h"
#include "pool/tier.h"

struct tmem_pool_count {
	struct tmem_cache_count done; /* but for what caches still hold */
	uint64_t fresh; /* allocs for which memory was taken from the system */
	uint64_t failures;
	uint64_t misuse;
	uint64_t peak_bytes;
	uint64_t dropped; /* blocks that went with their pool */
	struct tmem_tier_count tier[TMEM_TIERS];
};

/* From tmem_pool_create() to tmem_pool_destroy(); the default one for ever. */
struct tmem_pool {
	char name[32];
	const struct tmem_strategy_ops *ops;
	enum tmem_strategy strategy;
	uint32_t id; /* threads have caches of those below TMEM_POOLS_CACHED */
	uint32_t slots; /* that are its own */
	uint32_t max_slots; /* UINT32_MAX: no limit */
	struct tmem_pool *prev, *next;
	struct tmem_pool_count count;
	struct tmem_chunks *chunks[TMEM_NODES_MAX]; /* by class (pages.h) */
	struct tmem_run *orphans[TMEM_BINS];
	struct tmem_cache shared; /* for threads without one */
	struct tmem_cache nobody; /* what orphans belong to */
	struct tmem_ref refs[TMEM_BINS]; /* of these two */
};

/* Everything but name, links and id. */
void tmem_pool_reset(struct tmem_pool *pool, enum tmem_strategy strategy,
		     uint64_t max_bytes);

/* What was done goes to the pool's count and the heap's. */
void tmem_pool_count_add(struct tmem_pool *pool,
			 const struct tmem_cache_count *count);

/* Blocks of so many usable bytes, by tier, in the pool's count and the heap's. */
void tmem_pool_count_tier(struct tmem_pool *pool, size_t bytes, uint64_t allocs,
			  uint64_t frees);

/* A cache's counts go there, and start anew; or those of one bin of it. */
void tmem_pool_flush(struct tmem_cache *cache);
void tmem_pool_flush_bin(struct tmem_cache *cache, unsigned int bin);

/* What a pointer is, or was. */
struct tmem_block {
	struct tmem_slot *slot; /* NULL: it is no address of ours */
	struct tmem_run *run; /* NULL: an extent */
	uint32_t index; /* in the run */
	tmem_page_id page; /* first page of the extent */
	size_t bytes; /* usable */
	size_t waste; /* not asked for */
	uint32_t site; /* who freed it, where it is not live (site.h) */
	bool recorded; /* the analytics have a record of it */
};

/* false if ptr is not the address of a live block. */
bool tmem_block_find(const void *ptr, struct tmem_block *block);

/* Usable bytes of an extent that were not asked for. */
static inline void tmem_extent_set_waste(struct tmem_page *page, uint64_t waste)
{
	page->prev = (uint32_t)waste;
	page->next = (uint32_t)(waste >> 32);
}

/* Of a block, beside the high bits of its waste. */
#define TMEM_EXTENT_RECORDED 0x80000000u

static inline uint64_t tmem_extent_waste(const struct tmem_page *page)
{
	return page->prev | (uint64_t)(page->next & ~TMEM_EXTENT_RECORDED)
				    << 32;
}

#endif /* TMEM_POOL_INTERNAL_H */
