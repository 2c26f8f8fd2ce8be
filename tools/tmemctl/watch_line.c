// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch_line - the lines of tmemctl watch: columns for people, one JSON object
 * each for programs.
 *
 * They are read through pipes while they come, so each is flushed.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "clock.h"
#include "json.h"
#include "units.h"
#include "watch_line.h"
#include "when.h"

static bool flushed(void)
{
	return !fflush(stdout) && !ferror(stdout);
}

static struct json_object *object_at(const char *event, uint64_t time)
{
	struct json_object *object = json_object_make();

	json_put_text(object, "event", event);
	json_put_text(object, "time", when_iso(time).text);
	json_put_u64(object, "monotonic_ns", time);
	return object;
}

static bool print_pressure(const char *name, uint64_t time,
			   const struct tmem_pressure_event *event)
{
	struct json_object *object = object_at(name, time);

	json_put_text(object, "level", tmem_level_name(event->level));
	json_put_text(object, "previous", tmem_level_name(event->previous));
	json_put_u64(object, "changes", event->changes);
	json_put_bool(object, "psi", event->psi_on);
	json_put_number(object, "use_percent", event->use / 100.0);
	json_put_number(object, "stall_percent", event->stall / 100.0);
	json_put_u64(object, "available_bytes", event->available);
	return json_print_line(object);
}

static bool print_columns(uint64_t time, const char *what,
			  const struct tmem_pressure_event *event)
{
	printf("%s  %-18s  use %5.1f %%  stall %5.1f %%  available %s\n",
	       when_clock(time).text, what, event->use / 100.0,
	       event->stall / 100.0, units_bytes(event->available).text);
	return flushed();
}

bool line_now(bool json, const struct tmem_pressure_event *now)
{
	uint64_t time = clock_ns();

	if (json)
		return print_pressure("now", time, now);
	return print_columns(time, tmem_level_name(now->level), now);
}

bool line_level(bool json, const struct tmem_pressure_event *event)
{
	char what[32];

	if (json)
		return print_pressure("level", event->time, event);
	snprintf(what, sizeof(what), "%s -> %s",
		 tmem_level_name(event->previous),
		 tmem_level_name(event->level));
	return print_columns(event->time, what, event);
}

bool line_trigger(bool json, const struct tmem_event *event, const char *cgroup)
{
	bool gone = event->type == TMEM_EVENT_TRIGGER_GONE;
	struct json_object *object;
	char what[48];

	if (json) {
		object = object_at(gone ? "trigger_gone" : "trigger",
				   event->time);
		json_put_text(object, "cgroup", cgroup);
		json_put_u64(object, "count", event->count);
		json_put_text(object, "level", tmem_level_name(event->level));
		return json_print_line(object);
	}
	if (gone)
		snprintf(what, sizeof(what), "trigger is gone");
	else if (event->count > 1)
		snprintf(what, sizeof(what), "trigger, %s times",
			 units_count(event->count).text);
	else
		snprintf(what, sizeof(what), "trigger");
	printf("%s  %-18s  %s\n", when_clock(event->time).text, what, cgroup);
	return flushed();
}

bool line_lost(bool json, uint64_t changes)
{
	struct json_object *object;
	uint64_t time = clock_ns();

	if (json) {
		object = object_at("lost", time);
		json_put_u64(object, "count", changes);
		return json_print_line(object);
	}
	printf("%s  %s changes lost: they came faster than they were read\n",
	       when_clock(time).text, units_count(changes).text);
	return flushed();
}

bool line_removed(bool json)
{
	return !json || json_print_line(object_at("removed", clock_ns()));
}
