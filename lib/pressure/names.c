// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Levels as words, the same that sysfs has.
 */
#include <tmem/pressure.h>

const char *tmem_level_name(enum tmem_level level)
{
	switch (level) {
	case TMEM_LEVEL_LOW:
		return "low";
	case TMEM_LEVEL_MEDIUM:
		return "medium";
	case TMEM_LEVEL_HIGH:
		return "high";
	case TMEM_LEVEL_CRITICAL:
		return "critical";
	}
	return "?"; /* a newer module may know more */
}
