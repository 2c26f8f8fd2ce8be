// SPDX-License-Identifier: GPL-2.0-only
/*
 * First touch: memory comes into an arena.
 *
 * A span is filled whole, by one 2 MiB folio in the page cache of the arena's
 * inode.  From then on everything (mapping counts, splitting, pinning,
 * migration, cgroup charge) is the page cache's business.
 *
 * When no 2 MiB folio is to be had (memory is fragmented, or the memory
 * cgroup is nearly full), the arena's oldest idle span is purged; if that does
 * not help, the span is filled page by page.  Such a span is correct and slow.
 * It stays so until it is purged.
 *
 * When memory is all but used up, an arena gets no more of it than its own idle
 * spans give: what is left is for those who cannot be refused.
 *
 * VM_FAULT_OOM is never the answer: an order-9 charge does not start the
 * memory cgroup's OOM killer, so the fault would be repeated for ever.
 */
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>

#include "compat.h"
#include "tmem.h"
#include "trace.h"

/* What was freed for us, others may take. */
#define TMEM_CHARGE_TRIES 32
#define TMEM_FILL_TRIES 32

/* Who fills what; @refused: there was a huge page, but no room for it. */
struct tmem_filling {
	struct tmem_arena *arena;
	pgoff_t pgoff;
	u32 span;
	const struct tmem_wish *wish;
	bool refused;
};

/*
 * Count it against the limits.  At the user's, idle spans of that user go
 * first; at the module's, what lies in pools and then anybody's idle spans.
 */
static int tmem_fill_charge(struct tmem_arena *arena, u64 bytes)
{
	unsigned long freed;
	int tries, err;

	for (tries = 0; tries < TMEM_CHARGE_TRIES; tries++) {
		err = tmem_limit_charge(arena->user, bytes);
		if (err == -EDQUOT)
			freed = tmem_recall_limit(arena->user, 1);
		else if (err)
			freed = tmem_pool_shrink(NUMA_NO_NODE, 1) ?:
					tmem_recall_limit(NULL, 1);
		else
			return 0;
		if (!freed)
			break;
	}
	return -EDQUOT;
}

/* Insert; the folio is locked on success and gone on failure. */
static int tmem_fill_insert(struct tmem_arena *arena, struct folio *folio,
			    pgoff_t index)
{
	u64 bytes = folio_size(folio);
	int err;

	err = tmem_fill_charge(arena, bytes);
	if (err) {
		folio_put(folio);
		return err;
	}
	__folio_mark_uptodate(folio);
	/* Dirty for ever, as in ramfs: there is nowhere to clean it to. */
	folio_set_dirty(folio);
	/* A full memory cgroup has to say so; nobody has to die for it. */
	err = filemap_add_folio(arena->mapping, folio, index,
				GFP_KERNEL | __GFP_RETRY_MAYFAIL |
					__GFP_NOWARN);
	if (err) {
		folio_clear_dirty(folio);
		folio_put(folio);
		tmem_limit_uncharge(arena->user, bytes);
		return err;
	}
	atomic64_add(bytes, &arena->bytes);
	return 0;
}

/*
 * Insert, and put the span on a recall list if it is on none.  The list has to
 * be that of the cgroup which the memory is charged to: the task could be
 * moved in between.
 */
static int tmem_fill_track(struct tmem_filling *fill, struct folio *folio,
			   pgoff_t index)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(NULL);
	struct mem_cgroup *old = set_active_memcg(memcg);
	struct tmem_track *track = NULL;
	int err = 0;

	if (!fill->arena->tracked[fill->span]) {
		track = tmem_track_alloc(fill->arena, fill->span,
					 folio_nid(folio));
		err = track ? 0 : -ENOMEM;
	}
	if (err)
		folio_put(folio);
	else
		err = tmem_fill_insert(fill->arena, folio, index);
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	if (track && err)
		tmem_track_free(track);
	else if (track)
		tmem_track_add(track);
	return err;
}

static void tmem_fill_count(struct tmem_filling *fill, struct folio *folio,
			    int nid, bool pooled)
{
	bool off_node = folio_nid(folio) != nid;
	struct tmem_arena *arena = fill->arena;

	atomic64_inc(folio_test_large(folio) ? &arena->fills :
					       &arena->fills_small);
	if (off_node) {
		atomic64_inc(&arena->fills_off_node);
		tmem_policy_count_off_node(nid);
	}
	if (pooled)
		atomic64_inc(&arena->fills_pool);
	trace_tmem_span_fill(arena, fill->span, folio_nid(folio),
			     folio_order(folio), pooled, off_node);
}

/*
 * One folio of an order into its place.  Returns it locked, or ERR_PTR:
 * -EEXIST if the place is taken, -EDQUOT for a limit, -ENOMEM.
 */
static struct folio *tmem_fill_order(struct tmem_filling *fill,
				     unsigned int order)
{
	const struct tmem_policy *policy = &fill->arena->policy;
	int nid = tmem_policy_wanted(policy, fill->span, fill->wish);
	struct folio *folio;
	bool pooled;
	int err;

	folio = tmem_policy_alloc(policy, order, fill->wish, nid, &pooled);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	err = tmem_fill_track(fill, folio,
			      round_down(fill->pgoff, 1UL << order));
	fill->refused = err == -ENOMEM;
	if (err)
		return ERR_PTR(err);
	/* Or it would look pinned to a purge until this CPU has more of them. */
	if (!order)
		tmem_lru_add_drain();
	tmem_fill_count(fill, folio, nid, pooled);
	return folio;
}

