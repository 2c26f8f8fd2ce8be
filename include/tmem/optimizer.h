/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/optimizer.h - have ready what the program is about to ask for.
 *
 * Programs of machine learning work in steps, and a step asks for much the same
 * as the one before, or for as much as its first requests say.  While the
 * optimizer is on it learns that, keeps the idle memory that the next step
 * needs from being given back, fetches what is missing before it is asked for,
 * and gives back what is not needed; how much of each says the strategy.
 *
 * Off by default: TMEM_OPTIMIZER=memory-first|speed-first|balanced|adaptive, or
 * tmem_optimizer_set_strategy().  A program that marks its steps
 * (tmem_step_mark(), tmem/analytics.h) is understood best; in one that does
 * not, steps are found by how large requests repeat.
 * Documentation/design/optimizer.md has the formulas and the measurements.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.  The child of a fork() has learned what its parent had.
 */
#ifndef TMEM_OPTIMIZER_H
#define TMEM_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Between memory and time.  What each does, in figures, is a table in the
 * design page and in libtmem(7).
 */
enum tmem_optimizer_strategy {
	/* Keep what the next step needs, and fetch what is missing. */
	TMEM_OPTIMIZER_BALANCED = 0,
	/* Give back what the next step does not need, at once. */
	TMEM_OPTIMIZER_MEMORY_FIRST = 1,
	/* Keep and fetch what any step of late has needed, and more. */
	TMEM_OPTIMIZER_SPEED_FIRST = 2,
	/*
	 * SPEED_FIRST while the pressure level is low, BALANCED at medium,
	 * MEMORY_FIRST above; worse at once, better after 5 s of calm.
	 */
	TMEM_OPTIMIZER_ADAPTIVE = 3,
};

/* How the bytes that steps ask for develop. */
enum tmem_optimizer_pattern {
	TMEM_OPTIMIZER_UNKNOWN = 0, /* less than 4 steps */
	TMEM_OPTIMIZER_STEADY = 1, /* all alike */
	TMEM_OPTIMIZER_BURSTY = 2, /* most alike, some far away */
	TMEM_OPTIMIZER_PERIODIC = 3, /* it repeats after some steps */
	TMEM_OPTIMIZER_GROWING = 4, /* along a line upwards */
	TMEM_OPTIMIZER_RANDOM = 5, /* none of these */
};

/* "balanced", "steady" and so on; NULL if there is no such. */
const char *tmem_optimizer_strategy_name(enum tmem_optimizer_strategy strategy);
const char *tmem_optimizer_pattern_name(enum tmem_optimizer_pattern pattern);

#define TMEM_OPTIMIZER_WINDOW_MIN 4u
#define TMEM_OPTIMIZER_WINDOW_MAX 256u

/*
 * struct tmem_optimizer_config - set struct_size with
 * TMEM_OPTIMIZER_CONFIG_INIT; a number that is 0 is the default
 * @off:        1: nothing is learned and nothing done (the default, unless
 *              TMEM_OPTIMIZER names a strategy)
 * @strategy:   enum tmem_optimizer_strategy
 * @window:     steps that are learned from, 4 to 256 (default 20)
 * @reserved:   0
 * @factor:     room above what is foreseen where that is just sure enough, 1.0 to
 *              4.0 (default 1.2); less where it is surer
 * @confidence: below it nothing is done, above 0.0 to 1.0 (default 0.7)
 */
struct tmem_optimizer_config {
	size_t struct_size;
	uint32_t off;
	uint32_t strategy;
	uint32_t window;
	uint32_t reserved;
	double factor;
	double confidence;
};

#define TMEM_OPTIMIZER_CONFIG_INIT \
	TMEM_STRUCT_INIT(struct tmem_optimizer_config)

/* tmem_optimizer_config_get() - what is in force.  0, or -EINVAL. */
int tmem_optimizer_config_get(struct tmem_optimizer_config *config);

/*
 * tmem_optimizer_config_set() - from now on.  Switched off, what was fetched
 * and not used is given back.
 * Returns 0, -EINVAL (struct_size, or a value out of range; then nothing has
 * changed), or what tmem_init() says.
 */
int tmem_optimizer_config_set(const struct tmem_optimizer_config *config);

