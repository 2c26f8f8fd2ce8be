// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replays a trace on the heap under test, in a loop that does nothing else:
 * a few nanoseconds per event with HEAP_NONE.
 *
 * The first replay in a process is cold: memory comes from the kernel.  Those
 * after it are warm.  What a replay leaves alive is freed between two of
 * them, off the clock.  Memory is looked at when the most bytes are alive,
 * which is off the clock too.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc_work_heap.h"
#include "alloc_pack.h"
#include "alloc_work.h"

#define PAGE 4096
#define THREADS_MAX 64

/*
 * struct replay - from work_replay()'s begin to its end
 * @slots:    where each block is; NULL if it is not alive.  Of each thread
 * @first:    resident before the first replay
 * @peak:     at the peak of this replay
 * @paused:   what looking has cost, in this replay
 * @timing:   in this replay, each call
 * @took:     ticks of each allocation and each free, if they are wanted
 */
struct replay {
	const struct work *work;
	const struct pack *pack;
	void **slots[THREADS_MAX];
	struct resident first;
	struct resident peak;
	struct look paused;
	bool timing;
	uint32_t *took[2];
	size_t n_took[2];
	pthread_barrier_t barrier;
};

static inline void touch_block(char *block, uint64_t bytes,
			       enum work_touch touch)
{
	uint64_t at;

	if (touch == WORK_TOUCH_PAGE)
		for (at = 0; at < bytes; at += PAGE)
			*(volatile char *)(block + at) = 1;
	else if (touch == WORK_TOUCH_FULL)
		memset(block, 1, bytes);
}

static inline void note(struct replay *r, int is_free, uint64_t from)
{
	uint64_t ticks = look_tick() - from;

	r->took[is_free][r->n_took[is_free]++] =
		ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

/* Inlined with constants, so that the loop asks nothing that is known. */
__attribute__((always_inline)) static inline void
run_as(struct replay *r, void **slots, size_t from, size_t to,
       enum work_touch touch, bool latency)
{
	const struct trace_op *op = r->pack->ops + from;
	const struct trace_op *end = r->pack->ops + to;
	uint64_t begin = 0;
	void *block;

	for (; op < end; op++) {
		if (op->is_free) {
			block = slots[op->block];
			slots[op->block] = NULL;
			begin = latency ? look_tick() : 0;
			heap_put(block);
		} else {
			begin = latency ? look_tick() : 0;
			block = heap_aligned((size_t)1 << op->align_log2,
					     op->bytes);
			if (!block)
				work_die("no memory for %llu bytes",
					 (unsigned long long)op->bytes);
			slots[op->block] = block;
		}
		if (latency)
			note(r, op->is_free, begin);
		if (touch != WORK_TOUCH_NONE && !op->is_free)
			touch_block(block, op->bytes, touch);
	}
}

static void run(struct replay *r, void **slots, size_t from, size_t to)
{
	switch (r->work->touch) {
	case WORK_TOUCH_NONE:
		run_as(r, slots, from, to, WORK_TOUCH_NONE, false);
		break;
	case WORK_TOUCH_FULL:
		run_as(r, slots, from, to, WORK_TOUCH_FULL, false);
		break;
	case WORK_TOUCH_PAGE:
		if (r->timing)
			run_as(r, slots, from, to, WORK_TOUCH_PAGE, true);
		else
			run_as(r, slots, from, to, WORK_TOUCH_PAGE, false);
		break;
	}
}

static void drop(struct replay *r, void **slots)
{
	size_t i;

	for (i = 0; i < r->pack->is.blocks; i++) {
		if (slots[i])
			heap_put(slots[i]);
		slots[i] = NULL;
	}
}

/* --- one thread ------------------------------------------------------------- */

static struct look replay_alone(struct replay *r)
{
	size_t peak = r->pack->is.peak_event + 1;
	struct look from, to, looked;

	r->n_took[0] = r->n_took[1] = 0;
	from = look_now();
	run(r, r->slots[0], 0, peak);
	looked = look_now();
	r->peak = look_resident();
	to = look_now();
	r->paused = look_less(&to, &looked);
	run(r, r->slots[0], peak, r->pack->is.events);
	to = look_now();
	to = look_less(&to, &from);
	return look_less(&to, &r->paused);
}

/* --- several ---------------------------------------------------------------- */

struct mate {
	struct replay *replay;
	void **slots;
	pthread_t thread;
};

/* Between the first barrier of a replay and the second it is timed. */
static void replay_mate(struct replay *r, void **slots)
{
	run(r, slots, 0, r->pack->is.events);
	pthread_barrier_wait(&r->barrier);
	drop(r, slots);
}

static void *mate_main(void *arg)
{
	struct mate *mate = arg;
	unsigned int i;

	for (i = 0; i < mate->replay->work->repeats; i++) {
		pthread_barrier_wait(&mate->replay->barrier);
		replay_mate(mate->replay, mate->slots);
	}
	return NULL;
}

static struct look replay_together(struct replay *r)
{
	struct look from, to;

	pthread_barrier_wait(&r->barrier);
	from = look_now();
	run(r, r->slots[0], 0, r->pack->is.events);
	pthread_barrier_wait(&r->barrier);
	to = look_now();
	drop(r, r->slots[0]);
	return look_less(&to, &from);
}

/* --- figures ---------------------------------------------------------------- */

static void print_repeat(const struct replay *r, const struct look *cost,
			 const char *phase)
{
	double events = (double)r->pack->is.events;
	char key[64];

	snprintf(key, sizeof(key), "%s.ns", phase);
	work_print(key, (double)cost->ns / events);
	snprintf(key, sizeof(key), "%s.cpu", phase);
	work_print(key, (double)cost->cpu_ns / events / r->work->threads);
	snprintf(key, sizeof(key), "%s.sys", phase);
	work_print(key, (double)cost->sys_ns / events / r->work->threads);
	snprintf(key, sizeof(key), "%s.faults", phase);
	work_print(key, (double)cost->faults / r->work->threads);
	if (r->peak.bytes <= r->first.bytes)
		return;
	snprintf(key, sizeof(key), "%s.resident", phase);
	work_print(key, (double)(r->peak.bytes - r->first.bytes) /
				(double)r->pack->is.peak_bytes);
	snprintf(key, sizeof(key), "%s.huge", phase);
	work_print(key, 100.0 * (double)(r->peak.huge - r->first.huge) /
				(double)(r->peak.bytes - r->first.bytes));
}

static int by_ticks(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_latency(struct replay *r)
{
	static const struct {
		const char *name;
		double part;
	} points[] = { { "p50", .5 }, { "p99", .99 }, { "p999", .999 } };
	static const char *const kind[2] = { "alloc", "free" };
	double tick = look_tick_ns();
	char key[64];
	size_t i;
	int k;

	for (k = 0; k < 2; k++) {
		if (!r->n_took[k])
			continue;
		qsort(r->took[k], r->n_took[k], sizeof(uint32_t), by_ticks);
		for (i = 0; i < 3; i++) {
			size_t at = (size_t)((double)(r->n_took[k] - 1) *
					     points[i].part);

			snprintf(key, sizeof(key), "%s.%s", kind[k],
				 points[i].name);
			work_print(key, r->took[k][at] * tick);
		}
	}
}

/* --- all of it -------------------------------------------------------------- */

/* Beyond what was there before the first replay, per byte that is alive. */
static void print_live(const struct replay *r, const char *key)
{
	work_print(key, (double)(look_resident().bytes - r->first.bytes) /
				(double)r->pack->is.end_bytes);
}

/* With what the trace left alive, as a program that waits for work. */
static void park(const struct replay *r)
{
	struct timespec time = { .tv_sec = r->work->park };

	if (!r->pack->is.end_bytes)
		work_die("nothing is alive at the end of this trace");
	print_live(r, "before");
	dprintf(STDOUT_FILENO, "parked\n");
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time))
		;
	print_live(r, "after");
}

