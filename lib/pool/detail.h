/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * More of the heap's counters than tmem_stats_get() gives, of the same moment.
 */
#ifndef TMEM_POOL_DETAIL_H
#define TMEM_POOL_DETAIL_H

#include <tmem/pool.h>

#include "pool/tier.h"

/*
 * Of what is listed as one node's; a strategy that does not keep nodes apart
 * lists everything as node 0's.
 */
struct tmem_detail_node {
	uint64_t spans_busy;
	uint64_t spans_idle; /* that hold memory */
	uint64_t free_bytes; /* in busy spans, in no block */
};

struct tmem_detail {
	struct tmem_stats stats;
	struct tmem_tier_count tier[TMEM_TIERS];
};

/*
 * How full one node's spans are, in the order of their addresses.
 * @cells: one for each @spans_per_cell spans: '0', all of them idle; else '1'
 *         to '8', so many eighths of their pages in blocks, rounded up
 */
#define TMEM_DETAIL_CELLS 2048u
struct tmem_detail_map {
	uint64_t spans_per_cell;
	char cells[TMEM_DETAIL_CELLS + 1]; /* a string */
};

void tmem_detail_get(struct tmem_detail *detail);

/* Looks at each span: some microseconds for a gigabyte, with the heap lock. */
void tmem_detail_nodes(struct tmem_detail_node nodes[TMEM_NODES_MAX]);

/* The same, of those that tmem_detail_nodes() counts for @node; twice. */
void tmem_detail_map(struct tmem_detail_map *map, unsigned int node);

#endif /* TMEM_POOL_DETAIL_H */
