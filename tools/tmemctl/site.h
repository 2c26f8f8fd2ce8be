/* SPDX-License-Identifier: GPL-2.0-only */
/* Call sites for people: their names, their order, and who shares frames. */
#ifndef TMEMCTL_SITE_H
#define TMEMCTL_SITE_H

#include "snap.h"
#include "symbol.h"

/*
 * site_title() - its label; without one the function and line of the nearest
 * frame that is not the library's own.
 */
struct symbol_text site_title(struct symbols *symbols,
			      const struct snap_site *site);

/*
 * site_fit() - @text in at most @width bytes, printable; of long ones the end is
 * kept.
 */
struct symbol_text site_fit(const char *text, unsigned int width);

/* What sites are ordered by; the words of --by. */
enum site_by {
	SITE_BY_BYTES, /* allocated since the start */
	SITE_BY_COUNT, /* blocks, likewise */
	SITE_BY_LIVE, /* bytes alive */
	SITE_BY_CHURN, /* bytes that came and went: the smaller of both */
	SITE_BYS,
};
extern const char *const site_by_names[SITE_BYS];

/* site_by_parse() - true if @word is one of them. */
bool site_by_parse(const char *word, enum site_by *by);
uint64_t site_value(const struct snap_counts *n, enum site_by by);

/*
 * site_rank() - all sites, the one with the most first; of equal ones the
 * older.  To be given to free().  NULL: no memory, said.
 */
const struct snap_site **site_rank(const struct snap *snap, enum site_by by);

/*
 * struct site_groups - sites whose frames are all the same
 * @order: sites, those of a group beside each other
 */
struct site_groups {
	const struct snap_site **order;
	size_t n;
};

/* site_groups_make() - false: no memory, said. */
bool site_groups_make(struct site_groups *groups, const struct snap *snap);
void site_groups_free(struct site_groups *groups);

/*
 * site_groups_find() - the group of @site, which is in it: the first one, and
 * how many.  A site without frames is alone.
 */
const struct snap_site **site_groups_find(const struct site_groups *groups,
					  const struct snap_site *site,
					  size_t *n);

/*
 * site_is_cut() - the stack was deeper than what was kept of it, as far as one
 * can tell: what differs further out is one site.
 */
bool site_is_cut(const struct snap *snap, const struct snap_site *site);

/* site_json() - all that is known of it, as a part of a report. */
struct json_object *site_json(struct symbols *symbols,
			      const struct snap_site *site);

/* site_json_counts() - the figures as members of @object. */
void site_json_counts(struct json_object *object, const struct snap_counts *n);

/* site_json_head() - which program that was, and how it was recorded. */
struct json_object *site_json_head(const struct snap *snap);

/*
 * site_print_how() - lines on standard output, if the figures are estimates,
 * or incomplete.
 */
void site_print_how(const struct snap *snap);

#endif /* TMEMCTL_SITE_H */
