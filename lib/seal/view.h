/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: mappings of contents, and the table that knows them all.
 */
#ifndef TMEM_SEAL_VIEW_H
#define TMEM_SEAL_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "seal/index.h"

struct tmem_store;

/*
 * A view.  In the table from the moment when its contents are there until it is
 * freed, and a user of its store so long.
 */
struct tmem_view {
	char *addr; /* NULL: an empty place in the table */
	uint32_t entry;
	bool lost; /* the child of a fork could not keep it */
	uint64_t offset, bytes;
	struct tmem_store *store;
};

/* Bytes of addresses that contents of that size take. */
size_t tmem_view_span(uint64_t bytes);

/*
 * Map contents where huge pages of the file can be huge pages of the mapping.
 * prot and flags as mmap() has them.  NULL with errno.
 */
char *tmem_view_map(const struct tmem_file *file,
		    const struct tmem_content *content, int prot, int flags);

/* Have room for one more view, so that the next add cannot fail. */
int tmem_views_reserve(void);
void tmem_views_unreserve(void);

/* Uses up a reserve. */
void tmem_views_add(const struct tmem_view *view);

/*
 * Take a view out.  false: there is none at that address.  The use of its store
 * is the caller's then (tmem_store_put()).
 */
bool tmem_views_take(const void *addr, struct tmem_view *view);

/* Its size, or 0. */
size_t tmem_views_size(const void *addr);

/* Around fork(), and between them: every view of the table, in no order. */
void tmem_views_lock(void);
void tmem_views_unlock(void);
struct tmem_view *tmem_views_next(struct tmem_view *view);

#endif /* TMEM_SEAL_VIEW_H */
