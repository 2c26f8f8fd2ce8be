// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replays a trace of several threads by as many, so that blocks are freed by
 * other threads than those that allocated them, as they were when the trace
 * was recorded.
 *
 * The threads do not follow the trace event by event, which would measure the
 * waiting.  Each may be WINDOW events ahead of the slowest; and it waits for
 * a block that it is to free until that was allocated.  The one with the
 * lowest next event waits for nobody, so there is always one that goes on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "alloc_pack.h"
#include "alloc_work.h"
#include "alloc_work_heap.h"

#define WINDOW 512
#define PAGE 4096

/*
 * struct member - a thread; from work_crew()'s begin to its end
 * @next:   the event that it is at, SIZE_MAX: it is through.  It alone writes
 * @events: those of this thread
 */
struct member {
	_Alignas(64) _Atomic size_t next;
	_Alignas(64) uint32_t *events;
	size_t count;
	struct crew *crew;
	pthread_t thread;
};

struct crew {
	const struct work *work;
	const struct pack *pack;
	_Atomic(char *) *slots;
	struct member *members;
	pthread_barrier_t barrier;
};

static size_t slowest(const struct crew *crew, const struct member *me)
{
	size_t lowest = SIZE_MAX;
	size_t i;

	for (i = 0; i < crew->pack->is.threads; i++) {
		const struct member *other = &crew->members[i];
		size_t next;

		if (other == me)
			continue;
		next = atomic_load_explicit(&other->next, memory_order_acquire);
		lowest = next < lowest ? next : lowest;
	}
	return lowest > SIZE_MAX - WINDOW ? SIZE_MAX : lowest + WINDOW;
}

static void get(struct crew *crew, const struct trace_op *op)
{
	char *block = heap_aligned((size_t)1 << op->align_log2, op->bytes);
	uint64_t at;

	if (!block)
		work_die("no memory for %llu bytes",
			 (unsigned long long)op->bytes);
	if (crew->work->touch != WORK_TOUCH_NONE)
		for (at = 0; at < op->bytes; at += PAGE)
			*(volatile char *)(block + at) = 1;
	atomic_store_explicit(&crew->slots[op->block], block,
			      memory_order_release);
}

static void put(struct crew *crew, const struct trace_op *op)
{
	char *block;

	while (!(block = atomic_load_explicit(&crew->slots[op->block],
					      memory_order_acquire)))
		sched_yield();
	atomic_store_explicit(&crew->slots[op->block], NULL,
			      memory_order_relaxed);
	heap_put(block);
}

static void replay(struct member *me)
{
	struct crew *crew = me->crew;
	size_t limit = 0;
	size_t i;

	for (i = 0; i < me->count; i++) {
		size_t at = me->events[i];
		const struct trace_op *op = &crew->pack->ops[at];

		atomic_store_explicit(&me->next, at, memory_order_release);
		while (at > limit && at > (limit = slowest(crew, me)))
			sched_yield();
		if (op->is_free)
			put(crew, op);
		else
			get(crew, op);
	}
	atomic_store_explicit(&me->next, SIZE_MAX, memory_order_release);
}

/* Its own blocks: freeing others' would hand all of them to one thread. */
static void drop(struct member *me)
{
	struct crew *crew = me->crew;
	char *block;
	size_t i;

	for (i = 0; i < me->count; i++) {
		const struct trace_op *op = &crew->pack->ops[me->events[i]];

		if (op->is_free)
			continue;
		block = atomic_exchange(&crew->slots[op->block], NULL);
		if (block)
			heap_put(block);
	}
	atomic_store(&me->next, 0);
}

static void repeat(struct member *me)
{
	pthread_barrier_wait(&me->crew->barrier);
	replay(me);
	pthread_barrier_wait(&me->crew->barrier);
	drop(me);
	pthread_barrier_wait(&me->crew->barrier);
}

static void *member_main(void *arg)
{
	struct member *me = arg;
	unsigned int i;

	for (i = 0; i < me->crew->work->repeats; i++)
		repeat(me);
	return NULL;
}

static void lead(struct crew *crew, const char *phase)
{
	struct member *me = &crew->members[0];
	struct look from, to;
	double events = (double)crew->pack->is.events;
	char key[32];

	pthread_barrier_wait(&crew->barrier);
	from = look_now();
	replay(me);
	pthread_barrier_wait(&crew->barrier);
	to = look_now();
	drop(me);
	pthread_barrier_wait(&crew->barrier);
	to = look_less(&to, &from);
	snprintf(key, sizeof(key), "%s.ns", phase);
	work_print(key, (double)to.ns / events);
	snprintf(key, sizeof(key), "%s.cpu", phase);
	work_print(key, (double)to.cpu_ns / events);
	snprintf(key, sizeof(key), "%s.faults", phase);
	work_print(key, (double)to.faults);
}

static void hand_out(struct crew *crew)
{
	const struct pack *pack = crew->pack;
	struct member *me;
	size_t i;

	for (i = 0; i < pack->is.events; i++)
		crew->members[pack->ops[i].thread].count++;
	for (i = 0; i < pack->is.threads; i++) {
		me = &crew->members[i];
		me->crew = crew;
		me->events = work_pages(me->count * sizeof(uint32_t));
		me->count = 0;
	}
	for (i = 0; i < pack->is.events; i++) {
		me = &crew->members[pack->ops[i].thread];
		me->events[me->count++] = (uint32_t)i;
	}
}

int work_crew(const struct work *work)
{
	static struct crew crew;
	unsigned int i;

	crew.work = work;
	crew.pack = pack_map(work->fd);
	if (!crew.pack)
		work_die("replay: no trace");
	crew.slots = work_pages(crew.pack->is.blocks * sizeof(*crew.slots));
	crew.members =
		work_pages(crew.pack->is.threads * sizeof(*crew.members));
	hand_out(&crew);
	pthread_barrier_init(&crew.barrier, NULL,
			     (unsigned int)crew.pack->is.threads);
	for (i = 1; i < crew.pack->is.threads; i++)
		if (pthread_create(&crew.members[i].thread, NULL, member_main,
				   &crew.members[i]))
			work_die("no thread");
	for (i = 0; i < work->repeats; i++)
		lead(&crew, i ? "warm" : "cold");
	for (i = 1; i < crew.pack->is.threads; i++)
		pthread_join(crew.members[i].thread, NULL);
	return 0;
}
