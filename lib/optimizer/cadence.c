// SPDX-License-Identifier: LGPL-2.1-or-later
#include "optimizer/cadence.h"

#include <math.h>
#include <string.h>

#define LAG_MIN 4u
#define UNLIKE 0.3 /* here it resembles itself no more */
#define LIKE 0.6 /* here again */
#define AS_GOOD 0.9 /* of the best: a shorter lag is preferred */

/* The correlation of the samples with those a lag later, -1 to 1. */
static double lag_likeness(const double *d, unsigned int n, unsigned int lag)
{
	double ab = 0.0, aa = 0.0, bb = 0.0;
	unsigned int i;

	for (i = 0; i + lag < n; i++) {
		ab += d[i] * d[i + lag];
		aa += d[i] * d[i];
		bb += d[i + lag] * d[i + lag];
	}
	return aa > 0.0 && bb > 0.0 ? ab / sqrt(aa * bb) : 0.0;
}

unsigned int tmem_cadence_lag(const float *sample, unsigned int n)
{
	double d[TMEM_CADENCE_SAMPLES], like[TMEM_CADENCE_SAMPLES / 3 + 1];
	unsigned int lags = n / 3, lag, first = 0;
	double mean = 0.0, best = 0.0;

	for (lag = 0; lag < n; lag++)
		mean += (double)sample[lag] / n;
	for (lag = 0; lag < n; lag++)
		d[lag] = (double)sample[lag] - mean;
	for (lag = LAG_MIN; lag <= lags; lag++) {
		like[lag] = lag_likeness(d, n, lag);
		if (!first && like[lag] < UNLIKE)
			first = lag;
		if (first && like[lag] > best)
			best = like[lag];
	}
	if (best < LIKE)
		return 0;
	for (lag = first; lag < lags; lag++)
		if (like[lag] >= AS_GOOD * best && like[lag] >= like[lag + 1])
			break;
	return lag;
}

static void cadence_coarser(struct tmem_cadence *c)
{
	unsigned int i;

	c->count /= 2;
	for (i = 0; i < c->count; i++)
		c->sample[i] = (c->sample[2 * i] + c->sample[2 * i + 1]) / 2;
	c->quantum *= 2;
	if (c->quantum <= TMEM_CADENCE_QUANTUM_MAX)
		return;
	c->quantum = TMEM_CADENCE_QUANTUM_MIN;
	c->count = 0;
}

void tmem_cadence_settle(struct tmem_cadence *c, unsigned int lag)
{
	if (c->count < TMEM_CADENCE_SAMPLES)
		return;
	if (lag) {
		/* What comes says whether it is so still. */
		c->step = (uint64_t)lag * c->quantum;
		c->count = 0;
	} else if (c->step) {
		memset(c, 0, sizeof(*c));
	} else {
		cadence_coarser(c);
	}
}

static bool cadence_sample(struct tmem_cadence *c, double in_use)
{
	if (!c->quantum)
		c->quantum = TMEM_CADENCE_QUANTUM_MIN;
	c->sum += in_use;
	if (++c->taken < c->quantum)
		return false;
	if (c->count < TMEM_CADENCE_SAMPLES)
		c->sample[c->count++] = (float)(c->sum / c->taken);
	c->taken = 0;
	c->sum = 0.0;
	return c->count == TMEM_CADENCE_SAMPLES;
}

enum tmem_cadence_event tmem_cadence_add(struct tmem_cadence *c, double in_use)
{
	bool full;

	if (!isfinite(in_use) || in_use < 0.0)
		return TMEM_CADENCE_NOTHING;
	full = cadence_sample(c, in_use);
	if (c->step && ++c->since >= c->step) {
		c->since = 0;
		return TMEM_CADENCE_STEP;
	}
	return full ? TMEM_CADENCE_FULL : TMEM_CADENCE_NOTHING;
}
