/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap: what all pools share, and the lock over it.
 *
 * There is one lock, the heap lock.  It protects every pool, the pages, the
 * spans and the metadata; threads' caches do without it (thread.h).  Only the
 * log callback is ever called with it held, and only while the library is
 * being set up.  Before it is taken: the idle lock (idle.h).
 */
#ifndef TMEM_POOL_HEAP_H
#define TMEM_POOL_HEAP_H

#include "pool/pool.h"
#include "pool/thread.h"

/*
 * Take the heap lock; the first one here sets the library up.  0, or -errno
 * as tmem_init() says, and then the lock is not held.
 */
int tmem_heap_enter(void);
void tmem_heap_leave(void);

/*
 * The same without setting anything up: false, and no lock, if that has not
 * happened.
 */
bool tmem_heap_enter_if_ready(void);

/* Whether anything is set up or not. */
void tmem_heap_enter_anyway(void);

/* Takes the lock itself. */
void tmem_heap_count_misuse(void);

/* For ever the same; needs no lock. */
struct tmem_pool *tmem_heap_default_pool(void);

/* The rest needs the lock. */

/* Every pool; the default one is the last. */
struct tmem_pool *tmem_heap_pools(void);

/* Gives it an id. */
void tmem_heap_link(struct tmem_pool *pool);
void tmem_heap_unlink(struct tmem_pool *pool);

/* All pools' counters together, of those too that are gone. */
struct tmem_pool_count *tmem_heap_count(void);

/* Spans that the pool may have more, by its limit and by the heap's. */
uint32_t tmem_heap_room(const struct tmem_pool *pool);
uint32_t tmem_pool_room(const struct tmem_pool *pool);

/* Spans that all pools together may have; UINT32_MAX: no limit. */
uint32_t tmem_heap_max_slots(void);

/*
 * Spans that may be held before idle ones are moved together: 1/16 more than
 * were in use at once lately.
 */
uint64_t tmem_heap_span_goal(void);

/* Memory is short: what another node has idle is to be used first. */
bool tmem_heap_is_short(void);
void tmem_heap_set_short(bool is_short);

#endif /* TMEM_POOL_HEAP_H */
