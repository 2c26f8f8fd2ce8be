/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's range of addresses and its slots of 2 MiB: which are free.
 * Called with the heap lock held.
 */
#ifndef TMEM_ARENA_SLOTS_H
#define TMEM_ARENA_SLOTS_H

#include "arena/windows.h"

/* Reserve a range for that many spans.  0 or -ENOMEM. */
int tmem_slots_open(uint32_t spans);
void tmem_slots_close(void);

/* Its address is a multiple of align slots, a power of two. */
bool tmem_slots_is_aligned(uint32_t first, uint32_t align);

/* A run of free slots, aligned so, or TMEM_NO_SLOT. */
uint32_t tmem_slots_alloc(uint32_t count, uint32_t align);

/* They have no access any more, or never had. */
void tmem_slots_free(uint32_t first, uint32_t count);

/* Slots from here on have never been used. */
uint32_t tmem_slots_used(void);

size_t tmem_slots_metadata(void);

#endif /* TMEM_ARENA_SLOTS_H */
