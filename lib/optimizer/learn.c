// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Each want is a row of numbers of its own (series.c), with one period for
 * all: that of the spans, or of the bytes, in use.
 */
#include "optimizer/learn.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define HUGE_WANT 0x1p62 /* more bytes than there are addresses */

/* An opening must be better than the past by as much to be waited for. */
#define OPENING_BETTER 0.02

static bool number_ok(double number)
{
	return isfinite(number) && number >= 0.0 && number <= HUGE_WANT;
}

int tmem_learn_add(struct tmem_learn *learn, const struct tmem_demand *demand)
{
	unsigned int i;

	for (i = 0; i < TMEM_WANTS; i++)
		if (!number_ok(demand->want[i]))
			return -EINVAL;
	for (i = 0; i < TMEM_LEARN_OPENINGS; i++)
		if (!number_ok(demand->opening[i]))
			return -EINVAL;
	learn->ring[(learn->first + learn->count) % TMEM_SERIES_MAX] = *demand;
	if (learn->count < learn->window)
		learn->count++;
	else
		learn->first = (learn->first + 1) % TMEM_SERIES_MAX;
	return 0;
}

void tmem_learn_window(struct tmem_learn *learn, unsigned int window)
{
	if (learn->count > window) {
		learn->first = (learn->first + learn->count - window) %
			       TMEM_SERIES_MAX;
		learn->count = window;
	}
	learn->window = window;
}

static const struct tmem_demand *learn_at(const struct tmem_learn *learn,
					  unsigned int i)
{
	return &learn->ring[(learn->first + i) % TMEM_SERIES_MAX];
}

static void learn_row(const struct tmem_learn *learn, unsigned int want,
		      double *row)
{
	unsigned int i;

	for (i = 0; i < learn->count; i++)
		row[i] = learn_at(learn, i)->want[want];
}

static void learn_openings(const struct tmem_learn *learn, unsigned int opening,
			   double *row)
{
	unsigned int i;

	for (i = 0; i < learn->count; i++)
		row[i] = learn_at(learn, i)->opening[opening];
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* How well an opening would have foretold bytes and spans. */
static double opening_confidence(const struct tmem_learn *learn,
				 unsigned int opening)
{
	double x[TMEM_SERIES_MAX], y[TMEM_SERIES_MAX], bytes, spans;
	unsigned int tests;

	learn_openings(learn, opening, x);
	learn_row(learn, TMEM_WANT_BYTES, y);
	bytes = tmem_series_regress_fit(x, y, learn->count, &tests);
	learn_row(learn, TMEM_WANT_SPANS, y);
	spans = tmem_series_regress_fit(x, y, learn->count, &tests);
	return tmem_series_confidence(least(bytes, spans), tests);
}

/* The shortest of those that are the best, if they are better than the past. */
static void opening_choose(const struct tmem_learn *learn,
			   struct tmem_prediction *p)
{
	double best = p->confidence + OPENING_BETTER - TMEM_SERIES_BETTER;
	unsigned int i;

	p->opening = TMEM_LEARN_OPENINGS;
	p->opening_confidence = 0.0;
	for (i = 0; i < TMEM_LEARN_OPENINGS; i++) {
		double confidence = opening_confidence(learn, i);

		if (confidence < best + TMEM_SERIES_BETTER)
			continue;
		best = confidence;
		p->opening = i;
		p->opening_confidence = confidence;
	}
}

/* The one for all: of the spans, or of the bytes where these have none. */
static void period_find(const struct tmem_learn *learn,
			struct tmem_prediction *p)
{
	double spans[TMEM_SERIES_MAX], bytes[TMEM_SERIES_MAX];

	learn_row(learn, TMEM_WANT_SPANS, spans);
	learn_row(learn, TMEM_WANT_BYTES, bytes);
	p->period = tmem_series_period(spans, learn->count);
	if (!p->period)
		p->period = tmem_series_period(bytes, learn->count);
	p->pattern = tmem_series_pattern(bytes, learn->count, p->period);
}

void tmem_learn_predict(const struct tmem_learn *learn,
			struct tmem_prediction *p)
{
	struct tmem_forecast forecast;
	double row[TMEM_SERIES_MAX];
	double confidence;
	unsigned int i;

	*p = (struct tmem_prediction){ .confidence = 1.0 };
	period_find(learn, p);
	for (i = 0; i < TMEM_WANTS; i++) {
		learn_row(learn, i, row);
		tmem_series_next(row, learn->count, p->period, &forecast);
		p->want[i] = forecast.value;
		if (i != TMEM_WANT_BYTES && i != TMEM_WANT_SPANS)
			continue;
		confidence =
			tmem_series_confidence(forecast.fit, forecast.tests);
		p->confidence = least(p->confidence, confidence);
	}
	opening_choose(learn, p);
}

void tmem_learn_open(const struct tmem_learn *learn, struct tmem_prediction *p,
		     double bytes)
{
	double x[TMEM_SERIES_MAX], y[TMEM_SERIES_MAX];
	unsigned int i;

	if (p->opening >= TMEM_LEARN_OPENINGS || !number_ok(bytes))
		return;
	learn_openings(learn, p->opening, x);
	for (i = 0; i < TMEM_WANTS; i++) {
		learn_row(learn, i, y);
		p->want[i] = tmem_series_regress(x, y, learn->count, bytes);
	}
	p->confidence = p->opening_confidence;
}

double tmem_learn_foreseen(const struct tmem_prediction *p,
			   const struct tmem_demand *demand)
{
	double bytes = 0.0;
	unsigned int i;

	for (i = 0; i < TMEM_TIERS; i++)
		bytes += least(p->want[TMEM_WANT_TIER + i],
			       demand->want[TMEM_WANT_TIER + i]);
	return bytes;
}
