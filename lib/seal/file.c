// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which kind of file a store has.
 */
#include "seal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int tmem_file_create(struct tmem_file *file, const char *name)
{
	file->fd = -1;
	return file->ops->create(file, name);
}

int tmem_file_open(struct tmem_file *file, int fd)
{
	static const struct tmem_file_ops *const all[] = {
		&tmem_file_memfd,
		&tmem_file_dev,
	};
	int flags = fcntl(fd, F_GETFL);
	unsigned int i;

	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0)
		return -errno;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		file->ops = all[i];
		if (!file->ops->adopt(file))
			return 0;
	}
	close(file->fd);
	return -EINVAL;
}

void tmem_file_close(struct tmem_file *file)
{
	file->ops->close(file);
}
