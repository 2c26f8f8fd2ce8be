/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one collector of the process, as its parts see it.
 */
#ifndef TMEM_GC_COLLECTOR_H
#define TMEM_GC_COLLECTOR_H

#include <pthread.h>

#include "gc/cycle.h"
#include "gc/gc.h"
#include "gc/source.h"

enum tmem_gc_life {
	TMEM_GC_NONE = 0, /* no thread; one may be made */
	TMEM_GC_STARTING,
	TMEM_GC_RUNNING,
	TMEM_GC_STOPPING,
	TMEM_GC_FAILED, /* it could not be made: try again at retry_ns */
};

/*
 * There is one, for as long as the library is loaded.  life_lock guards what
 * stands before pass_lock, pass_lock the rest; the atomic ones are anybody's.
 */
struct tmem_collector {
	pthread_mutex_t life_lock;
	pthread_cond_t life_changed;
	enum tmem_gc_life life;
	bool threadless; /* no thread can be made in this process */
	bool forks_threads; /* nor in the child that is being made */
	bool closed; /* the library is about to go: no thread any more */
	bool configured; /* by the program */
	struct tmem_gc_config config;
	int forced; /* level, or TMEM_GC_LEVEL_AUTO */
	uint64_t forced_ns; /* when it was set */
	struct tmem_gc_notice notice; /* level -1: none */
	uint64_t retry_ns;
	pthread_t thread;
	int wake_fd; /* the thread polls it unless it is asleep */
	bool woken; /* and it has not noticed yet */
	const struct tmem_gc_ops *ops;

	pthread_mutex_t pass_lock;
	bool cycle_ready;
	struct tmem_gc_cycle cycle;
	struct tmem_source source;

	atomic_bool stop; /* the thread shall end */
	_Atomic(uint64_t) due_ns; /* of the next look, where there is no thread */
	_Atomic(uint64_t) wakeups;
	_Atomic(uint64_t) source_errors;
	_Atomic(uint32_t) source_kind, source_errno;
	_Atomic(uint32_t) thread_failures;
	struct tmem_gc_count count;
};

extern struct tmem_collector tmem_collector;

/* pass.c; with the pass lock held */

/* The cycle, started if it has not been. */
struct tmem_gc_cycle *tmem_gc_pass_cycle(void);

/* Find the level, look at the memory.  ns until the next, or TMEM_GC_NEVER. */
uint64_t tmem_gc_pass_step(bool fired);

void tmem_gc_pass_source_close(void);

/* thread.c; without any lock */

/* Make the thread if it is wanted and there is none. */
void tmem_gc_thread_start(void);

/* With the life lock held, as those below; before a fork. */
void tmem_gc_thread_fork(void);

/* Have it look at everything anew. */
void tmem_gc_thread_wake(void);

/* Close wake_fd if it is ours still. */
void tmem_gc_thread_forget_fd(void);

/* From now on (tests): other ops, or NULL for the real ones.  No thread runs. */
void tmem_gc_use(const struct tmem_gc_ops *ops);

extern const struct tmem_gc_ops tmem_gc_ops_real;

#endif /* TMEM_GC_COLLECTOR_H */
