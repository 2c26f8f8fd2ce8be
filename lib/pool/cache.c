// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Between a bin's stack of blocks and its runs.
 *
 * Blocks come and go in batches, under the heap lock.  Of the runs that have a
 * free block the fullest of the first few is taken, so that others become
 * empty; a run that is empty is given back at once.
 *
 * A full run is in no list that the owner looks at.  The first remote free
 * into it (and into any run that has none yet) is made under the heap lock, and
 * puts the run on the owner's list of pending ones; those that follow are a
 * compare-exchange.  The owner collects when it is out of blocks.
 */
#include "pool/cache.h"

#include <string.h>

#include "pool/heap.h"
#include "pool/meta.h"
#include "pool/site.h"

#define LOOK_MAX 8u
#define GROW_MAX 3u
#define GROW_EVERY 4u /* runs */
#define KEEP_AFTER 4u /* visits to the heap */
#define REFS_MAX 128u /* blocks of a bin that are kept, ... */
#define REFS_BYTES ((size_t)128 << 10) /* ... and their bytes */

static struct tmem_meta_cache refs_cache;

static unsigned int cache_shift;

void tmem_cache_set_shift(unsigned int shift)
{
	cache_shift = shift;
}

static unsigned int refs_limit(unsigned int bin)
{
	size_t n = REFS_BYTES / tmem_bin_bytes(bin);

	return n < REFS_MAX ? (unsigned int)n : REFS_MAX;
}

/* Room for the stacks of all bins. */
static struct tmem_ref *refs_get(void)
{
	unsigned int bin, n = 0;

	for (bin = 0; bin < TMEM_BINS; bin++)
		n += refs_limit(bin);
	refs_cache.size = n * sizeof(struct tmem_ref);
	return tmem_meta_get_raw(&refs_cache);
}

bool tmem_cache_open(struct tmem_cache *cache, struct tmem_pool *pool,
		     struct tmem_thread *thread, struct tmem_ref *refs)
{
	struct tmem_ref *own = NULL, *next;
	unsigned int bin;

	if (!refs) {
		own = refs_get();
		if (!own)
			return false;
	}
	memset(cache, 0, sizeof(*cache));
	cache->pool = pool;
	cache->thread = thread;
	cache->refs = own;
	next = own ? own : refs;
	for (bin = 0; bin < TMEM_BINS; bin++) {
		cache->bin[bin].ref = next;
		cache->bin[bin].bytes = (uint32_t)tmem_bin_bytes(bin);
		if (own)
			cache->bin[bin].limit = (uint16_t)refs_limit(bin);
		next += own ? cache->bin[bin].limit : 1;
	}
	return true;
}

void tmem_cache_close(struct tmem_cache *cache)
{
	if (cache->refs)
		tmem_meta_put(&refs_cache, cache->refs);
	cache->refs = NULL;
}

static struct tmem_run **run_head(struct tmem_run *run)
{
	switch (run->list) {
	case TMEM_RUN_PARTIAL:
		return &run->cache->bin[run->bin].partial;
	case TMEM_RUN_FULL:
		return &run->cache->full;
	default:
		return &run->cache->pool->orphans[run->bin];
	}
}

static void run_unlink(struct tmem_run *run)
{
	if (run->list != TMEM_RUN_NOWHERE) {
		if (run->next)
			run->next->prev = run->prev;
		if (run->prev)
			run->prev->next = run->next;
		else
			*run_head(run) = run->next;
	}
	run->list = TMEM_RUN_NOWHERE;
}

static void run_link(struct tmem_run *run, enum tmem_run_list list)
{
	struct tmem_run **head;

	run->list = (uint8_t)list;
	head = run_head(run);
	run->prev = NULL;
	run->next = *head;
	if (run->next)
		run->next->prev = run;
	*head = run;
}

/* Put a run into the list that it belongs in now; or give it back. */
static void run_settle(struct tmem_run *run)
{
	run_unlink(run);
	if (run->free == run->blocks)
		tmem_run_release(run);
	else if (run->cache == &run->cache->pool->nobody)
		run_link(run, TMEM_RUN_ORPHAN);
	else
		run_link(run, run->free ? TMEM_RUN_PARTIAL : TMEM_RUN_FULL);
}

/* A free block more: see whether that changes the list. */
static void run_put(struct tmem_run *run, uint32_t index)
{
	run->stack[run->free++] = (uint16_t)index;
	if (run->list == TMEM_RUN_FULL || run->free == run->blocks)
		run_settle(run);
}

/* Remote frees into runs of this cache. */
void tmem_cache_collect(struct tmem_cache *cache)
{
	struct tmem_run *run;

	while ((run = cache->pending)) {
		cache->pending = run->pending;
		run->is_pending = false;
		tmem_run_drain(run);
		run_settle(run);
	}
}

