// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools of zeroed spans, one per node: zeroing is done before it is waited for.
 *
 * A worker on the node refills a pool that has fallen below its low mark up to
 * its target.  It takes memory that is free: it stops well above the node's
 * watermarks, and rests while the pressure is high and for a while after
 * reclaim has taken from the pool.
 *
 * Spans are zeroed once, by the page allocator (__GFP_ZERO); clearing them here
 * would be the second time where init_on_alloc is on.
 *
 * What lies in a pool is charged to no memory cgroup (it is, when a fill takes
 * it), so it is counted against max_bytes, shown in sysfs and the status page,
 * and given back to reclaim before any idle span is.  It cannot be migrated:
 * when memory goes offline, the node's pool is emptied.
 */
#include <linux/memory.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "tmem.h"
#include "trace.h"

#define TMEM_POOL_SHARE 64 /* default target: this part of a node's memory... */
#define TMEM_POOL_DEFAULT_MAX 512 /* ...and at most so many spans */
#define TMEM_POOL_REST (10 * HZ) /* after reclaim took from it */
#define TMEM_POOL_RETRY (30 * HZ) /* when the node has nothing to spare */

/**
 * struct tmem_pool - the zeroed spans of one node
 * @nid:    the node
 * @lock:   protects what follows but @work and @retry
 * @folios: linked by their lru field
 * @count:  number of @folios
 * @low:    refill below this
 * @target: refill up to this
 * @rest:   not to be refilled before this time (jiffies)
 * @held:   takes nothing: memory of the node is going offline
 * @refilled: counters of struct tmem_pool_stat
 * @taken:  likewise
 * @missed: likewise
 * @shrunk: likewise
 * @work:   refills
 * @retry:  queues @work after a while
 */
struct tmem_pool {
	int nid;
	spinlock_t lock;
	struct list_head folios;
	unsigned long count;
	unsigned long low;
	unsigned long target;
	unsigned long rest;
	bool held;
	u64 refilled;
	u64 taken;
	u64 missed;
	u64 shrunk;
	struct work_struct work;
	struct delayed_work retry;
};

static struct tmem_pool *tmem_pools; /* nr_node_ids of them */
static struct workqueue_struct *tmem_pool_wq;
static struct shrinker *tmem_pool_shrinker;
static bool tmem_pool_closing;

/* Pages of a node that can be allocated: MemTotal. */
unsigned long tmem_node_pages(int nid)
{
	unsigned long pages = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		pages += zone_managed_pages(&NODE_DATA(nid)->node_zones[i]);
	return pages;
}

/* Has a node so many pages more than its watermarks, and a reserve? */
bool tmem_node_spare(int nid, unsigned long pages)
{
	unsigned long free = 0, keep = 0;
	struct zone *zone;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		zone = &NODE_DATA(nid)->node_zones[i];
		if (!populated_zone(zone))
			continue;
		free += zone_page_state(zone, NR_FREE_PAGES);
		keep += high_wmark_pages(zone);
	}
	return free > keep + pages;
}

static void tmem_pool_wake(struct tmem_pool *pool)
{
	if (!READ_ONCE(tmem_pool_closing))
		queue_work_node(pool->nid, tmem_pool_wq, &pool->work);
}

static void tmem_pool_retry(struct work_struct *work)
{
	tmem_pool_wake(
		container_of(to_delayed_work(work), struct tmem_pool, retry));
}

static void tmem_pool_later(struct tmem_pool *pool, unsigned long delay)
{
	if (!READ_ONCE(tmem_pool_closing))
		mod_delayed_work(system_wq, &pool->retry, delay);
}

static bool tmem_pool_wants(struct tmem_pool *pool)
{
	return READ_ONCE(pool->count) < READ_ONCE(pool->target) &&
	       !READ_ONCE(tmem_pool_closing);
}

/* Now, as far as others are concerned? */
static bool tmem_pool_may(struct tmem_pool *pool)
{
	return !READ_ONCE(pool->held) &&
	       time_after_eq(jiffies, READ_ONCE(pool->rest)) &&
	       tmem_pressure_level() < TMEM_LEVEL_HIGH &&
	       tmem_node_spare(pool->nid,
			       TMEM_SPAN_PAGES +
				       tmem_node_pages(pool->nid) / 32);
}

