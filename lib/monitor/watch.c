// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The service manager's word.
 */
#define _GNU_SOURCE
#include "monitor/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WRITE_BYTES 4096u
#define DRAIN_MAX 64u /* reads; who sends for ever keeps nobody busy */

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

long tmem_base64_decode(const char *text, unsigned char *to, size_t size)
{
	uint32_t bits = 0;
	size_t used = 0, chars = 0, pads = 0;

	for (; *text; text++) {
		int digit = digit_of(*text);

		if (*text == '\n' || *text == ' ')
			continue;
		if (*text == '=') {
			pads++;
			continue;
		}
		if (digit < 0 || pads)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		if (chars++ % 4 == 0)
			continue;
		if (used == size)
			return -1;
		to[used++] =
			(unsigned char)(bits >> (6 - 2 * ((chars - 1) % 4)));
	}
	/* One digit alone is no byte; padding is to four, or left out. */
	if (chars % 4 == 1 || (pads && (chars + pads) % 4) || pads > 2)
		return -1;
	return (long)used;
}

static int socket_open(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/*
 * A FIFO is opened for writing, too, so that the last writer who goes does not
 * leave us an end of file for ever.
 */
static int file_open(const char *path, bool writes, bool fifo)
{
	const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, (writes || fifo ? O_RDWR : O_RDONLY) | flags);

	if (fd < 0 && errno == EACCES && !writes)
		fd = open(path, O_RDONLY | flags);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const unsigned char *bytes, size_t n, bool sock)
{
	ssize_t done = sock ? send(fd, bytes, n, MSG_NOSIGNAL) :
			      write(fd, bytes, n);

	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EIO;
}

static int watch_open(struct tmem_watch *watch, const char *path,
		      const unsigned char *bytes, size_t n)
{
	struct stat st;
	int fd, err;

	if (stat(path, &st))
		return -errno;
	if (S_ISSOCK(st.st_mode))
		fd = socket_open(path);
	else if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))
		fd = file_open(path, n, S_ISFIFO(st.st_mode));
	else
		fd = -EINVAL;
	if (fd < 0)
		return fd;
	/* What is written to a FIFO comes back to who holds both its ends. */
	err = n && !S_ISFIFO(st.st_mode) ?
		      write_all(fd, bytes, n, S_ISSOCK(st.st_mode)) :
		      0;
	if (err) {
		close(fd);
		return err;
	}
	tmem_fd_set(&watch->file, fd);
	watch->events = S_ISREG(st.st_mode) ? POLLPRI : POLLIN;
	return 0;
}

int tmem_watch_open(struct tmem_watch *watch, const char *path,
		    const char *base64)
{
	unsigned char bytes[WRITE_BYTES];
	long n;

	*watch = (struct tmem_watch){ .file = { .fd = -1 } };
	if (!path)
		return 0;
	if (!*path || !strcmp(path, "/dev/null")) {
		watch->off = true;
		return 0;
	}
	watch->asked = true;
	if (*path != '/')
		return -EINVAL;
	n = tmem_base64_decode(base64 ? base64 : "", bytes, sizeof(bytes));
	if (n < 0)
		return -EINVAL;
	return watch_open(watch, path, bytes, (size_t)n);
}

void tmem_watch_close(struct tmem_watch *watch)
{
	tmem_fd_close(&watch->file);
}

/* true: there was something.  *end: and nothing will come any more. */
static bool watch_drain(int fd, bool *end)
{
	char rubbish[256];
	unsigned int i;
	ssize_t n = 0;
	bool any = false;

	for (i = 0; i < DRAIN_MAX; i++) {
		n = read(fd, rubbish, sizeof(rubbish));
		if (n <= 0)
			break;
		any = true;
	}
	*end = !n || (n < 0 && errno != EAGAIN && errno != EINTR);
	return any;
}

bool tmem_watch_fired(struct tmem_watch *watch, short revents)
{
	bool fired = revents & watch->events, end;

	/* The number is nobody's, or already somebody else's. */
	if (revents && !tmem_fd_ours(&watch->file)) {
		watch->file.fd = -1;
		return false;
	}
	if (watch->events == POLLPRI) {
		/* Beside POLLERR it says that the group has gone, for ever. */
		fired = fired && !(revents & POLLERR);
		if (revents && !fired)
			tmem_watch_close(watch);
		return fired;
	}
	if (!revents)
		return false;
	fired = watch_drain(watch->file.fd, &end);
	if (end)
		tmem_watch_close(watch);
	return fired;
}
