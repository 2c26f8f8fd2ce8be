/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of max_bytes: an observer that remembers what it was
 * asked, and blocks until there are no more.
 */
#ifndef MAX_BYTES_H
#define MAX_BYTES_H

#include "heap_test.h"

#define LIMIT (32 * LT_MIB)

/* What the observer was asked, and what it says. */
struct observed {
	atomic_uint asked;
	struct tmem_pool *pool;
	size_t size;
	unsigned int yes; /* how often it says that it may be tried again */
	void *give; /* freed when it is asked */
	bool many;
};

static inline bool observe(void *ctx, struct tmem_pool *pool, size_t size)
{
	struct observed *o = ctx;

	/* By several threads at once it is only counted. */
	atomic_fetch_add(&o->asked, 1);
	if (o->many)
		return false;
	o->pool = pool;
	o->size = size;
	tmem_free(o->give);
	o->give = NULL;
	if (!o->yes)
		return false;
	o->yes--;
	return true;
}

/* Blocks of a size from a pool until there is no more; all of it touched. */
static inline size_t fill(struct tmem_pool *pool, void **block, size_t max,
			  size_t size)
{
	size_t n;

	for (n = 0; n < max; n++) {
		errno = 0;
		block[n] = pool ? tmem_pool_alloc(pool, size) :
				  tmem_alloc(size);
		if (!block[n])
			break;
		lt_fill(block[n], size, n);
	}
	return n;
}

static inline bool drop(void **block, size_t count, size_t size)
{
	bool kept = true;
	size_t i;

	for (i = 0; i < count; i++) {
		kept &= lt_kept(block[i], size, i);
		tmem_free(block[i]);
	}
	return kept;
}

#endif /* MAX_BYTES_H */
