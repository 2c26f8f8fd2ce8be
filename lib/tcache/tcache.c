// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tensor cache's life, its limit and its counts.
 */
#define _GNU_SOURCE
#include "tcache/tcache.h"

#include <errno.h>
#include <sys/random.h>

#include "arena/backend.h"
#include "core/settings.h"

static uint64_t cache_seed(const struct tmem_tcache *c)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uintptr_t)c ^ tmem_tcache_now_ns();
	return seed;
}

static struct tmem_tcache *cache_new(const struct tmem_tcache_config *config)
{
	struct tmem_tcache *c = tmem_os_table(sizeof(*c));

	if (!c)
		return NULL;
	c->table_bytes = sizeof(*c);
	c->seed = cache_seed(c);
	if (tmem_table_open(c)) {
		tmem_os_table_free(c, sizeof(*c));
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->calm, NULL);
	c->pool = config->pool;
	c->cold_ms = config->cold_ms ? config->cold_ms : TMEM_TCACHE_COLD_MS;
	c->flags = config->flags;
	c->max_bytes = config->max_bytes;
	return c;
}

int tmem_tcache_create(const struct tmem_tcache_config *from,
		       struct tmem_tcache **cache)
{
	struct tmem_tcache_config config;
	struct tmem_tcache *c;
	int err;

	if (!tmem_struct_get(&config, sizeof(config), from) ||
	    !config.max_bytes || config.flags & ~(uint32_t)TMEM_TCACHE_MANUAL)
		return -EINVAL;
	err = tmem_init(NULL);
	if (err)
		return err;
	c = cache_new(&config);
	if (!c)
		return -ENOMEM;
	tmem_tcache_link(c);
	*cache = c;
	return 0;
}

void tmem_tcache_destroy(struct tmem_tcache *c)
{
	if (!c)
		return;
	tmem_tcache_unlink(c);
	tmem_tentry_each(c, tmem_room_free);
	tmem_pack_work_free(c->work);
	tmem_os_table_free(c->heap,
			   c->heap_room * sizeof(struct tmem_tentry *));
	tmem_table_free(c);
	pthread_cond_destroy(&c->calm);
	pthread_mutex_destroy(&c->lock);
	tmem_os_table_free(c, sizeof(*c));
}

int tmem_tcache_limit_set(struct tmem_tcache *c, uint64_t max_bytes)
{
	int err = -EINVAL;

	tmem_tcache_lock(c);
	if (max_bytes && c->bytes - c->idle_bytes > max_bytes)
		err = -ENOSPC;
	else if (max_bytes)
		err = 0;
	if (!err) {
		tmem_room_shrink(c, max_bytes);
		c->max_bytes = max_bytes;
	}
	tmem_tcache_unlock(c);
	return err;
}

int tmem_tcache_stats_get(struct tmem_tcache *c,
			  struct tmem_tcache_stats *stats)
{
	struct tmem_tcache_stats now;

	tmem_tcache_lock(c);
	now = c->count;
	now.bytes = c->bytes;
	now.max_bytes = c->max_bytes;
	now.remembered = c->ghosts.count;
	now.metadata_bytes = c->table_bytes;
	if (c->work)
		now.metadata_bytes += tmem_pack_work_bytes();
	tmem_tcache_unlock(c);
	return tmem_struct_put(stats, &now, sizeof(now)) ? 0 : -EINVAL;
}
