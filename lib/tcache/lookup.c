// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Put, get, unpin, remove.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "arena/slots.h"
#include "core/settings.h"
#include "tcache/tcache.h"

#define ALIGN_MAX ((size_t)1 << 30)
#define ITEM_FLAGS \
	((uint32_t)TMEM_TCACHE_DISCARDABLE | (uint32_t)TMEM_TCACHE_COMPRESSIBLE)

struct tmem_tcache_key tmem_tcache_key_make(uint32_t dtype, uint32_t ndim,
					    const uint64_t *shape,
					    const void *tag, size_t tag_size)
{
	XXH128_hash_t hash = XXH3_128bits(shape, ndim * sizeof(*shape));
	uint64_t all[7] = { dtype, ndim, tag_size, hash.low64, hash.high64 };

	hash = XXH3_128bits(tag, tag_size);
	all[5] = hash.low64;
	all[6] = hash.high64;
	hash = XXH3_128bits(all, sizeof(all));
	return (struct tmem_tcache_key){ { hash.low64, hash.high64 } };
}

/* The entry that is live by this key, or NULL and what to return. */
static struct tmem_tentry *entry_find(struct tmem_tcache *c,
				      const struct tmem_tcache_key *key,
				      const void *key_bytes, size_t key_size,
				      int *err)
{
	struct tmem_tentry *e = tmem_table_find(c, key);

	*err = -ENOENT;
	if (!e)
		return NULL;
	if (e->state == TMEM_TENTRY_GHOST) {
		if (e->discarded)
			*err = -ENODATA;
		return NULL;
	}
	if (!key_bytes || !e->key_bytes ||
	    (key_size == e->key_size &&
	     !memcmp(key_bytes, e->key_bytes, key_size)))
		return e;
	c->count.collisions++;
	*err = -ENOTUNIQ;
	return NULL;
}

static void entry_pin(struct tmem_tcache *c, struct tmem_tentry *e,
		      struct tmem_tcache_pin *pin)
{
	if (e->idle)
		tmem_worth_remove(c, e);
	if (!e->pins++) {
		c->count.pinned_entries++;
		c->count.pinned_bytes += e->charge;
	}
	*pin = (struct tmem_tcache_pin){
		.value = e->value,
		.size = e->size,
		.entry = e,
		.serial = e->serial,
	};
}

/* 0, and item is whole; else -EINVAL. */
static int item_check(struct tmem_tcache_item *item,
		      const struct tmem_tcache_item *from, size_t *usable)
{
	if (!tmem_struct_get(item, sizeof(*item), from))
		return -EINVAL;
	if (!item->align)
		item->align = TMEM_MIN_ALIGN;
	if (!item->width)
		item->width = 1;
	if (!item->priority)
		item->priority = TMEM_TCACHE_PRIORITY_DEFAULT;
	if (item->priority > TMEM_TCACHE_PRIORITY_MAX ||
	    item->flags & ~ITEM_FLAGS || !tmem_pack_width_ok(item->width) ||
	    item->align > ALIGN_MAX || item->align & (item->align - 1) ||
	    item->key_size > TMEM_TCACHE_KEY_BYTES_MAX ||
	    !item->key_bytes != !item->key_size)
		return -EINVAL;
	*usable = tmem_usable_size(item->value);
	/* A view is shared already, and must not be written to. */
	if (!*usable || !tmem_slot_of(item->value) || *usable < item->size)
		return -EINVAL;
	return 0;
}

static void entry_fill(struct tmem_tentry *e,
		       const struct tmem_tcache_item *item, void *key_bytes,
		       size_t usable)
{
	e->key = item->key;
	e->value = item->value;
	e->whole = usable;
	e->key_bytes = key_bytes;
	e->key_size = item->key_size;
	e->size = item->size;
	e->align = item->align;
	e->width = (uint8_t)item->width;
	e->priority = (uint8_t)item->priority;
	e->flags = item->flags;
	e->used_ms = tmem_tcache_now_ms();
	e->busy = e->doomed = e->discarded = e->tried = false;
	e->main = false;
}

/* A record for the key: the one that is remembered, or a new one. */
static struct tmem_tentry *entry_take(struct tmem_tcache *c,
				      const struct tmem_tcache_key *key)
{
	struct tmem_tentry *e = tmem_table_find(c, key);

	if (e) {
		tmem_ghost_remove(c, e);
		tmem_worth_use(e);
		return e;
	}
	e = tmem_tentry_get(c);
	e->freq = 1;
	e->key = *key;
	tmem_table_add(c, e);
	return e;
}

