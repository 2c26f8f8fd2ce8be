/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes after a row of numbers, and how far that is to be believed.
 * Pure: no clock, no memory but the caller's.
 *
 * The measure of everything here is the fit of a forecast f to what came, y:
 *
 *	fit = sum(min(f, y)) / sum(max(f, y))
 *
 * 1: all was foreseen and nothing too much; 0.5: half of it, or twice as much.
 * Both errors cost the same, so that nobody gets a good mark by always
 * foreseeing too much.
 *
 * Numbers are finite and not below 0: the callers see to that.
 */
#ifndef TMEM_OPTIMIZER_SERIES_H
#define TMEM_OPTIMIZER_SERIES_H

#include <stdbool.h>
#include <tmem/optimizer.h>

#define TMEM_SERIES_MAX 256u /* numbers in a row that are looked at */
#define TMEM_SERIES_FEW 4u /* fewer say nothing */

/* The simpler first: a later one has to be better by TMEM_SERIES_BETTER. */
enum tmem_expert {
	TMEM_EXPERT_LAST = 0, /* what came last */
	TMEM_EXPERT_MEAN, /* the mean of all */
	TMEM_EXPERT_PERIOD, /* what came a period ago */
	TMEM_EXPERT_LINE, /* the line of least squares, continued */
	TMEM_EXPERTS,
};

#define TMEM_SERIES_BETTER 0.01

struct tmem_forecast {
	double value;
	double fit; /* of the expert, over the past */
	unsigned int tests; /* of how many forecasts */
	enum tmem_expert expert;
};

/*
 * The next number, by the expert that would have been the best so far; each
 * forecast of the past is made of what was known then.  @period: of the row, 0:
 * there is none.  Less than two numbers: the last one, untested.
 */
void tmem_series_next(const double *y, unsigned int n, unsigned int period,
		      struct tmem_forecast *to);

/* What one expert says. */
double tmem_series_expert(enum tmem_expert expert, const double *y,
			  unsigned int n, unsigned int period);

/*
 * The shortest period, 2 to n / 2; 0: there is none.  What came a period ago
 * must miss by a third at most of what the number before misses by.
 */
unsigned int tmem_series_period(const double *y, unsigned int n);

enum tmem_optimizer_pattern tmem_series_pattern(const double *y, unsigned int n,
						unsigned int period);

/*
 * y for an x, by the line of least squares through the pairs but for those that
 * are far from it (the mean of y where all x are the same), not below 0 and not above twice what has been.
 */
double tmem_series_regress(const double *x, const double *y, unsigned int n,
			   double at);

/* How well it would have done so far; *tests as above. */
double tmem_series_regress_fit(const double *x, const double *y, unsigned int n,
			       unsigned int *tests);

/*
 * How far a fit is to be believed after so many tests: as if one more had
 * failed.  0 to 1.
 */
static inline double tmem_series_confidence(double fit, unsigned int tests)
{
	return fit * tests / (tests + 1.0);
}

#endif /* TMEM_OPTIMIZER_SERIES_H */
