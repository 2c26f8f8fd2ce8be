/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the heap tells the collector, and asks of it.
 *
 * The heap notes, with its lock held, how many spans are idle; that is a few
 * loads and stores.  Without its lock, on the slow paths of allocating and
 * freeing, it calls tmem_gc_poll(): one load, unless the thread is to be made
 * or woken, or there can be no thread and the decay has to happen here.
 *
 * Locks, outermost first: the pass lock (one look at idle memory at a time),
 * the heap's locks.  The worker's lock is a leaf (core/worker.h).
 */
#ifndef TMEM_GC_GC_H
#define TMEM_GC_GC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tmem_gc_note {
	_Atomic(uint64_t) idle; /* spans */
	_Atomic(uint64_t) low; /* fewest since the collector looked */
	atomic_bool cached; /* blocks went to threads' caches since then */
	atomic_bool asleep; /* no thread, or one that waits to be woken */
	atomic_bool poll; /* tmem_gc_poll() has something to do */
};

extern struct tmem_gc_note tmem_gc_note;

/*
 * Either the thread sees what was noted before it sleeps, or the noter sees
 * that it sleeps: hence nothing weaker than sequential consistency.
 */
static inline void tmem_gc_note_wake(void)
{
	if (atomic_load(&tmem_gc_note.asleep))
		atomic_store_explicit(&tmem_gc_note.poll, true,
				      memory_order_relaxed);
}

/*
 * So many spans are idle now, over all pools.  After every change, before the
 * lock that orders the changes is left.
 */
static inline void tmem_gc_note_idle(uint64_t spans)
{
	uint64_t low =
		atomic_load_explicit(&tmem_gc_note.low, memory_order_relaxed);

	while (spans < low &&
	       !atomic_compare_exchange_weak(&tmem_gc_note.low, &low, spans))
		;
	/* The thread sleeps only while there are none. */
	if (atomic_load_explicit(&tmem_gc_note.idle, memory_order_relaxed)) {
		atomic_store_explicit(&tmem_gc_note.idle, spans,
				      memory_order_relaxed);
		return;
	}
	atomic_store(&tmem_gc_note.idle, spans);
	if (spans)
		tmem_gc_note_wake();
}

/*
 * A thread's cache got blocks, or the thread came to the heap, on its slow
 * path.
 */
static inline void tmem_gc_note_cached(void)
{
	if (!atomic_load_explicit(&tmem_gc_note.cached, memory_order_relaxed))
		atomic_store(&tmem_gc_note.cached, true);
	tmem_gc_note_wake();
}

void tmem_gc_poll_slow(void);

/*
 * Have the thread come by tmem_optimizer_work(true) (optimizer/events.h) now.
 * false: there is none, nor can there be one.  Not with a lock of the heap held.
 */
bool tmem_gc_kick(void);

/*
 * Not with a lock of the heap held.  The caller's errno is kept.  May purge,
 * where no thread can be made.
 */
static inline void tmem_gc_poll(void)
{
	if (__builtin_expect(atomic_load_explicit(&tmem_gc_note.poll,
						  memory_order_relaxed),
			     0))
		tmem_gc_poll_slow();
}

/*
 * When the library is set up: @off as tmem_config and TMEM_GC say; reads
 * TMEM_GC_DECAY_MS.  What a program set by tmem_gc_config_set() before counts.
 * 0, or -EINVAL with a line to the log.
 */
int tmem_gc_open(bool off);

/*
 * Ends the thread if there is one, between two batches of spans at the latest.
 * It can start again.
 */
void tmem_gc_stop(void);

/* What came of a notice; times are CLOCK_MONOTONIC, 0: it did not come to it. */
struct tmem_gc_outcome {
	uint64_t first_ns; /* the first bytes had been given back */
	uint64_t done_ns; /* all that the level asks for had been */
	uint64_t bytes;
};

/*
 * The monitor's word.  The level in force is the worse one of @level, -1 for
 * none, and of what the source says; a level that was set goes before both.
 * @event_ns: when the world said so
 * @done:     called once, with the pass lock held, when a step has followed
 *            the notice, unless a newer one came before; may be NULL
 */
struct tmem_gc_notice {
	int level;
	uint64_t number;
	uint64_t event_ns;
	void (*done)(uint64_t number, const struct tmem_gc_outcome *outcome);
};

/* From now on, at once.  Without locks. */
void tmem_gc_notice_put(const struct tmem_gc_notice *notice);

/*
 * Give back want bytes of the spans that are idle for min_age_ms or longer, in
 * the order of their scores.  Not with a lock of the heap held.  Returns the
 * bytes given back.
 */
size_t tmem_lru_purge(size_t want_bytes, uint32_t min_age_ms);

#endif /* TMEM_GC_GC_H */
