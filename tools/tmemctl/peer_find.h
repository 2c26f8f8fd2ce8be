/* SPDX-License-Identifier: GPL-2.0-only */
/* Which processes listen, and on which socket. */
#ifndef TMEMCTL_PEER_FIND_H
#define TMEMCTL_PEER_FIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longer than any socket's name. */
#define PEER_NAME 108

/*
 * peer_find() - a socket that is connected to that process, of this user or of
 * root.  The name of the socket says little, as anybody may take it: the
 * kernel's word on who listens counts.
 * Returns the descriptor, which does not block; or -errno, and why as a sentence
 * in @why.  Where the queue of the socket is full it is tried until @end_ns.
 */
int peer_find(pid_t pid, uint64_t end_ns, char *why, size_t size);

/*
 * peer_list() - call @each for each process that listens, is this user's (for
 * root: anybody's), and in this network namespace.  Returns 0 or -errno.
 */
int peer_list(void (*each)(pid_t pid, uid_t uid, void *arg), void *arg);

#endif /* TMEMCTL_PEER_FIND_H */
