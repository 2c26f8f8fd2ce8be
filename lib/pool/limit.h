/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * max_bytes, and what is tried before a request is refused.
 */
#ifndef TMEM_POOL_LIMIT_H
#define TMEM_POOL_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tmem_pool;

/* Whole spans that a limit in bytes allows; 0 bytes: UINT32_MAX, no limit. */
uint32_t tmem_limit_slots(uint64_t max_bytes);

/*
 * A request could not be served.  Do the step after so many tries; false: there
 * is none left.  Without locks.
 */
bool tmem_limit_reclaim(struct tmem_pool *pool, size_t size,
			unsigned int tries);

#endif /* TMEM_POOL_LIMIT_H */
