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

#include "arena/spans.h"
#include "analytics/events.h"
#include "analytics/modules.h"
#include "control/control.h"
#include "core/lock.h"
#include "core/settings.h"
#include "gc/gc.h"
#include "monitor/monitor.h"
#include "optimizer/events.h"
#include "pool/guard.h"
#include "pool/idle.h"
#include "pool/limit.h"

enum heap_state {
	HEAP_NONE = 0, /* nothing set up */
	HEAP_READY,
	HEAP_FORKED, /* as HEAP_READY, but the supply is to be opened anew */
};

static struct {
	struct tmem_lock lock;
	enum heap_state state;
	struct tmem_settings settings;
	enum tmem_backend backend; /* the one that came of it */
	struct tmem_pool default_pool;
	struct tmem_pool *pools;
	struct tmem_pool_count count;
	uint64_t ids; /* of pools, that are taken: a bit each */
	uint32_t max_slots;
	bool is_short;
	uint64_t noted_idle;
} heap = { .lock = TMEM_LOCK_INIT };

/* The collector hears of every change of what is idle. */
static void heap_note_idle(void)
{
	if (heap.noted_idle == tmem_spans_stats.idle)
		return;
	heap.noted_idle = tmem_spans_stats.idle;
	tmem_gc_note_idle(heap.noted_idle);
}

/* Nobody is in the middle of anything while we fork. */
static void heap_fork_prepare(void)
{
	tmem_modules_fork_prepare();
	tmem_idle_lock();
	tmem_lock_take(&heap.lock);
	tmem_threads_stop();
	tmem_analytics_fork_prepare();
}

static void heap_fork_done(void)
{
	tmem_analytics_fork_done();
	tmem_threads_go();
	tmem_lock_give(&heap.lock);
	tmem_idle_unlock();
	tmem_modules_fork_done();
}

/* The parent's memory is the parent's; its blocks stay known. */
static void heap_inherit(void)
{
	struct tmem_pool *pool;

	for (pool = heap.pools; pool; pool = pool->next) {
		tmem_cache_inherit(&pool->shared);
		tmem_orphans_inherit(pool);
		tmem_pages_inherit(pool);
		tmem_pool_flush(&pool->shared);
		tmem_pool_flush(&pool->nobody);
		memset(&pool->count, 0, sizeof(pool->count));
	}
	tmem_spans_inherit(heap.settings.fork != TMEM_FORK_NONE);
	tmem_supply_abandon();
	tmem_guard_inherit();
	tmem_analytics_inherit();
	memset(&heap.count, 0, sizeof(heap.count));
	heap_note_idle();
	heap.state = HEAP_FORKED;
}

static void heap_fork_child(void)
{
	bool inherit = heap.state == HEAP_READY &&
		       heap.backend == TMEM_BACKEND_DEV;

	if (heap.state != HEAP_NONE)
		tmem_threads_fork_child(inherit);
	if (inherit)
		heap_inherit();
	heap_fork_done();
}

/* Before anything can be set up: another thread may fork meanwhile. */
__attribute__((constructor)) static void heap_fork_hook(void)
{
	pthread_atfork(heap_fork_prepare, heap_fork_done, heap_fork_child);
}

/* The default pool takes what others leave, so its lists are there. */
static int heap_pool_open(const struct tmem_settings *settings)
{
	unsigned int node;

	heap.max_slots = tmem_limit_slots(settings->max_bytes);
	tmem_pool_reset(&heap.default_pool, settings->strategy, 0);
	for (node = 0; node < TMEM_NODES_MAX; node++)
		if ((!node || tmem_supply_node_arena(node)) &&
		    !tmem_pages_chunks(&heap.default_pool, node))
			return -ENOMEM;
	tmem_heap_link(&heap.default_pool);
	return 0;
}

static int heap_open(const struct tmem_settings *settings)
{
	int err = tmem_supply_open(settings);

	if (err)
		return err;
	err = tmem_gc_open(settings->gc_off);
	if (!err)
		err = tmem_control_open();
	if (!err)
		err = tmem_slots_open(tmem_supply_spans());
	if (err)
		goto no_slots;
	err = tmem_page_open();
	if (err)
		goto no_pages;
	err = heap_pool_open(settings);
	if (err)
		goto no_pool;
	tmem_threads_open();
	heap.settings = *settings;
	atomic_store(&tmem_guard_on, settings->debug & TMEM_DEBUG_GUARD);
	heap.backend = tmem_supply_must_populate() ? TMEM_BACKEND_DEV :
						     TMEM_BACKEND_ANON;
	heap.state = HEAP_READY;
	tmem_analytics_open(settings->analytics);
	if (settings->optimizer)
		tmem_optimizer_open(settings->optimizer - 1);
	if (settings->monitor)
		tmem_monitor_want();
	return 0;

no_pool:
	tmem_page_close();
no_pages:
	tmem_slots_close();
no_slots:
	tmem_supply_close();
	return err;
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

	tmem_lock_take(&heap.lock);
	err = heap_prepare();
	if (err)
		tmem_lock_give(&heap.lock);
	return err;
}

