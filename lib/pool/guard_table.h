/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What guard mode knows of each block, found by its address.  It is kept apart
 * from the blocks: damage to them does not reach it.
 *
 * Everything here is called with the heap lock held.
 */
#ifndef TMEM_POOL_GUARD_TABLE_H
#define TMEM_POOL_GUARD_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct tmem_pool;

/*
 * A block of guard mode: what the user has of a block of the heap.  From its
 * allocation until it leaves the quarantine, or its pool goes.
 */
struct tmem_guarded {
	char *user; /* what the user has */
	size_t size; /* bytes that were asked for */
	char *start; /* of the heap's block around it */
	size_t bytes; /* of that */
	struct tmem_pool *pool;
	const void *alloc_site;
	const void *free_site; /* NULL: it is live */
	struct tmem_guarded *next; /* of its bucket */
	struct tmem_guarded *younger; /* of the quarantine */
};

/* A zeroed record in no table, with room in the table for it; or NULL. */
struct tmem_guarded *tmem_guarded_new(void);
void tmem_guarded_delete(struct tmem_guarded *g);

void tmem_guarded_add(struct tmem_guarded *g);
void tmem_guarded_remove(struct tmem_guarded *g);

/* By the user's address, or NULL. */
struct tmem_guarded *tmem_guarded_find(const void *user);

/*
 * The next record of a pool that keep() does not want kept, or NULL.  Starts
 * with *cursor 0; the record may be removed, and others added, before the next
 * call.
 */
struct tmem_guarded *
tmem_guarded_next(const struct tmem_pool *pool, size_t *cursor,
		  bool (*keep)(const struct tmem_guarded *g));

/* Bytes of the table. */
size_t tmem_guarded_metadata(void);

#endif /* TMEM_POOL_GUARD_TABLE_H */
