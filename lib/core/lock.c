// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who finds the lock held looks at it a while, and then sleeps.  (After Ulrich
 * Drepper, "Futexes Are Tricky", mutex 2.)
 */
#define _GNU_SOURCE
#include "core/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOKS 100u

static void lock_futex(struct tmem_lock *lock, int op, uint32_t value)
{
	int saved = errno;

	syscall(SYS_futex, &lock->word, op | FUTEX_PRIVATE_FLAG, value, NULL,
		NULL, 0);
	errno = saved;
}

void tmem_lock_wait(struct tmem_lock *lock)
{
	unsigned int i;
	uint32_t free;

	for (i = 0; i < LOOKS; i++) {
		free = 0;
		if (!atomic_load_explicit(&lock->word, memory_order_relaxed) &&
		    atomic_compare_exchange_strong_explicit(
			    &lock->word, &free, 1, memory_order_acquire,
			    memory_order_relaxed))
			return;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire))
		lock_futex(lock, FUTEX_WAIT, 2);
}

void tmem_lock_wake(struct tmem_lock *lock)
{
	lock_futex(lock, FUTEX_WAKE, 1);
}
