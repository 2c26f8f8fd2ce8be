// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What follows from a sample.
 */
#include "monitor/react.h"

#include "monitor/ratio.h"

/* The meter counts in hundredths of a percent; 0.9 is 9000, not a hair less. */
static uint32_t meter_use(double ratio)
{
	return (uint32_t)(ratio * 10000.0 + 1e-6);
}

void tmem_react_measure(struct tmem_react *react,
			struct tmem_monitor_sample *sample)
{
	sample->level = TMEM_LEVEL_LOW;
	if (sample->limiting == TMEM_RESOURCE_NONE)
		react->now = react->then = (struct tmem_level_meter){ 0 };
	else
		sample->level = tmem_gc_meter_look(&react->now, sample->time_ns,
						   meter_use(sample->ratio), 0);
}

enum tmem_level tmem_react_level(struct tmem_react *react,
				 const struct tmem_monitor_sample *sample,
				 bool predict)
{
	enum tmem_level level = (enum tmem_level)sample->level, then;
	double ratio = predict ? sample->predicted : sample->ratio;

	if (sample->limiting == TMEM_RESOURCE_NONE)
		return TMEM_LEVEL_LOW;
	then = tmem_gc_meter_look(&react->then, sample->time_ns,
				  meter_use(ratio), 0);
	return predict && then > level ? (enum tmem_level)(level + 1) : level;
}

uint64_t tmem_events_add(struct tmem_events *events,
			 const struct tmem_monitor_event *event)
{
	struct tmem_monitor_event *at =
		&events->ring[events->count % TMEM_MONITOR_EVENTS];

	*at = *event;
	at->number = ++events->count;
	return at->number;
}

struct tmem_monitor_event *tmem_events_at(struct tmem_events *events,
					  uint64_t number)
{
	struct tmem_monitor_event *at;

	if (!number || number > events->count)
		return NULL;
	at = &events->ring[(number - 1) % TMEM_MONITOR_EVENTS];
	return at->number == number ? at : NULL;
}

size_t tmem_events_last(struct tmem_events *events,
			struct tmem_monitor_event *to, size_t max)
{
	uint64_t have = events->count < TMEM_MONITOR_EVENTS ?
				events->count :
				TMEM_MONITOR_EVENTS;
	size_t n = have < max ? (size_t)have : max, i;

	for (i = 0; i < n; i++)
		to[i] = *tmem_events_at(events, events->count - n + 1 + i);
	return n;
}
