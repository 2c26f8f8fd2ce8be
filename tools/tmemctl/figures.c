// SPDX-License-Identifier: GPL-2.0-only
/*
 * figures - the arithmetic of a replay's report, the same for both forms.
 */
#include <stdlib.h>

#include "figures.h"
#include "say.h"

double figures_ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

double figures_ns_per_event(const struct report *report, unsigned int repeat)
{
	return figures_ratio(report->repeats[repeat].cost.ns,
			     report->trace->events);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double faults(const struct report *report, unsigned int repeat)
{
	return (double)report->repeats[repeat].cost.minor_faults;
}

static double median(const struct report *report,
		     double (*figure)(const struct report *, unsigned int))
{
	unsigned int n = report->config->repeats;
	double *sorted = calloc(n, sizeof(*sorted));
	unsigned int i;
	double middle;

	if (!sorted) {
		say("no memory for the report");
		exit(EXIT_FAILED);
	}
	for (i = 0; i < n; i++)
		sorted[i] = figure(report, i);
	qsort(sorted, n, sizeof(*sorted), compare);
	middle = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	free(sorted);
	return middle;
}

double figures_median_ns(const struct report *report)
{
	return median(report, figures_ns_per_event);
}

uint64_t figures_median_faults(const struct report *report)
{
	return (uint64_t)median(report, faults);
}

uint64_t figures_resident(const struct report *report, unsigned int repeat)
{
	uint64_t rss = report->repeats[repeat].peak.rss;

	return rss > report->rss_before ? rss - report->rss_before : 0;
}

const struct footprint *figures_peak(const struct report *report)
{
	return &report->repeats[report->config->repeats - 1].peak;
}

uint64_t figures_last_resident(const struct report *report)
{
	return figures_resident(report, report->config->repeats - 1);
}

double figures_internal(const struct report *report)
{
	const struct tmem_stats *stats = &figures_peak(report)->stats;

	return figures_ratio(stats->waste_bytes, stats->live_bytes);
}

double figures_external(const struct report *report)
{
	const struct tmem_stats *stats = &figures_peak(report)->stats;
	uint64_t idle = stats->spans_idle * TMEM_SPAN_BYTES;

	return figures_ratio(stats->free_bytes - idle, stats->held_bytes);
}

uint64_t figures_purged(const struct report *report)
{
	return report->stats.spans_purged * TMEM_SPAN_BYTES;
}
