// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A step has ended: each site's live bytes go to the leak detector and to the
 * one of cycles.
 */
#include <math.h>
#include <tmem/analytics.h>

#include "analytics/core.h"
#include "analytics/events.h"
#include "analytics/names.h"
#include "analytics/site.h"
#include "analytics/timeline.h"
#include "optimizer/events.h"

#define BATCH 32u /* sites that are told with the lock held */

static uint64_t whole(double estimate)
{
	return estimate > 0 ? (uint64_t)(estimate + 0.5) : 0;
}

static void step_site(struct tmem_site *site)
{
	uint64_t live = whole(site->live_bytes);

	tmem_leak_step(&site->leak, live, whole(site->live_blocks));
	tmem_cycle_step(&site->cycle, live,
			whole(sqrt(fmax(site->variance, 0))));
}

int tmem_step_mark(const char *name)
{
	uint64_t now;
	uint32_t id, n = 0;

	tmem_optimizer_mark();
	if (!tmem_analytics_is_on())
		return 0;
	now = tmem_analytics_now();
	tmem_analytics_lock();
	++tmem_analytics_count.steps;
	tmem_analytics_count.step_name = tmem_names_get(name);
	for (id = tmem_sites_next(0); id; id = tmem_sites_next(id)) {
		step_site(tmem_site_at(id));
		if (++n % BATCH)
			continue;
		tmem_analytics_unlock();
		tmem_analytics_lock();
	}
	tmem_analytics_unlock();
	tmem_timeline_step(now);
	return 0;
}
