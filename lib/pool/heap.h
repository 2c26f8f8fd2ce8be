/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap: what all pools share, and the lock over it.
 *
 * There is one lock, the heap lock.  It protects every pool, the windows, the
 * supply and the metadata.  Only the log callback is ever called with it held,
 * and only while the library is being set up.
 */
#ifndef TMEM_POOL_HEAP_H
#define TMEM_POOL_HEAP_H

#include "pool/pool.h"

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

/* The rest needs the lock. */

struct tmem_pool *tmem_heap_default_pool(void);
void tmem_heap_link(struct tmem_pool *pool);
void tmem_heap_unlink(struct tmem_pool *pool);

/* All pools' counters together. */
struct tmem_pool_count *tmem_heap_count(void);

#endif /* TMEM_POOL_HEAP_H */
