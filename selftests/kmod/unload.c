// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the module cannot be taken out while it is used, however hard it
 * is at work, and can the moment its last user has died: with pools that are
 * filling, recalls going on and the device being opened at that moment.  It
 * leaves no memory behind, and starts anew when it is put in again.
 */
#include "tmem_test_recall.h"

#define MODULE_FILE "/lib/modules/tmem.ko"
#define WORKERS 3
#define TRIES 150
#define ROUNDS 4
#define SPANS ((size_t)16)

FIXTURE(unload)
{
	uint64_t free_before;
	pid_t worker[WORKERS];
};

FIXTURE_SETUP(unload)
{
	if (access("/sys/module/tmem/refcnt", R_OK))
		SKIP(return, "tmem is not a module");
	if (access(MODULE_FILE, R_OK))
		SKIP(return, "no " MODULE_FILE " to put it in again");
	self->free_before = kt_free(-1);
}

FIXTURE_TEARDOWN(unload)
{
	int dev = kt_open();

	EXPECT_LE(0, dev);
	EXPECT_EQ(0U, kt_arenas(dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(dev);
}

static int take_out(void)
{
	return syscall(SYS_delete_module, "tmem", O_NONBLOCK) ? -errno : 0;
}

static int put_in(void)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	if (!ret && syscall(SYS_finit_module, fd, "", 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* Uses the device all the time; it never has less than one user. */
static int work(uint64_t *rounds, uint64_t rng)
{
	struct tmem_arena_populate req = { .node = -1,
					   .length = SPANS * KT_SPAN };
	struct tmem_arena_purge out;
	struct kt_arena a;
	int dev = kt_open();

	for (;;) {
		if (dev < 0 || kt_arena_init(&a, dev, SPANS * KT_SPAN,
					     TMEM_POLICY_INTERLEAVE, 0))
			return 1;
		if (kt_random(&rng) % 2)
			kt_ioctl(a.fd, TMEM_IOC_ARENA_POPULATE, &req);
		kt_fill(a.data, a.size / 2, 1);
		for (size_t i = 0; i < a.spans; i++)
			kt_idle(&a, i);
		kt_shrink(3);
		kt_purge(&a, 0, a.spans, &out);
		kt_add(rounds, 1);
		kt_arena_fini(&a);
	}
}

static void start_workers(struct __test_metadata *_metadata,
			  struct _test_data_unload *self)
{
	uint64_t *rounds = kt_shared(WORKERS * sizeof(*rounds));

	ASSERT_TRUE(rounds != NULL);
	for (size_t i = 0; i < WORKERS; i++) {
		self->worker[i] = kt_fork();
		ASSERT_LE(0, self->worker[i]);
		if (!self->worker[i])
			_exit(work(&rounds[i], i));
	}
	for (size_t i = 0; i < WORKERS; i++)
		ASSERT_TRUE(PACE_UNTIL(kt_count(&rounds[i]) >= 2));
	munmap(rounds, WORKERS * sizeof(*rounds));
}

static void kill_workers(struct _test_data_unload *self)
{
	for (size_t i = 0; i < WORKERS; i++)
		kill(self->worker[i], SIGKILL);
}

static void bury_workers(struct __test_metadata *_metadata,
			 struct _test_data_unload *self)
{
	for (size_t i = 0; i < WORKERS; i++) {
		int status = kt_wait(self->worker[i]);

		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

TEST_F(unload, refused_at_work)
{
	int ret, dev;

	start_workers(_metadata, self);
	for (int i = 0; i < TRIES; i++) {
		ret = take_out();
		ASSERT_TRUE(ret == -EWOULDBLOCK || ret == -EBUSY)
		{
			TH_LOG("%s", ret ? strerror(-ret) : "removed!");
		}
		/* It does not go away for new users either. */
		dev = kt_open();
		ASSERT_LE(0, dev);
		close(dev);
	}
	kill_workers(self);
	bury_workers(_metadata, self);
}

/* Opens the device as often as it can, while it comes and goes. */
static int knock(bool *stop)
{
	while (!kt_flagged(stop)) {
		int fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
		sched_yield();
	}
	return 0;
}

TEST_F(unload, as_the_last_user_dies)
{
	bool *stop = kt_shared(sizeof(*stop));
	pid_t knocker;
	int ret;

	ASSERT_TRUE(stop != NULL);
	knocker = kt_fork();
	ASSERT_LE(0, knocker);
	if (!knocker)
		_exit(knock(stop));
	for (int round = 0; round < ROUNDS; round++) {
		start_workers(_metadata, self);
		kill_workers(self);
		/* Not a moment too late. */
		do {
			ret = take_out();
		} while (ret == -EWOULDBLOCK || ret == -EBUSY);
		EXPECT_EQ(0, ret);
		bury_workers(_metadata, self);
		EXPECT_NE(0, access(KT_DEVICE, F_OK));
		ASSERT_EQ(0, put_in());
		ASSERT_EQ(0, access(KT_DEVICE, R_OK | W_OK));
		EXPECT_EQ(0, kt_sysfs_number("arenas"));
		EXPECT_EQ(0, kt_recall().purged);
	}
	kt_flag(stop);
	EXPECT_EQ(0, kt_wait(knocker));
}

TEST_HARNESS_MAIN
