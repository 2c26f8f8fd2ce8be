// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hits of the library's own tensor cache on the streams of `make bench-cache`,
 * which runs policies that are simulated.  The cache holds 20 % of all bytes.
 * Values are a 64th of their size, so that time and memory suffice.
 */
#include "cache.h"

#include <stdio.h>
#include <string.h>
#include <tmem.h>

#include "seed.h"

#define SHARE 0.2
#define SMALLER 64u

static size_t value_bytes(const struct cache_stream *s, uint32_t id)
{
	return s->size[id] / SMALLER + 1;
}

static void value_put(struct tmem_tcache *cache, const struct cache_stream *s,
		      uint32_t id)
{
	struct tmem_tcache_item item = TMEM_TCACHE_ITEM_INIT;

	item.key.word[0] = id;
	item.size = value_bytes(s, id);
	item.value = tmem_alloc(item.size);
	if (!item.value || tmem_tcache_put(cache, &item, NULL))
		tmem_free(item.value);
}

/* In percent of look-ups; less than 0: there is no cache. */
static double stream_hits(const struct cache_stream *s)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	struct tmem_tcache_stats stats = TMEM_TCACHE_STATS_INIT;
	struct tmem_tcache_key key = { { 0, 0 } };
	struct tmem_tcache_pin pin;
	struct tmem_tcache *cache;
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < s->objects; i++)
		bytes += value_bytes(s, i);
	config.max_bytes = (uint64_t)(SHARE * (double)bytes);
	if (tmem_tcache_create(&config, &cache))
		return -1;
	for (i = 0; i < s->count; i++) {
		key.word[0] = s->lookups[i];
		if (!tmem_tcache_get(cache, &key, NULL, 0, &pin))
			tmem_tcache_unpin(cache, &pin);
		else
			value_put(cache, s, s->lookups[i]);
	}
	tmem_tcache_stats_get(cache, &stats);
	tmem_tcache_destroy(cache);
	return 100.0 * (double)stats.hits / (double)stats.lookups;
}

int seed_cache(const char *trace)
{
	double sum = 0, hits, recorded = 0;
	struct cache_stream s;
	unsigned int n;

	for (n = 0; cache_stream_make(&s, n, trace); n++) {
		hits = stream_hits(&s);
		if (hits < 0)
			return 1;
		printf("# %-30s %5.1f\n", s.name, hits);
		if (!strncmp(s.name, "trace", 5))
			recorded = hits;
		else
			sum += hits;
		cache_stream_free(&s);
	}
	printf("recorded %.2f\nmade_up %.2f\nstreams %u\n", recorded,
	       sum / (n - 1), n - 1);
	return 0;
}
