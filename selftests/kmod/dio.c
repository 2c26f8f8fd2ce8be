// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that arena memory is as good as any other for whom the kernel takes
 * pages directly: O_DIRECT both ways, vmsplice, process_vm_readv and writev,
 * /proc/PID/mem, and fixed buffers of io_uring.  The contents are compared, and
 * after it nobody holds the pages any more: they can be purged.
 */
#include "tmem_test_mem.h"

#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#define DISK "/dev/ram0" /* brd's first disk: modprobe brd */
#define SPANS ((size_t)4)
#define SIZE (SPANS * KT_SPAN)
#define SEED 31337

FIXTURE(dio)
{
	int dev;
	struct kt_arena a, b;
};

FIXTURE_SETUP(dio)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
	ASSERT_EQ(0, kt_arena_init(&self->b, self->dev, SIZE, 0, 0));
	kt_fill(self->a.data, SIZE, SEED);
}

/* No page of the arena is held by anybody: a purge gets them all. */
static bool released(const struct kt_arena *a)
{
	struct tmem_arena_purge out;

	for (size_t i = 0; i < SPANS; i++) {
		kt_idle(a, i);
		if (kt_purge_soon(a, i, &out))
			return false;
	}
	return !kt_stat(a).resident;
}

FIXTURE_TEARDOWN(dio)
{
	EXPECT_TRUE(released(&self->a));
	EXPECT_TRUE(released(&self->b));
	kt_arena_fini(&self->a);
	kt_arena_fini(&self->b);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

/* A disk of SIZE bytes at least, or -1 and why not. */
static int disk_open(int flags, const char **why)
{
	int fd = open(DISK, O_RDWR | O_CLOEXEC | flags);
	uint64_t size = 0;

	*why = strerror(errno);
	if (fd < 0)
		return -1;
	if (!ioctl(fd, BLKGETSIZE64, &size) && size >= SIZE)
		return fd;
	*why = "it is too small";
	close(fd);
	return -1;
}

TEST_F(dio, write_and_read)
{
	const char *why;
	int direct = disk_open(O_DIRECT, &why);
	int cached = disk_open(0, &why);
	unsigned char *copy;

	if (direct < 0 || cached < 0)
		SKIP(return, DISK ": %s", why);
	ASSERT_EQ((ssize_t)SIZE, pwrite(direct, self->a.data, SIZE, 0));
	copy = malloc(SIZE);
	ASSERT_TRUE(copy != NULL);
	ASSERT_EQ((ssize_t)SIZE, pread(cached, copy, SIZE, 0));
	EXPECT_EQ(0, memcmp(copy, self->a.data, SIZE));
	/* Into memory that has never been touched. */
	ASSERT_EQ((ssize_t)SIZE, pread(direct, self->b.data, SIZE, 0));
	EXPECT_EQ(0U, kt_bad(self->b.data, SIZE, SEED));
	EXPECT_EQ(SPANS, kt_stat(&self->b).spans_huge);
	free(copy);
	close(direct);
	close(cached);
}

/* Pieces that begin and end anywhere, over the border of spans. */
TEST_F(dio, pieces)
{
	const char *why;
	int fd = disk_open(O_DIRECT, &why);
	uint64_t rng = pace_seed();
	size_t at, len;

	if (fd < 0)
		SKIP(return, DISK ": %s", why);
	for (int i = 0; i < 200; i++) {
		at = kt_random(&rng) % (SIZE / 512 - 1) * 512;
		len = (1 + kt_random(&rng) % 2048) * 512;
		if (len > SIZE - at)
			len = SIZE - at;
		ASSERT_EQ((ssize_t)len,
			  pwrite(fd, self->a.data + at, len, (off_t)at));
		ASSERT_EQ((ssize_t)len,
			  pread(fd, self->b.data + at, len, (off_t)at));
		ASSERT_EQ(0, memcmp(self->a.data + at, self->b.data + at, len));
	}
	EXPECT_EQ(0U, kt_bad(self->a.data, SIZE, SEED));
	close(fd);
}

TEST_F(dio, small_mappings)
{
	const char *why;
	int fd = disk_open(O_DIRECT, &why);

	if (fd < 0)
		SKIP(return, DISK ": %s", why);
	for (size_t i = 0; i < SPANS; i++) {
		unsigned char *p = kt_span(&self->b, i) + 9 * KT_PAGE;

		ASSERT_EQ(0, mprotect(p, KT_PAGE, PROT_READ));
		ASSERT_EQ(0, mprotect(p, KT_PAGE, KT_RW));
	}
	ASSERT_EQ((ssize_t)SIZE, pwrite(fd, self->a.data, SIZE, 0));
	ASSERT_EQ((ssize_t)SIZE, pread(fd, self->b.data, SIZE, 0));
	EXPECT_EQ(0U, kt_bad(self->b.data, SIZE, SEED));
	close(fd);
}

/* A mapping that may not be written is not written by the disk either. */
TEST_F(dio, read_only_mapping)
{
	const char *why;
	int fd = disk_open(O_DIRECT, &why);
	unsigned char *p;

	if (fd < 0)
		SKIP(return, DISK ": %s", why);
	p = mmap(NULL, KT_SPAN, PROT_READ, MAP_SHARED, self->a.fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(-1, pread(fd, p, KT_SPAN, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0U, kt_bad(self->a.data, SIZE, SEED));
	EXPECT_EQ((ssize_t)KT_SPAN, pwrite(fd, p, KT_SPAN, 0));
	munmap(p, KT_SPAN);
	close(fd);
}

TEST_F(dio, vmsplice)
{
	unsigned char page[KT_PAGE];
	int p[2];

	ASSERT_EQ(0, pipe(p));
	for (size_t i = 0; i < 64; i++) {
		struct iovec iov = { self->a.data + i * 8 * KT_PAGE, KT_PAGE };

		ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
		ASSERT_EQ((ssize_t)KT_PAGE, read(p[0], page, KT_PAGE));
		ASSERT_EQ(0, memcmp(page, iov.iov_base, KT_PAGE));
	}
	close(p[0]);
	close(p[1]);
}

/* The reader of the pipe sees what was there, after the arena is gone too. */
TEST_F(dio, vmsplice_outlives_the_arena)
{
	struct iovec iov = { self->a.data, KT_PAGE };
	unsigned char page[KT_PAGE], want[KT_PAGE];
	int p[2];

	memcpy(want, self->a.data, KT_PAGE);
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
	kt_arena_fini(&self->a);
	EXPECT_EQ(1U, kt_arenas(self->dev));
	ASSERT_EQ((ssize_t)KT_PAGE, read(p[0], page, KT_PAGE));
	EXPECT_EQ(0, memcmp(page, want, KT_PAGE));
	close(p[0]);
	close(p[1]);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
}

TEST_F(dio, other_process_reads_and_writes)
{
	struct iovec ours = { self->a.data, SIZE };
	struct iovec theirs = { self->b.data, SIZE };
	pid_t parent = getpid(), pid;
	int status;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Its own copy of the addresses must not be what works. */
		munmap(self->b.data, SIZE);
		if (process_vm_writev(parent, &ours, 1, &theirs, 1, 0) !=
		    (ssize_t)SIZE)
			_exit(1);
		memset(self->a.data, 0, SIZE);
		if (process_vm_readv(parent, &ours, 1, &theirs, 1, 0) !=
		    (ssize_t)SIZE)
			_exit(2);
		_exit(kt_bad(self->a.data, SIZE, SEED) ? 3 : 0);
	}
	status = kt_wait(pid);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0U, kt_bad(self->a.data, SIZE, SEED));
	EXPECT_EQ(0U, kt_bad(self->b.data, SIZE, SEED));
}

TEST_F(dio, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	unsigned char *copy = malloc(KT_SPAN);

	ASSERT_LE(0, fd);
	ASSERT_TRUE(copy != NULL);
	ASSERT_EQ((ssize_t)KT_SPAN,
		  pread(fd, copy, KT_SPAN, (off_t)self->a.data));
	EXPECT_EQ(0, memcmp(copy, self->a.data, KT_SPAN));
	ASSERT_EQ((ssize_t)KT_SPAN,
		  pwrite(fd, copy, KT_SPAN, (off_t)self->b.data));
	EXPECT_EQ(0, memcmp(copy, self->b.data, KT_SPAN));
	free(copy);
	close(fd);
}

/* Registration pins the pages for long: what RDMA does. */
TEST_F(dio, uring_fixed_buffer)
{
	struct iovec iov = { self->a.data, SIZE };
	struct io_uring_params params = { 0 };
	struct tmem_arena_purge out;
	int ring = (int)syscall(SYS_io_uring_setup, 2, &params);
	int ret;

	if (ring < 0)
		SKIP(return, "io_uring: %s", strerror(errno));
	ret = (int)syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
			   &iov, 1);
	if (ret < 0 && errno == EOPNOTSUPP) {
		close(ring);
		SKIP(return, "this kernel takes anonymous buffers only");
	}
	ASSERT_EQ(0, ret);
	for (size_t i = 0; i < SPANS; i++)
		kt_idle(&self->a, i);
	ASSERT_EQ(0, kt_purge(&self->a, 0, SPANS, &out));
	EXPECT_EQ(SPANS, out.pinned);
	EXPECT_EQ(0U, out.purged);
	EXPECT_EQ(0U, kt_bad(self->a.data, SIZE, SEED));
	EXPECT_EQ(0, (int)syscall(SYS_io_uring_register, ring,
				  IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(ring);
}

TEST_HARNESS_MAIN
