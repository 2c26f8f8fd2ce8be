// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's tensor cache itself: what a look-up takes, alone and with two
 * threads, and whether its hits are those of the policy as it is simulated.
 * Values are blocks of 4 KiB, so that the time is the cache's.
 */
#include "cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <tmem.h>

#define VALUE ((size_t)4096)

static struct {
	struct tmem_tcache *cache;
	const struct cache_stream *stream;
	unsigned int threads;
} real;

static void real_put(uint32_t id)
{
	struct tmem_tcache_item item = TMEM_TCACHE_ITEM_INIT;

	item.key.word[0] = id;
	item.value = tmem_alloc(VALUE);
	item.size = VALUE;
	if (!item.value || tmem_tcache_put(real.cache, &item, NULL))
		tmem_free(item.value);
}

static void *real_run(void *arg)
{
	struct tmem_tcache_key key = { { 0, 0 } };
	struct tmem_tcache_pin pin;
	uint32_t i;

	for (i = (uint32_t)(uintptr_t)arg; i < real.stream->count;
	     i += real.threads) {
		key.word[0] = real.stream->lookups[i];
		if (!tmem_tcache_get(real.cache, &key, NULL, 0, &pin))
			tmem_tcache_unpin(real.cache, &pin);
		else
			real_put(real.stream->lookups[i]);
	}
	return NULL;
}

static double wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double real_measure(const struct cache_stream *stream, uint64_t limit,
			   unsigned int threads,
			   struct tmem_tcache_stats *stats)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	pthread_t thread[8];
	double start;
	uintptr_t i;

	config.max_bytes = limit;
	if (tmem_tcache_create(&config, &real.cache)) {
		fprintf(stderr, "the cache cannot be made\n");
		exit(1);
	}
	real.stream = stream;
	real.threads = threads;
	start = wall_now();
	for (i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, real_run, (void *)i);
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	start = wall_now() - start;
	tmem_tcache_stats_get(real.cache, stats);
	tmem_tcache_destroy(real.cache);
	return start / stream->count;
}

/* Of 400,000 look-ups all but the first of each value hit, if all fit. */
void cache_real(const struct cache_stream *stream, double share)
{
	uint64_t limit =
		(uint64_t)(share * (double)stream->bytes) / 65536 * VALUE;
	struct tmem_tcache_stats stats = TMEM_TCACHE_STATS_INIT;
	unsigned int threads;
	double ns;

	for (threads = 1; threads <= 2; threads++) {
		ns = real_measure(stream, limit, threads, &stats);
		printf("%u thread%s  %5.1f %% hits  %5.0f ns a look-up (wall)  records %.0f KiB for %llu values\n",
		       threads, threads > 1 ? "s" : " ",
		       100.0 * (double)stats.hits / (double)stats.lookups, ns,
		       (double)stats.metadata_bytes / 1024,
		       (unsigned long long)stats.entries);
	}
}
