/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module that is not there: open(), ioctl(), read() and poll() of this
 * program come here first, and answer for /dev/tmem as a test wants it.  So the
 * library's half of the interface is tested without a kernel's help, and with
 * answers that no real module gives.
 *
 * The device is a memfd that holds the status page, its events come through a
 * pipe, an arena is a memfd with the control words behind the data.
 *
 * With fake.clock the test has the clock, too: it stands still, but for poll() of
 * the device, which is over at once and takes as long as it was given, or as
 * on_poll() says.
 *
 * Everything else goes to the kernel.  For one source file of a program.
 */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include "lib_test.h"

#include <fcntl.h>
#include <linux/tmem.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define FAKE_STATUS_SIZE 4096
#define FAKE_NODES 2

static struct fake {
	bool on;
	/* What it answers, set by the test. */
	int open_errno; /* of the device, 0: it opens */
	int query_errno;
	struct tmem_query query;
	const char *sysfs_version, *sysfs_abi; /* NULL: no such file */
	int populate_errno; /* of all but the last call */
	unsigned int populate_calls_left; /* until it succeeds */
	uint64_t populate_step; /* bytes done by each call */
	int trigger_errno;
	struct tmem_arena_stat stat;
	bool clock;
	uint64_t now_ms;
	/* There is no event: ms until there is one, or -errno.  NULL: none. */
	int (*on_poll)(int timeout);
	void (*on_sleep)(void);
	/* What it was asked. */
	unsigned int queries, populates, sleeps;
	uint32_t caller_abi;
	struct tmem_arena_populate populate;
	struct tmem_trigger trigger;
	/* Its insides. */
	int fd; /* the status page; what the library has is a dup of it */
	int events[2];
	struct tmem_status *status; /* writable */
} fake;

/* A module as good as ours; the test changes what it is about. */
static inline bool fake_start(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.query = (struct tmem_query){
		.abi_version = TMEM_ABI_VERSION,
		.module_version = 9 << 16 | 8 << 8 | 7,
		.span_shift = TMEM_SPAN_SHIFT,
		.features = TMEM_FEATURE_CTL | TMEM_FEATURE_PURGE |
			    TMEM_FEATURE_POPULATE | TMEM_FEATURE_PRESSURE |
			    TMEM_FEATURE_MREMAP,
		.status_size = FAKE_STATUS_SIZE,
	};
	fake.fd = (int)syscall(SYS_memfd_create, "fake-tmem", MFD_CLOEXEC);
	if (fake.fd < 0 || ftruncate(fake.fd, FAKE_STATUS_SIZE) ||
	    pipe2(fake.events, O_CLOEXEC | O_NONBLOCK))
		return false;
	fake.status = mmap(NULL, FAKE_STATUS_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fake.fd, 0);
	if (fake.status == MAP_FAILED)
		return false;
	fake.status->nr_nodes = FAKE_NODES;
	fake.status->size =
		(uint32_t)(sizeof(*fake.status) +
			   FAKE_NODES * sizeof(fake.status->nodes[0]));
	fake.on = true;
	return true;
}

static inline bool fake_event(uint32_t type, uint32_t level, uint64_t cookie)
{
	struct tmem_event event = {
		.type = type,
		.level = level,
		.count = 1,
		.cookie = cookie,
	};

	return write(fake.events[1], &event, sizeof(event)) == sizeof(event);
}

/* The device: the status page's file, by any of its descriptors. */
static inline bool fake_is_device(int fd)
{
	char ours[64], name[64];
	ssize_t n;

	if (!fake.on || fd < 0)
		return false;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, ours, sizeof(ours) - 1);
	if (n < 0)
		return false;
	ours[n] = '\0';
	return strstr(ours, "memfd:fake-tmem ");
}

static inline int fake_errno(int err)
{
	errno = err;
	return -1;
}

