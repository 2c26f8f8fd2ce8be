// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rounds.  In each, every heap has its turn at every measurement, one
 * process after the other, so that whatever else the machine does meets all
 * of them.
 *
 * What takes long (glibc faults 3.9 million pages in a replay of the GPT
 * trace) is not repeated as often; the number of samples is in the JSON.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"

#define ARGUMENTS_MAX 16

/* A process that took longer is not started in every round, see slow_rounds. */
#define SLOW_SECONDS 4.0

/*
 * struct measure - one process per heap and round
 * @command: of the measuring program
 * @crew:    for traces of several threads
 * @part:    of a trace the first part only
 * @touches: memory; "nothing" has none
 * @rounds:  at most, 0: as many as there are
 * @slow_rounds: at most for who is slow
 */
struct measure {
	const char *group;
	const char *command;
	const char *arguments[10];
	bool part;
	bool touches;
	bool crew;
	unsigned int rounds;
	unsigned int slow_rounds;
	bool left_out;
};

static struct measure measures[] = {
	{
		.group = "none",
		.arguments = { "--touch", "none", "--repeats", "4" },
	},
	{
		.group = "none2",
		.arguments = { "--touch", "none", "--repeats", "4", "--threads",
			       "2" },
	},
	{
		.group = "page",
		.arguments = { "--touch", "page", "--repeats", "4", "--seconds",
			       "4", "--latency" },
		.touches = true,
		.slow_rounds = 1,
	},
	{
		.group = "full",
		.arguments = { "--touch", "full", "--repeats", "2" },
		.part = true,
		.touches = true,
		.rounds = 3,
		.slow_rounds = 1,
	},
	{
		.group = "crew",
		.command = "crew",
		.arguments = { "--touch", "page", "--repeats", "2" },
		.touches = true,
		.crew = true,
		.slow_rounds = 1,
	},
	{ .group = "idle", .touches = true },
	{ .group = LADDER, .command = LADDER },
};

#define MEASURES (sizeof(measures) / sizeof(*measures))
#define IDLE (&measures[MEASURES - 2])
#define RUNGS (&measures[MEASURES - 1])
#define REPLAYS (MEASURES - 2)

