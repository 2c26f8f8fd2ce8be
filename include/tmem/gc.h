/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/gc.h - how idle memory goes back to the system by itself.
 *
 * Nothing here has to be called.  Once the library holds idle memory, a thread
 * of its own ("tmem-gc") gives back what was not needed for a while, and more,
 * sooner, when memory is short.  A process that goes idle shrinks without
 * calling the library.  libtmem(7) and Documentation/design/gc.md have the
 * rules, with their reasons and worked examples.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.
 */
#ifndef TMEM_GC_H
#define TMEM_GC_H

#include <stddef.h>
#include <stdint.h>
#include <linux/tmem.h> /* enum tmem_level */
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_GC_LEVELS 4 /* entries by enum tmem_level */

#define TMEM_GC_INTERVAL_MIN_MS 10u
#define TMEM_GC_INTERVAL_MAX_MS 86400000u /* a day */

/*
 * struct tmem_gc_level_config - what is given back at one pressure level
 * @interval_ms: the decay period, 10 ms to a day.  Idle memory that was not
 *               needed for that long is given back by its end.  "Not needed":
 *               the fewest idle bytes at any moment of the period, so what a
 *               steady program takes again and again stays
 * @age_ms:      up to @interval_ms: what was not needed for that long, ...
 * @share:       ... is given back sooner, by this share, 0 to 100 percent: when
 *               the level is entered, and then once in @age_ms.  @age_ms 0: all
 *               that is idle at that moment, when the level is entered only
 * @reserved:    0
 *
 *	level        interval    age      share
 *	low          300 s       300 s    100 %    lazy
 *	medium        60 s        30 s     25 %    conservative
 *	high          10 s         1 s     75 %    aggressive
 *	critical     100 ms        0      100 %    emergency
 *
 * No level waits for longer than a better one: the smaller interval counts,
 * and no @age_ms is more than the interval.
 */
struct tmem_gc_level_config {
	uint32_t interval_ms;
	uint32_t age_ms;
	uint32_t share;
	uint32_t reserved;
};

/*
 * struct tmem_gc_config - set struct_size with TMEM_GC_CONFIG_INIT
 * @off:      1: no thread, and nothing is given back but by tmem_trim(),
 *            tmem_gc_run() and where a limit is reached    (TMEM_GC=off)
 * @reserved: 0
 * @level:    by enum tmem_level.  Entries whose interval_ms is 0 are the
 *            default                (TMEM_GC_DECAY_MS=N: interval at low)
 */
struct tmem_gc_config {
	size_t struct_size;
	uint32_t off;
	uint32_t reserved;
	struct tmem_gc_level_config level[TMEM_GC_LEVELS];
};

#define TMEM_GC_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_gc_config)

/* tmem_gc_config_get() - what is in force.  0, or -EINVAL (struct_size). */
int tmem_gc_config_get(struct tmem_gc_config *config);

/*
 * tmem_gc_config_set() - from now on.  Best after tmem_gc_config_get().
 * Switching off waits until the thread has ended: about 50 ms (make
 * bench-reaction); longer where the program has closed the library's descriptors.
 * Returns 0, or -EINVAL (struct_size, or a value out of range; then nothing
 * has changed).
 */
int tmem_gc_config_set(const struct tmem_gc_config *config);

/*
 * tmem_gc_run() - do now, in this thread, what entering @level would do; also
 * where collection is off.  The level in force stays.
 * Returns the bytes given back, and 0 with errno EINVAL if @level is none.
 */
size_t tmem_gc_run(enum tmem_level level);

#define TMEM_GC_LEVEL_AUTO (-1)

/*
 * tmem_gc_level_set() - have the library act as at this level, whatever the
 * machine's is.
 * @level: an enum tmem_level, or TMEM_GC_LEVEL_AUTO (the default)
 * Returns 0, or -EINVAL.
 */
int tmem_gc_level_set(int level);

/* Where the level comes from. */
enum tmem_gc_source {
	TMEM_GC_SOURCE_NONE = 0, /* nowhere: decay by time, as at low */
	TMEM_GC_SOURCE_MODULE = 1, /* /dev/tmem */
	TMEM_GC_SOURCE_PSI = 2, /* /proc/pressure/memory and MemAvailable */
	TMEM_GC_SOURCE_MEMINFO = 3, /* MemAvailable: no PSI to be had */
	TMEM_GC_SOURCE_SET = 4, /* tmem_gc_level_set() */
	TMEM_GC_SOURCE_MONITOR =
		5, /* the monitor says worse (tmem/monitor.h) */
};

/*
 * struct tmem_gc_stats - counters since the start, and how things are.  Set
 * struct_size with TMEM_GC_STATS_INIT.
 * @runs:          passes over idle memory, by level
 * @purged_spans:  spans given back
 * @purged_bytes:  bytes given back
 * @drained_bytes: bytes of blocks taken out of idle threads' caches
 * @level_changes: how often the level in force has changed
 * @wakeups:       how often the thread woke up
 * @source_errors: how often a figure could not be read: such is never a level
 * @last_run_ns:   how long the last pass took
 * @reaction_ns:   the last time from learning of a worse level, or of the
 *                 module's saying so, to the first byte freed; 0: never yet
 * @reaction_max_ns: the longest
 * @unneeded_bytes: idle bytes that were not needed for the interval, when it
 *                 was last looked at
 * @level:         enum tmem_level in force
 * @source:        enum tmem_gc_source
 * @source_errno:  of the last of @source_errors
 * @running:       1: the thread lives
 * @thread_failures: how often the thread could not be made
 * @reserved:      0
 */
struct tmem_gc_stats {
	size_t struct_size;
	uint64_t runs[TMEM_GC_LEVELS];
	uint64_t purged_spans;
	uint64_t purged_bytes;
	uint64_t drained_bytes;
	uint64_t level_changes;
	uint64_t wakeups;
	uint64_t source_errors;
	uint64_t last_run_ns;
	uint64_t reaction_ns;
	uint64_t reaction_max_ns;
	uint64_t unneeded_bytes;
	uint32_t level;
	uint32_t source;
	uint32_t source_errno;
	uint32_t running;
	uint32_t thread_failures;
	uint32_t reserved;
};

#define TMEM_GC_STATS_INIT TMEM_STRUCT_INIT(struct tmem_gc_stats)

/* tmem_gc_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_gc_stats_get(struct tmem_gc_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_GC_H */
