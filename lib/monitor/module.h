/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel module says of the machine: over /dev/tmem, or, where that is
 * not there or may not be opened, over netlink.
 */
#ifndef TMEM_MONITOR_MODULE_H
#define TMEM_MONITOR_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/monitor.h>
#include <tmem/pressure.h>

#include "core/fd.h"

/* All zero: none.  From tmem_module_open() to tmem_module_close(). */
struct tmem_module {
	struct tmem_pressure *pressure;
	struct tmem_netlink *netlink;
	struct tmem_fd file; /* of the one that there is */
	struct tmem_pressure_event said; /* netlink's last word */
};

/* 0, -ENODEV, or why it is there and cannot be asked. */
int tmem_module_open(struct tmem_module *module);
void tmem_module_close(struct tmem_module *module);

/*
 * poll() it for POLLIN; -1: none.  Where the number is somebody else's by now
 * the handle is given up, not closed.
 */
int tmem_module_fd(struct tmem_module *module);

/* Take the events that are there.  When the last one was, or 0. */
uint64_t tmem_module_drain(struct tmem_module *module);

/* The ratio of what it says now, into the sample. */
void tmem_module_look(const struct tmem_module *module,
		      struct tmem_monitor_sample *sample);

/* Memory in use, time stalled, and its level, as one ratio.  Pure. */
double tmem_module_ratio(uint32_t level, uint32_t use, uint32_t stall);

#endif /* TMEM_MONITOR_MODULE_H */
