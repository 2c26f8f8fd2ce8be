/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The past: a ring of samples.  Whoever owns it orders the calls.  Pure, but
 * for the memory of tmem_ring_open().
 */
#ifndef TMEM_MONITOR_RING_H
#define TMEM_MONITOR_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <tmem/monitor.h>

/* From tmem_ring_open() to tmem_ring_close(). */
struct tmem_ring {
	struct tmem_monitor_point *points;
	size_t capacity, count;
	size_t next; /* where the next one goes */
};

/* 0 or -ENOMEM. */
int tmem_ring_open(struct tmem_ring *ring, size_t capacity);
void tmem_ring_close(struct tmem_ring *ring);

/* The oldest one goes if it is full.  false: its ratio is none. */
bool tmem_ring_add(struct tmem_ring *ring,
		   const struct tmem_monitor_point *point);

/* The last max, oldest first; how many. */
size_t tmem_ring_last(const struct tmem_ring *ring,
		      struct tmem_monitor_point *to, size_t max);

/* All but struct_size.  false: it is empty. */
bool tmem_ring_sum(const struct tmem_ring *ring,
		   struct tmem_monitor_history *to);

#endif /* TMEM_MONITOR_RING_H */
