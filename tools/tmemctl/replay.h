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

/*
 * struct replay_config
 * @window: threads stay within so many events of each other
 * @peer:   use posix_memalign() and free() instead of libtmem
 */
struct replay_config {
	enum replay_touch touch;
	unsigned int repeats;
	unsigned int window;
	bool quiet;
	bool peer;
};

/*
 * struct replay_repeat - one replay of the whole trace
 * @cost:   of the replay alone: reading /proc at the peak, the progress bar
 *          and freeing what the trace left alive are not in it
 * @peak:   memory after trace.peak_event
 * @allocs: allocations, and @reused: of these, those for which the library
 *          took no new memory
 */
struct replay_repeat {
	struct cost cost;
	struct footprint peak;
	uint64_t allocs;
	uint64_t reused;
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

/*
 * replay_run() - all repeats; repeats[] has config.repeats elements.
 * Afterwards none of the trace's blocks is alive.  Returns 0; or -1 after an
 * allocation that failed, see *failure.
 */
int replay_run(struct replay *replay, struct replay_repeat *repeats,
	       struct replay_failure *failure);

#endif /* TMEMCTL_REPLAY_H */
