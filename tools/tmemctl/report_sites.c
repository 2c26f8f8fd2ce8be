// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_sites - the call sites in their orders, those that leak, and what all
 * have in common: how blocks live.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

static const char *const patterns[REPORT_PATTERNS] = {
	"short-lived", "medium-lived", "long-lived",
	"leaked",      "cyclic",       "other",
};

static void add_pattern(struct report *report, const struct snap_site *site)
{
	struct report_pattern *pattern;
	unsigned int i;

	for (i = 0; i < REPORT_PATTERNS - 1; i++)
		if (!strcmp(patterns[i], site->pattern))
			break;
	pattern = &report->patterns[i];
	pattern->sites++;
	pattern->allocs += site->n.allocs;
	pattern->alloc_bytes += site->n.alloc_bytes;
	pattern->live_bytes += site->n.live_bytes;
}

/* The reader looks at sums of bytes, not at these. */
static void add_lifetimes(struct report *report, const struct snap_site *site)
{
	uint64_t *sum;
	unsigned int i;

	for (i = 0; i < site->n_lifetimes; i++) {
		sum = &report->lifetimes[i];
		if (__builtin_add_overflow(*sum, site->lifetimes[i], sum))
			*sum = UINT64_MAX;
	}
	if (site->n_lifetimes > report->n_lifetimes)
		report->n_lifetimes = site->n_lifetimes;
}

void report_sites_make(struct snap_in *in, struct report *report)
{
	const struct snap *snap = report->snap;
	size_t i;

	for (i = 0; i < REPORT_PATTERNS; i++)
		report->patterns[i].name = patterns[i];
	for (i = 0; i < snap->n_sites; i++) {
		add_pattern(report, &snap->sites[i]);
		add_lifetimes(report, &snap->sites[i]);
	}
	report->live = site_rank(snap, SITE_BY_LIVE);
	report->bytes = site_rank(snap, SITE_BY_BYTES);
	report->leaks = snap_in_make(in, snap->n_sites, sizeof(*report->leaks));
	if (!report->live || !report->bytes)
		in->failed = true; /* said */
	for (i = 0; i < snap->n_sites && !in->failed; i++)
		if (report->live[i]->leak.leaking)
			report->leaks[report->n_leaks++] = report->live[i];
}
