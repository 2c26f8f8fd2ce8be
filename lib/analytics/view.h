/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A site as it is shown: a copy of one moment, with its lifecycle.
 */
#ifndef TMEM_ANALYTICS_VIEW_H
#define TMEM_ANALYTICS_VIEW_H

#include <stdbool.h>
#include <tmem/analytics.h>

#include "analytics/site.h"

/* Live blocks of each site by their age so far; indexed by the site. */
struct tmem_view_ages {
	double blocks[TMEM_AGES];
};

/*
 * Of all sites, or NULL: no memory; with @n elements.  Goes over all records,
 * some at a time.
 */
struct tmem_view_ages *tmem_view_ages_get(uint32_t *n);
void tmem_view_ages_put(struct tmem_view_ages *ages, uint32_t n);

/* How most of a site's blocks live; @live may be NULL. */
enum tmem_pattern tmem_view_pattern(const struct tmem_site *site,
				    const struct tmem_view_ages *live);

/* The site @id, or false: there is none.  Takes the lock. */
bool tmem_view_site(uint32_t id, const struct tmem_view_ages *live,
		    struct tmem_site_info *info);

/* The site after @id, 0: none.  Takes the lock. */
uint32_t tmem_view_next(uint32_t id);

#endif /* TMEM_ANALYTICS_VIEW_H */
