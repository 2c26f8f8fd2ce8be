// SPDX-License-Identifier: GPL-2.0-only
/*
 * First touch: memory comes into an arena.
 *
 * A span is filled whole, by one 2 MiB folio in the page cache of the arena's
 * inode.  From then on everything (mapping counts, splitting, pinning,
 * migration, cgroup charge) is the page cache's business.
 *
 * When no 2 MiB folio is to be had (memory is fragmented, or the memory
 * cgroup is nearly full), an idle span of the arena is purged; if that does
 * not help, the span is filled page by page.  Such a span is correct and slow.
 * It stays so until it is purged.
 *
 * When memory is all but used up, an arena gets no more of it: what is left is
 * for those who cannot be refused.
 *
 * VM_FAULT_OOM is never the answer: an order-9 charge does not start the
 * memory cgroup's OOM killer, so the fault would be repeated for ever.
 */
#include <linux/pagemap.h>
#include <linux/swap.h>

#include "compat.h"
#include "tmem.h"

/* Insert; the folio is locked on success and gone on failure. */
static int tmem_fill_insert(struct tmem_arena *arena, struct folio *folio,
			    pgoff_t index)
{
	int err;

	__folio_mark_uptodate(folio);
	/* Dirty for ever, as in ramfs: there is nowhere to clean it to. */
	folio_set_dirty(folio);
	err = filemap_add_folio(arena->mapping, folio, index, GFP_KERNEL);
	if (err) {
		folio_clear_dirty(folio);
		folio_put(folio);
	}
	return err;
}

static void tmem_fill_count(struct tmem_arena *arena, atomic64_t *fills,
			    bool off_node)
{
	atomic64_inc(fills);
	if (off_node)
		atomic64_inc(&arena->fills_off_node);
}

/*
 * Returns a locked folio, ERR_PTR(-EEXIST) if the span holds something
 * already, or ERR_PTR(-ENOMEM).
 */
static struct folio *tmem_fill_huge(struct tmem_arena *arena, u32 span)
{
	struct folio *folio;
	bool off_node;
	int err;

	folio = tmem_policy_alloc(&arena->policy, span, TMEM_SPAN_ORDER,
				  &off_node);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	err = tmem_fill_insert(arena, folio, (pgoff_t)span << TMEM_SPAN_ORDER);
	if (err)
		return ERR_PTR(err);
	tmem_fill_count(arena, &arena->fills, off_node);
	return folio;
}

/*
 * The shared invalidate_lock keeps small pages from coming into a span while
 * it is purged: a purge locks the folios that are there, and could not
 * otherwise know of one that appears behind its back.
 */
static struct folio *tmem_fill_small(struct tmem_arena *arena, pgoff_t pgoff)
{
	struct folio *folio;
	bool off_node;
	int err;

	folio = tmem_policy_alloc(&arena->policy, pgoff >> TMEM_SPAN_ORDER, 0,
				  &off_node);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	filemap_invalidate_lock_shared(arena->mapping);
	err = tmem_fill_insert(arena, folio, pgoff);
	filemap_invalidate_unlock_shared(arena->mapping);
	if (err)
		return ERR_PTR(err);
	/* Or it would look pinned to a purge until this CPU has more of them. */
	tmem_lru_add_drain();
	tmem_fill_count(arena, &arena->fills_small, off_node);
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
 * Less than 1/64 of memory is available, counting what could be swapped out.
 * An order-9 allocation may go down to the watermark below which the next page
 * table brings in the OOM killer.
 */
static bool tmem_fill_exhausted(void)
{
	long left = si_mem_available() + get_nr_swap_pages();

	return left < (long)(totalram_pages() / 64);
}

static struct folio *tmem_fill_try(struct tmem_arena *arena, pgoff_t pgoff)
{
	u32 span = pgoff >> TMEM_SPAN_ORDER;
	bool small = tmem_fill_is_small(arena, pgoff);
	struct folio *folio = ERR_PTR(-ENOMEM);
	struct tmem_purge_count freed = {};

	if (!small && !tmem_fill_exhausted())
		folio = tmem_fill_huge(arena, span);
	if (PTR_ERR_OR_ZERO(folio) != -ENOMEM)
		return folio;
	if (!small && !tmem_purge(arena, 0, arena->nr_spans, 1, &freed) &&
	    freed.purged)
		folio = tmem_fill_huge(arena, span);
	if (PTR_ERR_OR_ZERO(folio) != -ENOMEM)
		return folio;
	if (tmem_fill_exhausted())
		return folio;
	return tmem_fill_small(arena, pgoff);
}

/* What the page cache holds for a page, locked, or NULL. */
static struct folio *tmem_fill_find(struct tmem_arena *arena, pgoff_t pgoff)
{
	struct folio *folio = tmem_filemap_get(arena->mapping, pgoff);

	if (!folio)
		return NULL;
	folio_lock(folio);
	if (likely(folio->mapping == arena->mapping &&
		   folio_contains(folio, pgoff)))
		return folio;
	/* Purged, or replaced by a migration, while we waited. */
	folio_unlock(folio);
	folio_put(folio);
	return NULL;
}

/*
 * Threads that touch a span together would each allocate and clear 2 MiB, and
 * all but one throw it away.
 */
static struct mutex *tmem_fill_lock(struct tmem_arena *arena, pgoff_t pgoff)
{
	return &arena->fill_lock[(pgoff >> TMEM_SPAN_ORDER) % TMEM_FILL_LOCKS];
}

/**
 * tmem_fill() - the folio of a page of an arena, made if need be
 * @arena: the arena
 * @pgoff: page offset, below the arena's size
 *
 * Returns the folio, locked, with a reference; ERR_PTR(-ENOMEM); or
 * ERR_PTR(-EINTR) if the task is to die.  May sleep and reclaim; mmap_lock or
 * the VMA lock may be held.
 */
struct folio *tmem_fill(struct tmem_arena *arena, pgoff_t pgoff)
{
	struct mutex *lock = tmem_fill_lock(arena, pgoff);
	struct folio *folio;

	might_alloc(GFP_KERNEL);
	folio = tmem_fill_find(arena, pgoff);
	if (folio)
		return folio;
	if (mutex_lock_killable(lock))
		return ERR_PTR(-EINTR);
	/* What a migration puts in place is there at the next look. */
	do {
		folio = tmem_fill_find(arena, pgoff);
		if (!folio)
			folio = tmem_fill_try(arena, pgoff);
	} while (PTR_ERR_OR_ZERO(folio) == -EEXIST &&
		 !fatal_signal_pending(current));
	mutex_unlock(lock);
	if (PTR_ERR_OR_ZERO(folio) == -EEXIST)
		return ERR_PTR(-EINTR);
	if (IS_ERR(folio))
		atomic64_inc(&arena->fills_failed);
	return folio;
}
