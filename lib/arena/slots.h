/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's range of addresses, in slots of 2 MiB.
 *
 * The range is many times larger than the memory: addresses are plentiful and
 * need to be contiguous, spans are scarce and need not be.  A slot that is not
 * free has a span behind it (spans.h).
 *
 * Everything here is called with the heap lock held, except tmem_slot_of(),
 * tmem_slot_at() and tmem_slot_addr().
 */
#ifndef TMEM_ARENA_SLOTS_H
#define TMEM_ARENA_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/arena.h>

#include "arena/supply.h"

struct tmem_pool;

#define TMEM_NO_SLOT UINT32_MAX
#define TMEM_SLOT_SHIFT 21
#define TMEM_SLOT_PAGES 512u

enum tmem_slot_kind {
	TMEM_SLOT_FREE = 0, /* addresses without access */
	TMEM_SLOT_IDLE, /* a span with no live block */
	TMEM_SLOT_BUSY, /* a span with live blocks */
	TMEM_SLOT_PURGING, /* a span whose memory is being given back, or fetched */
	TMEM_SLOT_INHERITED, /* the parent process's; read-only here, or gone */
};

/* One slot.  Zero while it is free. */
struct tmem_slot {
	struct tmem_pool *pool; /* whose blocks are in it, or were last */
	tmem_span_id span;
	uint32_t idle_since; /* ms of the heap's clock; TMEM_SLOT_IDLE */
	uint32_t uses; /* times it has become busy */
	uint16_t used; /* pages in live blocks */
	uint8_t kind;
	uint8_t node; /* whose free chunks it belongs to (pages.h) */
	bool absent; /* no memory behind it that we know of */
	bool zero; /* nothing but zeroes in it: nobody has had it yet */
	bool wanted; /* idle.c: to be purged */
	uint8_t fetched; /* ahead of its use: marks since then, and 1 */
};

extern struct tmem_slots {
	char *base;
	size_t bytes; /* of the range */
	struct tmem_slot *slot;
	uint32_t count;
	uint32_t used; /* high-water mark */
	uint32_t next; /* where the search for new places goes on */
} tmem_slots;

/* Reserve a range for that many spans.  0 or -ENOMEM. */
int tmem_slots_open(uint32_t spans);
void tmem_slots_close(void);

/*
 * A run of free slots whose address is a multiple of align slots (a power of
 * two), or TMEM_NO_SLOT.  They are free until they get a kind.  Room is left
 * behind it where there is some, so that it can grow.
 */
uint32_t tmem_slots_alloc(uint32_t count, uint32_t align);

/* true if these slots exist and are free. */
bool tmem_slots_are_free(uint32_t first, uint32_t count);

/* Note that slots up to end are in use. */
void tmem_slots_reach(uint32_t end);

/* They have no access any more, or never had. */
void tmem_slots_free(uint32_t first, uint32_t count);

size_t tmem_slots_metadata(void);

static inline struct tmem_slot *tmem_slot_at(uint32_t index)
{
	return &tmem_slots.slot[index];
}

static inline uint32_t tmem_slot_index(const struct tmem_slot *slot)
{
	return (uint32_t)(slot - tmem_slots.slot);
}

static inline char *tmem_slot_addr(uint32_t index)
{
	return tmem_slots.base + ((size_t)index << TMEM_SLOT_SHIFT);
}

/* The slot of an address, or NULL outside of the range. */
static inline struct tmem_slot *tmem_slot_of(const void *ptr)
{
	size_t offset = (uintptr_t)ptr - (uintptr_t)tmem_slots.base;

	return offset < tmem_slots.bytes ?
		       &tmem_slots.slot[offset >> TMEM_SLOT_SHIFT] :
		       NULL;
}

#endif /* TMEM_ARENA_SLOTS_H */
