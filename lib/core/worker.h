/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker: a thread of the library, its life and what it waits for.
 *
 * The owner provides work(), which does what is due and says what to wait for
 * next.  A thread that the worker makes calls it again and again.  The clock,
 * the wait, and the making of the thread are operations: a test replaces them,
 * sees what the worker asked to wait for, and steps it without any thread.
 *
 * The thread blocks all signals.  It is not there in the child of a fork.  The
 * program may close its descriptors at any time: the worker notices, and makes
 * another one (core/wakefd.h).
 */
#ifndef TMEM_CORE_WORKER_H
#define TMEM_CORE_WORKER_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMEM_WORKER_FDS 8
#define TMEM_WORKER_FOREVER (-1)

/* What work() asks to wait for, and what has come of it at the next call. */
struct tmem_worker_wait {
	struct pollfd fds[TMEM_WORKER_FDS]; /* revents are set by the wait */
	unsigned int count;
	int timeout_ms; /* or TMEM_WORKER_FOREVER: until it is woken */
};

struct tmem_worker;

struct tmem_worker_ops {
	uint64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
	/*
	 * Return when a descriptor is ready, the timeout is over, or the worker
	 * has been woken since the last wait; sets revents.  Without a lock.
	 */
	void (*wait)(struct tmem_worker *w, struct tmem_worker_wait *wait);
	/* As pthread_create() and pthread_join(). */
	int (*spawn)(pthread_t *thread, const pthread_attr_t *attr,
		     void *(*fn)(void *arg), void *arg);
	int (*join)(struct tmem_worker *w);
};

extern const struct tmem_worker_ops tmem_worker_ops_real;

enum tmem_worker_life {
	TMEM_WORKER_NONE = 0, /* no thread */
	TMEM_WORKER_STARTING,
	TMEM_WORKER_RUNNING,
	TMEM_WORKER_STOPPING,
};

struct tmem_worker {
	/* By the owner, before the first start. */
	const char *name; /* of the thread; at most 15 characters */
	size_t stack_bytes; /* the default's if the program needs more */
	void (*begin)(void); /* on the thread, first; or NULL */
	void (*work)(struct tmem_worker_wait *wait); /* on the thread */
	void (*end)(void); /* on the thread, last; or NULL */
	const struct tmem_worker_ops *ops;

	/*
	 * Guards what follows up to the atomic ones, and whatever else the owner
	 * wants.  A leaf: with it held, the worker calls nothing of its owner's.
	 */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* life, woken */
	enum tmem_worker_life life;
	bool closed; /* the library is about to go: no thread any more */
	bool woken; /* and the thread has not noticed yet */
	bool polling; /* the thread waits for wake_fd, too */
	int wake_fd;
	pthread_t thread;

	atomic_bool stop; /* the thread shall end soon: work() may look */
	_Atomic(uint64_t) wakeups; /* waits that have ended */

	/* The thread's. */
	bool begun;
	struct tmem_worker_wait wait;
};

#define TMEM_WORKER_INIT(name_, stack_bytes_, begin_, work_, end_)  \
	{                                                           \
		.name = (name_), .stack_bytes = (stack_bytes_),     \
		.begin = (begin_), .work = (work_), .end = (end_),  \
		.ops = &tmem_worker_ops_real,                       \
		.lock = PTHREAD_MUTEX_INITIALIZER,                  \
		.changed = PTHREAD_COND_INITIALIZER, .wake_fd = -1, \
	}

/* --- with the lock held ----------------------------------------------------- */

/* Wait until the worker is neither starting nor stopping, or is closed. */
void tmem_worker_settle(struct tmem_worker *w);

/*
 * Make the thread.  The lock is released meanwhile: making one allocates, maybe
 * from the library.  0; -EALREADY: there is one, or is about to be; -ECANCELED:
 * the library is about to go; -EAGAIN: there are no threads to be had, or none
 * in the child of this fork (ThreadSanitizer).
 */
int tmem_worker_start(struct tmem_worker *w);

/*
 * End the thread and wait for that, with the lock released; if there is none,
 * nothing happens.  Not from the thread itself.  Where the stop came while the
 * thread was on its way up or down, waits for that first.
 */
void tmem_worker_stop(struct tmem_worker *w);

/* End the present wait, or the next one. */
void tmem_worker_wake(struct tmem_worker *w);

/* --- without it ------------------------------------------------------------- */

/*
 * At exit() and dlclose(): no thread from now on.  exit() may run in a signal
 * handler that interrupted a lock holder, so each wait is bounded (200 ms in
 * all).
 */
void tmem_worker_close(struct tmem_worker *w);

/*
 * Around a fork: the lock is held from prepare to parent or child.  The child
 * has no thread; its copy of the wake descriptor is closed.
 */
void tmem_worker_fork_prepare(struct tmem_worker *w);
void tmem_worker_fork_parent(struct tmem_worker *w);
void tmem_worker_fork_child(struct tmem_worker *w);

/* No thread can be made in this process. */
bool tmem_worker_threadless(void);

/* What the thread does: work once, and wait.  For tests that have no thread. */
void tmem_worker_step(struct tmem_worker *w);

/* What the thread does last. */
void tmem_worker_finish(struct tmem_worker *w);

/* Delays as a wait wants them: ns up to the next ms, at most INT_MAX. */
int tmem_worker_ms(uint64_t ns);

#endif /* TMEM_CORE_WORKER_H */
