// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap_parts - the parts of a snapshot but for its sites.
 *
 * Members that are not known are skipped: a newer library may write more.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "snap_parts.h"

#define FORMAT "tmem-snapshot"
#define VERSION 1

#define MODULES_MAX (1U << 16)
#define MOMENTS_MAX (1U << 20)
#define RECORDS_MAX (1U << 22)
#define SHARES_MAX 4096
#define ADDRESS_MAX (1ULL << 61) /* of a block */

void snap_parts_counts(struct snap_in *in, struct json_object *object,
		       struct snap_counts *counts)
{
	counts->allocs = snap_in_count(in, object, "allocs");
	counts->frees = snap_in_count(in, object, "frees");
	counts->alloc_bytes = snap_in_count(in, object, "alloc_bytes");
	counts->free_bytes = snap_in_count(in, object, "free_bytes");
	counts->live_bytes = snap_in_count(in, object, "live_bytes");
	counts->live_blocks = snap_in_count(in, object, "live_blocks");
	counts->peak_live_bytes = snap_in_count(in, object, "peak_live_bytes");
}

static void check_format(struct snap_in *in, struct json_object *root)
{
	struct json_object *format;
	uint64_t version;

	if (!json_object_object_get_ex(root, "format", &format) ||
	    !json_object_is_type(format, json_type_string) ||
	    strcmp(json_object_get_string(format), FORMAT))
		snap_in_fail(in,
			     "is no snapshot: its format is not '" FORMAT "'");
	version = snap_in_count(in, root, "version");
	if (!in->failed && version != VERSION)
		snap_in_fail(in, "snapshot version %llu is not known",
			     (unsigned long long)version);
}

static void read_analytics(struct snap_in *in, struct snap *snap)
{
	struct json_object *part = snap_in_object(in, snap->root, "analytics");

	snap_in_at(in, "analytics.");
	snap->mode = snap_in_text(in, part, "mode");
	snap->interval_bytes = snap_in_count(in, part, "interval_bytes");
	snap->depth = snap_in_count(in, part, "depth");
	snap_in_count(in, part, "records");
	snap->dropped = snap_in_count(in, part, "records_dropped");
	snap_in_at(in, "%s", "");
}

void snap_parts_head(struct snap_in *in, struct snap *snap)
{
	struct json_object *part;

	check_format(in, snap->root);
	snap->pid = snap_in_count(in, snap->root, "pid");
	snap->exe = snap_in_text(in, snap->root, "exe");
	snap->time_ns = snap_in_count(in, snap->root, "time_ns");
	snap->wall_ns = snap_in_count(in, snap->root, "wall_ns");
	snap->library = snap_in_text(in, snap->root, "library");
	part = snap_in_object(in, snap->root, "counts");
	snap_in_at(in, "counts.");
	snap_parts_counts(in, part, &snap->counts);
	snap_in_at(in, "%s", "");
	read_analytics(in, snap);
	snap->heap = snap_in_object(in, snap->root, "heap");
	part = snap_in_object(in, snap->root, "steps");
	snap_in_at(in, "steps.");
	snap->steps = snap_in_count(in, part, "count");
	snap->last_step = snap_in_text(in, part, "last");
	snap_in_at(in, "%s", "");
}

void snap_parts_tiers(struct snap_in *in, struct snap *snap)
{
	struct json_object *array, *item;
	struct snap_tier *tier;
	size_t i, n;

	array = snap_in_array(in, snap->root, "tiers", SNAP_TIERS, &n);
	if (!in->failed && n != SNAP_TIERS)
		snap_in_fail(in, "tiers has %zu elements, not %d", n,
			     SNAP_TIERS);
	for (i = 0; i < n && !in->failed; i++) {
		tier = &snap->tiers[i];
		snap_in_at(in, "tiers[%zu].", i);
		item = snap_in_item(in, array, i);
		tier->name = snap_in_text(in, item, "name");
		tier->allocs = snap_in_count(in, item, "allocs");
		tier->frees = snap_in_count(in, item, "frees");
		tier->live_bytes = snap_in_count(in, item, "live_bytes");
		tier->live_blocks = snap_in_count(in, item, "live_blocks");
	}
	snap_in_at(in, "%s", "");
}

static int compare_modules(const void *left, const void *right)
{
	const struct snap_module *a = left, *b = right;

	return a->base < b->base ? -1 : a->base > b->base;
}

