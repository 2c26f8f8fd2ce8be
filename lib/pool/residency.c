// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where the memory really is, as the kernel sees it and not as we believe.
 */
#include <errno.h>

#include "arena/smaps.h"
#include "arena/topology.h"
#include "core/settings.h"
#include "pool/heap.h"

struct residency_walk {
	char *start, *end;
	struct tmem_residency *residency;
};

static void residency_vma(void *ctx, const struct tmem_smaps_vma *vma)
{
	struct residency_walk *walk = ctx;

	if (vma->start < walk->start || vma->start >= walk->end)
		return;
	walk->residency->vmas++;
	walk->residency->mapped += vma->rss;
	walk->residency->pmd_mapped += vma->pmd_mapped;
}

/* The arenas know what they hold, mapped or not. */
static int residency_arenas(struct tmem_residency *residency)
{
	unsigned int node, i;

	residency->nodes_exact = 1;
	for (node = 0; node < TMEM_NODES_MAX; node++) {
		struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;
		struct tmem_arena *arena = tmem_supply_node_arena(node);

		if (!arena)
			continue;
		if (tmem_arena_usage(arena, &usage))
			return -EIO;
		residency->resident += usage.resident;
		residency->nodes_exact &= usage.nodes_exact;
		for (i = 0; i < TMEM_NODES_MAX; i++)
			residency->node_bytes[i] += usage.node_bytes[i];
	}
	return 0;
}

int tmem_residency_get(struct tmem_residency *to)
{
	struct tmem_residency residency = TMEM_RESIDENCY_INIT;
	struct residency_walk walk = { .residency = &residency };
	int err = 0;

	if (tmem_heap_enter_if_ready()) {
		walk.start = tmem_slots.base;
		walk.end = tmem_slots.base + tmem_slots.bytes;
		err = tmem_smaps_walk(residency_vma, &walk);
		if (!err)
			err = residency_arenas(&residency);
		tmem_heap_leave();
	}
	if (err)
		return err;
	return tmem_struct_put(to, &residency, sizeof(residency)) ? 0 : -EINVAL;
}
