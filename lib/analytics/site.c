// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sites are found by a hash over what makes them.  Their table is reserved for
 * all of them, and takes memory for those that there are.
 */
#include "analytics/site.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "analytics/core.h"
#include "analytics/names.h"
#include "arena/backend.h"

#define HEADS 4096u
#define FRAMES_MAX ((size_t)TMEM_SITES_MAX * TMEM_FRAMES_MAX)

static struct {
	struct tmem_site *site; /* from 1 on */
	uint64_t *frames;
	size_t frames_used;
	_Atomic(uint32_t) count;
	uint64_t lost;
	uint16_t heads[HEADS];
} sites;

int tmem_sites_open(void)
{
	if (!sites.site)
		sites.site = tmem_os_table((TMEM_SITES_MAX + 1) *
					   sizeof(*sites.site));
	if (!sites.frames)
		sites.frames = tmem_os_table(FRAMES_MAX * sizeof(uint64_t));
	return sites.site && sites.frames ? 0 : -ENOMEM;
}

struct tmem_site *tmem_site_at(uint32_t id)
{
	return &sites.site[id];
}

uint32_t tmem_sites_count(void)
{
	return atomic_load_explicit(&sites.count, memory_order_acquire);
}

uint32_t tmem_sites_next(uint32_t id)
{
	if (id < tmem_sites_count())
		return id + 1;
	return sites.lost && id < TMEM_SITES_MAX ? TMEM_SITES_MAX : 0;
}

uint64_t tmem_sites_lost(void)
{
	return sites.lost;
}

static uint32_t site_hash(uint32_t tag, uint32_t label,
			  const struct tmem_origin *origin)
{
	uint64_t hash = (uint64_t)tag << 32 | label;
	unsigned int i;

	for (i = 0; i < origin->depth; i++) {
		hash = (hash ^ origin->frames[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return (uint32_t)(hash ^ hash >> 32);
}

static bool site_is(const struct tmem_site *site, uint32_t hash, uint32_t tag,
		    uint32_t label, const struct tmem_origin *origin)
{
	return site->hash == hash && site->tag == tag && site->label == label &&
	       site->depth == origin->depth &&
	       (!site->depth || !memcmp(site->frames, origin->frames,
					site->depth * sizeof(uint64_t)));
}

/* One for whatever finds no room. */
static uint32_t site_other(void)
{
	struct tmem_site *site = &sites.site[TMEM_SITES_MAX];

	if (!sites.lost++) {
		site->label = (uint16_t)tmem_names_get("other");
		site->frames = sites.frames;
	}
	return TMEM_SITES_MAX;
}

static uint32_t site_new(uint32_t hash, uint32_t tag, uint32_t label,
			 const struct tmem_origin *origin)
{
	uint32_t id = tmem_sites_count() + 1;
	struct tmem_site *site = &sites.site[id];

	if (id >= TMEM_SITES_MAX)
		return site_other();
	site->hash = hash;
	site->tag = (uint16_t)tag;
	site->label = (uint16_t)label;
	site->depth = origin->depth;
	site->born_step = (uint32_t)tmem_analytics_count.steps;
	site->frames = &sites.frames[sites.frames_used];
	if (site->depth)
		memcpy(site->frames, origin->frames,
		       site->depth * sizeof(uint64_t));
	sites.frames_used += site->depth;
	site->next = sites.heads[hash % HEADS];
	sites.heads[hash % HEADS] = (uint16_t)id;
	atomic_store_explicit(&sites.count, id, memory_order_release);
	return id;
}

uint32_t tmem_sites_find(const struct tmem_origin *origin)
{
	uint32_t tag = tmem_names_get(origin->tag);
	uint32_t label = tmem_names_get(origin->label);
	uint32_t hash = site_hash(tag, label, origin), id;

	for (id = sites.heads[hash % HEADS]; id; id = sites.site[id].next)
		if (site_is(&sites.site[id], hash, tag, label, origin))
			return id;
	return site_new(hash, tag, label, origin);
}

/* Sums of what is live: nothing is exactly nothing. */
static void site_live(struct tmem_site *site, double bytes, double weight,
		      int sign)
{
	site->live_bytes += sign * bytes * weight;
	site->live_blocks += sign * weight;
	site->variance += sign * bytes * bytes * weight * (weight - 1);
	site->records += (uint64_t)sign;
	if (!site->records) {
		site->live_bytes = 0;
		site->live_blocks = 0;
		site->variance = 0;
	}
	if (site->live_bytes > site->peak_live_bytes)
		site->peak_live_bytes = site->live_bytes;
}

void tmem_site_add(struct tmem_site *site, double bytes, double weight,
		   int sign)
{
	site->allocs += sign * weight;
	site->alloc_bytes += sign * bytes * weight;
	site_live(site, bytes, weight, sign);
}

static unsigned int lifetime_bucket(uint64_t us)
{
	unsigned int bits = us ? 63u - (unsigned int)__builtin_clzll(us) : 0;

	return bits < TMEM_LIFETIMES ? bits : TMEM_LIFETIMES - 1;
}

void tmem_site_end(struct tmem_site *site, double bytes, double weight,
		   uint64_t ns)
{
	site->frees += weight;
	site->free_bytes += bytes * weight;
	site->ages[tmem_age_of(ns)] += weight;
	site->lifetimes[lifetime_bucket(ns / 1000)] += weight;
	site_live(site, bytes, weight, -1);
}

void tmem_sites_forget_live(void)
{
	uint32_t id;

	for (id = tmem_sites_next(0); id; id = tmem_sites_next(id)) {
		struct tmem_site *site = &sites.site[id];

		site->live_bytes = 0;
		site->live_blocks = 0;
		site->variance = 0;
		site->records = 0;
	}
}

size_t tmem_sites_metadata(void)
{
	uint32_t n = tmem_sites_count() + (sites.lost != 0);

	return n * sizeof(*sites.site) + sites.frames_used * sizeof(uint64_t) +
	       sizeof(sites.heads);
}
