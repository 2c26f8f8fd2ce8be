/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a level, and a prediction, to what the collector is to do; and the ring
 * of what came of it.  Pure.
 */
#ifndef TMEM_MONITOR_REACT_H
#define TMEM_MONITOR_REACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/monitor.h>

#include "gc/level.h"

/* Levels with their hysteresis.  All zero at first. */
struct tmem_react {
	struct tmem_level_meter now, then; /* measured; predicted */
	enum tmem_level followed;
};

/*
 * The level, after hysteresis, goes into the sample.  Where no resource has a
 * figure there is none, and what was before is forgotten: LOW.
 */
void tmem_react_measure(struct tmem_react *react,
			struct tmem_monitor_sample *sample);

/*
 * Then: the level that the collector is to follow, the measured one, or, if a
 * worse one is predicted, one more.  (A prediction may be wrong: it does not
 * make an emergency of a calm machine.)
 */
enum tmem_level tmem_react_level(struct tmem_react *react,
				 const struct tmem_monitor_sample *sample,
				 bool predict);

/* The last TMEM_MONITOR_EVENTS.  Whoever owns it orders the calls. */
struct tmem_events {
	struct tmem_monitor_event ring[TMEM_MONITOR_EVENTS];
	uint64_t count; /* ever; the number of the last one */
};

/* Gives it its number, which is returned. */
uint64_t tmem_events_add(struct tmem_events *events,
			 const struct tmem_monitor_event *event);

/* Of that number, or NULL: it has gone from the ring. */
struct tmem_monitor_event *tmem_events_at(struct tmem_events *events,
					  uint64_t number);

/* The last max, oldest first; how many. */
size_t tmem_events_last(struct tmem_events *events,
			struct tmem_monitor_event *to, size_t max);

#endif /* TMEM_MONITOR_REACT_H */
