// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Four experts, and a test of each on the past.
 *
 * "Follow the best so far" is all the learning there is about a single row.
 * More was not found to pay: Documentation/design/optimizer.md has the figures,
 * beside the two simplest experts alone.
 */
#include "optimizer/series.h"

#include <math.h>
#include <string.h>

#define TESTS_MAX 32u /* forecasts of the past that are looked at */
#define REGRESS_MAX 32u /* pairs that a line is drawn through */
#define REGRESS_FEW 3u

/* Both are 0 where nothing was foreseen and nothing came: a fit of 1. */
struct fit {
	double least, most;
	unsigned int tests;
};

static void fit_add(struct fit *fit, double forecast, double came)
{
	fit->least += forecast < came ? forecast : came;
	fit->most += forecast < came ? came : forecast;
	fit->tests++;
}

static double fit_get(const struct fit *fit)
{
	if (!fit->tests)
		return 0.0;
	return fit->most > 0.0 ? fit->least / fit->most : 1.0;
}

static double row_mean(const double *y, unsigned int n)
{
	double sum = 0.0;
	unsigned int i;

	for (i = 0; i < n; i++)
		sum += y[i] / n;
	return sum;
}

/* y = *mean + *slope * (i - (n - 1) / 2); the share of y's variance in it. */
static double row_line(const double *y, unsigned int n, double *mean,
		       double *slope)
{
	double tt = 0.0, ty = 0.0, yy = 0.0;
	unsigned int i;

	*mean = row_mean(y, n);
	for (i = 0; i < n; i++) {
		double t = i - (n - 1) / 2.0, d = y[i] - *mean;

		tt += t * t;
		ty += t * d;
		yy += d * d;
	}
	*slope = tt > 0.0 ? ty / tt : 0.0;
	return tt > 0.0 && yy > 0.0 ? ty / tt * (ty / yy) : 0.0;
}

double tmem_series_expert(enum tmem_expert expert, const double *y,
			  unsigned int n, unsigned int period)
{
	double mean, slope, value;

	if (!n)
		return 0.0;
	switch (expert) {
	case TMEM_EXPERT_MEAN:
		return row_mean(y, n);
	case TMEM_EXPERT_PERIOD:
		return period && period <= n ? y[n - period] : y[n - 1];
	case TMEM_EXPERT_LINE:
		if (n < TMEM_SERIES_FEW)
			return y[n - 1];
		row_line(y, n, &mean, &slope);
		value = mean + slope * (n + 1) / 2.0;
		return value > 0.0 ? value : 0.0;
	default:
		return y[n - 1];
	}
}

static double expert_fit(enum tmem_expert expert, const double *y,
			 unsigned int n, unsigned int period,
			 unsigned int *tests)
{
	unsigned int from = n > TESTS_MAX ? n - TESTS_MAX : 1, i;
	struct fit fit = { 0 };

	/* It cannot say anything of its own before. */
	if (expert == TMEM_EXPERT_PERIOD && from < period)
		from = period;
	if (expert == TMEM_EXPERT_LINE && from < TMEM_SERIES_FEW)
		from = TMEM_SERIES_FEW;
	for (i = from; i < n; i++)
		fit_add(&fit, tmem_series_expert(expert, y, i, period), y[i]);
	*tests = fit.tests;
	return fit_get(&fit);
}

void tmem_series_next(const double *y, unsigned int n, unsigned int period,
		      struct tmem_forecast *to)
{
	enum tmem_expert expert;
	unsigned int tests;
	double fit;

	*to = (struct tmem_forecast){ .value = n ? y[n - 1] : 0.0 };
	for (expert = TMEM_EXPERT_LAST; n > 1 && expert < TMEM_EXPERTS;
	     expert++) {
		if (expert == TMEM_EXPERT_PERIOD && !period)
			continue;
		fit = expert_fit(expert, y, n, period, &tests);
		if (expert && (tests < TMEM_SERIES_FEW ||
			       fit < to->fit + TMEM_SERIES_BETTER))
			continue;
		to->fit = fit;
		to->tests = tests;
		to->expert = expert;
	}
	to->value = tmem_series_expert(to->expert, y, n, period);
}

/* How well what came so many before foretells. */
static double lag_fit(const double *y, unsigned int n, unsigned int lag)
{
	struct fit fit = { 0 };
	unsigned int i;

	for (i = lag; i < n; i++)
		fit_add(&fit, y[i - lag], y[i]);
	return fit_get(&fit);
}

unsigned int tmem_series_period(const double *y, unsigned int n)
{
	double least = n ? 1.0 - lag_fit(y, n, 1) : 0.0, best = least / 3.0;
	unsigned int lag, found = 0;

	for (lag = 2; least > 0.0 && lag <= n / 2; lag++) {
		double miss = 1.0 - lag_fit(y, n, lag);

		/* A multiple of the period does as well: the shortest counts. */
		if (found ? miss >= best - TMEM_SERIES_BETTER : miss > best)
			continue;
		best = miss;
		found = lag;
	}
	return found;
}

static double row_median(const double *y, unsigned int n)
{
	double sorted[TMEM_SERIES_MAX];
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = i; j && sorted[j - 1] > y[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = y[i];
	}
	return sorted[n / 2];
}

