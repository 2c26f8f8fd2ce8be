/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From figures to one ratio, and from that to a level.  Pure.
 */
#ifndef TMEM_MONITOR_RATIO_H
#define TMEM_MONITOR_RATIO_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/monitor.h>

/* A ratio: a number from 0 to 1.  NaN and infinities are none. */
static inline bool tmem_ratio_valid(double ratio)
{
	return ratio >= 0.0 && ratio <= 1.0;
}

/* used / limit, at most 1.  Of a limit of 0 all is used. */
double tmem_ratio_of(uint64_t used, uint64_t limit);

/* A share of time stalled, hundredths of a percent, on the scale of ratios. */
double tmem_ratio_of_stall(uint32_t stall);

/* What a level begins at. */
double tmem_ratio_from(enum tmem_level level);

/* 0, or -EINVAL and no level: it is no ratio. */
int tmem_level_of(double ratio, enum tmem_level *level);

/*
 * Resource @resource has that ratio; what is none is an error of -EINVAL.
 */
void tmem_sample_put(struct tmem_monitor_sample *sample,
		     enum tmem_resource resource, double ratio);

/* It could not be had; err is negative. */
void tmem_sample_fail(struct tmem_monitor_sample *sample,
		      enum tmem_resource resource, int err);

/*
 * Sets ratio, limiting and level (without hysteresis).  false: no resource has
 * a figure; then they are 0, TMEM_RESOURCE_NONE and LOW.
 */
bool tmem_sample_judge(struct tmem_monitor_sample *sample);

#endif /* TMEM_MONITOR_RATIO_H */
