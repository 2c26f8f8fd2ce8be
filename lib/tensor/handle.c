// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Handles: a word says whether a block is pinned, and pinning is one
 * compare-exchange as long as nothing moves.
 *
 * Records are never given back, so that a handle that was freed is known as
 * such until its record is used again, which is as late as can be.
 */
#include "tensor/handle.h"

#include <errno.h>
#include <pthread.h>

#include "arena/backend.h"
#include "core/lock.h"
#include "core/log.h"
#include "pool/alloc.h"
#include "pool/bins.h"
#include "pool/heap.h"

#define CHUNK 1024u /* handles in a row */
#define CHUNKS 4096u
#define KEPT 64u /* free ones that stay so */
#define PINS_MAX (TMEM_HANDLE_LOST - 1)

/* Locks: move; then lock, which nothing else is called under. */
static struct {
	struct tmem_lock move, lock;
	struct tmem_handle *chunk[CHUNKS];
	struct tmem_handle *first, *last; /* free ones */
	uint32_t free;
	_Atomic(uint32_t) count;
	pthread_once_t once;
} handles = {
	.move = TMEM_LOCK_INIT,
	.lock = TMEM_LOCK_INIT,
	.once = PTHREAD_ONCE_INIT,
};

uint32_t tmem_handle_count(void)
{
	return atomic_load_explicit(&handles.count, memory_order_acquire);
}

struct tmem_handle *tmem_handle_at(uint32_t number)
{
	return &handles.chunk[number / CHUNK][number % CHUNK];
}

void tmem_handle_move_lock(void)
{
	tmem_lock_take(&handles.move);
}

void tmem_handle_move_unlock(void)
{
	tmem_lock_give(&handles.move);
}

static void handle_fork_prepare(void)
{
	tmem_lock_take(&handles.move);
	tmem_lock_take(&handles.lock);
}

static void handle_fork_parent(void)
{
	tmem_lock_give(&handles.lock);
	tmem_lock_give(&handles.move);
}

static void handle_fork_child(void)
{
	tmem_defrag_fork_child();
	handle_fork_parent();
}

/* Later than the heap's, so that our locks are taken before its own. */
static void handle_fork_hook(void)
{
	pthread_atfork(handle_fork_prepare, handle_fork_parent,
		       handle_fork_child);
}

/* A record that has never been one; or NULL. */
static struct tmem_handle *handle_fresh(void)
{
	uint32_t number = atomic_load(&handles.count);
	struct tmem_handle **chunk;

	if (number == CHUNKS * CHUNK)
		return NULL;
	chunk = &handles.chunk[number / CHUNK];
	if (!*chunk)
		*chunk = tmem_os_table(CHUNK * sizeof(**chunk));
	if (!*chunk)
		return NULL;
	atomic_init(&(*chunk)[number % CHUNK].state, TMEM_HANDLE_FREE);
	atomic_store_explicit(&handles.count, number + 1, memory_order_release);
	return &(*chunk)[number % CHUNK];
}

static struct tmem_handle *handle_get(void)
{
	struct tmem_handle *handle = NULL;

	tmem_lock_take(&handles.lock);
	if (handles.free <= KEPT)
		handle = handle_fresh();
	if (!handle && handles.free) {
		handle = handles.first;
		handles.first = handle->next;
		handles.free--;
	}
	tmem_lock_give(&handles.lock);
	return handle;
}

static void handle_put(struct tmem_handle *handle)
{
	tmem_lock_take(&handles.lock);
	handle->next = NULL;
	if (handles.free)
		handles.last->next = handle;
	else
		handles.first = handle;
	handles.last = handle;
	handles.free++;
	tmem_lock_give(&handles.lock);
}

/* Small ones too shall be pages of their own; that alignment has no bin. */
static void *handle_block(struct tmem_pool *pool, size_t size,
			  const void *caller)
{
	bool zero;

	return tmem_pool_get(pool,
			     size <= TMEM_BIN_MAX ? 2 * TMEM_PAGE_BYTES :
						    TMEM_MIN_ALIGN,
			     size, caller, &zero);
}

struct tmem_handle *tmem_handle_new(struct tmem_pool *pool, size_t size)
{
	void *block = handle_block(pool, size, __builtin_return_address(0));
	struct tmem_handle *handle;

