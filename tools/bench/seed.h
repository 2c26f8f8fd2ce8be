/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the measurements share that only `make bench-seed` makes.  Each prints
 * lines "key value" for seed.sh, and returns an exit status.
 */
#ifndef SEED_H
#define SEED_H

#include <stdint.h>
#include <time.h>

/* Records of so many live blocks, and how long reports of them take. */
int seed_records(unsigned int blocks);

/* Looks of the monitor, so many of them, and how many of them it has kept. */
int seed_history(unsigned int looks);

/* The library's cache on each stream of look-ups, the recorded one too. */
int seed_cache(const char *trace);

/* Instructions of so many pairs of calls, one by one. */
int seed_path(unsigned int pairs);

/* Views and copies in so many layers of a transformer. */
int seed_views(unsigned int layers);

static inline uint64_t seed_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif /* SEED_H */