static inline int fake_text(const char *text)
{
	int ends[2];

	if (!text)
		return fake_errno(ENOENT);
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	if (write(ends[1], text, strlen(text)) < 0)
		return -1;
	close(ends[1]);
	return ends[0];
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (fake.on && !strcmp(path, "/dev/tmem"))
		return fake.open_errno ? fake_errno(fake.open_errno) :
					 fcntl(fake.fd, F_DUPFD_CLOEXEC, 0);
	if (fake.on && !strcmp(path, "/sys/class/misc/tmem/version"))
		return fake_text(fake.sysfs_version);
	if (fake.on && !strcmp(path, "/sys/class/misc/tmem/abi_version"))
		return fake_text(fake.sysfs_abi);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline int fake_query(struct tmem_query *query)
{
	fake.queries++;
	fake.caller_abi = query->caller_abi;
	if (fake.query_errno)
		return fake_errno(fake.query_errno);
	*query = fake.query;
	return 0;
}

static inline int fake_create(struct tmem_arena_create *create)
{
	int fd = (int)syscall(SYS_memfd_create, "fake-arena", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)create->size + 4096))
		return -1;
	create->fd = fd;
	create->ctl_offset = create->size;
	create->ctl_size = 4096;
	return 0;
}

static inline int fake_populate(struct tmem_arena_populate *populate)
{
	fake.populates++;
	populate->populated += fake.populate_step;
	fake.populate = *populate;
	if (!fake.populate_calls_left)
		return 0;
	fake.populate_calls_left--;
	return fake_errno(fake.populate_errno);
}

static inline int fake_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case TMEM_IOC_QUERY:
		return fake_query(arg);
	case TMEM_IOC_ARENA_CREATE:
		return fake_create(arg);
	case TMEM_IOC_ARENA_POPULATE:
		return fake_populate(arg);
	case TMEM_IOC_ARENA_STAT:
		memcpy(arg, &fake.stat, sizeof(fake.stat));
		return 0;
	case TMEM_IOC_ARENA_NODE_STAT:
		return 0;
	case TMEM_IOC_TRIGGER_ADD:
	case TMEM_IOC_TRIGGER_REMOVE:
		memcpy(&fake.trigger, arg, sizeof(fake.trigger));
		return fake.trigger_errno ? fake_errno(fake.trigger_errno) : 0;
	}
	return fake_errno(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fake.on && (request >> 8 & 0xff) == TMEM_IOC_MAGIC)
		return fake_ioctl(request, arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

ssize_t read(int fd, void *buffer, size_t bytes)
{
	if (fake_is_device(fd))
		fd = fake.events[0];
	return syscall(SYS_read, fd, buffer, bytes);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!fake.clock || clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, now);
	now->tv_sec = (time_t)(fake.now_ms / 1000);
	now->tv_nsec = (long)(fake.now_ms % 1000) * 1000000;
	return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	if (!fake.clock)
		return (int)syscall(SYS_nanosleep, time, left);
	fake.sleeps++;
	if (fake.on_sleep)
		fake.on_sleep();
	return 0;
}

/* What poll() of the device says that has no event. */
static inline int fake_poll(struct pollfd *one, int timeout)
{
	int ms = fake.on_poll ? fake.on_poll(timeout) : timeout;

	if (ms < 0) /* for ever, too */
		return fake_errno(fake.on_poll ? -ms : EDEADLK);
	fake.now_ms += (uint64_t)ms;
	return (int)syscall(SYS_poll, one, 1UL, 0);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct pollfd one;
	int n;

	/* glibc declares that poll() only writes there; gcc would mind us. */
	__asm__("" : "+r"(fds) : : "memory");
	if (count != 1 || !fake_is_device(fds[0].fd))
		return (int)syscall(SYS_poll, fds, count, timeout);
	one = fds[0];
	one.fd = fake.events[0];
	n = (int)syscall(SYS_poll, &one, 1UL, fake.clock ? 0 : timeout);
	if (!n && fake.clock)
		n = fake_poll(&one, timeout);
	fds[0].revents = one.revents;
	return n;
}

#endif /* FAKE_DEVICE_H */
