/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines of tmemctl watch. */
#ifndef TMEMCTL_WATCH_LINE_H
#define TMEMCTL_WATCH_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/pressure.h>

/*
 * Each prints one line, as text or as a JSON object, and it is out when the
 * call returns.  False if it cannot be written.
 */

/* What the pressure is. */
bool line_now(bool json, const struct tmem_pressure_event *now);

/* The level changed. */
bool line_level(bool json, const struct tmem_pressure_event *event);

/* The trigger on that cgroup fired, or is gone with it. */
bool line_trigger(bool json, const struct tmem_event *event,
		  const char *cgroup);

/* So many changes of the level were not told. */
bool line_lost(bool json, uint64_t changes);

/* The module was removed.  Text: nothing, as that is a complaint. */
bool line_removed(bool json);

#endif /* TMEMCTL_WATCH_LINE_H */
