// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recall: idle spans go, the oldest first, when somebody needs the memory.
 *
 * Who needs it:
 *  - a node or a memory cgroup that is short: the core calls our shrinker,
 *    from kswapd or from the allocation that found nothing;
 *  - everybody: the core is about to choose a victim to kill (OOM notifier);
 *  - a limit of bytes is reached, or an arena finds no huge page for itself.
 *
 * A recall has two steps.  Looking: every span's word is read, along a recall
 * list (for a node or a cgroup; under the list's spinlock) or arena by arena
 * (for all others), and the oldest idle ones are kept, with a pin on their
 * arenas.  Purging: with no lock held, one span after the other, by the rules
 * of purge.c; a word that has changed since it was looked at is left alone.
 *
 * Spans whose pages somebody holds are not tried again for a second: else the
 * oldest, pinned for long, would hide all others.
 *
 * A list longer than TMEM_LOOK_MAX is looked at in turn, a window at a time,
 * and the oldest of the window go: a spinlock is held for a millisecond at
 * most.
 *
 * How much goes: reclaim calls again as long as it needs more, so that few
 * spans a call take no more than what is needed.  One span is more than
 * what a direct reclaimer is after.
 */
#include <linux/memcontrol.h>
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/shrinker.h>
#include <linux/swap.h>

#include "compat.h"
#include "tmem.h"

#define TMEM_LOOK_MAX 8192UL /* spans of a list looked at in one go: 16 GiB */
#define TMEM_LOOK_CHUNK 4096U /* spans of an arena looked at in one go */
#define TMEM_VICTIMS 16
#define TMEM_LOOKS_IN_VAIN 64 /* after which a recall gives up */
#define TMEM_RECALL_DIRECT 2 /* spans that a direct reclaimer takes */
#define TMEM_RECALL_OOM 64
#define TMEM_REFUSED_FOR 15 /* stamps (1 s) that a pinned span is not tried */

struct tmem_victim {
	struct tmem_arena *arena;
	u32 span;
	u32 word;
	u32 age;
};

/**
 * struct tmem_victims - the oldest idle spans seen, oldest first
 * @now:    stamp of the time
 * @nr:     entries in @at
 * @rotate: the list is longer than what is looked at of it
 * @at:     the spans, each with a pin on its arena
 */
struct tmem_victims {
	u32 now;
	unsigned int nr;
	bool rotate;
	struct tmem_victim at[TMEM_VICTIMS];
};

static atomic64_t tmem_recall_scanned;
static atomic64_t tmem_recall_purged;
static atomic64_t tmem_recall_busy;
static atomic64_t tmem_recall_pinned;
static atomic64_t tmem_recall_absent;
static atomic64_t tmem_recall_oom_calls;
static atomic64_t tmem_recall_oom_purged;

static struct shrinker *tmem_shrinker;
static bool tmem_recall_ready;

/* Keep a span if it is among the oldest. */
static void tmem_victims_offer(struct tmem_victims *v, struct tmem_arena *arena,
			       u32 span, u32 word)
{
	u32 age = (v->now - word) & TMEM_STAMP_MASK;
	unsigned int i = v->nr;

	if (i == TMEM_VICTIMS && age <= v->at[i - 1].age)
		return;
	if (!refcount_inc_not_zero(&arena->pins))
		return; /* on its way out */
	if (i == TMEM_VICTIMS)
		tmem_arena_unpin(v->at[--i].arena);
	else
		v->nr++;
	for (; i && v->at[i - 1].age < age; i--)
		v->at[i] = v->at[i - 1];
	v->at[i] = (struct tmem_victim){ arena, span, word, age };
}

static bool tmem_refused_lately(const struct tmem_victims *v, u32 refused)
{
	return refused &&
	       ((v->now - refused) & TMEM_STAMP_MASK) < TMEM_REFUSED_FOR;
}

/*
 * Neither the arena nor the object may go meanwhile; but the object may be a
 * new one, of another span, if only RCU holds it.  It is a hint.
 */
static void tmem_victims_look(struct tmem_victims *v, struct tmem_arena *arena,
			      u32 span, const struct tmem_track *track)
{
	u32 word = READ_ONCE(arena->ctl[span]);

	if (word & TMEM_SPAN_IDLE &&
	    !tmem_refused_lately(v, READ_ONCE(track->refused)))
		tmem_victims_offer(v, arena, span, word);
}

/* The list is locked: what is on it stays. */
static enum lru_status tmem_victims_look_list(struct list_head *item,
					      struct list_lru_one *list,
					      spinlock_t *lock, void *data)
{
	struct tmem_track *track = container_of(item, struct tmem_track, lru);
	struct tmem_victims *v = data;

	tmem_victims_look(v, track->arena, track->span, track);
	return v->rotate ? LRU_ROTATE : LRU_SKIP;
}

/* The caller holds the arena. */
static void tmem_victims_look_arena(struct tmem_victims *v,
				    struct tmem_arena *arena)
{
	u32 span, end;

	for (span = 0; span < arena->nr_spans;) {
		end = min(arena->nr_spans, span + TMEM_LOOK_CHUNK);
		rcu_read_lock();
		for (; span < end; span++) {
			struct tmem_track *track =
				READ_ONCE(arena->tracked[span]);

			if (track)
				tmem_victims_look(v, arena, span, track);
		}
		rcu_read_unlock();
		cond_resched();
	}
	atomic64_add(arena->nr_spans, &tmem_recall_scanned);
}

static void tmem_recall_count(const struct tmem_purge_count *count)
{
	atomic64_add(count->purged, &tmem_recall_purged);
	atomic64_add(count->busy, &tmem_recall_busy);
	atomic64_add(count->pinned, &tmem_recall_pinned);
	atomic64_add(count->absent, &tmem_recall_absent);
}

/* Purge up to @nr of them; all pins are dropped. */
static unsigned int tmem_victims_purge(struct tmem_victims *v, unsigned int nr,
				       enum tmem_purge_why why)
{
	struct tmem_purge_count count = {};
	unsigned int i;

	for (i = 0; i < v->nr; i++) {
		struct tmem_victim *at = &v->at[i];

		if (count.purged < nr)
			tmem_purge_one(at->arena, at->span, at->word, why,
				       &count);
		tmem_arena_unpin(at->arena);
	}
	tmem_recall_count(&count);
	return count.purged;
}

/* One list: of a node, and of a memory cgroup or of none. */
static unsigned int tmem_recall_list(int nid, struct mem_cgroup *memcg,
				     unsigned int nr)
{
	struct tmem_victims v = { .now = tmem_stamp_now() };
	struct list_lru *lru = tmem_track_lists();
	unsigned long count = list_lru_count_one(lru, nid, memcg), look;

	v.rotate = count > TMEM_LOOK_MAX;
	look = min(count, TMEM_LOOK_MAX);
	atomic64_add(look, &tmem_recall_scanned);
	list_lru_walk_one(lru, nid, memcg, tmem_victims_look_list, &v, &look);
	return tmem_victims_purge(&v, nr, TMEM_WHY_RECLAIM);
}

/* The arenas of @user, or all of them. */
static void tmem_victims_look_all(struct tmem_victims *v,
				  const struct tmem_user *user)
{
	struct tmem_arena *arena;
	u64 id = 0;

	while ((arena = tmem_registry_pin(id))) {
		id = arena->id;
		if (!user || arena->user == user)
			tmem_victims_look_arena(v, arena);
		tmem_arena_unpin(arena);
	}
}

/*
 * From @arena, or else from those of @user, or else from all; in batches of what
 * is remembered at a time.  A batch of pinned spans, of which none goes, is not
 * the end: the next look passes over them.
 */
static unsigned int tmem_recall_many(struct tmem_arena *arena,
				     const struct tmem_user *user,
				     unsigned int nr, enum tmem_purge_why why)
{
	unsigned int done = 0, got, vain = 0;
	bool more;

	do {
		struct tmem_victims v = { .now = tmem_stamp_now() };

		if (arena)
			tmem_victims_look_arena(&v, arena);
		else
			tmem_victims_look_all(&v, user);
		more = v.nr == TMEM_VICTIMS;
		got = tmem_victims_purge(&v, nr - done, why);
		done += got;
		vain += !got;
	} while (more && done < nr && vain < TMEM_LOOKS_IN_VAIN);
	return done;
}

/**
 * tmem_recall_limit() - a limit is reached: purge idle spans
 * @user: whose limit, or NULL: the module's
 * @nr:   how many
 *
 * Returns how many went.
 */
unsigned int tmem_recall_limit(const struct tmem_user *user, unsigned int nr)
{
	return tmem_recall_many(NULL, user, nr, TMEM_WHY_LIMIT);
}

/* What debugfs asks for; under fs_reclaim, as the shrinker would be. */
unsigned int tmem_recall_debug(unsigned int nr)
{
	return tmem_recall_many(NULL, NULL, nr, TMEM_WHY_RECLAIM);
}

/**
 * tmem_recall_arena() - an arena finds no memory: purge its own idle spans
 * @arena: the arena; its file is held
 * @nr:    how many
 *
 * Returns how many went.
 */
unsigned int tmem_recall_arena(struct tmem_arena *arena, unsigned int nr)
{
	return tmem_recall_many(arena, NULL, nr, TMEM_WHY_FILL);
}

/*
 * With no seeks, half of what is counted is scanned in a pass: so each pass
 * calls tmem_shrink_scan() once, which knows best how much to take.
 */
static unsigned long tmem_shrink_count(struct shrinker *shrinker,
				       struct shrink_control *sc)
{
	/* With the release in tmem_recall_init(): the lists are there. */
	if (!smp_load_acquire(&tmem_recall_ready))
		return 0;
	if (current_is_kswapd())
		tmem_pressure_reclaim(TMEM_RECLAIM_KSWAPD);
	else if (!tmem_node_spare(sc->nid, 0)) /* not a cgroup at its limit */
		tmem_pressure_reclaim(TMEM_RECLAIM_DIRECT);
	return list_lru_shrink_count(tmem_track_lists(), sc) ? 2 : SHRINK_EMPTY;
}

#ifdef CONFIG_MEMCG
/* Could a cgroup and its ancestors be charged for so many pages more? */
static bool tmem_memcg_room(const struct mem_cgroup *memcg, unsigned long pages)
{
	for (; memcg; memcg = parent_mem_cgroup((struct mem_cgroup *)memcg)) {
		const struct page_counter *memory = &memcg->memory;
		unsigned long limit =
			min(READ_ONCE(memory->max), READ_ONCE(memory->high));

		if (atomic_long_read(&memory->usage) + pages > limit)
			return false;
	}
	return true;
}
#else
static bool tmem_memcg_room(const struct mem_cgroup *memcg, unsigned long pages)
{
	return true;
}
#endif

/*
 * Since 6.4, reclaim on behalf of a cgroup does not count what a shrinker frees,
 * and goes on through all priorities however much it was.  What it says about
 * itself tells what it has had from us.
 *
 * Where a limit is the reason, room for a span ends it: there was none before
 * this reclaim, and now there is.  Who reclaims for another reason
 * (memory.reclaim) gets all that the core asks for.
 */
static bool tmem_shrink_enough(const struct shrink_control *sc)
{
	unsigned long had = tmem_reclaimed_so_far();

	return had >= TMEM_RECALL_DIRECT * TMEM_SPAN_PAGES &&
	       tmem_memcg_room(sc->memcg, TMEM_SPAN_PAGES) &&
	       !tmem_memcg_room(sc->memcg, TMEM_SPAN_PAGES + had);
}

static unsigned long tmem_shrink_scan(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	unsigned int nr = TMEM_RECALL_DIRECT, purged;

	if (current_is_kswapd())
		nr = TMEM_VICTIMS;
	else if (tmem_shrink_enough(sc))
		return SHRINK_STOP;
	purged = tmem_recall_list(sc->nid, sc->memcg, nr);
	tmem_account_reclaimed(purged * TMEM_SPAN_PAGES);
	return purged ?: SHRINK_STOP;
}

static int tmem_recall_oom(struct notifier_block *nb, unsigned long unused,
			   void *freed)
{
	unsigned long pages;
	unsigned int purged;

	atomic64_inc(&tmem_recall_oom_calls);
	tmem_pressure_reclaim(TMEM_RECLAIM_OOM);
	pages = tmem_pool_shrink(NUMA_NO_NODE, ULONG_MAX) * TMEM_SPAN_PAGES;
	purged = tmem_recall_many(NULL, NULL, TMEM_RECALL_OOM, TMEM_WHY_OOM);
	atomic64_add(purged, &tmem_recall_oom_purged);
	*(unsigned long *)freed += pages + purged * TMEM_SPAN_PAGES;
	return NOTIFY_OK;
}

static struct notifier_block tmem_oom_notifier = {
	.notifier_call = tmem_recall_oom,
};

void tmem_recall_stat(struct tmem_recall_stat *stat)
{
	stat->scanned = atomic64_read(&tmem_recall_scanned);
	stat->purged = atomic64_read(&tmem_recall_purged);
	stat->busy = atomic64_read(&tmem_recall_busy);
	stat->pinned = atomic64_read(&tmem_recall_pinned);
	stat->absent = atomic64_read(&tmem_recall_absent);
	stat->oom_calls = atomic64_read(&tmem_recall_oom_calls);
	stat->oom_purged = atomic64_read(&tmem_recall_oom_purged);
}

int tmem_recall_init(void)
{
	int err;

	/* On 6.1 it may be called from here on. */
	tmem_shrinker = tmem_shrinker_alloc(
		SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE | SHRINKER_NONSLAB,
		"tmem-recall", tmem_shrink_count, tmem_shrink_scan);
	if (!tmem_shrinker)
		return -ENOMEM;
	err = tmem_track_init(tmem_shrinker);
	if (err)
		goto free_shrinker;
	err = register_oom_notifier(&tmem_oom_notifier);
	if (err)
		goto exit_track;
	/* See tmem_shrink_count(), which 6.1 may have called by now. */
	smp_store_release(&tmem_recall_ready, true);
	tmem_shrinker_register(tmem_shrinker);
	return 0;

exit_track:
	tmem_shrinker_free(tmem_shrinker);
	tmem_track_exit();
	return err;
free_shrinker:
	tmem_shrinker_free(tmem_shrinker);
	return err;
}

void tmem_recall_exit(void)
{
	unregister_oom_notifier(&tmem_oom_notifier);
	tmem_shrinker_free(tmem_shrinker);
	tmem_track_exit();
}
