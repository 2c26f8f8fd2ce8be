// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pools: one's own blocks, counters and life, over the heap that all share.
 */
#include <errno.h>
#include <string.h>

#include "analytics/events.h"
#include "core/settings.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/limit.h"
#include "pool/meta.h"
#include "tensor/handle.h"

static struct tmem_meta_cache pool_cache = { .size = sizeof(struct tmem_pool) };

void tmem_pool_reset(struct tmem_pool *pool, enum tmem_strategy strategy,
		     uint64_t max_bytes)
{
	memset(&pool->count, 0, sizeof(pool->count));
	memset(pool->chunks, 0, sizeof(pool->chunks));
	memset(pool->orphans, 0, sizeof(pool->orphans));
	pool->strategy = strategy;
	pool->ops = tmem_strategy_get(strategy);
	pool->slots = 0;
	pool->max_slots = tmem_limit_slots(max_bytes);
	tmem_cache_open(&pool->shared, pool, NULL, pool->refs);
	tmem_cache_open(&pool->nobody, pool, NULL, pool->refs);
}

static void count_add(struct tmem_pool_count *to,
		      const struct tmem_cache_count *count)
{
	to->done.allocs += count->allocs;
	to->done.frees += count->frees;
	to->done.bytes += count->bytes;
	to->done.waste += count->waste;
	if ((int64_t)to->peak_bytes < to->done.bytes)
		to->peak_bytes = (uint64_t)to->done.bytes;
}

void tmem_pool_count_add(struct tmem_pool *pool,
			 const struct tmem_cache_count *count)
{
	count_add(&pool->count, count);
	count_add(tmem_heap_count(), count);
}

static void tier_add(struct tmem_tier_count *tier, size_t bytes,
		     uint64_t allocs, uint64_t frees)
{
	tier->allocs += allocs;
	tier->frees += frees;
	tier->alloc_bytes += allocs * bytes;
	tier->free_bytes += frees * bytes;
}

void tmem_pool_count_tier(struct tmem_pool *pool, size_t bytes, uint64_t allocs,
			  uint64_t frees)
{
	unsigned int tier = tmem_tier_of_bytes(bytes);

	tier_add(&pool->count.tier[tier], bytes, allocs, frees);
	tier_add(&tmem_heap_count()->tier[tier], bytes, allocs, frees);
}

static void bin_take(struct tmem_pool *pool, struct tmem_bin *b,
		     struct tmem_cache_count *count)
{
	if (!b->allocs && !b->frees)
		return;
	tmem_pool_count_tier(pool, b->bytes, b->allocs, b->frees);
	count->allocs += b->allocs;
	count->frees += b->frees;
	count->bytes += (int64_t)(b->allocs - b->frees) * (int64_t)b->bytes;
	b->allocs = 0;
	b->frees = 0;
}

static void cache_take(struct tmem_cache *cache, struct tmem_cache_count count)
{
	count.allocs += cache->count.allocs;
	count.frees += cache->count.frees;
	count.bytes += cache->count.bytes;
	count.waste += cache->count.waste;
	memset(&cache->count, 0, sizeof(cache->count));
	tmem_pool_count_add(cache->pool, &count);
}

void tmem_pool_flush_bin(struct tmem_cache *cache, unsigned int bin)
{
	struct tmem_cache_count count = { 0 };

	bin_take(cache->pool, &cache->bin[bin], &count);
	cache_take(cache, count);
}

void tmem_pool_flush(struct tmem_cache *cache)
{
	struct tmem_cache_count count = { 0 };
	unsigned int bin;

	for (bin = 0; bin < TMEM_BINS; bin++)
		bin_take(cache->pool, &cache->bin[bin], &count);
	cache_take(cache, count);
}

static bool pool_name_ok(const char *name)
{
	size_t i, len = strlen(name);

	if (len >= sizeof(((struct tmem_pool *)NULL)->name))
		return false;
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return true;
}

static struct tmem_pool *pool_new(const struct tmem_pool_config *config)
{
	struct tmem_pool *pool;
	int err = tmem_heap_enter();

	if (err) {
		errno = -err;
		return NULL;
	}
	pool = tmem_meta_get(&pool_cache);
	if (pool) {
		tmem_pool_reset(pool, config->strategy, config->max_bytes);
		strcpy(pool->name, config->name ? config->name : "");
		tmem_heap_link(pool);
	}
	tmem_heap_leave();
	if (!pool)
		errno = ENOMEM;
	return pool;
}

struct tmem_pool *tmem_pool_create(const struct tmem_pool_config *config)
{
	struct tmem_pool_config c = TMEM_POOL_CONFIG_INIT;

	if ((config && !tmem_struct_get(&c, sizeof(c), config)) ||
	    (c.name && !pool_name_ok(c.name)) ||
	    !tmem_strategy_get(c.strategy)) {
		errno = EINVAL;
		return NULL;
	}
	return pool_new(&c);
}

const char *tmem_pool_name(const struct tmem_pool *pool)
{
	return pool->name;
}

enum tmem_strategy tmem_pool_strategy(const struct tmem_pool *pool)
{
	return pool->strategy;
}

/* Counters of what is live in a pool that goes are not the heap's any more. */
static void pool_uncount(const struct tmem_pool *pool)
{
	struct tmem_pool_count *all = tmem_heap_count();
	unsigned int i;

	for (i = 0; i < TMEM_TIERS; i++) {
		all->tier[i].dropped += tmem_tier_live(&pool->count.tier[i]);
		all->tier[i].dropped_bytes +=
			tmem_tier_live_bytes(&pool->count.tier[i]);
	}
	all->dropped += pool->count.done.allocs - pool->count.done.frees;
	all->done.bytes -= pool->count.done.bytes;
	all->done.waste -= pool->count.done.waste;
}

void tmem_pool_destroy(struct tmem_pool *pool)
{
	if (!pool)
		return;
	tmem_handle_forget(pool);
	if (tmem_guard_is_on())
		tmem_guard_forget(pool);
	if (!tmem_heap_enter_if_ready())
		return;
	tmem_threads_stop();
	/* What was freed by others, or is not counted yet, was not dropped. */
	tmem_threads_flush();
	tmem_threads_forget(pool);
	tmem_pool_flush(&pool->shared);
	tmem_pool_flush(&pool->nobody);
	tmem_cache_forget(&pool->shared);
	tmem_orphans_forget(pool);
	tmem_analytics_drop_pool(pool);
	tmem_pages_hand_over(pool, tmem_heap_default_pool());
	pool_uncount(pool);
	tmem_heap_unlink(pool);
	tmem_meta_put(&pool_cache, pool);
	tmem_threads_go();
	tmem_heap_leave();
}
