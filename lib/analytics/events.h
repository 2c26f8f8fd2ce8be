/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the pool tells the analytics.  Of most blocks nothing: a thread's
 * countdown (sampler.h) says which are recorded, and a bit in the state of a
 * block that it has a record.
 *
 * Locks: the analytics lock is taken last, also with the heap lock held.
 */
#ifndef TMEM_ANALYTICS_EVENTS_H
#define TMEM_ANALYTICS_EVENTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct tmem_pool;

extern _Atomic(bool) tmem_analytics_on;

static inline bool tmem_analytics_is_on(void)
{
	return __builtin_expect(atomic_load_explicit(&tmem_analytics_on,
						     memory_order_relaxed),
				0);
}

/* A block that is to be recorded; weight 0: it is not. */
struct tmem_sample {
	size_t bytes; /* usable */
	double weight; /* how many blocks it stands for */
};

/* Look whether a block that is being handed out is one; heap lock held. */
void tmem_sample_new(void *ptr, struct tmem_sample *sample);

/* The countdown of threads without one begins anew; heap lock held. */
void tmem_samples_reset(void);

/*
 * The block's state says from now on that it has a record.  Of an extent: with
 * the heap lock held.
 */
void tmem_sample_mark(void *ptr);

/* Record a block that the caller alone knows, called for at @caller.  No locks. */
void tmem_analytics_take(const void *ptr, const struct tmem_sample *sample,
			 const void *caller);

/* The block is about to be free, or another.  One without a record is none. */
void tmem_analytics_drop(const void *ptr);

/* So are all blocks of a pool.  The heap lock is held. */
void tmem_analytics_drop_pool(const struct tmem_pool *pool);

/* Set up with the heap, by TMEM_ANALYTICS; the heap lock is held. */
void tmem_analytics_open(unsigned int mode);

/* Around a fork, with the heap lock held and threads stopped. */
void tmem_analytics_fork_prepare(void);
void tmem_analytics_fork_done(void);

/* In a child whose memory is its parent's: it has no blocks.  Lock held. */
void tmem_analytics_inherit(void);

#endif /* TMEM_ANALYTICS_EVENTS_H */
