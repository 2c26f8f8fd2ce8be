// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fork().  The child has the mappings of all views; it must have references
 * too, before its parent can drop its own.  So they are made before the fork,
 * in a slot that the child claims (peer.c).  Where that fails, the child's
 * views lose their access: a fault is better than contents of somebody else.
 *
 * All our locks are held across the fork, as the heap's are.  That of the index
 * is not, because it is other processes', too; nobody in this process can
 * take it meanwhile.
 */
#include "seal/fork.h"

#include <pthread.h>
#include <sys/mman.h>

#include "core/log.h"
#include "seal/lock.h"
#include "seal/peer.h"
#include "seal/store.h"
#include "seal/view.h"

static struct tmem_store *fork_list;

static void fork_expect_child(struct tmem_store *store)
{
	int err;

	store->forked = true;
	if (store->index.self == TMEM_PEER_NONE || !store->settled)
		return;
	err = tmem_lock_take(&store->index);
	if (err < 0)
		return;
	if (err)
		tmem_index_recover(&store->index);
	store->child = tmem_peer_expect(&store->index, &store->child_id);
	/* Earlier children may have ended since we last looked. */
	if (store->child == TMEM_PEER_NONE) {
		tmem_index_sweep(&store->index, true);
		store->child =
			tmem_peer_expect(&store->index, &store->child_id);
	}
	tmem_lock_drop(&store->index);
}

/*
 * Without the lock of the index: the row is the child's alone, and the contents
 * stay as long as our own row counts them.
 */
static void fork_ref(const struct tmem_view *view)
{
	_Atomic(uint32_t) *row;

	if (view->lost || view->store->child == TMEM_PEER_NONE)
		return;
	row = tmem_index_row(&view->store->index, view->store->child);
	if (row)
		atomic_fetch_add(&row[view->entry], 1);
}

void tmem_fork_prepare(void)
{
	struct tmem_view *view = NULL;
	struct tmem_store *store;

	fork_list = tmem_stores_lock();
	for (store = fork_list; store; store = store->next)
		pthread_mutex_lock(&store->lock);
	tmem_views_lock();
	/* A store without views is joined anew when the child uses it. */
	while ((view = tmem_views_next(view)))
		if (!view->lost && !view->store->forked)
			fork_expect_child(view->store);
	while ((view = tmem_views_next(view)))
		fork_ref(view);
}

void tmem_fork_release(void)
{
	struct tmem_store *store;

	tmem_views_unlock();
	for (store = fork_list; store; store = store->next) {
		store->child = TMEM_PEER_NONE;
		store->forked = false;
		pthread_mutex_unlock(&store->lock);
	}
	tmem_stores_unlock();
}

static void fork_lose(struct tmem_view *view)
{
	if (view->lost || view->store->index.self != TMEM_PEER_NONE)
		return;
	view->lost = true;
	(void)mprotect(view->addr, tmem_view_span(view->bytes), PROT_NONE);
	tmem_log(TMEM_LOG_WARN,
		 "the child of a fork could not keep a view of %llu bytes",
		 (unsigned long long)view->bytes);
}

void tmem_fork_child(void)
{
	struct tmem_view *view = NULL;
	struct tmem_store *store;

	tmem_peer_forked();
	for (store = fork_list; store; store = store->next) {
		/* By threads that are not here. */
		atomic_store(&store->index.filling, 0);
		(void)tmem_peer_born(&store->index, store->child,
				     store->child_id);
	}
	while ((view = tmem_views_next(view)))
		fork_lose(view);
	tmem_fork_release();
}
