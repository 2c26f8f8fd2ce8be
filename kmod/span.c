// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two locks that lockdep does not see, and what it is told of them.
 *
 * The lock of a span is one bit of an arena's bitmap.
 *
 * Whoever changes what a span holds has it: a fill waits for it, a purge tries
 * it.  A fill holds it while it allocates and reclaims, which is why nothing
 * that runs in reclaim may wait for it.
 *
 * The lock of a folio is the core's, one bit of the page's flags.  The core
 * allocates page tables with it held, on the way from our fault handler.
 *
 * To lockdep all spans are one class, and all folios that we wait for.
 */
#include <linux/lockdep.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/wait_bit.h>

#include "tmem.h"

#ifdef CONFIG_LOCKDEP
static struct lock_class_key tmem_span_lock_key;
static struct lockdep_map tmem_span_lock_map =
	STATIC_LOCKDEP_MAP_INIT("tmem_span_lock", &tmem_span_lock_key);

static struct lock_class_key tmem_folio_lock_key;
static struct lockdep_map tmem_folio_lock_map =
	STATIC_LOCKDEP_MAP_INIT("tmem_folio_lock", &tmem_folio_lock_key);
#endif

/* -EINTR if the task is to die. */
int tmem_span_lock_killable(struct tmem_arena *arena, u32 span)
{
	lock_acquire(&tmem_span_lock_map, 0, 0, 0, 1, NULL, _RET_IP_);
	if (wait_on_bit_lock(arena->span_locks + BIT_WORD(span),
			     span % BITS_PER_LONG, TASK_KILLABLE)) {
		lock_release(&tmem_span_lock_map, _RET_IP_);
		return -EINTR;
	}
	return 0;
}

bool tmem_span_trylock(struct tmem_arena *arena, u32 span)
{
	if (test_and_set_bit_lock(span, arena->span_locks))
		return false;
	lock_acquire(&tmem_span_lock_map, 0, 1, 0, 1, NULL, _RET_IP_);
	return true;
}

void tmem_span_unlock(struct tmem_arena *arena, u32 span)
{
	lock_release(&tmem_span_lock_map, _RET_IP_);
	clear_and_wake_up_bit(span % BITS_PER_LONG,
			      arena->span_locks + BIT_WORD(span));
}

/* Wait for a folio. */
void tmem_folio_lock(struct folio *folio)
{
	lock_acquire(&tmem_folio_lock_map, 0, 0, 0, 1, NULL, _RET_IP_);
	lock_release(&tmem_folio_lock_map, _RET_IP_);
	folio_lock(folio);
}

/* Who has one may allocate. */
void tmem_folio_lock_prime(void)
{
	lock_acquire(&tmem_folio_lock_map, 0, 0, 0, 1, NULL, _RET_IP_);
	might_alloc(GFP_KERNEL);
	lock_release(&tmem_folio_lock_map, _RET_IP_);
}
