/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one collector of the process, as its parts see it.
 */
#ifndef TMEM_GC_COLLECTOR_H
#define TMEM_GC_COLLECTOR_H

#include <pthread.h>

#include "core/worker.h"
#include "gc/cycle.h"
#include "gc/gc.h"
#include "gc/source.h"

/*
 * There is one, for as long as the library is loaded.  The worker's lock guards
 * what stands before pass_lock, pass_lock the rest; the atomic ones need none.
 */
struct tmem_collector {
	struct tmem_worker worker;
	bool failed; /* no thread can be made: try again at retry_ns */
	bool configured; /* by the program */
	struct tmem_gc_config config;
	int forced; /* level, or TMEM_GC_LEVEL_AUTO */
	uint64_t forced_ns; /* when it was set */
	struct tmem_gc_notice notice; /* level -1: none */
	uint64_t retry_ns;
	const struct tmem_gc_ops *ops;

	pthread_mutex_t pass_lock;
	bool cycle_ready;
	struct tmem_gc_cycle cycle;
	struct tmem_source source;

	_Atomic(uint64_t) due_ns; /* of the next look, where there is no thread */
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

/* thread.c */

/* What the worker calls. */
void tmem_gc_thread_work(struct tmem_worker_wait *wait);
void tmem_gc_thread_end(void);

/* Without any lock: make the thread if it is wanted and there is none. */
void tmem_gc_thread_start(void);

/* With the worker's lock held: no thread, and none that could not be made. */
bool tmem_gc_thread_none(void);

/* From now on (tests): other ops, or NULL for the real ones.  No thread runs. */
void tmem_gc_use(const struct tmem_gc_ops *ops);

extern const struct tmem_gc_ops tmem_gc_ops_real;

#endif /* TMEM_GC_COLLECTOR_H */
