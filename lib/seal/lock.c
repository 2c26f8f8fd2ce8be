// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A futex that says who holds it.
 *
 * Not a robust pthread mutex: its links lie in the memory that peers can write
 * to, and glibc follows them.  This word is compared, never followed.  Who waits
 * looks every POLL_MS whether the holder is alive, and takes the lock if not.
 */
#include "seal/lock.h"

#include <errno.h>

#include "seal/futex.h"
#include "seal/peer.h"

#define POLL_MS 20
#define DOUBT_MS 500 /* an honest holder is done by then */
#define LIMIT_MS 10000

static bool lock_try(_Atomic(uint32_t) *word, uint32_t *seen, uint32_t mine)
{
	return atomic_compare_exchange_strong_explicit(
		word, seen, mine, memory_order_acquire, memory_order_relaxed);
}

static uint32_t lock_holder(uint32_t seen)
{
	return (seen & ~TMEM_LOCK_WAITERS) - 1;
}

/* Ours says that we hold it, and we do not: a dead process had our slot. */
static bool lock_is_absurd(const struct tmem_index *index, uint32_t seen)
{
	return lock_holder(seen) == index->self ||
	       lock_holder(seen) >= index->max_peers;
}

/* One round of waiting.  true: the holder may be dead. */
static bool lock_wait(_Atomic(uint32_t) *word, uint32_t *seen)
{
	bool late;

	if (!(*seen & TMEM_LOCK_WAITERS) &&
	    !lock_try(word, seen, *seen | TMEM_LOCK_WAITERS))
		return false;
	late = tmem_futex_wait(word, *seen | TMEM_LOCK_WAITERS, POLL_MS);
	*seen = atomic_load_explicit(word, memory_order_relaxed);
	return late;
}

static bool lock_is_dead(struct tmem_index *index, uint32_t seen,
			 uint64_t start)
{
	bool alive;

	index->thorough = tmem_clock_ms() - start >= DOUBT_MS;
	alive = tmem_peer_alive(index, lock_holder(seen));
	index->thorough = false;
	return !alive;
}

int tmem_lock_take(struct tmem_index *index)
{
	_Atomic(uint32_t) *word = &index->header->lock;
	uint32_t mine = index->self + 1, seen = 0;
	uint64_t start = tmem_clock_ms();
	bool late = false;

	if (lock_try(word, &seen, mine))
		return 0;
	/* From here on we cannot know whether others wait, too. */
	mine |= TMEM_LOCK_WAITERS;
	do {
		if (!(seen & ~TMEM_LOCK_WAITERS)) {
			if (lock_try(word, &seen, mine))
				return 0;
			continue;
		}
		if ((lock_is_absurd(index, seen) ||
		     (late && lock_is_dead(index, seen, start))) &&
		    lock_try(word, &seen, mine))
			return 1;
		late = lock_wait(word, &seen);
	} while (tmem_clock_ms() - start < LIMIT_MS);
	return -ETIMEDOUT;
}

void tmem_lock_drop(struct tmem_index *index)
{
	_Atomic(uint32_t) *word = &index->header->lock;

	if (atomic_exchange_explicit(word, 0, memory_order_release) &
	    TMEM_LOCK_WAITERS)
		tmem_futex_wake(word, 1);
}
