/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/monitor.h - how short of memory this process is, has been, and will be.
 *
 * A thread of the library's ("tmem-monitor") looks at what limits the process:
 * the machine, its cgroup, the library's own limits, and the time that tasks
 * wait for memory.  It keeps the past, draws a line through it, has the
 * collector (tmem/gc.h) give idle memory back as it gets worse, or is about to,
 * and tells the program.  Off by default: tmem_monitor_start(), or
 * TMEM_MONITOR=on.  Documentation/design/monitor.md has the sources of the
 * formulas, and worked examples.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.  The child of a fork() has no monitor until it starts one;
 * what its parent's had found is forgotten there, listeners included.
 */
#ifndef TMEM_MONITOR_H
#define TMEM_MONITOR_H

#include <stddef.h>
#include <stdint.h>
#include <linux/tmem.h> /* enum tmem_level, struct tmem_psi */
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What can be short.  Each has a ratio, 0.0 (none in use) to 1.0 (no more). */
enum tmem_resource {
	/* 1 - MemAvailable / MemTotal */
	TMEM_RESOURCE_SYSTEM = 0,
	/*
	 * (memory.current - inactive_file) / the lower of memory.max and
	 * memory.high, of the own cgroup or of the one above it where it is
	 * highest
	 */
	TMEM_RESOURCE_CGROUP = 1,
	/* spans held / max_bytes, the highest of all pools and of their sum */
	TMEM_RESOURCE_POOL = 2,
	/* time stalled in the machine; see tmem_monitor_sample.ratio */
	TMEM_RESOURCE_STALL = 3,
	/* time stalled in the own cgroup */
	TMEM_RESOURCE_CGROUP_STALL = 4,
	/* what /dev/tmem, or its netlink family, says */
	TMEM_RESOURCE_MODULE = 5,
	/* what the service manager says (MEMORY_PRESSURE_WATCH) */
	TMEM_RESOURCE_MANAGER = 6,
};

#define TMEM_RESOURCES 7
#define TMEM_RESOURCE_NONE 0xffffffffu

/* "system", "cgroup", "pool" ...; "none" for anything else. */
const char *tmem_resource_name(uint32_t resource);

/*
 * struct tmem_monitor_config - set struct_size with TMEM_MONITOR_CONFIG_INIT; a
 * field that is 0 keeps its default
 * @interval_ms:  between two looks while the level is low, 10 to 3600000
 *                (default 2000).  Events are noticed at once, whatever it is
 * @tense_ms:     between two looks at a worse level, not above @interval_ms
 *                (default 250)
 * @history:      samples kept, 1000 to 1048576 (default 1024)
 * @window:       samples that the trend is drawn through, 5 to 1000, not above
 *                @history (default 20)
 * @horizon_ms:   how far ahead is predicted, 10 to 3600000 (default 10000)
 * @confidence:   a trend with a smaller r^2 predicts no change, 0.0 to 1.0
 *                (default 0.7)
 * @react_off:    1: only look: the collector does not follow the monitor
 * @predict_off:  1: the collector follows the level, not the prediction
 * @manager_level: what an event of the service manager amounts to, MEDIUM to
 *                CRITICAL (default HIGH).  It holds for two seconds
 * @reserved:     0
 */
struct tmem_monitor_config {
	size_t struct_size;
	uint32_t interval_ms;
	uint32_t tense_ms;
	uint32_t history;
	uint32_t window;
	uint32_t horizon_ms;
	uint32_t react_off;
	uint32_t predict_off;
	uint32_t manager_level;
	double confidence;
	uint64_t reserved;
};

#define TMEM_MONITOR_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_monitor_config)

/*
 * tmem_monitor_start() - have it run from now on.
 * @config: or NULL for the defaults
 * The past of an earlier run is forgotten; listeners stay.
 * Returns 0, -EALREADY (it runs; nothing has changed), -EINVAL (struct_size, or
 * a value out of range), -ENOMEM, -EAGAIN (no thread can be made).
 */
int tmem_monitor_start(const struct tmem_monitor_config *config);

/*
 * tmem_monitor_stop() - have it end, and wait until it has: about 50 ms, but
 * for a listener that takes longer.  What it found can still be read.  Does
 * nothing if it does not run.  Returns 0, or -EDEADLK from a listener.
 */
int tmem_monitor_stop(void);