int measure_only(char *names)
{
	char *name;
	size_t i;

	for (i = 0; i < MEASURES; i++)
		measures[i].left_out = true;
	while ((name = strsep(&names, ","))) {
		for (i = 0; i < MEASURES; i++)
			if (!strcmp(measures[i].group, name))
				break;
		if (i == MEASURES)
			return -1;
		measures[i].left_out = false;
	}
	return 0;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* arguments[] as child_start() wants it; @fd is what @text says. */
static void put_arguments(const struct measure *m, const char **arguments,
			  char *text, int fd)
{
	size_t i, n = 0;

	arguments[n++] = m->command ? m->command : "replay";
	for (i = 0; m->arguments[i]; i++)
		arguments[n++] = m->arguments[i];
	if (fd >= 0) {
		sprintf(text, "%d", fd);
		arguments[n++] = "--fd";
		arguments[n++] = text;
	}
	arguments[n] = NULL;
}

static int trace_fd(const struct measure *m, const struct replayed *trace)
{
	return m->part ? trace->part_fd : trace->fd;
}

/* What a process that replays it may need. */
static void hold(const struct replayed *trace)
{
	uint64_t peak = trace->whole.peak_bytes;

	host_hold(peak + peak / 4 + ((uint64_t)32 << 20));
}

static void note(struct bench *b, const struct measure *m,
		 const struct replayed *trace, unsigned int heap,
		 const char *what, double value)
{
	char key[48];

	snprintf(key, sizeof(key), "%s.%s", m->group, what);
	figure_add(b, trace->name, key, heap, value);
}

static void replay_process(struct bench *b, const struct measure *m,
			   const struct replayed *trace, unsigned int heap)
{
	const char *arguments[ARGUMENTS_MAX];
	struct child child;
	int status = -1;
	char text[16];

	put_arguments(m, arguments, text, trace_fd(m, trace));
	if (!child_start(b, &b->heaps[heap], arguments, &child))
		status = child_end(b, &child, heap, trace->name, m->group);
	if (status)
		failed(b, &b->heaps[heap], trace->name, m->group, status);
}

/* Seconds that it took. */
static double replay_one(struct bench *b, const struct measure *m,
			 const struct replayed *trace, unsigned int heap)
{
	uint64_t reported = host_reported_kib();
	double seconds = now();

	if (m->touches)
		host_release();
	replay_process(b, m, trace, heap);
	seconds = now() - seconds;
	reported = host_reported_kib() - reported;
	if (m->touches)
		hold(trace);
	note(b, m, trace, heap, "seconds", seconds);
	note(b, m, trace, heap, "reported_mib", (double)reported / 1024);
	return seconds;
}

static bool has_turn(const struct bench *b, const struct measure *m,
		     unsigned int heap)
{
	return heap_runs(&b->heaps[heap]) &&
	       !(m->touches && b->heaps[heap].nothing);
}

/* Those that are compared are measured in every round. */
static bool is_slow(const struct bench *b, unsigned int heap, double seconds)
{
	return seconds > SLOW_SECONDS && !b->heaps[heap].ours &&
	       !b->heaps[heap].rival;
}

/* The heaps in turn; each round begins with another one. */
static void replay_round(struct bench *b, size_t at,
			 const struct replayed *trace, unsigned int round)
{
	static double took[TRACES_MAX][MEASURES][HEAPS_MAX];
	const struct measure *m = &measures[at];
	unsigned int i, heap;
	double *seconds;

	if (m->left_out || (m->rounds && round >= m->rounds) ||
	    (m->crew && trace->threads < 2))
		return;
	for (i = 0; i < b->n_heaps; i++) {
		heap = (i + round) % b->n_heaps;
		seconds = &took[trace - b->traces][at][heap];
		if (!has_turn(b, m, heap) ||
		    (is_slow(b, heap, *seconds) && round >= m->slow_rounds))
			continue;
		*seconds = replay_one(b, m, trace, heap);
	}
}

static void ladder_round(struct bench *b, unsigned int round)
{
	const char *arguments[ARGUMENTS_MAX];
	char slice[16];
	unsigned int i, heap;
	struct child child;
	int status;

	if (RUNGS->left_out)
		return;
	sprintf(slice, "%u", b->slice);
	RUNGS->arguments[0] = "--slice";
	RUNGS->arguments[1] = slice;
	put_arguments(RUNGS, arguments, NULL, -1);
	for (i = 0; i < b->n_heaps; i++) {
		heap = (i + round) % b->n_heaps;
		if (!has_turn(b, RUNGS, heap))
			continue;
		status = -1;
		if (!child_start(b, &b->heaps[heap], arguments, &child))
			status = child_end(b, &child, heap, LADDER, "");
		if (status)
			failed(b, &b->heaps[heap], LADDER, "", status);
	}
	RUNGS->arguments[0] = NULL;
}

/* --- what idles ---------------------------------------------------------------- */

/* Many processes hold memory at once here. */
static bool has_room(const struct bench *b, const struct replayed *trace,
		     unsigned int heap)
{
	uint64_t wanted = 3 * trace->whole.peak_bytes;

	if (host_available() > wanted)
		return true;
	fprintf(stderr, "bench: no room for %s to idle after %s: left out\n",
		b->heaps[heap].name, trace->name);
	return false;
}

static bool idle_start(struct bench *b, const struct replayed *trace,
		       unsigned int heap, struct child *child)
{
	const char *arguments[ARGUMENTS_MAX];
	char text[16];
	int status;

	put_arguments(IDLE, arguments, text, trace->fd);
	if (child_start(b, &b->heaps[heap], arguments, child))
		return false;
	if (child_parked(child))
		return true;
	status = child_end(b, child, heap, trace->name, IDLE->group);
	failed(b, &b->heaps[heap], trace->name, IDLE->group, status);
	return false;
}

/* All replay the trace once, one after the other; then all sleep. */
static void idle_trace(struct bench *b, const struct replayed *trace)
{
	static struct child child[HEAPS_MAX];
	bool runs[HEAPS_MAX] = { false };
	unsigned int i;
	int status;

	for (i = 0; i < b->n_heaps; i++)
		if (has_turn(b, IDLE, i) && has_room(b, trace, i))
			runs[i] = idle_start(b, trace, i, &child[i]);
	for (i = 0; i < b->n_heaps; i++) {
		if (!runs[i])
			continue;
		status = child_end(b, &child[i], i, trace->name, IDLE->group);
		if (status)
			failed(b, &b->heaps[i], trace->name, IDLE->group,
			       status);
	}
}

static void idle_all(struct bench *b)
{
	char seconds[16], decay[16];
	unsigned int i;

	if (IDLE->left_out || !b->park)
		return;
	sprintf(seconds, "%u", b->park);
	IDLE->arguments[0] = "--touch";
	IDLE->arguments[1] = "page";
	IDLE->arguments[2] = "--park";
	IDLE->arguments[3] = seconds;
	if (b->decay_ms) {
		sprintf(decay, "%u", b->decay_ms);
		setenv("TMEM_GC_DECAY_MS", decay, 1);
	}
	for (i = 0; i < b->n_traces; i++)
		if (b->traces[i].whole.end_bytes)
			idle_trace(b, &b->traces[i]);
	if (b->decay_ms)
		unsetenv("TMEM_GC_DECAY_MS");
}

static void measure_round(struct bench *b, unsigned int round)
{
	unsigned int i;
	size_t at;

	for (i = 0; i < b->n_traces; i++) {
		hold(&b->traces[i]);
		for (at = 0; at < REPLAYS; at++)
			replay_round(b, at, &b->traces[i], round);
	}
	host_release();
	ladder_round(b, round);
}

/* The first round takes longer: who is slow has a turn in it. */
static bool has_time(const struct bench *b, double begin, double round)
{
	double used = now() - begin;

	return !b->budget || !b->rounds_done ||
	       used + (b->rounds_done > 1 ? round : round / 4) <= b->budget;
}

void measure_all(struct bench *b)
{
	double begin = now(), last = 0;

	while (b->rounds_done < b->rounds && has_time(b, begin, last)) {
		fprintf(stderr, "round %u of %u\n", b->rounds_done + 1,
			b->rounds);
		last = now();
		measure_round(b, b->rounds_done++);
		last = now() - last;
	}
	if (b->park)
		fprintf(stderr, "idling for %u s after each trace\n", b->park);
	idle_all(b);
	b->seconds = now() - begin;
}
