// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * To the heap, a block in the quarantine is live; to the user and in the
 * counters it is not.  So it is counted as freed when it is, and the heap's own
 * count of it is undone beforehand when it leaves.
 */
#include "pool/guard.h"

#include "analytics/events.h"
#include "core/log.h"
#include "pool/alloc.h"
#include "pool/guard_zone.h"
#include "pool/heap.h"
#include "pool/site.h"

#define QUARANTINE_BLOCKS 256u
#define QUARANTINE_BYTES ((size_t)16 << 20)

_Atomic(bool) tmem_guard_on;

/* Freed blocks, the oldest first. */
static struct {
	struct tmem_guarded *oldest, *youngest;
	size_t blocks, bytes;
} quarantine;

/* What the counters of a pool, and so of the heap, are to say besides. */
static void guard_count(struct tmem_pool *pool, int64_t frees, int64_t bytes,
			int64_t waste)
{
	struct tmem_cache_count *count = &pool->shared.count;

	count->frees += (uint64_t)frees;
	count->bytes += bytes;
	count->waste += waste;
}

/*
 * To the tiers, too, a block is what the user has: what the heap counts when
 * it gets one, and when it gets it back, is taken off.
 */
static void guard_count_tier(struct tmem_pool *pool, size_t bytes,
			     int64_t allocs, int64_t frees)
{
	tmem_pool_count_tier(pool, bytes, (uint64_t)allocs, (uint64_t)frees);
}

/*
 * An alignment above a page took as much in front of the block; but for a page
 * that is given back.  Returns where the heap's block begins now.
 */
static char *guard_cut(char *start, size_t align)
{
	struct tmem_block block;
	uint32_t skip;
	struct tmem_page *page;

	if (align <= TMEM_GUARD_FRONT_MAX || !tmem_block_find(start, &block))
		return start;
	skip = (uint32_t)((align - TMEM_GUARD_FRONT_MAX) / TMEM_PAGE_BYTES);
	page = tmem_page_at(block.page + skip);
	page->kind = TMEM_PAGE_BLOCK;
	page->site = TMEM_SITE_NEVER;
	page->len = tmem_page_at(block.page)->len - skip;
	tmem_extent_set_waste(page, 0);
	tmem_pages_put(block.page, skip);
	return start + skip * TMEM_PAGE_BYTES;
}

/* A block of the heap becomes the record's; only the user's bytes count. */
static void guard_take(struct tmem_guarded *g, char *start, size_t align)
{
	struct tmem_block block;

	tmem_block_find(start, &block);
	guard_count(g->pool, 0, (int64_t)g->size - (int64_t)block.bytes,
		    -(int64_t)block.waste);
	guard_count_tier(g->pool, block.bytes, -1, 0);
	guard_count_tier(g->pool, g->size, 1, 0);
	g->user = start + align;
	g->start = guard_cut(start, align);
	g->bytes = block.bytes - (size_t)(g->start - start);
}

/* NULL, or a block with room for the red zones.  It is no peak. */
static char *guard_block(struct tmem_pool *pool, size_t align, size_t size)
{
	struct tmem_pool_count *all = tmem_heap_count();
	uint64_t peak = pool->count.peak_bytes, all_peak = all->peak_bytes;
	bool zero;
	char *start;

	if (size > TMEM_EXTENT_MAX)
		return NULL;
	start = tmem_heap_get(pool, align, align + size + TMEM_GUARD_TAIL,
			      &zero);
	pool->count.peak_bytes = peak;
	all->peak_bytes = all_peak;
	return start;
}

void *tmem_guard_get(struct tmem_pool *pool, size_t align, size_t size,
		     const void *caller)
{
	struct tmem_guarded *g = tmem_guarded_new();
	char *start;

	if (!g)
		return NULL;
	size += !size;
	start = guard_block(pool, align, size);
	if (!start) {
		tmem_guarded_delete(g);
		return NULL;
	}
	g->size = size;
	g->pool = pool;
	g->alloc_site = caller;
	guard_take(g, start, align);
	tmem_pool_flush(&pool->shared);
	tmem_guard_zones_fill(g);
	tmem_guarded_add(g);
	return g->user;
}

void tmem_guard_fill(void *ptr, size_t size)
{
	tmem_guard_contents_fill(ptr, size + !size, TMEM_GUARD_NEW);
}

static bool guard_is_inherited(const struct tmem_guarded *g)
{
	return tmem_slot_of(g->start)->kind == TMEM_SLOT_INHERITED;
}

/* Who freed what is no longer in the quarantine, if the heap knows. */
static uint32_t guard_site(const void *ptr)
{
	struct tmem_block block;

	if (tmem_block_find((const void *)((uintptr_t)ptr - TMEM_MIN_ALIGN),
			    &block))
		return TMEM_SITE_NEVER;
	return block.site;
}

bool tmem_guard_find(const void *ptr, struct tmem_block *block)
{
	const struct tmem_guarded *g = tmem_guarded_find(ptr);

	*block = (struct tmem_block){ .slot = tmem_slot_of(ptr) };
	if (g && !g->free_site) {
		block->bytes = g->size;
		return true;
	}
	block->site = g ? tmem_site_of(g->free_site) : guard_site(ptr);
	return false;
}

