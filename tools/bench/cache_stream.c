// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of look-ups: made from a seed, always the same, and one recorded.
 * Sizes, where they are not equal, are drawn from those of the recorded trace.
 */
#define _GNU_SOURCE
#include "cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 400000u
#define OBJECTS 20000u

/* What the trace has: tensors, each by its size and call site. */
struct traced {
	uint64_t *key;
	uint32_t *bytes;
	uint32_t count;
};

static struct traced traced;

static void traced_add(uint64_t bytes, uint64_t site)
{
	static uint32_t room;

	if (bytes > UINT32_MAX)
		return;
	if (traced.count == room) {
		room = room ? room * 2 : 65536;
		traced.key = realloc(traced.key, room * sizeof(*traced.key));
		traced.bytes =
			realloc(traced.bytes, room * sizeof(*traced.bytes));
		if (!traced.key || !traced.bytes)
			exit(1);
	}
	traced.key[traced.count] = bytes << 24 | site;
	traced.bytes[traced.count++] = (uint32_t)bytes;
}

/* "a BLOCK BYTES ALIGN THREAD TIME SITE" */
static bool traced_read(const char *path)
{
	unsigned long long bytes, site;
	char command[512], *line = NULL;
	size_t room = 0;
	FILE *f;

	if (traced.count)
		return true;
	snprintf(command, sizeof(command), "zstd -dcq -- '%s'", path);
	f = popen(command, "r");
	while (f && getline(&line, &room, f) > 0)
		if (sscanf(line, "a %*u %llu %*u %*u %*u %llu", &bytes,
			   &site) == 2)
			traced_add(bytes, site);
	free(line);
	if (f)
		pclose(f);
	return traced.count;
}

static uint32_t traced_size(uint64_t *random)
{
	return traced.bytes[cache_random(random) % traced.count];
}

/* Zipf by the inverse of its distribution, which is made once. */
struct zipf {
	double *sum;
	uint32_t n;
};

static void zipf_make(struct zipf *z, uint32_t n, double skew)
{
	double total = 0;
	uint32_t i;

	z->n = n;
	z->sum = malloc(n * sizeof(*z->sum));
	for (i = 0; i < n; i++)
		z->sum[i] = total += pow(i + 1, -skew);
}

