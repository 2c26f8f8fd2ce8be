// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pools: one's own blocks, counters and life, over the heap that all share.
 */
#include <errno.h>
#include <string.h>

#include "core/settings.h"
#include "pool/heap.h"
#include "pool/meta.h"

static struct tmem_meta_cache pool_cache = { .size = sizeof(struct tmem_pool) };

void tmem_pool_reset(struct tmem_pool *pool)
{
	memset(&pool->count, 0, sizeof(pool->count));
	memset(pool->partial, 0, sizeof(pool->partial));
	memset(pool->free, 0xff, sizeof(pool->free)); /* TMEM_NO_PAGE */
	memset(pool->free_map, 0, sizeof(pool->free_map));
	pool->shared = NULL;
	pool->large = TMEM_NO_SLOT;
}

static bool pool_name_ok(const char *name)
{
	size_t i, len = strlen(name);

	if (len >= sizeof(((struct tmem_pool *)NULL)->name))
		return false;
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return true;
}

static struct tmem_pool *pool_new(const char *name)
{
	struct tmem_pool *pool;
	int err = tmem_heap_enter();

	if (err) {
		errno = -err;
		return NULL;
	}
	pool = tmem_meta_get(&pool_cache);
	if (pool) {
		tmem_pool_reset(pool);
		strcpy(pool->name, name);
		tmem_heap_link(pool);
	} else {
		errno = ENOMEM;
	}
	tmem_heap_leave();
	return pool;
}

struct tmem_pool *tmem_pool_create(const struct tmem_pool_config *config)
{
	struct tmem_pool_config c = TMEM_POOL_CONFIG_INIT;

	if (config && !tmem_struct_get(&c, sizeof(c), config)) {
		errno = EINVAL;
		return NULL;
	}
	if (c.name && !pool_name_ok(c.name)) {
		errno = EINVAL;
		return NULL;
	}
	return pool_new(c.name ? c.name : "");
}

const char *tmem_pool_name(const struct tmem_pool *pool)
{
	return pool->name;
}

void tmem_pool_destroy(struct tmem_pool *pool)
{
	struct tmem_pool_count *all;

	if (!pool || !tmem_heap_enter_if_ready())
		return;
	tmem_extent_drop_all(pool);
	tmem_large_drop_all(pool);
	all = tmem_heap_count();
	all->live_blocks -= pool->count.live_blocks;
	all->live_bytes -= pool->count.live_bytes;
	tmem_heap_unlink(pool);
	tmem_meta_put(&pool_cache, pool);
	tmem_heap_leave();
}
