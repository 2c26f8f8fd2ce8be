/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of a program that marks none: after how many large requests does
 * what is in use repeat?  Requests are the clock, not seconds: a step has the
 * same number of them, however long it takes.  Pure.
 *
 * What is in use is sampled every 'quantum' requests.  A full ring is searched
 * for a lag at which it resembles itself (autocorrelation), beyond the first
 * lag at which it does not: next to itself everything resembles itself.  If
 * there is none, samples are joined two by two, and the quantum is doubled.
 */
#ifndef TMEM_OPTIMIZER_CADENCE_H
#define TMEM_OPTIMIZER_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

#define TMEM_CADENCE_SAMPLES 512u
#define TMEM_CADENCE_QUANTUM_MIN 4u
#define TMEM_CADENCE_QUANTUM_MAX 256u

/* All zero at first; whoever owns it orders the calls. */
struct tmem_cadence {
	float sample[TMEM_CADENCE_SAMPLES];
	unsigned int count;
	unsigned int quantum; /* 0: not begun */
	unsigned int taken; /* requests of the sample that is being made */
	double sum;
	uint64_t step; /* requests that a step has; 0: not known */
	uint64_t since; /* requests of this one */
};

enum tmem_cadence_event {
	TMEM_CADENCE_NOTHING = 0,
	TMEM_CADENCE_FULL, /* tmem_cadence_settle() is to be called */
	TMEM_CADENCE_STEP, /* a step has ended */
};

/* A large request; so much is in use now. */
enum tmem_cadence_event tmem_cadence_add(struct tmem_cadence *cadence,
					 double in_use);

/* The lag at which samples repeat; 0: they do not.  Half a millisecond. */
unsigned int tmem_cadence_lag(const float *sample, unsigned int n);

/* It is the lag of the full ring: the step is known, or is sought coarser. */
void tmem_cadence_settle(struct tmem_cadence *cadence, unsigned int lag);

#endif /* TMEM_OPTIMIZER_CADENCE_H */
