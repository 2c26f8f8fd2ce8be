/* SPDX-License-Identifier: GPL-2.0-only */
/* A trace, run again through libtmem. */
#ifndef TMEMCTL_REPLAY_H
#define TMEMCTL_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cost.h"
#include "trace.h"

/* What is written to a block when it is allocated. */
enum replay_touch {
	REPLAY_TOUCH_NONE,
	REPLAY_TOUCH_PAGE, /* one byte in each 4 KiB */
	REPLAY_TOUCH_FULL,
};

/* What the library's analytics, if they are on, are told of an allocation. */
enum replay_sites {
	REPLAY_SITES_FULL, /* the trace's return addresses, and the line */
	REPLAY_SITES_NATIVE, /* the addresses alone */
	REPLAY_SITES_NONE, /* it finds them itself: all are the replay's */
};

/*
 * struct replay_config
 * @window: threads stay within so many events of each other
 * @peer:   use posix_memalign() and free() instead of libtmem
 * @sites:  what the library's analytics are told of call sites
 * @marks:  pass the marks of steps on even if the analytics are off
 * @steps:  tell the library of steps, and note what it holds at each
 * @rest_ms: rest for so long in each step, in 16 pieces, off the clock; after
 *          it, where there are several threads
 * @snapshot: descriptor for a snapshot of the library, written when the last
 *          repeat is over and what the trace left alive is not freed yet; -1:
 *          none is wanted
 */
struct replay_config {
	enum replay_touch touch;
	unsigned int repeats;
	unsigned int window;
	bool quiet;
	bool peer;
	enum replay_sites sites;
	bool marks;
	bool steps;
	unsigned int rest_ms;
	int snapshot;
};

/*
 * struct replay_repeat - one replay of the whole trace
 * @cost:   of the replay alone: reading /proc at the peak, the progress bar
 *          and freeing what the trace left alive are not in it
 * @peak:   memory after trace.peak_event
 * @allocs: allocations, and @reused: of these, those for which the library
 *          took no new memory
 * @path_faults: of @cost.minor_faults, those of the thread that replays; traces
 *          of one thread
 * @steps:  marks passed, and @held_bytes: sum over them of what the library
 *          held; where they are told of
 * @snapshot_error: 0, or the errno that writing the snapshot ended with
 */
struct replay_repeat {
	struct cost cost;
	struct footprint peak;
	uint64_t allocs;
	uint64_t reused;
	uint64_t path_faults;
	uint64_t steps;
	uint64_t held_bytes;
	uint64_t held_peak;
	int snapshot_error;
};

/* The allocation that failed: @event counts from 1. */
struct replay_failure {
	size_t event;
	uint64_t bytes;
	int error;
};

struct replay; /* from replay_create() to replay_destroy() */

/*
 * replay_create() - tables and threads, all there before the library is set
 * up.  Returns NULL if there is no memory for them, or no thread; it was said.
 * @trace must stay until replay_destroy().
 */
struct replay *replay_create(const struct trace *trace,
			     const struct replay_config *config);
void replay_destroy(struct replay *replay);

/* replay_snapshot() - the descriptor, where it was opened later; -1: none. */
void replay_snapshot(struct replay *replay, int fd);

/*
 * replay_run() - all repeats; repeats[] has config.repeats elements.
 * Afterwards none of the trace's blocks is alive.  Returns 0; or -1 after an
 * allocation that failed, see *failure.
 */
int replay_run(struct replay *replay, struct replay_repeat *repeats,
	       struct replay_failure *failure);

#endif /* TMEMCTL_REPLAY_H */
