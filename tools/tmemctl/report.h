/* SPDX-License-Identifier: GPL-2.0-only */
/* What one snapshot says, put together for a report. */
#ifndef TMEMCTL_REPORT_H
#define TMEMCTL_REPORT_H

#include "output.h"
#include "site.h"
#include "snap.h"
#include "snap_in.h"
#include "symbol.h"

#define REPORT_LEVELS 4
#define REPORT_CURVES 6 /* sites that are drawn over time */
#define REPORT_POINTS 2048 /* moments that are drawn at most */
#define REPORT_PATTERNS 6
#define REPORT_UNKNOWN 16

/* struct report_term - what the health score loses, and by what */
struct report_term {
	const char *name;
	double value;
	double weight;
	double penalty;
};

/*
 * struct report_health
 * @terms:   NULL: the snapshot has none
 * @unknown: names of terms whose figures nobody knew
 */
struct report_health {
	double score;
	const char *band;
	struct report_term *terms;
	size_t n;
	const char *unknown[REPORT_UNKNOWN];
	size_t n_unknown;
};

struct report_advice {
	const char *id;
	double severity;
	const char *text;
	const char *command;
};

/* struct report_node - @fill: a cell for each @per_cell spans; NULL: not known */
struct report_node {
	uint64_t node;
	uint64_t busy;
	uint64_t idle;
	uint64_t free_bytes;
	uint64_t per_cell;
	double external;
	const char *fill;
};

/* struct report_heap - the heap now, in bytes but for the last ones */
struct report_heap {
	uint64_t held;
	uint64_t idle;
	uint64_t inside; /* of blocks, not asked for */
	uint64_t between; /* blocks, free in busy spans */
	uint64_t metadata;
	uint64_t reused, failures, misuse;
	uint64_t filled, purged, lost, moved; /* spans */
	double internal;
	double external;
	struct report_node *nodes;
	size_t n_nodes;
};

/* struct report_episode - from where the level left "low" to where it came back */
struct report_episode {
	uint64_t from_ns;
	uint64_t to_ns;
	unsigned int level; /* the highest */
	uint64_t held_before;
	uint64_t held_least;
};

/*
 * struct report_time - the timeline
 * @moments: those that are drawn, the oldest first
 * @at_ns:   since the first one; never falls
 * @curves:  sites with the largest share of it, the largest first
 */
struct report_time {
	const struct snap_moment **moments;
	uint64_t *at_ns;
	size_t n;
	const struct snap_site *curves[REPORT_CURVES];
	size_t n_curves;
	uint64_t level_ns[REPORT_LEVELS];
	uint64_t all_ns;
	uint64_t changes;
	struct report_episode *episodes;
	size_t n_episodes;
};

struct report_pattern {
	const char *name;
	size_t sites;
	uint64_t allocs;
	uint64_t alloc_bytes;
	uint64_t live_bytes;
};

/*
 * struct report - from report_make() to report_free()
 * @advice: NULL: the snapshot has none
 * @live, @bytes: all sites, in the two orders, of which @top are shown
 * @leaks:  of @live, those that leak
 * @lifetimes: of all sites, as in struct snap_site
 */
struct report {
	const struct snap *snap;
	struct symbols *symbols;
	struct report_health health;
	struct report_advice *advice;
	size_t n_advice;
	struct report_heap heap;
	struct report_time time;
	const struct snap_site **live;
	const struct snap_site **bytes;
	const struct snap_site **leaks;
	size_t n_leaks;
	size_t top;
	struct report_pattern patterns[REPORT_PATTERNS];
	uint64_t lifetimes[SNAP_LIFETIMES];
	unsigned int n_lifetimes;
};

/*
 * report_make() - of @snap, which must live longer, as @symbols must; with
 * @top sites.  False: it is not sound, or no memory; said.
 */
bool report_make(struct report *report, const struct snap *snap,
		 struct symbols *symbols, size_t top);
void report_free(struct report *report);

/* The parts of it, each by its report_*.c; whether it could is in @in. */
void report_health_read(struct snap_in *in, struct report *report);
void report_heap_read(struct snap_in *in, struct report *report);
void report_time_make(struct snap_in *in, struct report *report);
void report_sites_make(struct snap_in *in, struct report *report);

/* report_curve_bytes() - of a site at a moment; 0 if it is not among its first. */
uint64_t report_curve_bytes(const struct snap_moment *moment,
			    const struct snap_site *site);

/* report_level() - a moment's, of those that there are. */
unsigned int report_level(const struct snap_moment *moment);

/* report_print() - the text, on standard output. */
void report_print(const struct report *report);
void report_print_heap(const struct report *report);

/* report_to_json() - the whole of it, to be given to json_object_put(). */
struct json_object *report_to_json(const struct report *report);
struct json_object *report_json_time(const struct report_time *time);
struct json_object *report_json_heap(const struct report *report);

/*
 * report_write() - JSON to a file.  Bytes that are no UTF-8 become '?'.  If it
 * is to stand in a @page of HTML, nothing in it can end the element.  False: no
 * memory, said.
 */
bool report_write(struct json_object *json, bool page, FILE *file);

/* report_write_page() - a page of HTML that needs nothing else. */
bool report_write_page(struct json_object *json, FILE *file);

/* The page before and behind the figures, from tools/tmemctl/page/. */
extern const unsigned char report_page_head[], report_page_tail[];
extern const size_t report_page_head_bytes, report_page_tail_bytes;

#endif /* TMEMCTL_REPORT_H */
