/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot of what a program's memory does, as the library wrote it. */
#ifndef TMEMCTL_SNAP_H
#define TMEMCTL_SNAP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SNAP_TIERS 9
#define SNAP_LIFETIMES 64
#define SNAP_FRAMES 256 /* the most of one site */

/* struct snap_counts - of the whole program (exact), or of a site */
struct snap_counts {
	uint64_t allocs;
	uint64_t frees;
	uint64_t alloc_bytes;
	uint64_t free_bytes;
	uint64_t live_bytes;
	uint64_t live_blocks;
	uint64_t peak_live_bytes;
};

struct snap_tier {
	const char *name;
	uint64_t allocs;
	uint64_t frees;
	uint64_t live_bytes;
	uint64_t live_blocks;
};

/* struct snap_module - bytes from @offset of a file at [@base, @end) */
struct snap_module {
	uint64_t base;
	uint64_t end;
	uint64_t offset;
	const char *path;
	const char *build_id; /* "" if not known */
};

struct snap_leak {
	bool leaking;
	uint64_t since_step;
	uint64_t named_at_step;
	double bytes_per_step;
	double score;
};

/*
 * struct snap_site - where memory is asked for
 * @tag:       0: none; @tag_name is "" then
 * @label:     what the program called it; "" if it did not
 * @frames:    return addresses, the nearest first
 * @error:     standard error of n.live_bytes; 0: exact
 * @lifetimes: [i] blocks that lived 2^i to 2^(i+1) microseconds
 */
struct snap_site {
	uint64_t id;
	uint64_t tag;
	const char *tag_name;
	const char *label;
	const char *pattern;
	uint64_t *frames;
	unsigned int depth;
	unsigned int n_lifetimes;
	struct snap_counts n;
	uint64_t error;
	uint64_t lifetimes[SNAP_LIFETIMES];
	struct snap_leak leak;
};

/*
 * struct snap_moment - of the timeline
 * @shares: [site id, live bytes] pairs
 * @nodes:  [node, live bytes] pairs, or NULL
 */
struct snap_moment {
	uint64_t time_ns;
	uint64_t step;
	uint64_t level;
	uint64_t live_bytes;
	uint64_t held_bytes;
	uint64_t tiers[SNAP_TIERS];
	struct json_object *shares;
	struct json_object *nodes;
};

struct snap_record {
	uint64_t address;
	uint64_t bytes;
	double weight;
	uint64_t time_ns;
	uint64_t site;
};

/*
 * struct snap - all of it.  From snap_load() to snap_free(), which all texts
 * in it live as long as.
 * @heap: struct tmem_stats by its names; an object
 * @sites, @records: by id, and by address
 * @by_address: modules, by base
 */
struct snap {
	char *text;
	size_t text_bytes;
	struct json_object *root;
	uint64_t pid;
	const char *exe;
	uint64_t time_ns;
	uint64_t wall_ns;
	const char *library;
	const char *mode;
	uint64_t interval_bytes;
	uint64_t depth;
	uint64_t dropped;
	struct snap_counts counts;
	struct json_object *heap;
	struct snap_tier tiers[SNAP_TIERS];
	struct snap_module *modules;
	size_t n_modules;
	struct snap_site *sites;
	size_t n_sites;
	uint64_t *frames; /* of all sites */
	uint64_t steps;
	const char *last_step;
	struct snap_moment *moments;
	size_t n_moments;
	struct snap_record *records;
	size_t n_records;
};

/*
 * snap_load() - read one from @file, which is closed; @name is for messages.
 * NULL if it is not sound: one line says why.
 */
struct snap *snap_load(FILE *file, const char *name);

/* snap_open() - the same from a file's name; "-": standard input. */
struct snap *snap_open(const char *name);
void snap_free(struct snap *snap);

/* snap_site() - by its id, or NULL. */
const struct snap_site *snap_site(const struct snap *snap, uint64_t id);

/* snap_module() - what was mapped at that address, or NULL. */
const struct snap_module *snap_module(const struct snap *snap,
				      uint64_t address);

/* snap_sum() - over all sites. */
struct snap_counts snap_sum(const struct snap *snap);

#endif /* TMEMCTL_SNAP_H */
