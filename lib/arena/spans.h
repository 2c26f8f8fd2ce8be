/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spans behind slots: taken from the supply, moved, claimed, released, purged.
 *
 * A span is busy or idle, and its control word says so: the kernel may take
 * the memory of an idle one.  Which is which is decided above (pool/pages.c).
 *
 * Everything here is called with the heap lock held.
 */
#ifndef TMEM_ARENA_SPANS_H
#define TMEM_ARENA_SPANS_H

#include "arena/slots.h"

/* What spans are doing. */
struct tmem_spans_stats {
	uint64_t busy; /* with live blocks */
	uint64_t idle; /* with memory, as far as we know, and no live block */
	uint64_t filled; /* for which memory was taken from the system */
	uint64_t purged; /* given back by us */
	uint64_t lost; /* taken by the kernel while they were idle */
	uint64_t moved; /* to other addresses */
	uint64_t fetched; /* ahead of their use */
	uint64_t fetched_used; /* of these, used */
	uint64_t fetched_lost; /* of these, gone unused */
};

extern struct tmem_spans_stats tmem_spans_stats;

/* Milliseconds of the heap's clock, for idle_since. */
uint32_t tmem_spans_clock(void);

/*
 * Up to want spans of a node that hold no memory, behind the free slots from
 * to on, idle and absent; where a touch must not fail, they are filled first,
 * and held.  Returns how many; 0 if the node has none, or no memory for them.
 */
uint32_t tmem_spans_supply(unsigned int node, uint32_t to, uint32_t want);

/*
 * Fetch spans ahead of their use, without the heap lock for as long as that
 * takes: up to want of a node behind the free slots from to on, which are
 * TMEM_SLOT_PURGING then, and out of all chunks; returns how many.  The second
 * call, without the lock, has memory put behind them: 0 or -errno.  By the third
 * they are idle, or, if ok is false, free.  fork() is kept away (pool/idle.h).
 */
uint32_t tmem_spans_fetch(unsigned int node, uint32_t to, uint32_t want);
int tmem_spans_fetch_fill(uint32_t to, uint32_t count);
void tmem_spans_fetch_end(uint32_t to, uint32_t count, bool ok);

/*
 * Idle slots, out of their chunks, are held where the kernel could take their
 * memory: it would, to fill others for the same block.  Then they are let go.
 */
void tmem_spans_hold(uint32_t first, uint32_t count);
void tmem_spans_let_go(uint32_t first, uint32_t count);

/*
 * Move idle spans, contents and age included, to free slots; the slots they
 * leave are free.  Returns how many were moved, from the first on.
 */
uint32_t tmem_spans_move(uint32_t from, uint32_t to, uint32_t count);

/*
 * Idle slots become busy, with memory behind each.  *fresh is set if some had
 * to be taken from the system.  0, or -ENOMEM and all are idle as before.
 */
int tmem_spans_claim(uint32_t first, uint32_t count, bool *fresh);

/* Busy slots become idle: one store for each. */
void tmem_spans_release(uint32_t first, uint32_t count);

/*
 * Give the memory of slots back to the system.  Those that are empty then are
 * free; others (pinned, in the kernel's hands) are idle still.  They are
 * TMEM_SLOT_PURGING, so the heap lock need not be held for the first half.
 */
uint32_t tmem_spans_purge(uint32_t first, uint32_t count);
void tmem_spans_retire(uint32_t first, uint32_t count);

/*
 * In the child of a fork, backend dev: slots of live blocks become inherited,
 * read-only or, if @readable is false, without access; all others are
 * forgotten.  The supply must be opened anew.
 */
void tmem_spans_inherit(bool readable);

#endif /* TMEM_ARENA_SPANS_H */
