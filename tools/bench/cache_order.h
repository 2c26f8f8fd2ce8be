/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of a simulated cache in the order of their worth, the least first: a
 * binary heap that knows where each object is.
 */
#ifndef CACHE_ORDER_H
#define CACHE_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * struct cache_order - from cache_order_make() to cache_order_free()
 * @worth: by object
 * @place: by object, in @id, from 1; 0: it is not there
 */
struct cache_order {
	double *worth;
	uint32_t *place, *id, used;
};

static inline void cache_order_make(struct cache_order *o, uint32_t objects)
{
	o->worth = calloc(objects, sizeof(*o->worth));
	o->place = calloc(objects, sizeof(*o->place));
	o->id = calloc(objects + 2, sizeof(*o->id));
	o->used = 0;
}

static inline void cache_order_free(struct cache_order *o)
{
	free(o->worth);
	free(o->place);
	free(o->id);
}

static inline bool cache_order_less(const struct cache_order *o, uint32_t a,
				    uint32_t b)
{
	return o->worth[o->id[a]] < o->worth[o->id[b]];
}

static inline void cache_order_swap(struct cache_order *o, uint32_t a,
				    uint32_t b)
{
	uint32_t id = o->id[a];

	o->id[a] = o->id[b];
	o->id[b] = id;
	o->place[o->id[a]] = a;
	o->place[o->id[b]] = b;
}

static inline void cache_order_settle(struct cache_order *o, uint32_t i)
{
	uint32_t least;

	for (; i > 1 && cache_order_less(o, i, i / 2); i /= 2)
		cache_order_swap(o, i, i / 2);
	for (;; i = least) {
		least = i;
		if (2 * i <= o->used && cache_order_less(o, 2 * i, least))
			least = 2 * i;
		if (2 * i + 1 <= o->used &&
		    cache_order_less(o, 2 * i + 1, least))
			least = 2 * i + 1;
		if (least == i)
			return;
		cache_order_swap(o, i, least);
	}
}

/* It is put in if it is not there. */
static inline void cache_order_set(struct cache_order *o, uint32_t id,
				   double worth)
{
	o->worth[id] = worth;
	if (!o->place[id]) {
		o->id[++o->used] = id;
		o->place[id] = o->used;
	}
	cache_order_settle(o, o->place[id]);
}

/* What is worth least; there is one. */
static inline uint32_t cache_order_least(const struct cache_order *o)
{
	return o->id[1];
}

static inline void cache_order_drop(struct cache_order *o)
{
	uint32_t id = o->id[1];

	cache_order_swap(o, 1, o->used--);
	if (o->used)
		cache_order_settle(o, 1);
	o->place[id] = 0;
}

#endif /* CACHE_ORDER_H */
