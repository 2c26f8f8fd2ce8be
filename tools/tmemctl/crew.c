// SPDX-License-Identifier: GPL-2.0-only
/*
 * crew - the threads that replay a trace of several threads.
 *
 * Each traced thread has one here, so that blocks freed by another thread
 * than their own are in the replay too.  The threads do not follow the trace
 * event by event, they only stay within a window of each other: thread T may
 * replay event I once no other thread is more than WINDOW events behind I.
 *
 * There is always somebody who may go on: the thread with the lowest next
 * event is behind nobody, and what it frees was allocated by a lower event.
 *
 * The peak is exact all the same.  Nobody passes the peak event before memory
 * was looked at; the thread of that event waits until all others have arrived
 * there.
 *
 * The threads live through all repeats, so that what the library keeps per
 * thread is warm from the second on.  Between the phases they sleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "crew.h"
#include "pages.h"

#define PROGRESS_NS 200000000L

enum phase {
	PHASE_REPLAY,
	PHASE_DROP,
	PHASE_QUIT,
};

/*
 * struct member - one thread
 * @events: its events, ascending
 * @next:   the event it is at; SIZE_MAX: it is through.  Written by it alone,
 *          on a cache line of its own
 */
struct member {
	_Alignas(64) _Atomic size_t next;
	_Alignas(64) struct crew *crew;
	uint32_t *events;
	size_t count;
	pthread_t thread;
};

/*
 * struct crew - from crew_create() to crew_destroy().  @lock protects what
 * stands below it; what stands above is written while the threads sleep.
 * @looked: memory was looked at in this repeat
 * @turn:   counts the phases; a thread that sees a new one begins it
 * @busy:   threads that have not ended the phase
 */
struct crew {
	struct replay *replay;
	struct member *members;
	unsigned int count; /* threads that were started */
	uint32_t *events;
	atomic_bool looked;
	pthread_mutex_t lock;
	pthread_cond_t begin;
	pthread_cond_t end;
	enum phase phase;
	unsigned long turn;
	unsigned int busy;
	struct cost ended;
};

/* The lowest next event of all but @me. */
static size_t slowest(const struct crew *crew, const struct member *me)
{
	size_t lowest = SIZE_MAX;
	unsigned int i;
	size_t next;

	for (i = 0; i < crew->count; i++) {
		if (&crew->members[i] == me)
			continue;
		next = atomic_load_explicit(&crew->members[i].next,
					    memory_order_acquire);
		lowest = next < lowest ? next : lowest;
	}
	return lowest;
}

/* The last event that @me may replay now. */
static size_t horizon(const struct crew *crew, const struct member *me)
{
	size_t behind = slowest(crew, me);
	size_t window = crew->replay->config.window;
	size_t peak = crew->replay->trace->peak_event;
	size_t limit = behind > SIZE_MAX - window ? SIZE_MAX : behind + window;

	if (!atomic_load(&crew->looked) && limit > peak)
		limit = peak;
	return limit;
}

static void look(struct crew *crew, const struct member *me)
{
	struct replay *replay = crew->replay;

	while (slowest(crew, me) <= replay->trace->peak_event) {
		if (atomic_load(&replay->stop))
			return;
		sched_yield();
	}
	replay_look(replay);
	atomic_store(&crew->looked, true);
}

static void replay_events(struct member *me)
{
	struct crew *crew = me->crew;
	struct replay *replay = crew->replay;
	size_t limit = 0;
	size_t i, event;

	for (i = 0; i < me->count; i++) {
		event = me->events[i];
		atomic_store_explicit(&me->next, event, memory_order_release);
		while (event > limit) {
			limit = horizon(crew, me);
			if (event <= limit)
				break;
			if (atomic_load(&replay->stop))
				return;
			sched_yield();
		}
		if (!replay_event(replay, event))
			return;
		if (event == replay->trace->peak_event)
			look(crew, me);
	}
}

static void drop_events(struct member *me)
{
	size_t i;

	for (i = 0; i < me->count; i++)
		replay_drop(me->crew->replay, me->events[i]);
}

/* Sleep until there is something to do. */
static enum phase next_phase(struct crew *crew, unsigned long *turn)
{
	enum phase phase;

	pthread_mutex_lock(&crew->lock);
	while (crew->turn == *turn)
		pthread_cond_wait(&crew->begin, &crew->lock);
	*turn = crew->turn;
	phase = crew->phase;
	pthread_mutex_unlock(&crew->lock);
	return phase;
}

static void phase_done(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	if (!--crew->busy) {
		crew->ended = cost_now();
		pthread_cond_signal(&crew->end);
	}
	pthread_mutex_unlock(&crew->lock);
}

