// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that TMEM_IOC_TRIGGER_ADD takes nothing but a pressure file with a
 * trigger, whatever a hostile process hands in; that rings of descriptors
 * which hold each other are not kept alive by the module; and that adding,
 * removing, reading, polling and closing at the same time from many threads
 * does no harm.
 */
#include "tmem_test_pressure.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define SOME "some 50000 1000000"
#define REFCNT "/sys/module/tmem/refcnt"

FIXTURE(foreign)
{
	long refs;
	int dev;
	struct kt_stall s;
};

FIXTURE_SETUP(foreign)
{
	self->refs = kt_read_number(REFCNT);
	self->dev = kt_open_events();
	ASSERT_LE(0, self->dev);
	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	ASSERT_EQ(0, kt_stall_init(&self->s, "f"));
}

FIXTURE_TEARDOWN(foreign)
{
	EXPECT_EQ(0, kt_stall_fini(&self->s));
	if (self->dev >= 0)
		close(self->dev);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

static int add(int dev, int fd, uint64_t cookie)
{
	struct tmem_trigger t = { .fd = fd, .cookie = cookie };

	return kt_ioctl(dev, TMEM_IOC_TRIGGER_ADD, &t);
}

static int add_path(int dev, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = add(dev, fd, 1);
	close(fd);
	return ret;
}

static int add_file(int dev, const struct kt_cgroup *cg, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return add_path(dev, path, O_RDONLY);
}

static int psi_fd(const struct kt_cgroup *cg)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/memory.pressure", cg->path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && write(fd, SOME, sizeof(SOME)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

TEST_F(foreign, descriptors_of_other_kinds)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int p[2], s[2], other = kt_open_events();
	struct kt_arena a;
	int fds[] = { eventfd(1, EFD_CLOEXEC),
		      timerfd_create(CLOCK_MONOTONIC, 0),
		      epoll_create1(EPOLL_CLOEXEC),
		      memfd_create("memory.pressure", MFD_CLOEXEC),
		      dup(self->dev),
		      other };

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, KT_SPAN, 0, 0));
	/* A device that waits for itself by way of epoll. */
	ASSERT_EQ(0, epoll_ctl(fds[2], EPOLL_CTL_ADD, self->dev, &ev));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(-EINVAL, add(self->dev, fds[i], 1))
		{
			TH_LOG("descriptor %zu", i);
		}
	}
	EXPECT_EQ(-EINVAL, add(self->dev, p[0], 1));
	EXPECT_EQ(-EINVAL, add(self->dev, p[1], 1));
	EXPECT_EQ(-EINVAL, add(self->dev, s[0], 1));
	EXPECT_EQ(-EINVAL, add(self->dev, a.fd, 1));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(p[0]);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	kt_arena_fini(&a);
}

TEST_F(foreign, files_of_other_kinds)
{
	const char *const files[] = {
		"cgroup.procs",	  "memory.events", "cgroup.events",
		"memory.current", "memory.stat",   "cgroup.controllers",
	};
	int dev = self->dev;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(-EINVAL, add_file(dev, &self->s.cg, files[i]))
		{
			TH_LOG("%s", files[i]);
		}
	}
	/* No trigger is written. */
	EXPECT_EQ(-EINVAL, add_file(dev, &self->s.cg, "memory.pressure"));
	EXPECT_EQ(-EINVAL, add_path(dev, KT_PSI, O_RDWR));
	EXPECT_EQ(-EINVAL, add_path(dev, self->s.cg.path, O_DIRECTORY));
	EXPECT_EQ(-EINVAL, add_path(dev, "/proc/pressure", O_DIRECTORY));
	EXPECT_EQ(-EINVAL, add_path(dev, "/proc/self/status", O_RDONLY));
	EXPECT_EQ(-EINVAL, add_path(dev, "/proc/mounts", O_RDONLY));
	EXPECT_EQ(-EINVAL, add_path(dev, "/dev/null", O_RDWR));
	EXPECT_EQ(-EINVAL, add_path(dev, "/dev/kmsg", O_RDONLY));
	EXPECT_EQ(-EINVAL, add_path(dev, KT_SYSFS "/pressure/level", O_RDONLY));
}

/* The right name is not enough. */
TEST_F(foreign, files_with_a_right_name)
{
	const char *const paths[] = { "/tmp/memory.pressure",
				      "/dev/shm/memory.pressure",
				      "/tmp/memory" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int fd = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		ASSERT_LE(0, fd);
		ASSERT_LT(0, write(fd, SOME, sizeof(SOME)));
		EXPECT_EQ(-EINVAL, add(self->dev, fd, 1));
		close(fd);
		unlink(paths[i]);
	}
}

