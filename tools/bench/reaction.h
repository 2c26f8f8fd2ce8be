/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the monitor's benchmark share.
 */
#ifndef REACTION_H
#define REACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Each is a command of the program; 0, or 1 if it failed. */
int reaction_latency(int argc, char **argv);
int reaction_predict(int argc, char **argv);
int reaction_synthetic(int argc, char **argv);

#endif /* REACTION_H */
