// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaks put into a recorded trace: of each site's frees, one in so many is
 * left out.  Sites are judged one by one, so all of them leak in one pass,
 * each with the noise, the warm-up and the neighbours that it really has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks_inject.h"

static const uint32_t inject_every[INJECTIONS] = { 1, 10, 100 };

void inject_free(struct inject *inject, struct rng *rng, uint64_t bytes,
		 uint32_t step)
{
	uint32_t i;

	for (i = 0; i < INJECTIONS; i++) {
		if (!rng_chance(rng, 1.0 / inject_every[i]))
			continue;
		if (!inject[i].blocks)
			inject[i].first = step;
		inject[i].blocks++;
		inject[i].bytes += bytes;
	}
}

void inject_mark(struct inject *inject, uint64_t bytes, uint64_t blocks,
		 uint32_t step)
{
	struct tmem_leak_verdict verdict;
	uint32_t i;

	for (i = 0; i < INJECTIONS; i++) {
		tmem_leak_step(&inject[i].series, bytes + inject[i].bytes,
			       blocks + inject[i].blocks);
		tmem_leak_judge(&inject[i].series, &verdict);
		if (verdict.leaking && inject[i].blocks && !inject[i].named)
			inject[i].named = step - inject[i].first;
	}
}

static int delay_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Findable: 16 blocks, and one window more than the horizon. */
void inject_sum(const struct inject *(*site)(const void *, uint32_t),
		const void *sites, uint32_t n, uint32_t marks)
{
	uint32_t *delays = malloc((n + 1) * sizeof(*delays));
	uint32_t i, at, findable, named;

	for (i = 0; delays && i < INJECTIONS; i++) {
		findable = named = 0;
		for (at = 0; at < n; at++) {
			const struct inject *in = site(sites, at);

			if (!in || in[i].blocks < 16 ||
			    marks - in[i].first < 145)
				continue;
			findable++;
			if (in[i].named)
				delays[named++] = in[i].named;
		}
		if (!findable)
			continue;
		printf("  one free in %u left out: %u of %u sites named",
		       inject_every[i], named, findable);
		qsort(delays, named, sizeof(*delays), delay_order);
		if (named)
			printf(", after %u steps (median)", delays[named / 2]);
		printf("\n");
	}
	free(delays);
}
