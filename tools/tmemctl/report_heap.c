// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_heap - what the heap holds, what of it is waste, and how full each
 * span is.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define NODES_MAX 64
#define CELLS_MAX 2048
#define SPANS_MAX (1ULL << 40)
#define SPAN_BYTES (2UL << 20)

static void read_fill(struct snap_in *in, struct json_object *item,
		      struct report_node *node)
{
	if (in->failed || !json_object_object_get_ex(item, "fill", NULL))
		return;
	node->per_cell = snap_in_count(in, item, "spans_per_cell");
	node->fill = snap_in_text(in, item, "fill");
	if (in->failed)
		return;
	if (!node->per_cell || strlen(node->fill) > CELLS_MAX ||
	    node->fill[strspn(node->fill, "012345678")])
		snap_in_fail(in, "%sfill is no picture of spans", in->where);
}

static void read_nodes(struct snap_in *in, struct json_object *part,
		       struct report_heap *heap)
{
	struct json_object *array, *item;
	struct report_node *node;
	size_t i, n;

	array = snap_in_array(in, part, "nodes", NODES_MAX, &n);
	heap->nodes = snap_in_make(in, n, sizeof(*heap->nodes));
	for (i = 0; i < n && !in->failed; i++) {
		node = &heap->nodes[i];
		snap_in_at(in, "heap.fragmentation.nodes[%zu].", i);
		item = snap_in_item(in, array, i);
		node->node = snap_in_count(in, item, "node");
		node->busy = snap_in_count(in, item, "spans_busy");
		node->idle = snap_in_count(in, item, "spans_idle");
		node->external = snap_in_number(in, item, "external");
		node->free_bytes = snap_in_count(in, item, "free_bytes");
		read_fill(in, item, node);
		if (node->busy > SPANS_MAX || node->idle > SPANS_MAX)
			snap_in_fail(in, "%sspans are absurd", in->where);
	}
	heap->n_nodes = n;
}

static void read_spans(struct snap_in *in, struct json_object *from,
		       struct report_heap *heap)
{
	uint64_t idle = snap_in_count(in, from, "spans_idle");
	uint64_t free_bytes = snap_in_count(in, from, "free_bytes");

	heap->filled = snap_in_count(in, from, "spans_filled");
	heap->purged = snap_in_count(in, from, "spans_purged");
	heap->lost = snap_in_count(in, from, "spans_lost");
	heap->moved = snap_in_count(in, from, "spans_moved");
	if (idle > SPANS_MAX)
		snap_in_fail(in, "heap.spans_idle is absurd");
	heap->idle = idle * SPAN_BYTES;
	heap->between = free_bytes > heap->idle ? free_bytes - heap->idle : 0;
}

void report_heap_read(struct snap_in *in, struct report *report)
{
	struct json_object *from = report->snap->heap, *part;
	struct report_heap *heap = &report->heap;

	snap_in_at(in, "heap.");
	heap->held = snap_in_count(in, from, "held_bytes");
	heap->inside = snap_in_count(in, from, "waste_bytes");
	heap->metadata = snap_in_count(in, from, "metadata_bytes");
	heap->reused = snap_in_count(in, from, "reused");
	heap->failures = snap_in_count(in, from, "failures");
	heap->misuse = snap_in_count(in, from, "misuse");
	read_spans(in, from, heap);
	part = snap_in_object(in, from, "fragmentation");
	snap_in_at(in, "heap.fragmentation.");
	heap->internal = snap_in_number(in, part, "internal");
	heap->external = snap_in_number(in, part, "external");
	read_nodes(in, part, heap);
	snap_in_at(in, "%s", "");
}
