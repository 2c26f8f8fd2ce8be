// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bytes.  What is held is the sum of all entries' charges, and each charge the
 * sum of the usable bytes of the entry's blocks; it changes with the lock held,
 * in the moment in which the block comes or goes.  So the limit holds at every
 * moment, and whether room can be made is known before anybody goes.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "tcache/tcache.h"

void tmem_room_charge(struct tmem_tcache *c, struct tmem_tentry *e,
		      uint64_t bytes)
{
	e->charge += bytes;
	c->bytes += bytes;
	if (c->count.peak_bytes < c->bytes)
		c->count.peak_bytes = c->bytes;
}

void tmem_room_uncharge(struct tmem_tcache *c, struct tmem_tentry *e,
			uint64_t bytes)
{
	e->charge -= bytes;
	c->bytes -= bytes;
}

void tmem_room_uncount(struct tmem_tcache *c, const struct tmem_tentry *e)
{
	c->count.packed_entries--;
	c->count.packed_bytes -= e->charge;
	c->count.saved_bytes -=
		e->whole + tmem_usable_size(e->key_bytes) - e->charge;
}

void tmem_room_free(struct tmem_tcache *c, struct tmem_tentry *e)
{
	if (e->packed)
		tmem_room_uncount(c, e);
	tmem_free(e->value);
	tmem_free(e->words);
	tmem_free(e->key_bytes);
	e->value = e->words = e->key_bytes = NULL;
	e->packed = 0;
	tmem_room_uncharge(c, e, e->charge);
	c->count.entries--;
}

void tmem_room_discard(struct tmem_tcache *c, struct tmem_tentry *e)
{
	tmem_worth_remove(c, e);
	tmem_room_free(c, e);
	e->serial = 0;
	tmem_ghost_add(c, e);
}

void tmem_room_shrink(struct tmem_tcache *c, uint64_t max_bytes)
{
	struct tmem_tentry *e;

	while (c->bytes > max_bytes &&
	       (e = tmem_worth_victim(c, c->max_bytes - max_bytes))) {
		c->count.evictions++;
		c->count.evicted_bytes += e->charge;
		tmem_room_discard(c, e);
	}
}

int tmem_room_make(struct tmem_tcache *c, uint64_t bytes)
{
	uint64_t stay = c->bytes - c->idle_bytes;

	if (bytes > c->max_bytes || stay > c->max_bytes - bytes)
		return -ENOSPC;
	tmem_room_shrink(c, c->max_bytes - bytes);
	return 0;
}
