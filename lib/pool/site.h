/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a small block, in 32 bits: live, and how many bytes of it
 * were not asked for; or free, and who freed it.
 *
 * Of the caller's address the low 31 bits are kept.  The whole of it is looked
 * for when it is wanted, among the code that is loaded: another call site with
 * the same low bits would have to be a multiple of 2 GiB away.
 */
#ifndef TMEM_POOL_SITE_H
#define TMEM_POOL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMEM_SITE_LIVE 0x80000000u
#define TMEM_SITE_RECORDED 0x40000000u /* live, and the analytics know it */
#define TMEM_SITE_NEVER 0u /* free, and has never been anything else */

static inline bool tmem_site_is_live(uint32_t site)
{
	return site & TMEM_SITE_LIVE;
}

/* Live, and of no interest to anybody. */
static inline bool tmem_site_is_plain(uint32_t site)
{
	return (site & (TMEM_SITE_LIVE | TMEM_SITE_RECORDED)) == TMEM_SITE_LIVE;
}

static inline uint32_t tmem_site_live(size_t waste)
{
	return TMEM_SITE_LIVE | (uint32_t)waste;
}

static inline size_t tmem_site_waste(uint32_t site)
{
	return site & ~(TMEM_SITE_LIVE | TMEM_SITE_RECORDED);
}

static inline uint32_t tmem_site_of(const void *caller)
{
	return (uint32_t)(uintptr_t)caller & ~TMEM_SITE_LIVE;
}

/* The call site, or NULL: not known, or no longer loaded. */
const void *tmem_site_caller(uint32_t site);

#endif /* TMEM_POOL_SITE_H */
