/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moving a block into room that other spans have, so that its own can become
 * idle.  Who decides which spans are to be emptied, and knows that nobody uses
 * the block, is above (tensor/defrag.c).
 *
 * All calls take the heap lock.
 */
#ifndef TMEM_POOL_MOVE_H
#define TMEM_POOL_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/page.h"

struct tmem_pool;

/* Blocks of more pages have spans of their own. */
#define TMEM_MOVE_MAX TMEM_SLOT_PAGES

/* What a pool's busy slots hold. */
struct tmem_move_sum {
	uint64_t busy; /* slots */
	uint64_t used; /* pages in extents */
};

/*
 * used[i]: pages in extents of slot i, 0 if it is not the pool's or not busy,
 * and class[i]: whose free chunks it belongs to, where a block in it can go;
 * for the first slots (0: none is told).
 */
struct tmem_move_sum tmem_move_look(const struct tmem_pool *pool,
				    uint16_t *used, uint8_t *class,
				    uint32_t slots);

/* Slots that have ever been used. */
uint32_t tmem_move_slots(void);

enum tmem_move_result {
	TMEM_MOVE_DONE,
	TMEM_MOVE_GONE, /* it is no block of the pool that could be moved */
	TMEM_MOVE_NO_ROOM, /* no busy slot that is no victim has room */
};

/*
 * A second block of the same size, in busy slots of the same pool and class
 * that are not marked as victims (a byte for each of the first slots; those
 * beyond are none).  Both are live until tmem_move_end() frees the first one,
 * or this one if the move is not made.  *cursor is where the search goes on: 0
 * for the first of many moves.
 */
enum tmem_move_result tmem_move_begin(struct tmem_pool *pool, const void *from,
				      const uint8_t *victim, uint32_t slots,
				      uint32_t *cursor, void **to);

/* Freed by @caller. */
void tmem_move_end(const void *block, const void *caller);

/* A slot has nothing in it any more. */
bool tmem_move_is_empty(uint32_t slot);

#endif /* TMEM_POOL_MOVE_H */
