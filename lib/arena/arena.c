// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Arenas: the calls of tmem/arena.h, which hold for either backend.
 *
 * What is here is bookkeeping (which span is mapped where) and the user's half
 * of the control-word protocol.  The kernel's half is described in
 * linux/tmem.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/tmem.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "arena/backend.h"
#include "arena/topology.h"
#include "core/log.h"
#include "core/settings.h"

static int arena_name(struct tmem_arena *arena, const char *name)
{
	size_t i, len;

	if (!name)
		return 0;
	len = strlen(name);
	if (len >= sizeof(arena->name))
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return -EINVAL;
	memcpy(arena->name, name, len);
	return 0;
}

static int arena_check(const struct tmem_arena_config *config)
{
	if (!config->size || config->size % TMEM_SPAN_BYTES)
		return -EINVAL;
	if (!tmem_numa_valid(config->numa, config->nodes))
		return -EINVAL;
	if (config->size / TMEM_SPAN_BYTES > UINT32_MAX)
		return -ENOMEM;
	return 0;
}

static int arena_open(struct tmem_arena *arena, enum tmem_backend backend)
{
	int err;

	if (backend == TMEM_BACKEND_AUTO)
		backend = tmem_backend_dev_probe() ? TMEM_BACKEND_ANON :
						     TMEM_BACKEND_DEV;
	if (backend == TMEM_BACKEND_DEV)
		arena->ops = &tmem_backend_dev;
	else if (backend == TMEM_BACKEND_ANON)
		arena->ops = &tmem_backend_anon;
	else
		return -EINVAL;

	arena->where = tmem_os_table(arena->spans * sizeof(*arena->where));
	if (!arena->where)
		return -ENOMEM;
	err = arena->ops->open(arena);
	if (err)
		tmem_os_table_free((void *)arena->where,
				   arena->spans * sizeof(*arena->where));
	return err;
}

int tmem_arena_create(const struct tmem_arena_config *config,
		      struct tmem_arena **arenap)
{
	struct tmem_arena_config c;
	struct tmem_arena *arena;
	int err;

	if (!tmem_struct_get(&c, sizeof(c), config))
		return -EINVAL;
	err = arena_check(&c);
	if (err)
		return err;
	arena = tmem_os_table(sizeof(*arena));
	if (!arena)
		return -ENOMEM;
	arena->size = c.size;
	arena->spans = (uint32_t)(c.size / TMEM_SPAN_BYTES);
	arena->numa = c.numa;
	arena->nodes = c.nodes;
	err = arena_name(arena, c.name);
	if (!err)
		err = arena_open(arena, c.backend);
	if (err) {
		tmem_os_table_free(arena, sizeof(*arena));
		return err;
	}
	*arenap = arena;
	return 0;
}

void tmem_arena_destroy(struct tmem_arena *arena)
{
	uint32_t i;

	if (!arena)
		return;
	for (i = 0; i < arena->spans; i++)
		if (arena->where[i])
			tmem_os_unreach(arena->where[i], TMEM_SPAN_BYTES);
	if (arena->home)
		munmap(arena->home, arena->size);
	arena->ops->close(arena);
	tmem_os_table_free((void *)arena->where,
			   arena->spans * sizeof(*arena->where));
	tmem_os_table_free(arena, sizeof(*arena));
}

void tmem_arena_abandon(struct tmem_arena *arena)
{
	memset((void *)arena->where, 0, arena->spans * sizeof(*arena->where));
	tmem_arena_destroy(arena);
}

size_t tmem_arena_size(const struct tmem_arena *arena)
{
	return arena->size;
}

uint32_t tmem_arena_spans(const struct tmem_arena *arena)
{
	return arena->spans;
}

const char *tmem_arena_backend(const struct tmem_arena *arena)
{
	return arena->ops->name;
}

const char *tmem_arena_name(const struct tmem_arena *arena)
{
	return arena->name;
}

int tmem_arena_fd(const struct tmem_arena *arena)
{
	return arena->fd < 0 ? -ENOTSUP : arena->fd;
}

static bool arena_range_ok(const struct tmem_arena *arena, uint32_t first,
			   uint32_t count)
{
	return count <= arena->spans && first <= arena->spans - count;
}

static int arena_map_run(struct tmem_arena *arena, char *addr, uint32_t first,
			 uint32_t count)
{
	uint32_t i;
	int err;

	err = arena->ops->map(arena, addr, first, count);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		arena->where[first + i] = addr + i * TMEM_SPAN_BYTES;
	return 0;
}

/*
 * Keep a purge on backend anon, which goes by address, away from an idle span.
 * Returns the idle word to put back, or 0 if there is nothing to hold.
 */
static uint32_t arena_hold(struct tmem_arena *arena, uint32_t span)
{
	_Atomic(uint32_t) *word = &arena->words[span];
	uint32_t seen = atomic_load(word);

	if (arena->ops != &tmem_backend_anon)
		return 0;
	for (;;) {
		while (seen == TMEM_WORD_PURGING) {
			sched_yield();
			seen = atomic_load(word);
		}
		if (!(seen & TMEM_SPAN_IDLE))
			return 0;
		if (atomic_compare_exchange_weak(word, &seen,
						 TMEM_WORD_PURGING))
			return seen;
	}
}

static int arena_move(struct tmem_arena *arena, uint32_t span, char *from,
		      char *to)
{
	uint32_t idle = arena_hold(arena, span);
	int err = arena->ops->move(arena, span, from, to);

	if (!err)
		atomic_store(&arena->where[span], to);
	if (idle)
		atomic_store(&arena->words[span], idle);
	return err;
}

