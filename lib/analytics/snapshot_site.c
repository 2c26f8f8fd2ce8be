// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sites, their tags, and records, a few at a time.
 */
#include "analytics/snapshot.h"

#include "analytics/core.h"
#include "analytics/names.h"
#include "analytics/record.h"
#include "analytics/view.h"

#define BATCH 64u

/* Tags and labels are numbered together; those that are labels only are too. */
void tmem_snapshot_tags(struct tmem_json *json)
{
	uint32_t id, n = tmem_names_count();

	tmem_json_begin(json, "tags", '[');
	for (id = 1; id <= n; id++) {
		tmem_json_begin(json, NULL, '{');
		tmem_json_number(json, "id", id);
		tmem_json_text(json, "name", tmem_names_text(id));
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
}

static void site_arrays(struct tmem_json *json,
			const struct tmem_site_info *site)
{
	unsigned int i, n = TMEM_LIFETIMES;

	tmem_json_begin(json, "frames", '[');
	for (i = 0; i < site->depth; i++)
		tmem_json_hex(json, NULL, site->frames[i]);
	tmem_json_end(json, ']');
	while (n && !site->lifetimes[n - 1])
		n--;
	tmem_json_begin(json, "lifetimes", '[');
	for (i = 0; i < n; i++)
		tmem_json_number(json, NULL, site->lifetimes[i]);
	tmem_json_end(json, ']');
}

static void site_leak(struct tmem_json *json, const struct tmem_site_info *site)
{
	tmem_json_begin(json, "leak", '{');
	tmem_json_bool(json, "leaking", site->leaking);
	tmem_json_number(json, "since_step", site->since_step);
	tmem_json_number(json, "named_at_step", site->named_at_step);
	tmem_json_real(json, "bytes_per_step", site->bytes_per_step);
	tmem_json_real(json, "score", site->score);
	tmem_json_end(json, '}');
}

static void site_write(struct tmem_json *json,
		       const struct tmem_site_info *site, uint32_t tag)
{
	tmem_json_begin(json, NULL, '{');
	tmem_json_number(json, "id", site->id);
	tmem_json_number(json, "tag", tag);
	tmem_json_text(json, "label", site->label);
	tmem_json_number(json, "allocs", site->allocs);
	tmem_json_number(json, "frees", site->frees);
	tmem_json_number(json, "alloc_bytes", site->alloc_bytes);
	tmem_json_number(json, "free_bytes", site->free_bytes);
	tmem_json_number(json, "live_bytes", site->live_bytes);
	tmem_json_number(json, "live_blocks", site->live_blocks);
	tmem_json_number(json, "peak_live_bytes", site->peak_live_bytes);
	tmem_json_number(json, "error_bytes", site->error_bytes);
	tmem_json_text(json, "pattern",
		       tmem_pattern_name((enum tmem_pattern)site->pattern));
	site_arrays(json, site);
	site_leak(json, site);
	tmem_json_end(json, '}');
}

void tmem_snapshot_sites(struct tmem_json *json)
{
	struct tmem_view_ages *ages = NULL;
	struct tmem_site_info site;
	uint32_t id = tmem_view_next(0), n = 0;

	if (id)
		ages = tmem_view_ages_get(&n);
	tmem_json_begin(json, "sites", '[');
	for (; id; id = tmem_view_next(id)) {
		tmem_view_site(id, ages ? &ages[id] : NULL, &site);
		site_write(json, &site, tmem_site_at(id)->tag);
	}
	tmem_json_end(json, ']');
	if (ages)
		tmem_view_ages_put(ages, n);
}

static void record_write(struct tmem_json *json,
			 const struct tmem_record *record)
{
	tmem_json_begin(json, NULL, '{');
	tmem_json_hex(json, "address", record->address);
	tmem_json_number(json, "bytes", record->bytes);
	tmem_json_real(json, "weight", record->weight);
	tmem_json_number(json, "time_ns", record->time_ns);
	tmem_json_number(json, "thread", record->thread);
	tmem_json_number(json, "node", record->node);
	tmem_json_number(json, "site", record->site);
	tmem_json_end(json, '}');
}

void tmem_snapshot_records(struct tmem_json *json)
{
	struct tmem_record batch[BATCH];
	const struct tmem_record *record;
	uint32_t place = 0, end, n, i;

	tmem_json_begin(json, "records", '[');
	do {
		tmem_analytics_lock();
		end = tmem_records_end();
		for (n = 0; n < BATCH && place < end; place++) {
			record = tmem_records_at(place);
			if (record)
				batch[n++] = *record;
		}
		tmem_analytics_unlock();
		for (i = 0; i < n; i++)
			record_write(json, &batch[i]);
	} while (place < end);
	tmem_json_end(json, ']');
}
