/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strategies: where a block of a pool is put (tmem/pool.h says what each is
 * for; Documentation/design/heap.md, what was measured).
 */
#ifndef TMEM_POOL_STRATEGY_H
#define TMEM_POOL_STRATEGY_H

#include <tmem/pool.h>

#include "pool/chunks.h"

struct tmem_strategy_ops {
	const char *name;

	/* Free memory is kept apart by node, and sought on the caller's first. */
	bool by_node;

	/* Another node's idle memory is better than more from one's own. */
	bool borrows;

	/* What a request for so many pages is made. */
	uint32_t (*round)(uint32_t pages);

	/* A chunk for them, or TMEM_NO_PAGE. */
	tmem_page_id (*find)(const struct tmem_chunks *chunks, uint32_t pages,
			     uint32_t align);
};

/* NULL: there is no such strategy. */
const struct tmem_strategy_ops *tmem_strategy_get(enum tmem_strategy strategy);

#endif /* TMEM_POOL_STRATEGY_H */
