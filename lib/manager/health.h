/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The score and its band, as pure functions: no clock, no file, no lock.
 */
#ifndef TMEM_MANAGER_HEALTH_H
#define TMEM_MANAGER_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <tmem/health.h>

/* Order of the terms, and bits of tmem_health.unknown. */
enum tmem_health_kind {
	TMEM_HEALTH_PRESSURE = 0,
	TMEM_HEALTH_TREND = 1,
	TMEM_HEALTH_FRAGMENTATION = 2,
	TMEM_HEALTH_LEAK = 3,
	TMEM_HEALTH_FAILURES = 4,
	TMEM_HEALTH_KINDS = 5,
};

/* Of what is lost between blocks, so much is a small program's normal state. */
#define TMEM_HEALTH_LOST_FREE ((double)(32u << 20))

/*
 * struct tmem_health_inputs - all that the score follows from.  Shares above 1
 * count as 1, and what is below 0 as 0.
 * @unknown:    bits of tmem_health.unknown; their figures are not looked at
 * @pressure:   ratio of what is most short, 0 to 1
 * @rise:       what the ratio is expected to have risen by at the horizon
 * @confidence: r^2 of that
 * @held:       bytes of memory held
 * @between:    bytes of these that are free beside live blocks
 * @inside:     bytes of these in blocks, and not asked for
 * @leaks:      sites that leak
 * @live:       bytes in blocks
 * @leaked:     bytes of these that sites which leak hold
 * @failures:   requests refused, lately
 */
struct tmem_health_inputs {
	uint32_t unknown;
	double pressure;
	double rise;
	double confidence;
	double held;
	double between;
	double inside;
	double leaks;
	double live;
	double leaked;
	double failures;
};

/*
 * Fills all of *health but struct_size and band.  0, or -EINVAL: a figure that
 * counts is no finite number, and *health is as it was.
 */
int tmem_health_of(const struct tmem_health_inputs *inputs,
		   struct tmem_health *health);

/* The band of a score alone. */
enum tmem_health_band tmem_health_band_of(double score);

#define TMEM_HEALTH_MARGIN 0.02 /* 0.05 of pressure, times its weight */
#define TMEM_HEALTH_HOLD_NS 2000000000ull

/* All zero at first. */
struct tmem_health_band_state {
	bool any;
	enum tmem_health_band band;
	enum tmem_health_band better; /* the worst that it would be, since */
	uint64_t since_ns; /* until then it was no better */
};

/* A score was seen: the band that is in force. */
enum tmem_health_band
tmem_health_band_next(struct tmem_health_band_state *state, double score,
		      uint64_t now_ns);

#define TMEM_HEALTH_FORGET_NS 60000000000.0 /* half of the failures */

/* All zero at first. */
struct tmem_health_memory {
	uint64_t seen; /* failures counted so far */
	uint64_t at_ns;
	double lately;
};

/* So many requests were refused until now: how many lately. */
double tmem_health_remember(struct tmem_health_memory *memory,
			    uint64_t failures, uint64_t now_ns);

/* health_get.c */

/* Requests refused lately, as the score has them. */
double tmem_health_failures(uint64_t failures);

/* CLOCK_MONOTONIC in nanoseconds; tests put another in its place. */
extern _Atomic(uint64_t (*)(void)) tmem_health_clock;

#endif /* TMEM_MANAGER_HEALTH_H */
