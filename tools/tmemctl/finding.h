/* SPDX-License-Identifier: GPL-2.0-only */
/* What the doctor found of one item. */
#ifndef TMEMCTL_FINDING_H
#define TMEMCTL_FINDING_H

/* MARK_NOTE: worth knowing, and nothing is missing. */
enum mark {
	MARK_OK,
	MARK_NOTE,
	MARK_MISSING,
};

/*
 * struct finding - what the doctor says of one item
 * @item: its name
 * @cost: what it costs that it is so, or ""
 */
struct finding {
	const char *item;
	enum mark mark;
	char found[256];
	char cost[384];
};

/* Each sets mark and found; @cost of the last two may be NULL. */
__attribute__((format(printf, 2, 3))) void finding_ok(struct finding *finding,
						      const char *format, ...);
__attribute__((format(printf, 3, 4))) void finding_note(struct finding *finding,
							const char *cost,
							const char *format,
							...);
__attribute__((format(printf, 3, 4))) void
finding_missing(struct finding *finding, const char *cost, const char *format,
		...);

/* The checks, one per item. */
void check_module(struct finding *finding);
void check_kernel(struct finding *finding);
void check_loading(struct finding *finding);
void check_huge_pages(struct finding *finding);
void check_nodes(struct finding *finding);
void check_pressure(struct finding *finding);
void check_cgroup(struct finding *finding);
void check_mappings(struct finding *finding);
void check_overcommit(struct finding *finding);

#endif /* TMEMCTL_FINDING_H */
