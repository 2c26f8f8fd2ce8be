// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From figures to a score.  Each term is 0 to 1, rises with each of its
 * figures that means trouble, and takes off weight * value:
 *
 *	score = max(0, 1 - 0.4 pressure - 0.3 trend - 0.2 fragmentation
 *		         - 0.2 leak - 0.3 failures)
 *
 *	trend          min(1, rise / (1 - pressure)) * confidence
 *	fragmentation  min(1, 2 (max(0, between - 32 MiB) + inside) / held)
 *	leak           0.25 + 0.75 leaked / live, if there is any
 *	failures       n / (n + 1)
 *
 * Worked: pressure 0.8, rising by 0.1 until the horizon with r^2 0.9: trend
 * 0.1 / 0.2 * 0.9 = 0.45; 1 - 0.32 - 0.135 = 0.545, a warning.  A tenth of
 * a GiB lost between blocks: 2 * (102.4 - 32) / 1024 = 0.1375, takes 0.0275.
 *
 * What limits it: the weights are choices, not measurements.  health.md has
 * the reasons.
 */
#include "manager/health.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const struct {
	const char *name;
	double weight;
} kinds[TMEM_HEALTH_KINDS] = {
	[TMEM_HEALTH_PRESSURE] = { "pressure", 0.4 },
	[TMEM_HEALTH_TREND] = { "trend", 0.3 },
	[TMEM_HEALTH_FRAGMENTATION] = { "fragmentation", 0.2 },
	[TMEM_HEALTH_LEAK] = { "leak", 0.2 },
	[TMEM_HEALTH_FAILURES] = { "failures", 0.3 },
};

const char *tmem_health_term_name(uint32_t n)
{
	return n < TMEM_HEALTH_KINDS ? kinds[n].name : "?";
}

/* Within 0 and 1.  NaN stays what it is. */
static double clamp(double share)
{
	return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Of nothing, any part is all of it. */
static double share(double part, double whole)
{
	if (part <= 0)
		return 0;
	return part >= whole ? 1 : part / whole;
}

/* The nearer to the end, the more the same rise means. */
static double term_trend(const struct tmem_health_inputs *in)
{
	/* Without pressure the rise counts as it is. */
	double room = in->unknown & 1u << TMEM_HEALTH_PRESSURE ?
			      1 :
			      1 - clamp(in->pressure);

	return share(in->rise, room) * clamp(in->confidence);
}

static double term_fragmentation(const struct tmem_health_inputs *in)
{
	double lost = fmax(0, in->between - TMEM_HEALTH_LOST_FREE) +
		      fmax(0, in->inside);

	return share(2 * lost, in->held);
}

static double term_leak(const struct tmem_health_inputs *in)
{
	return in->leaks > 0 ? 0.25 + 0.75 * share(in->leaked, in->live) : 0;
}

static double term_value(const struct tmem_health_inputs *in, unsigned int kind)
{
	switch (kind) {
	case TMEM_HEALTH_PRESSURE:
		return clamp(in->pressure);
	case TMEM_HEALTH_TREND:
		return term_trend(in);
	case TMEM_HEALTH_FRAGMENTATION:
		return term_fragmentation(in);
	case TMEM_HEALTH_LEAK:
		return term_leak(in);
	default:
		return in->failures > 0 ? in->failures / (in->failures + 1) : 0;
	}
}

/* The figures of a term are numbers; those of one that is not known, anything. */
static bool term_is_sound(const struct tmem_health_inputs *in,
			  unsigned int kind)
{
	switch (kind) {
	case TMEM_HEALTH_PRESSURE:
		return isfinite(in->pressure);
	case TMEM_HEALTH_TREND:
		return isfinite(in->rise) && isfinite(in->confidence);
	case TMEM_HEALTH_FRAGMENTATION:
		return isfinite(in->held) && isfinite(in->between) &&
		       isfinite(in->inside);
	case TMEM_HEALTH_LEAK:
		return isfinite(in->leaks) && isfinite(in->live) &&
		       isfinite(in->leaked);
	default:
		return isfinite(in->failures);
	}
}

static void term_add(struct tmem_health *health,
		     const struct tmem_health_inputs *in, unsigned int kind)
{
	struct tmem_health_term *term = &health->term[health->terms++];

	strncpy(term->name, kinds[kind].name, sizeof(term->name) - 1);
	term->value = term_value(in, kind);
	term->weight = kinds[kind].weight;
	term->penalty = term->value * term->weight;
	health->score -= term->penalty;
}

int tmem_health_of(const struct tmem_health_inputs *in,
		   struct tmem_health *health)
{
	struct tmem_health made = TMEM_HEALTH_INIT;
	unsigned int kind;

	for (kind = 0; kind < TMEM_HEALTH_KINDS; kind++)
		if (!(in->unknown >> kind & 1) && !term_is_sound(in, kind))
			return -EINVAL;
	made.score = 1;
	made.unknown = in->unknown & ((1u << TMEM_HEALTH_KINDS) - 1);
	for (kind = 0; kind < TMEM_HEALTH_KINDS; kind++)
		if (!(made.unknown >> kind & 1))
			term_add(&made, in, kind);
	made.score = clamp(made.score);
	made.struct_size = health->struct_size;
	made.band = health->band;
	*health = made;
	return 0;
}
