// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Of large blocks only the ends of the contents, and of a red zone only what is
 * near the block, are written and looked at: the rest would take memory that
 * the program never asked for, and time.
 */
#include "pool/guard_zone.h"

#include <string.h>

#include "core/log.h"
#include "pool/heap.h"

#define LARGE ((size_t)1 << 20)
#define LARGE_ENDS ((size_t)64 << 10)
#define TAIL_MAX ((size_t)64 << 10)

static size_t zone_front(const struct tmem_guarded *g)
{
	return (size_t)(g->user - g->start);
}

static size_t zone_tail(const struct tmem_guarded *g)
{
	size_t bytes = g->bytes - zone_front(g) - g->size;

	return bytes < TAIL_MAX ? bytes : TAIL_MAX;
}

void tmem_guard_zones_fill(const struct tmem_guarded *g)
{
	memset(g->start, TMEM_GUARD_ZONE, zone_front(g));
	memset(g->user + g->size, TMEM_GUARD_ZONE, zone_tail(g));
}

void tmem_guard_contents_fill(char *user, size_t size, int pattern)
{
	if (size <= LARGE) {
		memset(user, pattern, size);
		return;
	}
	memset(user, pattern, LARGE_ENDS);
	memset(user + size - LARGE_ENDS, pattern, LARGE_ENDS);
}

/* The first byte that is something else, or size. */
static size_t zone_first(const char *at, size_t size, int pattern)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t i = 0;

	if (!size || (p[0] == pattern && !memcmp(p, p + 1, size - 1)))
		return size;
	while (p[i] == pattern)
		i++;
	return i;
}

/* The damage that is nearest to the block. */
static void look_before(const struct tmem_guarded *g,
			struct tmem_guard_damage *damage)
{
	const unsigned char *user = (const unsigned char *)g->user;
	size_t bytes = zone_front(g);

	if (zone_first(g->start, bytes, TMEM_GUARD_ZONE) == bytes)
		return;
	damage->before = true;
	damage->before_at = -1;
	while (user[damage->before_at] == TMEM_GUARD_ZONE)
		damage->before_at--;
}

static void look_past(const struct tmem_guarded *g,
		      struct tmem_guard_damage *damage)
{
	size_t bytes = zone_tail(g);
	size_t at = zone_first(g->user + g->size, bytes, TMEM_GUARD_ZONE);

	damage->past = at < bytes;
	damage->past_at = (ptrdiff_t)(g->size + at);
}

static void look_after(const struct tmem_guarded *g,
		       struct tmem_guard_damage *damage)
{
	size_t first = g->size <= LARGE ? g->size : LARGE_ENDS, at;

	at = zone_first(g->user, first, TMEM_GUARD_FREED);
	damage->after = at < first;
	if (at == first && g->size > LARGE) {
		at = g->size - LARGE_ENDS;
		at += zone_first(g->user + at, LARGE_ENDS, TMEM_GUARD_FREED);
		damage->after = at < g->size;
	}
	damage->after_at = (ptrdiff_t)at;
}

void tmem_guard_look(const struct tmem_guarded *g,
		     struct tmem_guard_damage *damage)
{
	*damage = (struct tmem_guard_damage){ .of = *g };
	look_before(g, damage);
	look_past(g, damage);
	if (g->free_site)
		look_after(g, damage);
}

static void report_one(const struct tmem_guarded *g, ptrdiff_t at,
		       const char *how)
{
	tmem_heap_count_misuse();
	if (g->free_site)
		tmem_log(
			TMEM_LOG_ERROR,
			"block %p of %zu bytes, allocated by the call at %p, freed by the call at %p: written at offset %td, %s",
			(void *)g->user, g->size, g->alloc_site, g->free_site,
			at, how);
	else
		tmem_log(
			TMEM_LOG_ERROR,
			"block %p of %zu bytes, allocated by the call at %p, live: written at offset %td, %s",
			(void *)g->user, g->size, g->alloc_site, at, how);
}

void tmem_guard_report(const struct tmem_guard_damage *damage)
{
	if (damage->before)
		report_one(&damage->of, damage->before_at, "before its start");
	if (damage->past)
		report_one(&damage->of, damage->past_at, "past its end");
	if (damage->after)
		report_one(&damage->of, damage->after_at, "after it was freed");
}