/*
 * struct tmem_monitor_sample - one look.  Set struct_size with
 * TMEM_MONITOR_SAMPLE_INIT.
 * @time_ns:      CLOCK_MONOTONIC
 * @ratio:        of the resource that limits, the highest.  A share of time
 *                stalled becomes a ratio by straight lines through 0 %: 0.0,
 *                5 %: 0.50, 20 %: 0.75, 40 %: 0.90, 100 %: 1.0, so that both
 *                have one scale
 * @predicted:    @ratio at the horizon, as seen now
 * @ratios:       by enum tmem_resource; only those in @have count
 * @level:        enum tmem_level: low < 0.50 <= medium < 0.75 <= high < 0.90
 *                <= critical; up at once, down when @ratio was 0.05 below for
 *                two seconds
 * @limiting:     enum tmem_resource of @ratio; TMEM_RESOURCE_NONE: there is
 *                no figure at all, and so no level
 * @have:         bit n: resource n has a figure
 * @errors:       bit n: that of resource n could not be read, or made no sense
 * @error:        errno of the last of these, 0 without
 * @reserved:     0
 * @total, @available: bytes of the machine
 * @node_total, @node_free: bytes of the node, of those that the process may
 *                use, with the smallest share free (MemFree); 0: not known
 * @node:         its number
 * @cgroup_state: enum tmem_cgroup_seen
 * @cgroup_bytes, @cgroup_limit: as in TMEM_RESOURCE_CGROUP; the limit is
 *                UINT64_MAX if there is none
 * @pool_bytes, @pool_limit: likewise; 0 and UINT64_MAX without a limit
 * @some, @full:  PSI of the machine's memory
 * @cgroup_some, @cgroup_full: of the own cgroup's
 */
struct tmem_monitor_sample {
	size_t struct_size;
	uint64_t time_ns;
	double ratio;
	double predicted;
	double ratios[TMEM_RESOURCES];
	uint32_t level;
	uint32_t limiting;
	uint32_t have;
	uint32_t errors;
	uint32_t error;
	uint32_t reserved;
	uint64_t total;
	uint64_t available;
	uint64_t node_total;
	uint64_t node_free;
	uint32_t node;
	uint32_t cgroup_state;
	uint64_t cgroup_bytes;
	uint64_t cgroup_limit;
	uint64_t pool_bytes;
	uint64_t pool_limit;
	struct tmem_psi some, full;
	struct tmem_psi cgroup_some, cgroup_full;
};

#define TMEM_MONITOR_SAMPLE_INIT TMEM_STRUCT_INIT(struct tmem_monitor_sample)

/* What is seen of the own cgroup. */
enum tmem_cgroup_seen {
	TMEM_CGROUP_SEEN_NOT = 0, /* /proc/self/cgroup cannot be read */
	TMEM_CGROUP_SEEN_NONE = 1, /* there are no cgroups */
	TMEM_CGROUP_SEEN_V1 = 2, /* version 1 has the memory controller */
	TMEM_CGROUP_SEEN_HIDDEN = 3, /* its folder is not to be seen here */
	TMEM_CGROUP_SEEN_V2 = 4, /* it is */
};

/*
 * tmem_monitor_look() - look now, in this thread, whether the monitor runs or
 * not; into no history.  @level is without hysteresis, @predicted is @ratio,
 * and of stalls avg10 counts alone.  Reads some ten files: about 0.2 ms.
 * Returns 0, -EINVAL (struct_size), or -ENODATA: no figure could be read, and
 * @limiting is TMEM_RESOURCE_NONE.
 */
int tmem_monitor_look(struct tmem_monitor_sample *sample);

/*
 * tmem_monitor_sample_get() - the last look of the monitor.
 * Returns 0, -EINVAL (struct_size), -ENODATA (there is none).
 */
int tmem_monitor_sample_get(struct tmem_monitor_sample *sample);

/*
 * struct tmem_monitor_history - the samples that are kept, in figures.  Set
 * struct_size with TMEM_MONITOR_HISTORY_INIT.
 * @samples:  how many
 * @capacity: how many there is room for
 * @first_ns, @last_ns: time of the oldest and the newest one
 * @min, @max: of their ratios
 * @mean:     by time: a sample counts until the next one
 * @level_ns: time in each level, likewise
 */
struct tmem_monitor_history {
	size_t struct_size;
	uint64_t samples;
	uint64_t capacity;
	uint64_t first_ns;
	uint64_t last_ns;
	double min;
	double mean;
	double max;
	uint64_t level_ns[4];
};

#define TMEM_MONITOR_HISTORY_INIT TMEM_STRUCT_INIT(struct tmem_monitor_history)

/* tmem_monitor_history_get() - 0, -EINVAL (struct_size), -ENODATA. */
int tmem_monitor_history_get(struct tmem_monitor_history *history);

/* One sample of the past. */
struct tmem_monitor_point {
	uint64_t time_ns;
	float ratio;
	uint16_t level;
	uint16_t limiting;
};

/* tmem_monitor_points() - the last @max, oldest first; how many. */
size_t tmem_monitor_points(struct tmem_monitor_point *to, size_t max);

/*
 * struct tmem_monitor_trend - where it goes.  Set struct_size with
 * TMEM_MONITOR_TREND_INIT.
 * @slope:      ratio per second, by least squares over the last @samples
 * @r2:         share of the variance that the line explains; 0 for constant
 *              data
 * @line:       the line at the horizon, which may be below 0 or above 1
 * @predicted:  what is predicted for then: @line within 0 and 1, if @r2, of 5
 *              samples at least, is not below the configured confidence, and
 *              the newer half of them rises, or falls, half to twice as fast as
 *              all (a step is no trend); else the last ratio
 * @horizon_ms: how far ahead
 * @samples:    that the line was drawn through
 * @scored:     predictions whose time has come
 * @hits:       of these, within 0.05 of what came
 * @sure_scored, @sure_hits: of those that the line made
 * @still_hits: how many would have been hits had no change been predicted
 * @error_mean: mean absolute error of @scored
 * @accuracy:   @hits / @scored, 0 without any
 */
