// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include "pool/thread.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <tmem/pressure.h>
#include <unistd.h>

#include "arena/spans.h"
#include "arena/topology.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/meta.h"

__thread struct tmem_thread *tmem_thread_self
	__attribute__((tls_model("initial-exec")));

/* The thread is at its end: no cache any more. */
static __thread bool thread_over __attribute__((tls_model("initial-exec")));

static struct {
	struct tmem_thread *list;
	pthread_key_t key;
	bool key_ok;
	bool locked; /* no membarrier(): all go by the heap lock */
} threads;

static struct tmem_meta_cache thread_cache = {
	.size = sizeof(struct tmem_thread),
};

static struct tmem_meta_cache cache_cache = {
	.size = sizeof(struct tmem_cache),
};

static int thread_barrier(int command)
{
	return (int)syscall(__NR_membarrier, command, 0, 0);
}

static void thread_unlink(struct tmem_thread *thread)
{
	if (thread->next)
		thread->next->prev = thread->prev;
	if (thread->prev)
		thread->prev->next = thread->next;
	else
		threads.list = thread->next;
}

/* The caches are empty already. */
static void thread_free(struct tmem_thread *thread)
{
	unsigned int i;

	for (i = 0; i < TMEM_POOLS_CACHED; i++) {
		struct tmem_cache *cache = thread->cache[i];

		if (!cache)
			continue;
		tmem_pool_flush(cache);
		tmem_cache_close(cache);
		if (cache != &thread->own)
			tmem_meta_put(&cache_cache, cache);
	}
	thread_unlink(thread);
	tmem_meta_put(&thread_cache, thread);
}

static void thread_abandon(struct tmem_thread *thread)
{
	unsigned int i;

	for (i = 0; i < TMEM_POOLS_CACHED; i++)
		if (thread->cache[i])
			tmem_cache_abandon(thread->cache[i]);
}

/* What the C library calls when a thread ends. */
static void thread_exit(void *arg)
{
	struct tmem_thread *thread = arg;

	thread_over = true;
	tmem_heap_enter_anyway();
	if (tmem_thread_self == thread) {
		tmem_thread_self = NULL;
		thread_abandon(thread);
		thread_free(thread);
	}
	tmem_heap_leave();
}

void tmem_threads_open(void)
{
	threads.locked =
		thread_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (!threads.key_ok)
		threads.key_ok = !pthread_key_create(&threads.key, thread_exit);
}

static void thread_place(struct tmem_thread *thread)
{
	thread->node_cpu = *thread->cpu;
	thread->node = tmem_topology_here();
}

static struct tmem_thread *thread_new(void)
{
	struct tmem_thread *thread;

	if (thread_over || !threads.key_ok || tmem_guard_is_on())
		return NULL;
	thread = tmem_meta_get(&thread_cache);
	if (!thread)
		return NULL;
	if (!tmem_cache_open(&thread->own, tmem_heap_default_pool(), thread,
			     NULL)) {
		tmem_meta_put(&thread_cache, thread);
		return NULL;
	}
	if (pthread_setspecific(threads.key, thread)) {
		tmem_cache_close(&thread->own);
		tmem_meta_put(&thread_cache, thread);
		return NULL;
	}
	thread->cpu = &((struct rseq *)((char *)__builtin_thread_pointer() +
					__rseq_offset))
			       ->cpu_id;
	thread->stop = threads.locked;
	thread_place(thread);
	tmem_sampler_reset(&thread->sampler);
	thread->next = threads.list;
	if (thread->next)
		thread->next->prev = thread;
	threads.list = thread;
	thread->cache[0] = &thread->own;
	tmem_thread_self = thread;
	return thread;
}

/*
 * The thread runs elsewhere now.  What it holds is of a node that it has left:
 * others there may have it.
 */
static void thread_moved(struct tmem_thread *thread)
{
	unsigned int node = thread->node;

	thread_place(thread);
	if (thread->node != node)
		thread_abandon(thread);
}

struct tmem_cache *tmem_thread_cache(struct tmem_pool *pool)
{
	struct tmem_thread *thread = tmem_thread_self;
	struct tmem_cache *cache;