static void quarantine_add(struct tmem_guarded *g)
{
	if (quarantine.youngest)
		quarantine.youngest->younger = g;
	else
		quarantine.oldest = g;
	quarantine.youngest = g;
	quarantine.blocks++;
	quarantine.bytes += g->bytes;
}

/* false if it is not there. */
static bool quarantine_remove(struct tmem_guarded *g)
{
	struct tmem_guarded **at = &quarantine.oldest, *before = NULL;

	for (; *at && *at != g; at = &before->younger)
		before = *at;
	if (!*at)
		return false;
	*at = g->younger;
	if (quarantine.youngest == g)
		quarantine.youngest = before;
	quarantine.blocks--;
	quarantine.bytes -= g->bytes;
	return true;
}

/* Back to the heap. */
static void guard_put(struct tmem_guarded *g)
{
	uint32_t site = tmem_site_of(g->free_site);
	struct tmem_pool *pool = g->pool;
	struct tmem_block block;

	if (tmem_block_find(g->start, &block)) {
		guard_count(pool, -1, (int64_t)block.bytes,
			    (int64_t)block.waste);
		guard_count_tier(pool, block.bytes, 0, -1);
		tmem_heap_put(&block, site);
		tmem_pool_flush(&pool->shared);
	}
	tmem_guarded_remove(g);
	tmem_guarded_delete(g);
}

/* Blocks leave until no more than so much is in there.  true: one left. */
static bool quarantine_shrink(size_t blocks, size_t bytes)
{
	struct tmem_guard_damage damage;
	struct tmem_guarded *g;
	bool left = false;

	for (;; left = true) {
		tmem_heap_enter_anyway();
		g = quarantine.oldest;
		if (!g || (quarantine.blocks <= blocks &&
			   quarantine.bytes <= bytes)) {
			tmem_heap_leave();
			return left;
		}
		tmem_guard_look(g, &damage);
		quarantine_remove(g);
		guard_put(g);
		tmem_heap_leave();
		tmem_guard_report(&damage);
	}
}

bool tmem_guard_flush(void)
{
	return tmem_guard_is_on() && quarantine_shrink(0, 0);
}

/* One that alone is too large for the quarantine is not kept. */
static void guard_retire(struct tmem_guarded *g)
{
	guard_count(g->pool, 1, -(int64_t)g->size, 0);
	guard_count_tier(g->pool, g->size, 0, 1);
	tmem_pool_flush(&g->pool->shared);
	if (g->bytes > QUARANTINE_BYTES) {
		guard_put(g);
		return;
	}
	/* What has been found is not to be found again. */
	tmem_guard_zones_fill(g);
	tmem_guard_contents_fill(g->user, g->size, TMEM_GUARD_FREED);
	quarantine_add(g);
}

bool tmem_guard_free(void *ptr, const void *caller, struct tmem_block *block)
{
	struct tmem_guard_damage damage = { .before = false };
	struct tmem_guarded *g = NULL;

	tmem_heap_enter_anyway();
	if (tmem_guard_find(ptr, block))
		g = tmem_guarded_find(ptr);
	/* The parent's, in the child of a fork: not ours to give. */
	if (g && !guard_is_inherited(g)) {
		tmem_analytics_drop(ptr);
		tmem_guard_look(g, &damage);
		damage.of.free_site = caller;
		g->free_site = caller;
		guard_retire(g);
	}
	tmem_heap_leave();
	tmem_guard_report(&damage);
	quarantine_shrink(QUARANTINE_BLOCKS, QUARANTINE_BYTES);
	return g;
}

bool tmem_guard_refuse(const char *call, const void *ptr, const void *caller)
{
	struct tmem_guarded *g, copy = { .user = NULL };

	if (!tmem_guard_is_on())
		return false;
	tmem_heap_enter_anyway();
	g = tmem_guarded_find(ptr);
	if (g)
		copy = *g;
	tmem_heap_leave();
	if (!copy.free_site)
		return false;
	tmem_heap_count_misuse();
	tmem_log(
		TMEM_LOG_ERROR,
		"%s(%p) called at %p: not a live block (freed before, by the call at %p; allocated by the call at %p)",
		call, ptr, caller, copy.free_site, copy.alloc_site);
	return true;
}

void tmem_guard_forget(const struct tmem_pool *pool)
{
	struct tmem_guard_damage damage;
	struct tmem_guarded *g;
	size_t cursor = 0;

	do {
		tmem_heap_enter_anyway();
		g = tmem_guarded_next(pool, &cursor, guard_is_inherited);
		if (g) {
			tmem_guard_look(g, &damage);
			if (g->free_site)
				quarantine_remove(g);
			tmem_guarded_remove(g);
			tmem_guarded_delete(g);
		}
		tmem_heap_leave();
		if (g)
			tmem_guard_report(&damage);
	} while (g);
}

void tmem_guard_inherit(void)
{
	quarantine.oldest = NULL;
	quarantine.youngest = NULL;
	quarantine.blocks = 0;
	quarantine.bytes = 0;
}
