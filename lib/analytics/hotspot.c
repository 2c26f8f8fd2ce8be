// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sites put in order, for those who ask for the first few.
 */
#include <errno.h>
#include <tmem/analytics.h>

#include "analytics/view.h"

#define LIST_MAX 256u

static uint64_t hotspot_value(enum tmem_hotspot_by by,
			      const struct tmem_site_info *site)
{
	switch (by) {
	case TMEM_HOTSPOT_BYTES:
		return site->alloc_bytes;
	case TMEM_HOTSPOT_COUNT:
		return site->allocs;
	case TMEM_HOTSPOT_LIVE:
		return site->live_bytes;
	case TMEM_HOTSPOT_CHURN:
		return site->alloc_bytes < site->free_bytes ?
			       site->alloc_bytes :
			       site->free_bytes;
	}
	return 0;
}

int tmem_hotspots_get(enum tmem_hotspot_by by, struct tmem_hotspot *hotspots,
		      unsigned int max)
{
	struct tmem_site_info site;
	unsigned int n = 0, k;
	uint32_t id;

	if ((unsigned int)by > TMEM_HOTSPOT_CHURN || (max && !hotspots))
		return -EINVAL;
	if (max > LIST_MAX)
		max = LIST_MAX;
	for (id = tmem_view_next(0); id; id = tmem_view_next(id)) {
		uint64_t value;

		tmem_view_site(id, NULL, &site);
		value = hotspot_value(by, &site);
		if (!value || !max ||
		    (n == max && value <= hotspots[n - 1].value))
			continue;
		n += n < max;
		for (k = n - 1; k && hotspots[k - 1].value < value; k--)
			hotspots[k] = hotspots[k - 1];
		hotspots[k] = (struct tmem_hotspot){
			.site = id,
			.value = value,
		};
	}
	return (int)n;
}

int tmem_leaks_get(struct tmem_leak *leaks, unsigned int max)
{
	struct tmem_site_info site;
	unsigned int n = 0, k;
	uint32_t id;

	if (max && !leaks)
		return -EINVAL;
	if (max > LIST_MAX)
		max = LIST_MAX;
	for (id = tmem_view_next(0); id; id = tmem_view_next(id)) {
		tmem_view_site(id, NULL, &site);
		if (!site.leaking || !max ||
		    (n == max && site.live_bytes <= leaks[n - 1].live_bytes))
			continue;
		n += n < max;
		for (k = n - 1; k && leaks[k - 1].live_bytes < site.live_bytes;
		     k--)
			leaks[k] = leaks[k - 1];
		leaks[k] = (struct tmem_leak){
			.site = id,
			.since_step = site.since_step,
			.named_at_step = site.named_at_step,
			.live_bytes = site.live_bytes,
			.bytes_per_step = site.bytes_per_step,
			.score = site.score,
		};
	}
	return (int)n;
}
