// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare - what has changed between two snapshots, site by site.
 *
 * The numbers of sites, and the addresses, are those of one run.  Each site
 * gets a name that holds in all: tag, label, and for each frame the file (by
 * build-id, if it is known) with the offset in it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "say.h"

const char *const change_names[] = {
	[CHANGE_NONE] = "same", [CHANGE_NEW] = "new",
	[CHANGE_GREW] = "grew", [CHANGE_SHRANK] = "shrank",
	[CHANGE_GONE] = "gone",
};

/* struct named - a site of either snapshot */
struct named {
	char *name;
	const struct snap_site *site;
	bool later;
};

static void put_frame(FILE *out, const struct snap *snap, uint64_t address)
{
	const struct snap_module *module =
		snap_module(snap, address ? address - 1 : 0);

	if (module)
		fprintf(out, "%s+%llx;",
			*module->build_id ? module->build_id : module->path,
			(unsigned long long)(address - module->base +
					     module->offset));
	else
		fprintf(out, "%llx;", (unsigned long long)address);
}

/* \1 separates; the names that it might stand in are only compared. */
static char *name_site(const struct snap *snap, const struct snap_site *site)
{
	char *name = NULL;
	size_t bytes;
	FILE *out = open_memstream(&name, &bytes);
	unsigned int i;

	if (!out)
		return NULL;
	fprintf(out, "%s\1%s\1", site->tag_name, site->label);
	for (i = 0; i < site->depth; i++)
		put_frame(out, snap, site->frames[i]);
	if (!fclose(out))
		return name;
	free(name);
	return NULL;
}

/* How many were named; fewer than there are: no memory. */
static size_t name_all(struct named *named, const struct snap *snap, bool later)
{
	size_t i;

	for (i = 0; i < snap->n_sites; i++) {
		named[i].site = &snap->sites[i];
		named[i].later = later;
		named[i].name = name_site(snap, &snap->sites[i]);
		if (!named[i].name)
			break;
	}
	return i;
}

static int compare_names(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int names = strcmp(a->name, b->name);

	if (names)
		return names;
	if (a->later != b->later)
		return a->later ? 1 : -1;
	return a->site->id < b->site->id ? -1 : a->site->id > b->site->id;
}

static void add(struct snap_counts *sum, const struct snap_counts *n)
{
	sum->allocs += n->allocs;
	sum->frees += n->frees;
	sum->alloc_bytes += n->alloc_bytes;
	sum->free_bytes += n->free_bytes;
	sum->live_bytes += n->live_bytes;
	sum->live_blocks += n->live_blocks;
	if (n->peak_live_bytes > sum->peak_live_bytes)
		sum->peak_live_bytes = n->peak_live_bytes;
}

static void merge(struct comparison *comparison, const struct named *named,
		  size_t n)
{
	struct change_row *row = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!i || strcmp(named[i].name, named[i - 1].name))
			row = &comparison->rows[comparison->n++];
		if (named[i].later) {
			row->after = row->after ? row->after : named[i].site;
			add(&row->b, &named[i].site->n);
		} else {
			row->before = row->before ? row->before : named[i].site;
			add(&row->a, &named[i].site->n);
		}
	}
}

int64_t compare_delta(const struct change_row *row)
{
	return (int64_t)row->b.live_bytes - (int64_t)row->a.live_bytes;
}

enum change compare_change(const struct change_row *row)
{
	int64_t delta = compare_delta(row);

	if (!delta)
		return CHANGE_NONE;
	if (!row->a.live_bytes)
		return CHANGE_NEW;
	if (!row->b.live_bytes)
		return CHANGE_GONE;
	return delta > 0 ? CHANGE_GREW : CHANGE_SHRANK;
}

static uint64_t row_id(const struct change_row *row)
{
	return row->after ? row->after->id : row->before->id;
}

static int compare_rows(const void *left, const void *right)
{
	const struct change_row *a = left, *b = right;
	int64_t x = llabs(compare_delta(a)), y = llabs(compare_delta(b));

	if (x != y)
		return x < y ? 1 : -1;
	return row_id(a) < row_id(b) ? -1 : row_id(a) > row_id(b);
}

bool compare_snaps(struct comparison *comparison, const struct snap *before,
		   const struct snap *after)
{
	size_t n = before->n_sites + after->n_sites, i, done;
	struct named *named = calloc(n + 1, sizeof(*named));

	comparison->n = 0;
	comparison->rows = calloc(n + 1, sizeof(*comparison->rows));
	done = named ? name_all(named, before, false) : 0;
	if (named && done == before->n_sites)
		done += name_all(named + done, after, true);
	if (named && comparison->rows && done == n) {
		qsort(named, n, sizeof(*named), compare_names);
		merge(comparison, named, n);
		qsort(comparison->rows, comparison->n,
		      sizeof(*comparison->rows), compare_rows);
	} else {
		say("no memory for the comparison");
	}
	for (i = 0; i < done; i++)
		free(named[i].name);
	free(named);
	return comparison->n || !n;
}

void compare_free(struct comparison *comparison)
{
	free(comparison->rows);
}
