// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The order of eviction.  A heap of our own, because glibc's qsort() may call
 * malloc(), which an allocator must not.
 */
#include "gc/lru.h"

#include <stdbool.h>

#define ONE 256u /* fixed point */

/* log2(x) * ONE for x >= 1, straight between powers of two. */
static uint64_t log2_fixed(uint64_t x)
{
	unsigned int whole = 63u - (unsigned int)__builtin_clzll(x);
	uint64_t rest = x - (1ULL << whole);

	return whole * ONE + ((rest * ONE) >> whole);
}

uint64_t tmem_lru_score(const struct tmem_idle_span *span)
{
	uint64_t size = log2_fixed(span->run ? span->run : 1);
	uint64_t frequency = ONE + log2_fixed(1 + (uint64_t)span->uses);

	if (size > 8 * ONE)
		size = 8 * ONE;
	size += 8 * ONE;
	return ((uint64_t)span->age_ms + 1) * size / 8 * ONE / frequency;
}

static bool entry_before(const struct tmem_lru_entry *a,
			 const struct tmem_lru_entry *b)
{
	return a->score != b->score ? a->score > b->score : a->slot < b->slot;
}

/* Let entries[i] sink to where it belongs. */
static void lru_sink(struct tmem_lru *lru, size_t i)
{
	struct tmem_lru_entry *e = lru->entries, held = e[i];
	size_t child;

	for (; (child = 2 * i + 1) < lru->count; i = child) {
		if (child + 1 < lru->count &&
		    entry_before(&e[child + 1], &e[child]))
			child++;
		if (!entry_before(&e[child], &held))
			break;
		e[i] = e[child];
	}
	e[i] = held;
}

void tmem_lru_start(struct tmem_lru *lru, struct tmem_lru_entry *entries,
		    const struct tmem_idle_span *spans, size_t count,
		    uint32_t min_age_ms)
{
	size_t i;

	*lru = (struct tmem_lru){ .entries = entries };
	for (i = 0; i < count; i++) {
		if (spans[i].age_ms < min_age_ms)
			continue;
		entries[lru->count++] = (struct tmem_lru_entry){
			.score = tmem_lru_score(&spans[i]),
			.index = (uint32_t)i,
			.slot = spans[i].slot,
		};
	}
	for (i = lru->count / 2; i-- > 0;)
		lru_sink(lru, i);
}

static struct tmem_lru_entry lru_pop(struct tmem_lru *lru)
{
	struct tmem_lru_entry first = lru->entries[0];

	lru->entries[0] = lru->entries[--lru->count];
	if (lru->count)
		lru_sink(lru, 0);
	return first;
}

size_t tmem_lru_next(struct tmem_lru *lru, uint32_t *index, size_t max)
{
	uint32_t slot[64];
	size_t n, i;

	if (max > sizeof(slot) / sizeof(slot[0]))
		max = sizeof(slot) / sizeof(slot[0]);
	for (n = 0; n < max && lru->count; n++) {
		struct tmem_lru_entry e = lru_pop(lru);

		for (i = n; i && slot[i - 1] > e.slot; i--) {
			slot[i] = slot[i - 1];
			index[i] = index[i - 1];
		}
		slot[i] = e.slot;
		index[i] = e.index;
	}
	return n;
}
