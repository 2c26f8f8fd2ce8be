/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heap that is measured.
 *
 * One source, three programs: libtmem (HEAP_TMEM); malloc of whatever is
 * preloaded (no word); and nothing at all (HEAP_NONE), which shows what the
 * loops around the calls cost.
 */
#ifndef ALLOC_WORK_HEAP_H
#define ALLOC_WORK_HEAP_H

#include <stddef.h>
#include <stdlib.h>

#if defined(HEAP_TMEM)

#include <tmem.h>

static inline void *heap_aligned(size_t align, size_t size)
{
	return tmem_aligned_alloc(align, size);
}

static inline void *heap_get(size_t size)
{
	return tmem_alloc(size);
}

static inline void heap_put(void *block)
{
	tmem_free(block);
}

#elif defined(HEAP_NONE)

extern char heap_none[64];

static inline void *heap_aligned(size_t align, size_t size)
{
	void *block = heap_none;

	__asm__ volatile("" : "+r"(block) : "r"(align), "r"(size));
	return block;
}

static inline void *heap_get(size_t size)
{
	return heap_aligned(64, size);
}

static inline void heap_put(void *block)
{
	__asm__ volatile("" ::"r"(block) : "memory");
}

#else

static inline void *heap_aligned(size_t align, size_t size)
{
	void *block;

	return posix_memalign(&block, align, size) ? NULL : block;
}

static inline void *heap_get(size_t size)
{
	return malloc(size);
}

static inline void heap_put(void *block)
{
	free(block);
}

#endif

#endif /* ALLOC_WORK_HEAP_H */
