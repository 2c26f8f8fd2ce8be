/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the pressure half share among themselves: pressure.c,
 * pressure_sysfs.c, psi.c, events.c, status.c, netlink.c and chardev.c.
 */
#ifndef TMEM_PRESSURE_KMOD_H
#define TMEM_PRESSURE_KMOD_H

#include <linux/wait.h>
#include <linux/workqueue.h>

#include "tmem.h"

/* pressure.c */
extern struct workqueue_struct *tmem_pressure_wq;
extern struct tmem_level_settings tmem_pressure_settings; /* sysfs's */
extern struct mutex tmem_pressure_settings_lock;
void tmem_pressure_resample(void); /* and wait for it; may sleep */

/* pressure_sysfs.c: between these two, a change of the level is told there. */
void tmem_pressure_sysfs_added(struct device *device);
void tmem_pressure_sysfs_removing(void);
void tmem_pressure_sysfs_notify(void);

/**
 * struct tmem_watch - a file with a PSI trigger, watched
 * @filp: the file; its reference is the caller's
 * @work: queued whenever the trigger may have fired; asks tmem_watch_poll()
 *
 * The rest is psi.c's.
 */
struct tmem_watch {
	struct file *filp;
	struct work_struct work;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;
	poll_table table;
};
__poll_t tmem_watch_start(struct tmem_watch *watch, struct file *filp,
			  work_func_t func);
void tmem_watch_stop(struct tmem_watch *watch);
__poll_t tmem_watch_poll(const struct tmem_watch *watch);

/* psi.c */
bool tmem_psi_armed(void);

/* status.c */
void tmem_status_node(int nid, struct tmem_status_node *node);

#endif /* TMEM_PRESSURE_KMOD_H */
