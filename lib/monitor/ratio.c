// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One scale for all that can be short.
 *
 * The module, and the collector without it, call it medium when 5 % of the time
 * is lost to waiting for memory, high at 20 %, critical at 40 %; of memory in
 * use that is 50, 75 and 90 %.  So these are the same points on the scale, with
 * straight lines between them.
 */
#include "monitor/ratio.h"

#include <errno.h>

static const double level_from[] = { 0.0, 0.50, 0.75, 0.90, 1.0 };
static const uint32_t stall_from[] = { 0, 500, 2000, 4000, 10000 };

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