void snap_parts_modules(struct snap_in *in, struct snap *snap)
{
	struct json_object *array, *item;
	struct snap_module *module;
	size_t i, n;

	array = snap_in_array(in, snap->root, "modules", MODULES_MAX, &n);
	snap->modules = snap_in_make(in, n, sizeof(*snap->modules));
	for (i = 0; i < n && !in->failed; i++) {
		module = &snap->modules[i];
		snap_in_at(in, "modules[%zu].", i);
		item = snap_in_item(in, array, i);
		module->base = snap_in_address(in, item, "base");
		module->end = snap_in_address(in, item, "end");
		module->offset = snap_in_count(in, item, "offset");
		module->path = snap_in_text(in, item, "path");
		module->build_id = snap_in_text(in, item, "build_id");
		if (!in->failed && module->base > module->end)
			snap_in_fail(in, "%send lies before base", in->where);
	}
	snap_in_at(in, "%s", "");
	if (in->failed)
		return;
	snap->n_modules = n;
	qsort(snap->modules, n, sizeof(*snap->modules), compare_modules);
}

/* Pairs are looked at when they are wanted; here only what they are. */
static struct json_object *
read_shares(struct snap_in *in, struct json_object *item, const char *key)
{
	struct json_object *array;
	struct json_object *pair;
	size_t i, n;

	array = snap_in_array(in, item, key, SHARES_MAX, &n);
	for (i = 0; i < n && !in->failed; i++) {
		pair = json_object_array_get_idx(array, i);
		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2) {
			snap_in_fail(in, "%s%s[%zu] is no pair", in->where, key,
				     i);
			break;
		}
		snap_in_item_count(in, pair, 0);
		snap_in_item_count(in, pair, 1);
	}
	return array;
}

static void read_moment(struct snap_in *in, struct json_object *item,
			struct snap_moment *moment)
{
	struct json_object *tiers;
	size_t i, n;

	moment->time_ns = snap_in_count(in, item, "time_ns");
	moment->step = snap_in_count(in, item, "step");
	moment->level = snap_in_count(in, item, "level");
	moment->live_bytes = snap_in_count(in, item, "live_bytes");
	moment->held_bytes = snap_in_count(in, item, "held_bytes");
	tiers = snap_in_array(in, item, "tiers", SNAP_TIERS, &n);
	for (i = 0; i < n && !in->failed; i++)
		moment->tiers[i] = snap_in_item_count(in, tiers, i);
	moment->shares = read_shares(in, item, "sites");
	/* Older libraries write none. */
	if (!in->failed && json_object_object_get(item, "nodes"))
		moment->nodes = read_shares(in, item, "nodes");
}

void snap_parts_moments(struct snap_in *in, struct snap *snap)
{
	struct json_object *array;
	size_t i, n;

	array = snap_in_array(in, snap->root, "timeline", MOMENTS_MAX, &n);
	snap->moments = snap_in_make(in, n, sizeof(*snap->moments));
	for (i = 0; i < n && !in->failed; i++) {
		snap_in_at(in, "timeline[%zu].", i);
		read_moment(in, snap_in_item(in, array, i), &snap->moments[i]);
	}
	snap_in_at(in, "%s", "");
	snap->n_moments = n;
}

static int compare_records(const void *left, const void *right)
{
	const struct snap_record *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static void read_record(struct snap_in *in, struct json_object *item,
			struct snap_record *record)
{
	record->address = snap_in_address(in, item, "address");
	record->bytes = snap_in_count(in, item, "bytes");
	record->weight = snap_in_number(in, item, "weight");
	record->time_ns = snap_in_count(in, item, "time_ns");
	record->site = snap_in_count(in, item, "site");
	if (record->address >= ADDRESS_MAX ||
	    record->bytes >= ADDRESS_MAX - record->address)
		snap_in_fail(in, "%saddress or bytes is absurd", in->where);
}

/* They are there only if they were asked for. */
void snap_parts_records(struct snap_in *in, struct snap *snap)
{
	struct json_object *array;
	size_t i, n;

	if (in->failed ||
	    !json_object_object_get_ex(snap->root, "records", &array))
		return;
	array = snap_in_array(in, snap->root, "records", RECORDS_MAX, &n);
	snap->records = snap_in_make(in, n, sizeof(*snap->records));
	for (i = 0; i < n && !in->failed; i++) {
		snap_in_at(in, "records[%zu].", i);
		read_record(in, snap_in_item(in, array, i), &snap->records[i]);
	}
	snap_in_at(in, "%s", "");
	if (in->failed)
		return;
	snap->n_records = n;
	qsort(snap->records, n, sizeof(*snap->records), compare_records);
}
