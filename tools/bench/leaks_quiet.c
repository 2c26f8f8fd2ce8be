// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of sites that do not leak: what training and serving programs keep,
 * for as long as they want it.  Bounds are drawn by one prior, see
 * Documentation/design/leaks.md.
 */
#include <string.h>

#include "leaks.h"

/* Buffers and lists start with the program, or somewhere in it. */
static void start_any(struct site *site)
{
	if (rng_chance(&site->rng, 0.3))
		site->start = rng_below(&site->rng, site->steps / 2);
}

static void steady_setup(struct site *site)
{
	site->bound = 1 + rng_below(&site->rng, 20);
}

static void steady_step(struct site *site, uint32_t step)
{
	if (step < site->bound)
		site_push(site, step, site_size(site), 0);
}

/* Only what its noise is; without noise, a block in each step. */
static void churn_setup(struct site *site)
{
	site->bound = 0;
}

static void churn_step(struct site *site, uint32_t step)
{
	site_clear(site);
	if (site->noise.level == 0)
		site_push(site, step, site_size(site), 0);
}

/* --- the newest so many -------------------------------------------------- */

static void buffer_setup(struct site *site)
{
	start_any(site);
	site->bound = site_bound(site);
}

static void window_setup(struct site *site)
{
	static const uint8_t lengths[] = { 10, 16, 20, 32, 50, 64, 100, 128 };

	start_any(site);
	site->bound = lengths[rng_below(&site->rng, sizeof(lengths))];
}

void leaks_queue_step(struct site *site, uint32_t step)
{
	if (step < site->start)
		return;
	site_push(site, step, site_size(site), 0);
	while (site->n_blocks && step - site->blocks[0].birth >= site->bound)
		site_drop(site, 0);
}

/* --- gathered, and released ---------------------------------------------- */

static void list_setup(struct site *site)
{
	start_any(site);
	site->period = site_bound(site);
	site->bound = site->period;
	if (rng_chance(&site->rng, 0.5))
		site->rate = 0.3; /* epochs differ in length */
	site->next = site->start + site->period;
}

static void list_step(struct site *site, uint32_t step)
{
	double length = site->period;

	if (step < site->start)
		return;
	if (step >= site->next) {
		site_clear(site);
		length *= 1 - site->rate * rng_unit(&site->rng);
		site->next = step + 1 + (uint32_t)length;
	}
	site_push(site, step, site_size(site), 0);
}

/* --- snapshots of the best ----------------------------------------------- */

static void snapshot_setup(struct site *site)
{
	site->count = 1 + rng_below(&site->rng, 30); /* blocks of one */
	site->rate = rng_log(&site->rng, 1, 30);
}

static void snapshot_step(struct site *site, uint32_t step)
{
	uint32_t i;

	if (!rng_chance(&site->rng, site->rate / (site->rate + step)))
		return;
	site_clear(site);
	for (i = 0; i < site->count; i++)
		site_push(site, step, site->size, 0);
}

static void best_setup(struct site *site)
{
	site->count = 1 + rng_below(&site->rng, 20);
	site->bound = site->count * 4;
}

static void best_step(struct site *site, uint32_t step)
{
	double value = rng_unit(&site->rng);
	uint32_t i, worst = 0;

	for (i = 1; i < site->n_blocks; i++)
		if (site->blocks[i].value < site->blocks[worst].value)
			worst = i;
	if (site->n_blocks >= site->count) {
		if (site->blocks[worst].value >= value)
			return;
		site_drop(site, worst);
	}
	site_push(site, step, site_size(site), value);
}

/* --- caches -------------------------------------------------------------- */

static void cache_setup(struct site *site)
{
	start_any(site);
	memset(site->seen, 0, sizeof(site->seen));
	site->count = site_bound(site); /* different things to keep */
	site->bound = 3 * site->count; /* 95 % of 1 - exp(-steps / count) */
	site->rate = 0;
}

static void zipf_setup(struct site *site)
{
	cache_setup(site);
	site->count *= 4;
	site->bound = (uint32_t)(1.8 * site->count * log(site->count));
	site->rate = 1;
}

