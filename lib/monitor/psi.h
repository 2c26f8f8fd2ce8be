/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long tasks wait for memory: a file of the kernel's pressure stall
 * information, /proc/pressure/memory or a cgroup's memory.pressure.
 */
#ifndef TMEM_MONITOR_PSI_H
#define TMEM_MONITOR_PSI_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/tmem.h> /* struct tmem_psi */

/* @full is all 0 where a kernel has none (before 5.13, a line less). */
struct tmem_psi_file {
	struct tmem_psi some, full;
};

/* From the file's text.  0 or -EINVAL.  Pure. */
int tmem_psi_parse(const char *text, struct tmem_psi_file *psi);

/* From the file.  0, -EINVAL or what open() and read() say. */
int tmem_psi_read(const char *path, struct tmem_psi_file *psi);

/*
 * A descriptor to poll() for POLLPRI: tasks have waited for 5 % of a second.
 * Without privileges for 5 % of two, which is all that Linux 6.x allows then;
 * -1 where it allows nothing.
 */
int tmem_psi_trigger(const char *path);

/* The share of time that was stalled, from one look to the next; avg10 lags. */
struct tmem_psi_meter {
	uint64_t since_ns, total_us;
	uint32_t share;
};

/*
 * Hundredths of a percent: the larger of avg10 and the share since the look
 * before, which must be 100 ms ago to count.  meter is all zero at first; a
 * clock or a total that went back starts it anew.  Pure.
 * @fired: the trigger has just said that 5 % are reached
 */
uint32_t tmem_psi_meter_look(struct tmem_psi_meter *meter, uint64_t now_ns,
			     const struct tmem_psi *some, bool fired);

#endif /* TMEM_MONITOR_PSI_H */
