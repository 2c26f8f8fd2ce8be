// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Freeing.  A small block of the caller's own runs goes onto its bin's stack; one
 * of another thread's, onto the run's remote list; everything else, and what is
 * not right, goes by the heap lock.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "analytics/events.h"
#include "core/log.h"
#include "gc/gc.h"
#include "pool/alloc.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/site.h"
#include "seal/seal.h"

#define likely(x) __builtin_expect(!!(x), 1)

static void misuse(const char *call, const void *ptr,
		   const struct tmem_block *block, const void *caller)
{
	const void *first = tmem_site_caller(block->site);

	if (tmem_guard_refuse(call, ptr, caller))
		return;
	tmem_heap_count_misuse();
	if (block->site == TMEM_SITE_NEVER)
		tmem_log(
			TMEM_LOG_ERROR,
			"%s(%p) called at %p: not a live block (never allocated by tmem, or not its first byte)",
			call, ptr, caller);
	else
		tmem_log(
			TMEM_LOG_ERROR,
			"%s(%p) called at %p: not a live block (freed before, by the call at %p)",
			call, ptr, caller, first);
}

static void extent_put(const struct tmem_block *block, uint32_t site)
{
	struct tmem_page *page = tmem_page_at(block->page);
	struct tmem_cache_count count = {
		.frees = 1,
		.bytes = -(int64_t)block->bytes,
		.waste = -(int64_t)block->waste,
	};

	page->site = site;
	tmem_pool_count_add(block->slot->pool, &count);
	tmem_pool_count_tier(block->slot->pool, block->bytes, 0, 1);
	tmem_pages_put(block->page, page->len);
}

void tmem_heap_put(const struct tmem_block *block, uint32_t site)
{
	struct tmem_run *run = block->run;

	/* The parent's, in the child of a fork: not ours to give. */
	if (block->slot->kind == TMEM_SLOT_INHERITED)
		return;
	if (!run) {
		extent_put(block, site);
		return;
	}
	atomic_store_explicit(&run->state[block->index], site,
			      memory_order_relaxed);
	if (tmem_thread_self &&
	    atomic_load_explicit(&run->thread, memory_order_relaxed) ==
		    tmem_thread_self) {
		run->cache->bin[run->bin].frees++;
		run->cache->count.waste -= (int64_t)block->waste;
		tmem_cache_give(run, block->index);
		return;
	}
	tmem_cache_push_locked(run, block->index, block->waste);
}

/* Once in a process: one that ends after a fork frees all that it had. */
static void tell_inherited(const void *ptr, const void *caller)
{
	static atomic_int told;
	int pid = getpid();

	if (atomic_exchange(&told, pid) != pid)
		tmem_log(
			TMEM_LOG_WARN,
			"tmem_free(%p) called at %p: the block is the parent process's, and stays; said once",
			ptr, caller);
}

static __attribute__((noinline)) void free_slow(void *ptr, const void *caller)
{
	struct tmem_block block = { 0 };
	int saved = errno;
	bool ok = false, inherited = false;

	if (!ptr)
		return;
	if (tmem_guard_is_on()) {
		ok = tmem_guard_free(ptr, caller, &block);
		inherited = ok && block.slot->kind == TMEM_SLOT_INHERITED;
	} else if (tmem_heap_enter_if_ready()) {
		ok = tmem_block_find(ptr, &block);
		/* Without the lock the slot can be anybody's, or given back. */
		inherited = ok && block.slot->kind == TMEM_SLOT_INHERITED;
		if (ok && block.recorded)
			tmem_analytics_drop(ptr);
		if (ok)
			tmem_heap_put(&block, tmem_site_of(caller));
		tmem_heap_leave();
	}
	if (inherited)
		tell_inherited(ptr, caller);
	else if (!ok && !tmem_seal_free(ptr))
		misuse("tmem_free", ptr, &block, caller);
	tmem_gc_poll();
	errno = saved;
}

/* Another thread's block. */
static __attribute__((noinline)) void
free_remote(void *ptr, const void *caller, struct tmem_run *run, uint32_t index)
{
	struct tmem_thread *thread = tmem_thread_self;
	uint32_t state =
		atomic_load_explicit(&run->state[index], memory_order_relaxed);
	bool done = false;

	if (tmem_thread_begin(thread)) {
		atomic_store_explicit(&run->state[index], tmem_site_of(caller),
				      memory_order_relaxed);
		done = tmem_cache_push(run, index, tmem_site_waste(state));
		/* Whoever comes by the lock has to find a live block. */
		if (!done)
			atomic_store_explicit(&run->state[index], state,
					      memory_order_relaxed);
		tmem_thread_end(thread);
	}
	if (!done)
		free_slow(ptr, caller);
}

/*
 * A block of a run that the analytics know.  They forget it while it is still
 * its holder's, and nobody else can be given it.
 */
static __attribute__((noinline)) void
free_recorded(void *ptr, const void *caller, _Atomic(uint32_t) *state)
{
	uint32_t old = atomic_load_explicit(state, memory_order_relaxed);

	if (tmem_site_is_live(old) && old & TMEM_SITE_RECORDED) {
		tmem_analytics_drop(ptr);
		atomic_compare_exchange_strong_explicit(
			state, &old, old & ~TMEM_SITE_RECORDED,
			memory_order_relaxed, memory_order_relaxed);
	}
	tmem_pool_put(ptr, caller);
}

