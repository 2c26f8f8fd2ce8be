// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a program may ask of the monitor.
 */
#include <errno.h>

#include "core/settings.h"
#include "monitor/monitor.h"
#include "monitor/ratio.h"

#define MS_MIN 10u
#define MS_MAX 3600000u
#define HISTORY_MIN 1000u
#define HISTORY_MAX (1u << 20)

/* 0 is the default; false if it is out of range. */
static bool number_make(uint32_t *number, uint32_t standard, uint32_t min,
			uint32_t max)
{
	if (!*number)
		*number = standard;
	return *number >= min && *number <= max;
}

int tmem_monitor_config_make(struct tmem_monitor_config *to,
			     const struct tmem_monitor_config *from)
{
	struct tmem_monitor_config c = TMEM_MONITOR_CONFIG_INIT;

	if (from && !tmem_struct_get(&c, sizeof(c), from))
		return -EINVAL;
	if (!number_make(&c.interval_ms, 2000, MS_MIN, MS_MAX) ||
	    !number_make(&c.tense_ms, c.interval_ms < 250 ? c.interval_ms : 250,
			 MS_MIN, c.interval_ms) ||
	    !number_make(&c.history, 1024, HISTORY_MIN, HISTORY_MAX) ||
	    !number_make(&c.window, 20, TMEM_TREND_FEW, TMEM_TREND_MOST) ||
	    !number_make(&c.horizon_ms, 10000, MS_MIN, MS_MAX) ||
	    !number_make(&c.manager_level, TMEM_LEVEL_HIGH, TMEM_LEVEL_MEDIUM,
			 TMEM_LEVEL_CRITICAL))
		return -EINVAL;
	if (c.confidence == 0.0)
		c.confidence = 0.7;
	if (!tmem_ratio_valid(c.confidence) || c.react_off > 1 ||
	    c.predict_off > 1 || c.reserved)
		return -EINVAL;
	c.struct_size = sizeof(c);
	*to = c;
	return 0;
}
