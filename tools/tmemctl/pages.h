/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for the tool's own tables, which must not count in a replay. */
#ifndef TMEMCTL_PAGES_H
#define TMEMCTL_PAGES_H

#include <stddef.h>

/*
 * pages_get() - @bytes of zeroed memory of the tool's own, touched.  NULL if
 * there is none.  To be given to pages_put() with the same size.
 */
void *pages_get(size_t bytes);
void pages_put(void *memory, size_t bytes);

/*
 * struct vec - an array that grows, in such memory
 * @item: bytes of one element
 * @used: elements in use
 */
struct vec {
	void *data;
	size_t item;
	size_t used;
	size_t bytes;
};

/* vec_add() - room for one more element, which is zero; NULL: no memory. */
void *vec_add(struct vec *vec);
void vec_free(struct vec *vec);

#endif /* TMEMCTL_PAGES_H */