/*
 * There is free memory, see tmem_pool_may(), but it may be in pieces: one try of
 * compaction, and of the reclaim that goes with it.
 */
static struct folio *tmem_pool_fresh(struct tmem_pool *pool)
{
	gfp_t gfp = GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM | __GFP_NORETRY |
		    __GFP_THISNODE | __GFP_ZERO;
	struct folio *folio;

	if (tmem_limit_charge(NULL, TMEM_SPAN_SIZE))
		return NULL;
	folio = __folio_alloc(gfp, TMEM_SPAN_ORDER, pool->nid, NULL);
	if (!folio)
		tmem_limit_uncharge(NULL, TMEM_SPAN_SIZE);
	return folio;
}

/* False if the pool was made smaller, or is held, meanwhile. */
static bool tmem_pool_put(struct tmem_pool *pool, struct folio *folio)
{
	bool room;

	spin_lock(&pool->lock);
	room = pool->count < pool->target && !pool->held;
	if (room) {
		list_add(&folio->lru, &pool->folios);
		pool->count++;
		pool->refilled++;
	}
	spin_unlock(&pool->lock);
	return room;
}

static void tmem_pool_release(struct folio *folio)
{
	list_del(&folio->lru);
	folio_put(folio);
	tmem_limit_uncharge(NULL, TMEM_SPAN_SIZE);
}

static void tmem_pool_refill(struct work_struct *work)
{
	struct tmem_pool *pool = container_of(work, struct tmem_pool, work);
	unsigned long added = 0;

	while (tmem_pool_wants(pool)) {
		struct folio *folio = NULL;

		if (tmem_pool_may(pool))
			folio = tmem_pool_fresh(pool);
		if (!folio) {
			tmem_pool_later(pool, TMEM_POOL_RETRY);
			break;
		}
		INIT_LIST_HEAD(&folio->lru);
		if (!tmem_pool_put(pool, folio)) {
			tmem_pool_release(folio);
			break;
		}
		added++;
		cond_resched();
	}
	/* What was put off is done; above its low mark a pool is left alone. */
	spin_lock(&pool->lock);
	if (pool->count >= pool->target)
		cancel_delayed_work(&pool->retry);
	spin_unlock(&pool->lock);
	if (added)
		trace_tmem_pool_refill(pool->nid, added, READ_ONCE(pool->count),
				       READ_ONCE(pool->target));
}

/* Up to @nr out of the pool, onto @folios. */
static unsigned long tmem_pool_detach(struct tmem_pool *pool, unsigned long nr,
				      struct list_head *folios)
{
	unsigned long got = 0;

	spin_lock(&pool->lock);
	while (got < nr && pool->count) {
		list_move(pool->folios.next, folios);
		pool->count--;
		got++;
	}
	spin_unlock(&pool->lock);
	return got;
}

static void tmem_pool_free(struct list_head *folios)
{
	while (!list_empty(folios))
		tmem_pool_release(list_first_entry(folios, struct folio, lru));
}

/**
 * tmem_pool_take() - a zeroed folio of a node, for a fill
 * @nid:    the node
 * @wanted: it is the one wanted: that there is none is a miss
 *
 * It is the caller's and counts against no limit any more.  NULL if there is
 * none.  Never sleeps.
 */
struct folio *tmem_pool_take(int nid, bool wanted)
{
	struct tmem_pool *pool = &tmem_pools[nid];
	struct folio *folio = NULL;
	bool low;

	spin_lock(&pool->lock);
	if (pool->count) {
		folio = list_first_entry(&pool->folios, struct folio, lru);
		list_del_init(&folio->lru);
		pool->count--;
		pool->taken++;
	} else if (pool->target && wanted) {
		pool->missed++;
	}
	low = pool->count < pool->low;
	spin_unlock(&pool->lock);

	if (folio)
		tmem_limit_uncharge(NULL, TMEM_SPAN_SIZE);
	if (low)
		tmem_pool_wake(pool);
	return folio;
}

static unsigned long tmem_pool_shrink_one(struct tmem_pool *pool,
					  unsigned long nr)
{
	LIST_HEAD(folios);

	nr = tmem_pool_detach(pool, nr, &folios);
	if (nr) {
		spin_lock(&pool->lock);
		pool->shrunk += nr;
		pool->rest = jiffies + TMEM_POOL_REST;
		spin_unlock(&pool->lock);
		tmem_pool_free(&folios);
		tmem_pool_later(pool, TMEM_POOL_REST + HZ);
	}
	return nr;
}

