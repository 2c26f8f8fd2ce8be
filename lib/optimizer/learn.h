/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program's next step will ask for, learned from its last ones.  Pure:
 * a function of the demands that were put in; bounded memory, no clock.
 *
 * At the mark of a step the past alone is known.  Many programs draw the size
 * of a batch anew for each step: then the past says little, but the step's own
 * first requests say all, for everything after them is in proportion.  So of
 * each step its openings are kept, the bytes of its first 1, 2, 4 ... 64 large
 * requests, and the line from each opening to the whole; where that would have
 * been the better forecast, it is waited for.
 */
#ifndef TMEM_OPTIMIZER_LEARN_H
#define TMEM_OPTIMIZER_LEARN_H

#include <stdbool.h>
#include <tmem/manager.h> /* TMEM_TIERS */
#include <tmem/optimizer.h>

#include "optimizer/series.h"

#define TMEM_LEARN_NODES 8u /* nodes beyond are not told apart */
#define TMEM_LEARN_OPENINGS 7u

/* What is foreseen of a step. */
enum tmem_want {
	TMEM_WANT_TIER = 0, /* bytes requested, by size tier */
	TMEM_WANT_BYTES = TMEM_TIERS, /* their sum */
	TMEM_WANT_PEAK, /* the most bytes in use at once */
	TMEM_WANT_SPANS, /* the most spans in use at once */
	TMEM_WANT_LARGEST, /* bytes of the largest request */
	TMEM_WANT_NS, /* how long it takes */
	TMEM_WANT_NODE, /* the same, by the node that requests are served from */
	TMEM_WANTS = TMEM_WANT_NODE + TMEM_LEARN_NODES,
};

/*
 * struct tmem_demand - what a step asked for
 * @opening: bytes of its first 2^i large requests, or of all if there were less
 */
struct tmem_demand {
	double want[TMEM_WANTS];
	double opening[TMEM_LEARN_OPENINGS];
};

/* All zero but for window at first; whoever owns it orders the calls. */
struct tmem_learn {
	unsigned int window; /* demands that are kept, up to TMEM_SERIES_MAX */
	unsigned int count, first;
	struct tmem_demand ring[TMEM_SERIES_MAX];
};

/*
 * struct tmem_prediction - the next step
 * @confidence: of the bytes and of the spans, the smaller one
 * @opening:    that is worth waiting for; TMEM_LEARN_OPENINGS: none is
 * @opening_confidence: what it will be then
 */
struct tmem_prediction {
	double want[TMEM_WANTS];
	double confidence;
	enum tmem_optimizer_pattern pattern;
	unsigned int period;
	unsigned int opening;
	double opening_confidence;
};

/* 0, or -EINVAL: something in it is no number that can be, and is left out. */
int tmem_learn_add(struct tmem_learn *learn, const struct tmem_demand *demand);

/* From now on; what is kept and too much is forgotten. */
void tmem_learn_window(struct tmem_learn *learn, unsigned int window);

void tmem_learn_predict(const struct tmem_learn *learn,
			struct tmem_prediction *prediction);

/* The opening that was waited for: so many bytes. */
void tmem_learn_open(const struct tmem_learn *learn,
		     struct tmem_prediction *prediction, double bytes);

/* Bytes of a demand, by tier, that a prediction had. */
double tmem_learn_foreseen(const struct tmem_prediction *prediction,
			   const struct tmem_demand *demand);

#endif /* TMEM_OPTIMIZER_LEARN_H */
