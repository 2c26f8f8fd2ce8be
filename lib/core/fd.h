/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that the library keeps for long.
 *
 * They are the process's, and some programs close all they have: a number may
 * be another file's at any time.  So each is kept with the inode that it stood
 * for, and looked at before it is used.
 */
#ifndef TMEM_CORE_FD_H
#define TMEM_CORE_FD_H

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor and what it is; fd -1: none. */
struct tmem_fd {
	int fd;
	dev_t dev;
	ino_t ino;
};

/* Keep fd; -1 if there is none. */
void tmem_fd_set(struct tmem_fd *to, int fd);

bool tmem_fd_ours(const struct tmem_fd *fd);

/* Close it if it is ours still; it is none afterwards. */
void tmem_fd_close(struct tmem_fd *fd);

#endif /* TMEM_CORE_FD_H */
