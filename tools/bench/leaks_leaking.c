// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of sites that leak: quickly and slowly, evenly and not, alone and
 * beside blocks that do not.  Every site also has its noise, and some are
 * sampled, see leaks_site.c.
 */
#include "leaks.h"

/* Half of them leak from the first step on. */
static void start_any(struct site *site)
{
	if (rng_chance(&site->rng, 0.5))
		site->start = rng_below(&site->rng, site->steps / 2);
}

static void leak(struct site *site, uint32_t step, double bytes)
{
	site->leaked++;
	site_push(site, step, bytes, 1);
}

/* --- one in so many steps ------------------------------------------------ */

static void each_setup(struct site *site)
{
	start_any(site);
	site->period = 1;
}

static void slow_setup(struct site *site)
{
	start_any(site);
	site->period = (uint32_t)rng_log(&site->rng, 2, 100);
}

static void each_step(struct site *site, uint32_t step)
{
	if (step >= site->start && (step - site->start) % site->period == 0)
		leak(site, step, site_size(site));
}

/* By chance: an error path, a rare shape. */
static void chance_step(struct site *site, uint32_t step)
{
	if (step >= site->start && rng_chance(&site->rng, 1.0 / site->period))
		leak(site, step, site_size(site));
}

/* Some at once, in an evaluation or a checkpoint. */
static void bunch_setup(struct site *site)
{
	start_any(site);
	site->period = (uint32_t)rng_log(&site->rng, 5, 100);
	site->count = 2 + rng_below(&site->rng, 20);
}

static void bunch_step(struct site *site, uint32_t step)
{
	uint32_t i;

	if (step < site->start || (step - site->start) % site->period)
		return;
	for (i = 0; i < site->count; i++)
		leak(site, step, site_size(site));
}

/* Fewer and fewer: about the square root of the steps. */
static void fading_step(struct site *site, uint32_t step)
{
	if (step >= site->start &&
	    rng_chance(&site->rng, 4 / sqrt(16.0 + step - site->start)))
		leak(site, step, site_size(site));
}

/* --- one block that grows ------------------------------------------------ */

static void extended_step(struct site *site, uint32_t step)
{
	if (step < site->start)
		return;
	site->leaked++;
	site->value += site_size(site);
	site_clear(site);
	site_push(site, step, site->value, 1);
}

/* --- beside others: what a merged site shows ----------------------------- */

/* Of a mixture, what is not leaked has value 0. */
static void mixed_drop(struct site *site, uint32_t oldest)
{
	uint32_t i;

	for (i = site->n_blocks; i-- > 0;)
		if (site->blocks[i].value == 0 &&
		    site->blocks[i].birth < oldest)
			site_drop(site, i);
}

static void mixed_setup(struct site *site)
{
	start_any(site);
	site->bound = site_bound(site);
	site->period = 1 + rng_below(&site->rng, 8);
	site->rate = rng_log(&site->rng, 0.3, 10);
}

static void beside_buffer_step(struct site *site, uint32_t step)
{
	site_push(site, step, site_size(site) * site->rate, 0);
	if (step >= site->bound)
		mixed_drop(site, step - site->bound);
	each_step(site, step);
}

static void beside_list_step(struct site *site, uint32_t step)
{
	site_push(site, step, site_size(site) * site->rate, 0);
	if (step % site->bound == 0)
		mixed_drop(site, step + 1);
	each_step(site, step);
}

const struct kind kinds_leaking[] = {
	{ "one a step", true, each_setup, each_step },
	{ "one in 2 to 100 steps", true, slow_setup, each_step },
	{ "now and then, by chance", true, slow_setup, chance_step },
	{ "in bunches", true, bunch_setup, bunch_step },
	{ "fading, as sqrt(steps)", true, each_setup, fading_step },
	{ "one block, extended", true, each_setup, extended_step },
	{ "beside a buffer", true, mixed_setup, beside_buffer_step },
	{ "beside a released list", true, mixed_setup, beside_list_step },
	{ 0 },
};
