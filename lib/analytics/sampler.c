// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The countdown of a sampler holds the gap to the next point.  Gaps have no
 * memory, so whatever is left of one when a block was recorded is forgotten.
 *
 * When the interval is doubled, gaps drawn before stay as they are: points come
 * at the old rate until one does, and the block that it is in is then kept with
 * the chance p(s) new / p(s) old, which is the same as points at the new rate.
 * When it is halved, blocks weigh by the longer gap until a point has come.
 */
#include "analytics/sampler.h"

#include <math.h>
#include <stdbool.h>

#include "analytics/events.h"
#include "pool/bins.h"

_Atomic(uint64_t) tmem_sampler_interval;
static _Atomic(uint64_t) sampler_streams;

static uint64_t sampler_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t sampler_random(uint64_t *random)
{
	*random += 0x9e3779b97f4a7c15ULL;
	return sampler_mix(*random);
}

double tmem_sampler_uniform(uint64_t *random)
{
	return (double)((sampler_random(random) >> 11) + 1) * 0x1p-53;
}

void tmem_sampler_seed(uint64_t seed)
{
	atomic_store(&sampler_streams, seed);
}

/* Without the rule that blocks of the interval's size are always recorded. */
static double chance_points(uint64_t interval, size_t bytes)
{
	return interval ? -expm1(-(double)bytes / (double)interval) : 1;
}

double tmem_sampler_chance(uint64_t interval, size_t bytes)
{
	return bytes >= interval ? 1 : chance_points(interval, bytes);
}

static int64_t sampler_gap(struct tmem_sampler *sampler, uint64_t interval)
{
	double gap =
		-log(tmem_sampler_uniform(&sampler->random)) * (double)interval;

	return gap < 0x1p62 ? (int64_t)gap : INT64_MAX / 2;
}

/*
 * Where a small block can be as large as the interval, each has to be looked
 * at: left stays below 0, and the gap is in point.
 */
static bool sampler_looks_always(uint64_t interval)
{
	return interval <= TMEM_BIN_MAX;
}

static void sampler_draw(struct tmem_sampler *sampler, uint64_t interval)
{
	int64_t gap = interval ? sampler_gap(sampler, interval) : 0;

	sampler->interval = interval;
	sampler->point = gap;
	sampler->left = sampler_looks_always(interval) ? -1 : gap;
}

void tmem_sampler_reset(struct tmem_sampler *sampler)
{
	if (!sampler->random)
		sampler->random =
			sampler_mix(atomic_fetch_add(&sampler_streams, 1) + 1);
	sampler->interval = TMEM_SAMPLER_FRESH;
	sampler->left = tmem_analytics_is_on() ? -1 : INT64_MAX;
}

/* Whether a point lies in the block; *drawn: by which interval. */
static bool sampler_crosses(struct tmem_sampler *sampler, uint64_t now,
			    size_t bytes, uint64_t *drawn)
{
	bool always;

	/* Nothing was counted off for this block yet. */
	if (sampler->interval == TMEM_SAMPLER_FRESH || !sampler->interval) {
		sampler_draw(sampler, now);
		sampler->left -= (int64_t)bytes;
	}
	*drawn = sampler->interval;
	always = sampler_looks_always(*drawn);
	if (always)
		sampler->point -= (int64_t)bytes;
	if ((always ? sampler->point : sampler->left) >= 0) {
		if (always)
			sampler->left = -1;
		return false;
	}
	sampler_draw(sampler, now);
	return true;
}

double tmem_sampler_look(struct tmem_sampler *sampler, size_t bytes)
{
	uint64_t now = atomic_load_explicit(&tmem_sampler_interval,
					    memory_order_relaxed);
	uint64_t drawn;
	double chance;
	bool crosses;

	if (!tmem_analytics_is_on()) {
		sampler->left = INT64_MAX;
		return 0;
	}
	crosses = sampler_crosses(sampler, now, bytes, &drawn);
	if (bytes >= now)
		return 1;
	if (!crosses)
		return 0;
	/* Points came at the rate of the gap, and no more often. */
	chance = chance_points(drawn > now ? drawn : now, bytes);
	if (drawn < now && tmem_sampler_uniform(&sampler->random) *
					   chance_points(drawn, bytes) >
				   chance)
		return 0;
	return 1 / chance;
}
