// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_text_heap - the heap now, for a terminal: bytes, tiers, nodes, and a
 * picture of the spans in characters.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "table.h"
#include "units.h"

#define CELLS 64 /* of the picture, in a line */
#define ROWS 4

static void print_bytes(const struct report *report)
{
	const struct snap_counts *n = &report->snap->counts;
	const struct report_heap *heap = &report->heap;

	printf("live      %12s  in %s blocks; %s at the peak\n",
	       units_bytes(n->live_bytes).text,
	       units_count(n->live_blocks).text,
	       units_bytes(n->peak_live_bytes).text);
	printf("held      %12s  in spans, %s of it idle\n",
	       units_bytes(heap->held).text, units_bytes(heap->idle).text);
	printf("waste     %12s  inside of blocks, %s of what is live\n",
	       units_bytes(heap->inside).text,
	       units_percent(heap->internal).text);
	printf("          %12s  between blocks, %s of what is held\n",
	       units_bytes(heap->between).text,
	       units_percent(heap->external).text);
	printf("tables    %12s  of the library\n",
	       units_bytes(heap->metadata).text);
}

/* What the collector and the kernel did about it. */
static void print_spans(const struct report *report)
{
	const struct report_heap *heap = &report->heap;
	uint64_t allocs = report->snap->counts.allocs;

	printf("spans     %12s  taken, %s given back, %s recalled, %s moved\n",
	       units_count(heap->filled).text, units_count(heap->purged).text,
	       units_count(heap->lost).text, units_count(heap->moved).text);
	printf("reused    %12s  of %s allocations took no new memory\n",
	       units_percent(allocs ? (double)heap->reused / (double)allocs : 0)
		       .text,
	       units_count(allocs).text);
	if (heap->failures || heap->misuse)
		printf("refused   %12s  requests, and %s wrong frees\n",
		       units_count(heap->failures).text,
		       units_count(heap->misuse).text);
}

static void print_tiers(const struct snap *snap)
{
	struct table table;
	size_t i;

	table_begin(&table, "<tier live blocks allocated freed");
	for (i = 0; i < SNAP_TIERS; i++) {
		table_row(&table);
		table_put(&table, "%s", snap->tiers[i].name);
		table_put(&table, "%s",
			  units_bytes(snap->tiers[i].live_bytes).text);
		table_put(&table, "%s",
			  units_count(snap->tiers[i].live_blocks).text);
		table_put(&table, "%s",
			  units_count(snap->tiers[i].allocs).text);
		table_put(&table, "%s", units_count(snap->tiers[i].frees).text);
	}
	table_print(&table);
}

/* Cells that share a character: the mean of them, rounded up. */
static char blend(const char *fill, size_t n)
{
	static const char shades[] = ".:-=+*oO#";
	size_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += (size_t)(fill[i] - '0');
	return shades[(sum + n - 1) / n];
}

static void print_fill(const struct report_node *node)
{
	size_t all = strlen(node->fill), i, n;
	size_t each = (all + CELLS * ROWS - 1) / (CELLS * ROWS);

	for (i = 0; i < all; i += each) {
		if (i % (CELLS * each) == 0)
			fputs(i ? "\n  " : "  ", stdout);
		n = all - i < each ? all - i : each;
		putchar(blend(node->fill + i, n));
	}
	printf("\n  %s %s a character: . idle, : little in it ... # full\n",
	       units_count(each * node->per_cell).text,
	       each * node->per_cell == 1 ? "span" : "spans");
}

static void print_node(const struct report_node *node)
{
	printf("node %-4llu %12s  in %s busy spans, %s free there; %s idle\n",
	       (unsigned long long)node->node,
	       units_bytes((node->busy + node->idle) << 21).text,
	       units_count(node->busy).text, units_bytes(node->free_bytes).text,
	       units_count(node->idle).text);
	if (node->fill && *node->fill)
		print_fill(node);
}

void report_print_heap(const struct report *report)
{
	size_t i;

	print_bytes(report);
	print_spans(report);
	for (i = 0; i < report->heap.n_nodes; i++)
		print_node(&report->heap.nodes[i]);
	print_tiers(report->snap);
}