TEST_F(foreign, no_descriptor)
{
	int fd = psi_fd(&self->s.cg), ret;
	char path[128];

	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(-EBADF, add(self->dev, fd, 1));
	EXPECT_EQ(-EBADF, add(self->dev, -1, 1));
	EXPECT_EQ(-EBADF, add(self->dev, INT32_MAX, 1));
	EXPECT_EQ(-EBADF, add(self->dev, INT32_MIN, 1));
	snprintf(path, sizeof(path), "%s/memory.pressure", self->s.cg.path);
	ret = add_path(self->dev, path, O_PATH);
	EXPECT_TRUE(ret == -EBADF || ret == -EINVAL);
}

static int send_fd(int sock, int fd)
{
	char c = 0;
	struct iovec iov = { &c, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = u.bytes,
			      .msg_controllen = sizeof(u.bytes) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

/* Lets the kernel look for rings; true: the module has no more references. */
static bool let_go(long refs)
{
	int s[2];

	if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, s)) {
		close(s[0]);
		close(s[1]);
	}
	return kt_read_number(REFCNT) == refs;
}

/*
 * Sockets that hold each other, the device and its trigger, and that nothing
 * else holds.  The kernel finds such rings when sockets are closed.
 */
TEST_F(foreign, rings_are_let_go)
{
	long refs = kt_read_number(REFCNT);
	int s[2];

	for (int i = 0; i < 20; i++) {
		int dev = kt_open_events(), psi = psi_fd(&self->s.cg);

		ASSERT_EQ(0, add(dev, psi, 1));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
		ASSERT_EQ(0, send_fd(s[0], dev));
		ASSERT_EQ(0, send_fd(s[0], psi));
		ASSERT_EQ(0, send_fd(s[0], s[1]));
		ASSERT_EQ(0, send_fd(s[1], s[0]));
		ASSERT_EQ(0, send_fd(s[1], dev));
		close(dev);
		close(psi);
		close(s[0]);
		close(s[1]);
	}
	EXPECT_TRUE(PACE_UNTIL(let_go(refs)));
}

#define COOKIES 6

struct crowd {
	int dev;
	const struct kt_cgroup *cg;
	uint64_t seed;
	uint64_t added, removed, read;
};

static void *quarrel(void *arg)
{
	struct crowd *c = arg;
	struct tmem_event ev;
	int fd, other;

	PACE_ROUNDS(60) {
		struct tmem_trigger t = {
			.fd = -1, .cookie = kt_random(&c->seed) % COOKIES
		};

		switch (kt_random(&c->seed) % 6) {
		case 0:
		case 1:
			fd = psi_fd(c->cg);
			c->added += fd >= 0 && !add(c->dev, fd, t.cookie);
			close(fd);
			break;
		case 2:
			c->removed +=
				!kt_ioctl(c->dev, TMEM_IOC_TRIGGER_REMOVE, &t);
			break;
		case 3:
			c->read += kt_event(c->dev, &ev) == 1;
			break;
		case 4:
			kt_poll(c->dev, POLLIN);
			break;
		default:
			/* A descriptor that goes with its triggers. */
			other = kt_open_events();
			fd = psi_fd(c->cg);
			add(other, fd, 1);
			if (kt_random(&c->seed) % 2) {
				close(fd);
				close(other);
			} else {
				close(other);
				close(fd);
			}
		}
	}
	return NULL;
}

/* The triggers fire meanwhile.  Each that was added is there, or was removed. */
TEST_F(foreign, all_at_once)
{
	struct crowd c[4] = { 0 };
	pthread_t id[4];
	uint64_t seed = pace_seed(), added = 0, removed = 0, reads = 0;

	ASSERT_EQ(0, kt_stall_start(&self->s));
	for (size_t i = 0; i < 4; i++) {
		c[i] = (struct crowd){ .dev = self->dev,
				       .cg = &self->s.cg,
				       .seed = seed + i };
		ASSERT_EQ(0, pthread_create(&id[i], NULL, quarrel, &c[i]));
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(id[i], NULL);
		added += c[i].added;
		removed += c[i].removed;
		reads += c[i].read;
	}
	printf("# %llu added, %llu removed, %llu events\n",
	       (unsigned long long)added, (unsigned long long)removed,
	       (unsigned long long)reads);
	EXPECT_LT(0U, added);
	for (uint64_t i = 0; i < COOKIES; i++) {
		struct tmem_trigger t = { .fd = -1, .cookie = i };

		removed += !kt_ioctl(self->dev, TMEM_IOC_TRIGGER_REMOVE, &t);
	}
	EXPECT_EQ(added, removed);
}

TEST_HARNESS_MAIN
