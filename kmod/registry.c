// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arenas there are, for who looks at all of them: recall on behalf of all,
 * netlink, sysfs, TMEM_IOC_QUERY.
 *
 * Who looks at one holds a pin, not the lock: an arena may take a while.  Lists
 * by node and memory cgroup, for reclaim, are in track.c.
 */
#include <linux/cred.h>
#include <linux/xarray.h>

#include "tmem.h"

static DEFINE_XARRAY(tmem_registry); /* by number */
static atomic64_t tmem_registry_last;
static atomic64_t tmem_registry_nr;

/* Numbers the arena and keeps a place for it.  0 or -ENOMEM. */
int tmem_registry_reserve(struct tmem_arena *arena)
{
	arena->id = atomic64_inc_return(&tmem_registry_last);
	return xa_reserve(&tmem_registry, arena->id, GFP_KERNEL);
}

void tmem_registry_cancel(struct tmem_arena *arena)
{
	xa_release(&tmem_registry, arena->id);
}

/* It is complete from here on. */
void tmem_registry_add(struct tmem_arena *arena)
{
	xa_store(&tmem_registry, arena->id, arena, GFP_KERNEL);
	atomic64_inc(&tmem_registry_nr);
}

void tmem_registry_remove(struct tmem_arena *arena)
{
	xa_erase(&tmem_registry, arena->id);
	atomic64_dec(&tmem_registry_nr);
}

/* The highest number that an arena has, or had. */
u64 tmem_registry_last_id(void)
{
	return atomic64_read(&tmem_registry_last);
}

u64 tmem_registry_count(void)
{
	return atomic64_read(&tmem_registry_nr);
}

/* The arena with the next higher number, to be unpinned, or NULL. */
struct tmem_arena *tmem_registry_pin(u64 after)
{
	struct tmem_arena *arena;
	unsigned long id = after;

	/* What is found under the lock has not been removed, nor freed. */
	xa_lock(&tmem_registry);
	do {
		id++;
		arena = xa_find(&tmem_registry, &id, ULONG_MAX, XA_PRESENT);
	} while (arena && !refcount_inc_not_zero(&arena->pins));
	xa_unlock(&tmem_registry);
	return arena;
}

/* Bytes in spans that hold memory and whose word says idle at this moment. */
static u64 tmem_registry_idle(const struct tmem_arena *arena)
{
	u64 spans = 0;
	u32 i;

	for (i = 0; i < arena->nr_spans; i++)
		if (READ_ONCE(arena->ctl[i]) & TMEM_SPAN_IDLE &&
		    READ_ONCE(arena->tracked[i]))
			spans++;
	return spans << TMEM_SPAN_SHIFT;
}

static void tmem_registry_snapshot(const struct tmem_arena *arena,
				   struct tmem_arena_snapshot *s)
{
	*s = (struct tmem_arena_snapshot){
		.id = arena->id,
		.uid = arena->user->uid,
		.pid = get_pid(arena->pid),
		.policy = arena->policy,
		.size = tmem_arena_size(arena),
		.resident = atomic64_read(&arena->bytes),
		.idle = tmem_registry_idle(arena),
		.fills = atomic64_read(&arena->fills),
		.fills_pool = atomic64_read(&arena->fills_pool),
		.fills_small = atomic64_read(&arena->fills_small),
		.fills_off_node = atomic64_read(&arena->fills_off_node),
		.fills_failed = atomic64_read(&arena->fills_failed),
		.fills_limited = atomic64_read(&arena->fills_limited),
		.purged = atomic64_read(&arena->purged),
		.recalled = atomic64_read(&arena->recalled),
	};
	memcpy(s->name, arena->name, sizeof(s->name));
}

/**
 * tmem_registry_next() - describe the arena with the next higher number
 * @after: number; 0 to begin
 * @all:   of any user, else
 * @uid:   of this user
 * @s:     result; the caller puts s->pid
 *
 * False if there is none.
 */
bool tmem_registry_next(u64 after, bool all, kuid_t uid,
			struct tmem_arena_snapshot *s)
{
	struct tmem_arena *arena;
	bool match;

	while ((arena = tmem_registry_pin(after))) {
		after = arena->id;
		match = all || uid_eq(arena->user->uid, uid);
		if (match)
			tmem_registry_snapshot(arena, s);
		tmem_arena_unpin(arena);
		if (match)
			return true;
	}
	return false;
}
