// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The listening socket: its name, and who may use it.
 *
 * A name in the abstract namespace leaves no file behind and is gone with the
 * process.  Anybody may take or connect to any such name, so a name proves
 * nothing: each side asks the kernel who the other is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/server.h"

#define BACKLOG 64
/* A stranger may sit on the first; all containers of a host have a process 1. */
#define NAMES 256

/* The leading zero byte is not printed, the name not ended by one. */
static socklen_t address_make(struct sockaddr_un *address, const char *name)
{
	size_t length = strlen(name);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static int socket_make(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int name_take(int fd, char *name)
{
	struct sockaddr_un address;
	unsigned int i;
	int n;

	for (i = 0; i < NAMES; i++) {
		n = snprintf(name, TMEM_CONTROL_NAME_MAX, "tmem/%d",
			     (int)getpid());
		if (i)
			snprintf(name + n, TMEM_CONTROL_NAME_MAX - (size_t)n,
				 ".%u", i);
		if (!bind(fd, (struct sockaddr *)&address,
			  address_make(&address, name)))
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	return -errno;
}

int tmem_control_listen(struct tmem_fd *listener, char *name)
{
	int fd = socket_make(), err;

	if (fd < 0)
		return -errno;
	err = name_take(fd, name);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	tmem_fd_set(listener, fd);
	return listener->fd < 0 ? -EBADF : 0;
}

void tmem_control_knock(const char *name)
{
	struct sockaddr_un address;
	socklen_t length = address_make(&address, name);
	int fd = socket_make();

	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, length))
		errno = 0; /* the queue is full: poll() returns, too */
	close(fd);
}

/* One word or line of a file; "" if it cannot be read. */
static void file_word(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/*
 * In a user namespace all users that it does not know have one number, mostly
 * nobody's: being the same as theirs means nothing.
 */
static bool uid_ambiguous(uid_t uid)
{
	char text[64];
	unsigned int first, outside, count;

	file_word("/proc/sys/kernel/overflowuid", text, sizeof(text));
	if (uid != (*text ? (uid_t)strtoul(text, NULL, 10) : 65534))
		return false;
	file_word("/proc/self/uid_map", text, sizeof(text));
	return sscanf(text, "%u %u %u", &first, &outside, &count) != 3 ||
	       first || outside || count != UINT32_MAX;
}

/*
 * Where the kernel lets nobody but root look into the process (a program that
 * changed its user, or said so), neither do we.
 */
static bool process_is_open(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
}

bool tmem_control_trusts(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    size != sizeof(peer))
		return false;
	if (!peer.uid)
		return true;
	return peer.uid == geteuid() && process_is_open() &&
	       !uid_ambiguous(peer.uid);
}
