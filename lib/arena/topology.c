// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * NUMA nodes, from libnuma.
 *
 * Nodes above 63 are left alone: the library's masks hold 64, and machines
 * with more are not what it is for.
 */
#define _GNU_SOURCE
#include "arena/topology.h"

#include <numa.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static struct tmem_topology topology;
static pthread_once_t topology_once = PTHREAD_ONCE_INIT;

static void topology_flat(void)
{
	topology.nodes = 1;
	topology.count = 1;
	topology.bytes[0] = (uint64_t)sysconf(_SC_PHYS_PAGES) *
			    (uint64_t)sysconf(_SC_PAGESIZE);
}

static void topology_order(unsigned int node)
{
	uint8_t *order = topology.order[node];
	unsigned int n, i, count = 0;

	for (n = 0; n < TMEM_NODES_MAX; n++) {
		if (!(topology.nodes & 1ULL << n))
			continue;
		/* Insertion sort; equal distances keep the order of numbers. */
		for (i = count++; i; i--) {
			if (numa_distance((int)node, order[i - 1]) <=
			    numa_distance((int)node, (int)n))
				break;
			order[i] = order[i - 1];
		}
		order[i] = (uint8_t)n;
	}
}

static void topology_read(void)
{
	struct bitmask *allowed;
	long long bytes;
	unsigned int n;

	if (numa_available() < 0) {
		topology_flat();
		return;
	}
	allowed = numa_get_mems_allowed();
	for (n = 0; n < TMEM_NODES_MAX; n++) {
		bytes = numa_node_size64((int)n, NULL);
		if (!numa_bitmask_isbitset(allowed, n) || bytes <= 0)
			continue;
		topology.nodes |= 1ULL << n;
		topology.bytes[n] = (uint64_t)bytes;
		topology.count++;
	}
	numa_bitmask_free(allowed);
	if (!topology.count) {
		topology_flat();
		return;
	}
	topology.numa = true;
	for (n = 0; n < TMEM_NODES_MAX; n++)
		topology_order(n);
}

const struct tmem_topology *tmem_topology_get(void)
{
	pthread_once(&topology_once, topology_read);
	return &topology;
}

unsigned int tmem_topology_here(void)
{
	unsigned int cpu, node;

	if (topology.count == 1 || getcpu(&cpu, &node) ||
	    node >= TMEM_NODES_MAX)
		return topology.order[0][0];
	return topology.order[node][0];
}
