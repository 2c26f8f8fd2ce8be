/* SPDX-License-Identifier: GPL-2.0-only */
/* Leaks that are put into a recorded trace, site by site. */
#ifndef BENCH_LEAKS_INJECT_H
#define BENCH_LEAKS_INJECT_H

#include <stdint.h>

#include <analytics/leak.h>

#include "leaks_random.h"

#define INJECTIONS 3

/*
 * struct inject - what a site would hold besides
 * @first: mark after which it began
 * @named: marks from then on until it was named; 0: was not
 */
struct inject {
	uint64_t bytes;
	uint64_t blocks;
	uint32_t first;
	uint32_t named;
	struct tmem_leak_series series;
};

/* Each for INJECTIONS at once. */
void inject_free(struct inject *inject, struct rng *rng, uint64_t bytes,
		 uint32_t step);
void inject_mark(struct inject *inject, uint64_t bytes, uint64_t blocks,
		 uint32_t step);

/* @site: one of the n sites, or NULL if that is to be left out. */
void inject_sum(const struct inject *(*site)(const void *, uint32_t),
		const void *sites, uint32_t n, uint32_t marks);

#endif /* BENCH_LEAKS_INJECT_H */
