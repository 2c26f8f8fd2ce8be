// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waking threads, where others may close our descriptors.
 */
#define _GNU_SOURCE
#include "core/wakefd.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int tmem_wakefd_make(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

bool tmem_wakefd_ours(int fd)
{
	char path[32], name[32];
	ssize_t n;

	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = '\0';
	/* Without /proc we cannot know. */
	return n < 0 ? errno == ENOENT && access("/proc/self/fd", F_OK) :
		       !strcmp(name, "anon_inode:[eventfd]");
}

void tmem_wakefd_check(int *fd)
{
	if (!tmem_wakefd_ours(*fd))
		*fd = tmem_wakefd_make();
}

void tmem_wakefd_take(int fd)
{
	uint64_t count;

	if (tmem_wakefd_ours(fd) && read(fd, &count, sizeof(count)) < 0)
		return; /* it was said twice, and heard at once */
}

void tmem_wakefd_wake(int fd)
{
	const uint64_t one = 1;

	if (!tmem_wakefd_ours(fd))
		return;
	if (write(fd, &one, sizeof(one)) < 0)
		return; /* full: it will wake up */
}

void tmem_wakefd_close(int fd)
{
	if (tmem_wakefd_ours(fd))
		close(fd);
}