/* A span that holds small pages can take no huge one. */
static bool tmem_fill_is_small(struct tmem_arena *arena, pgoff_t pgoff)
{
	pgoff_t first = round_down(pgoff, TMEM_SPAN_PAGES);

	return filemap_range_has_page(
		arena->mapping, first << PAGE_SHIFT,
		((first + TMEM_SPAN_PAGES) << PAGE_SHIFT) - 1);
}

/*
 * Less than 1/64 of memory is available, counting what could be swapped out and
 * what lies in pools.
 * An order-9 allocation may go down to the watermark below which the next page
 * table brings in the OOM killer.
 */
static bool tmem_fill_exhausted(void)
{
	long left = si_mem_available() + get_nr_swap_pages() +
		    (tmem_pool_bytes() >> PAGE_SHIFT);

	return left < (long)(totalram_pages() / 64);
}

/*
 * Nothing is refused while the arena has something idle: of what is freed for
 * it, others may take their part.
 */
static struct folio *tmem_fill_last(struct tmem_filling *fill, bool small)
{
	struct folio *folio;
	int tries;

	for (tries = 0; tmem_fill_exhausted(); tries++) {
		if (tries == TMEM_FILL_TRIES || fatal_signal_pending(current) ||
		    !tmem_recall_arena(fill->arena, 1))
			return ERR_PTR(-ENOMEM);
		if (small)
			continue;
		folio = tmem_fill_order(fill, TMEM_SPAN_ORDER);
		if (PTR_ERR_OR_ZERO(folio) != -ENOMEM)
			return folio;
	}
	if (fill->refused && fill->wish->ahead)
		return ERR_PTR(-ENOMEM);
	return tmem_fill_order(fill, 0);
}

static struct folio *tmem_fill_try(struct tmem_filling *fill)
{
	struct tmem_arena *arena = fill->arena;
	bool small = tmem_fill_is_small(arena, fill->pgoff);
	struct folio *folio = ERR_PTR(-ENOMEM);

	if (!small && !tmem_fill_exhausted())
		folio = tmem_fill_order(fill, TMEM_SPAN_ORDER);
	if (PTR_ERR_OR_ZERO(folio) != -ENOMEM)
		return folio;
	if (!small && tmem_recall_arena(arena, 1))
		folio = tmem_fill_order(fill, TMEM_SPAN_ORDER);
	if (PTR_ERR_OR_ZERO(folio) != -ENOMEM)
		return folio;
	return tmem_fill_last(fill, small);
}

/* What the page cache holds for a page, locked, or NULL. */
static struct folio *tmem_fill_find(struct tmem_arena *arena, pgoff_t pgoff)
{
	struct folio *folio = tmem_filemap_get(arena->mapping, pgoff);

	if (!folio)
		return NULL;
	tmem_folio_lock(folio);
	if (likely(folio->mapping == arena->mapping &&
		   folio_contains(folio, pgoff)))
		return folio;
	/* Purged, or replaced by a migration, while we waited. */
	folio_unlock(folio);
	folio_put(folio);
	return NULL;
}

/**
 * tmem_fill_for() - the folio of a page of an arena, made if need be
 * @arena: the arena
 * @pgoff: page offset, below the arena's size
 * @wish:  who wants it
 *
 * Returns the folio, locked, with a reference; ERR_PTR(-ENOMEM);
 * ERR_PTR(-EDQUOT) for a limit; or ERR_PTR(-EINTR) if the task is to die.
 * May sleep and reclaim; mmap_lock or the VMA lock may be held.
 *
 * Threads that touch a span together would each allocate and clear 2 MiB, and
 * all but one throw it away: the span's lock makes them wait.
 */
struct folio *tmem_fill_for(struct tmem_arena *arena, pgoff_t pgoff,
			    const struct tmem_wish *wish)
{
	struct tmem_filling fill = {
		.arena = arena,
		.pgoff = pgoff,
		.span = pgoff >> TMEM_SPAN_ORDER,
		.wish = wish,
	};
	struct folio *folio;

	might_alloc(GFP_KERNEL);
	folio = tmem_fill_find(arena, pgoff);
	if (folio)
		return folio;
	if (tmem_span_lock_killable(arena, fill.span))
		return ERR_PTR(-EINTR);
	/* What a migration puts in place is there at the next look. */
	do {
		folio = tmem_fill_find(arena, pgoff);
		if (!folio)
			folio = tmem_fill_try(&fill);
	} while (PTR_ERR_OR_ZERO(folio) == -EEXIST &&
		 !fatal_signal_pending(current));
	tmem_span_unlock(arena, fill.span);
	if (PTR_ERR_OR_ZERO(folio) == -EEXIST)
		return ERR_PTR(-EINTR);
	if (IS_ERR(folio))
		atomic64_inc(&arena->fills_failed);
	if (PTR_ERR_OR_ZERO(folio) == -EDQUOT)
		atomic64_inc(&arena->fills_limited);
	return folio;
}

/* The same for who touches it. */
struct folio *tmem_fill(struct tmem_arena *arena, pgoff_t pgoff)
{
	struct tmem_wish wish;

	tmem_policy_wish(&wish);
	return tmem_fill_for(arena, pgoff, &wish);
}
