/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which blocks are recorded, and how many others each of them stands for.
 *
 * Points lie in the stream of a thread's allocated bytes, at random, with
 * exponential gaps of the interval T in the mean.  A block in which one or more
 * lie is recorded, and one of T bytes or more always.  So the probability is
 *
 *	p(s) = 1 - exp(-s / T)  for s < T,  1 for s >= T
 *
 * and a record weighs 1 / p(s) blocks, which makes the sum over records of
 * f(block) / p an unbiased estimate of the sum of any f over all blocks.
 */
#ifndef TMEM_ANALYTICS_SAMPLER_H
#define TMEM_ANALYTICS_SAMPLER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The mean gap in bytes; 0: each block is recorded. */
extern _Atomic(uint64_t) tmem_sampler_interval;

#define TMEM_SAMPLER_FRESH UINT64_MAX /* of interval: nothing drawn yet */

/*
 * struct tmem_sampler - one stream of allocations, of a thread or, under the
 * heap lock, of all that have none.
 * @left:     bytes until it is to be looked at, by whoever counts them off; less
 *            than 0: now.  While the analytics are off it starts so high that
 *            it never is
 * @point:    bytes to the next point, where the interval is so short that each
 *            block is looked at
 * @interval: that the gap was drawn by
 */
struct tmem_sampler {
	int64_t left;
	int64_t point;
	uint64_t interval;
	uint64_t random;
};

/* Begin anew: by the interval of now, or never if the analytics are off. */
void tmem_sampler_reset(struct tmem_sampler *sampler);

/*
 * A block of so many bytes, which were counted off already.  Its weight, or 0:
 * it is not recorded.
 */
double tmem_sampler_look(struct tmem_sampler *sampler, size_t bytes);

/* p(s) at an interval. */
double tmem_sampler_chance(uint64_t interval, size_t bytes);

/* From 0 (never) to 1. */
double tmem_sampler_uniform(uint64_t *random);

/* Streams that begin from now on are drawn from this: for tests. */
void tmem_sampler_seed(uint64_t seed);

#endif /* TMEM_ANALYTICS_SAMPLER_H */
