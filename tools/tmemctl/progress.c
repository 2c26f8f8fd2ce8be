// SPDX-License-Identifier: GPL-2.0-only
/*
 * progress - how far a replay is, for who waits in front of it.
 *
 * Drawing to a terminal may block, so it is rare, and its time is handed back
 * to the caller to be left out of what is measured.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "progress.h"
#include "units.h"

#define EVERY_NS 200000000ULL
#define BAR_CELLS 30

void progress_begin(struct progress *progress, bool quiet, unsigned int repeats,
		    uint64_t events)
{
	memset(progress, 0, sizeof(*progress));
	progress->shown = !quiet && isatty(STDERR_FILENO);
	progress->repeats = repeats;
	progress->events = events;
	progress->next = clock_ns() + EVERY_NS;
}

void progress_repeat(struct progress *progress)
{
	progress->started = clock_ns();
}

static void draw(const struct progress *progress, unsigned int repeat,
		 uint64_t done, double seconds)
{
	double part = ((double)repeat + (double)done / progress->events) /
		      progress->repeats;
	int cells = (int)(part * BAR_CELLS);
	char bar[BAR_CELLS + 1];

	memset(bar, '.', BAR_CELLS);
	memset(bar, '#', cells < BAR_CELLS ? (size_t)cells : BAR_CELLS);
	bar[BAR_CELLS] = 0;
	fprintf(stderr, "\r[%s] %3.0f %%  repeat %u of %u  %s events/s\033[K",
		bar, part * 100, repeat + 1, progress->repeats,
		units_count((uint64_t)((double)done / seconds)).text);
}

uint64_t progress_show(struct progress *progress, unsigned int repeat,
		       uint64_t done)
{
	uint64_t now = clock_ns();

	if (!progress->shown || now < progress->next ||
	    now <= progress->started)
		return 0;
	draw(progress, repeat, done, (double)(now - progress->started) / 1e9);
	progress->next = now + EVERY_NS;
	return clock_ns() - now;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
