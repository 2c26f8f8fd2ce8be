/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool's arenas, one for each node, and the spans in them that have never
 * been used or were given back.
 *
 * A span of the supply is named by one number, whatever its arena is and
 * wherever it is mapped.
 *
 * Everything here is called with the heap lock held.
 */
#ifndef TMEM_ARENA_SUPPLY_H
#define TMEM_ARENA_SUPPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/arena.h>

#include "core/settings.h"

typedef uint32_t tmem_span_id; /* node << 26 | span in the node's arena */

#define TMEM_SPAN_ID_SHIFT 26

static inline unsigned int tmem_span_node(tmem_span_id id)
{
	return id >> TMEM_SPAN_ID_SHIFT;
}

static inline uint32_t tmem_span_index(tmem_span_id id)
{
	return id & ((1u << TMEM_SPAN_ID_SHIFT) - 1);
}

/* 0 or -errno as tmem_init() says; nothing is left behind on an error. */
int tmem_supply_open(const struct tmem_settings *settings);
void tmem_supply_close(void);

/* tmem_supply_close() in the child of a fork, see tmem_arena_abandon(). */
void tmem_supply_abandon(void);

/* Spans of all arenas together. */
uint32_t tmem_supply_spans(void);

/* true if touching an absent span may kill: it must be populated first. */
bool tmem_supply_must_populate(void);

/* The arena of a span; its name there is tmem_span_index(). */
struct tmem_arena *tmem_supply_arena(tmem_span_id id);

/* The arena of a node, or NULL. */
struct tmem_arena *tmem_supply_node_arena(unsigned int node);

/* The node wanted for the next span, by the policy, and the nodes after it. */
unsigned int tmem_supply_wanted(void);
const uint8_t *tmem_supply_order(unsigned int node, unsigned int *count);

/* true if spans of one block come from several nodes by intention. */
bool tmem_supply_interleaves(void);

/*
 * Up to want spans, absent and mapped nowhere, in a row, of a node.  Returns
 * how many (0: none left) and sets *first.
 */
uint32_t tmem_supply_take(unsigned int node, uint32_t want,
			  tmem_span_id *first);

/* Give spans in a row back; they are purged and mapped nowhere. */
void tmem_supply_give(tmem_span_id first, uint32_t count);

/* Bytes of this part's tables that have been touched. */
size_t tmem_supply_metadata(void);

#endif /* TMEM_ARENA_SUPPLY_H */
