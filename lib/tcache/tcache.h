/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tensor cache, as its parts see it.
 *
 *   tcache.c    calls that make, end and ask
 *   lookup.c    put, get, unpin, remove
 *   table.c     entries, and the way from a key to one
 *   worth.c     which entry goes first
 *   room.c      bytes: what is held, and who goes to make room
 *   compress.c  cold values made smaller, and whole again
 *   pack.c      how (pure)
 *   pressure.c  what happens while memory is short
 *   fork.c      across fork()
 *
 * An entry is
 *
 *   idle     in the window or the heap of worth.c: it may go
 *   pinned   pins > 0: it stays
 *   busy     one thread compresses or restores it, without the lock; others
 *            wait for that at cache->calm
 *   ghost    gone; its key and frequency are remembered
 *   doomed   removed while pinned or busy: in no table, freed when that ends
 *
 * Locks, outermost first: the list of caches, a cache's lock, the heap's.
 * With a cache's lock held blocks are freed, never allocated: an allocation may
 * call the limit observer, which may call the cache.
 */
#ifndef TMEM_TCACHE_INTERNAL_H
#define TMEM_TCACHE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/cache.h>

#include "tcache/pack.h"

enum tmem_tentry_state {
	TMEM_TENTRY_FREE = 0,
	TMEM_TENTRY_LIVE,
	TMEM_TENTRY_GHOST,
};

/*
 * From tmem_tentry_get() to tmem_tentry_put().  The cache's lock guards it;
 * while it is busy, value, words and what they hold are the busy thread's.
 */
struct tmem_tentry {
	struct tmem_tentry *chain; /* of the table, or of free ones */
	struct tmem_tentry *prev, *next; /* of the window, or ghosts */
	struct tmem_tentry *picked; /* the next of those to be discarded */
	struct tmem_tcache_key key;
	uint64_t serial; /* another one each time it becomes live */
	void *value;
	void *key_bytes;
	uint32_t *words; /* of the packed value */
	size_t key_size, size, align;
	size_t packed; /* bytes of the packed value; 0: it is not packed */
	uint64_t charge; /* what of cache->bytes is its */
	uint64_t whole; /* usable bytes of the value that is not packed */
	uint64_t sum; /* XXH3 of the value that is packed */
	uint64_t used_ms;
	uint64_t worth;
	uint32_t freq; /* how often it was put or looked up */
	uint32_t place; /* in the heap, if it is there */
	uint32_t pins;
	uint32_t flags; /* TMEM_TCACHE_DISCARDABLE and so on */
	uint8_t state, width;
	uint8_t priority;
	bool idle, busy, doomed;
	bool main; /* not of the window, when it is idle */
	bool discarded, tried;
};

struct tmem_tentry_list {
	struct tmem_tentry *first, *last;
	uint64_t count;
};

/* From tmem_tcache_create() to tmem_tcache_destroy(). */
struct tmem_tcache {
	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t calm; /* an entry is busy no more */
	uint32_t busy;
	struct tmem_tcache *prev, *next; /* guarded by the list's lock, as is */
	uint32_t guests; /* of tmem_tcaches_each() that are in it */

	/* constant */
	struct tmem_pool *pool;
	uint32_t cold_ms, flags;
	uint64_t seed;

	/* table.c */
	struct tmem_tentry **bucket;
	size_t buckets, records; /* buckets: a power of two */
	struct tmem_tentry *free;
	struct tmem_tcache_slab *slabs;
	size_t table_bytes; /* of all these, and of the heap */
	uint64_t serial;

	/* worth.c */
	struct tmem_tentry **heap; /* from 1 */
	size_t heap_used, heap_room;
	uint64_t age;
	struct tmem_tentry_list window, ghosts; /* oldest first */
	uint64_t window_bytes;
	uint64_t lately; /* entries, at most one less with each put */

	/* room.c */
	uint64_t max_bytes, bytes, idle_bytes;

	struct tmem_pack_work *work; /* nobody's at the moment, or NULL */
	_Atomic(uint64_t) quiet_until_ms; /* pressure.c; needs no lock */
	struct tmem_tcache_stats count;
};

static inline void tmem_tcache_lock(struct tmem_tcache *c)
{
	pthread_mutex_lock(&c->lock);
}

static inline void tmem_tcache_unlock(struct tmem_tcache *c)
{
	pthread_mutex_unlock(&c->lock);
}

/* CLOCK_MONOTONIC */
uint64_t tmem_tcache_now_ms(void);
uint64_t tmem_tcache_now_ns(void);

/* For tests, whose values become cold when they say so.  NULL: the real one. */
void tmem_tcache_clock_replace(uint64_t (*now_ns)(void));

/* All below: with the lock held. */

/* table.c */