/*
 * A run of spans that are mapped nowhere goes by one call.  Spans that are
 * mapped move one by one: the kernel's mremap() wants to stay inside one
 * mapping.
 */
static int arena_map(struct tmem_arena *arena, char *addr, uint32_t first,
		     uint32_t count)
{
	uint32_t i = 0, run;
	int err = 0;

	while (!err && i < count) {
		char *from = arena->where[first + i];
		char *to = addr + i * TMEM_SPAN_BYTES;

		if (!from) {
			for (run = 1; i + run < count; run++)
				if (arena->where[first + i + run])
					break;
			err = arena_map_run(arena, to, first + i, run);
			i += run;
			continue;
		}
		if (from != to)
			err = arena_move(arena, first + i, from, to);
		i++;
	}
	return err;
}

/* Addresses of the arena's own, one slot for each span, made when needed. */
static char *arena_home(struct tmem_arena *arena, uint32_t first)
{
	char *home = atomic_load(&arena->home), *made;

	if (!home) {
		made = tmem_os_reserve(arena->size);
		if (!made)
			return NULL;
		if (atomic_compare_exchange_strong(&arena->home, &home, made))
			home = made;
		else
			munmap(made, arena->size);
	}
	return home + first * TMEM_SPAN_BYTES;
}

void *tmem_arena_map(struct tmem_arena *arena, void *addr, uint32_t first,
		     uint32_t count)
{
	char *to = addr;
	int err;

	if (!count || !arena_range_ok(arena, first, count) ||
	    (uintptr_t)addr % TMEM_SPAN_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	if (!to)
		to = arena_home(arena, first);
	if (!to) {
		errno = ENOMEM;
		return NULL;
	}
	err = arena_map(arena, to, first, count);
	if (err) {
		errno = -err;
		return NULL;
	}
	return to;
}

/* The end, up to last, of the spans that follow span i in addresses too. */
static uint32_t arena_run_end(const struct tmem_arena *arena, uint32_t i,
			      uint32_t last)
{
	uint32_t end = i + 1;

	while (end < last &&
	       arena->where[end] ==
		       arena->where[i] + (end - i) * TMEM_SPAN_BYTES)
		end++;
	return end;
}

void tmem_arena_unmap(struct tmem_arena *arena, uint32_t first, uint32_t count)
{
	uint32_t i, end;

	for (i = first; i < first + count; i = end) {
		end = arena_run_end(arena, i, first + count);
		if (!arena->where[i])
			continue;
		tmem_os_unreach(arena->where[i], (end - i) * TMEM_SPAN_BYTES);
	}
	memset((void *)&arena->where[first], 0, count * sizeof(*arena->where));
}

int tmem_arena_populate(struct tmem_arena *arena, uint32_t first,
			uint32_t count)
{
	uint32_t i, end;
	int err = 0;

	if (!arena_range_ok(arena, first, count))
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (!arena->where[first + i])
			return -EINVAL;
	if (arena->ops->fill)
		err = arena->ops->fill(arena, first, count);
	if (err)
		return err;
	for (i = first; i < first + count; i = end) {
		end = arena_run_end(arena, i, first + count);
		err = arena->ops->populate(arena, arena->where[i], end - i);
		if (err)
			return err;
	}
	return 0;
}

uint32_t tmem_arena_idle_word_at(uint64_t ms)
{
	uint64_t stamp = ms * 1000000u >> TMEM_STAMP_SHIFT;

	return TMEM_SPAN_IDLE | (stamp & TMEM_STAMP_MASK);
}

uint32_t tmem_arena_idle_word(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return tmem_arena_idle_word_at((uint64_t)now.tv_sec * 1000 +
				       (uint64_t)now.tv_nsec / 1000000);
}

void tmem_arena_release(struct tmem_arena *arena, uint32_t span)
{
	tmem_arena_release_as(arena, span, tmem_arena_idle_word());
}

int tmem_arena_claim(struct tmem_arena *arena, uint32_t span)
{
	_Atomic(uint32_t) *word = &arena->words[span];
	uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);

	for (;;) {
		while (seen == TMEM_WORD_PURGING) {
			sched_yield();
			seen = atomic_load(word);
		}
		if (seen != TMEM_SPAN_PURGED && !(seen & TMEM_SPAN_IDLE))
			return -EBUSY;
		if (atomic_compare_exchange_weak_explicit(
			    word, &seen, TMEM_SPAN_BUSY, memory_order_acquire,
			    memory_order_relaxed))
			return seen == TMEM_SPAN_PURGED;
	}
}

bool tmem_arena_is_purged(struct tmem_arena *arena, uint32_t span)
{
	return atomic_load(&arena->words[span]) == TMEM_SPAN_PURGED;
}

void tmem_arena_mark_purged(struct tmem_arena *arena, uint32_t span)
{
	atomic_store(&arena->words[span], TMEM_SPAN_PURGED);
}

int tmem_arena_purge(struct tmem_arena *arena, uint32_t first, uint32_t count,
		     uint32_t *purged)
{
	uint32_t n = 0;
	int err;

	if (!arena_range_ok(arena, first, count))
		return -EINVAL;
	err = arena->ops->purge(arena, first, count, &n);
	if (purged)
		*purged = n;
	return err;
}

int tmem_arena_usage(struct tmem_arena *arena, struct tmem_arena_usage *usage)
{
	struct tmem_arena_usage now = { 0 };
	int err = arena->ops->usage(arena, &now);

	if (err)
		return err;
	return tmem_struct_put(usage, &now, sizeof(now)) ? 0 : -EINVAL;
}
