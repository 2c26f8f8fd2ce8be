// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is foreseen of recorded programs: by the two simplest means, by what the
 * library learns of the past, and by what it learns of a step's first requests.
 */
#include <stdio.h>
#include <string.h>

#include "predict.h"

#define WINDOW 20u
#define CONFIDENCE 0.7
#define BEGIN 6u /* steps before the first that counts */

enum who { LAST, MEAN, PAST, OPENING, WHOS };

static const char *const who_name[WHOS] = {
	[LAST] = "the last step again",
	[MEAN] = "mean of 20 steps",
	[PAST] = "learned, at the mark",
	[OPENING] = "learned, and opening",
};

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double less(double a, double b)
{
	return a > b ? a - b : 0.0;
}

/* @passed: bytes that had come before it was foreseen. */
static void score_add(struct predict_score *s, const struct tmem_prediction *p,
		      const struct tmem_demand *came, double passed)
{
	double bytes = tmem_learn_foreseen(p, came);
	unsigned int i;

	s->steps++;
	s->requested += came->want[TMEM_WANT_BYTES];
	s->spans += came->want[TMEM_WANT_SPANS];
	s->acted += p->confidence >= CONFIDENCE;
	s->foreseen += less(bytes, passed);
	s->in_sum += less(least(p->want[TMEM_WANT_BYTES],
				came->want[TMEM_WANT_BYTES]),
			  passed);
	s->spans_foreseen +=
		least(p->want[TMEM_WANT_SPANS], came->want[TMEM_WANT_SPANS]);
	s->spans_too_much +=
		less(p->want[TMEM_WANT_SPANS], came->want[TMEM_WANT_SPANS]);
	for (i = 0; i < TMEM_TIERS; i++)
		s->too_much += less(p->want[TMEM_WANT_TIER + i],
				    came->want[TMEM_WANT_TIER + i]);
}

static void expert_say(const struct tmem_learn *learn, enum tmem_expert expert,
		       struct tmem_prediction *p)
{
	double row[WINDOW];
	unsigned int i, j;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < TMEM_WANTS; i++) {
		for (j = 0; j < learn->count; j++)
			row[j] =
				learn->ring[(learn->first + j) % TMEM_SERIES_MAX]
					.want[i];
		p->want[i] = tmem_series_expert(expert, row, learn->count, 0);
	}
}

/* The step that came, told to each that foresaw it. */
static void step_score(struct predict_score *score,
		       const struct tmem_learn *learn,
		       const struct tmem_demand *came)
{
	struct tmem_prediction p;
	double passed = 0.0;

	expert_say(learn, TMEM_EXPERT_LAST, &p);
	score_add(&score[LAST], &p, came, 0.0);
	expert_say(learn, TMEM_EXPERT_MEAN, &p);
	score_add(&score[MEAN], &p, came, 0.0);
	tmem_learn_predict(learn, &p);
	score_add(&score[PAST], &p, came, 0.0);
	if (p.opening < TMEM_LEARN_OPENINGS) {
		if (p.confidence < CONFIDENCE)
			passed = came->opening[p.opening];
		tmem_learn_open(learn, &p, came->opening[p.opening]);
	}
	score_add(&score[OPENING], &p, came, passed);
}

static double percent(double part, double whole)
{
	return whole > 0.0 ? 100.0 * part / whole : 0.0;
}

static void score_print(const char *trace, const char *who,
			const struct predict_score *s)
{
	printf("  %-12s %-20s %6.1f %% %6.1f %% %7.1f %% %6.1f %% %7.1f %%",
	       trace, who, percent(s->in_sum, s->requested),
	       percent(s->foreseen, s->requested),
	       percent(s->too_much, s->requested),
	       percent(s->spans_foreseen, s->spans),
	       percent(s->spans_too_much, s->spans));
	if (s->acted)
		printf(" %4zu of %zu", s->acted, s->steps);
	putchar('\n');
}

static void steps_score(const struct predict_steps *steps,
			struct predict_score score[WHOS],
			struct tmem_prediction *end)
{
	static struct tmem_learn learn;
	size_t i;

	memset(score, 0, WHOS * sizeof(*score));
	memset(&learn, 0, sizeof(learn));
	learn.window = WINDOW;
	for (i = 0; i < steps->count; i++) {
		if (i >= BEGIN)
			step_score(score, &learn, &steps->list[i]);
		tmem_learn_add(&learn, &steps->list[i]);
	}
	tmem_learn_predict(&learn, end);
}

/* Returns the library's share of bytes, in percent. */
static double marked_print(const char *name, const struct predict_steps *steps)
{
	struct predict_score score[WHOS];
	struct tmem_prediction end;
	double repeated = 0.0, all = 0.0;
	enum who who;
	size_t i;

	steps_score(steps, score, &end);
	for (i = BEGIN; i < steps->count; i++) {
		repeated += steps->repeated[i];
		all += steps->list[i].want[TMEM_WANT_BYTES];
	}
	for (who = 0; who < WHOS; who++)
		score_print(who ? "" : name, who_name[who], &score[who]);
	printf("  %-12s %-20s %17.1f %%\n", "", "(sizes of the last)",
	       percent(repeated, all));
	printf("  %-12s at the end: %s, period %u, confidence %.2f, after "
	       "its opening %.2f\n",
	       "", tmem_optimizer_pattern_name(end.pattern), end.period,
	       end.confidence, end.opening_confidence);
	return percent(score[OPENING].in_sum, score[OPENING].requested);
}

double predict_foresee(const char *name, const struct trace *trace)
{
	struct predict_score score[WHOS];
	struct tmem_prediction end;
	struct predict_steps steps;
	double share = -1;

	if (predict_steps_make(trace, true, &steps) && steps.count > BEGIN)
		share = marked_print(name, &steps);
	else
		printf("  %-12s has less than %u steps\n", name, BEGIN + 1);
	predict_steps_free(&steps);
	if (predict_steps_make(trace, false, &steps) && steps.count > BEGIN) {
		steps_score(&steps, score, &end);
		score_print("", "the same, unmarked", &score[OPENING]);
	} else {
		printf("  %-12s %-20s no steps are found\n", "",
		       "the same, unmarked");
	}
	predict_steps_free(&steps);
	return share;
}