static uint32_t zipf_draw(const struct zipf *z, uint64_t *random)
{
	double x = cache_uniform(random) * z->sum[z->n - 1];
	uint32_t low = 0, high = z->n - 1, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (z->sum[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void stream_open(struct cache_stream *s, const char *name,
			uint32_t count, uint32_t objects)
{
	*s = (struct cache_stream){ .name = name,
				    .count = count,
				    .objects = objects };
	s->lookups = calloc(count, sizeof(*s->lookups));
	s->next = calloc(count, sizeof(*s->next));
	s->size = calloc(objects, sizeof(*s->size));
}

static void stream_sizes(struct cache_stream *s, bool equal)
{
	uint64_t random = 7;
	uint32_t i;

	for (i = 0; i < s->objects; i++)
		s->size[i] = equal ? 65536 : traced_size(&random);
}

static void stream_zipf(struct cache_stream *s, double skew)
{
	uint64_t random = 1;
	struct zipf z;
	uint32_t i;

	zipf_make(&z, s->objects, skew);
	for (i = 0; i < s->count; i++)
		s->lookups[i] = zipf_draw(&z, &random);
	free(z.sum);
}

/* Half of the objects by Zipf; now and then a pass over the other half. */
static void stream_scan(struct cache_stream *s)
{
	uint32_t i, half = s->objects / 2, at = half;
	uint64_t random = 2;
	struct zipf z;

	zipf_make(&z, half, 0.9);
	for (i = 0; i < s->count; i++) {
		if (i / 5000 % 4 != 3) {
			s->lookups[i] = zipf_draw(&z, &random);
			continue;
		}
		s->lookups[i] = at++;
		if (at == s->objects)
			at = half;
	}
	free(z.sum);
}

/* The same objects in the same order, again and again. */
static void stream_loop(struct cache_stream *s)
{
	uint32_t i;

	for (i = 0; i < s->count; i++)
		s->lookups[i] = i % s->objects;
}

/* Epochs: each object once, in another order each time. */
static void stream_epochs(struct cache_stream *s)
{
	uint32_t i, k, id, *order = calloc(s->objects, sizeof(*order));
	uint64_t random = 3;

	for (i = 0; i < s->objects; i++)
		order[i] = i;
	for (i = 0; i < s->count; i++) {
		k = i % s->objects;
		id = k + (uint32_t)(cache_random(&random) % (s->objects - k));
		s->lookups[i] = order[id];
		order[id] = order[k];
		order[k] = s->lookups[i];
	}
	free(order);
}

/* What is popular is something else in each of eight phases. */
static void stream_phases(struct cache_stream *s)
{
	uint32_t i, phase;
	uint64_t random = 4;
	struct zipf z;

	zipf_make(&z, s->objects, 0.9);
	for (i = 0; i < s->count; i++) {
		phase = i / (s->count / 8);
		s->lookups[i] =
			(zipf_draw(&z, &random) + phase * 7919) % s->objects;
	}
	free(z.sum);
}

/* Popularity wanders: the newest are the most popular, as with sessions. */
static void stream_drift(struct cache_stream *s)
{
	uint64_t random = 5;
	uint32_t i, newest;
	struct zipf z;

	zipf_make(&z, s->objects / 4, 0.8);
	for (i = 0; i < s->count; i++) {
		newest = (uint32_t)((uint64_t)i * (s->objects - 1) / s->count);
		newest += s->objects;
		s->lookups[i] = (newest - zipf_draw(&z, &random)) % s->objects;
	}
	free(z.sum);
}

static int key_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each allocation of the trace looks for a tensor of its size and site. */
static void stream_trace(struct cache_stream *s)
{
	uint64_t *keys = malloc(traced.count * sizeof(*keys)), *at;
	uint32_t i, n = 0;

	memcpy(keys, traced.key, traced.count * sizeof(*keys));
	qsort(keys, traced.count, sizeof(*keys), key_compare);
	for (i = 0; i < traced.count; i++)
		if (!n || keys[n - 1] != keys[i])
			keys[n++] = keys[i];
	stream_open(s, "trace: size and site", traced.count, n);
	for (i = 0; i < traced.count; i++) {
		at = bsearch(&traced.key[i], keys, n, sizeof(*keys),
			     key_compare);
		s->lookups[i] = (uint32_t)(at - keys);
		s->size[s->lookups[i]] = traced.bytes[i] | 1;
	}
	free(keys);
}

static void stream_finish(struct cache_stream *s)
{
	uint32_t i, *last = malloc(s->objects * sizeof(*last));

	memset(last, 0xff, s->objects * sizeof(*last));
	for (i = s->count; i--;) {
		s->next[i] = last[s->lookups[i]];
		last[s->lookups[i]] = i;
	}
	for (i = 0; i < s->objects; i++)
		if (last[i] != CACHE_NEVER)
			s->bytes += s->size[i];
	free(last);
}

/* clang-format off */
static const struct kind {
	const char *name;
	void (*fill)(struct cache_stream *s);
	double skew;
	uint32_t objects;
	bool equal;
} kinds[] = {
	{ "zipf 0.6, sizes of the trace", NULL, 0.6, OBJECTS, false },
	{ "zipf 0.8, sizes of the trace", NULL, 0.8, OBJECTS, false },
	{ "zipf 1.0, sizes of the trace", NULL, 1.0, OBJECTS, false },
	{ "zipf 1.2, sizes of the trace", NULL, 1.2, OBJECTS, false },
	{ "zipf 0.8, equal sizes", NULL, 0.8, OBJECTS, true },
	{ "zipf 0.9 and scans", stream_scan, 0, OBJECTS, false },
	{ "loop, equal sizes", stream_loop, 0, 4000, true },
	{ "loop, sizes of the trace", stream_loop, 0, 4000, false },
	{ "epochs in random order", stream_epochs, 0, 8000, true },
	{ "zipf 0.9, eight phases", stream_phases, 0, OBJECTS, false },
	{ "zipf 0.8, drifting", stream_drift, 0, OBJECTS, false },
	{ "trace: size and site", NULL, 0, 0, false },
};
/* clang-format on */

bool cache_stream_make(struct cache_stream *s, unsigned int number,
		       const char *trace)
{
	const struct kind *kind = &kinds[number];

	if (number >= sizeof(kinds) / sizeof(kinds[0]))
		return false;
	if (!traced_read(trace)) {
		fprintf(stderr, "%s: no allocations in it\n", trace);
		exit(1);
	}
	if (!kind->objects) {
		stream_trace(s);
	} else {
		stream_open(s, kind->name, COUNT, kind->objects);
		stream_sizes(s, kind->equal);
		if (kind->fill)
			kind->fill(s);
		else
			stream_zipf(s, kind->skew);
	}
	stream_finish(s);
	return true;
}

void cache_stream_free(struct cache_stream *s)
{
	free(s->lookups);
	free(s->next);
	free(s->size);
}
