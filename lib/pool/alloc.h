/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocation for the other parts of the library.
 */
#ifndef TMEM_POOL_ALLOC_H
#define TMEM_POOL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/pool.h>

struct tmem_block;

/* From a pool (NULL: the default one); NULL with errno set. */
void *tmem_pool_aligned_alloc(struct tmem_pool *pool, size_t align,
			      size_t size);

/*
 * The same, called for at @caller; *zero is set if all that is usable is known
 * to be zero.
 */
void *tmem_pool_get(struct tmem_pool *pool, size_t align, size_t size,
		    const void *caller, bool *zero);

/* tmem_alloc(), called at @caller. */
void *tmem_alloc_from(size_t size, const void *caller);

/* tmem_free(), called by @caller. */
void tmem_pool_put(void *ptr, const void *caller);

/*
 * A block of the heap, and back to it; what guard mode puts its blocks in.
 * @site is who freed it (site.h).  The heap lock is held.
 */
void *tmem_heap_get(struct tmem_pool *pool, size_t align, size_t size,
		    bool *zero);
void tmem_heap_put(const struct tmem_block *block, uint32_t site);

#endif /* TMEM_POOL_ALLOC_H */
