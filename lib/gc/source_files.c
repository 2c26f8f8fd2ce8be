// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The level from /proc/pressure/memory and /proc/meminfo.
 *
 * A PSI trigger wakes us when tasks begin to wait for memory.  Of memory in use
 * the kernel tells nobody, so that is looked at every so often; but only while
 * there is something to give back.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "gc/figures.h"
#include "gc/source.h"
#include "monitor/psi.h"

#define POLL_CALM_MS 2000u
#define POLL_TENSE_MS 250u

static void files_open(struct tmem_source *source)
{
	source->fd = tmem_psi_trigger(source->psi_path);
	tmem_fd_set(&source->opened, source->fd);
	source->events = POLLPRI;
	source->poll_ms = POLL_CALM_MS;
	source->stall = (struct tmem_psi_meter){ 0 };
	source->open = true;
}

static void files_deaf(struct tmem_source *source, bool gone)
{
	int fd = source->fd;

	/* First, so that the child of a fork does not close it twice. */
	source->fd = -1;
	if (fd >= 0 && !gone)
		close(fd);
}

static void files_close(struct tmem_source *source)
{
	files_deaf(source, false);
	source->open = false;
}

static void look_failed(struct tmem_source_look *look, int err)
{
	look->errors++;
	look->err = -err;
}

static void files_look(struct tmem_source *source, uint64_t now_ns, bool fired,
		       struct tmem_source_look *look)
{
	struct tmem_gc_use use = { 0 };
	struct tmem_psi_file psi;
	uint32_t stall = 0;
	int err;

	*look = (struct tmem_source_look){ .source = TMEM_GC_SOURCE_NONE };
	err = tmem_gc_use_read(source->meminfo_path, &use);
	if (err)
		look_failed(look, err);
	else
		look->source = TMEM_GC_SOURCE_MEMINFO;
	err = tmem_psi_read(source->psi_path, &psi);
	if (err)
		look_failed(look, err);
	else
		look->source = TMEM_GC_SOURCE_PSI;
	if (look->source == TMEM_GC_SOURCE_NONE) {
		/* No figure is no level, neither the last one nor a new one. */
		memset(&source->meter, 0, sizeof(source->meter));
		source->poll_ms = POLL_CALM_MS;
		return;
	}
	if (!err)
		stall = tmem_psi_meter_look(&source->stall, now_ns, &psi.some,
					    fired);
	look->level =
		tmem_gc_meter_look(&source->meter, now_ns, use.use, stall);
	source->poll_ms = look->level ? POLL_TENSE_MS : POLL_CALM_MS;
}

const struct tmem_source_ops tmem_source_files = {
	.open = files_open,
	.look = files_look,
	.deaf = files_deaf,
	.close = files_close,
};
