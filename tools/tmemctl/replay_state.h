/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of a replay, shared by replay.c (repeats, and traces of one
 * thread) and crew.c (traces of several).
 */
#ifndef TMEMCTL_REPLAY_STATE_H
#define TMEMCTL_REPLAY_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "progress.h"
#include "replay.h"

struct crew;

/*
 * struct slot - where a block is while it is alive; NULL before and after.
 * The thread that allocates it stores it, the one that frees it clears it.
 */
struct slot {
	_Atomic(void *) block;
};

/*
 * struct replay - from replay_create() to replay_destroy()
 * @slots:  one per block of the trace
 * @crew:   NULL for a trace of one thread, which the main thread replays: a
 *          second thread would make the C library's locks dearer
 * @told:   the analytics are on, and hear of sites and marks
 * @steps, @held_bytes, @held_peak: as in struct replay_repeat
 * @rest_at: before that event it rests, and then every @rest_every; 0: never
 * @mark:   the next mark of the trace
 * @stop:   an allocation failed: everybody ends.  *failure was written by who
 *          set it
 * @peak:   taken in this repeat, and @paused what that has cost.  Written by
 *          the thread of trace.peak_event while all others stand still
 */
struct replay {
	const struct trace *trace;
	struct replay_config config;
	struct slot *slots;
	struct crew *crew;
	struct progress progress;
	unsigned int repeat;
	struct footprint peak;
	struct cost paused;
	bool told;
	uint64_t steps, held_bytes, held_peak;
	size_t rest_at, rest_every;
	_Atomic size_t mark;
	atomic_bool stop;
	struct replay_failure failure;
};

/*
 * replay_event() - replay event @index.  False if it failed, or another
 * thread's did and this one would wait for ever.
 */
bool replay_event(struct replay *replay, size_t index);

/* replay_drop() - free what event @index allocated, if it is still alive. */
void replay_drop(struct replay *replay, size_t index);

/* replay_look() - take the footprint, off the clock. */
void replay_look(struct replay *replay);

#endif /* TMEMCTL_REPLAY_STATE_H */