bool tmem_heap_enter_if_ready(void)
{
	tmem_lock_take(&heap.lock);
	if (heap.state != HEAP_NONE)
		return true;
	tmem_lock_give(&heap.lock);
	return false;
}

void tmem_heap_enter_anyway(void)
{
	tmem_lock_take(&heap.lock);
}

void tmem_heap_count_misuse(void)
{
	tmem_lock_take(&heap.lock);
	heap.count.misuse++;
	tmem_lock_give(&heap.lock);
}

void tmem_heap_leave(void)
{
	heap_note_idle();
	tmem_lock_give(&heap.lock);
}

/* What a second tmem_init() asks for explicitly is what there is. */
static bool heap_agrees(const struct tmem_config *config)
{
	struct tmem_config asked;

	tmem_struct_get(&asked, sizeof(asked), config);
	if (asked.backend != TMEM_BACKEND_AUTO && asked.backend != heap.backend)
		return false;
	if ((asked.strategy && asked.strategy != heap.settings.strategy) ||
	    (asked.fork && asked.fork != heap.settings.fork) ||
	    (asked.gc_off && !heap.settings.gc_off) ||
	    (asked.max_bytes && asked.max_bytes != heap.settings.max_bytes) ||
	    (asked.debug && asked.debug != heap.settings.debug))
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

	tmem_lock_take(&heap.lock);
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
	tmem_lock_give(&heap.lock);
	tmem_gc_poll();
	if (!err)
		tmem_control_poll();
	return err;
}

const char *tmem_backend_name(void)
{
	const char *name;

	tmem_lock_take(&heap.lock);
	name = heap.state == HEAP_NONE		? "none" :
	       heap.backend == TMEM_BACKEND_DEV ? "dev" :
						  "anon";
	tmem_lock_give(&heap.lock);
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

struct tmem_pool *tmem_heap_pools(void)
{
	return heap.pools;
}

uint32_t tmem_pool_room(const struct tmem_pool *pool)
{
	if (pool->max_slots == UINT32_MAX)
		return UINT32_MAX;
	return pool->max_slots > pool->slots ? pool->max_slots - pool->slots :
					       0;
}

uint32_t tmem_heap_room(const struct tmem_pool *pool)
{
	uint32_t room = tmem_pool_room(pool), slots = 0;

	if (heap.max_slots == UINT32_MAX)
		return room;
	for (pool = heap.pools; pool; pool = pool->next)
		slots += pool->slots;
	if (slots >= heap.max_slots)
		return 0;
	return heap.max_slots - slots < room ? heap.max_slots - slots : room;
}

uint32_t tmem_heap_max_slots(void)
{
	return heap.max_slots;
}

uint64_t tmem_heap_span_goal(void)
{
	uint64_t pages = tmem_pages_high();

	return (pages + pages / 16) / TMEM_SLOT_PAGES + 1;
}

bool tmem_heap_is_short(void)
{
	return heap.is_short;
}

void tmem_heap_set_short(bool is_short)
{
	heap.is_short = is_short;
}

/* Pools beyond the 64th share the last number. */
static uint32_t heap_id(void)
{
	uint32_t id = ~heap.ids ? (uint32_t)__builtin_ctzll(~heap.ids) : 63;

	heap.ids |= 1ULL << id;
	return id;
}

void tmem_heap_link(struct tmem_pool *pool)
{
	pool->id = heap_id();
	pool->prev = NULL;
	pool->next = heap.pools;
	if (heap.pools)
		heap.pools->prev = pool;
	heap.pools = pool;
}

void tmem_heap_unlink(struct tmem_pool *pool)
{
	if (pool->id < 63)
		heap.ids &= ~(1ULL << pool->id);
	if (pool->next)
		pool->next->prev = pool->prev;
	if (pool->prev)
		pool->prev->next = pool->next;
	else
		heap.pools = pool->next;
}
