/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers that are the same on every machine. */
#ifndef BENCH_LEAKS_RANDOM_H
#define BENCH_LEAKS_RANDOM_H

#include <math.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* In [0, 1). */
static inline double rng_unit(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

static inline int rng_chance(struct rng *rng, double p)
{
	return rng_unit(rng) < p;
}

static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_unit(rng) * n);
}

/* Every octave as likely as any other. */
static inline double rng_log(struct rng *rng, double low, double high)
{
	return low * pow(high / low, rng_unit(rng));
}

static inline double rng_normal(struct rng *rng)
{
	double u = 1 - rng_unit(rng);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * rng_unit(rng));
}

#endif /* BENCH_LEAKS_RANDOM_H */
