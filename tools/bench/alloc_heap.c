// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who takes part, and with which settings: each as who needs speed would
 * start it.  jemalloc has the settings that PyTorch recommends; glibc is
 * measured as it is, and told to keep its memory.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define PYTORCH                                                    \
	"MALLOC_CONF=oversize_threshold:1,background_thread:true," \
	"metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"

static const struct heap known[] = {
	{ .name = "tmem", .worker = "alloc-tmem", .ours = true },
	{
		.name = "tcmalloc",
		.worker = "alloc-malloc",
		.library = "libtcmalloc_minimal.so.4",
		.rival = true,
	},
	{
		.name = "jemalloc",
		.worker = "alloc-malloc",
		.library = "libjemalloc.so.2",
		.set = { PYTORCH },
		.rival = true,
	},
	{
		.name = "mimalloc",
		.worker = "alloc-malloc",
		.library = "libmimalloc.so.2",
	},
	{
		.name = "glibc-keep",
		.worker = "alloc-malloc",
		.set = { "MALLOC_MMAP_THRESHOLD_=4294967296",
			 "MALLOC_TRIM_THRESHOLD_=17179869184" },
	},
	{ .name = "glibc", .worker = "alloc-malloc" },
	{ .name = "nothing", .worker = "alloc-none", .nothing = true },
};

int heap_find(const struct bench *b, const char *name)
{
	unsigned int i;

	for (i = 0; i < b->n_heaps; i++)
		if (!strcmp(b->heaps[i].name, name))
			return (int)i;
	return -1;
}

static struct heap *heap_add(struct bench *b, const struct heap *heap)
{
	if (b->n_heaps == HEAPS_MAX)
		return NULL;
	b->heaps[b->n_heaps] = *heap;
	return &b->heaps[b->n_heaps++];
}

static struct heap *heap_add_known(struct bench *b, const struct heap *what)
{
	static char backend[48];
	struct heap *heap = heap_add(b, what);

	snprintf(backend, sizeof(backend), "TMEM_BACKEND=%s", b->backend);
	if (heap && heap->ours)
		heap->set[0] = backend;
	return heap;
}

void heaps_add_all(struct bench *b)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		heap_add_known(b, &known[i]);
}

int heaps_also(struct bench *b, char *text)
{
	char *at = strchr(text, '=');
	struct heap *heap;
	unsigned int n;

	if (!at || at == text || at - text >= (int)sizeof(heap->name))
		return -1;
	heap = heap_add_known(b, &known[0]);
	if (!heap)
		return -1;
	*at++ = 0;
	snprintf(heap->name, sizeof(heap->name), "%s", text);
	for (n = 1; n < SETTINGS_MAX && at; n++)
		heap->set[n] = strsep(&at, ",");
	return at ? -1 : 0;
}

int heaps_only(struct bench *b, char *names)
{
	bool wanted[HEAPS_MAX] = { false };
	unsigned int i, n = 0;
	char *name;
	int at;

	while ((name = strsep(&names, ","))) {
		at = heap_find(b, name);
		if (at < 0)
			return -1;
		wanted[at] = true;
	}
	for (i = 0; i < b->n_heaps; i++)
		if (wanted[i] || b->heaps[i].nothing)
			b->heaps[n++] = b->heaps[i];
	b->n_heaps = n;
	return 0;
}

void heaps_probe(struct bench *b)
{
	static const char *const arguments[] = { "probe", NULL };
	unsigned int i;

	for (i = 0; i < b->n_heaps; i++) {
		struct heap *heap = &b->heaps[i];
		struct child child;
		int status = -1;

		if (!child_start(b, heap, arguments, &child))
			status = child_end(b, &child, i, "", "");
		if (status == 3)
			snprintf(heap->why, sizeof(heap->why),
				 "%s is not installed", heap->library);
		else if (status)
			snprintf(heap->why, sizeof(heap->why),
				 "%s cannot be started (status %d)",
				 heap->worker, status);
	}
}
