/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the monitor's benchmark share.
 */
#ifndef REACTION_H
#define REACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define ROUNDS_MAX 1000
#define PATIENCE_NS 5000000000ull
#define BAR_FIRST_NS 10000000ull /* until the first byte is free */

/* A resource over time, evenly spaced. */
struct series {
	double *ratio;
	size_t count;
	double step_s;
};

/* How often the predictor was right on it. */
struct series_score {
	uint64_t scored, hits, sure, sure_hits, still_hits, levels;
	double error;
};

/* The monitor's own predictor, run over a series as the monitor would. */
void series_score(const struct series *series, unsigned int window,
		  double horizon_s, double confidence,
		  struct series_score *score);

static inline uint64_t reaction_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* 256 MiB, touched, and free again: idle memory. */
bool reaction_make_idle(void);

/*
 * reaction_row() - print what @n rounds, of @size bytes each, took: the
 * uint64_t at @offset, in ns.  Returns the median.
 */
uint64_t reaction_row(const char *name, const void *rounds, size_t size,
		      unsigned int n, size_t offset);

/* Each is a command of the program; 0, or 1: a bar is missed, or it failed. */
int reaction_latency(int argc, char **argv);
int reaction_predict(int argc, char **argv);
int reaction_synthetic(int argc, char **argv);
int reaction_threads(int argc, char **argv);

#endif /* REACTION_H */
