// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's policy (lib/tcache/worth.c), on sizes alone: a window by last
 * use, a heap by worth, and a memory of what went.  Its numbers can be varied
 * here.
 */
#include "cache.h"

#include <math.h>
#include <stdlib.h>

#include "cache_order.h"

enum where { OUT = 0, WINDOW, MAIN, GHOST };

struct object {
	double weight;
	uint32_t freq, prev, next;
	uint32_t where;
};

struct list {
	uint32_t first, last; /* oldest, newest; NEVER: none */
	uint32_t count;
	uint64_t bytes;
};

struct cache {
	const struct cache_policy *policy;
	const struct cache_stream *stream;
	struct object *object;
	struct cache_order main;
	struct list window, ghosts;
	uint64_t main_bytes, limit, share;
	double age;
};

static void list_add(struct cache *c, struct list *list, uint32_t id)
{
	struct object *o = &c->object[id];

	o->next = CACHE_NEVER;
	o->prev = list->last;
	if (o->prev != CACHE_NEVER)
		c->object[o->prev].next = id;
	else
		list->first = id;
	list->last = id;
	list->count++;
	list->bytes += c->stream->size[id];
}

static void list_remove(struct cache *c, struct list *list, uint32_t id)
{
	struct object *o = &c->object[id];

	if (o->prev != CACHE_NEVER)
		c->object[o->prev].next = o->next;
	else
		list->first = o->next;
	if (o->next != CACHE_NEVER)
		c->object[o->next].prev = o->prev;
	else
		list->last = o->prev;
	list->count--;
	list->bytes -= c->stream->size[id];
}

static void ghost_add(struct cache *c, uint32_t id)
{
	uint32_t old;

	c->object[id].where = GHOST;
	list_add(c, &c->ghosts, id);
	while (c->ghosts.count >
	       (c->main.used + c->window.count) * c->policy->memory) {
		old = c->ghosts.first;
		list_remove(c, &c->ghosts, old);
		c->object[old].where = OUT;
		c->object[old].freq = 0;
	}
}

static bool main_has_room(const struct cache *c, uint64_t bytes)
{
	return c->main_bytes + bytes <= c->limit - c->share;
}

static double object_worth(const struct cache *c, uint32_t id, double part)
{
	const struct object *o = &c->object[id];

	return c->age + o->freq * o->weight * part;
}

static void window_pass(struct cache *c, uint32_t id)
{
	list_remove(c, &c->window, id);
	c->object[id].where = MAIN;
	cache_order_set(&c->main, id, object_worth(c, id, 1));
	c->main_bytes += c->stream->size[id];
}

static void main_evict(struct cache *c)
{
	uint32_t id = cache_order_least(&c->main);

	if (c->main.worth[id] > c->age)
		c->age = c->main.worth[id];
	cache_order_drop(&c->main);
	c->main_bytes -= c->stream->size[id];
	ghost_add(c, id);
}

/* The oldest of the window wins its place in the heap, or goes. */
static void window_evict(struct cache *c)
{
	uint32_t id = c->window.first, size = c->stream->size[id];

	if (!main_has_room(c, size) && c->main.used &&
	    object_worth(c, id, c->policy->part) <=
		    c->main.worth[cache_order_least(&c->main)]) {
		list_remove(c, &c->window, id);
		ghost_add(c, id);
		return;
	}
	while (c->main.used && !main_has_room(c, size))
		main_evict(c);
	window_pass(c, id);
}

static bool cache_lookup(struct cache *c, uint32_t id)
{
	struct object *o = &c->object[id];
	uint32_t size = c->stream->size[id];

	if (o->where == MAIN) {
		o->freq++;
		cache_order_set(&c->main, id, object_worth(c, id, 1));
		return true;
	}
	if (o->where == WINDOW) {
		o->freq++;
		list_remove(c, &c->window, id);
		list_add(c, &c->window, id);
		return true;
	}
	if (size > c->limit)
		return false;
	if (o->where == GHOST)
		list_remove(c, &c->ghosts, id);
	o->where = OUT;
	while (c->window.bytes + c->main_bytes + size > c->limit) {
		if (c->window.count &&
		    (!c->main.used || c->window.bytes + size > c->share))
			window_evict(c);
		else
			main_evict(c);
	}
	o->freq++;
	o->where = WINDOW;
	list_add(c, &c->window, id);
	while (c->window.bytes > c->share &&
	       main_has_room(c, c->stream->size[c->window.first]))
		window_pass(c, c->window.first);
	return false;
}

void cache_run_window(const struct cache_policy *policy,
		      const struct cache_stream *s, uint64_t limit,
		      struct cache_result *result)
{
	const struct list none = { CACHE_NEVER, CACHE_NEVER, 0, 0 };
	struct cache c = { .policy = policy, .stream = s, .limit = limit };
	double start;
	uint32_t i;

	c.share = (uint64_t)((double)limit * policy->window);
	c.window = c.ghosts = none;
	c.object = calloc(s->objects, sizeof(*c.object));
	cache_order_make(&c.main, s->objects);
	for (i = 0; i < s->objects; i++)
		c.object[i].weight = pow(s->size[i] / 65536.0, -policy->alpha);
	*result = (struct cache_result){ 0 };
	start = cache_now();
	for (i = 0; i < s->count; i++)
		cache_count(result, s, i, cache_lookup(&c, s->lookups[i]));
	result->ns = (cache_now() - start) / s->count;
	free(c.object);
	cache_order_free(&c.main);
}