/* 0: the next tmem_tentry_get() will not fail; or -ENOMEM. */
int tmem_tentry_reserve(struct tmem_tcache *c);
struct tmem_tentry *tmem_tentry_get(struct tmem_tcache *c);
void tmem_tentry_put(struct tmem_tcache *c, struct tmem_tentry *e);

void tmem_table_add(struct tmem_tcache *c, struct tmem_tentry *e);
void tmem_table_remove(struct tmem_tcache *c, struct tmem_tentry *e);
struct tmem_tentry *tmem_table_find(struct tmem_tcache *c,
				    const struct tmem_tcache_key *key);

/* Calls fn for every entry that is live, in the table or not. */
void tmem_tentry_each(struct tmem_tcache *c,
		      void (*fn)(struct tmem_tcache *c, struct tmem_tentry *e));
int tmem_table_open(struct tmem_tcache *c);
void tmem_table_free(struct tmem_tcache *c);

/* worth.c */

/* There is one entry more. */
void tmem_worth_put(struct tmem_tcache *c);

/* Its frequency is one more. */
void tmem_worth_use(struct tmem_tentry *e);

/* Room in the heap for one more entry.  0 or -ENOMEM. */
int tmem_worth_reserve(struct tmem_tcache *c);

/* Its worth is that of this moment. */
void tmem_worth_used(struct tmem_tcache *c, struct tmem_tentry *e);

/* Idle from now on, or no more. */
void tmem_worth_add(struct tmem_tcache *c, struct tmem_tentry *e);
void tmem_worth_remove(struct tmem_tcache *c, struct tmem_tentry *e);

/*
 * Who goes first for so many bytes, or NULL: nobody is idle.  It is idle still;
 * the caller lets it go.
 */
struct tmem_tentry *tmem_worth_victim(struct tmem_tcache *c, uint64_t bytes);

/* All that are idle; e NULL: the first. */
struct tmem_tentry *tmem_worth_next(const struct tmem_tcache *c,
				    const struct tmem_tentry *e);

void tmem_ghost_add(struct tmem_tcache *c, struct tmem_tentry *e);
void tmem_ghost_remove(struct tmem_tcache *c, struct tmem_tentry *e);

/* room.c */

/* bytes more or less are held by an entry that is not idle. */
void tmem_room_charge(struct tmem_tcache *c, struct tmem_tentry *e,
		      uint64_t bytes);
void tmem_room_uncharge(struct tmem_tcache *c, struct tmem_tentry *e,
			uint64_t bytes);

/* Room for bytes more.  0, or -ENOSPC and nobody went. */
int tmem_room_make(struct tmem_tcache *c, uint64_t bytes);

/* Idle entries go until the limit holds, however little is left. */
void tmem_room_shrink(struct tmem_tcache *c, uint64_t max_bytes);

/* An idle entry goes and is remembered. */
void tmem_room_discard(struct tmem_tcache *c, struct tmem_tentry *e);

/* It is packed no more, or about to be freed. */
void tmem_room_uncount(struct tmem_tcache *c, const struct tmem_tentry *e);

/* What the entry has is freed; it is not idle and in no table. */
void tmem_room_free(struct tmem_tcache *c, struct tmem_tentry *e);

/* compress.c: the lock is released and taken again. */

/* Between these an entry is the caller's, without the lock. */
void tmem_tentry_busy(struct tmem_tcache *c, struct tmem_tentry *e);
void tmem_tentry_calm(struct tmem_tcache *c, struct tmem_tentry *e);

/*
 * Make a packed, idle entry whole.  0: it is, and neither idle nor pinned.  An
 * error: it is as it was, or gone (-EBADMSG; -ENOENT: somebody removed it).
 */
int tmem_tentry_restore(struct tmem_tcache *c, struct tmem_tentry *e);

/* pressure.c: without the lock. */
void tmem_tcache_look(struct tmem_tcache *c);

/* An event says the level; in a twentieth of the time of tmem_tcache_pressure(). */
uint64_t tmem_tcache_react(struct tmem_tcache *c, enum tmem_level level);

/*
 * All caches, the manual ones too or not, one after the other; destroying one
 * waits until it is through with it.  Sum of what fn returned.  Without locks.
 */
uint64_t tmem_tcaches_each(uint64_t (*fn)(struct tmem_tcache *c, uint64_t arg),
			   uint64_t arg, bool manual);

/*
 * pressure.c: by themselves caches react to a level better already (1), as they
 * do (0), or compress when it is critical only (-1).
 */
void tmem_tcaches_lean(int lean);

/* fork.c */
void tmem_tcache_link(struct tmem_tcache *c);
void tmem_tcache_unlink(struct tmem_tcache *c);

/* With the lock held: what there is, is somebody else's from now on. */
void tmem_tcache_inherit(struct tmem_tcache *c);

#endif /* TMEM_TCACHE_INTERNAL_H */
