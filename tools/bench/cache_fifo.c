// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3-FIFO (Yang and others, SOSP 2023), in bytes: a small queue of a tenth, a
 * main queue that is a clock with counts up to 3, and a ghost queue of as many
 * objects as the main one has.
 */
#include "cache.h"

#include <stdlib.h>

enum where { OUT = 0, SMALL, MAIN, GHOST };

struct object {
	uint32_t prev, next;
	uint8_t where, freq;
};

struct queue {
	uint32_t head, tail; /* in at the head, out at the tail; NEVER: none */
	uint32_t count;
	uint64_t bytes;
};

struct cache {
	const struct cache_stream *stream;
	struct object *object;
	struct queue queue[GHOST + 1];
	uint64_t limit;
};

static void queue_add(struct cache *c, enum where where, uint32_t id)
{
	struct queue *q = &c->queue[where];
	struct object *o = &c->object[id];

	o->where = (uint8_t)where;
	o->prev = CACHE_NEVER;
	o->next = q->head;
	if (q->head != CACHE_NEVER)
		c->object[q->head].prev = id;
	else
		q->tail = id;
	q->head = id;
	q->count++;
	q->bytes += c->stream->size[id];
}

static void queue_remove(struct cache *c, uint32_t id)
{
	struct object *o = &c->object[id];
	struct queue *q = &c->queue[o->where];

	if (o->prev != CACHE_NEVER)
		c->object[o->prev].next = o->next;
	else
		q->head = o->next;
	if (o->next != CACHE_NEVER)
		c->object[o->next].prev = o->prev;
	else
		q->tail = o->prev;
	q->count--;
	q->bytes -= c->stream->size[id];
	o->where = OUT;
}

static void evict_small(struct cache *c)
{
	uint32_t id = c->queue[SMALL].tail;
	bool again = c->object[id].freq > 1;

	queue_remove(c, id);
	c->object[id].freq = 0;
	queue_add(c, again ? MAIN : GHOST, id);
	while (c->queue[GHOST].count > c->queue[MAIN].count + 16)
		queue_remove(c, c->queue[GHOST].tail);
}

static void evict_main(struct cache *c)
{
	uint32_t id = c->queue[MAIN].tail;
	bool again = c->object[id].freq;

	queue_remove(c, id);
	if (!again)
		return;
	c->object[id].freq--;
	queue_add(c, MAIN, id);
}

static void cache_evict(struct cache *c)
{
	const struct queue *small = &c->queue[SMALL], *main = &c->queue[MAIN];

	if (small->count && (small->bytes >= c->limit / 10 || !main->count))
		evict_small(c);
	else
		evict_main(c);
}

static bool cache_lookup(struct cache *c, uint32_t id)
{
	struct object *o = &c->object[id];
	uint32_t size = c->stream->size[id];
	bool known = o->where == GHOST;

	if (o->where == SMALL || o->where == MAIN) {
		o->freq += o->freq < 3;
		return true;
	}
	if (size > c->limit)
		return false;
	if (known)
		queue_remove(c, id);
	while (c->queue[SMALL].bytes + c->queue[MAIN].bytes + size > c->limit)
		cache_evict(c);
	o->freq = 0;
	queue_add(c, known ? MAIN : SMALL, id);
	return false;
}

void cache_run_fifo(const struct cache_policy *policy,
		    const struct cache_stream *s, uint64_t limit,
		    struct cache_result *result)
{
	struct cache c = { .stream = s, .limit = limit };
	double start;
	uint32_t i;

	(void)policy;
	for (i = 0; i <= GHOST; i++)
		c.queue[i].head = c.queue[i].tail = CACHE_NEVER;
	c.object = calloc(s->objects, sizeof(*c.object));
	*result = (struct cache_result){ 0 };
	start = cache_now();
	for (i = 0; i < s->count; i++)
		cache_count(result, s, i, cache_lookup(&c, s->lookups[i]));
	result->ns = (cache_now() - start) / s->count;
	free(c.object);
}
