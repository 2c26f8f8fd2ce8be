/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for the pool's own records, apart from what users write to.
 * Called with the heap lock held.
 */
#ifndef TMEM_POOL_META_H
#define TMEM_POOL_META_H

#include <stddef.h>

/* Records of one size; zero-initialised but for size. */
struct tmem_meta_cache {
	size_t size;
	void *free;
};

/* A zeroed record, or NULL. */
void *tmem_meta_get(struct tmem_meta_cache *cache);

/* The same, not zeroed. */
void *tmem_meta_get_raw(struct tmem_meta_cache *cache);
void tmem_meta_put(struct tmem_meta_cache *cache, void *record);

/* Bytes handed out since the start. */
size_t tmem_meta_bytes(void);

#endif /* TMEM_POOL_META_H */
