/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles, as who moves their blocks sees them.
 *
 * A handle's state is one word: 0, or the number of pins, or who has it.  Who
 * changes it from 0 to TMEM_HANDLE_MOVING owns the block until it is 0 again.
 */
#ifndef TMEM_TENSOR_HANDLE_H
#define TMEM_TENSOR_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/handle.h>

#define TMEM_HANDLE_MOVING (1u << 31)
#define TMEM_HANDLE_FREE (1u << 30) /* no handle */
#define TMEM_HANDLE_LOST (1u << 29) /* its pool has gone, its block with it */

/*
 * For ever; a handle from tmem_handle_new() to tmem_handle_free().  Constant as
 * long as it is one, but for state, and block, which is who moves it's.
 */
struct tmem_handle {
	_Atomic(uint32_t) state;
	_Atomic(uint32_t) pages;
	_Atomic(char *) block;
	_Atomic(struct tmem_pool *) pool;
	_Atomic(size_t) size;
	struct tmem_handle *next; /* free ones */
};

/* Handles that there have been; their numbers are below. */
uint32_t tmem_handle_count(void);
struct tmem_handle *tmem_handle_at(uint32_t number);

/*
 * Held for each single move: who finds a handle moving takes it to wait, and
 * fork() holds it, so that no child finds one that moves for ever.  Outside of
 * the heap's locks.
 */
void tmem_handle_move_lock(void);
void tmem_handle_move_unlock(void);

/* A pool is to go. */
void tmem_handle_forget(const struct tmem_pool *pool);

/* defrag.c: in the child of a fork, nobody defragments. */
void tmem_defrag_fork_child(void);

#endif /* TMEM_TENSOR_HANDLE_H */