struct tmem_monitor_trend {
	size_t struct_size;
	double slope;
	double r2;
	double line;
	double predicted;
	uint32_t horizon_ms;
	uint32_t samples;
	uint64_t scored;
	uint64_t hits;
	uint64_t sure_scored;
	uint64_t sure_hits;
	uint64_t still_hits;
	double error_mean;
	double accuracy;
};

#define TMEM_MONITOR_TREND_INIT TMEM_STRUCT_INIT(struct tmem_monitor_trend)

/* tmem_monitor_trend_get() - 0, -EINVAL (struct_size), -ENODATA. */
int tmem_monitor_trend_get(struct tmem_monitor_trend *trend);

/* What the collector does at a level; see tmem/gc.h. */
enum tmem_reaction {
	TMEM_REACTION_LAZY = 0, /* low */
	TMEM_REACTION_CONSERVATIVE = 1, /* medium */
	TMEM_REACTION_AGGRESSIVE = 2, /* high */
	TMEM_REACTION_EMERGENCY = 3, /* critical */
};

/* "lazy", "conservative", "aggressive", "emergency"; "?" for anything else. */
const char *tmem_reaction_name(uint32_t reaction);

/*
 * struct tmem_monitor_event - the level that the collector follows changed.
 * Times are CLOCK_MONOTONIC; 0: it has not come to that (yet).
 * @number:      1, 2, 3 ... since the start of the monitor
 * @event_ns:    the world said so: an event came in, or a look began
 * @decision_ns: the collector was told
 * @first_ns:    it had given the first bytes back
 * @done_ns:     it had finished with that
 * @bytes:       given back until then
 * @ratio, @predicted: as in the sample
 * @level:       measured
 * @from, @to:   level that the collector followed before, and from now on: the
 *               measured one, or one more if that is predicted
 * @reaction:    enum tmem_reaction of @to
 * @limiting:    enum tmem_resource
 * @reserved:    0
 */
struct tmem_monitor_event {
	uint64_t number;
	uint64_t event_ns;
	uint64_t decision_ns;
	uint64_t first_ns;
	uint64_t done_ns;
	uint64_t bytes;
	double ratio;
	double predicted;
	uint32_t level;
	uint32_t from;
	uint32_t to;
	uint32_t reaction;
	uint32_t limiting;
	uint32_t reserved;
};

#define TMEM_MONITOR_EVENTS 256 /* are kept */

/* tmem_monitor_events() - the last @max, oldest first; how many. */
size_t tmem_monitor_events(struct tmem_monitor_event *to, size_t max);

/*
 * Called by the monitor's thread, without any lock, after the collector was
 * told.  It may call the library, but not tmem_monitor_stop(); as long as it
 * takes, nothing is looked at.  *event is valid during the call only.
 */
typedef void (*tmem_monitor_fn)(void *ctx,
				const struct tmem_monitor_event *event);

#define TMEM_MONITOR_LISTENERS 16

/*
 * tmem_monitor_listen() - have @fn called each time that @level is entered,
 * from either side.  It is the level that the collector follows.
 * Returns a number for tmem_monitor_unlisten(), -EINVAL (@level, @fn) or
 * -ENOSPC (there are TMEM_MONITOR_LISTENERS).
 */
int tmem_monitor_listen(enum tmem_level level, tmem_monitor_fn fn, void *ctx);

/*
 * tmem_monitor_unlisten() - not any more.  When it returns the listener is not
 * running, unless it is the caller.  Returns 0, or -ENOENT.
 */
int tmem_monitor_unlisten(int number);

/*
 * struct tmem_monitor_stats - counters since the start.  Set struct_size with
 * TMEM_MONITOR_STATS_INIT.
 * @wakeups:     how often the thread woke up
 * @events_in:   of these, because the world said so
 * @looks:       samples taken
 * @errors:      figures that could not be read, or made no sense
 * @unknown:     looks that found no figure at all: there is no level then
 * @reactions:   changes of the level that the collector follows
 * @freed_bytes: bytes given back by reactions
 * @reaction_ns: from the last worse event to the first byte; 0: never yet
 * @reaction_max_ns: the longest
 * @cpu_ns:      CPU time of the thread until its last look
 * @running:     1: the thread lives
 * @sources:     bit n: there is a descriptor that wakes it for resource n
 */
struct tmem_monitor_stats {
	size_t struct_size;
	uint64_t wakeups;
	uint64_t events_in;
	uint64_t looks;
	uint64_t errors;
	uint64_t unknown;
	uint64_t reactions;
	uint64_t freed_bytes;
	uint64_t reaction_ns;
	uint64_t reaction_max_ns;
	uint64_t cpu_ns;
	uint32_t running;
	uint32_t sources;
};

#define TMEM_MONITOR_STATS_INIT TMEM_STRUCT_INIT(struct tmem_monitor_stats)

/* tmem_monitor_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_monitor_stats_get(struct tmem_monitor_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_MONITOR_H */
