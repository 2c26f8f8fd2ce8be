/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker's clock and thread that are not there (core/worker.h): time passes
 * when the test says so, the waits that the worker asks for are recorded, and
 * the test's own thread does the work of the worker's.
 *
 * To use it, the owner's worker gets ops = &worker_fake_ops while it has no
 * thread.  After the owner has started it:
 *
 *   worker_fake_run(w)       until it waits: as soon as it would wake up
 *   worker_fake_pass(w, ns)  the same, for as long as the clock goes on by ns
 *   worker_fake_step(w)      end the present wait, work once, ask for the next
 *   worker_fake(w)->asked    the wait that it asked for last
 *
 * Descriptors are polled for real, without waiting.  For one source file of a
 * program.
 */
#ifndef WORKER_FAKE_H
#define WORKER_FAKE_H

#include "pace.h" /* first: it defines _GNU_SOURCE */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/worker.h"

#define WORKER_FAKES 4
/* More steps than these without a wait between them are a worker that spins. */
#define WORKER_FAKE_SPINS 10000u

struct worker_fake {
	struct tmem_worker *worker;
	unsigned int spawns, joins, steps;
	int spawn_err; /* positive: no thread can be made */
	/* The present wait. */
	bool waiting;
	struct tmem_worker_wait asked;
	uint64_t since_ns;
};

/* CLOCK_MONOTONIC, in a world without the module. */
static _Atomic(uint64_t) worker_fake_ns = 1000000000000u;

/* The one of a worker; there is one at its first use. */
static inline struct worker_fake *worker_fake(struct tmem_worker *w)
{
	static struct worker_fake fakes[WORKER_FAKES];
	unsigned int i;

	for (i = 0; fakes[i].worker && fakes[i].worker != w; i++)
		if (i + 1 == WORKER_FAKES)
			abort();
	fakes[i].worker = w;
	return &fakes[i];
}

static inline uint64_t worker_fake_now(void)
{
	return atomic_load(&worker_fake_ns);
}

static inline void worker_fake_wait(struct tmem_worker *w,
				    struct tmem_worker_wait *wait)
{
	struct worker_fake *f = worker_fake(w);

	f->waiting = true;
	f->asked = *wait;
	f->since_ns = worker_fake_now();
}

static inline int worker_fake_spawn(pthread_t *thread,
				    const pthread_attr_t *attr,
				    void *(*fn)(void *arg), void *arg)
{
	struct worker_fake *f = worker_fake(arg);

	(void)attr;
	(void)fn;
	f->spawns++;
	if (f->spawn_err)
		return f->spawn_err;
	f->waiting = false;
	*thread = pthread_self();
	return 0;
}

static inline int worker_fake_join(struct tmem_worker *w)
{
	worker_fake(w)->joins++;
	worker_fake(w)->waiting = false;
	tmem_worker_finish(w);
	return 0;
}

static const struct tmem_worker_ops worker_fake_ops = {
	.now_ns = worker_fake_now,
	.wait = worker_fake_wait,
	.spawn = worker_fake_spawn,
	.join = worker_fake_join,
};

static inline bool worker_fake_running(struct tmem_worker *w)
{
	bool running;

	pthread_mutex_lock(&w->lock);
	running = w->life == TMEM_WORKER_RUNNING;
	pthread_mutex_unlock(&w->lock);
	return running;
}

/* When the present wait ends by itself. */
static inline uint64_t worker_fake_until(struct tmem_worker *w)
{
	const struct worker_fake *f = worker_fake(w);

	if (f->asked.timeout_ms < 0)
		return UINT64_MAX;
	return f->since_ns + (uint64_t)f->asked.timeout_ms * 1000000u;
}

/* A thread would not wait, or not any more. */
static inline bool worker_fake_due(struct tmem_worker *w)
{
	struct worker_fake *f = worker_fake(w);
	bool woken;

	pthread_mutex_lock(&w->lock);
	woken = w->woken || atomic_load(&w->stop);
	pthread_mutex_unlock(&w->lock);
	return !f->waiting || woken ||
	       poll(f->asked.fds, f->asked.count, 0) > 0 ||
	       worker_fake_now() >= worker_fake_until(w);
}

/* It waits until it is woken, whatever else happens. */
static inline bool worker_fake_asleep(struct tmem_worker *w)
{
	const struct worker_fake *f = worker_fake(w);

	return !worker_fake_due(w) && !f->asked.count &&
	       f->asked.timeout_ms == TMEM_WORKER_FOREVER;
}

static inline void worker_fake_step(struct tmem_worker *w)
{
	struct worker_fake *f = worker_fake(w);

	if (f->waiting) {
		poll(w->wait.fds, w->wait.count, 0);
		pthread_mutex_lock(&w->lock);
		w->woken = false;
		pthread_mutex_unlock(&w->lock);
		f->waiting = false;
	}
	f->steps++;
	tmem_worker_step(w);
}

/* Returns the number of steps. */
static inline unsigned int worker_fake_run(struct tmem_worker *w)
{
	unsigned int steps = 0;

	while (worker_fake_running(w) && worker_fake_due(w)) {
		worker_fake_step(w);
		if (++steps < WORKER_FAKE_SPINS)
			continue;
		printf("# %s spins\n", w->name);
		abort();
	}
	return steps;
}

static inline unsigned int worker_fake_pass(struct tmem_worker *w, uint64_t ns)
{
	uint64_t end = worker_fake_now() + ns;
	unsigned int steps = worker_fake_run(w);

	while (worker_fake_running(w) && worker_fake_until(w) < end) {
		atomic_store(&worker_fake_ns, worker_fake_until(w));
		steps += worker_fake_run(w);
	}
	atomic_store(&worker_fake_ns, end);
	return steps + worker_fake_run(w);
}

#endif /* WORKER_FAKE_H */
