// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sums that records add to and take off; without any, nothing is exactly
 * nothing.
 */
#include "analytics/node.h"

#include <string.h>
#include <tmem/config.h>

static struct {
	double bytes;
	uint64_t records;
} nodes[TMEM_NODES_MAX];

void tmem_nodes_add(const struct tmem_record *record, int sign)
{
	double bytes = (double)record->bytes * record->weight;

	nodes[record->node].bytes += sign * bytes;
	nodes[record->node].records += (uint64_t)sign;
	if (!nodes[record->node].records)
		nodes[record->node].bytes = 0;
}

uint64_t tmem_nodes_live(uint32_t node)
{
	double bytes = nodes[node].bytes;

	return bytes > 0 ? (uint64_t)(bytes + 0.5) : 0;
}

void tmem_nodes_clear(void)
{
	memset(nodes, 0, sizeof(nodes));
}
