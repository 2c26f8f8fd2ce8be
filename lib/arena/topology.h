/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's NUMA nodes, read once.  Without NUMA there is one node, 0,
 * with all the memory.
 */
#ifndef TMEM_ARENA_TOPOLOGY_H
#define TMEM_ARENA_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/config.h>

struct tmem_topology {
	uint64_t nodes; /* bit n: node n has memory that we may use */
	unsigned int count; /* of these */
	bool numa; /* the kernel can place memory */
	uint64_t bytes[TMEM_NODES_MAX]; /* memory of each node */
	/* order[n]: all usable nodes, nearest to n first */
	uint8_t order[TMEM_NODES_MAX][TMEM_NODES_MAX];
};

/* Never fails.  Thread-safe; the result is constant. */
const struct tmem_topology *tmem_topology_get(void);

/* The node of the CPU that we run on, if it has memory; else a usable one. */
unsigned int tmem_topology_here(void);

#endif /* TMEM_ARENA_TOPOLOGY_H */