/* The fullest of the first few that have a free block. */
static struct tmem_run *run_fullest(struct tmem_run *run)
{
	struct tmem_run *best = run;
	unsigned int i;

	for (i = 0; run && i < LOOK_MAX; i++, run = run->next)
		if (run->free < best->free)
			best = run;
	return best;
}

static void run_own(struct tmem_run *run, struct tmem_cache *cache)
{
	run->cache = cache;
	atomic_store_explicit(&run->remote,
			      cache->thread ? 0 : TMEM_REMOTE_CLOSED,
			      memory_order_relaxed);
	atomic_store_explicit(&run->thread, cache->thread,
			      memory_order_release);
}

/* One that a thread left behind, of the node where we are. */
static struct tmem_run *run_adopt(struct tmem_cache *cache, unsigned int bin)
{
	unsigned int class = tmem_pages_here(cache->pool);
	struct tmem_run *run = cache->pool->orphans[bin];
	unsigned int i;

	for (i = 0; run && i < LOOK_MAX; i++, run = run->next) {
		if (!run->free ||
		    tmem_slot_at(tmem_page_slot(run->page))->node != class)
			continue;
		run_unlink(run);
		run_own(run, cache);
		return run;
	}
	return NULL;
}

static struct tmem_run *run_make(struct tmem_cache *cache, unsigned int bin,
				 struct tmem_pages_how *how)
{
	struct tmem_bin *b = &cache->bin[bin];
	unsigned int grow = b->grow / GROW_EVERY;
	struct tmem_run *run;

	run = tmem_run_new(cache->pool, bin, grow < GROW_MAX ? grow : GROW_MAX,
			   how);
	if (!run)
		return NULL;
	b->grow++;
	run_own(run, cache);
	return run;
}

/* Free blocks of a run, which is in no list, go to its bin's stack. */
static void run_to_bin(struct tmem_run *run, struct tmem_bin *b, uint32_t want)
{
	while (b->n < want && run->free) {
		uint32_t index = run->stack[--run->free];

		b->ref[b->n++] = (struct tmem_ref){
			.block = tmem_run_block(run, index),
			.state = &run->state[index],
		};
	}
	run_settle(run);
}

/* One more visit; a bin that comes often may keep more. */
static void bin_visit(struct tmem_bin *b)
{
	if (b->visits < UINT16_MAX)
		b->visits++;
	if (tmem_heap_is_short())
		b->cap = 0;
	else if (b->visits > KEEP_AFTER && b->cap < b->limit)
		b->cap += b->cap / 2 + 1;
	if (b->cap > (uint32_t)b->limit >> cache_shift)
		b->cap = (uint32_t)b->limit >> cache_shift;
}

bool tmem_cache_refill(struct tmem_cache *cache, unsigned int bin,
		       struct tmem_pages_how *how)
{
	struct tmem_bin *b = &cache->bin[bin];
	struct tmem_run *run;
	uint32_t want;

	bin_visit(b);
	want = b->cap / 2 + !(b->cap / 2);
	tmem_cache_collect(cache);
	while (b->n < want) {
		run = run_fullest(b->partial);
		if (run)
			run_unlink(run);
		else
			run = run_adopt(cache, bin);
		if (!run && !b->n)
			run = run_make(cache, bin, how);
		if (!run)
			break;
		run_to_bin(run, b, want);
	}
	return b->n;
}

/* The blocks that have been on a stack for longest go to their runs. */
static size_t bin_flush(struct tmem_bin *b, uint32_t keep)
{
	uint32_t out = b->n > keep ? b->n - keep : 0, i;

	for (i = 0; i < out; i++) {
		struct tmem_run *run = tmem_run_of(b->ref[i].block);

		run_put(run, tmem_run_index(run, b->ref[i].block));
	}
	memmove(b->ref, b->ref + out, (b->n - out) * sizeof(*b->ref));
	b->n -= out;
	return (size_t)out * b->bytes;
}

void tmem_cache_give(struct tmem_run *run, uint32_t index)
{
	struct tmem_bin *b = &run->cache->bin[run->bin];

	bin_visit(b);
	if (b->n >= b->cap)
		bin_flush(b, b->cap / 2);
	if (b->n >= b->cap) {
		run_put(run, index);
		return;
	}
	b->ref[b->n++] = (struct tmem_ref){
		.block = tmem_run_block(run, index),
		.state = &run->state[index],
	};
}

bool tmem_cache_push(struct tmem_run *run, uint32_t index, size_t waste)
{
	uint32_t head =
		atomic_load_explicit(&run->remote, memory_order_relaxed);

	if (!head || head == TMEM_REMOTE_CLOSED)
		return false;
	atomic_fetch_add_explicit(&run->remote_waste, (uint32_t)waste,
				  memory_order_relaxed);
	do {
		if (!head || head == TMEM_REMOTE_CLOSED) {
			atomic_fetch_sub_explicit(&run->remote_waste,
						  (uint32_t)waste,
						  memory_order_relaxed);
			return false;
		}
		run->remote_next[index] = (uint16_t)head;
	} while (!atomic_compare_exchange_weak_explicit(
		&run->remote, &head, index + 1, memory_order_release,
		memory_order_relaxed));
	return true;
}

