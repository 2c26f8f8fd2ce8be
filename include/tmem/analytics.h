/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/analytics.h - who holds the memory, for how long, and who leaks.
 *
 * Off unless asked for: TMEM_ANALYTICS=on|all in the environment, or
 * tmem_analytics_set() at any time.  While it is on, blocks are sampled, the
 * larger the likelier, and each sample counts for the blocks it stands for, so
 * that the figures of call sites are unbiased estimates of the whole, with
 * their standard error.  What the library counts for itself (struct tmem_stats,
 * and blocks by size tier) is exact and always there.
 * Documentation/design/analytics.md has the formulas.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.  None calls malloc().
 */
#ifndef TMEM_ANALYTICS_H
#define TMEM_ANALYTICS_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_FRAMES_MAX 32 /* return addresses that a call site can have */
#define TMEM_LIFETIMES 36 /* buckets of a histogram of lifetimes */
#define TMEM_TAGS_MAX 16 /* names on a thread's stack of tags */
#define TMEM_SITE_PUSH_MAX 4 /* sites on a thread's stack of sites */
#define TMEM_RECORDS_MAX ((uint64_t)1 << 20)
#define TMEM_SAMPLES_MAX 2000u /* in a second, on the whole */

enum tmem_analytics_mode {
	TMEM_ANALYTICS_OFF = 0,
	TMEM_ANALYTICS_ON = 1,
};

/*
 * struct tmem_analytics_config - set struct_size with TMEM_ANALYTICS_INIT
 * @mode:           TMEM_ANALYTICS_*
 * @depth:          return addresses to be kept of a call site, 1 to
 *                  TMEM_FRAMES_MAX; default 8
 * @interval_bytes: mean bytes allocated from one sample to the next; blocks of
 *                  as many bytes or more are always sampled.  0: every block is
 *                  (TMEM_ANALYTICS=all).  Default 512 KiB, at most 1 TiB.
 *                  While there are more than TMEM_SAMPLES_MAX in a second it is
 *                  doubled again and again, unless it is 0, so that a program
 *                  is not slowed down by more than half a percent
 * @max_records:    live blocks of which a record is kept, 1024 to
 *                  TMEM_RECORDS_MAX; default 131072.  When there would be
 *                  more, the interval is doubled, and records are dropped at
 *                  random so that the rest stand for the whole
 */
struct tmem_analytics_config {
	size_t struct_size;
	uint32_t mode;
	uint32_t depth;
	uint64_t interval_bytes;
	uint64_t max_records;
};

#define TMEM_ANALYTICS_INIT TMEM_STRUCT_INIT(struct tmem_analytics_config)

/*
 * tmem_analytics_get() - what was set; tmem_analytics_stats.interval_bytes has
 * the interval as it is after doublings.  0, or -EINVAL (struct_size).
 */
int tmem_analytics_get(struct tmem_analytics_config *config);

/*
 * tmem_analytics_set() - from now on.  Best after tmem_analytics_get().
 * Switched off, nothing new is recorded, and what was stays to be read; blocks
 * allocated while it was off are not seen later.  Threads are stopped for some
 * microseconds.
 * Returns 0, -EINVAL (struct_size, or a value out of range; then nothing has
 * changed), -ENOMEM (no memory for the tables), or what tmem_init() says.
 */
int tmem_analytics_set(const struct tmem_analytics_config *config);

/*
 * struct tmem_analytics_stats - set struct_size with TMEM_ANALYTICS_STATS_INIT
 * @records:         live blocks that there are records of
 * @records_dropped: records that were dropped to make room
 * @samples:         blocks recorded since the start
 * @sites:           call sites seen
 * @sites_lost:      samples whose site found no room: they count for the site
 *                   labelled "other"
 * @steps:           calls of tmem_step_mark()
 * @interval_bytes:  mean bytes from one sample to the next, now
 * @metadata_bytes:  memory of the tables; part of tmem_stats.metadata_bytes
 */
struct tmem_analytics_stats {
	size_t struct_size;
	uint64_t records;
	uint64_t records_dropped;
	uint64_t samples;
	uint64_t sites;
	uint64_t sites_lost;
	uint64_t steps;
	uint64_t interval_bytes;
	uint64_t metadata_bytes;
};

#define TMEM_ANALYTICS_STATS_INIT TMEM_STRUCT_INIT(struct tmem_analytics_stats)

/* tmem_analytics_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_analytics_stats_get(struct tmem_analytics_stats *stats);

/*
 * tmem_tag_push() - from now on this thread's allocations belong to @name (a
 * layer, a request), until tmem_tag_pop(); the last one pushed counts.  Sites
 * with different tags are different sites, also where their addresses are the
 * same.  The text stays the caller's, and must stay as it is until it is
 * popped; of long names the first 127 bytes count.  Costs a few stores.
 * Returns 0, -EINVAL (NULL), or -ENOSPC: more than TMEM_TAGS_MAX, the tag is
 * not in force, but is to be popped all the same.
 */
int tmem_tag_push(const char *name);

/* tmem_tag_pop() - 0, or -ENOENT: there is none. */
int tmem_tag_pop(void);

/*
 * tmem_site_push() - say where this thread's allocations come from, instead of
 * having its stack looked at, until tmem_site_pop(): for a framework that knows
 * better (a line of Python), or a trace that is replayed.
 * @frames: return addresses, nearest first; the first 'depth' of them count
 * @label:  a name for the site, or NULL
 * Both stay the caller's, and must stay as they are until they are popped.
 * Costs a few stores.  Returns 0, -EINVAL (@frames NULL with @depth, or neither
 * @depth nor @label), or -ENOSPC as tmem_tag_push() (TMEM_SITE_PUSH_MAX).
 */
