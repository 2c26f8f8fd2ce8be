// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One scale for all that can be short.
 *
 * A level begins at one share of memory in use and at one of time stalled
 * (tmem_level.h).  So these are the same point on the scale, with straight
 * lines between the points.
 */
#include "monitor/ratio.h"

#include <errno.h>

#include "tmem_level.h"

static const double level_from[] = {
	0.0,
	TMEM_USE_MEDIUM / 100.0,
	TMEM_USE_HIGH / 100.0,
	TMEM_USE_CRITICAL / 100.0,
	1.0,
};
static const uint32_t stall_from[] = {
	0,
	TMEM_STALL_MEDIUM * 100,
	TMEM_STALL_HIGH * 100,
	TMEM_STALL_CRITICAL * 100,
	10000,
};

double tmem_ratio_of(uint64_t used, uint64_t limit)
{
	return used >= limit ? 1.0 : (double)used / (double)limit;
}

double tmem_ratio_of_stall(uint32_t stall)
{
	unsigned int i = 1;

	if (stall >= stall_from[4])
		return 1.0;
	while (stall >= stall_from[i])
		i++;
	return level_from[i - 1] + (level_from[i] - level_from[i - 1]) *
					   (stall - stall_from[i - 1]) /
					   (stall_from[i] - stall_from[i - 1]);
}

double tmem_ratio_from(enum tmem_level level)
{
	return level_from[level];
}

int tmem_level_of(double ratio, enum tmem_level *level)
{
	unsigned int i = TMEM_LEVEL_CRITICAL;

	if (!tmem_ratio_valid(ratio))
		return -EINVAL;
	while (ratio < level_from[i])
		i--;
	*level = (enum tmem_level)i;
	return 0;
}

void tmem_sample_fail(struct tmem_monitor_sample *sample,
		      enum tmem_resource resource, int err)
{
	sample->errors |= 1u << resource;
	sample->error = (uint32_t)-err;
}

void tmem_sample_put(struct tmem_monitor_sample *sample,
		     enum tmem_resource resource, double ratio)
{
	if (!tmem_ratio_valid(ratio)) {
		tmem_sample_fail(sample, resource, -EINVAL);
		return;
	}
	sample->ratios[resource] = ratio;
	sample->have |= 1u << resource;
}

bool tmem_sample_judge(struct tmem_monitor_sample *sample)
{
	enum tmem_level level = TMEM_LEVEL_LOW;
	uint32_t i;

	sample->ratio = 0.0;
	sample->limiting = TMEM_RESOURCE_NONE;
	for (i = 0; i < TMEM_RESOURCES; i++) {
		if (!(sample->have >> i & 1))
			continue;
		if (sample->limiting != TMEM_RESOURCE_NONE &&
		    sample->ratios[i] <= sample->ratio)
			continue;
		sample->ratio = sample->ratios[i];
		sample->limiting = i;
	}
	if (tmem_level_of(sample->ratio, &level))
		sample->limiting = TMEM_RESOURCE_NONE;
	sample->level = level;
	sample->predicted = sample->ratio;
	return sample->limiting != TMEM_RESOURCE_NONE;
}