static bool time_is_up(const struct work *work, uint64_t begin)
{
	return work->threads == 1 &&
	       look_now().ns - begin > work->seconds * 1000000000ULL;
}

/*
 * Who is slow is replayed twice all the same: cold and warm.  Timing each call
 * makes the last replay a little slower, so it does not count as a warm one
 * if there is another.
 */
static void replay_all(struct replay *r)
{
	const struct work *work = r->work;
	unsigned int last = work->repeats - 1, i, n;
	uint64_t begin = look_now().ns;
	struct look cost;

	r->first = look_resident();
	for (i = n = 0; i <= last; i++, n++) {
		r->timing = work->latency && i == last;
		cost = work->threads > 1 ? replay_together(r) : replay_alone(r);
		if (!r->timing || n == 1)
			print_repeat(r, &cost, n ? "warm" : "cold");
		if (work->park && i == last)
			park(r);
		drop(r, r->slots[0]);
		if (i < last && time_is_up(work, begin))
			i = !n || work->latency ? last - 1 : last;
	}
	if (work->latency)
		print_latency(r);
}

static void start_mates(struct replay *r, struct mate *mates)
{
	unsigned int i;

	pthread_barrier_init(&r->barrier, NULL, r->work->threads);
	for (i = 1; i < r->work->threads; i++) {
		mates[i].replay = r;
		mates[i].slots = r->slots[i];
		if (pthread_create(&mates[i].thread, NULL, mate_main,
				   &mates[i]))
			work_die("no thread");
	}
}

int work_replay(const struct work *work)
{
	static struct mate mates[THREADS_MAX];
	static struct replay r;
	unsigned int i;

	r.work = work;
	r.pack = pack_map(work->fd);
	if (!r.pack || work->threads > THREADS_MAX)
		work_die("replay: no trace, or too many threads");
	for (i = 0; i < work->threads; i++)
		r.slots[i] = work_pages(r.pack->is.blocks * sizeof(void *));
	for (i = 0; i < 2 && work->latency; i++)
		r.took[i] = work_pages(r.pack->is.events * sizeof(uint32_t));
	if (work->threads > 1)
		start_mates(&r, mates);
	replay_all(&r);
	for (i = 1; i < work->threads; i++)
		pthread_join(mates[i].thread, NULL);
	return 0;
}
