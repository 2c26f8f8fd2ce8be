// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting on a word of shared memory, and the clock that limits it.
 */
#define _GNU_SOURCE
#include "seal/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t real_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool real_wait(_Atomic(uint32_t) *word, uint32_t seen, unsigned int ms)
{
	struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	return syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, NULL, 0) &&
	       errno == ETIMEDOUT;
}

const struct tmem_seal_time tmem_seal_time_real = {
	.now_ms = real_now_ms,
	.wait = real_wait,
};

static _Atomic(const struct tmem_seal_time *) futex_time = &tmem_seal_time_real;

void tmem_seal_time_replace(const struct tmem_seal_time *time)
{
	atomic_store(&futex_time, time ? time : &tmem_seal_time_real);
}

uint64_t tmem_clock_ms(void)
{
	return atomic_load_explicit(&futex_time, memory_order_relaxed)->now_ms();
}

bool tmem_futex_wait(_Atomic(uint32_t) *word, uint32_t seen, unsigned int ms)
{
	return atomic_load_explicit(&futex_time, memory_order_relaxed)
		->wait(word, seen, ms);
}

void tmem_futex_wake(_Atomic(uint32_t) *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}
