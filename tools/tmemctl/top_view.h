/* SPDX-License-Identifier: GPL-2.0-only */
/* One process, as tmemctl top shows it. */
#ifndef TMEMCTL_TOP_VIEW_H
#define TMEMCTL_TOP_VIEW_H

#include "pages.h"
#include "site.h"
#include "snap.h"
#include "top_text.h"

#define TOP_TITLE 48

/*
 * struct top_view - what stays from one snapshot to the next.  All zero at
 * first; to be given to top_view_free().
 * @by:     what sites are ordered by
 * @rows:   lines that there are, or 0: as many as needed
 * @names:  look for those of sites in the files that the process says it has
 * @before: the last snapshot, for rates
 * @titles: of sites shown so far: to find one means to open programs' files
 */
struct top_view {
	enum site_by by;
	unsigned int rows;
	bool names;
	struct snap *before;
	struct vec titles;
};

/* top_view_show() - @now as text.  It is the view's from here on. */
void top_view_show(struct top_view *view, struct snap *now,
		   struct top_text *text);
void top_view_free(struct top_view *view);

#endif /* TMEMCTL_TOP_VIEW_H */
