/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor that wakes a thread of the library out of poll().
 *
 * Some programs close everything they have, ours too, and the number is another
 * file's then.  8 bytes in somebody's file are worse than a thread that wakes
 * late: so before it is written to, read or closed, it is looked at.
 */
#ifndef TMEM_CORE_WAKEFD_H
#define TMEM_CORE_WAKEFD_H

#include <stdbool.h>

/* An eventfd, or -1. */
int tmem_wakefd_make(void);

/* The number is that of an eventfd still.  -1 is none. */
bool tmem_wakefd_ours(int fd);

/* Who is about to poll it: another one is made if it is not ours any more. */
void tmem_wakefd_check(int *fd);

/* Who was woken by it: it says nothing until the next time. */
void tmem_wakefd_take(int fd);

/* Wake who polls it, if it is ours. */
void tmem_wakefd_wake(int fd);

/* Close it if it is ours. */
void tmem_wakefd_close(int fd);

#endif /* TMEM_CORE_WAKEFD_H */
