/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pace of a test: waits, rounds and seeds.
 *
 * Shared by all test programs, and the only place in them that sleeps or reads
 * a clock.  A test waits for a condition, never for a duration; repeats by
 * count, not by time; and draws its random numbers from a fixed seed.
 *
 *   TMEM_SEED=N           replaces the fixed seed
 *   TMEM_SOAK_SECONDS=N   each loop of PACE_ROUNDS() goes on for N seconds
 *
 * `make soak` sets both.
 */
#ifndef TMEM_TEST_PACE_H
#define TMEM_TEST_PACE_H

#include "kselftest_harness.h" /* first: it defines _GNU_SOURCE */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A test that hangs is ended.  No test that works takes as long anywhere. */
#define PACE_HANG_S 900
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT PACE_HANG_S

/*
 * How long a test waits for a condition before it fails: so many pauses of a
 * millisecond.  That is a minute, and more on a machine that is too busy to let
 * the waiter run.
 */
#define PACE_DEADLINE 60000u

/* In a child: it ends by SIGALRM if it hangs, before its parent does. */
static inline void pace_end_if_hung(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(PACE_HANG_S / 2);
}

/* Between two looks at a condition, and between two rounds in the background. */
static inline void pace_pause(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

static inline void pace_gave_up(const char *file, int line,
				const char *condition)
{
	printf("# %s:%d: waited in vain for: %s\n", file, line, condition);
	fflush(stdout);
}

/*
 * Wait until the condition is true: its value, false after PACE_DEADLINE
 * pauses, which is printed.  The condition is evaluated again and again.
 */
#define PACE_UNTIL(condition)                                                \
	({                                                                   \
		unsigned int pauses_ = 0;                                    \
		bool met_;                                                   \
		while (!(met_ = !!(condition)) && ++pauses_ < PACE_DEADLINE) \
			pace_pause();                                        \
		if (!met_)                                                   \
			pace_gave_up(__FILE__, __LINE__, #condition);        \
		met_;                                                        \
	})

/* The seed of a test's random numbers.  Printed, so that a failure repeats. */
static inline uint64_t pace_seed(void)
{
	const char *text = getenv("TMEM_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	printf("# TMEM_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/* CLOCK_MONOTONIC: what the library and the kernel stamp by. */
static inline uint64_t pace_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Rounds of a loop; see PACE_ROUNDS(). */
struct pace_rounds {
	uint64_t left;
	uint64_t end_ns; /* in soak; else 0 */
};

static inline struct pace_rounds pace_rounds(uint64_t rounds)
{
	const char *soak = getenv("TMEM_SOAK_SECONDS");
	uint64_t seconds = soak ? strtoull(soak, NULL, 0) : 0;

	return (struct pace_rounds){
		.left = rounds,
		.end_ns = seconds ? pace_now_ns() + seconds * 1000000000u : 0,
	};
}

/* true: do one more. */
static inline bool pace_more(struct pace_rounds *r)
{
	if (r->end_ns)
		return pace_now_ns() < r->end_ns;
	if (!r->left)
		return false;
	r->left--;
	return true;
}

/* `PACE_ROUNDS(1000) { ... }` runs its body 1000 times; in soak, for a time. */
#define PACE_ROUNDS(rounds)                                    \
	for (struct pace_rounds rounds_ = pace_rounds(rounds); \
	     pace_more(&rounds_);)

#endif /* TMEM_TEST_PACE_H */
