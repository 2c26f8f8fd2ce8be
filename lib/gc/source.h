/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the pressure level comes from: the module, or the kernel's files.
 * Whoever owns it orders the calls.
 */
#ifndef TMEM_GC_SOURCE_H
#define TMEM_GC_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/gc.h>
#include <tmem/pressure.h>

#include "core/fd.h"
#include "gc/level.h"
#include "monitor/psi.h"

/* What a look found. */
struct tmem_source_look {
	enum tmem_level level;
	enum tmem_gc_source source;
	uint64_t event_ns; /* when it changed, if the module says so; else 0 */
	unsigned int errors; /* figures that could not be read */
	int err; /* of the last of these, positive */
};

/*
 * From tmem_source_open() to tmem_source_close().
 * @fd:      poll() it for @events: the level may have become worse; -1: none
 * @poll_ms: look after that time at the latest; 0: @fd says all there is
 */
struct tmem_source {
	int fd;
	short events;
	uint32_t poll_ms;
	const char *psi_path, *meminfo_path; /* set before opening */
	/* The rest is the source's own. */
	struct tmem_fd opened; /* what fd was at first; other numbers: unknown */
	struct tmem_pressure *pressure;
	struct tmem_level_meter meter;
	struct tmem_psi_meter stall;
	bool open;
};

struct tmem_source_ops {
	void (*open)(struct tmem_source *source);
	/* @fired: poll() said that there is something at fd. */
	void (*look)(struct tmem_source *source, uint64_t now_ns, bool fired,
		     struct tmem_source_look *look);
	/*
	 * fd is of no use any more: the look must do without.  @gone: somebody
	 * has closed it, and its number may be anybody's by now.
	 */
	void (*deaf)(struct tmem_source *source, bool gone);
	void (*close)(struct tmem_source *source);
};

/* Somebody has closed fd, and its number is another file's, or none. */
static inline bool tmem_source_lost(const struct tmem_source *source)
{
	return source->fd >= 0 && source->opened.fd == source->fd &&
	       !tmem_fd_ours(&source->opened);
}

/* The module if it is there, the files if not. */
extern const struct tmem_source_ops tmem_source_real;

/* The files alone; tests name their own in psi_path and meminfo_path. */
extern const struct tmem_source_ops tmem_source_files;

#endif /* TMEM_GC_SOURCE_H */
