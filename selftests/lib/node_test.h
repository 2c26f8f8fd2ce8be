/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests that are about NUMA nodes: where a thread runs, and where memory
 * is.  Where there is one node, or one has no CPU, node_stay() says so.
 */
#ifndef NODE_TEST_H
#define NODE_TEST_H

#include "lib_test.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>

/* A CPU of a node; -1: it has none. */
static inline int node_cpu(unsigned int node)
{
	char path[64], text[64];
	int cpu = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist",
		 node);
	f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f) && *text >= '0' && *text <= '9')
		cpu = atoi(text);
	if (f)
		fclose(f);
	return cpu;
}

/* The calling thread runs there from now on. */
static inline bool node_stay(unsigned int node)
{
	int cpu = node_cpu(node);
	cpu_set_t cpus;

	if (cpu < 0)
		return false;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Where the memory of a page is that has been written to; -1: unknown. */
static inline int node_of(const void *at)
{
	int node = -1;

	if (syscall(SYS_get_mempolicy, &node, NULL, 0UL, at,
		    (unsigned long)(MPOL_F_NODE | MPOL_F_ADDR)))
		return -1;
	return node;
}

/* Writes to all pages of a block; true if all are on that node. */
static inline bool node_holds(char *block, size_t size, int node)
{
	size_t i;

	for (i = 0; i < size; i += LT_PAGE) {
		block[i] = 1;
		if (node_of(block + i) == node)
			continue;
		printf("# page %zu is on node %d\n", i / LT_PAGE,
		       node_of(block + i));
		return false;
	}
	return true;
}

#endif /* NODE_TEST_H */
