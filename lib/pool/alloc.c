// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The calls that programs make: allocate, free, and what lies between.
 */
#include "pool/alloc.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "pool/heap.h"

#define ALIGN_MAX ((size_t)1 << 30)

/* Memory for a block, by its size; *bytes is set to what is usable. */
static char *block_get(struct tmem_pool *pool, size_t align, size_t size,
		       bool *fresh, size_t *bytes)
{
	unsigned int bin = tmem_bin_of(size += !size, align);
	size_t pages = (size + TMEM_PAGE_BYTES - 1) / TMEM_PAGE_BYTES;
	size_t align_pages = align > TMEM_PAGE_BYTES ? align / TMEM_PAGE_BYTES :
						       1;
	tmem_page_id id;

	if (bin < TMEM_BINS) {
		*bytes = tmem_bin_bytes(bin);
		return tmem_run_get(pool, bin, fresh);
	}
	if (pages <= TMEM_EXTENT_PAGES_MAX &&
	    pages + align_pages - 1 <= TMEM_SPAN_PAGES) {
		*bytes = pages * TMEM_PAGE_BYTES;
		id = tmem_extent_get(pool, (uint32_t)pages,
				     (uint32_t)align_pages, fresh);
		return id == TMEM_NO_PAGE ? NULL : tmem_page_addr(id);
	}
	*bytes = (size + TMEM_SPAN_BYTES - 1) / TMEM_SPAN_BYTES *
		 TMEM_SPAN_BYTES;
	return tmem_large_get(pool, size, align, fresh);
}

static void count_alloc(struct tmem_pool_count *count, size_t bytes, bool fresh)
{
	count->allocs++;
	count->reused += !fresh;
	count->live_blocks++;
	count->live_bytes += bytes;
	if (count->peak_live_bytes < count->live_bytes)
		count->peak_live_bytes = count->live_bytes;
}

static void count_free(struct tmem_pool_count *count, size_t bytes)
{
	count->frees++;
	count->live_blocks--;
	count->live_bytes -= bytes;
}

/* With the lock held. */
static void *pool_get(struct tmem_pool *pool, size_t align, size_t size)
{
	bool fresh = false;
	size_t bytes;
	char *ptr = NULL;

	/* Larger than any range of addresses; and no sum below overflows. */
	if (size <= PTRDIFF_MAX - ALIGN_MAX)
		ptr = block_get(pool, align, size, &fresh, &bytes);
	if (!ptr) {
		pool->count.failures++;
		tmem_heap_count()->failures++;
		return NULL;
	}
	count_alloc(&pool->count, bytes, fresh);
	count_alloc(tmem_heap_count(), bytes, fresh);
	return ptr;
}

static void block_put(const struct tmem_block *block)
{
	struct tmem_pool *pool = block->slot->pool;

	/* The parent's, in the child of a fork: not ours to give. */
	if (block->slot->inherited)
		return;
	count_free(&pool->count, block->bytes);
	count_free(tmem_heap_count(), block->bytes);
	if (block->run)
		tmem_run_put(pool, block->run, block->index);
	else if (block->slot->kind == TMEM_SLOT_SHARED)
		tmem_extent_put(pool, block->slot->shared, block->index);
	else
		tmem_large_put(pool, block->slot);
}

void *tmem_pool_aligned_alloc(struct tmem_pool *pool, size_t align, size_t size)
{
	void *ptr;
	int err;

	if (!align || align & (align - 1) || align > ALIGN_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (align < TMEM_MIN_ALIGN)
		align = TMEM_MIN_ALIGN;
	err = tmem_heap_enter();
	if (err) {
		errno = -err;
		return NULL;
	}
	ptr = pool_get(pool ? pool : tmem_heap_default_pool(), align, size);
	tmem_heap_leave();
	if (!ptr)
		errno = ENOMEM;
	return ptr;
}

void *tmem_alloc(size_t size)
{
	return tmem_pool_aligned_alloc(NULL, TMEM_MIN_ALIGN, size);
}

void *tmem_pool_alloc(struct tmem_pool *pool, size_t size)
{
	return tmem_pool_aligned_alloc(pool, TMEM_MIN_ALIGN, size);
}

void *tmem_aligned_alloc(size_t align, size_t size)
{
	return tmem_pool_aligned_alloc(NULL, align, size);
}

/*
 * The block is nobody's but the caller's by now, so it is found and cleared
 * without the lock.
 */
void *tmem_zalloc(size_t size)
{
	void *ptr = tmem_alloc(size);
	struct tmem_block block;

	if (!ptr)
		return NULL;
	if (size > TMEM_EXTENT_PAGES_MAX * TMEM_PAGE_BYTES)
		tmem_large_clear(tmem_slot_of(ptr));
	else if (tmem_heap_enter_if_ready()) {
		tmem_block_find(ptr, &block);
		tmem_heap_leave();
		memset(ptr, 0, block.bytes);
	}
	return ptr;
}

static void misuse(const void *ptr, const char *call, const void *caller)
{
	tmem_log(
		TMEM_LOG_ERROR,
		"%s(%p) called at %p: not a live block (freed before, or never allocated by tmem)",
		call, ptr, caller);
}

void tmem_free(void *ptr)
{
	struct tmem_block block;
	int saved = errno;
	bool ok = false;

	if (!ptr)
		return;
	if (tmem_heap_enter_if_ready()) {
		ok = tmem_block_find(ptr, &block);
		if (ok)
			block_put(&block);
		tmem_heap_leave();
	}
	if (!ok) {
		tmem_heap_count_misuse();
		misuse(ptr, "tmem_free", __builtin_return_address(0));
	}
	errno = saved;
}

size_t tmem_usable_size(const void *ptr)
{
	struct tmem_block block;
	bool ok;

	if (!ptr || !tmem_heap_enter_if_ready())
		return 0;
	ok = tmem_block_find(ptr, &block);
	tmem_heap_leave();
	return ok ? block.bytes : 0;
}

/* What a block of that size would take; the caller's block takes bytes. */
static bool fits_in_place(size_t bytes, size_t size)
{
	if (size > bytes)
		return false;
	/* Keep it while at least half is used: no copy for a small gain. */
	return bytes <= TMEM_BIN_MAX ? size >= bytes / 2 :
				       bytes - size < bytes / 4;
}

/* Copy what a live block is; false and counted if ptr is none. */
static bool block_look(const void *ptr, struct tmem_block *block,
		       struct tmem_pool **pool, bool *inherited)
{
	bool ok = false;

	if (tmem_heap_enter_if_ready()) {
		ok = tmem_block_find(ptr, block);
		if (ok) {
			*pool = block->slot->pool;
			*inherited = block->slot->inherited;
		}
		tmem_heap_leave();
	}
	if (!ok)
		tmem_heap_count_misuse();
	return ok;
}

void *tmem_realloc(void *ptr, size_t size)
{
	struct tmem_block block;
	struct tmem_pool *pool;
	bool inherited;
	void *to;

	if (!ptr)
		return tmem_alloc(size);
	if (!block_look(ptr, &block, &pool, &inherited)) {
		misuse(ptr, "tmem_realloc", __builtin_return_address(0));
		errno = EINVAL;
		return NULL;
	}
	/* The parent's block can be read only: a copy is what can be written. */
	if (!inherited && fits_in_place(block.bytes, size))
		return ptr;
	to = tmem_pool_alloc(pool, size);
	if (!to)
		return NULL;
	memcpy(to, ptr, block.bytes < size ? block.bytes : size);
	tmem_free(ptr);
	return to;
}
