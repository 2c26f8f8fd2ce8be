/* SPDX-License-Identifier: GPL-2.0-only */
/* The arithmetic of a replay's report, the same for both forms. */
#ifndef TMEMCTL_FIGURES_H
#define TMEMCTL_FIGURES_H

#include "replay_report.h"

/* What a report says beyond the plain counters; ratios are 0 if undefined. */

double figures_ns_per_event(const struct report *report, unsigned int repeat);

/* Medians over the repeats. */
double figures_median_ns(const struct report *report);
uint64_t figures_median_faults(const struct report *report);

/* Growth of the process, at the peak of that repeat. */
uint64_t figures_resident(const struct report *report, unsigned int repeat);

/* Memory at the peak of the last repeat. */
const struct footprint *figures_peak(const struct report *report);
uint64_t figures_last_resident(const struct report *report);

double figures_ratio(uint64_t a, uint64_t b);

/*
 * At that moment: what live blocks have that was not asked for, of their
 * bytes; and what lies free in spans with live blocks, of the memory held.
 */
double figures_internal(const struct report *report);
double figures_external(const struct report *report);

uint64_t figures_purged(const struct report *report);

#endif /* TMEMCTL_FIGURES_H */
