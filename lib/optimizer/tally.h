/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the step that is under way has asked for so far.
 *
 * Everything here is called with the heap lock held, which protects it.
 */
#ifndef TMEM_OPTIMIZER_TALLY_H
#define TMEM_OPTIMIZER_TALLY_H

#include "optimizer/cadence.h"
#include "optimizer/learn.h"

struct tmem_tier_count;

#define TMEM_TALLY_PENDING 4u /* steps that nobody has learned from yet */

/* struct tmem_tally_news - for the thread */
struct tmem_tally_news {
	struct tmem_demand demand[TMEM_TALLY_PENDING];
	unsigned int demands;
	double opening; /* bytes of the opening that was waited for; < 0: not yet */
	bool step; /* a step has ended that nobody marked */
	bool search; /* samples are to be searched */
	bool marked;
};

/* Begin anew; counts of tiers are as they are now. */
void tmem_tally_start(const struct tmem_tier_count *tier, uint64_t now_ns);

/* A large request, served from that node.  true: there is news. */
bool tmem_tally_note(size_t bytes, unsigned int node);

/* The step has ended; by a mark, or as it was found. */
void tmem_tally_end(const struct tmem_tier_count *tier, uint64_t now_ns,
		    bool marked);

/* The opening that is waited for from now on; it may be over already. */
void tmem_tally_await(unsigned int opening);

/* What is new; it is not afterwards. */
void tmem_tally_take(struct tmem_tally_news *news);

/* For a search without the lock; what came of it goes to the second. */
void tmem_tally_samples(float to[TMEM_CADENCE_SAMPLES]);
void tmem_tally_settle(unsigned int lag);

#endif /* TMEM_OPTIMIZER_TALLY_H */
