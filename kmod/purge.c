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
 * The span's lock keeps further memory from coming in meanwhile.  Without it a
 * span of small pages could get one behind our back, which we would not have
 * locked, and a thread could take the span, write to that page and give the
 * span back, all within one stamp.
 *
 * The span's lock and its folios' are only tried: this may run in reclaim, on
 * behalf of a fill that holds some of them.
 */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "tmem.h"
#include "trace.h"

/* Introduces it to lockdep: reclaim takes the lock of any arena. */
void tmem_purge_lock_init(struct mutex *lock)
{
	mutex_init(lock);
	if (IS_ENABLED(CONFIG_LOCKDEP)) {
		fs_reclaim_acquire(GFP_KERNEL);
		mutex_lock(lock);
		mutex_unlock(lock);
		fs_reclaim_release(GFP_KERNEL);
	}
}

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

/* Memory of an arena is gone: take it out of the accounts. */
void tmem_purge_uncharge(struct tmem_arena *arena, u64 bytes)
{
	atomic64_sub(bytes, &arena->bytes);
	tmem_limit_uncharge(arena->user, bytes);
}

/* Out of the arena, out of its accounts. */
static void tmem_purge_free(struct tmem_purge_set *set)
{
	struct tmem_arena *arena = set->arena;
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		bytes += folio_size(arena->purge_batch[i]);
		tmem_error_remove(arena->mapping, arena->purge_batch[i]);
	}
	tmem_track_remove(arena, set->span);
	tmem_purge_uncharge(arena, bytes);
}

static enum tmem_purge_result tmem_purge_locked(struct tmem_purge_set *set)
{
	struct tmem_arena *arena = set->arena;

	unmap_mapping_pages(arena->mapping,
			    (pgoff_t)set->span << TMEM_SPAN_ORDER,
			    TMEM_SPAN_PAGES, false);
	if (!tmem_purge_unreferenced(set))
		return TMEM_PURGE_PINNED;
	if (cmpxchg(&arena->ctl[set->span], set->word, TMEM_SPAN_PURGED) !=
	    set->word)
		return TMEM_PURGE_BUSY;
	tmem_purge_free(set);
	return TMEM_PURGE_DONE;
}

/*
 * A span that holds nothing keeps its word: there is nothing to claim.  It may
 * still be tracked, if memory_failure() has taken its memory.
 */
static enum tmem_purge_result tmem_purge_span(struct tmem_purge_set *set)
{
	struct tmem_arena *arena = set->arena;
	enum tmem_purge_result result;

	if (!tmem_span_trylock(arena, set->span))
		return TMEM_PURGE_PINNED;
	mutex_lock(&arena->purge_lock);
	if (!tmem_purge_collect(set))
		result = TMEM_PURGE_PINNED;
	else if (!set->nr)
		result = TMEM_PURGE_ABSENT;
	else
		result = tmem_purge_locked(set);
	if (result == TMEM_PURGE_ABSENT)
		tmem_track_remove(arena, set->span);
	if (result == TMEM_PURGE_PINNED)
		tmem_track_refuse(arena, set->span);
	tmem_purge_drop(set);
	mutex_unlock(&arena->purge_lock);
	tmem_span_unlock(arena, set->span);
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
 * tmem_purge_one() - purge a span if it is idle
 * @arena: the arena
 * @span:  the span
 * @word:  the IDLE word that it was chosen for, or TMEM_SPAN_BUSY: any
 * @why:   who wants it
 * @count: what became of it is added here
 *
 * Allocates nothing.  May sleep; may be called in reclaim.
 */
void tmem_purge_one(struct tmem_arena *arena, u32 span, u32 word,
		    enum tmem_purge_why why, struct tmem_purge_count *count)
{
	struct tmem_purge_set set = { .arena = arena, .span = span };
	enum tmem_purge_result result = TMEM_PURGE_BUSY;

	set.word = READ_ONCE(arena->ctl[span]);
	if (set.word & TMEM_SPAN_IDLE &&
	    (word == TMEM_SPAN_BUSY || word == set.word))
		result = tmem_purge_span(&set);
	if (result == TMEM_PURGE_DONE) {
		atomic64_inc(&arena->purged);
		if (why != TMEM_WHY_ASKED)
			atomic64_inc(&arena->recalled);
	}
	if (set.word & TMEM_SPAN_IDLE)
		trace_tmem_span_purge(arena, span, why, result);
	tmem_purge_add(count, result);
}

/**
 * tmem_purge() - purge the idle spans among [first, first + nr)
 * @arena: the arena
 * @first: first span; the range lies in the arena
 * @nr:    number of spans
 * @count: starts as zeroes
 *
 * Returns 0, or -EINTR if the task is to die.
 */
int tmem_purge(struct tmem_arena *arena, u32 first, u32 nr,
	       struct tmem_purge_count *count)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		tmem_purge_one(arena, first + i, TMEM_SPAN_BUSY, TMEM_WHY_ASKED,
			       count);
		cond_resched();
	}
	return 0;
}
