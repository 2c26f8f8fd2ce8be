// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The samples that are kept.
 */
#include "monitor/ring.h"

#include <errno.h>

#include "arena/backend.h"
#include "monitor/ratio.h"

int tmem_ring_open(struct tmem_ring *ring, size_t capacity)
{
	*ring = (struct tmem_ring){ .capacity = capacity };
	ring->points = tmem_os_table(capacity * sizeof(*ring->points));
	return ring->points ? 0 : -ENOMEM;
}

void tmem_ring_close(struct tmem_ring *ring)
{
	tmem_os_table_free(ring->points,
			   ring->capacity * sizeof(*ring->points));
	*ring = (struct tmem_ring){ 0 };
}

bool tmem_ring_add(struct tmem_ring *ring,
		   const struct tmem_monitor_point *point)
{
	if (!tmem_ratio_valid(point->ratio))
		return false;
	ring->points[ring->next] = *point;
	ring->next = (ring->next + 1) % ring->capacity;
	ring->count += ring->count < ring->capacity;
	return true;
}

/* The i-th, from the oldest on. */
static const struct tmem_monitor_point *ring_at(const struct tmem_ring *ring,
						size_t i)
{
	return &ring->points[(ring->next + ring->capacity - ring->count + i) %
			     ring->capacity];
}

size_t tmem_ring_last(const struct tmem_ring *ring,
		      struct tmem_monitor_point *to, size_t max)
{
	size_t i, n = ring->count < max ? ring->count : max;

	for (i = 0; i < n; i++)
		to[i] = *ring_at(ring, ring->count - n + i);
	return n;
}

/* A clock that went back is no time. */
static uint64_t time_to(const struct tmem_monitor_point *from,
			const struct tmem_monitor_point *to)
{
	return to->time_ns > from->time_ns ? to->time_ns - from->time_ns : 0;
}

bool tmem_ring_sum(const struct tmem_ring *ring,
		   struct tmem_monitor_history *to)
{
	double sum = 0.0, time = 0.0;
	size_t i;

	if (!ring->count)
		return false;
	to->samples = ring->count;
	to->capacity = ring->capacity;
	to->first_ns = ring_at(ring, 0)->time_ns;
	to->last_ns = ring_at(ring, ring->count - 1)->time_ns;
	to->min = to->max = to->mean = ring_at(ring, 0)->ratio;
	for (i = 0; i < ring->count; i++) {
		const struct tmem_monitor_point *p = ring_at(ring, i);
		uint64_t ns = i + 1 < ring->count ?
				      time_to(p, ring_at(ring, i + 1)) :
				      0;

		to->min = p->ratio < to->min ? p->ratio : to->min;
		to->max = p->ratio > to->max ? p->ratio : to->max;
		to->level_ns[p->level & 3] += ns;
		sum += (double)ns * p->ratio;
		time += (double)ns;
	}
	if (time > 0.0)
		to->mean = sum / time;
	return true;
}
