/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/tmem, opened by whoever needs it: arenas, and the status page.
 */
#ifndef TMEM_ARENA_DEVICE_H
#define TMEM_ARENA_DEVICE_H

#include <linux/tmem.h>

/*
 * Open the device and agree on the ABI.  *query says what the module can do.
 * Returns a descriptor, close-on-exec, or -ENODEV, -EACCES, -EMFILE, -ENOMEM,
 * or -EPROTO: module and library do not fit, which a line to the log explains.
 */
int tmem_device_open(struct tmem_query *query);

#endif /* TMEM_ARENA_DEVICE_H */
