// SPDX-License-Identifier: GPL-2.0-only
/*
 * The recall lists: which spans hold memory, by node and memory cgroup.
 *
 * Every span that holds memory has an object on a list_lru, so that reclaim on
 * behalf of a node, or of a memory cgroup, finds the spans whose memory counts
 * there, and so that the core calls our shrinker for cgroups that have any.
 * When a cgroup goes away the core moves its list to the parent.
 *
 * The list that an object is on follows from where the object itself was
 * allocated and to whom it was charged.  Both are made to agree with the span's
 * memory: the caller's active memory cgroup is the one that the memory is
 * charged to, and the object is allocated on the memory's node.  Memory that
 * migrates later stays on the list of the node it came from.
 *
 * A span's object appears and goes under the span's lock.  Others read it under
 * the lock of its list, or under RCU, when it may be another's by then.
 */
#include <linux/slab.h>

#include "compat.h"
#include "tmem.h"

static struct kmem_cache *tmem_track_cache;
static struct list_lru tmem_track_lru;

struct list_lru *tmem_track_lists(void)
{
	return &tmem_track_lru;
}

/**
 * tmem_track_alloc() - an object for a span, on no list yet
 * @arena: the arena
 * @span:  the span
 * @nid:   node of the memory
 *
 * NULL without memory.  May sleep and reclaim.
 */
struct tmem_track *tmem_track_alloc(struct tmem_arena *arena, u32 span, int nid)
{
	struct tmem_track *track, *near;

	/* This makes the lists of the active cgroup and of its ancestors... */
	track = kmem_cache_alloc_lru(tmem_track_cache, &tmem_track_lru,
				     GFP_KERNEL);
	if (track && page_to_nid(virt_to_page(track)) != nid) {
		/* ...and this chooses the node, which the former cannot. */
		near = kmem_cache_alloc_node(tmem_track_cache, GFP_KERNEL, nid);
		kmem_cache_free(tmem_track_cache, track);
		track = near;
	}
	if (!track)
		return NULL;
	INIT_LIST_HEAD(&track->lru);
	track->arena = arena;
	track->span = span;
	track->refused = 0;
	return track;
}

void tmem_track_free(struct tmem_track *track)
{
	kmem_cache_free(tmem_track_cache, track);
}

/* From here on the span can be recalled. */
void tmem_track_add(struct tmem_track *track)
{
	WRITE_ONCE(track->arena->tracked[track->span], track);
	tmem_lru_add(&tmem_track_lru, &track->lru);
}

/* The span holds nothing any more. */
void tmem_track_remove(struct tmem_arena *arena, u32 span)
{
	struct tmem_track *track = arena->tracked[span];

	if (!track)
		return;
	WRITE_ONCE(arena->tracked[span], NULL);
	tmem_lru_del(&tmem_track_lru, &track->lru);
	tmem_track_free(track);
}

/* The time, in units of the stamps in control words. */
u32 tmem_stamp_now(void)
{
	return ktime_get_ns() >> TMEM_STAMP_SHIFT & TMEM_STAMP_MASK;
}

/* Somebody holds its pages: a recall need not try it again soon. */
void tmem_track_refuse(struct tmem_arena *arena, u32 span)
{
	struct tmem_track *track = arena->tracked[span];

	if (track)
		WRITE_ONCE(track->refused, tmem_stamp_now() | TMEM_SPAN_IDLE);
}

/* Of an arena that nobody can reach any more. */
void tmem_track_remove_all(struct tmem_arena *arena)
{
	u32 span;

	for (span = 0; span < arena->nr_spans; span++) {
		tmem_track_remove(arena, span);
		cond_resched();
	}
}

/* Bytes of the spans on a node's lists; one of small pages counts in full. */
u64 tmem_track_node_bytes(int nid)
{
	return (u64)list_lru_count_node(&tmem_track_lru, nid)
	       << TMEM_SPAN_SHIFT;
}

int tmem_track_init(struct shrinker *shrinker)
{
	int err;

	tmem_track_cache =
		kmem_cache_create("tmem_track", sizeof(struct tmem_track), 0,
				  SLAB_ACCOUNT | SLAB_TYPESAFE_BY_RCU, NULL);
	if (!tmem_track_cache)
		return -ENOMEM;
	err = list_lru_init_memcg(&tmem_track_lru, shrinker);
	if (err)
		kmem_cache_destroy(tmem_track_cache);
	return err;
}

void tmem_track_exit(void)
{
	list_lru_destroy(&tmem_track_lru);
	kmem_cache_destroy(tmem_track_cache);
}
