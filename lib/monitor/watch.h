/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service manager's word: a client of systemd's memory pressure protocol
 * (systemd.io/MEMORY_PRESSURE).
 *
 * MEMORY_PRESSURE_WATCH names what to poll: a file of pressure stall
 * information (POLLPRI), or a FIFO or a stream socket (POLLIN, what comes in is
 * thrown away).  MEMORY_PRESSURE_WRITE, base64, is written to it first.
 * "/dev/null" asks not to watch any pressure, so then PSI is not waited for
 * either.
 */
#ifndef TMEM_MONITOR_WATCH_H
#define TMEM_MONITOR_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/fd.h"

/* From tmem_watch_open() to tmem_watch_close(). */
struct tmem_watch {
	struct tmem_fd file; /* poll() it for @events; -1: there is nothing */
	short events;
	bool off; /* the manager asks not to watch */
	bool asked; /* it names something; if file is none, it cannot be had */
};

/*
 * @path, @base64: the two variables, or NULL.
 * 0, also where there is nothing to watch; -EINVAL: they make no sense; or what
 * open(), connect() and write() say.
 */
int tmem_watch_open(struct tmem_watch *watch, const char *path,
		    const char *base64);
void tmem_watch_close(struct tmem_watch *watch);

/*
 * poll() said @revents.  true: there is pressure.  Who has hung up is closed,
 * and what is somebody else's by now is forgotten: file is none then.
 */
bool tmem_watch_fired(struct tmem_watch *watch, short revents);

/* Bytes, or -1: it is no base64, or there is more than fits.  Pure. */
long tmem_base64_decode(const char *text, unsigned char *to, size_t size);

#endif /* TMEM_MONITOR_WATCH_H */
