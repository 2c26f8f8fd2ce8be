/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the heap and the collector tell the optimizer, and ask of it.  While it
 * is off all of this is one load each, on paths that take the heap lock.
 */
#ifndef TMEM_OPTIMIZER_EVENTS_H
#define TMEM_OPTIMIZER_EVENTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/optimizer.h>

struct tmem_gc_config;

extern atomic_bool tmem_optimizer_on;
extern atomic_bool tmem_optimizer_due; /* there is work for the thread */

static inline bool tmem_optimizer_is_on(void)
{
	return __builtin_expect(atomic_load_explicit(&tmem_optimizer_on,
						     memory_order_relaxed),
				0);
}

void tmem_optimizer_note_slow(size_t bytes, uint32_t page);
void tmem_optimizer_mark_slow(void);
void tmem_optimizer_poll_slow(void);

/*
 * A block of more than 32 KiB was handed out, which begins with that page.  The
 * heap lock is held.
 */
static inline void tmem_optimizer_note(size_t bytes, uint32_t page)
{
	if (tmem_optimizer_is_on())
		tmem_optimizer_note_slow(bytes, page);
}

/* Afterwards, without it. */
static inline void tmem_optimizer_poll(void)
{
	if (__builtin_expect(atomic_load_explicit(&tmem_optimizer_due,
						  memory_order_relaxed),
			     0))
		tmem_optimizer_poll_slow();
}

/* The program says that a step has ended.  No locks. */
static inline void tmem_optimizer_mark(void)
{
	if (tmem_optimizer_is_on())
		tmem_optimizer_mark_slow();
}

/*
 * The collector's thread comes by: learn, give back, fetch some.  true: there
 * is more to do at once.  @thread false: who allocates does it, as there is no
 * such thread.  No locks.
 */
bool tmem_optimizer_work(bool thread);

/* Of so many idle spans the collector would take so many: it may take these. */
uint64_t tmem_optimizer_spare(uint64_t idle, uint64_t want);

/* What the strategy changes in what the collector does. */
void tmem_optimizer_gc(struct tmem_gc_config *config);

/* Set up with the heap, by TMEM_OPTIMIZER; the heap lock is held. */
void tmem_optimizer_open(unsigned int strategy);

#endif /* TMEM_OPTIMIZER_EVENTS_H */
