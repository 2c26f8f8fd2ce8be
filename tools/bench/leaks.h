/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The study of the leak detector: programs that are made up, of sites that
 * are known to leak or not, and who finds them.
 *
 * A site is made from its kind and a seed, its series of live bytes is drawn
 * once, and every detector is shown the same series.
 */
#ifndef BENCH_LEAKS_H
#define BENCH_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks_random.h"

#define LEAKS_STEPS_MAX 4000u
#define LEAKS_BLOCKS_MAX 16384u
#define LEAKS_BOUND_MIN 4.0
#define LEAKS_BOUND_MAX 512.0
/* A program sets itself up: age is not counted for blocks from before. */
#define LEAKS_WARM 10u

struct site;

/*
 * struct kind - how the blocks of a site come and go
 * @setup: draws what the site's life depends on; sets site.bound
 * @step:  one step of the program, the steps being counted from 0
 */
struct kind {
	const char *name;
	bool leak;
	void (*setup)(struct site *site);
	void (*step)(struct site *site, uint32_t step);
};

struct block {
	uint32_t birth; /* step */
	double bytes; /* as estimated, if the site is sampled */
	double value; /* for kinds that keep the best, or have lifetimes */
};

/*
 * struct noise - what comes and goes at the site beside its kind's blocks
 * @level: bytes of it; 0: none
 * @drift: 0: anew in each step; else steps for which it remembers
 * @every, @length: a burst, of @burst times the level
 */
struct noise {
	double level;
	double drift;
	double memory;
	uint32_t every;
	uint32_t length;
	double burst;
};

/*
 * struct site - from site_make() to the next
 * @bound:    steps until growth that is no leak is over, or 95 % of it; 0: none
 * @start:    step before which nothing happens; of a leak: before it leaks
 * @period, @rate, @count: whatever the kind wants
 * @interval: mean bytes between samples; 0: every block is seen
 * @leaked:   blocks, so far
 */
struct site {
	const struct kind *kind;
	struct rng rng;
	uint32_t steps;
	uint32_t start;
	uint32_t bound;
	uint32_t period;
	uint32_t next;
	uint32_t count;
	double rate;
	double size;
	double spread;
	double interval;
	double value;
	uint32_t leaked;
	struct noise noise;
	struct block blocks[LEAKS_BLOCKS_MAX]; /* oldest first */
	uint32_t n_blocks;
	double bytes;
	uint8_t seen[LEAKS_BLOCKS_MAX];
};

/* What a mark shows of a site. */
struct sample {
	uint64_t bytes;
	uint64_t blocks;
	uint32_t oldest; /* steps; 0 if from the warm-up */
};

/* leaks_site.c */
void site_make(struct site *site, const struct kind *kind, uint64_t seed,
	       uint32_t steps);
struct sample site_step(struct site *site, uint32_t step);
double site_size(struct site *site); /* of a block, at this moment */
bool site_push(struct site *site, uint32_t step, double bytes, double value);
void site_drop(struct site *site, uint32_t index);
void site_clear(struct site *site);
uint32_t site_bound(struct site *site); /* a length, by the study's prior */

/* leaks_quiet.c, leaks_leaking.c: each list ends with an entry unnamed. */
extern const struct kind kinds_quiet[];
extern const struct kind kinds_leaking[];
void leaks_queue_step(struct site *site, uint32_t step);

/* leaks_detector.c */
#define DETECTOR_STATE 512

struct detector {
	char name[64];
	/* True: says that it leaks, now. */
	bool (*step)(const struct detector *detector, void *state,
		     const struct sample *sample);
	double figure;
	struct {
		uint32_t window;
		double score;
		double steady;
	} rule;
};

struct detector detector_rule(uint32_t window, double score, double steady);
struct detector detector_default(void);
struct detector detector_age(uint32_t steps);
struct detector detector_slope(double t);

/* leaks_study.c */
#define STUDY_DETECTORS 24
#define STUDY_KINDS 40

/* Of one detector and the sites of one kind, or all. */
struct tally {
	uint32_t sites;
	uint32_t named; /* at any step; a leak: when it leaked already */
	uint32_t at_end;
	uint32_t early; /* leaks that were named before they leaked */
	uint32_t within, within_named; /* bound <= the horizon */
	uint32_t findable, found; /* leaks of 16 blocks and a horizon or more */
	uint32_t *delays; /* steps from the leak's begin to its name */
	uint32_t n_delays, room;
};

struct study {
	uint64_t seed;
	uint32_t programs;
	uint32_t horizon;
	struct detector detectors[STUDY_DETECTORS];
	uint32_t n_detectors;
	const struct kind *kinds[STUDY_KINDS];
	uint32_t n_kinds;
	struct tally tally[STUDY_DETECTORS][STUDY_KINDS];
};

int study_run(struct study *study);
void study_free(struct study *study);
struct tally study_sum(const struct study *study, uint32_t detector, bool leak);
uint32_t tally_delay(const struct tally *tally, double quantile);

/* leaks_table.c */
void table_detectors(const struct study *study);
void table_kinds(const struct study *study, uint32_t detector);
int table_bars(const struct study *study); /* how many were missed */

/* leaks_trace.c: 0, or -1 and it was said why. */
int trace_judge(const char *path, bool merged);

#endif /* BENCH_LEAKS_H */
