/* SPDX-License-Identifier: GPL-2.0-only */
/* A trigger of tmemctl's own on the memory pressure of a cgroup. */
#ifndef TMEMCTL_WATCH_TRIGGER_H
#define TMEMCTL_WATCH_TRIGGER_H

#include <tmem/pressure.h>

/*
 * trigger_open() - have the cgroup in folder @cgroup watched, through
 * /dev/tmem, as @trigger says.  To be given to tmem_pressure_close().  NULL if
 * that cannot be, and it was said why.
 */
struct tmem_pressure *trigger_open(const char *cgroup, const char *trigger);

#endif /* TMEMCTL_WATCH_TRIGGER_H */
