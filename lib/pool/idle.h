/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Idle spans, for those who decide which of them are given back: what there
 * is, and giving back.  All calls take the locks they need.
 */
#ifndef TMEM_POOL_IDLE_H
#define TMEM_POOL_IDLE_H

#include <stddef.h>
#include <stdint.h>

/* A span with memory and no live block. */
struct tmem_idle_span {
	uint32_t slot;
	uint32_t age_ms; /* since it became idle */
	uint32_t uses; /* times it had become busy */
	uint32_t node;
	uint32_t run; /* idle slots in a row with it */
};

/* A snapshot of up to max of them, in no order.  Returns how many there are. */
size_t tmem_idle_list(struct tmem_idle_span *to, size_t max);

/* How many there are; cheap. */
size_t tmem_idle_count(void);

/*
 * Give those back that are idle still.  Returns bytes, whole spans.  Threads
 * that allocate meanwhile do not wait for it.
 */
size_t tmem_idle_purge(const struct tmem_idle_span *spans, size_t count);

/* Keep purges away across fork(): none is half done then. */
void tmem_idle_lock(void);
void tmem_idle_unlock(void);

#endif /* TMEM_POOL_IDLE_H */
