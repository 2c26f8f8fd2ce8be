// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers and inodes.
 */
#include "core/fd.h"

#include <sys/stat.h>
#include <unistd.h>

void tmem_fd_set(struct tmem_fd *to, int fd)
{
	struct stat file;

	*to = (struct tmem_fd){ .fd = -1 };
	if (fd < 0)
		return;
	if (fstat(fd, &file)) {
		close(fd);
		return;
	}
	*to = (struct tmem_fd){
		.fd = fd,
		.dev = file.st_dev,
		.ino = file.st_ino,
	};
}

bool tmem_fd_ours(const struct tmem_fd *fd)
{
	struct stat file;

	return fd->fd >= 0 && !fstat(fd->fd, &file) && file.st_dev == fd->dev &&
	       file.st_ino == fd->ino;
}

void tmem_fd_close(struct tmem_fd *fd)
{
	struct tmem_fd was = *fd;

	/* First, so that the child of a fork does not close it twice. */
	fd->fd = -1;
	if (tmem_fd_ours(&was))
		close(was.fd);
}
