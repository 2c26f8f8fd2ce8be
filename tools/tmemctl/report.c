// SPDX-License-Identifier: GPL-2.0-only
/*
 * report - all that a snapshot says, put together once, so that the text, the
 * JSON and the page have the same figures.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

bool report_make(struct report *report, const struct snap *snap,
		 struct symbols *symbols, size_t top)
{
	struct snap_in in = { .name = "the snapshot" };

	memset(report, 0, sizeof(*report));
	report->snap = snap;
	report->symbols = symbols;
	report->top = top < snap->n_sites ? top : snap->n_sites;
	report_health_read(&in, report);
	if (!in.failed)
		report_heap_read(&in, report);
	if (!in.failed)
		report_time_make(&in, report);
	if (!in.failed)
		report_sites_make(&in, report);
	return !in.failed;
}

void report_free(struct report *report)
{
	free(report->health.terms);
	free(report->advice);
	free(report->heap.nodes);
	free(report->time.moments);
	free(report->time.at_ns);
	free(report->time.episodes);
	free(report->live);
	free(report->bytes);
	free(report->leaks);
}