static void *member_run(void *arg)
{
	struct member *me = arg;
	unsigned long turn = 0;
	enum phase phase;

	while ((phase = next_phase(me->crew, &turn)) != PHASE_QUIT) {
		if (phase == PHASE_REPLAY)
			replay_events(me);
		else
			drop_events(me);
		atomic_store_explicit(&me->next, SIZE_MAX,
				      memory_order_release);
		phase_done(me->crew);
	}
	return NULL;
}

/* Wait for the end of the phase, drawing the progress bar if there is one. */
static void wait_for_end(struct crew *crew)
{
	struct replay *replay = crew->replay;
	bool bar = replay->progress.shown && crew->phase == PHASE_REPLAY;
	struct timespec until;
	size_t done;

	while (crew->busy) {
		if (!bar) {
			pthread_cond_wait(&crew->end, &crew->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PROGRESS_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&crew->end, &crew->lock, &until);
		/* A slow terminal must not hold up the last thread. */
		pthread_mutex_unlock(&crew->lock);
		done = slowest(crew, NULL);
		if (done != SIZE_MAX)
			progress_show(&replay->progress, replay->repeat, done);
		pthread_mutex_lock(&crew->lock);
	}
}

static void run_phase(struct crew *crew, enum phase phase, struct cost *from)
{
	unsigned int i;

	for (i = 0; i < crew->count; i++)
		atomic_store(&crew->members[i].next, 0);
	pthread_mutex_lock(&crew->lock);
	*from = cost_now();
	crew->phase = phase;
	crew->busy = crew->count;
	crew->turn++;
	pthread_cond_broadcast(&crew->begin);
	wait_for_end(crew);
	pthread_mutex_unlock(&crew->lock);
}

void crew_replay(struct crew *crew, struct cost *from, struct cost *to)
{
	atomic_store(&crew->looked, false);
	run_phase(crew, PHASE_REPLAY, from);
	*to = crew->ended;
}

void crew_drop(struct crew *crew)
{
	struct cost from;

	run_phase(crew, PHASE_DROP, &from);
}

/* The events, sorted by thread; each member gets its part. */
static void share_out(struct crew *crew)
{
	const struct trace *trace = crew->replay->trace;
	uint32_t *place = crew->events;
	struct member *member;
	unsigned int t;
	size_t i;

	for (i = 0; i < trace->events; i++)
		crew->members[trace->ops[i].thread].count++;
	for (t = 0; t < trace->threads; t++) {
		member = &crew->members[t];
		member->crew = crew;
		member->events = place;
		place += member->count;
		member->count = 0;
	}
	for (i = 0; i < trace->events; i++) {
		member = &crew->members[trace->ops[i].thread];
		member->events[member->count++] = (uint32_t)i;
	}
}

static size_t members_bytes(const struct crew *crew)
{
	return crew->replay->trace->threads * sizeof(*crew->members);
}

static size_t events_bytes(const struct crew *crew)
{
	return crew->replay->trace->events * sizeof(*crew->events);
}

static int start_threads(struct crew *crew)
{
	struct member *member;
	int error;

	while (crew->count < crew->replay->trace->threads) {
		member = &crew->members[crew->count];
		error = pthread_create(&member->thread, NULL, member_run,
				       member);
		if (error)
			return error;
		crew->count++;
	}
	return 0;
}

static void init_waiting(struct crew *crew)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->begin, NULL);
	pthread_cond_init(&crew->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct crew *crew_create(struct replay *replay)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int error = ENOMEM;

	if (!crew) {
		errno = error;
		return NULL;
	}
	crew->replay = replay;
	init_waiting(crew);
	crew->members = pages_get(members_bytes(crew));
	crew->events = pages_get(events_bytes(crew));
	if (crew->members && crew->events) {
		share_out(crew);
		error = start_threads(crew);
	}
	if (error) {
		crew_destroy(crew);
		errno = error;
		return NULL;
	}
	return crew;
}

void crew_destroy(struct crew *crew)
{
	unsigned int i;

	if (!crew)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->phase = PHASE_QUIT;
	crew->turn++;
	pthread_cond_broadcast(&crew->begin);
	pthread_mutex_unlock(&crew->lock);
	for (i = 0; i < crew->count; i++)
		pthread_join(crew->members[i].thread, NULL);
	pthread_cond_destroy(&crew->end);
	pthread_cond_destroy(&crew->begin);
	pthread_mutex_destroy(&crew->lock);
	pages_put(crew->events, events_bytes(crew));
	pages_put(crew->members, members_bytes(crew));
	free(crew);
}
