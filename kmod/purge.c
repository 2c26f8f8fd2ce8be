// SPDX-License-Identifier: GPL-2.0-only
/*
 * Take the memory of idle spans back.
 *
 * User space turns a span from idle to busy by a compare-exchange on its word
 * and may write to it at once, while we are at work on it.  What makes that
 * sound is the order: lock, unmap, claim, free.
 *
 *  1. Lock the span's folio.
 *  2. Unmap it everywhere.  From here on a touch ends up in the fault handler
 *     and waits for the folio lock.
 *  3. Claim: compare-exchange IDLE -> PURGED.  If user space was first, the
 *     word is no longer what it was, nothing is lost and the only cost is one
 *     more fault.
 *  4. Free.  A touch that waited finds no folio and gets a zeroed one.
 *
 * Claiming before unmapping would lose a write between the two.
 *
 * Somebody who holds the pages without a mapping (O_DIRECT in flight, RDMA,
 * vmsplice, a migration) shows as an unexpected reference after step 2; such
 * a span is left alone.
 *
 * What belongs to a span is locked by trylock only: this may run in a fault
 * that needs memory.
 */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "tmem.h"

enum tmem_purge_result {
	TMEM_PURGE_DONE,
	TMEM_PURGE_BUSY,
	TMEM_PURGE_PINNED,
	TMEM_PURGE_ABSENT,
};

/*
 * The locked folios of a span, in purge_batch.  Their only references are ours,
 * the page cache's and, until they are unmapped, the mappings'.
 */
struct tmem_purge_set {
	struct tmem_arena *arena;
	u32 span;
	u32 word; /* the IDLE word that was seen */
	unsigned int nr;
};

static void tmem_purge_drop(struct tmem_purge_set *set)
{
	while (set->nr) {
		struct folio *folio = set->arena->purge_batch[--set->nr];

		folio_unlock(folio);
		folio_put(folio);
	}
}

/* Take over the reference; false if the folio is not to be had now. */
static bool tmem_purge_take(struct tmem_purge_set *set, struct folio *folio)
{
	struct address_space *mapping = set->arena->mapping;

	if (!folio_trylock(folio)) {
		folio_put(folio);
		return false;
	}
	set->arena->purge_batch[set->nr++] = folio;
	return folio->mapping == mapping && !folio_maybe_dma_pinned(folio);
}

/* Lock all that the span holds: one folio, or up to 512 small ones. */
static bool tmem_purge_collect(struct tmem_purge_set *set)
{
	pgoff_t index = (pgoff_t)set->span << TMEM_SPAN_ORDER;
	pgoff_t last = index + TMEM_SPAN_PAGES - 1;
	struct folio_batch batch;
	bool all = true;
	unsigned int i;

	while (all) {
		folio_batch_init(&batch);
		if (!filemap_get_folios(set->arena->mapping, &index, last,
					&batch))
			break;
		for (i = 0; i < folio_batch_count(&batch); i++) {
			if (all)
				all = tmem_purge_take(set, batch.folios[i]);
			else
				folio_put(batch.folios[i]);
		}
	}
	return all;
}

static bool tmem_purge_unreferenced(const struct tmem_purge_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		struct folio *folio = set->arena->purge_batch[i];

		if (folio_ref_count(folio) != folio_nr_pages(folio) + 1)
			return false;
	}
	return true;
}

static enum tmem_purge_result tmem_purge_locked(struct tmem_purge_set *set)
{
	struct tmem_arena *arena = set->arena;
	unsigned int i;

	unmap_mapping_pages(arena->mapping,
			    (pgoff_t)set->span << TMEM_SPAN_ORDER,
			    TMEM_SPAN_PAGES, false);
	if (!tmem_purge_unreferenced(set))
		return TMEM_PURGE_PINNED;
	if (cmpxchg(&arena->ctl[set->span], set->word, TMEM_SPAN_PURGED) !=
	    set->word)
		return TMEM_PURGE_BUSY;
	for (i = 0; i < set->nr; i++)
		tmem_error_remove(arena->mapping, arena->purge_batch[i]);
	atomic64_inc(&arena->purged);
	return TMEM_PURGE_DONE;
}

/*
 * The invalidate_lock keeps further small pages out of the span meanwhile.
 *
 * A span that holds nothing keeps its word.  Making it PURGED would be a claim
 * without a lock: user space may be filling the span at this moment.
 */
static enum tmem_purge_result tmem_purge_span(struct tmem_arena *arena,
					      u32 span)
{
	struct tmem_purge_set set = { .arena = arena, .span = span };
	enum tmem_purge_result result;

	set.word = READ_ONCE(arena->ctl[span]);
	if (!(set.word & TMEM_SPAN_IDLE))
		return TMEM_PURGE_BUSY;
	if (!down_write_trylock(&arena->mapping->invalidate_lock))
		return TMEM_PURGE_PINNED;
	if (!tmem_purge_collect(&set))
		result = TMEM_PURGE_PINNED;
	else if (!set.nr)
		result = TMEM_PURGE_ABSENT;
	else
		result = tmem_purge_locked(&set);
	tmem_purge_drop(&set);
	up_write(&arena->mapping->invalidate_lock);
	return result;
}

static void tmem_purge_add(struct tmem_purge_count *count,
			   enum tmem_purge_result result)
{
	switch (result) {
	case TMEM_PURGE_DONE:
		count->purged++;
		break;
	case TMEM_PURGE_BUSY:
		count->busy++;
		break;
	case TMEM_PURGE_PINNED:
		count->pinned++;
		break;
	case TMEM_PURGE_ABSENT:
		count->absent++;
		break;
	}
}

/**
 * tmem_purge() - purge the idle spans among [first, first + count)
 * @arena:  the arena
 * @first:  first span; the range lies in the arena
 * @count:  number of spans
 * @enough: stop when so many are purged
 * @result: starts as zeroes
 *
 * Returns 0, or -EINTR if the task is to die.
 */
int tmem_purge(struct tmem_arena *arena, u32 first, u32 count, u32 enough,
	       struct tmem_purge_count *result)
{
	bool dying = false;
	u32 i;

	if (mutex_lock_killable(&arena->purge_lock))
		return -EINTR;
	for (i = 0; i < count && result->purged < enough && !dying; i++) {
		tmem_purge_add(result, tmem_purge_span(arena, first + i));
		cond_resched();
		dying = fatal_signal_pending(current);
	}
	mutex_unlock(&arena->purge_lock);
	return dying ? -EINTR : 0;
}
