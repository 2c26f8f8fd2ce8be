/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows: runs of addresses with spans behind them.
 *
 * The process reserves one range of addresses, many times larger than its
 * memory, cut into slots of 2 MiB.  A window is a run of slots, each backed by
 * some span.  Addresses are plentiful and need to be contiguous; spans are
 * scarce and do not: a new window is filled with whichever spans are idle.
 *
 * A window is live (a block, or a span shared by small blocks) or idle.  Its
 * spans' control words say the same.  An idle window of the right size is used
 * again as it stands, without a call to the kernel.
 *
 * Everything here is called with the heap lock held, except tmem_slot_of()
 * and tmem_slot_addr().
 */
#ifndef TMEM_ARENA_WINDOWS_H
#define TMEM_ARENA_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "arena/supply.h"

struct tmem_pool;
struct tmem_shared;

#define TMEM_NO_SLOT UINT32_MAX

enum tmem_slot_kind {
	TMEM_SLOT_FREE = 0, /* addresses without access */
	TMEM_SLOT_IDLE, /* of an idle window */
	TMEM_SLOT_LIVE, /* of a window that tmem_window_get() gave out */
	TMEM_SLOT_LARGE, /* the same, one block: owner's mark */
	TMEM_SLOT_SHARED, /* the same, small blocks: owner's mark */
};

/*
 * One slot.  head and what follows it but span, node and zero are meaningful
 * in a window's first slot only.
 */
struct tmem_slot {
	tmem_span_id span;
	uint32_t head; /* first slot of the window */
	uint32_t count; /* slots of the window */
	uint8_t kind;
	bool absent; /* no memory behind it that we know of */
	bool zero; /* the span held nothing but zeroes when it was claimed */
	bool inherited; /* the parent process's; read-only here */
	uint32_t older, newer; /* idle windows by age */
	uint32_t alike_prev, alike_next; /* idle windows by size */
	/* The owner's, while the window is live. */
	struct tmem_pool *pool;
	union {
		size_t bytes; /* TMEM_SLOT_LARGE: usable bytes */
		struct tmem_shared *shared; /* TMEM_SLOT_SHARED */
	};
	uint32_t owner_prev, owner_next; /* TMEM_SLOT_LARGE: pool's list */
};

/* What windows and spans are doing. */
struct tmem_windows_stats {
	uint64_t spans_live;
	uint64_t spans_idle;
	uint64_t spans_filled;
	uint64_t spans_purged;
	uint64_t spans_lost;
};

/* After tmem_supply_open().  0 or -ENOMEM. */
int tmem_windows_open(void);
void tmem_windows_close(void);

/*
 * A live window of count slots whose address is a multiple of align_slots.
 * Returns its first slot, or TMEM_NO_SLOT: no memory or no addresses.  *fresh
 * is set if memory had to be taken from the system.
 */
uint32_t tmem_window_get(uint32_t count, uint32_t align_slots, bool *fresh);

/* A live window becomes idle: one store for each span. */
void tmem_window_put(uint32_t head);

/* Purge idle windows, oldest first, down to keep_bytes.  Bytes given back. */
size_t tmem_windows_trim(size_t keep_bytes);

/* The slot of an address, or NULL outside of the range. */
struct tmem_slot *tmem_slot_of(const void *ptr);
struct tmem_slot *tmem_slot_at(uint32_t index);
uint32_t tmem_slot_index(const struct tmem_slot *slot);
char *tmem_slot_addr(uint32_t index);

/* The whole range. */
void tmem_windows_range(char **start, char **end);

const struct tmem_windows_stats *tmem_windows_stats(void);
size_t tmem_windows_metadata(void);

/*
 * In the child of a fork, backend dev: live windows become inherited, which is
 * read-only and nobody's; everything else is forgotten.  The supply must be
 * opened anew.
 */
void tmem_windows_inherit(void);

#endif /* TMEM_ARENA_WINDOWS_H */