/* Into a run that nobody has for himself. */
static void push_closed(struct tmem_run *run, uint32_t index, size_t waste)
{
	struct tmem_cache_count *count = &run->cache->count;

	count->frees++;
	count->bytes -= run->bytes;
	tmem_pool_count_tier(run->cache->pool, run->bytes, 0, 1);
	count->waste -= (int64_t)waste;
	run_put(run, index);
}

void tmem_cache_push_locked(struct tmem_run *run, uint32_t index, size_t waste)
{
	/* With the lock held nobody else begins a list, or closes one. */
	if (tmem_cache_push(run, index, waste))
		return;
	if (atomic_load_explicit(&run->remote, memory_order_relaxed) ==
	    TMEM_REMOTE_CLOSED) {
		push_closed(run, index, waste);
		return;
	}
	atomic_fetch_add_explicit(&run->remote_waste, (uint32_t)waste,
				  memory_order_relaxed);
	run->remote_next[index] = 0;
	atomic_store_explicit(&run->remote, index + 1, memory_order_release);
	if (run->is_pending)
		return;
	run->is_pending = true;
	run->pending = run->cache->pending;
	run->cache->pending = run;
}

size_t tmem_cache_drain(struct tmem_cache *cache)
{
	size_t bytes = 0;
	unsigned int i;

	tmem_cache_collect(cache);
	for (i = 0; i < TMEM_BINS; i++) {
		struct tmem_bin *b = &cache->bin[i];

		bytes += bin_flush(b, 0);
		b->cap = 0;
		b->visits = 0;
		b->grow = 0;
	}
	return bytes;
}

static void run_abandon(struct tmem_run *run)
{
	run_unlink(run);
	tmem_run_drain(run);
	/* What came in between; from now on it takes the lock. */
	for (;;) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong(&run->remote, &none,
						   TMEM_REMOTE_CLOSED) ||
		    none == TMEM_REMOTE_CLOSED)
			break;
		tmem_run_drain(run);
	}
	atomic_store_explicit(&run->thread, NULL, memory_order_relaxed);
	run->cache = &run->cache->pool->nobody;
	run_settle(run);
}

void tmem_cache_abandon(struct tmem_cache *cache)
{
	unsigned int i;

	tmem_cache_drain(cache);
	while (cache->full)
		run_abandon(cache->full);
	for (i = 0; i < TMEM_BINS; i++)
		while (cache->bin[i].partial)
			run_abandon(cache->bin[i].partial);
}

bool tmem_cache_mark(const struct tmem_cache *cache)
{
	unsigned int i, k;

	for (i = 0; i < TMEM_BINS; i++) {
		const struct tmem_bin *b = &cache->bin[i];

		for (k = 0; k < b->n; k++) {
			struct tmem_run *run = tmem_run_of(b->ref[k].block);

			if (!run || run->cache != cache ||
			    tmem_site_is_live(*b->ref[k].state))
				return false;
			run->refs++;
		}
	}
	return true;
}

/* Calls fn for each run of a list, which may unlink it. */
static void list_each(struct tmem_run **head, void (*fn)(struct tmem_run *run))
{
	struct tmem_run *run;

	while ((run = *head)) {
		*head = run->next;
		fn(run);
	}
}

static void cache_each(struct tmem_cache *cache,
		       void (*fn)(struct tmem_run *run))
{
	unsigned int i;

	list_each(&cache->full, fn);
	for (i = 0; i < TMEM_BINS; i++) {
		list_each(&cache->bin[i].partial, fn);
		cache->bin[i].n = 0;
		cache->bin[i].cap = 0;
		cache->bin[i].visits = 0;
	}
	cache->pending = NULL;
}

void tmem_cache_forget(struct tmem_cache *cache)
{
	cache_each(cache, tmem_run_forget);
}

static void run_inherit(struct tmem_run *run)
{
	run->list = TMEM_RUN_NOWHERE;
	run->is_pending = false;
	atomic_store(&run->remote, TMEM_REMOTE_CLOSED);
	atomic_store(&run->thread, NULL);
}

void tmem_cache_inherit(struct tmem_cache *cache)
{
	cache_each(cache, run_inherit);
}

void tmem_orphans_inherit(struct tmem_pool *pool)
{
	unsigned int i;

	for (i = 0; i < TMEM_BINS; i++)
		list_each(&pool->orphans[i], run_inherit);
}

void tmem_orphans_forget(struct tmem_pool *pool)
{
	unsigned int i;

	for (i = 0; i < TMEM_BINS; i++)
		list_each(&pool->orphans[i], tmem_run_forget);
}