/*
 * Zipf's law with exponent 1: the rank is count to the power of a uniform.
 * After x count log(count) steps all but the exponential integral E2(x) of
 * the entries are there, 95 % for x = 1.8.
 */
static void cache_step(struct site *site, uint32_t step)
{
	uint32_t entry;

	if (step < site->start)
		return;
	if (site->rate > 0)
		entry = (uint32_t)pow(site->count, rng_unit(&site->rng)) - 1;
	else
		entry = rng_below(&site->rng, site->count);
	if (site->seen[entry])
		return;
	site->seen[entry] = 1;
	site_push(site, step, site_size(site), 0);
}

/* The least recently used one goes; nearly every look-up misses. */
static void lru_setup(struct site *site)
{
	buffer_setup(site);
	site->rate = 0.2 + 0.8 * rng_unit(&site->rng);
	site->count = site->bound;
	site->bound = (uint32_t)(site->bound / site->rate);
}

static void lru_step(struct site *site, uint32_t step)
{
	if (step < site->start || !rng_chance(&site->rng, site->rate))
		return;
	if (site->n_blocks >= site->count)
		site_drop(site, 0);
	site_push(site, step, site_size(site), 0);
}

/* --- sizes that grow ----------------------------------------------------- */

/* Sequences get longer up to a length (a curriculum). */
static void curriculum_setup(struct site *site)
{
	site->bound = site_bound(site);
}

static void curriculum_step(struct site *site, uint32_t step)
{
	double part = step < site->bound ? (double)step / site->bound : 1;

	site_clear(site);
	site_push(site, step, site_size(site) * (0.1 + 0.9 * part), 0);
}

/* An array that doubles when it is full. */
static void doubling_setup(struct site *site)
{
	start_any(site);
	site->bound = site_bound(site);
}

static void doubling_step(struct site *site, uint32_t step)
{
	uint32_t have = step - site->start + 1, room = 1;

	if (step < site->start || have > site->bound || (have & (have - 1)))
		return;
	while (room < have)
		room *= 2;
	site_clear(site);
	site_push(site, step, site->size * room, 0);
}

/* --- lifetimes and late beginnings --------------------------------------- */

static void late_setup(struct site *site)
{
	site->count = 1 + rng_below(&site->rng, 6);
	site->next = rng_below(&site->rng, site->steps / 2);
}

static void late_step(struct site *site, uint32_t step)
{
	if (step < site->next || !site->count)
		return;
	site->count--;
	site->next = step + 1 + rng_below(&site->rng, site->steps / 4);
	site_push(site, step, site_size(site), 0);
}

/* Each block has its own lifetime: exponential, or Pareto's with shape 1.5. */
static void lifetimes_setup(struct site *site)
{
	site->period = (uint32_t)rng_log(&site->rng, 2, 64);
	site->bound = 3 * site->period;
	site->rate = rng_chance(&site->rng, 0.5);
}

static void lifetimes_step(struct site *site, uint32_t step)
{
	double u = 1 - rng_unit(&site->rng), life;
	uint32_t i;

	life = site->rate > 0 ? pow(u, -1 / 1.5) / 3 : -log(u);
	for (i = site->n_blocks; i-- > 0;)
		if (site->blocks[i].value <= step)
			site_drop(site, i);
	site_push(site, step, site_size(site), step + life * site->period);
}

const struct kind kinds_quiet[] = {
	{ "steady state", false, steady_setup, steady_step },
	{ "noise and bursts", false, churn_setup, churn_step },
	{ "replay buffer", false, buffer_setup, leaks_queue_step },
	{ "window of 10 to 128", false, window_setup, leaks_queue_step },
	{ "list, released", false, list_setup, list_step },
	{ "snapshots, replaced", false, snapshot_setup, snapshot_step },
	{ "the best so many", false, best_setup, best_step },
	{ "cache, even", false, cache_setup, cache_step },
	{ "cache, Zipf", false, zipf_setup, cache_step },
	{ "cache, LRU", false, lru_setup, lru_step },
	{ "curriculum", false, curriculum_setup, curriculum_step },
	{ "doubling array", false, doubling_setup, doubling_step },
	{ "late beginnings", false, late_setup, late_step },
	{ "random lifetimes", false, lifetimes_setup, lifetimes_step },
	{ 0 },
};
