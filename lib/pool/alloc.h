/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocation for the other parts of the library.
 */
#ifndef TMEM_POOL_ALLOC_H
#define TMEM_POOL_ALLOC_H

#include <stddef.h>
#include <tmem/pool.h>

/* From a pool (NULL: the default one); NULL with errno set. */
void *tmem_pool_aligned_alloc(struct tmem_pool *pool, size_t align,
			      size_t size);

#endif /* TMEM_POOL_ALLOC_H */