/**
 * tmem_pool_shrink() - give spans back to the system; somebody needs memory
 * @nid: of this node; NUMA_NO_NODE: of all
 * @nr:  at most so many
 *
 * Returns how many went.  Never sleeps.
 */
unsigned long tmem_pool_shrink(int nid, unsigned long nr)
{
	unsigned long done = 0;
	int i;

	if (nid != NUMA_NO_NODE)
		return tmem_pool_shrink_one(&tmem_pools[nid], nr);
	for (i = 0; i < nr_node_ids && done < nr; i++)
		done += tmem_pool_shrink_one(&tmem_pools[i], nr - done);
	return done;
}

/* As for idle spans (recall.c): one scan for each pass of reclaim. */
static unsigned long tmem_pool_shrink_count(struct shrinker *shrinker,
					    struct shrink_control *sc)
{
	return READ_ONCE(tmem_pools[sc->nid].count) ? 2 : 0;
}

static unsigned long tmem_pool_shrink_scan(struct shrinker *shrinker,
					   struct shrink_control *sc)
{
	unsigned long done =
		tmem_pool_shrink(sc->nid, current_is_kswapd() ? 16 : 2);

	tmem_account_reclaimed(done * TMEM_SPAN_PAGES);
	return done ?: SHRINK_STOP;
}

void tmem_pool_stat(int nid, struct tmem_pool_stat *stat)
{
	struct tmem_pool *pool = &tmem_pools[nid];

	spin_lock(&pool->lock);
	*stat = (struct tmem_pool_stat){
		.count = pool->count,
		.low = pool->low,
		.target = pool->target,
		.refilled = pool->refilled,
		.taken = pool->taken,
		.missed = pool->missed,
		.shrunk = pool->shrunk,
	};
	spin_unlock(&pool->lock);
}

/* In the pools of all nodes. */
u64 tmem_pool_bytes(void)
{
	u64 spans = 0;
	int nid;

	for (nid = 0; nid < nr_node_ids; nid++)
		spans += READ_ONCE(tmem_pools[nid].count);
	return spans << TMEM_SPAN_SHIFT;
}

/**
 * tmem_pool_set() - size a pool
 * @nid:    the node
 * @low:    spans; refill below this.  U64_MAX: as it is
 * @target: spans; refill up to this.  U64_MAX: as it is
 *
 * -EINVAL if the node has no memory, @low is above @target, or @target above
 * half of the node.
 */
int tmem_pool_set(int nid, u64 low, u64 target)
{
	struct tmem_pool *pool;
	unsigned long surplus;
	LIST_HEAD(folios);

	if (nid < 0 || nid >= nr_node_ids || !node_state(nid, N_MEMORY))
		return -EINVAL;
	pool = &tmem_pools[nid];
	spin_lock(&pool->lock);
	if (low == U64_MAX)
		low = pool->low;
	if (target == U64_MAX)
		target = pool->target;
	if (low > target ||
	    target > tmem_node_pages(nid) / 2 >> TMEM_SPAN_ORDER) {
		spin_unlock(&pool->lock);
		return -EINVAL;
	}
	pool->low = low;
	pool->target = target;
	pool->rest = jiffies;
	surplus = pool->count > target ? pool->count - target : 0;
	spin_unlock(&pool->lock);

	tmem_pool_detach(pool, surplus, &folios);
	tmem_pool_free(&folios);
	tmem_pool_wake(pool);
	return 0;
}

/* A refill that is under way finds the pool held and frees what it has. */
static void tmem_pool_hold(struct tmem_pool *pool)
{
	spin_lock(&pool->lock);
	pool->held = true;
	spin_unlock(&pool->lock);
	tmem_pool_shrink_one(pool, ULONG_MAX);
}

static void tmem_pool_unhold(struct tmem_pool *pool)
{
	bool held;

	spin_lock(&pool->lock);
	held = pool->held;
	pool->held = false;
	spin_unlock(&pool->lock);
	if (held)
		tmem_pool_later(pool, TMEM_POOL_REST + HZ);
}

