// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_time - how memory went: which sites had it, and how long the machine
 * was short of it.
 *
 * A moment's level counts until the next moment, the last one's until the
 * snapshot was taken.  A clock that jumps back counts as one that stands.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

unsigned int report_level(const struct snap_moment *moment)
{
	return moment->level < REPORT_LEVELS ? (unsigned int)moment->level :
					       REPORT_LEVELS - 1;
}

/* --- sites ---------------------------------------------------------------- */

static uint64_t pair_at(const struct snap_moment *moment, size_t i,
			size_t which)
{
	struct json_object *pair = json_object_array_get_idx(moment->shares, i);

	return json_object_get_uint64(json_object_array_get_idx(pair, which));
}

uint64_t report_curve_bytes(const struct snap_moment *moment,
			    const struct snap_site *site)
{
	size_t i, n = json_object_array_length(moment->shares);

	for (i = 0; i < n; i++)
		if (pair_at(moment, i, 0) == site->id)
			return pair_at(moment, i, 1);
	return 0;
}

/* What each site had, over all moments. */
static void add_shares(const struct snap *snap, double *sums)
{
	const struct snap_moment *moment;
	const struct snap_site *site;
	size_t i, k, n;

	for (i = 0; i < snap->n_moments; i++) {
		moment = &snap->moments[i];
		n = json_object_array_length(moment->shares);
		for (k = 0; k < n; k++) {
			site = snap_site(snap, pair_at(moment, k, 0));
			if (site)
				sums[site - snap->sites] +=
					(double)pair_at(moment, k, 1);
		}
	}
}

static void choose_curves(struct snap_in *in, const struct snap *snap,
			  struct report_time *time)
{
	double *sums = snap_in_make(in, snap->n_sites, sizeof(*sums));
	size_t i, best;

	if (!sums)
		return;
	add_shares(snap, sums);
	while (time->n_curves < REPORT_CURVES) {
		for (best = 0, i = 1; i < snap->n_sites; i++)
			best = sums[i] > sums[best] ? i : best;
		if (!snap->n_sites || sums[best] <= 0)
			break;
		time->curves[time->n_curves++] = &snap->sites[best];
		sums[best] = 0;
	}
	free(sums);
}

/* --- moments -------------------------------------------------------------- */

static void choose_moments(struct snap_in *in, const struct snap *snap,
			   struct report_time *time)
{
	size_t every = (snap->n_moments + REPORT_POINTS - 1) / REPORT_POINTS;
	uint64_t at = 0, ns;
	size_t i;

	time->moments = snap_in_make(in, REPORT_POINTS, sizeof(void *));
	time->at_ns = snap_in_make(in, REPORT_POINTS, sizeof(*time->at_ns));
	for (i = 0; i < snap->n_moments && !in->failed; i += every) {
		ns = snap->moments[i].time_ns;
		ns = ns > snap->moments[0].time_ns ?
			     ns - snap->moments[0].time_ns :
			     0;
		at = ns > at ? ns : at;
		time->moments[time->n] = &snap->moments[i];
		time->at_ns[time->n++] = at;
	}
}

/* How long it was as at moment @i. */
static uint64_t lasted(const struct report_time *time, size_t i, uint64_t end)
{
	uint64_t to = i + 1 < time->n ? time->at_ns[i + 1] : end;

	return to > time->at_ns[i] ? to - time->at_ns[i] : 0;
}

static void begin_episode(struct report_time *time, size_t i)
{
	struct report_episode *one = &time->episodes[time->n_episodes++];

	one->from_ns = time->at_ns[i];
	one->held_before = time->moments[i ? i - 1 : 0]->held_bytes;
	one->held_least = time->moments[i]->held_bytes;
}

static void go_on(struct report_time *time, size_t i, uint64_t ns)
{
	struct report_episode *one = &time->episodes[time->n_episodes - 1];
	unsigned int level = report_level(time->moments[i]);

	one->to_ns = time->at_ns[i] + ns;
	one->level = level > one->level ? level : one->level;
	if (time->moments[i]->held_bytes < one->held_least)
		one->held_least = time->moments[i]->held_bytes;
}

static void follow_levels(struct report_time *time, uint64_t end)
{
	unsigned int level, before = 0;
	uint64_t ns;
	size_t i;

	for (i = 0; i < time->n; i++) {
		level = report_level(time->moments[i]);
		ns = lasted(time, i, end);
		time->level_ns[level] += ns;
		time->all_ns += ns;
		time->changes += i && level != before;
		if (level && !before)
			begin_episode(time, i);
		if (level)
			go_on(time, i, ns);
		before = level;
	}
}

void report_time_make(struct snap_in *in, struct report *report)
{
	const struct snap *snap = report->snap;
	struct report_time *time = &report->time;
	uint64_t end = 0;

	choose_curves(in, snap, time);
	choose_moments(in, snap, time);
	time->episodes = snap_in_make(in, time->n, sizeof(*time->episodes));
	if (in->failed)
		return;
	if (time->n && snap->time_ns > snap->moments[0].time_ns)
		end = snap->time_ns - snap->moments[0].time_ns;
	follow_levels(time, end);
}