/* With the lock held; nothing has changed if it fails. */
static int item_put(struct tmem_tcache *c, const struct tmem_tcache_item *item,
		    void *key_bytes, size_t usable, struct tmem_tcache_pin *pin)
{
	uint64_t bytes = usable + tmem_usable_size(key_bytes);
	struct tmem_tentry *e;
	int err;

	if (entry_find(c, &item->key, item->key_bytes, item->key_size, &err))
		return -EEXIST;
	if (err == -ENOTUNIQ)
		return err;
	err = tmem_tentry_reserve(c);
	if (!err)
		err = tmem_worth_reserve(c);
	if (!err)
		err = tmem_room_make(c, bytes);
	c->count.refused += err == -ENOSPC;
	if (err)
		return err;
	e = entry_take(c, &item->key);
	entry_fill(e, item, key_bytes, usable);
	e->state = TMEM_TENTRY_LIVE;
	e->serial = ++c->serial;
	c->count.entries++;
	c->count.puts++;
	tmem_worth_put(c);
	tmem_room_charge(c, e, bytes);
	if (pin)
		entry_pin(c, e, pin);
	else
		tmem_worth_add(c, e);
	return 0;
}

int tmem_tcache_put(struct tmem_tcache *c, const struct tmem_tcache_item *from,
		    struct tmem_tcache_pin *pin)
{
	struct tmem_tcache_item item;
	void *key_bytes = NULL;
	size_t usable;
	int err = item_check(&item, from, &usable);

	if (err)
		return err;
	tmem_tcache_look(c);
	if (item.key_bytes) {
		key_bytes = tmem_alloc(item.key_size);
		if (!key_bytes)
			return -ENOMEM;
		memcpy(key_bytes, item.key_bytes, item.key_size);
	}
	tmem_tcache_lock(c);
	err = item_put(c, &item, key_bytes, usable, pin);
	tmem_tcache_unlock(c);
	if (err)
		tmem_free(key_bytes);
	return err;
}

/* An entry that can be pinned, or NULL and what to return. */
static struct tmem_tentry *entry_get(struct tmem_tcache *c,
				     const struct tmem_tcache_key *key,
				     const void *key_bytes, size_t key_size,
				     int *err)
{
	struct tmem_tentry *e;

	while ((e = entry_find(c, key, key_bytes, key_size, err)) && e->busy)
		pthread_cond_wait(&c->calm, &c->lock);
	if (e && e->packed) {
		*err = tmem_tentry_restore(c, e);
		return *err ? NULL : e;
	}
	if (*err == -ENODATA) {
		tmem_table_find(c, key)->discarded = false;
		c->count.discarded_lookups++;
	}
	return e;
}

int tmem_tcache_get(struct tmem_tcache *c, const struct tmem_tcache_key *key,
		    const void *key_bytes, size_t key_size,
		    struct tmem_tcache_pin *pin)
{
	struct tmem_tentry *e;
	int err;

	if (!pin || !key_bytes != !key_size)
		return -EINVAL;
	tmem_tcache_look(c);
	tmem_tcache_lock(c);
	c->count.lookups++;
	e = entry_get(c, key, key_bytes, key_size, &err);
	if (e) {
		err = 0;
		c->count.hits++;
		e->used_ms = tmem_tcache_now_ms();
		tmem_worth_use(e);
		entry_pin(c, e, pin);
	}
	tmem_tcache_unlock(c);
	return err;
}

int tmem_tcache_unpin(struct tmem_tcache *c, const struct tmem_tcache_pin *pin)
{
	struct tmem_tentry *e = pin->entry;
	int err = -EINVAL;

	if (!e)
		return err;
	tmem_tcache_lock(c);
	if (pin->serial && e->serial == pin->serial && e->pins) {
		err = 0;
		if (!--e->pins) {
			c->count.pinned_entries--;
			c->count.pinned_bytes -= e->charge;
			if (e->doomed) {
				tmem_room_free(c, e);
				tmem_tentry_put(c, e);
			} else {
				e->used_ms = tmem_tcache_now_ms();
				tmem_worth_used(c, e);
				tmem_worth_add(c, e);
			}
		}
	}
	tmem_tcache_unlock(c);
	return err;
}

int tmem_tcache_remove(struct tmem_tcache *c, const struct tmem_tcache_key *key,
		       const void *key_bytes, size_t key_size)
{
	struct tmem_tentry *e;
	int err;

	if (!key_bytes != !key_size)
		return -EINVAL;
	tmem_tcache_lock(c);
	e = entry_find(c, key, key_bytes, key_size, &err);
	if (e) {
		err = 0;
		tmem_table_remove(c, e);
		if (e->pins || e->busy) {
			e->doomed = true;
		} else {
			tmem_worth_remove(c, e);
			tmem_room_free(c, e);
			tmem_tentry_put(c, e);
		}
	}
	tmem_tcache_unlock(c);
	return err == -ENODATA ? -ENOENT : err;
}
