// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The lock is held for one site, or a few records, at a time.
 *
 * Patterns, the first that fits:
 *   leaked   the leak detector names it                            (leak.h)
 *   cyclic   the live bytes come back to a level                   (cycle.h)
 *   else the age that most of its blocks reach: of those that were freed when
 *   they were; of live ones, so far, if that is 1 s or more already
 */
#include "analytics/view.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analytics/core.h"
#include "analytics/names.h"
#include "analytics/record.h"
#include "arena/backend.h"
#include "core/settings.h"

#define BATCH 256u /* places that are looked at with the lock held */

uint32_t tmem_view_next(uint32_t id)
{
	tmem_analytics_lock();
	id = tmem_sites_next(id);
	tmem_analytics_unlock();
	return id;
}

static void view_age(const struct tmem_record *record, uint64_t now,
		     struct tmem_view_ages *ages)
{
	uint64_t age = now > record->time_ns ? now - record->time_ns : 0;

	ages->blocks[tmem_age_of(age)] += record->weight;
}

/* Of one site, or of all. */
static void view_ages(uint32_t only, struct tmem_view_ages *ages)
{
	uint64_t now = tmem_analytics_now();
	const struct tmem_record *record;
	uint32_t place = 0, end, stop;

	do {
		tmem_analytics_lock();
		end = tmem_records_end();
		stop = end - place < BATCH ? end : place + BATCH;
		for (; place < stop; place++) {
			record = tmem_records_at(place);
			if (!record || (only && record->site != only))
				continue;
			view_age(record, now,
				 only ? ages : &ages[record->site]);
		}
		tmem_analytics_unlock();
	} while (place < end);
}

struct tmem_view_ages *tmem_view_ages_get(uint32_t *n)
{
	struct tmem_view_ages *ages;

	*n = TMEM_SITES_MAX + 1;
	ages = tmem_os_table(*n * sizeof(*ages));
	if (ages)
		view_ages(0, ages);
	return ages;
}

void tmem_view_ages_put(struct tmem_view_ages *ages, uint32_t n)
{
	tmem_os_table_free(ages, n * sizeof(*ages));
}

enum tmem_pattern tmem_view_pattern(const struct tmem_site *site,
				    const struct tmem_view_ages *live)
{
	struct tmem_leak_verdict verdict;
	double blocks[TMEM_AGES];
	unsigned int i, best = 0;

	tmem_leak_judge(&site->leak, &verdict);
	if (verdict.leaking)
		return TMEM_PATTERN_LEAKED;
	if (tmem_cycle_is(&site->cycle))
		return TMEM_PATTERN_CYCLIC;
	for (i = 0; i < TMEM_AGES; i++) {
		blocks[i] = site->ages[i];
		if (i && live)
			blocks[i] += live->blocks[i];
		if (blocks[i] > 0 && blocks[i] >= blocks[best])
			best = i;
	}
	return (enum tmem_pattern)best;
}

static uint64_t whole(double estimate)
{
	return estimate > 0 ? (uint64_t)(estimate + 0.5) : 0;
}

static void view_leak(const struct tmem_site *site, struct tmem_site_info *info)
{
	struct tmem_leak_verdict verdict;

	tmem_leak_judge(&site->leak, &verdict);
	info->leaking = verdict.leaking;
	info->bytes_per_step = verdict.bytes_per_step;
	info->score = verdict.score;
	if (!verdict.leaking)
		return;
	info->since_step = site->born_step + verdict.since_step;
	info->named_at_step = site->born_step + verdict.named_at_step;
}

static void view_fill(uint32_t id, const struct tmem_site *site,
		      struct tmem_site_info *info)
{
	unsigned int i;

	info->id = id;
	info->tag = tmem_names_text(site->tag);
	info->label = tmem_names_text(site->label);
	info->allocs = whole(site->allocs);
	info->frees = whole(site->frees);
	info->alloc_bytes = whole(site->alloc_bytes);
	info->free_bytes = whole(site->free_bytes);
	info->live_bytes = whole(site->live_bytes);
	info->live_blocks = whole(site->live_blocks);
	info->peak_live_bytes = whole(site->peak_live_bytes);
	info->error_bytes = whole(sqrt(fmax(site->variance, 0)));
	for (i = 0; i < TMEM_LIFETIMES; i++)
		info->lifetimes[i] = whole(site->lifetimes[i]);
	info->depth = site->depth;
	if (site->depth)
		memcpy(info->frames, site->frames,
		       site->depth * sizeof(uint64_t));
	view_leak(site, info);
}

bool tmem_view_site(uint32_t id, const struct tmem_view_ages *live,
		    struct tmem_site_info *info)
{
	struct tmem_site site;
	bool there;

	tmem_analytics_lock();
	there = id && (id <= tmem_sites_count() ||
		       (id == TMEM_SITES_MAX && tmem_sites_lost()));
	if (there)
		site = *tmem_site_at(id);
	tmem_analytics_unlock();
	if (!there)
		return false;
	*info = (struct tmem_site_info)TMEM_SITE_INIT;
	view_fill(id, &site, info);
	info->pattern = tmem_view_pattern(&site, live);
	return true;
}

int tmem_site_get(uint32_t id, struct tmem_site_info *to)
{
	struct tmem_view_ages ages = { .blocks = { 0 } };
	struct tmem_site_info info;

	if (id)
		view_ages(id, &ages);
	if (!tmem_view_site(id, &ages, &info))
		return -ENOENT;
	return tmem_struct_put(to, &info, sizeof(info)) ? 0 : -EINVAL;
}

const char *tmem_pattern_name(enum tmem_pattern pattern)
{
	static const char *const names[] = {
		[TMEM_PATTERN_SHORT] = "short-lived",
		[TMEM_PATTERN_MEDIUM] = "medium-lived",
		[TMEM_PATTERN_LONG] = "long-lived",
		[TMEM_PATTERN_LEAKED] = "leaked",
		[TMEM_PATTERN_CYCLIC] = "cyclic",
	};

	return (unsigned int)pattern < sizeof(names) / sizeof(names[0]) ?
		       names[pattern] :
		       NULL;
}
