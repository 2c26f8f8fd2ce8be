/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lock of one word, for the path that every block of more than 32 KiB takes:
 * one compare-exchange to take it, one exchange to give it back, where a
 * pthread mutex takes twice as many instructions.  It is not recursive, and
 * may be given back in the child of a fork.
 */
#ifndef TMEM_CORE_LOCK_H
#define TMEM_CORE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* 0: free, 1: held, 2: held, and somebody may sleep. */
struct tmem_lock {
	_Atomic(uint32_t) word;
};

#define TMEM_LOCK_INIT \
	{              \
		0      \
	}

void tmem_lock_wait(struct tmem_lock *lock);
void tmem_lock_wake(struct tmem_lock *lock);

static inline void tmem_lock_take(struct tmem_lock *lock)
{
	uint32_t free = 0;

	if (__builtin_expect(!atomic_compare_exchange_strong_explicit(
				     &lock->word, &free, 1,
				     memory_order_acquire,
				     memory_order_relaxed),
			     0))
		tmem_lock_wait(lock);
}

static inline void tmem_lock_give(struct tmem_lock *lock)
{
	if (__builtin_expect(atomic_exchange_explicit(
				     &lock->word, 0, memory_order_release) == 2,
			     0))
		tmem_lock_wake(lock);
}

#endif /* TMEM_CORE_LOCK_H */
