/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How memory went over time: a ring that covers the whole run.  When it is full
 * every second entry goes, and from then on they are taken half as often.
 */
#ifndef TMEM_ANALYTICS_TIMELINE_H
#define TMEM_ANALYTICS_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/manager.h>

#define TMEM_TIMELINE_MAX 512u
#define TMEM_TIMELINE_SITES 5u
#define TMEM_TIMELINE_NODES 8u
#define TMEM_TIMELINE_NS 100000000ULL /* between two, at first */

struct tmem_timeline_share {
	uint32_t id; /* of the site, or the node */
	uint32_t reserved;
	uint64_t live_bytes; /* 0: this one and those behind it are none */
};

struct tmem_timeline_entry {
	uint64_t time_ns;
	uint64_t step;
	uint64_t live_bytes, held_bytes;
	uint64_t tiers[TMEM_TIERS]; /* live bytes */
	/* Those with the most live bytes, the most first. */
	struct tmem_timeline_share sites[TMEM_TIMELINE_SITES];
	struct tmem_timeline_share nodes[TMEM_TIMELINE_NODES];
	/* The monitor's, if it runs; else the one that the collector is at. */
	uint32_t level;
	uint32_t reserved;
};

/* Room.  0 or -ENOMEM; again: nothing. */
int tmem_timeline_open(void);

/*
 * From allocations that are recorded, and from the collector's thread: takes an
 * entry if the last is old enough.  No lock may be held.
 */
void tmem_timeline_tick(uint64_t now);

/* An entry at a step mark, unless one was taken just before. */
void tmem_timeline_step(uint64_t now);

/*
 * The entry of this moment, which is not kept.  Its level is measured, since
 * the collector looks at none while it has nothing to give back.  No lock may
 * be held.  false: the heap is not set up.
 */
bool tmem_timeline_look(uint64_t now, struct tmem_timeline_entry *entry);

/* With the analytics lock held: entries from 0, the oldest, or false. */
bool tmem_timeline_get(uint32_t i, struct tmem_timeline_entry *entry);

size_t tmem_timeline_metadata(void);

#endif /* TMEM_ANALYTICS_TIMELINE_H */
