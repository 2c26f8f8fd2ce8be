/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a replay is, for who waits in front of it. */
#ifndef TMEMCTL_PROGRESS_H
#define TMEMCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * struct progress - a bar on stderr, from progress_begin() to progress_end().
 * Used by one thread.
 */
struct progress {
	bool shown;
	unsigned int repeats;
	uint64_t events; /* of one repeat */
	uint64_t started; /* this repeat, ns */
	uint64_t next; /* not to be drawn again before, ns */
};

/* Nothing is ever drawn if @quiet, or if stderr is no terminal. */
void progress_begin(struct progress *progress, bool quiet, unsigned int repeats,
		    uint64_t events);

/* progress_repeat() - a repeat begins: its clock starts. */
void progress_repeat(struct progress *progress);

/*
 * progress_show() - @done events of repeat @repeat (from 0) are behind.
 * Draws five times per second at most.  Returns the ns it took to draw.
 */
uint64_t progress_show(struct progress *progress, unsigned int repeat,
		       uint64_t done);

/* progress_end() - wipe the bar. */
void progress_end(struct progress *progress);

#endif /* TMEMCTL_PROGRESS_H */
