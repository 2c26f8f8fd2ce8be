// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * While memory is short: drop what may be dropped, compress what is cold.
 *
 * A value that is discardable stays in a block of its pool, whose spans are
 * busy: the kernel takes idle spans only, so it is not the kernel that drops
 * it.  The library does, at the same levels, and its spans are idle then.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <time.h>

#include "gc/collector.h"
#include "tcache/tcache.h"

#define HIGH_US 20000u
#define CRITICAL_US 200000u
/* By itself: of the time, one part in so many. */
#define SHARE 20u

static _Atomic(uint64_t (*)(void)) clock_other;

void tmem_tcache_clock_replace(uint64_t (*now_ns)(void))
{
	atomic_store(&clock_other, now_ns);
}

uint64_t tmem_tcache_now_ns(void)
{
	uint64_t (*other)(void) =
		atomic_load_explicit(&clock_other, memory_order_relaxed);
	struct timespec now;

	if (other)
		return other();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t tmem_tcache_now_ms(void)
{
	return tmem_tcache_now_ns() / 1000000;
}

static bool entry_may_go(const struct tmem_tentry *e, uint64_t cold_ms,
			 uint64_t now_ms)
{
	return e->flags & TMEM_TCACHE_DISCARDABLE &&
	       now_ms >= e->used_ms + cold_ms;
}

/* First all are found: who goes changes the order of the others. */
static struct tmem_tentry *discard_pick(struct tmem_tcache *c, uint64_t cold_ms)
{
	struct tmem_tentry *e = NULL, *picked = NULL;
	uint64_t now_ms = tmem_tcache_now_ms();

	while ((e = tmem_worth_next(c, e))) {
		if (!entry_may_go(e, cold_ms, now_ms))
			continue;
		e->picked = picked;
		picked = e;
	}
	return picked;
}

static uint64_t cache_discard(struct tmem_tcache *c, uint64_t cold_ms)
{
	struct tmem_tentry *e, *next;
	uint64_t bytes = 0;

	tmem_tcache_lock(c);
	for (e = discard_pick(c, cold_ms); e; e = next) {
		next = e->picked;
		bytes += e->charge;
		c->count.discards++;
		c->count.discarded_bytes += e->charge;
		e->discarded = true;
		tmem_room_discard(c, e);
	}
	tmem_tcache_unlock(c);
	return bytes;
}

uint64_t tmem_tcache_discard(struct tmem_tcache *c)
{
	return cache_discard(c, 0);
}

static uint64_t cache_react(struct tmem_tcache *c, enum tmem_level level,
			    uint64_t share)
{
	if (level == TMEM_LEVEL_CRITICAL)
		return cache_discard(c, 0) +
		       tmem_tcache_compress(c, CRITICAL_US / share);
	if (level == TMEM_LEVEL_HIGH)
		return cache_discard(c, c->cold_ms) +
		       tmem_tcache_compress(c, HIGH_US / share);
	return 0;
}

uint64_t tmem_tcache_pressure(struct tmem_tcache *c, enum tmem_level level)
{
	return cache_react(c, level, 1);
}

static atomic_int caches_lean;

void tmem_tcaches_lean(int lean)
{
	atomic_store(&caches_lean, lean);
}

/* By itself: the optimizer may have made it lean, or not. */
uint64_t tmem_tcache_react(struct tmem_tcache *c, enum tmem_level level)
{
	int lean = atomic_load_explicit(&caches_lean, memory_order_relaxed);

	if (lean > 0 && level == TMEM_LEVEL_MEDIUM)
		level = TMEM_LEVEL_HIGH;
	if (lean < 0 && level == TMEM_LEVEL_HIGH)
		return cache_discard(c, c->cold_ms);
	return cache_react(c, level, SHARE);
}

/* One thread at a time, and then nobody for twenty times as long as it took. */
void tmem_tcache_look(struct tmem_tcache *c)
{
	uint32_t level = atomic_load_explicit(&tmem_collector.count.level,
					      memory_order_relaxed);
	uint64_t now, until;

	if (c->flags & TMEM_TCACHE_MANUAL || level < TMEM_LEVEL_MEDIUM ||
	    (level < TMEM_LEVEL_HIGH && atomic_load(&caches_lean) <= 0))
		return;
	now = tmem_tcache_now_ms();
	until = atomic_load(&c->quiet_until_ms);
	if (now < until || !atomic_compare_exchange_strong(&c->quiet_until_ms,
							   &until, UINT64_MAX))
		return;
	tmem_tcache_react(c, (enum tmem_level)level);
	until = tmem_tcache_now_ms();
	atomic_store(&c->quiet_until_ms, until + (until - now + 1) * SHARE);
}

uint64_t tmem_tcache_shrink(struct tmem_tcache *c, uint64_t bytes)
{
	uint64_t before, after;

	tmem_tcache_lock(c);
	before = c->bytes;
	tmem_room_shrink(c, bytes < before ? before - bytes : 0);
	after = c->bytes;
	tmem_tcache_unlock(c);
	return before - after;
}
