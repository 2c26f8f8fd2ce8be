/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads: each has a cache of every pool that it uses, and touches it without
 * a lock and without an atomic read-modify-write.
 *
 * Others who need a thread's caches (to fork, to destroy a pool, to give back
 * what an idle thread holds) stop it for a moment, by an asymmetric Dekker: the
 * thread says "busy", then looks for "stop"; who stops it says "stop", then
 * makes every processor see it (membarrier()), then waits while it is "busy".
 * The expensive half is on the rare side.  Where membarrier() is not to be had
 * threads are stopped for good, and allocate under the heap lock.
 */
#ifndef TMEM_POOL_THREAD_H
#define TMEM_POOL_THREAD_H

#include "analytics/sampler.h"
#include "pool/cache.h"

#define TMEM_POOLS_CACHED 16u /* pools that threads have caches of */

/*
 * From the thread's first allocation to its end.  busy, node_cpu and the
 * caches are its own; the rest is protected by the heap lock.
 */
struct tmem_thread {
	_Atomic(uint32_t) busy;
	_Atomic(uint32_t) stop;
	struct tmem_sampler sampler; /* what is recorded next */
	const volatile uint32_t *cpu; /* where the thread runs, kept by libc */
	uint32_t node_cpu; /* where it ran when node was asked for */
	unsigned int node;
	struct tmem_cache *cache[TMEM_POOLS_CACHED]; /* by pool->id */
	struct tmem_thread *prev, *next;
	uint32_t visited; /* the heap, by its clock */
	struct tmem_cache own; /* of the default pool */
};

extern __thread struct tmem_thread *tmem_thread_self
	__attribute__((tls_model("initial-exec")));

/*
 * Begin and end touching one's own caches.  false: it may not be done now; go
 * by way of the heap lock.
 */
static inline bool tmem_thread_begin(struct tmem_thread *thread)
{
	atomic_store_explicit(&thread->busy, 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(!atomic_load_explicit(&thread->stop,
						   memory_order_acquire) &&
				     *thread->cpu == thread->node_cpu,
			     1))
		return true;
	atomic_store_explicit(&thread->busy, 0, memory_order_release);
	return false;
}

static inline void tmem_thread_end(struct tmem_thread *thread)
{
	atomic_store_explicit(&thread->busy, 0, memory_order_release);
}

/* The rest needs the heap lock. */

/* Once, before the first thread. */
void tmem_threads_open(void);

/*
 * The calling thread's cache of a pool, made if need be; else the pool's
 * shared one.  Takes note of where the thread runs.
 */
struct tmem_cache *tmem_thread_cache(struct tmem_pool *pool);

/* Stop all other threads; they are so until tmem_threads_go(). */
void tmem_threads_stop(void);
void tmem_threads_go(void);

/* Caches of a pool that is to go.  Threads are stopped. */
void tmem_threads_forget(struct tmem_pool *pool);

/* What all threads have counted goes to their pools.  Threads are stopped. */
void tmem_threads_flush(void);

/* Their samplers begin anew.  Threads are stopped. */
void tmem_threads_resample(void);

/* tmem_cache_mark() of all caches.  Threads are stopped. */
bool tmem_threads_mark(void);

/* In the child of a fork: there is one thread.  Threads are stopped. */
void tmem_threads_fork_child(bool inherit);

/*
 * The caches of threads that have not been to the heap for so long, and of the
 * caller.  Takes the heap lock itself.  Returns bytes of blocks given back to the heap.
 */
size_t tmem_threads_drain(uint64_t idle_ms);

/*
 * The pressure level is now so.  From HIGH on bins keep no empty run, and
 * another node's idle memory is used before more of one's own.  Takes the heap
 * lock itself.
 */
void tmem_threads_adapt(unsigned int level);

#endif /* TMEM_POOL_THREAD_H */
