// SPDX-License-Identifier: GPL-2.0-only
/*
 * site - call sites for people: their names, their order, and who shares
 * frames.
 *
 * Frames alone do not tell two tensors of one Python line apart; what has the
 * same frames stands in one group, and reports say so.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "site.h"

const char *const site_by_names[SITE_BYS] = {
	[SITE_BY_BYTES] = "bytes",
	[SITE_BY_COUNT] = "count",
	[SITE_BY_LIVE] = "live",
	[SITE_BY_CHURN] = "churn",
};

/* --- names ---------------------------------------------------------------- */

/* Whoever asks for memory is not the library. */
static bool is_library(const struct symbol *symbol)
{
	return symbol->module && !strncmp(symbol->module, "libtmem.so", 10);
}

struct symbol_text site_title(struct symbols *symbols,
			      const struct snap_site *site)
{
	const struct symbol *symbol;
	struct symbol_text t;
	unsigned int i;

	snprintf(t.text, sizeof(t.text), "%s",
		 *site->label ? site->label : "(no stack)");
	say_printable(t.text);
	if (*site->label || !site->depth)
		return t;
	for (i = 0; i < site->depth; i++) {
		symbol = symbols_find(symbols, site->frames[i]);
		if (!is_library(symbol))
			return symbol_place(symbol);
	}
	return symbol_place(symbols_find(symbols, site->frames[0]));
}

struct symbol_text site_fit(const char *text, unsigned int width)
{
	size_t length = strlen(text);
	struct symbol_text t;

	if (length > width)
		text += length - (width - 3);
	/* Not from the middle of a character. */
	while (length > width && (*text & 0xc0) == 0x80)
		text++;
	snprintf(t.text, sizeof(t.text), "%s%s", length > width ? "..." : "",
		 text);
	say_printable(t.text);
	return t;
}

/* --- order ---------------------------------------------------------------- */

bool site_by_parse(const char *word, enum site_by *by)
{
	unsigned int i;

	for (i = 0; i < SITE_BYS; i++) {
		if (strcmp(site_by_names[i], word))
			continue;
		*by = i;
		return true;
	}
	return false;
}

uint64_t site_value(const struct snap_counts *n, enum site_by by)
{
	switch (by) {
	case SITE_BY_COUNT:
		return n->allocs;
	case SITE_BY_LIVE:
		return n->live_bytes;
	case SITE_BY_CHURN:
		return n->alloc_bytes < n->free_bytes ? n->alloc_bytes :
							n->free_bytes;
	default:
		return n->alloc_bytes;
	}
}

static const struct snap_site **list(const struct snap *snap)
{
	const struct snap_site **all;
	size_t i;

	all = calloc(snap->n_sites + 1, sizeof(*all));
	if (!all)
		say("no memory for the list of sites");
	for (i = 0; all && i < snap->n_sites; i++)
		all[i] = &snap->sites[i];
	return all;
}

static int compare_value(const void *left, const void *right, void *data)
{
	const struct snap_site *a = *(const struct snap_site *const *)left;
	const struct snap_site *b = *(const struct snap_site *const *)right;
	const enum site_by *by = data;
	uint64_t x = site_value(&a->n, *by), y = site_value(&b->n, *by);

	if (x != y)
		return x < y ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

const struct snap_site **site_rank(const struct snap *snap, enum site_by by)
{
	const struct snap_site **all = list(snap);

	if (all)
		qsort_r(all, snap->n_sites, sizeof(*all), compare_value, &by);
	return all;
}

/* --- groups --------------------------------------------------------------- */

static int compare_frames(const struct snap_site *a, const struct snap_site *b)
{
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return a->depth ? memcmp(a->frames, b->frames,
				 a->depth * sizeof(*a->frames)) :
			  0;
}

static int compare_group(const void *left, const void *right)
{
	const struct snap_site *a = *(const struct snap_site *const *)left;
	const struct snap_site *b = *(const struct snap_site *const *)right;
	int frames = compare_frames(a, b);

	if (frames)
		return frames;
	return a->id < b->id ? -1 : a->id > b->id;
}

bool site_groups_make(struct site_groups *groups, const struct snap *snap)
{
	groups->order = list(snap);
	groups->n = snap->n_sites;
	if (groups->order)
		qsort(groups->order, groups->n, sizeof(*groups->order),
		      compare_group);
	return groups->order;
}

void site_groups_free(struct site_groups *groups)
{
	free(groups->order);
}

const struct snap_site **site_groups_find(const struct site_groups *groups,
					  const struct snap_site *site,
					  size_t *n)
{
	const struct snap_site **at, **first, **end;

	end = groups->order + groups->n;
	at = bsearch(&site, groups->order, groups->n, sizeof(*at),
		     compare_group);
	*n = 1;
	if (!site->depth)
		return at;
	for (first = at; first > groups->order; first--)
		if (compare_frames(first[-1], site))
			break;
	for (at++; at < end && !compare_frames(*at, site);)
		at++;
	*n = (size_t)(at - first);
	return first;
}

bool site_is_cut(const struct snap *snap, const struct snap_site *site)
{
	return site->depth && site->depth >= snap->depth;
}
