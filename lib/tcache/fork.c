// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fork().  Before it, each cache is locked in a moment in which no entry is
 * busy: so none is half compressed in the child.
 *
 * On anonymous memory the child has copies of all blocks, and goes on.  On
 * /dev/tmem its parent's blocks stay its parent's, who may free one and write
 * something else there: what is not pinned is forgotten in the child.
 *
 * The hooks are registered with the first cache, so after the heap's: of those
 * that run before a fork the last one is the first, and the caches' locks come
 * before the heap's, as everywhere.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "monitor/monitor.h"
#include "tcache/tcache.h"

static struct {
	pthread_mutex_t lock;
	struct tmem_tcache *first;
	pthread_cond_t alone; /* a guest has left */
} list = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.alone = PTHREAD_COND_INITIALIZER,
};

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void caches_unlock(const struct tmem_tcache *end)
{
	struct tmem_tcache *c;

	for (c = list.first; c != end; c = c->next)
		tmem_tcache_unlock(c);
}

/*
 * All of them, or none and false: there was a busy one, which is waited for
 * with no lock but its own.  Its thread may allocate, and so come to another
 * cache by the limit observer.
 */
static bool caches_lock(void)
{
	struct tmem_tcache *c;

	for (c = list.first; c; c = c->next) {
		tmem_tcache_lock(c);
		if (!c->busy)
			continue;
		caches_unlock(c);
		while (c->busy)
			pthread_cond_wait(&c->calm, &c->lock);
		tmem_tcache_unlock(c);
		return false;
	}
	return true;
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&list.lock);
	while (!caches_lock())
		;
}

static void fork_parent(void)
{
	caches_unlock(NULL);
	pthread_mutex_unlock(&list.lock);
}

/*
 * Its blocks are not freed, for they are not ours; nobody finds it or writes to
 * it again, and if it is pinned it goes with its last pin.
 */
static void entry_inherit(struct tmem_tcache *c, struct tmem_tentry *e)
{
	if (e->packed)
		tmem_room_uncount(c, e);
	e->packed = 0;
	e->value = e->words = e->key_bytes = NULL;
	if (e->idle) {
		tmem_room_discard(c, e);
		return;
	}
	if (!e->doomed)
		tmem_table_remove(c, e);
	e->doomed = true;
}

void tmem_tcache_inherit(struct tmem_tcache *c)
{
	tmem_tentry_each(c, entry_inherit);
}

static void fork_child(void)
{
	static const pthread_cond_t calm = PTHREAD_COND_INITIALIZER;
	bool inherit = !strcmp(tmem_backend_name(), "dev");
	struct tmem_tcache *c;

	memcpy(&list.alone, &calm, sizeof(calm));
	for (c = list.first; c; c = c->next) {
		/* Threads that are not here may have waited. */
		memcpy(&c->calm, &calm, sizeof(calm));
		c->guests = 0;
		if (inherit)
			tmem_tcache_inherit(c);
		/* One of them may have been looking at the level. */
		atomic_store(&c->quiet_until_ms, 0);
	}
	fork_parent();
}

static uint64_t cache_event(struct tmem_tcache *c, uint64_t level)
{
	return tmem_tcache_react(c, (enum tmem_level)level);
}

/* The monitor's event: its thread is not to be kept for long. */
static void caches_event(enum tmem_level level)
{
	tmem_tcaches_each(cache_event, level, false);
}

static void fork_hook(void)
{
	atomic_store(&tmem_monitor_hook, caches_event);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void tmem_tcache_link(struct tmem_tcache *c)
{
	pthread_once(&fork_once, fork_hook);
	pthread_mutex_lock(&list.lock);
	c->next = list.first;
	if (list.first)
		list.first->prev = c;
	list.first = c;
	pthread_mutex_unlock(&list.lock);
}

uint64_t tmem_tcaches_each(uint64_t (*fn)(struct tmem_tcache *c, uint64_t arg),
			   uint64_t arg, bool manual)
{
	struct tmem_tcache *c;
	uint64_t sum = 0;

	pthread_mutex_lock(&list.lock);
	for (c = list.first; c; c = c->next) {
		if (!manual && c->flags & TMEM_TCACHE_MANUAL)
			continue;
		/* It stays in the list, and so does its place. */
		c->guests++;
		pthread_mutex_unlock(&list.lock);
		sum += fn(c, arg);
		pthread_mutex_lock(&list.lock);
		if (!--c->guests)
			pthread_cond_broadcast(&list.alone);
	}
	pthread_mutex_unlock(&list.lock);
	return sum;
}

void tmem_tcache_unlink(struct tmem_tcache *c)
{
	pthread_mutex_lock(&list.lock);
	while (c->guests)
		pthread_cond_wait(&list.alone, &list.lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		list.first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&list.lock);
}
