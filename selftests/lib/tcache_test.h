/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the tensor cache: a cache of a size, values whose
 * contents are known, and what the cache says of itself.  Nothing here asserts.
 */
#ifndef TCACHE_TEST_H
#define TCACHE_TEST_H

#include "heap_test.h"

#include <tmem/cache.h>

#include "tcache/tcache.h"

/* The cache's clock: at each look it is a microsecond later. */
static _Atomic(uint64_t) tc_clock_ns = 1000000000;

static inline uint64_t tc_now_ns(void)
{
	return atomic_fetch_add(&tc_clock_ns, 1000);
}

/* What is not used meanwhile is cold. */
static inline void tc_wait_cold(void)
{
	atomic_fetch_add(&tc_clock_ns, 2000000);
}

static inline int tc_init(void)
{
	tmem_tcache_clock_replace(tc_now_ns);
	return heap_init();
}

static inline struct tmem_tcache *tc_make(uint64_t max_bytes, uint32_t flags)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	struct tmem_tcache *cache = NULL;

	config.max_bytes = max_bytes;
	config.flags = flags;
	config.cold_ms = 1;
	if (tc_init() || tmem_tcache_create(&config, &cache))
		return NULL;
	return cache;
}

static inline struct tmem_tcache_stats tc_stats(struct tmem_tcache *cache)
{
	struct tmem_tcache_stats stats = TMEM_TCACHE_STATS_INIT;

	if (tmem_tcache_stats_get(cache, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static inline struct tmem_tcache_key tc_key(uint64_t number)
{
	return (struct tmem_tcache_key){ { number, 0 } };
}

static inline struct tmem_tcache_item tc_item(uint64_t number, void *value,
					      size_t size)
{
	struct tmem_tcache_item item = TMEM_TCACHE_ITEM_INIT;

	item.key = tc_key(number);
	item.value = value;
	item.size = size;
	return item;
}

/* A value whose contents follow from its key; freed if it is refused. */
static inline int tc_put_as(struct tmem_tcache *cache, uint64_t number,
			    size_t size, uint32_t flags, uint32_t priority)
{
	struct tmem_tcache_item item =
		tc_item(number, lt_filled(size, number), size);
	int err;

	item.flags = flags;
	item.priority = priority;
	err = tmem_tcache_put(cache, &item, NULL);
	if (err)
		tmem_free(item.value);
	return err;
}

static inline int tc_put(struct tmem_tcache *cache, uint64_t number,
			 size_t size)
{
	return tc_put_as(cache, number, size, 0, 0);
}

static inline int tc_pin(struct tmem_tcache *cache, uint64_t number,
			 struct tmem_tcache_pin *pin)
{
	struct tmem_tcache_key key = tc_key(number);

	return tmem_tcache_get(cache, &key, NULL, 0, pin);
}

/* Looked up, looked at and let go: 0, -errno, or 1: other contents. */
static inline int tc_get(struct tmem_tcache *cache, uint64_t number)
{
	struct tmem_tcache_pin pin;
	int err = tc_pin(cache, number, &pin);

	if (err)
		return err;
	if (!lt_kept(pin.value, pin.size, number))
		err = 1;
	return tmem_tcache_unpin(cache, &pin) ? 2 : err;
}

static inline int tc_remove(struct tmem_tcache *cache, uint64_t number)
{
	struct tmem_tcache_key key = tc_key(number);

	return tmem_tcache_remove(cache, &key, NULL, 0);
}

/* Destroyed, and nothing of it is left in the heap. */
static inline bool tc_end(struct tmem_tcache *cache)
{
	tmem_tcache_destroy(cache);
	return heap_empty();
}

#endif /* TCACHE_TEST_H */
