// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where the memory really is, asked without holding anybody up: the heap lock is
 * held while spans are picked, not while the kernel is asked.  What changes
 * meanwhile is counted as it is found, or not at all.
 *
 * Nodes are asked for of 1024 spans at most, evenly apart: of a share p of spans
 * on the wrong node, the error is sqrt(p (1 - p) / 1024), 0.016 at most.
 */
#define _GNU_SOURCE
#include <numaif.h>

#include "arena/slots.h"
#include "arena/smaps.h"
#include "arena/topology.h"
#include "manager/advice.h"
#include "pool/heap.h"

#define PICKED_MAX 1024u

struct place_picked {
	uint32_t n;
	void *at[PICKED_MAX];
	uint8_t node[PICKED_MAX]; /* where it should be */
};

struct place_walk {
	char *start, *end;
	struct tmem_residency *residency;
};

static void place_vma(void *ctx, const struct tmem_smaps_vma *vma)
{
	struct place_walk *walk = ctx;

	if (vma->start < walk->start || vma->start >= walk->end)
		return;
	walk->residency->vmas++;
	walk->residency->mapped += vma->rss;
	walk->residency->pmd_mapped += vma->pmd_mapped;
}

/* With the heap lock held. */
static void place_pick(struct place_picked *picked)
{
	uint32_t step = tmem_slots.used / PICKED_MAX + 1, i;

	for (i = 0; i < tmem_slots.used && picked->n < PICKED_MAX; i += step) {
		const struct tmem_slot *slot = tmem_slot_at(i);

		if ((slot->kind != TMEM_SLOT_BUSY &&
		     slot->kind != TMEM_SLOT_IDLE) ||
		    slot->absent)
			continue;
		picked->at[picked->n] = tmem_slot_addr(i);
		picked->node[picked->n++] = (uint8_t)tmem_span_node(slot->span);
	}
}

/* A page that is not there, or not any more, has no node. */
static void place_ask(struct place_picked *picked,
		      struct tmem_residency *residency, uint64_t *off_node)
{
	int node[PICKED_MAX];
	uint32_t i, known = 0, off = 0;

	if (!picked->n || move_pages(0, picked->n, picked->at, NULL, node, 0))
		return;
	for (i = 0; i < picked->n; i++) {
		if (node[i] < 0)
			continue;
		known++;
		off += node[i] != picked->node[i];
	}
	if (!known)
		return;
	residency->nodes_exact = 1;
	*off_node = (uint64_t)((double)residency->resident * off / known);
}

void tmem_advice_place(struct tmem_residency *residency, uint64_t *off_node)
{
	struct place_walk walk = { .residency = residency };
	struct place_picked picked;

	*off_node = 0;
	picked.n = 0;
	if (!tmem_heap_enter_if_ready())
		return;
	walk.start = tmem_slots.base;
	walk.end = tmem_slots.base + tmem_slots.bytes;
	/* With one node there is nothing to be wrong about. */
	if (tmem_topology_get()->count > 1)
		place_pick(&picked);
	tmem_heap_leave();
	if (tmem_smaps_walk(place_vma, &walk))
		return;
	residency->resident = residency->mapped;
	place_ask(&picked, residency, off_node);
}
