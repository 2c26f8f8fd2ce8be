// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is compared: the library's detector by any rule, and two that are often
 * used.  Age: some block, made after the warm-up, is older than so many steps.
 * Slope: least squares over all steps so far; the slope's Student's t is above
 * a figure, after as many steps as the library wants.
 */
#include <math.h>
#include <stdio.h>

#include <analytics/leak.h>

#include "leaks.h"

_Static_assert(sizeof(struct tmem_leak_series) <= DETECTOR_STATE, "fits");

static bool rule_step(const struct detector *detector, void *state,
		      const struct sample *sample)
{
	const struct tmem_leak_rule rule = {
		.window = detector->rule.window,
		.score = (float)detector->rule.score,
		.steady = (float)detector->rule.steady,
	};
	struct tmem_leak_verdict verdict;

	tmem_leak_step_by(state, &rule, sample->bytes, sample->blocks);
	tmem_leak_judge(state, &verdict);
	return verdict.leaking;
}

struct detector detector_rule(uint32_t window, double score, double steady)
{
	struct detector detector = { .step = rule_step };

	detector.rule.window = window;
	detector.rule.score = score;
	detector.rule.steady = steady;
	snprintf(detector.name, sizeof(detector.name), "%u x 8, %g, %g", window,
		 score, steady);
	return detector;
}

struct detector detector_default(void)
{
	const struct tmem_leak_rule *rule = &tmem_leak_rule_default;
	struct detector detector =
		detector_rule(rule->window, rule->score, rule->steady);

	snprintf(detector.name, sizeof(detector.name), "tmem");
	return detector;
}

static bool age_step(const struct detector *detector, void *state,
		     const struct sample *sample)
{
	(void)state;
	return sample->oldest > detector->figure;
}

struct detector detector_age(uint32_t steps)
{
	struct detector detector = { .step = age_step, .figure = steps };

	snprintf(detector.name, sizeof(detector.name), "age > %u steps", steps);
	return detector;
}

/* About the first sample, for the sake of precision. */
struct slope {
	double n, first, t, y, tt, ty, yy;
};

static bool slope_step(const struct detector *detector, void *state,
		       const struct sample *sample)
{
	struct slope *s = state;
	double y, stt, sty, syy, rest;

	if (s->n == 0)
		s->first = (double)sample->bytes;
	y = (double)sample->bytes - s->first;
	s->n++;
	s->t += s->n;
	s->y += y;
	s->tt += s->n * s->n;
	s->ty += s->n * y;
	s->yy += y * y;
	if (s->n < 144)
		return false;
	stt = s->tt - s->t * s->t / s->n;
	sty = s->ty - s->t * s->y / s->n;
	syy = s->yy - s->y * s->y / s->n;
	rest = (syy - sty * sty / stt) / (s->n - 2);
	return sty > 0 &&
	       sty * sty / stt > detector->figure * detector->figure * rest;
}

struct detector detector_slope(double t)
{
	struct detector detector = { .step = slope_step, .figure = t };

	snprintf(detector.name, sizeof(detector.name), "slope, t > %g", t);
	return detector;
}
