/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the tensor cache's benchmark share: streams of look-ups,
 * and policies that decide what a cache keeps.
 *
 * A stream is look-ups of objects, each of a size.  An object that is not there
 * is put in.  A policy sees the stream once, with a limit in bytes, and says of
 * each look-up whether it was a hit.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CACHE_NEVER UINT32_MAX

/*
 * struct cache_stream - from cache_stream_make() to cache_stream_free()
 * @lookups: objects, one after the other
 * @next:    for each look-up, when that object is next looked up; or NEVER
 * @size:    by object
 * @bytes:   of all objects together
 */
struct cache_stream {
	const char *name;
	uint32_t *lookups, *next;
	uint32_t *size;
	uint32_t count, objects;
	uint64_t bytes;
};

/* What a policy makes of a stream. */
struct cache_result {
	uint64_t hits, hit_bytes, bytes;
	double ns; /* of a look-up */
};

struct cache_policy {
	const char *name;
	void (*run)(const struct cache_policy *policy,
		    const struct cache_stream *stream, uint64_t limit,
		    struct cache_result *result);
	int base; /* enum cache_base, of those with a heap only */
	double alpha; /* worth falls with the size to this power */
	double memory; /* objects remembered, of those in the cache */
	double window; /* part of the limit */
	double part; /* of its frequency, with which an object leaves that */
};

enum cache_base {
	CACHE_LRU = 0, /* the time */
	CACHE_AGED, /* the worth of what went last (greedy dual) */
	CACHE_OPT, /* what comes: no policy, a bound (for equal sizes) */
};

void cache_run_heap(const struct cache_policy *policy,
		    const struct cache_stream *stream, uint64_t limit,
		    struct cache_result *result);
void cache_run_fifo(const struct cache_policy *policy,
		    const struct cache_stream *stream, uint64_t limit,
		    struct cache_result *result);

void cache_run_window(const struct cache_policy *policy,
		      const struct cache_stream *stream, uint64_t limit,
		      struct cache_result *result);

/* The stream of equal sizes, for cache_real(). */
#define CACHE_STREAM_EQUAL 4u

/* All streams, by number; false: there is no such. */
bool cache_stream_make(struct cache_stream *stream, unsigned int number,
		       const char *trace);
void cache_stream_free(struct cache_stream *stream);

/* The library's own cache, of that share of the stream's bytes. */
void cache_real(const struct cache_stream *stream, double share);

/* Compression: cache_pack.c. */
int cache_pack_main(int rounds);

/* Look-up number i was a hit or none. */
static inline void cache_count(struct cache_result *r,
			       const struct cache_stream *s, uint32_t i,
			       bool hit)
{
	uint32_t size = s->size[s->lookups[i]];

	r->bytes += size;
	r->hits += hit;
	r->hit_bytes += hit ? size : 0;
}

/* Of this thread. */
static inline double cache_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* splitmix64 */
static inline uint64_t cache_random(uint64_t *state)
{
	uint64_t x = (*state += 0x9e3779b97f4a7c15ULL);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline double cache_uniform(uint64_t *state)
{
	return (double)(cache_random(state) >> 11) / 9007199254740992.0;
}

#endif /* CACHE_H */
