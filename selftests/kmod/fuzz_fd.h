/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's operations on descriptors: the device's, arenas', and those of
 * every other kind, which are offered to the module as triggers and meet
 * arenas in splice, sendfile and messages.
 */
#ifndef FUZZ_FD_H
#define FUZZ_FD_H

#include "fuzz_mm.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <linux/io_uring.h>

/* --- opening -------------------------------------------------------------- */

static int fz_open_trigger(struct fz_thread *t, const char *path)
{
	static const char *const text[] = { "some 100000 2000000",
					    "some 1000 2000000",
					    "full 500000 1000000",
					    "some 1 500000", "junk" };
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	const char *what = text[fz_below(t, 5)];

	if (fd >= 0 && fz_one_in(t, 8))
		return fd;
	if (fd >= 0 && write(fd, what, strlen(what) + 1) < 0) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/*
 * No triggers in "sub", which others remove meanwhile: Linux 6.1.192 frees the
 * file's state while pressure_write() has let go of the lock to make a worker,
 * and complains ("psi: trigger leak").  That is not ours to find each time.
 */
static int fz_open_cgroup(struct fz_thread *t)
{
	static const char *const file[] = { "memory.pressure", "io.pressure",
					    "cgroup.procs", "memory.events",
					    "memory.stat" };
	uint64_t r = fz_draw(t);
	const char *name = file[(r >> 16) % 3 ? 0 : (r >> 24) % 5];
	bool trigger = strstr(name, ".pressure");
	char path[128];

	if (r % 4 == 0 || !t->p->cgroup[0])
		return fz_open_trigger(t, KT_CGROUP_ROOT "/memory.pressure");
	snprintf(path, sizeof(path), "%s/%s%s", t->p->cgroup,
		 trigger || (r >> 8) % 3 ? "" : "sub/", name);
	if (trigger)
		return fz_open_trigger(t, path);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static int fz_open_path(struct fz_thread *t)
{
	static const char *const path[] = {
		"/proc/pressure/memory",
		"/proc/self/maps",
		"/dev/zero",
		"/dev/null",
		"/dev/ram0",
		"/tmp",
		"/proc/self/mem",
		"/dev/tmem",
		"/proc/pressure/io",
	};
	static const int flag[] = { O_RDONLY, O_RDWR,
				    O_WRONLY, O_RDWR | O_DIRECT,
				    O_PATH,   O_RDONLY | O_DIRECTORY };

	return open(path[fz_below(t, sizeof(path) / sizeof(*path))],
		    flag[fz_below(t, 6)] | O_NONBLOCK | O_CLOEXEC);
}

static int fz_open_pair(struct fz_thread *t)
{
	int fd[2], ret;

	ret = fz_one_in(t, 2) ?
		      pipe2(fd, O_NONBLOCK | O_CLOEXEC) :
		      socketpair(AF_UNIX,
				 (fz_one_in(t, 2) ? SOCK_STREAM : SOCK_DGRAM) |
					 SOCK_NONBLOCK | SOCK_CLOEXEC,
				 0, fd);
	if (ret)
		return -1;
	fz_keep_fd(t, fd[1]);
	return fd[0];
}

/* A descriptor again, through the link that /proc has of it. */
static int fz_open_again(struct fz_thread *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fz_fd(t));
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static long fz_open_other(struct fz_thread *t)
{
	sigset_t none;

	sigemptyset(&none);
	switch (fz_below(t, 16)) {
	case 0:
	case 1:
	case 2:
		return fz_keep_fd(t, fz_open_pair(t));
	case 3:
		return fz_keep_fd(t, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
	case 4:
		return fz_keep_fd(t, epoll_create1(EPOLL_CLOEXEC));
	case 5:
		return fz_keep_fd(t, timerfd_create(CLOCK_MONOTONIC,
						    TFD_NONBLOCK));
	case 6:
		return fz_keep_fd(t, signalfd(-1, &none, SFD_NONBLOCK));
	case 7:
		return fz_keep_fd(t, (int)syscall(SYS_memfd_create, "fuzz", 1));
	case 8:
		return fz_keep_fd(t, (int)syscall(SYS_pidfd_open, getpid(), 0));
	case 9:
		return fz_keep_fd(t, open("/tmp", O_TMPFILE | O_RDWR, 0600));
	case 10:
	case 11:
		return fz_keep_fd(t, fz_open_cgroup(t));
	case 12:
		return fz_keep_fd(t,
				  fz_open_trigger(t, "/proc/pressure/memory"));
	case 13:
		return fz_keep_fd(t, fz_open_again(t));
	default:
		return fz_keep_fd(t, fz_open_path(t));
	}
}

/* The device anew: the descriptor before goes, with all its triggers. */
static long fz_open_device(struct fz_thread *t)
{
	int fd = open(KT_DEVICE,
		      O_RDWR | O_CLOEXEC | (fz_one_in(t, 2) ? O_NONBLOCK : 0));

	if (fd < 0)
		return -errno;
	fz_put_fd(t, (unsigned int)fz_below(t, 2), fd);
	return 0;
}

static long fz_close(struct fz_thread *t)
{
	fz_put_fd(t, FZ_OTHER + (unsigned int)fz_below(t, FZ_FDS - FZ_OTHER),
		  -1);
	return 0;
}

/* --- what can be done to one ---------------------------------------------- */

/*
 * To or from the scratch area or the ground.  The largest number of bytes is
 * kept small: pipes and files of ours are memory too.
 */
static long fz_read_write(struct fz_thread *t)
{
	uint64_t r = fz_draw(t), what = fz_draw(t) % 5;
	size_t len, most = (r >> 8) % 8 ? 4096 : 1 << 20;
	unsigned char *at = fz_ground(t, &len);
	off_t offset = (off_t)((r >> 32) % 512 * KT_PAGE);
	int fd = fz_fd(t);

	if (r % 2)
		at = t->scratch, len = FZ_SCRATCH;
	len = len < most ? len : most;
	if (r % 16 == 4)
		len = (r >> 40) % 64;
	if (r % 64 == 5)
		offset = (off_t)fz_wild(t);
	switch (what) {
	case 0:
	case 1:
		return fz_result(read(fd, at, len));
	case 2:
		return fz_result(pread(fd, at, len, offset));
	case 3:
		return fz_result(pwrite(fd, at, len, offset));
	default:
		return fz_result(write(fd, at, len));
	}
}

static long fz_poll(struct fz_thread *t)
{
	struct pollfd p[3];
	struct epoll_event ev = { .events = (uint32_t)fz_draw(t) };
	int ep;

	for (int i = 0; i < 3; i++)
		p[i] = (struct pollfd){ .fd = fz_fd(t),
					.events = (short)fz_draw(t) };
	if (fz_one_in(t, 2))
		return fz_result(poll(p, 3, (int)fz_below(t, 20)));
	ep = fz_fd(t);
	epoll_wait(ep, &ev, 1, 0);
	return fz_result(epoll_ctl(ep, 1 + (int)fz_below(t, 3), fz_fd(t), &ev));
}

static long fz_control(struct fz_thread *t)
{
	static const int cmd[] = { F_GETFD,	 F_SETFD,     F_GETFL,
				   F_SETFL,	 F_SETOWN,    F_GETOWN,
				   F_SETLK,	 F_SETLEASE,  F_GETLEASE,
				   F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS,
				   F_NOTIFY };
	uint64_t r = fz_draw(t);
	struct flock lock = { .l_type = (short)((r >> 8) % 3) };
	int what = cmd[r % (sizeof(cmd) / sizeof(*cmd))];
	int flag = (int)(r >> 32) &
		   (O_NONBLOCK | O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME);

	switch (what) {
	case F_SETLK:
		return fz_result(fcntl(fz_fd(t), what, &lock));
	case F_SETOWN:
		return fz_result(fcntl(fz_fd(t), what, getpid()));
	case F_SETFL:
		return fz_result(fcntl(fz_fd(t), what, flag));
	default:
		return fz_result(
			fcntl(fz_fd(t), what, (int)((r >> 16) % 65536)));
	}
}

static long fz_dup(struct fz_thread *t)
{
	return fz_keep_fd(t, fcntl(fz_fd(t), F_DUPFD_CLOEXEC, 3));
}

static long fz_size(struct fz_thread *t)
{
	uint64_t r = fz_draw(t);
	off_t at = (off_t)((r >> 8) % 16 * KT_PAGE);
	off_t len = (off_t)((r >> 16) % 512 * KT_PAGE);
	int fd = fz_fd(t);
	struct stat st;

	if (r >> 60 == 0)
		len = (off_t)fz_wild(t);
	switch (r % 8) {
	case 0:
	case 1:
		return fz_result(ftruncate(fd, len));
	case 2:
	case 3:
		return fz_result(fallocate(fd, (int)(r >> 32) & 0x7f, at, len));
	case 4:
		return fz_result(fsync(fd));
	case 5:
		return fz_result(lseek(fd, len, (int)(r >> 32) % 6));
	case 6:
		return posix_fadvise(fd, at, len, (int)(r >> 32) % 6);
	default:
		return fz_result(fstat(fd, &st) ? -1 :
						  flock(fd, LOCK_SH | LOCK_NB));
	}
}

/* From one to another, without a copy where the kernel can. */
static long fz_splice(struct fz_thread *t)
{
	size_t len, most = 65536;
	struct iovec v = { fz_ground(t, &len), 0 };
	off_t from = (off_t)(fz_below(t, 8) * KT_PAGE);
	int a = fz_fd(t), b = fz_fd(t);
	uint64_t how = fz_below(t, 4);

	if (how == 0)
		a = t->p->fd[FZ_PIPE];
	else if (how < 3)
		b = t->p->fd[FZ_PIPE + 1];
	v.iov_len = len < most ? len : most;
	switch (fz_below(t, 6)) {
	case 0:
		return fz_result(
			splice(a, NULL, b, NULL, most, SPLICE_F_NONBLOCK));
	case 1:
		return fz_result(
			splice(a, &from, b, NULL, most, SPLICE_F_NONBLOCK));
	case 2:
		return fz_result(tee(a, b, most, SPLICE_F_NONBLOCK));
	case 3:
		return fz_result(sendfile(a, b, &from, most));
	case 4:
		return fz_result(copy_file_range(a, &from, b, NULL, most, 0));
	default:
		return fz_result(vmsplice(
			how < 3 ? b : a, &v, 1,
			SPLICE_F_NONBLOCK | (unsigned int)fz_below(t, 16)));
	}
}

/* --- to other processes --------------------------------------------------- */

union fz_control {
	struct cmsghdr head;
	char room[CMSG_SPACE(4 * sizeof(int))];
};

static long fz_send(struct fz_thread *t)
{
	union fz_control c = { 0 };
	struct iovec v = { t->scratch, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	int fd[4];

	for (int i = 0; i < 4; i++)
		fd[i] = i ? fz_fd(t) : fz_arena_fd(fz_arena(t));
	m.msg_controllen = CMSG_SPACE((1 + fz_below(t, 4)) * sizeof(int));
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = m.msg_controllen - CMSG_SPACE(0) + CMSG_LEN(0);
	memcpy(CMSG_DATA(&c.head), fd, sizeof(fd));
	return fz_result(sendmsg(fz_one_in(t, 2) ? t->p->mail[0] : fz_fd(t), &m,
				 MSG_DONTWAIT | MSG_NOSIGNAL));
}

static long fz_receive(struct fz_thread *t)
{
	union fz_control c = { 0 };
	struct iovec v = { t->scratch, FZ_SCRATCH };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	long ret = fz_result(recvmsg(fz_one_in(t, 2) ? t->p->mail[1] : fz_fd(t),
				     &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	struct cmsghdr *h = ret < 0 ? NULL : CMSG_FIRSTHDR(&m);
	int fd[4];
	size_t n;

	if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_level != SOL_SOCKET)
		return ret;
	n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fd, CMSG_DATA(h), n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		fz_keep_fd(t, fd[i]);
	return ret;
}

/* A pin that stays: an arena's pages as fixed buffers of io_uring. */
static long fz_pin(struct fz_thread *t)
{
	struct io_uring_params params = { 0 };
	size_t len;
	struct iovec v = { fz_ground(t, &len), 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 1U, &params);
	long ret;

	if (fd < 0)
		return -errno;
	v.iov_len = len < KT_SPAN ? len : KT_SPAN;
	ret = fz_result(syscall(SYS_io_uring_register, fd,
				IORING_REGISTER_BUFFERS, &v, 1U));
	fz_keep_fd(t, fd);
	return ret;
}

#endif /* FUZZ_FD_H */
