// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The level from the module: it measures, wakes us at every change, and the
 * look is one load.
 */
#include "gc/source.h"

#include <poll.h>
#include <stddef.h>

static void real_open(struct tmem_source *source)
{
	if (tmem_pressure_open(&source->pressure)) {
		source->pressure = NULL;
		tmem_source_files.open(source);
		return;
	}
	source->fd = tmem_pressure_fd(source->pressure);
	tmem_fd_set(&source->opened, source->fd);
	source->events = POLLIN;
	source->poll_ms = 0;
	source->open = true;
}

static void real_look(struct tmem_source *source, uint64_t now_ns, bool fired,
		      struct tmem_source_look *look)
{
	struct tmem_event event;
	uint32_t level;

	if (!source->pressure) {
		tmem_source_files.look(source, now_ns, fired, look);
		return;
	}
	*look = (struct tmem_source_look){ .source = TMEM_GC_SOURCE_MODULE };
	/* What is not read wakes us again. */
	while (tmem_pressure_wait(source->pressure, 0, &event) == 1)
		if (event.type == TMEM_EVENT_LEVEL)
			look->event_ns = event.time;
	level = tmem_pressure_level(source->pressure);
	/* A newer module may know worse ones. */
	look->level = level > TMEM_LEVEL_CRITICAL ? TMEM_LEVEL_CRITICAL :
						    (enum tmem_level)level;
}

/* The files can do what the module cannot any more. */
static void real_deaf(struct tmem_source *source, bool gone)
{
	struct tmem_pressure *pressure = source->pressure;

	if (!pressure) {
		tmem_source_files.deaf(source, gone);
		return;
	}
	source->pressure = NULL;
	source->fd = -1;
	/* To close the handle would close the number. */
	if (!gone)
		tmem_pressure_close(pressure);
	tmem_source_files.open(source);
}

static void real_close(struct tmem_source *source)
{
	struct tmem_pressure *pressure = source->pressure;

	if (!pressure) {
		tmem_source_files.close(source);
		return;
	}
	source->pressure = NULL;
	source->fd = -1;
	source->open = false;
	tmem_pressure_close(pressure);
}

const struct tmem_source_ops tmem_source_real = {
	.open = real_open,
	.look = real_look,
	.deaf = real_deaf,
	.close = real_close,
};
