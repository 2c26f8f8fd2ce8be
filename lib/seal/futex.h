/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting on a word of shared memory, and the clock that limits it.
 */
#ifndef TMEM_SEAL_FUTEX_H
#define TMEM_SEAL_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What sealing asks of time, so that its tests have a clock of their own. */
struct tmem_seal_time {
	uint64_t (*now_ms)(void); /* CLOCK_MONOTONIC */
	/* As tmem_futex_wait(). */
	bool (*wait)(_Atomic(uint32_t) *word, uint32_t seen, unsigned int ms);
};

extern const struct tmem_seal_time tmem_seal_time_real;

/* For tests.  NULL: the real one again. */
void tmem_seal_time_replace(const struct tmem_seal_time *time);

uint64_t tmem_clock_ms(void);

/*
 * Until it is woken, ms have passed, or *word is not seen.  Or earlier.  true:
 * the time is over.
 */
bool tmem_futex_wait(_Atomic(uint32_t) *word, uint32_t seen, unsigned int ms);

void tmem_futex_wake(_Atomic(uint32_t) *word, int count);

#endif /* TMEM_SEAL_FUTEX_H */