int tmem_site_push(const uint64_t *frames, unsigned int depth,
		   const char *label);

/* tmem_site_pop() - 0, or -ENOENT: there is none. */
int tmem_site_pop(void);

/*
 * tmem_step_mark() - a step of the program has ended (a training step, a batch,
 * a request).  Leaks and cycles are found over steps: a program that marks
 * none has none found.  @name: for reports, or NULL; the first 127 bytes count.
 * Takes some microseconds, and does nothing while analytics and the optimizer
 * (tmem/optimizer.h), which learns from it, are off.
 * Returns 0.
 */
int tmem_step_mark(const char *name);

/* How long a site's blocks live. */
enum tmem_pattern {
	TMEM_PATTERN_SHORT = 0, /* most of them less than 1 s */
	TMEM_PATTERN_MEDIUM = 1, /* most of them 1 to 60 s */
	TMEM_PATTERN_LONG = 2, /* most of them 60 s or more */
	/* The live bytes grow from step to step, and do not come back. */
	TMEM_PATTERN_LEAKED = 3,
	/* They come back to the same level, period after period of steps. */
	TMEM_PATTERN_CYCLIC = 4,
};

/* tmem_pattern_name() - "short-lived" and so on; NULL if there is no such. */
const char *tmem_pattern_name(enum tmem_pattern pattern);

/*
 * struct tmem_site_info - a call site.  Counts and bytes are estimates of all
 * blocks since analytics was switched on; exact while every block is recorded.
 * Set struct_size with TMEM_SITE_INIT.
 * @id:          of the site, from 1 on
 * @pattern:     enum tmem_pattern
 * @tag, @label: "" where there is none; as long as the process lives
 * @allocs, @frees, @alloc_bytes, @free_bytes: since the start
 * @live_bytes, @live_blocks: now
 * @peak_live_bytes: the most that @live_bytes has been
 * @error_bytes: standard error of @live_bytes: the root of the sum over its
 *               records of size^2 w (w - 1), w being how many blocks one stands
 *               for (Horvitz and Thompson)
 * @lifetimes:   blocks freed after [2^i, 2^(i+1)) microseconds; the first
 *               bucket also below 1 us, the last one without end
 * @leaking, @since_step, @named_at_step, @bytes_per_step, @score: what the leak
 *               detector says (Documentation/design/leaks.md)
 * @depth:       elements of @frames in use
 * @frames:      return addresses, nearest first
 */
struct tmem_site_info {
	size_t struct_size;
	uint32_t id;
	uint32_t pattern;
	const char *tag;
	const char *label;
	uint64_t allocs;
	uint64_t frees;
	uint64_t alloc_bytes;
	uint64_t free_bytes;
	uint64_t live_bytes;
	uint64_t live_blocks;
	uint64_t peak_live_bytes;
	uint64_t error_bytes;
	uint64_t lifetimes[TMEM_LIFETIMES];
	uint32_t leaking;
	uint32_t since_step;
	uint32_t named_at_step;
	uint32_t depth;
	double bytes_per_step;
	double score;
	uint64_t frames[TMEM_FRAMES_MAX];
};

#define TMEM_SITE_INIT TMEM_STRUCT_INIT(struct tmem_site_info)

/*
 * tmem_site_get() - the site @id (1, 2, ...).  0, -EINVAL (struct_size), or
 * -ENOENT: there are fewer.
 */
int tmem_site_get(uint32_t id, struct tmem_site_info *site);

/* What makes a site a hotspot. */
enum tmem_hotspot_by {
	TMEM_HOTSPOT_BYTES = 0, /* bytes allocated since the start */
	TMEM_HOTSPOT_COUNT = 1, /* blocks allocated since the start */
	TMEM_HOTSPOT_LIVE = 2, /* bytes live now */
	/* Bytes that came and went: the smaller of allocated and freed. */
	TMEM_HOTSPOT_CHURN = 3,
};

/* struct tmem_hotspot - @value is what it was ordered by */
struct tmem_hotspot {
	uint32_t site; /* for tmem_site_get() */
	uint32_t reserved;
	uint64_t value;
};

/*
 * tmem_hotspots_get() - the @max (256 at most) sites with the most, the first
 * one first; sites that have none are left out.
 * Returns how many were stored, or -EINVAL.
 */
int tmem_hotspots_get(enum tmem_hotspot_by by, struct tmem_hotspot *hotspots,
		      unsigned int max);

/* struct tmem_leak - a site that leaks, as struct tmem_site_info has it */
struct tmem_leak {
	uint32_t site; /* for tmem_site_get() */
	uint32_t since_step;
	uint32_t named_at_step;
	uint32_t reserved;
	uint64_t live_bytes;
	double bytes_per_step;
	double score;
};

/*
 * tmem_leaks_get() - sites that leak, those with the most live bytes first.
 * Returns how many were stored (@max, 256 at most), or -EINVAL.
 */
int tmem_leaks_get(struct tmem_leak *leaks, unsigned int max);

/* Flags of tmem_snapshot_write(). */
#define TMEM_SNAPSHOT_RECORDS 1u /* each record too: 150 bytes for a block */

/*
 * tmem_snapshot_write() - write all there is to @fd, as JSON text in the format
 * "tmem-snapshot" (Documentation/schema/snapshot.schema.json).  Works while
 * threads allocate, and does not hold them up: each part is of one moment, the
 * whole is not.
 * Returns 0; -EINVAL (unknown flags); or what write() says, as -ENOSPC, and then
 * part of it may have been written.
 */
int tmem_snapshot_write(int fd, unsigned int flags);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_ANALYTICS_H */
