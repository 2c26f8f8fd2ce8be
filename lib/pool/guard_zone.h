/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guard mode's patterns: written, looked at, and what is said of damage.
 *
 *	start          user            user + size          start + bytes
 *	|  red zone    |  the block    |  red zone          |
 */
#ifndef TMEM_POOL_GUARD_ZONE_H
#define TMEM_POOL_GUARD_ZONE_H

#include "pool/guard_table.h"

/* Every floating-point type reads this as NaN, whatever its width. */
#define TMEM_GUARD_NEW 0xff
#define TMEM_GUARD_FREED 0xde
#define TMEM_GUARD_ZONE 0xfa

#define TMEM_GUARD_TAIL 64u /* bytes of red zone behind a block, at least */
#define TMEM_GUARD_FRONT_MAX ((size_t)4096)

/* What was found; a copy, so that it can be said without the heap lock. */
struct tmem_guard_damage {
	struct tmem_guarded of;
	bool before, past, after; /* its start, its end, it was freed */
	ptrdiff_t before_at, past_at, after_at; /* bytes from its start */
};

/* The pattern in and around a block; contents alone need no lock. */
void tmem_guard_zones_fill(const struct tmem_guarded *g);
void tmem_guard_contents_fill(char *user, size_t size, int pattern);

/*
 * Look at the red zones, and at the contents if the block has been freed.
 */
void tmem_guard_look(const struct tmem_guarded *g,
		     struct tmem_guard_damage *damage);

/* A line for each kind, and counted.  Takes the heap lock itself. */
void tmem_guard_report(const struct tmem_guard_damage *damage);

#endif /* TMEM_POOL_GUARD_ZONE_H */
