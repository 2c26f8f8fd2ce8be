/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nine size tiers of the reports (tmem/manager.h), by the usable bytes of a
 * block: tier i holds up to 256 << (2 * i) bytes, which is as many elements of
 * four bytes as the manager's tier has.  Their bounds are sizes of bins and of
 * extents, so that counting by bin and by extent is counting by tier, exactly
 * and at no cost to the paths without a lock.
 */
#ifndef TMEM_POOL_TIER_H
#define TMEM_POOL_TIER_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/manager.h>

/* Of one tier.  What went with its pool is dropped. */
struct tmem_tier_count {
	uint64_t allocs, frees, dropped;
	uint64_t alloc_bytes, free_bytes, dropped_bytes;
};

static inline unsigned int tmem_tier_of_bytes(size_t bytes)
{
	unsigned int bits;

	if (bytes <= 256)
		return 0;
	bits = 64u - (unsigned int)__builtin_clzll(bytes - 1);
	bits = (bits - 7) / 2;
	return bits < TMEM_TIERS ? bits : TMEM_TIERS - 1;
}

static inline uint64_t tmem_tier_live_bytes(const struct tmem_tier_count *tier)
{
	return tier->alloc_bytes - tier->free_bytes - tier->dropped_bytes;
}

static inline uint64_t tmem_tier_live(const struct tmem_tier_count *tier)
{
	return tier->allocs - tier->frees - tier->dropped;
}

#endif /* TMEM_POOL_TIER_H */