/* The share of numbers that are as near to the median. */
static double row_near(const double *y, unsigned int n, double within)
{
	double median = row_median(y, n);
	unsigned int i, near = 0;

	for (i = 0; i < n; i++)
		near += fabs(y[i] - median) <= within * median;
	return (double)near / n;
}

/* The most that it rises at once. */
static double row_jump(const double *y, unsigned int n)
{
	double most = 0.0;
	unsigned int i;

	for (i = 1; i < n; i++)
		most = y[i] - y[i - 1] > most ? y[i] - y[i - 1] : most;
	return most;
}

/*
 * It rises by a tenth at least on the whole, the newer half rises as the whole
 * does, and no half of it at once: what rose once will not rise so again.
 */
static bool row_grows(const double *y, unsigned int n)
{
	double mean, slope, late, late_mean;
	double share = row_line(y, n, &mean, &slope);

	row_line(y + n / 2, n - n / 2, &late_mean, &late);
	return share >= 0.7 && slope * (n - 1) >= 0.1 * mean &&
	       row_jump(y, n) <= 0.5 * slope * (n - 1) && late >= slope / 2.0 &&
	       late <= slope * 2.0;
}

enum tmem_optimizer_pattern tmem_series_pattern(const double *y, unsigned int n,
						unsigned int period)
{
	if (n > TMEM_SERIES_MAX) {
		y += n - TMEM_SERIES_MAX;
		n = TMEM_SERIES_MAX;
	}
	if (n < TMEM_SERIES_FEW)
		return TMEM_OPTIMIZER_UNKNOWN;
	if (row_grows(y, n))
		return TMEM_OPTIMIZER_GROWING;
	if (row_near(y, n, 0.05) == 1.0)
		return TMEM_OPTIMIZER_STEADY;
	if (period)
		return TMEM_OPTIMIZER_PERIODIC;
	if (row_near(y, n, 0.1) >= 0.9 && row_near(y, n, 0.25) == 1.0)
		return TMEM_OPTIMIZER_STEADY;
	/* Most are alike, and the others are far away. */
	if (row_near(y, n, 0.1) >= 0.6)
		return TMEM_OPTIMIZER_BURSTY;
	return TMEM_OPTIMIZER_RANDOM;
}

static double regress_limit(double value, const double *y, unsigned int n)
{
	double most = 0.0;
	unsigned int i;

	for (i = 0; i < n; i++)
		most = y[i] > most ? y[i] : most;
	if (!(value > 0.0))
		return 0.0;
	return value < 2.0 * most ? value : 2.0 * most;
}

/* y = mean + slope * (x - x_mean), of the pairs that count. */
struct pair_line {
	double x_mean, y_mean, slope;
};

static void pairs_line(const double *x, const double *y, const bool *out,
		       unsigned int n, struct pair_line *line)
{
	double xx = 0.0, xy = 0.0;
	unsigned int i, count = 0;

	*line = (struct pair_line){ 0 };
	for (i = 0; i < n; i++)
		count += !out[i];
	for (i = 0; i < n; i++) {
		line->x_mean += out[i] ? 0.0 : x[i] / count;
		line->y_mean += out[i] ? 0.0 : y[i] / count;
	}
	for (i = 0; i < n; i++) {
		double d = out[i] ? 0.0 : x[i] - line->x_mean;

		xx += d * d;
		xy += d * (y[i] - line->y_mean);
	}
	/* The rounding of the mean is no difference between them. */
	if (xx > 1e-12 * line->x_mean * line->x_mean * count)
		line->slope = xy / xx;
}

static double line_at(const struct pair_line *line, double x)
{
	return line->y_mean + line->slope * (x - line->x_mean);
}

/*
 * Those far from the line: three times as far as half of all are.  A program's
 * first steps are like no others.
 */
static void pairs_judge(const double *x, const double *y, unsigned int n,
			const struct pair_line *line, bool *out)
{
	double far[REGRESS_MAX], limit;
	unsigned int i;

	for (i = 0; i < n; i++)
		far[i] = fabs(y[i] - line_at(line, x[i]));
	limit = 3.0 * row_median(far, n) + 1e-9 * fabs(line->y_mean);
	for (i = 0; i < n; i++)
		out[i] = far[i] > limit;
}

double tmem_series_regress(const double *x, const double *y, unsigned int n,
			   double at)
{
	bool out[REGRESS_MAX] = { false };
	struct pair_line line;

	if (n > REGRESS_MAX) {
		x += n - REGRESS_MAX;
		y += n - REGRESS_MAX;
		n = REGRESS_MAX;
	}
	if (!n)
		return 0.0;
	pairs_line(x, y, out, n, &line);
	if (n > REGRESS_FEW) {
		pairs_judge(x, y, n, &line, out);
		pairs_line(x, y, out, n, &line);
	}
	return regress_limit(line_at(&line, at), y, n);
}

double tmem_series_regress_fit(const double *x, const double *y, unsigned int n,
			       unsigned int *tests)
{
	unsigned int from = n > TESTS_MAX ? n - TESTS_MAX : 0, i;
	struct fit fit = { 0 };

	if (from < REGRESS_FEW)
		from = REGRESS_FEW;
	for (i = from; i < n; i++)
		fit_add(&fit, tmem_series_regress(x, y, i, x[i]), y[i]);
	*tests = fit.tests;
	return fit_get(&fit);
}