	if (!block)
		return NULL;
	pthread_once(&handles.once, handle_fork_hook);
	handle = handle_get();
	if (!handle) {
		tmem_free(block);
		errno = ENOMEM;
		return NULL;
	}
	if (!pool)
		pool = tmem_heap_default_pool();
	atomic_store_explicit(&handle->block, block, memory_order_relaxed);
	atomic_store_explicit(&handle->pages,
			      tmem_pages_for(tmem_usable_size(block)),
			      memory_order_relaxed);
	atomic_store_explicit(&handle->pool, pool, memory_order_relaxed);
	atomic_store_explicit(&handle->size, size, memory_order_relaxed);
	atomic_store_explicit(&handle->state, 0, memory_order_release);
	return handle;
}

/* It is being moved: wait until it is not. */
static void handle_wait(void)
{
	tmem_handle_move_lock();
	tmem_handle_move_unlock();
}

static void handle_misuse(const char *call, const struct tmem_handle *handle,
			  const char *what, const void *caller)
{
	tmem_heap_count_misuse();
	tmem_log(TMEM_LOG_ERROR, "%s(%p) called at %p: %s", call,
		 (const void *)handle, caller, what);
}

void *tmem_handle_pin(struct tmem_handle *handle)
{
	const uint32_t none = TMEM_HANDLE_FREE | TMEM_HANDLE_LOST;
	uint32_t state;

	if (!handle) {
		errno = EINVAL;
		return NULL;
	}
	state = atomic_load_explicit(&handle->state, memory_order_relaxed);
	for (;;) {
		if (state == TMEM_HANDLE_MOVING) {
			handle_wait();
			state = atomic_load(&handle->state);
			continue;
		}
		if (state & none || state == PINS_MAX) {
			errno = state & none ? EINVAL : EOVERFLOW;
			return NULL;
		}
		if (atomic_compare_exchange_weak_explicit(
			    &handle->state, &state, state + 1,
			    memory_order_acquire, memory_order_relaxed))
			break;
	}
	return atomic_load_explicit(&handle->block, memory_order_relaxed);
}

int tmem_handle_unpin(struct tmem_handle *handle)
{
	uint32_t state;

	if (!handle)
		return -EINVAL;
	state = atomic_load_explicit(&handle->state, memory_order_relaxed);
	do {
		if (!state || state > PINS_MAX) {
			handle_misuse("tmem_handle_unpin", handle,
				      "it is not pinned",
				      __builtin_return_address(0));
			return -EINVAL;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&handle->state, &state, state - 1, memory_order_release,
		memory_order_relaxed));
	return 0;
}

/* The handle becomes nobody's.  Its state was 0 or LOST, or -errno. */
static int handle_take(struct tmem_handle *handle, uint32_t *was)
{
	uint32_t state = atomic_load(&handle->state);

	for (;;) {
		if (state == TMEM_HANDLE_MOVING) {
			handle_wait();
			state = atomic_load(&handle->state);
			continue;
		}
		if (state == TMEM_HANDLE_FREE)
			return -EINVAL;
		if (state && state != TMEM_HANDLE_LOST)
			return -EBUSY;
		if (atomic_compare_exchange_weak(&handle->state, &state,
						 TMEM_HANDLE_FREE))
			break;
	}
	*was = state;
	return 0;
}

int tmem_handle_free(struct tmem_handle *handle)
{
	const void *caller = __builtin_return_address(0);
	uint32_t was = 0;
	int err;

	if (!handle)
		return 0;
	err = handle_take(handle, &was);
	if (err == -EINVAL)
		handle_misuse("tmem_handle_free", handle, "it was freed before",
			      caller);
	if (err)
		return err;
	if (!was)
		tmem_pool_put(atomic_load(&handle->block), caller);
	handle_put(handle);
	return 0;
}

size_t tmem_handle_size(const struct tmem_handle *handle)
{
	if (!handle || atomic_load(&handle->state) == TMEM_HANDLE_FREE)
		return 0;
	return atomic_load(&handle->size);
}

void tmem_handle_forget(const struct tmem_pool *pool)
{
	uint32_t count = tmem_handle_count(), i;

	tmem_handle_move_lock();
	for (i = 0; i < count; i++) {
		struct tmem_handle *handle = tmem_handle_at(i);

		if (atomic_load(&handle->pool) == pool &&
		    atomic_load(&handle->state) != TMEM_HANDLE_FREE)
			atomic_store(&handle->state, TMEM_HANDLE_LOST);
	}
	tmem_handle_move_unlock();
}
