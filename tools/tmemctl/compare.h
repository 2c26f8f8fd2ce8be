/* SPDX-License-Identifier: GPL-2.0-only */
/* What has changed between two snapshots, site by site. */
#ifndef TMEMCTL_COMPARE_H
#define TMEMCTL_COMPARE_H

#include "snap.h"

enum change {
	CHANGE_NONE,
	CHANGE_NEW, /* nothing was live before */
	CHANGE_GREW,
	CHANGE_SHRANK,
	CHANGE_GONE, /* nothing is live any more */
};
extern const char *const change_names[];

/*
 * struct change_row - a site in both snapshots, or in one
 * @before, @after: one of the sites there that have this name; or NULL
 * @a, @b:  sums over all of them
 */
struct change_row {
	const struct snap_site *before;
	const struct snap_site *after;
	struct snap_counts a;
	struct snap_counts b;
};

/* struct comparison - from compare_snaps() to compare_free() */
struct comparison {
	struct change_row *rows;
	size_t n;
};

/*
 * compare_snaps() - the largest change of live bytes first.  Sites are the same
 * if tag, label and frames are, frames as files and offsets: addresses
 * differ from run to run.  False: no memory, said.
 */
bool compare_snaps(struct comparison *comparison, const struct snap *before,
		   const struct snap *after);
void compare_free(struct comparison *comparison);

enum change compare_change(const struct change_row *row);

/* compare_delta() - of live bytes. */
int64_t compare_delta(const struct change_row *row);

#endif /* TMEMCTL_COMPARE_H */
