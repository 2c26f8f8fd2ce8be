// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The heap's life: set up at the first use, taken across fork().
 *
 * fork().  On anonymous memory the child has a copy of everything and goes on
 * as it is.  On /dev/tmem it shares its parent's memory: were it to use it, it
 * would write over its parent's tensors.  So the child keeps its parent's
 * blocks readable, not writable, frees none of them, and takes memory from
 * arenas of its own, made when it first allocates.
 */
#include "pool/heap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "core/settings.h"

enum heap_state {
	HEAP_NONE = 0, /* nothing set up */
	HEAP_READY,
	HEAP_FORKED, /* as HEAP_READY, but the supply is to be opened anew */
};

static struct {
	pthread_mutex_t lock;
	enum heap_state state;
	struct tmem_settings settings;
	enum tmem_backend backend; /* the one that came of it */
	struct tmem_pool default_pool;
	struct tmem_pool *pools;
	struct tmem_pool_count count;
} heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void heap_fork_prepare(void)
{
	pthread_mutex_lock(&heap.lock);
}

static void heap_fork_parent(void)
{
	pthread_mutex_unlock(&heap.lock);
}

static void heap_fork_child(void)
{
	struct tmem_pool *pool;

	if (heap.state == HEAP_READY && heap.backend == TMEM_BACKEND_DEV) {
		tmem_windows_inherit();
		tmem_supply_abandon();
		for (pool = heap.pools; pool; pool = pool->next)
			tmem_pool_reset(pool);
		memset(&heap.count, 0, sizeof(heap.count));
		heap.state = HEAP_FORKED;
	}
	pthread_mutex_unlock(&heap.lock);
}

/* Before anything can be set up: another thread may fork meanwhile. */
__attribute__((constructor)) static void heap_fork_hook(void)
{
	pthread_atfork(heap_fork_prepare, heap_fork_parent, heap_fork_child);
}

static int heap_open(const struct tmem_settings *settings)
{
	int err = tmem_supply_open(settings);

	if (err)
		return err;
	err = tmem_windows_open();
	if (err) {
		tmem_supply_close();
		return err;
	}
	heap.settings = *settings;
	heap.backend = tmem_supply_must_populate() ? TMEM_BACKEND_DEV :
						     TMEM_BACKEND_ANON;
	tmem_pool_reset(&heap.default_pool);
	tmem_heap_link(&heap.default_pool);
	heap.state = HEAP_READY;
	return 0;
}

/* With the lock held. */
static int heap_prepare(void)
{
	struct tmem_settings settings;
	int err;

	switch (heap.state) {
	case HEAP_READY:
		return 0;
	case HEAP_FORKED:
		/* The backend that the parent had, or none: no mixture. */
		err = tmem_supply_open(&(struct tmem_settings){
			.backend = TMEM_BACKEND_DEV,
			.numa = heap.settings.numa,
			.nodes = heap.settings.nodes,
		});
		if (!err)
			heap.state = HEAP_READY;
		return err;
	case HEAP_NONE:
		break;
	}
	err = tmem_settings_make(&settings, NULL);
	return err ? err : heap_open(&settings);
}

int tmem_heap_enter(void)
{
	int err;

	pthread_mutex_lock(&heap.lock);
	err = heap_prepare();
	if (err)
		pthread_mutex_unlock(&heap.lock);
	return err;
}

bool tmem_heap_enter_if_ready(void)
{
	pthread_mutex_lock(&heap.lock);
	if (heap.state != HEAP_NONE)
		return true;
	pthread_mutex_unlock(&heap.lock);
	return false;
}

void tmem_heap_enter_anyway(void)
{
	pthread_mutex_lock(&heap.lock);
}

void tmem_heap_count_misuse(void)
{
	pthread_mutex_lock(&heap.lock);
	heap.count.misuse++;
	pthread_mutex_unlock(&heap.lock);
}

void tmem_heap_leave(void)
{
	pthread_mutex_unlock(&heap.lock);
}

/* What a second tmem_init() asks for explicitly is what there is. */
static bool heap_agrees(const struct tmem_config *config)
{
	struct tmem_config asked;

	tmem_struct_get(&asked, sizeof(asked), config);
	if (asked.backend != TMEM_BACKEND_AUTO && asked.backend != heap.backend)
		return false;
	if (asked.numa == TMEM_NUMA_LOCAL && !asked.nodes)
		return true;
	return asked.numa == heap.settings.numa &&
	       asked.nodes == heap.settings.nodes;
}

int tmem_init(const struct tmem_config *config)
{
	struct tmem_settings settings;
	int err;

	pthread_mutex_lock(&heap.lock);
	if (heap.state == HEAP_NONE) {
		err = tmem_settings_make(&settings, config);
		if (!err)
			err = heap_open(&settings);
	} else {
		err = heap_prepare();
		if (!err && config)
			err = tmem_settings_make(&settings, config);
		if (!err && config && !heap_agrees(config))
			err = -EALREADY;
	}
	pthread_mutex_unlock(&heap.lock);
	return err;
}

const char *tmem_backend_name(void)
{
	const char *name;

	pthread_mutex_lock(&heap.lock);
	name = heap.state == HEAP_NONE		? "none" :
	       heap.backend == TMEM_BACKEND_DEV ? "dev" :
						  "anon";
	pthread_mutex_unlock(&heap.lock);
	return name;
}

struct tmem_pool *tmem_heap_default_pool(void)
{
	return &heap.default_pool;
}

struct tmem_pool_count *tmem_heap_count(void)
{
	return &heap.count;
}

void tmem_heap_link(struct tmem_pool *pool)
{
	pool->prev = NULL;
	pool->next = heap.pools;
	if (heap.pools)
		heap.pools->prev = pool;
	heap.pools = pool;
}

void tmem_heap_unlink(struct tmem_pool *pool)
{
	if (pool->next)
		pool->next->prev = pool->prev;
	if (pool->prev)
		pool->prev->next = pool->next;
	else
		heap.pools = pool->next;
}
