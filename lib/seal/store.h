/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store, as this process has it.
 *
 * Locks, outermost first: that of the list of stores (store.c), a store's lock,
 * that of the table of views (view.c), the lock of an index, which other
 * processes take too (lock.h).  No call into the heap is made with any of them.
 */
#ifndef TMEM_SEAL_STORE_H
#define TMEM_SEAL_STORE_H

#include <pthread.h>

#include "seal/file.h"
#include "seal/index.h"

/*
 * From tmem_store_create() or _open() until it is closed and its last view is
 * freed.
 */
struct tmem_store {
	struct tmem_store *next; /* all stores; by the list's lock */
	_Atomic(uint32_t) users; /* the handle, and each view */

	pthread_mutex_t lock; /* protects what follows, and the index */
	struct tmem_file file;
	struct tmem_index index;
	bool settled; /* our slot is in order */
	uint64_t swept_ms, swept_all_ms;
	bool forked; /* across fork(): a slot for the child was asked for */
	uint32_t child; /* and this is it, or TMEM_PEER_NONE */
	uint64_t child_id;

	_Atomic(uint64_t) seals, shared, comparisons, collisions;
};

/*
 * Have the store's index: joined, locked, and rid of the dead.  0, -EUSERS,
 * -ENOMEM or -ETIMEDOUT.
 */
int tmem_store_enter(struct tmem_store *store);
void tmem_store_leave(struct tmem_store *store);

/* Drop a reference to contents. */
void tmem_store_unref(struct tmem_store *store,
		      const struct tmem_content *content);

/* Contents that were begun will not be there. */
void tmem_store_cancel(struct tmem_store *store,
		       const struct tmem_content *content);

/* One user less. */
void tmem_store_put(struct tmem_store *store);

/*
 * The process's own store.  0 or -errno; with make false, *store may be NULL.
 */
int tmem_store_default(bool copies, bool make, struct tmem_store **store);

#endif /* TMEM_SEAL_STORE_H */
