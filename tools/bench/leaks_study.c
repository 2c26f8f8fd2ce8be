// SPDX-License-Identifier: GPL-2.0-only
/*
 * The study: programs of eight sites that do not leak, and in every other one
 * a ninth that does; of 200 to 4000 steps.
 */
#include <stdlib.h>
#include <string.h>

#include "leaks.h"

#define SITES_QUIET 8u

/* What a detector said of a site. */
struct outcome {
	bool early;
	bool named;
	bool at_end;
	uint32_t delay;
};

static struct site site; /* large */
static struct sample samples[LEAKS_STEPS_MAX];
static uint32_t leaked_at[LEAKS_STEPS_MAX];

static void site_draw(const struct kind *kind, uint64_t seed, uint32_t steps)
{
	uint32_t step;

	site_make(&site, kind, seed, steps);
	for (step = 0; step < steps; step++) {
		samples[step] = site_step(&site, step);
		leaked_at[step] = site.leaked;
	}
}

static struct outcome detect(const struct detector *detector, uint32_t steps)
{
	_Alignas(16) unsigned char state[DETECTOR_STATE] = { 0 };
	struct outcome outcome = { 0 };
	uint32_t step;
	bool says;

	for (step = 0; step < steps; step++) {
		says = detector->step(detector, state, &samples[step]);
		outcome.at_end = says;
		if (!says || outcome.named)
			continue;
		if (site.kind->leak && !leaked_at[step]) {
			outcome.early = true;
			continue;
		}
		outcome.named = true;
		outcome.delay = step + 1 - site.start;
	}
	return outcome;
}

static int tally_delayed(struct tally *tally, uint32_t delay)
{
	uint32_t room = tally->room ? tally->room * 2 : 64;
	uint32_t *delays;

	if (tally->n_delays == tally->room) {
		delays = realloc(tally->delays, room * sizeof(*delays));
		if (!delays)
			return -1;
		tally->delays = delays;
		tally->room = room;
	}
	tally->delays[tally->n_delays++] = delay;
	return 0;
}

static bool is_findable(const struct study *study)
{
	return site.leaked >= 16 && site.steps - site.start >= study->horizon;
}

static int tally_add(struct tally *tally, const struct study *study,
		     const struct outcome *outcome)
{
	tally->sites++;
	tally->named += outcome->named;
	tally->at_end += outcome->at_end;
	tally->early += outcome->early;
	if (!site.kind->leak) {
		tally->within += site.bound < study->horizon;
		tally->within_named += site.bound < study->horizon &&
				       outcome->named;
		return 0;
	}
	tally->findable += is_findable(study);
	tally->found += is_findable(study) && outcome->named;
	return outcome->named ? tally_delayed(tally, outcome->delay) : 0;
}

static int study_site(struct study *study, uint32_t kind, uint64_t seed,
		      uint32_t steps)
{
	struct outcome outcome;
	uint32_t i;

	site_draw(study->kinds[kind], seed, steps);
	for (i = 0; i < study->n_detectors; i++) {
		outcome = detect(&study->detectors[i], steps);
		if (tally_add(&study->tally[i][kind], study, &outcome))
			return -1;
	}
	return 0;
}

static uint32_t kinds_add(struct study *study, const struct kind *kinds)
{
	uint32_t n = 0;

	while (kinds[n].name)
		study->kinds[study->n_kinds++] = &kinds[n++];
	return n;
}

static int study_program(struct study *study, uint64_t seed, uint32_t n_quiet,
			 uint32_t n_leaking)
{
	struct rng rng = { .state = seed };
	uint32_t steps = (uint32_t)rng_log(&rng, 200, LEAKS_STEPS_MAX), i;
	uint32_t kind;

	for (i = 0; i < SITES_QUIET; i++) {
		kind = rng_below(&rng, n_quiet);
		if (study_site(study, kind, rng_next(&rng), steps))
			return -1;
	}
	if (rng_chance(&rng, 0.5)) {
		kind = n_quiet + rng_below(&rng, n_leaking);
		if (study_site(study, kind, rng_next(&rng), steps))
			return -1;
	}
	return 0;
}

int study_run(struct study *study)
{
	struct rng rng = { .state = study->seed };
	uint32_t n_quiet, n_leaking, i;

	study->n_kinds = 0;
	n_quiet = kinds_add(study, kinds_quiet);
	n_leaking = kinds_add(study, kinds_leaking);
	for (i = 0; i < study->programs; i++)
		if (study_program(study, rng_next(&rng), n_quiet, n_leaking))
			return -1;
	return 0;
}

void study_free(struct study *study)
{
	uint32_t i, j;

	for (i = 0; i < study->n_detectors; i++)
		for (j = 0; j < study->n_kinds; j++)
			free(study->tally[i][j].delays);
}

static int delay_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Of all leaks, or of all sites that are none; free its delays. */
struct tally study_sum(const struct study *study, uint32_t detector, bool leak)
{
	struct tally sum = { 0 };
	uint32_t i, j;

	for (i = 0; i < study->n_kinds; i++) {
		const struct tally *t = &study->tally[detector][i];

		if (study->kinds[i]->leak != leak)
			continue;
		sum.sites += t->sites;
		sum.named += t->named;
		sum.at_end += t->at_end;
		sum.early += t->early;
		sum.within += t->within;
		sum.within_named += t->within_named;
		sum.findable += t->findable;
		sum.found += t->found;
		for (j = 0; j < t->n_delays; j++)
			if (tally_delayed(&sum, t->delays[j]))
				break;
	}
	return sum;
}

/* The nearest rank; 0: nothing was named. */
uint32_t tally_delay(const struct tally *tally, double quantile)
{
	uint32_t rank = (uint32_t)(quantile * tally->n_delays);

	if (!tally->n_delays)
		return 0;
	qsort(tally->delays, tally->n_delays, sizeof(uint32_t), delay_order);
	return tally->delays[rank < tally->n_delays ? rank : rank - 1];
}
