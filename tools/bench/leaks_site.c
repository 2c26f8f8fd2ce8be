// SPDX-License-Identifier: GPL-2.0-only
/*
 * A site, step by step: its kind's blocks, the noise beside them, and what a
 * sampler would make of them.
 *
 * Sampling is that of the library: a block of b bytes is seen with the chance
 * p = 1 - exp(-b / interval) and counts as b / p bytes for as long as it lives.
 */
#include <string.h>

#include "leaks.h"

uint32_t site_bound(struct site *site)
{
	return (uint32_t)rng_log(&site->rng, LEAKS_BOUND_MIN, LEAKS_BOUND_MAX);
}

double site_size(struct site *site)
{
	return site->size * exp(site->spread * rng_normal(&site->rng));
}

/* Of @bytes, what is seen; 0: nothing. */
static double site_sampled(struct site *site, double bytes)
{
	double p;

	if (site->interval == 0)
		return bytes;
	p = 1 - exp(-bytes / site->interval);
	return rng_chance(&site->rng, p) ? bytes / p : 0;
}

bool site_push(struct site *site, uint32_t step, double bytes, double value)
{
	double seen = site_sampled(site, bytes);

	if (seen == 0 || site->n_blocks == LEAKS_BLOCKS_MAX)
		return false;
	site->blocks[site->n_blocks++] = (struct block){
		.birth = step,
		.bytes = seen,
		.value = value,
	};
	site->bytes += seen;
	return true;
}

void site_drop(struct site *site, uint32_t index)
{
	site->bytes -= site->blocks[index].bytes;
	site->n_blocks--;
	memmove(&site->blocks[index], &site->blocks[index + 1],
		(site->n_blocks - index) * sizeof(site->blocks[0]));
}

void site_clear(struct site *site)
{
	site->n_blocks = 0;
	site->bytes = 0;
}

/* A third of the sites is quiet beside its blocks. */
static void noise_make(struct site *site)
{
	struct noise *noise = &site->noise;
	struct rng *rng = &site->rng;

	if (rng_chance(rng, 0.35))
		return;
	noise->level = site->size * rng_log(rng, 0.1, 100);
	if (rng_chance(rng, 0.15))
		noise->drift = rng_log(rng, 10, 300);
	if (rng_chance(rng, 0.3)) {
		noise->every = (uint32_t)rng_log(rng, 5, 500);
		noise->length = 1 + rng_below(rng, noise->every / 4 + 1);
		noise->burst = rng_log(rng, 1, 50);
	}
}

static double noise_step(struct site *site, uint32_t step)
{
	struct noise *noise = &site->noise;
	double bytes, keep;

	if (noise->level == 0)
		return 0;
	if (noise->drift > 0) {
		keep = exp(-1 / noise->drift);
		noise->memory = noise->memory * keep +
				rng_normal(&site->rng) * sqrt(1 - keep * keep);
		bytes = noise->level * (1 + tanh(noise->memory / 2));
	} else {
		bytes = noise->level * (0.2 + 0.8 * rng_unit(&site->rng));
	}
	if (noise->every && step % noise->every < noise->length)
		bytes *= 1 + noise->burst;
	return site_sampled(site, bytes);
}

void site_make(struct site *site, const struct kind *kind, uint64_t seed,
	       uint32_t steps)
{
	memset(site, 0, offsetof(struct site, blocks));
	site->n_blocks = 0;
	site->bytes = 0;
	site->kind = kind;
	site->rng.state = seed;
	site->steps = steps;
	site->size = rng_log(&site->rng, 256, 4 << 20);
	if (rng_chance(&site->rng, 0.5))
		site->spread = rng_log(&site->rng, 0.05, 1);
	if (rng_chance(&site->rng, 0.2))
		site->interval = site->size * rng_log(&site->rng, 0.1, 10);
	noise_make(site);
	kind->setup(site);
}

static uint32_t site_oldest(const struct site *site, uint32_t step)
{
	uint32_t i;

	for (i = 0; i < site->n_blocks; i++)
		if (site->blocks[i].birth >= LEAKS_WARM)
			return step - site->blocks[i].birth;
	return 0;
}

struct sample site_step(struct site *site, uint32_t step)
{
	struct sample sample;
	double noise;

	site->kind->step(site, step);
	noise = noise_step(site, step);
	sample.bytes =
		(uint64_t)(site->bytes > 0 ? site->bytes + noise : noise);
	sample.blocks = site->n_blocks + (noise > 0);
	sample.oldest = site_oldest(site, step);
	return sample;
}
