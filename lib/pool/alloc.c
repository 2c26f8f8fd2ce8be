// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Allocating.  A small block comes off its bin's stack in the thread's cache: no
 * lock, no atomic read-modify-write, no system call.
 */
#include "pool/alloc.h"

#include <errno.h>
#include <string.h>

#include "analytics/events.h"
#include "control/control.h"
#include "gc/gc.h"
#include "optimizer/events.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/limit.h"
#include "pool/site.h"

#define ALIGN_MAX ((size_t)1 << 30)

#define likely(x) __builtin_expect(!!(x), 1)

/* A block of the bin's stack, or NULL if that is empty. */
static inline char *cache_pop(struct tmem_cache *cache, unsigned int bin,
			      size_t size)
{
	struct tmem_bin *b = &cache->bin[bin];
	struct tmem_ref *ref;

	if (!likely(b->n))
		return NULL;
	ref = &b->ref[--b->n];
	atomic_store_explicit(ref->state, tmem_site_live(b->bytes - size),
			      memory_order_relaxed);
	b->allocs++;
	cache->count.waste += (int64_t)(b->bytes - size);
	return ref->block;
}

static void *run_get(struct tmem_pool *pool, unsigned int bin, size_t size,
		     struct tmem_pages_how *how)
{
	struct tmem_cache *cache = tmem_thread_cache(pool);
	void *ptr = cache_pop(cache, bin, size);

	if (!ptr && tmem_cache_refill(cache, bin, how))
		ptr = cache_pop(cache, bin, size);
	tmem_pool_flush_bin(cache, bin);
	tmem_gc_note_cached();
	how->zero =
		false; /* a run's pages may have been: its blocks were not */
	return ptr;
}

static void *extent_get(struct tmem_pool *pool, size_t align, size_t size,
			struct tmem_pages_how *how)
{
	struct tmem_cache_count count = { .allocs = 1 };
	struct tmem_page *page;
	tmem_page_id id;

	size += !size;
	if (size > TMEM_EXTENT_MAX)
		return NULL;
	id = tmem_pages_get(pool, tmem_pages_for(size),
			    align > TMEM_PAGE_BYTES ?
				    (uint32_t)(align >> TMEM_PAGE_SHIFT) :
				    1,
			    how);
	if (id == TMEM_NO_PAGE)
		return NULL;
	/* A run that was here is gone, and free() looks without the lock. */
	if (atomic_load_explicit(&tmem_page_run[id], memory_order_relaxed))
		atomic_store_explicit(&tmem_page_run[id], NULL,
				      memory_order_relaxed);
	page = tmem_page_at(id);
	page->kind = TMEM_PAGE_BLOCK;
	count.bytes = (int64_t)(page->len * TMEM_PAGE_BYTES);
	count.waste = count.bytes - (int64_t)size;
	tmem_extent_set_waste(page, (uint64_t)count.waste);
	tmem_pool_count_add(pool, &count);
	tmem_pool_count_tier(pool, (size_t)count.bytes, 1, 0);
	tmem_optimizer_note((size_t)count.bytes, id);
	return tmem_page_addr(id);
}

void *tmem_heap_get(struct tmem_pool *pool, size_t align, size_t size,
		    bool *zero)
{
	struct tmem_pages_how how = { 0 };
	unsigned int bin = tmem_bin_of(size, align);
	void *ptr;

	if (bin < TMEM_BINS)
		ptr = run_get(pool, bin, size, &how);
	else
		ptr = extent_get(pool, align, size, &how);
	pool->count.fresh += how.fresh && ptr;
	tmem_heap_count()->fresh += how.fresh && ptr;
	*zero = how.zero;
	return ptr;
}

/* With the lock held. */
static void *user_get(struct tmem_pool *pool, size_t align, size_t size,
		      const void *caller, bool *zero)
{
	if (tmem_guard_is_on())
		return tmem_guard_get(pool, align, size, caller);
	return tmem_heap_get(pool, align, size, zero);
}

static void *alloc_slow(struct tmem_pool *pool, size_t align, size_t size,
			const void *caller, bool *zero)
{
	struct tmem_sample sample = { .weight = 0 };
	unsigned int tries = 0;
	void *ptr;
	int err;

	do {
		err = tmem_heap_enter();
		if (err) {
			errno = -err;
			return NULL;
		}
		ptr = user_get(pool, align, size, caller, zero);
		if (ptr && tmem_analytics_is_on())
			tmem_sample_new(ptr, &sample);
		tmem_heap_leave();
		tmem_gc_poll();
		tmem_control_poll();
		tmem_optimizer_poll();
		if (ptr && tmem_guard_is_on())
			tmem_guard_fill(ptr, size);
		if (ptr && sample.weight > 0)
			tmem_analytics_take(ptr, &sample, caller);
		if (ptr)
			return ptr;
	} while (tmem_limit_reclaim(pool, size, tries++));
	tmem_heap_enter_anyway();
	pool->count.failures++;
	tmem_heap_count()->failures++;
	tmem_heap_leave();
	errno = ENOMEM;
	return NULL;
}

