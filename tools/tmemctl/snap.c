// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap - a snapshot of what a program's memory does.
 *
 * The library writes it, by a control socket or to a file
 * (Documentation/schema/); all reports and exports are made from it later, on
 * any machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "snap.h"
#include "snap_file.h"
#include "snap_parts.h"

static void read_all(struct snap_in *in, struct snap *snap, FILE *file)
{
	snap->text = snap_file_read(in, file, &snap->text_bytes);
	if (!in->failed)
		snap->root = snap_file_parse(in, snap->text, snap->text_bytes);
	if (!in->failed)
		snap_parts_head(in, snap);
	if (!in->failed)
		snap_parts_tiers(in, snap);
	if (!in->failed)
		snap_parts_modules(in, snap);
	if (!in->failed)
		snap_parts_sites(in, snap);
	if (!in->failed)
		snap_parts_moments(in, snap);
	if (!in->failed)
		snap_parts_records(in, snap);
}

struct snap *snap_load(FILE *file, const char *name)
{
	struct snap_in in = { .name = name };
	struct snap *snap = snap_in_make(&in, 1, sizeof(*snap));

	if (snap)
		read_all(&in, snap, file);
	if (file != stdin)
		fclose(file);
	if (!in.failed)
		return snap;
	snap_free(snap);
	return NULL;
}

struct snap *snap_open(const char *name)
{
	FILE *file;

	if (!strcmp(name, "-"))
		return snap_load(stdin, "standard input");
	file = fopen(name, "re");
	if (file)
		return snap_load(file, name);
	say("%s: %s", name, strerror(errno));
	return NULL;
}

void snap_free(struct snap *snap)
{
	if (!snap)
		return;
	json_object_put(snap->root);
	free(snap->text);
	free(snap->modules);
	free(snap->sites);
	free(snap->frames);
	free(snap->moments);
	free(snap->records);
	free(snap);
}

static int compare_site(const void *key, const void *item)
{
	const uint64_t *id = key;
	const struct snap_site *site = item;

	return *id < site->id ? -1 : *id > site->id;
}

const struct snap_site *snap_site(const struct snap *snap, uint64_t id)
{
	return bsearch(&id, snap->sites, snap->n_sites, sizeof(*snap->sites),
		       compare_site);
}

const struct snap_module *snap_module(const struct snap *snap, uint64_t address)
{
	size_t low = 0, high = snap->n_modules, middle;

	/* The last one that does not begin behind it. */
	while (low < high) {
		middle = low + (high - low) / 2;
		if (snap->modules[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= snap->modules[low - 1].end)
		return NULL;
	return &snap->modules[low - 1];
}

struct snap_counts snap_sum(const struct snap *snap)
{
	struct snap_counts sum = { 0 };
	size_t i;

	for (i = 0; i < snap->n_sites; i++) {
		const struct snap_counts *n = &snap->sites[i].n;

		sum.allocs += n->allocs;
		sum.frees += n->frees;
		sum.alloc_bytes += n->alloc_bytes;
		sum.free_bytes += n->free_bytes;
		sum.live_bytes += n->live_bytes;
		sum.live_blocks += n->live_blocks;
	}
	return sum;
}
