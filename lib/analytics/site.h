/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call sites: a tag, a label and return addresses, and what was allocated
 * there.  A site stays for ever.
 *
 * Everything but tmem_sites_count() is called with the analytics lock held.
 */
#ifndef TMEM_ANALYTICS_SITE_H
#define TMEM_ANALYTICS_SITE_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/analytics.h>

#include "analytics/context.h"
#include "analytics/cycle.h"
#include "analytics/leak.h"

#define TMEM_SITES_MAX 8192u /* the last one is "other" */

/* Lifetimes and ages: below 1 s, below 60 s, the rest. */
#define TMEM_AGES 3u

/*
 * struct tmem_site - figures are estimates, sums over records of their weights
 * @variance: of live_bytes
 * @records:  live ones
 * @ages:     blocks that were freed, by their age
 */
struct tmem_site {
	uint32_t hash;
	uint32_t depth;
	uint16_t tag, label;
	uint16_t next; /* of its hash */
	uint16_t reserved;
	uint32_t born_step; /* marks before the site was seen */
	uint64_t *frames;
	double allocs, frees;
	double alloc_bytes, free_bytes;
	double live_bytes, live_blocks;
	double peak_live_bytes;
	double variance;
	uint64_t records;
	double ages[TMEM_AGES];
	double lifetimes[TMEM_LIFETIMES];
	struct tmem_leak_series leak;
	struct tmem_cycle cycle;
};

/* Room for the tables.  0 or -ENOMEM; again: nothing. */
int tmem_sites_open(void);

/* The number of the site, from 1 on. */
uint32_t tmem_sites_find(const struct tmem_origin *origin);

static inline unsigned int tmem_age_of(uint64_t ns)
{
	return ns < 1000000000ULL ? 0 : ns < 60000000000ULL ? 1 : 2;
}

struct tmem_site *tmem_site_at(uint32_t id);

/* The highest number in use; that of "other" not counted.  Needs no lock. */
uint32_t tmem_sites_count(void);

/* The site after @id that there is, "other" too; 0: none. */
uint32_t tmem_sites_next(uint32_t id);

/* Samples that found no room. */
uint64_t tmem_sites_lost(void);

/* A record of @bytes that weighs so much begins, or (-1) is as if never. */
void tmem_site_add(struct tmem_site *site, double bytes, double weight,
		   int sign);

/* It ends after a life of @ns. */
void tmem_site_end(struct tmem_site *site, double bytes, double weight,
		   uint64_t ns);

/* No blocks live; what was counted stays. */
void tmem_sites_forget_live(void);

size_t tmem_sites_metadata(void);

#endif /* TMEM_ANALYTICS_SITE_H */
