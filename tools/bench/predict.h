/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the benchmark of the optimizer.
 */
#ifndef BENCH_PREDICT_H
#define BENCH_PREDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "../tmemctl/trace.h"
#include "optimizer/learn.h"

/* How much of what steps asked for had been foreseen, by one who foresees. */
struct predict_score {
	double requested, foreseen, too_much; /* bytes, tier by tier */
	double in_sum; /* bytes foreseen, whatever the tier */
	double spans, spans_foreseen, spans_too_much;
	size_t steps, acted; /* acted: with confidence */
};

/* The steps of a trace. */
struct predict_steps {
	struct tmem_demand *list;
	double *repeated; /* bytes of sizes that the step before had, too */
	size_t count;
};

/*
 * Marked: by the trace's marks; else as the library finds them.  false: no
 * memory.  predict_steps_free() afterwards.
 */
bool predict_steps_make(const struct trace *trace, bool marked,
			struct predict_steps *steps);
void predict_steps_free(struct predict_steps *steps);

/*
 * What each foresees, a line each.  Returns the share of the bytes that the
 * library foresaw, in percent; less than 0: the trace has too few steps.
 */
double predict_foresee(const char *name, const struct trace *trace);

/* What each strategy does to a replay, a line each.  0 or -1. */
int predict_replay(const char *name, const struct trace *trace,
		   unsigned int repeats);

#endif /* BENCH_PREDICT_H */
