// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies that give each object a worth and drop the least.
 *
 *   LRU     worth = time
 *   greedy  worth = L + frequency / size^alpha, L: worth of what went last
 *   bound   worth = -(time of the next use): knows what comes
 *
 * With alpha 1 greedy is GDSF (Cherkasova 1998), with alpha 0 LFU with dynamic
 * aging.  With a memory, objects are remembered after they went, so many for
 * each that is there, and go on with the frequency that they had.
 */
#include "cache.h"

#include <math.h>
#include <stdlib.h>

#include "cache_order.h"

struct object {
	double weight; /* size^-alpha */
	float freq; /* 0: not remembered */
};

struct cache {
	const struct cache_policy *policy;
	const struct cache_stream *stream;
	struct object *object;
	struct cache_order order;
	uint32_t *ring, ring_size, ring_first, ring_used; /* remembered */
	uint64_t bytes;
	double age;
};

/* One may stand in the ring and be there again: then it is not forgotten. */
static void ghost_add(struct cache *c, uint32_t id)
{
	uint32_t old;

	while (c->ring_used &&
	       c->ring_used >= c->order.used * c->policy->memory) {
		old = c->ring[c->ring_first];
		if (!c->order.place[old])
			c->object[old].freq = 0;
		c->ring_first = (c->ring_first + 1) % c->ring_size;
		c->ring_used--;
	}
	c->ring[(c->ring_first + c->ring_used++) % c->ring_size] = id;
}

static void cache_evict(struct cache *c)
{
	uint32_t id = cache_order_least(&c->order);

	if (c->order.worth[id] > c->age)
		c->age = c->order.worth[id];
	cache_order_drop(&c->order);
	c->bytes -= c->stream->size[id];
	if (c->policy->memory > 0)
		ghost_add(c, id);
	else
		c->object[id].freq = 0;
}

static double cache_value(const struct cache *c, uint32_t now)
{
	const struct object *o = &c->object[c->stream->lookups[now]];

	if (c->policy->base == CACHE_LRU)
		return now;
	if (c->policy->base == CACHE_AGED)
		return c->age + (double)o->freq * o->weight;
	return -(double)c->stream->next[now];
}

static bool cache_lookup(struct cache *c, uint32_t now, uint64_t limit)
{
	uint32_t id = c->stream->lookups[now], size = c->stream->size[id];
	bool hit = c->order.place[id] != 0;

	if (!hit && size > limit)
		return false;
	while (!hit && c->bytes + size > limit)
		cache_evict(c);
	c->object[id].freq++;
	cache_order_set(&c->order, id, cache_value(c, now));
	c->bytes += hit ? 0 : size;
	return hit;
}

void cache_run_heap(const struct cache_policy *policy,
		    const struct cache_stream *s, uint64_t limit,
		    struct cache_result *result)
{
	struct cache c = { .policy = policy, .stream = s };
	double start;
	uint32_t i;

	c.ring_size = s->count + 1;
	c.object = calloc(s->objects, sizeof(*c.object));
	cache_order_make(&c.order, s->objects);
	c.ring = calloc(c.ring_size, sizeof(*c.ring));
	for (i = 0; i < s->objects; i++)
		c.object[i].weight = pow(s->size[i] / 65536.0, -policy->alpha);
	*result = (struct cache_result){ 0 };
	start = cache_now();
	for (i = 0; i < s->count; i++)
		cache_count(result, s, i, cache_lookup(&c, i, limit));
	result->ns = (cache_now() - start) / s->count;
	free(c.object);
	cache_order_free(&c.order);
	free(c.ring);
}