/*
 * What is in a pool cannot be migrated.  Only one range goes offline at a time;
 * when it has, its pages cannot be asked any more which node they were on.
 */
static int tmem_pool_memory_event(struct notifier_block *nb,
				  unsigned long action, void *data)
{
	struct memory_notify *range = data;
	int nid;

	switch (action) {
	case MEM_GOING_OFFLINE:
		tmem_pool_hold(&tmem_pools[pfn_to_nid(range->start_pfn)]);
		break;
	case MEM_OFFLINE:
	case MEM_CANCEL_OFFLINE:
		for (nid = 0; nid < nr_node_ids; nid++)
			tmem_pool_unhold(&tmem_pools[nid]);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block tmem_pool_memory_notifier = {
	.notifier_call = tmem_pool_memory_event,
};

static void tmem_pool_setup(struct tmem_pool *pool, int nid)
{
	pool->nid = nid;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->folios);
	INIT_WORK(&pool->work, tmem_pool_refill);
	INIT_DELAYED_WORK(&pool->retry, tmem_pool_retry);
	pool->rest = jiffies;
	if (!node_state(nid, N_MEMORY))
		return;
	pool->target = min_t(unsigned long, TMEM_POOL_DEFAULT_MAX,
			     tmem_node_pages(nid) / TMEM_POOL_SHARE >>
				     TMEM_SPAN_ORDER);
	pool->low = pool->target / 2;
}

/* Nothing is in the pools yet; tmem_pool_start() begins to fill them. */
int tmem_pool_init(void)
{
	int nid, err = -ENOMEM;

	tmem_pool_closing = false;
	tmem_pools = kcalloc(nr_node_ids, sizeof(*tmem_pools), GFP_KERNEL);
	if (!tmem_pools)
		return -ENOMEM;
	for (nid = 0; nid < nr_node_ids; nid++)
		tmem_pool_setup(&tmem_pools[nid], nid);
	tmem_pool_wq = alloc_workqueue("tmem_pool", WQ_UNBOUND | WQ_SYSFS, 0);
	if (!tmem_pool_wq)
		goto free_pools;
	tmem_pool_shrinker = tmem_shrinker_alloc(SHRINKER_NUMA_AWARE,
						 "tmem-pool",
						 tmem_pool_shrink_count,
						 tmem_pool_shrink_scan);
	if (!tmem_pool_shrinker)
		goto destroy_wq;
	err = register_memory_notifier(&tmem_pool_memory_notifier);
	if (err)
		goto free_shrinker;
	tmem_shrinker_register(tmem_pool_shrinker);
	return 0;

free_shrinker:
	tmem_shrinker_free(tmem_pool_shrinker);
destroy_wq:
	destroy_workqueue(tmem_pool_wq);
free_pools:
	kfree(tmem_pools);
	return err;
}

void tmem_pool_start(void)
{
	int nid;

	for_each_node_state(nid, N_MEMORY)
		tmem_pool_wake(&tmem_pools[nid]);
}

/**
 * tmem_pool_settle() - wait for refills that are under way; for tests
 * @now: those that were put off are tried first
 */
void tmem_pool_settle(bool now)
{
	int nid;

	for (nid = 0; nid < nr_node_ids; nid++) {
		if (now)
			flush_delayed_work(&tmem_pools[nid].retry);
		flush_work(&tmem_pools[nid].work);
	}
}

void tmem_pool_exit(void)
{
	int nid;

	/* First those that could queue work, then the work. */
	unregister_memory_notifier(&tmem_pool_memory_notifier);
	tmem_shrinker_free(tmem_pool_shrinker);
	WRITE_ONCE(tmem_pool_closing, true);
	for (nid = 0; nid < nr_node_ids; nid++)
		cancel_delayed_work_sync(&tmem_pools[nid].retry);
	for (nid = 0; nid < nr_node_ids; nid++)
		cancel_work_sync(&tmem_pools[nid].work);
	for (nid = 0; nid < nr_node_ids; nid++)
		cancel_delayed_work_sync(&tmem_pools[nid].retry);
	tmem_pool_shrink(NUMA_NO_NODE, ULONG_MAX);
	destroy_workqueue(tmem_pool_wq);
	kfree(tmem_pools);
}