/*
 * tmem_optimizer_set_strategy() - on, with that strategy; the rest stays.
 * Returns as tmem_optimizer_config_set().
 */
int tmem_optimizer_set_strategy(enum tmem_optimizer_strategy strategy);

/* tmem_optimizer_get_strategy() - that was set, whether it is on or off. */
enum tmem_optimizer_strategy tmem_optimizer_get_strategy(void);

/*
 * struct tmem_optimizer_stats - set struct_size with TMEM_OPTIMIZER_STATS_INIT
 * @running:    1: on
 * @strategy:   as set, and
 * @acting:     the one in force: another one only if that is ADAPTIVE
 * @pattern:    enum tmem_optimizer_pattern of the last steps
 * @period:     steps after which it repeats; 0: it does not
 * @marked:     1: the program marks its steps; 0: they are found
 * @confidence: of the prediction in force, 0.0 to 1.0: how much of what was
 *              foreseen and of what came has been the same, lately
 * @steps:      that have been learned from
 * @sure_steps: of these, for which the confidence was enough to act
 * @requested_bytes: by all steps
 * @predicted_bytes: for the steps that there was confidence in
 * @foreseen_bytes:  of the requested ones, those that had been predicted with
 *              confidence before they were requested, by size tier.  The share
 *              that was foreseen is @foreseen_bytes / @requested_bytes
 * @prepared_spans: spans of 2 MiB fetched before they were asked for
 * @prepared_used:  of these, used
 * @prepared_wasted: of these, given back unused
 * @kept_spans: how often a span was kept from the collector because the next
 *              step was to need it
 * @returned_spans: given back because no step was to need them
 * @gathered:   how often spans were moved together ahead of a large request
 * @switches:   changes of @acting
 * @prepare_ns, @learn_ns: time that the background thread has spent so
 */
struct tmem_optimizer_stats {
	size_t struct_size;
	uint32_t running;
	uint32_t strategy;
	uint32_t acting;
	uint32_t pattern;
	uint32_t period;
	uint32_t marked;
	double confidence;
	uint64_t steps;
	uint64_t sure_steps;
	uint64_t requested_bytes;
	uint64_t predicted_bytes;
	uint64_t foreseen_bytes;
	uint64_t prepared_spans;
	uint64_t prepared_used;
	uint64_t prepared_wasted;
	uint64_t kept_spans;
	uint64_t returned_spans;
	uint64_t gathered;
	uint64_t switches;
	uint64_t prepare_ns;
	uint64_t learn_ns;
};

#define TMEM_OPTIMIZER_STATS_INIT TMEM_STRUCT_INIT(struct tmem_optimizer_stats)

/* tmem_optimizer_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_optimizer_stats_get(struct tmem_optimizer_stats *stats);

/*
 * struct tmem_optimize_report - set struct_size with
 * TMEM_OPTIMIZE_REPORT_INIT.  Bytes, and microseconds that each part took.
 * @gc_bytes:           idle memory given back to the system
 * @defragmented_bytes: given back because handles' blocks were moved together
 * @moved_bytes:        copied for that
 * @compressed_bytes:   saved in tensor caches by compression
 * @compressed_gc_bytes: of what that freed, given back to the system
 */
struct tmem_optimize_report {
	size_t struct_size;
	uint64_t gc_bytes;
	uint64_t defragmented_bytes;
	uint64_t moved_bytes;
	uint64_t compressed_bytes;
	uint64_t compressed_gc_bytes;
	uint64_t gc_us;
	uint64_t defragment_us;
	uint64_t compress_us;
};

#define TMEM_OPTIMIZE_REPORT_INIT TMEM_STRUCT_INIT(struct tmem_optimize_report)

/*
 * tmem_optimize_all() - give back all that can be, now, in the caller's thread:
 * idle memory (tmem_trim(0)), what tmem_defragment() of the default pool can
 * empty, and what cold values of all tensor caches take more than they would
 * compressed (tmem_tcache_compress(); TMEM_TCACHE_MANUAL or not).  For a moment
 * in which the program has nothing to do: there is no limit to the time.
 * @report: what each gave, or NULL
 *
 * Returns 0, -EINVAL (struct_size), or what tmem_init() says; what could not be
 * done for want of memory is 0 in the report.
 */
int tmem_optimize_all(struct tmem_optimize_report *report);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_OPTIMIZER_H */
