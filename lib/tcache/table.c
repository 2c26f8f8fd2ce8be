// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Entries, and the way from a key to one: chains from buckets, twice as many of
 * them when there are as many entries.  A key is any 128 bits of the caller's,
 * so it is mixed with a seed that nobody outside knows.
 *
 * Memory comes from the system, and goes back with the cache: a pin that is
 * too old finds a record still, and another serial number in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "arena/backend.h"
#include "tcache/tcache.h"

#define SLAB_BYTES ((size_t)64 << 10)
#define BUCKETS_FIRST ((size_t)512)

struct tmem_tcache_slab {
	struct tmem_tcache_slab *next;
	size_t used;
	struct tmem_tentry entry[];
};

#define SLAB_ENTRIES                                      \
	((SLAB_BYTES - sizeof(struct tmem_tcache_slab)) / \
	 sizeof(struct tmem_tentry))

int tmem_tentry_reserve(struct tmem_tcache *c)
{
	struct tmem_tcache_slab *slab = c->slabs;

	if (c->free)
		return 0;
	if (!slab || slab->used == SLAB_ENTRIES) {
		slab = tmem_os_table(SLAB_BYTES);
		if (!slab)
			return -ENOMEM;
		slab->next = c->slabs;
		c->slabs = slab;
		c->table_bytes += SLAB_BYTES;
	}
	tmem_tentry_put(c, &slab->entry[slab->used++]);
	return 0;
}

struct tmem_tentry *tmem_tentry_get(struct tmem_tcache *c)
{
	struct tmem_tentry *e = c->free;

	c->free = e->chain;
	memset(e, 0, sizeof(*e));
	return e;
}

void tmem_tentry_put(struct tmem_tcache *c, struct tmem_tentry *e)
{
	e->state = TMEM_TENTRY_FREE;
	e->serial = 0;
	e->chain = c->free;
	c->free = e;
}

static size_t table_bucket(const struct tmem_tcache *c,
			   const struct tmem_tcache_key *key)
{
	uint64_t x = key->word[0] ^ c->seed;

	x = (x ^ x >> 32) * 0x9e3779b97f4a7c15ULL;
	x ^= key->word[1] + c->seed;
	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9ULL;
	return (size_t)(x >> 32) & (c->buckets - 1);
}

static void table_insert(struct tmem_tcache *c, struct tmem_tentry *e)
{
	struct tmem_tentry **at = &c->bucket[table_bucket(c, &e->key)];

	e->chain = *at;
	*at = e;
}

/* Where there is no memory for more, chains become longer. */
static void table_grow(struct tmem_tcache *c)
{
	size_t old = c->buckets, buckets = old ? 2 * old : BUCKETS_FIRST, i;
	struct tmem_tentry **from = c->bucket, *e, *next;
	struct tmem_tentry **to =
		tmem_os_table(buckets * sizeof(struct tmem_tentry *));

	if (!to)
		return;
	c->bucket = to;
	c->buckets = buckets;
	for (i = 0; i < old; i++) {
		for (e = from[i]; e; e = next) {
			next = e->chain;
			table_insert(c, e);
		}
	}
	tmem_os_table_free(from, old * sizeof(*from));
	c->table_bytes += (buckets - old) * sizeof(*to);
}

int tmem_table_open(struct tmem_tcache *c)
{
	table_grow(c);
	return c->bucket ? 0 : -ENOMEM;
}

void tmem_table_add(struct tmem_tcache *c, struct tmem_tentry *e)
{
	if (c->records >= c->buckets)
		table_grow(c);
	table_insert(c, e);
	c->records++;
}

void tmem_table_remove(struct tmem_tcache *c, struct tmem_tentry *e)
{
	struct tmem_tentry **at = &c->bucket[table_bucket(c, &e->key)];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	c->records--;
}

struct tmem_tentry *tmem_table_find(struct tmem_tcache *c,
				    const struct tmem_tcache_key *key)
{
	struct tmem_tentry *e = c->bucket[table_bucket(c, key)];

	while (e && (e->key.word[0] != key->word[0] ||
		     e->key.word[1] != key->word[1]))
		e = e->chain;
	return e;
}

void tmem_tentry_each(struct tmem_tcache *c,
		      void (*fn)(struct tmem_tcache *c, struct tmem_tentry *e))
{
	struct tmem_tcache_slab *slab;
	size_t i;

	for (slab = c->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->used; i++)
			if (slab->entry[i].state == TMEM_TENTRY_LIVE)
				fn(c, &slab->entry[i]);
}

void tmem_table_free(struct tmem_tcache *c)
{
	struct tmem_tcache_slab *slab, *next;

	for (slab = c->slabs; slab; slab = next) {
		next = slab->next;
		tmem_os_table_free(slab, SLAB_BYTES);
	}
	tmem_os_table_free(c->bucket,
			   c->buckets * sizeof(struct tmem_tentry *));
}