static inline __attribute__((always_inline)) void free_at(void *ptr,
							  const void *caller)
{
	size_t offset = (uintptr_t)ptr - (uintptr_t)tmem_slots.base;
	struct tmem_thread *thread = tmem_thread_self;
	struct tmem_run *run;
	struct tmem_bin *b;
	uint32_t index, state;

	if (!likely(offset < tmem_slots.bytes) || !likely(thread))
		goto slow;
	run = atomic_load_explicit(&tmem_page_run[offset >> TMEM_PAGE_SHIFT],
				   memory_order_acquire);
	if (!run)
		goto slow;
	index = tmem_run_index(run, ptr);
	if (!likely(index < run->blocks))
		goto slow;
	state = atomic_load_explicit(&run->state[index], memory_order_relaxed);
	if (!likely(tmem_site_is_plain(state)))
		goto not_plain;
	if (!likely(atomic_load_explicit(&run->thread, memory_order_acquire) ==
		    thread)) {
		free_remote(ptr, caller, run, index);
		return;
	}
	if (!likely(tmem_thread_begin(thread)))
		goto slow;
	b = &run->cache->bin[run->bin];
	if (!likely(b->n < b->cap)) {
		tmem_thread_end(thread);
		goto slow;
	}
	b->ref[b->n++] = (struct tmem_ref){ ptr, &run->state[index] };
	atomic_store_explicit(&run->state[index], tmem_site_of(caller),
			      memory_order_relaxed);
	b->frees++;
	run->cache->count.waste -= (int64_t)tmem_site_waste(state);
	tmem_thread_end(thread);
	return;
not_plain:
	if (tmem_site_is_live(state)) {
		free_recorded(ptr, caller, &run->state[index]);
		return;
	}
slow:
	free_slow(ptr, caller);
}

void tmem_pool_put(void *ptr, const void *caller)
{
	free_at(ptr, caller);
}

void tmem_free(void *ptr)
{
	free_at(ptr, __builtin_return_address(0));
}

size_t tmem_usable_size(const void *ptr)
{
	struct tmem_block block;
	bool ok;

	if (!ptr)
		return 0;
	ok = tmem_heap_enter_if_ready();
	if (ok) {
		ok = tmem_user_block_find(ptr, &block);
		tmem_heap_leave();
	}
	return ok ? block.bytes : tmem_seal_usable(ptr);
}

/* Small blocks stay while at least half is used: no copy for a small gain. */
static bool fits_in_place(const struct tmem_block *block, size_t size)
{
	return block->run && size <= block->bytes && size >= block->bytes / 2;
}

/* An extent grows or shrinks where it is, if it can and stays one. */
static bool extent_resize(const struct tmem_block *block, size_t size)
{
	struct tmem_page *page = tmem_page_at(block->page);
	struct tmem_pool *pool = block->slot->pool;
	struct tmem_cache_count count = { 0 };
	uint32_t pages;
	size_t bytes;

	if (size <= TMEM_BIN_MAX || size > TMEM_EXTENT_MAX)
		return false;
	pages = pool->ops->round(tmem_pages_for(size));
	if (!tmem_pages_resize(block->page, page->len, pages))
		return false;
	bytes = pages * TMEM_PAGE_BYTES;
	tmem_extent_set_waste(page, bytes - size);
	count.bytes = (int64_t)bytes - (int64_t)block->bytes;
	count.waste = (int64_t)(bytes - size) - (int64_t)block->waste;
	tmem_pool_count_add(pool, &count);
	/* It has always been of the size that it has. */
	tmem_pool_count_tier(pool, block->bytes, (uint64_t)-1, 0);
	tmem_pool_count_tier(pool, bytes, 1, 0);
	return true;
}

/* With the lock held: the block is found, and of the size if that is easy. */
static bool block_resize(const struct tmem_block *block, size_t size)
{
	/* The parent's block can be read only: a copy is what can be written. */
	if (block->slot->kind == TMEM_SLOT_INHERITED)
		return false;
	/* Who goes on with the old address is to be caught. */
	if (tmem_guard_is_on())
		return false;
	if (block->run)
		return fits_in_place(block, size);
	return extent_resize(block, size);
}

/* To the analytics, a block of another size is another block. */
static void extent_resample(void *ptr, const struct tmem_block *block,
			    struct tmem_sample *sample)
{
	if (block->recorded) {
		tmem_analytics_drop(ptr);
		tmem_page_at(block->page)->next &= ~TMEM_EXTENT_RECORDED;
	}
	if (tmem_analytics_is_on())
		tmem_sample_new(ptr, sample);
}

void *tmem_realloc(void *ptr, size_t size)
{
	const void *caller = __builtin_return_address(0);
	struct tmem_sample sample = { .weight = 0 };
	struct tmem_block block = { 0 };
	struct tmem_pool *pool = NULL;
	bool ok = false, done = false, zero;
	void *to;

	if (!ptr)
		return tmem_alloc_from(size, caller);
	if (tmem_heap_enter_if_ready()) {
		ok = tmem_user_block_find(ptr, &block);
		if (ok) {
			pool = block.slot->pool;
			done = block_resize(&block, size);
			if (done && !block.run)
				extent_resample(ptr, &block, &sample);
		}
		tmem_heap_leave();
	}
	if (!ok) {
		misuse("tmem_realloc", ptr, &block, caller);
		errno = EINVAL;
		return NULL;
	}
	if (sample.weight > 0)
		tmem_analytics_take(ptr, &sample, caller);
	if (done)
		return ptr;
	to = tmem_pool_get(pool, TMEM_MIN_ALIGN, size, caller, &zero);
	if (!to)
		return NULL;
	memcpy(to, ptr, block.bytes < size ? block.bytes : size);
	tmem_pool_put(ptr, caller);
	return to;
}
