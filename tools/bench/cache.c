// SPDX-License-Identifier: GPL-2.0-only
/*
 * cache - what `make bench-cache` runs: which policy keeps the right tensors,
 * which compression makes cold ones smaller, and what a look-up takes.
 *
 * The library has one policy, the one that was best here.  The others are in
 * this folder only, so that the choice can be looked at again.
 */
#define _GNU_SOURCE
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bar.h"

#define TRACE "tools/traces/c_gpt.trace.zst"

/* clang-format off */
static const struct cache_policy policies[] = {
	{ .name = "LRU", .run = cache_run_heap, .base = CACHE_LRU },
	{ .name = "LFU", .run = cache_run_heap, .base = CACHE_AGED },
	{ .name = "GDSF", .run = cache_run_heap, .base = CACHE_AGED,
	  .alpha = 1 },
	{ .name = "S3-FIFO", .run = cache_run_fifo },
	{ .name = "GDSF+m", .run = cache_run_heap, .base = CACHE_AGED,
	  .alpha = 1, .memory = 2 },
	{ .name = "tmem", .run = cache_run_window, .alpha = 0.75, .memory = 2,
	  .window = 1.0 / 32, .part = 0.5 },
	{ .name = "bound", .run = cache_run_heap, .base = CACHE_OPT },
};

/* The library's policy with one number changed. */
static const struct cache_policy varied[] = {
	{ .name = "as it is", .run = cache_run_window, .alpha = 0.75,
	  .memory = 2, .window = 1.0 / 32, .part = 0.5 },
	{ .name = "bytes^1/2", .run = cache_run_window, .alpha = 0.5,
	  .memory = 2, .window = 1.0 / 32, .part = 0.5 },
	{ .name = "bytes^1", .run = cache_run_window, .alpha = 1,
	  .memory = 2, .window = 1.0 / 32, .part = 0.5 },
	{ .name = "window 1/128", .run = cache_run_window, .alpha = 0.75,
	  .memory = 2, .window = 1.0 / 128, .part = 0.5 },
	{ .name = "window 1/8", .run = cache_run_window, .alpha = 0.75,
	  .memory = 2, .window = 1.0 / 8, .part = 0.5 },
	{ .name = "remember 1", .run = cache_run_window, .alpha = 0.75,
	  .memory = 1, .window = 1.0 / 32, .part = 0.5 },
	{ .name = "remember 4", .run = cache_run_window, .alpha = 0.75,
	  .memory = 4, .window = 1.0 / 32, .part = 0.5 },
	{ .name = "part 1/4", .run = cache_run_window, .alpha = 0.75,
	  .memory = 2, .window = 1.0 / 32, .part = 0.25 },
	{ .name = "part 1", .run = cache_run_window, .alpha = 0.75,
	  .memory = 2, .window = 1.0 / 32, .part = 1 },
};
/* clang-format on */

#define COUNT(list) (sizeof(list) / sizeof(list[0]))
#define POLICIES_MAX 16
#define OURS 5 /* of policies[]: the library's */
#define BAR_HITS 71.0

static const double shares[] = { 0.05, 0.2, 0.5 };

/* Over all rows. */
struct sum {
	double hits, hit_bytes, ns, zeros;
};

static double percent(uint64_t part, uint64_t all)
{
	return 100.0 * (double)part / (double)all;
}

static void row(const struct cache_policy *list, size_t count,
		const struct cache_stream *s, double share, struct sum *sums,
		bool show)
{
	struct cache_result r;
	size_t i;

	if (show)
		printf("%-29s %3.0f %%", s->name, 100 * share);
	for (i = 0; i < count; i++) {
		list[i].run(&list[i], s, (uint64_t)((double)s->bytes * share),
			    &r);
		sums[i].hits += percent(r.hits, s->count);
		sums[i].hit_bytes += percent(r.hit_bytes, r.bytes);
		sums[i].ns += r.ns;
		sums[i].zeros += percent(r.hits, s->count) < 1;
		if (show)
			printf(" %4.0f/%-3.0f", percent(r.hits, s->count),
			       percent(r.hit_bytes, r.bytes));
	}
	if (show)
		printf("\n");
	fflush(stdout);
}

/* Returns the mean share of hits of list[ours]. */
static double table(const struct cache_policy *list, size_t count, size_t ours,
		    const char *trace, bool show)
{
	struct sum sums[POLICIES_MAX] = { { 0 } };
	struct cache_stream s;
	unsigned int number, rows = 0;
	size_t i;

	if (show) {
		printf("hits of look-ups / of bytes, in percent; cache: part of all bytes\n%-35s",
		       "");
		for (i = 0; i < count; i++)
			printf(" %8s", list[i].name);
		printf("\n");
	}
	for (number = 0; cache_stream_make(&s, number, trace); number++) {
		for (i = 0; i < COUNT(shares); i++, rows++)
			row(list, count, &s, shares[i], sums, show);
		cache_stream_free(&s);
	}
	printf("\n%-14s %8s %8s %10s %14s\n", "mean of all", "hits", "bytes",
	       "ns/look-up", "rows below 1 %");
	for (i = 0; i < count; i++)
		printf("%-14s %8.1f %8.1f %10.0f %14.0f\n", list[i].name,
		       sums[i].hits / rows, sums[i].hit_bytes / rows,
		       sums[i].ns / rows, sums[i].zeros);
	printf("\n");
	return sums[ours].hits / rows;
}

/* The stream of equal sizes. */
static void library(const char *trace)
{
	struct cache_policy tmem = policies[OURS];
	struct cache_result r;
	struct cache_stream s;

	if (!cache_stream_make(&s, CACHE_STREAM_EQUAL, trace))
		return;
	tmem.run(&tmem, &s, s.bytes / 5, &r);
	printf("the library on \"%s\", cache 20 %%; simulated %.1f %% hits\n",
	       s.name, percent(r.hits, s.count));
	cache_real(&s, 0.2);
	printf("the same, cache 100 %%: almost all hit\n");
	cache_real(&s, 1.1);
	cache_stream_free(&s);
}

int main(int argc, char **argv)
{
	const char *trace = TRACE;
	double hits;
	int i, err;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] == '-') {
			printf("usage: cache [TRACE]   (default %s)\n"
			       "Exit status: 0; 1 if the bar is missed, or it"
			       " cannot run.\n",
			       TRACE);
			return strcmp(argv[i], "--help") != 0;
		}
		trace = argv[i];
	}
	hits = table(policies, COUNT(policies), OURS, trace, true);
	printf("the library's policy with one number changed\n");
	table(varied, COUNT(varied), 0, trace, false);
	library(trace);
	printf("\n");
	err = cache_pack_main(5);
	printf("\n");
	return bar_print(
		       hits >= BAR_HITS,
		       "the library's policy, %g %% hits, mean of all: %.1f %%",
		       BAR_HITS, hits) ||
	       err;
}
