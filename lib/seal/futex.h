/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting on a word of shared memory.
 */
#ifndef TMEM_SEAL_FUTEX_H
#define TMEM_SEAL_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Until it is woken, ms have passed, or *word is not seen.  Or earlier.  true:
 * the time is over.
 */
static inline bool tmem_futex_wait(_Atomic(uint32_t) *word, uint32_t seen,
				   unsigned int ms)
{
	struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	return syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, NULL, 0) &&
	       errno == ETIMEDOUT;
}

static inline void tmem_futex_wake(_Atomic(uint32_t) *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

static inline uint64_t tmem_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif /* TMEM_SEAL_FUTEX_H */
