// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The rule is in the header.
 */
#include "analytics/cycle.h"

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The series has just fallen: does it do so as it did before? */
static void cycle_return(struct tmem_cycle *c, uint64_t live, uint64_t rise)
{
	uint32_t period = c->step - c->returned;
	uint32_t slack = period / 4 > 1 ? period / 4 : 1;
	bool same = c->agree && apart(c->base, live) <= rise / 8 &&
		    (!c->period || apart(c->period, period) <= slack);

	c->period = c->agree ? period : 0;
	c->agree = same ? c->agree + 1 : 1;
	c->returned = c->step;
	c->base = live;
}

void tmem_cycle_step(struct tmem_cycle *c, uint64_t live, uint64_t error)
{
	uint64_t rise;

	c->step++;
	if (c->step == 1) {
		c->low = live;
		c->high = live;
	}
	if (live > c->high)
		c->high = live;
	if (error > c->error)
		c->error = error;
	rise = c->high - c->low;
	if (rise > 4 * c->error && c->high - live > rise / 2) {
		cycle_return(c, live, rise);
		c->low = live;
		c->high = live;
		c->error = 0;
	} else if (live < c->low) {
		c->low = live;
	}
	/* A fall in several steps: the last of them is the low. */
	if (c->returned && c->high == live && live < c->base)
		c->base = live;
	if (c->period && c->step - c->returned > 2 * c->period + 1)
		c->agree = 0;
}

bool tmem_cycle_is(const struct tmem_cycle *c)
{
	return c->agree >= TMEM_CYCLE_RETURNS;
}
