// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap_sites - the call sites of a snapshot, from its JSON.
 *
 * Frames of all sites lie in one array, since there are few of each.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "snap_parts.h"

#define SITES_MAX (1U << 20)
#define TAGS_MAX (1U << 20)
#define LIVE_MAX (1ULL << 61) /* bytes of all together */

struct tag {
	uint64_t id;
	const char *name;
};

static int compare_ids(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static struct tag *read_tags(struct snap_in *in, struct snap *snap, size_t *n)
{
	struct json_object *array, *item;
	struct tag *tags;
	size_t i;

	array = snap_in_array(in, snap->root, "tags", TAGS_MAX, n);
	tags = snap_in_make(in, *n, sizeof(*tags));
	for (i = 0; i < *n && !in->failed; i++) {
		snap_in_at(in, "tags[%zu].", i);
		item = snap_in_item(in, array, i);
		tags[i].id = snap_in_count(in, item, "id");
		tags[i].name = snap_in_text(in, item, "name");
	}
	snap_in_at(in, "%s", "");
	if (!in->failed)
		qsort(tags, *n, sizeof(*tags), compare_ids);
	return tags;
}

static const char *tag_name(const struct tag *tags, size_t n, uint64_t id)
{
	const struct tag *tag;

	if (!id)
		return "";
	tag = bsearch(&id, tags, n, sizeof(*tags), compare_ids);
	return tag ? tag->name : "(a tag without a name)";
}

static void read_leak(struct snap_in *in, struct json_object *site,
		      struct snap_leak *leak)
{
	struct json_object *part = snap_in_object(in, site, "leak");

	leak->leaking = snap_in_bool(in, part, "leaking");
	leak->since_step = snap_in_count(in, part, "since_step");
	leak->named_at_step = snap_in_count(in, part, "named_at_step");
	leak->bytes_per_step = snap_in_number(in, part, "bytes_per_step");
	leak->score = snap_in_number(in, part, "score");
}

static void read_lifetimes(struct snap_in *in, struct json_object *item,
			   struct snap_site *site)
{
	struct json_object *array;
	size_t i, n;

	array = snap_in_array(in, item, "lifetimes", SNAP_LIFETIMES, &n);
	for (i = 0; i < n && !in->failed; i++)
		site->lifetimes[i] = snap_in_item_count(in, array, i);
	site->n_lifetimes = (unsigned int)n;
}

static void read_frames(struct snap_in *in, struct json_object *item,
			struct snap_site *site)
{
	struct json_object *array;
	size_t i, n;

	array = snap_in_array(in, item, "frames", SNAP_FRAMES, &n);
	for (i = 0; i < n && !in->failed; i++)
		site->frames[i] = snap_in_item_address(in, array, i);
	site->depth = (unsigned int)n;
}

static void read_site(struct snap_in *in, struct json_object *item,
		      struct snap_site *site)
{
	site->id = snap_in_count(in, item, "id");
	site->tag = snap_in_count(in, item, "tag");
	site->label = snap_in_text(in, item, "label");
	site->pattern = snap_in_text(in, item, "pattern");
	site->error = snap_in_count(in, item, "error_bytes");
	snap_parts_counts(in, item, &site->n);
	read_frames(in, item, site);
	read_lifetimes(in, item, site);
	read_leak(in, item, &site->leak);
}

/* Room for them all; the sites' own shares follow one another. */
static size_t count_frames(struct json_object *array, size_t n)
{
	struct json_object *frames;
	size_t i, all = 0;

	for (i = 0; i < n; i++)
		if (json_object_object_get_ex(json_object_array_get_idx(array,
									i),
					      "frames", &frames) &&
		    json_object_is_type(frames, json_type_array) &&
		    json_object_array_length(frames) <= SNAP_FRAMES)
			all += json_object_array_length(frames);
	return all;
}

/* Sorted by id, each of which is there once. */
static void check_ids(struct snap_in *in, struct snap *snap)
{
	size_t i;

	for (i = 1; i < snap->n_sites && !in->failed; i++)
		if (snap->sites[i].id == snap->sites[i - 1].id)
			snap_in_fail(in, "site %llu is there twice",
				     (unsigned long long)snap->sites[i].id);
}

/* Nothing that is added up later may overflow. */
static void check_sums(struct snap_in *in, const struct snap *snap)
{
	uint64_t bytes = 0, blocks = 0, live = 0;
	bool over = false;
	size_t i;

	for (i = 0; i < snap->n_sites; i++) {
		const struct snap_counts *n = &snap->sites[i].n;

		over |= __builtin_add_overflow(bytes, n->alloc_bytes, &bytes);
		over |= __builtin_add_overflow(bytes, n->free_bytes, &bytes);
		over |= __builtin_add_overflow(live, n->live_bytes, &live);
		over |= __builtin_add_overflow(blocks, n->allocs, &blocks);
		over |= __builtin_add_overflow(blocks, n->frees, &blocks);
		over |= __builtin_add_overflow(blocks, n->live_blocks, &blocks);
	}
	if (over || live >= LIVE_MAX)
		snap_in_fail(in, "the sites' sums are absurd");
}

void snap_parts_sites(struct snap_in *in, struct snap *snap)
{
	struct json_object *array;
	struct tag *tags;
	size_t i, n, n_tags;
	uint64_t *frames;

	tags = read_tags(in, snap, &n_tags);
	array = snap_in_array(in, snap->root, "sites", SITES_MAX, &n);
	snap->sites = snap_in_make(in, n, sizeof(*snap->sites));
	snap->frames =
		snap_in_make(in, count_frames(array, n), sizeof(*snap->frames));
	frames = snap->frames;
	for (i = 0; i < n && !in->failed; i++) {
		snap_in_at(in, "sites[%zu].", i);
		snap->sites[i].frames = frames;
		read_site(in, snap_in_item(in, array, i), &snap->sites[i]);
		snap->sites[i].tag_name =
			tag_name(tags, n_tags, snap->sites[i].tag);
		frames += snap->sites[i].depth;
	}
	snap_in_at(in, "%s", "");
	free(tags);
	if (in->failed)
		return;
	snap->n_sites = n;
	qsort(snap->sites, n, sizeof(*snap->sites), compare_ids);
	check_ids(in, snap);
	check_sums(in, snap);
}