	if (!thread)
		thread = thread_new();
	if (!thread || pool->id >= TMEM_POOLS_CACHED)
		return &pool->shared;
	thread->visited = tmem_spans_clock();
	if (*thread->cpu != thread->node_cpu)
		thread_moved(thread);
	cache = thread->cache[pool->id];
	if (cache)
		return cache;
	cache = tmem_meta_get(&cache_cache);
	if (!cache)
		return &pool->shared;
	if (!tmem_cache_open(cache, pool, thread, NULL)) {
		tmem_meta_put(&cache_cache, cache);
		return &pool->shared;
	}
	thread->cache[pool->id] = cache;
	return cache;
}

void tmem_threads_stop(void)
{
	struct tmem_thread *thread;

	if (threads.locked)
		return;
	for (thread = threads.list; thread; thread = thread->next)
		atomic_store_explicit(&thread->stop, 1, memory_order_release);
	thread_barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	for (thread = threads.list; thread; thread = thread->next)
		while (atomic_load_explicit(&thread->busy,
					    memory_order_acquire))
			sched_yield();
}

void tmem_threads_go(void)
{
	struct tmem_thread *thread;

	if (threads.locked)
		return;
	for (thread = threads.list; thread; thread = thread->next)
		atomic_store_explicit(&thread->stop, 0, memory_order_release);
}

void tmem_threads_forget(struct tmem_pool *pool)
{
	struct tmem_thread *thread;

	if (pool->id >= TMEM_POOLS_CACHED)
		return;
	for (thread = threads.list; thread; thread = thread->next) {
		struct tmem_cache *cache = thread->cache[pool->id];

		if (!cache)
			continue;
		tmem_cache_forget(cache);
		tmem_pool_flush(cache);
		tmem_cache_close(cache);
		tmem_meta_put(&cache_cache, cache);
		thread->cache[pool->id] = NULL;
	}
}

void tmem_threads_flush(void)
{
	struct tmem_thread *thread;
	unsigned int i;

	for (thread = threads.list; thread; thread = thread->next) {
		for (i = 0; i < TMEM_POOLS_CACHED; i++) {
			if (!thread->cache[i])
				continue;
			tmem_cache_collect(thread->cache[i]);
			tmem_pool_flush(thread->cache[i]);
		}
	}
}

void tmem_threads_resample(void)
{
	struct tmem_thread *thread;

	for (thread = threads.list; thread; thread = thread->next)
		tmem_sampler_reset(&thread->sampler);
}

bool tmem_threads_mark(void)
{
	struct tmem_thread *thread;
	unsigned int i;

	for (thread = threads.list; thread; thread = thread->next)
		for (i = 0; i < TMEM_POOLS_CACHED; i++)
			if (thread->cache[i] &&
			    !tmem_cache_mark(thread->cache[i]))
				return false;
	return true;
}

void tmem_threads_fork_child(bool inherit)
{
	struct tmem_thread *thread, *next;
	unsigned int i;

	/* The parent's registration need not be the child's. */
	tmem_threads_open();
	for (thread = threads.list; thread; thread = next) {
		next = thread->next;
		for (i = 0; inherit && i < TMEM_POOLS_CACHED; i++) {
			if (!thread->cache[i])
				continue;
			tmem_cache_inherit(thread->cache[i]);
			tmem_pool_flush(thread->cache[i]);
		}
		if (thread == tmem_thread_self)
			continue;
		if (!inherit)
			thread_abandon(thread);
		thread_free(thread);
	}
}

size_t tmem_threads_drain(uint64_t idle_ms)
{
	struct tmem_thread *thread;
	struct tmem_pool *pool;
	uint32_t now = tmem_spans_clock();
	size_t bytes = 0;
	unsigned int i;

	if (!tmem_heap_enter_if_ready())
		return 0;
	/* Threads at their end, or without a cache, use these. */
	for (pool = tmem_heap_pools(); pool; pool = pool->next)
		bytes += tmem_cache_drain(&pool->shared);
	tmem_threads_stop();
	for (thread = threads.list; thread; thread = thread->next) {
		if (now - thread->visited < idle_ms)
			continue;
		for (i = 0; i < TMEM_POOLS_CACHED; i++)
			if (thread->cache[i])
				bytes += tmem_cache_drain(thread->cache[i]);
	}
	tmem_threads_go();
	tmem_pages_decay();
	tmem_heap_leave();
	return bytes;
}

void tmem_threads_adapt(unsigned int level)
{
	tmem_heap_enter_anyway();
	tmem_heap_set_short(level >= TMEM_LEVEL_HIGH);
	tmem_heap_leave();
}