/*
 * The countdown to the next sample has run out, or analytics is off and it ran
 * for ever.  It is the thread's own as long as that is busy.
 */
static __attribute__((noinline, returns_nonnull)) void *
alloc_sampled(void *ptr, size_t bytes, const void *caller)
{
	struct tmem_thread *thread = tmem_thread_self;
	struct tmem_sample sample = { .bytes = bytes };

	sample.weight = tmem_sampler_look(&thread->sampler, bytes);
	if (sample.weight > 0)
		tmem_sample_mark(ptr);
	tmem_thread_end(thread);
	if (sample.weight > 0)
		tmem_analytics_take(ptr, &sample, caller);
	return ptr;
}

/* A small block from the caller's cache, or NULL: go the long way. */
static inline void *alloc_fast(struct tmem_pool *pool, unsigned int bin,
			       size_t size, const void *caller)
{
	struct tmem_thread *thread = tmem_thread_self;
	struct tmem_cache *cache;
	void *ptr = NULL;

	if (!likely(thread) || !likely(tmem_thread_begin(thread)))
		return NULL;
	cache = pool ? thread->cache[pool->id] : &thread->own;
	if (likely(cache))
		ptr = cache_pop(cache, bin, size);
	if (likely(ptr)) {
		uint32_t bytes = cache->bin[bin].bytes;

		thread->sampler.left -= bytes;
		if (!likely(thread->sampler.left >= 0))
			return alloc_sampled(ptr, bytes, caller);
	}
	tmem_thread_end(thread);
	return ptr;
}

/* Apart, so that the fast path needs no stack. */
static __attribute__((noinline)) void *alloc_default(size_t size,
						     const void *caller)
{
	bool zero;

	return alloc_slow(tmem_heap_default_pool(), TMEM_MIN_ALIGN, size,
			  caller, &zero);
}

static inline void *alloc_cached(size_t size, const void *caller)
{
	if (!likely(size <= TMEM_BIN_MAX))
		return NULL;
	return alloc_fast(
		NULL,
		tmem_bin_table[(size + TMEM_BIN_STEP - 1) >> TMEM_BIN_SHIFT],
		size, caller);
}

void *tmem_alloc(size_t size)
{
	void *ptr = alloc_cached(size, __builtin_return_address(0));

	if (likely(ptr))
		return ptr;
	return alloc_default(size, __builtin_return_address(0));
}

void *tmem_alloc_from(size_t size, const void *caller)
{
	void *ptr = alloc_cached(size, caller);

	return likely(ptr) ? ptr : alloc_default(size, caller);
}

void *tmem_pool_get(struct tmem_pool *pool, size_t align, size_t size,
		    const void *caller, bool *zero)
{
	unsigned int bin;
	void *ptr;

	*zero = false;
	if (!align || align & (align - 1) || align > ALIGN_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (align < TMEM_MIN_ALIGN)
		align = TMEM_MIN_ALIGN;
	bin = tmem_bin_of(size, align);
	if (bin < TMEM_BINS && (!pool || pool->id < TMEM_POOLS_CACHED)) {
		ptr = alloc_fast(pool, bin, size, caller);
		if (likely(ptr))
			return ptr;
	}
	return alloc_slow(pool ? pool : tmem_heap_default_pool(), align, size,
			  caller, zero);
}

void *tmem_pool_aligned_alloc(struct tmem_pool *pool, size_t align, size_t size)
{
	bool zero;

	return tmem_pool_get(pool, align, size, __builtin_return_address(0),
			     &zero);
}

void *tmem_pool_alloc(struct tmem_pool *pool, size_t size)
{
	bool zero;

	return tmem_pool_get(pool, TMEM_MIN_ALIGN, size,
			     __builtin_return_address(0), &zero);
}

void *tmem_aligned_alloc(size_t align, size_t size)
{
	bool zero;

	if (likely(align == TMEM_MIN_ALIGN))
		return tmem_alloc_from(size, __builtin_return_address(0));
	return tmem_pool_get(NULL, align, size, __builtin_return_address(0),
			     &zero);
}

void *tmem_zalloc(size_t size)
{
	bool zero;
	void *ptr = tmem_pool_get(NULL, TMEM_MIN_ALIGN, size,
				  __builtin_return_address(0), &zero);

	if (ptr && !zero)
		memset(ptr, 0, tmem_usable_size(ptr));
	return ptr;
}
