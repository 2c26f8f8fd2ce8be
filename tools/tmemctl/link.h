/* SPDX-License-Identifier: GPL-2.0-only */
/* The connection to the module's netlink family. */
#ifndef TMEMCTL_LINK_H
#define TMEMCTL_LINK_H

#include <tmem/pressure.h>

/*
 * link_open() - connect; to be given to tmem_netlink_close().  NULL if that
 * cannot be, and it was said why.
 */
struct tmem_netlink *link_open(void);

/* link_failed() - say that asking for @what failed, and what to do. */
void link_failed(const char *what, int error);

#endif /* TMEMCTL_LINK_H */
