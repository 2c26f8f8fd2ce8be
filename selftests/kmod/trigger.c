// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a process is told about the stalls of its own cgroup through a
 * trigger that it hands in, that each trigger is told apart, and that nothing
 * but such a trigger is taken: a hostile process passes descriptors of all
 * other kinds, and none of them may be watched, kept or waited for.
 *
 * While a group stalls, the kernel fires a trigger once a window, of 0.5 s.
 */
#include "tmem_test_pressure.h"

#define SOME "some 25000 500000"
#define REFCNT "/sys/module/tmem/refcnt"

FIXTURE(trigger)
{
	long refs;
	int dev; /* does not wait */
	struct kt_stall a, b;
	struct kt_knobs knobs;
	struct tmem_event ev;
	uint64_t fired; /* of others_until() */
	/* Of both_wait(). */
	struct tmem_event room[3];
	unsigned int pauses, patience;
};

FIXTURE_SETUP(trigger)
{
	const struct tmem_status *page;

	self->refs = kt_read_number(REFCNT);
	self->dev = kt_open_events();
	ASSERT_LE(0, self->dev);
	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	ASSERT_EQ(0, kt_stall_init(&self->a, "a"));
	ASSERT_EQ(0, kt_stall_init(&self->b, "b"));
	/* The level can get no worse, so all events are of triggers. */
	page = kt_status_map(self->dev);
	ASSERT_TRUE(page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_steer_wait(&self->knobs, page, TMEM_LEVEL_CRITICAL));
	munmap((void *)page, kt_status_size(self->dev));
	close(self->dev);
	self->dev = kt_open_events();
}

FIXTURE_TEARDOWN(trigger)
{
	EXPECT_EQ(0, kt_stall_fini(&self->a));
	EXPECT_EQ(0, kt_stall_fini(&self->b));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	if (self->dev >= 0)
		close(self->dev);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

static int open_in(const struct kt_cgroup *cg, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return open(path, flags | O_CLOEXEC);
}

/* A pressure file of the group with a trigger written to it. */
static int psi_fd(const struct kt_cgroup *cg, const char *file,
		  const char *text)
{
	int fd = open_in(cg, file, O_RDWR);

	if (fd >= 0 && write(fd, text, strlen(text) + 1) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int add(int dev, int fd, uint64_t cookie)
{
	struct tmem_trigger t = { .fd = fd, .cookie = cookie };

	return kt_ioctl(dev, TMEM_IOC_TRIGGER_ADD, &t);
}

static int drop(int dev, uint64_t cookie)
{
	struct tmem_trigger t = { .fd = -1, .cookie = cookie };

	return kt_ioctl(dev, TMEM_IOC_TRIGGER_REMOVE, &t);
}

/* A new trigger of the group, with nothing of it left in this process. */
static int add_new(int dev, const struct kt_cgroup *cg, uint64_t cookie)
{
	int fd = psi_fd(cg, "memory.pressure", SOME), ret;

	if (fd < 0)
		return fd;
	ret = add(dev, fd, cookie);
	close(fd);
	return ret;
}

/*
 * Takes events until the trigger has fired so many times.  Returns how many
 * events were of something else, or -1 if none came any more.
 */
static int others_until(struct _test_data_trigger *self, uint64_t cookie,
			uint64_t times)
{
	int others = 0;

	self->fired = 0;
	while (self->fired < times) {
		if (!PACE_UNTIL(kt_event(self->dev, &self->ev) == 1))
			return -1;
		if (self->ev.type == TMEM_EVENT_TRIGGER &&
		    self->ev.cookie == cookie)
			self->fired += self->ev.count;
		else
			others++;
	}
	return others;
}

TEST_F(trigger, fires)
{
	const uint64_t cookie = 0xfedcba9876543210ULL;
	uint64_t before = pace_now_ns();

	ASSERT_EQ(0, add_new(self->dev, &self->a.cg, cookie));
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN));
	ASSERT_EQ(0, kt_stall_start(&self->a));
	ASSERT_TRUE(PACE_UNTIL(kt_poll(self->dev, POLLIN | POLLPRI)));
	EXPECT_EQ(POLLIN | POLLPRI, kt_poll(self->dev, POLLIN | POLLPRI));
	/* It is armed again each time. */
	ASSERT_EQ(0, others_until(self, cookie, 2));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_CRITICAL, self->ev.level);
	EXPECT_LT(before, self->ev.time);
	EXPECT_GE(pace_now_ns(), self->ev.time);
}

/*
 * Two events wait to be read, and are, in one piece.  How long that takes is
 * not known, and reading too early takes one of them: so each time it is left
 * for longer.
 */
static bool both_wait(struct _test_data_trigger *self)
{
	if (++self->pauses < self->patience)
		return false;
	self->pauses = 0;
	self->patience *= 2;
	return read(self->dev, self->room, sizeof(self->room)) ==
	       (ssize_t)(2 * sizeof(self->room[0]));
}

TEST_F(trigger, each_its_own)
{
	ASSERT_EQ(0, add_new(self->dev, &self->a.cg, 1));
	ASSERT_EQ(0, add_new(self->dev, &self->b.cg, 2));
	/* The group that does not stall had as many windows. */
	ASSERT_EQ(0, kt_stall_start(&self->b));
	EXPECT_EQ(0, others_until(self, 2, 2));
	ASSERT_EQ(0, kt_stall_start(&self->a));
	self->patience = 600;
	ASSERT_TRUE(PACE_UNTIL(both_wait(self)));
	EXPECT_EQ(3U, self->room[0].cookie + self->room[1].cookie);
	EXPECT_EQ((uint32_t)TMEM_EVENT_TRIGGER, self->room[0].type);
	EXPECT_EQ((uint32_t)TMEM_EVENT_TRIGGER, self->room[1].type);
	/* One by one, too. */
	EXPECT_LE(0, others_until(self, 1, 1));
	EXPECT_LE(0, others_until(self, 2, 1));
	/* What is removed says nothing more, also of what waited. */
	EXPECT_EQ(0, drop(self->dev, 2));
	while (kt_event(self->dev, &self->ev) == 1)
		;
	ASSERT_TRUE(PACE_UNTIL(kt_poll(self->dev, POLLIN)));
	EXPECT_EQ(0, drop(self->dev, 1));
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN));
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
}

/* Whether the quick one fires twice before the slow one, of the same file. */
static bool quick_alone(struct _test_data_trigger *self)
{
	int fd =
		psi_fd(&self->a.cg, "memory.pressure", "some 9900000 10000000");
	bool alone = fd >= 0 && !add(self->dev, fd, 77) &&
		     !add_new(self->dev, &self->a.cg, 78) &&
		     others_until(self, 78, 2) == 0;

	drop(self->dev, 77);
	drop(self->dev, 78);
	close(fd);
	return alone;
}

/*
 * The kernel wakes all triggers of a file when one of them fires.  The slow one
 * fires after 9.9 s of stall, which may come first where nothing runs for as
 * long: then it is tried again.
 */
TEST_F(trigger, of_one_file)
{
	bool alone = false;

	ASSERT_EQ(0, kt_stall_start(&self->a));
	for (int tries = 0; !alone && tries < 20; tries++)
		alone = quick_alone(self);
	EXPECT_TRUE(alone);
}

/* A level and a trigger are two events. */
TEST_F(trigger, beside_the_level)
{
	struct tmem_event *room = self->room;

	ASSERT_EQ(0, add_new(self->dev, &self->a.cg, 5));
	ASSERT_EQ(0, kt_stall_start(&self->a));
	ASSERT_TRUE(PACE_UNTIL(kt_poll(self->dev, POLLIN)));
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "critical", 100));
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "critical", 3));
	ASSERT_EQ((ssize_t)(2 * sizeof(room[0])),
		  read(self->dev, room, sizeof(self->room)));
	EXPECT_EQ((uint32_t)(TMEM_EVENT_LEVEL + TMEM_EVENT_TRIGGER),
		  room[0].type + room[1].type);
	EXPECT_EQ(5U, room[0].cookie + room[1].cookie);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_CRITICAL, room[0].level);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_CRITICAL, room[1].level);
}

TEST_F(trigger, group_removed)
{
	ASSERT_EQ(0, add_new(self->dev, &self->a.cg, 9));
	ASSERT_EQ(0, add_new(self->dev, &self->b.cg, 10));
	ASSERT_EQ(0, kt_cgroup_fini(&self->a.cg));
	ASSERT_TRUE(PACE_UNTIL(kt_event(self->dev, &self->ev) == 1));
	EXPECT_EQ((uint32_t)TMEM_EVENT_TRIGGER_GONE, self->ev.type);
	EXPECT_EQ(9U, self->ev.cookie);
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN));
	/* It is removed: the cookie is free, the other one works. */
	EXPECT_EQ(-ENOENT, drop(self->dev, 9));
	EXPECT_EQ(0, add_new(self->dev, &self->b.cg, 9));
	EXPECT_EQ(0, drop(self->dev, 9));
	ASSERT_EQ(0, kt_stall_start(&self->b));
	EXPECT_EQ(0, others_until(self, 10, 1));
	EXPECT_EQ(0, drop(self->dev, 10));
}

TEST_F(trigger, cookies_and_their_number)
{
	int fd;

	EXPECT_EQ(-ENOENT, drop(self->dev, 0));
	for (uint64_t i = 0; i < TMEM_TRIGGERS_MAX; i++) {
		ASSERT_EQ(0, add_new(self->dev, &self->a.cg, i << 40));
	}
	EXPECT_EQ(-EEXIST, add_new(self->dev, &self->a.cg, 3ULL << 40));
	EXPECT_EQ(-ENOSPC, add_new(self->dev, &self->a.cg, 1));
	EXPECT_EQ(0, drop(self->dev, 3ULL << 40));
	EXPECT_EQ(-ENOENT, drop(self->dev, 3ULL << 40));
	EXPECT_EQ(-EEXIST, add_new(self->dev, &self->a.cg, 2ULL << 40));
	EXPECT_EQ(0, add_new(self->dev, &self->a.cg, 1));
	EXPECT_EQ(-ENOSPC, add_new(self->dev, &self->a.cg, 2));
	/* Another descriptor has its own. */
	fd = kt_open_events();
	EXPECT_EQ(0, add_new(fd, &self->a.cg, 1));
	close(fd);
}

TEST_F(trigger, other_pressure_files)
{
	const char *const files[] = { "/proc/pressure/memory",
				      "/proc/pressure/io",
				      "/proc/pressure/cpu" };
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		fd = open(files[i], O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EINVAL, add(self->dev, fd, i)); /* none written */
		ASSERT_LT(0, write(fd, SOME, sizeof(SOME)));
		EXPECT_EQ(0, add(self->dev, fd, i))
		{
			TH_LOG("%s", files[i]);
		}
		close(fd);
	}
	fd = psi_fd(&self->a.cg, "io.pressure", SOME);
	EXPECT_EQ(0, add(self->dev, fd, 10));
	close(fd);
	fd = psi_fd(&self->a.cg, "cpu.pressure", SOME);
	EXPECT_EQ(0, add(self->dev, fd, 11));
	close(fd);
}

TEST_F(trigger, misuse)
{
	int good = psi_fd(&self->a.cg, "memory.pressure", SOME);
	struct tmem_trigger t = { .fd = good, .flags = 1, .cookie = 1 };
	unsigned char longer[64] = { 0 };

	ASSERT_LE(0, good);
	for (; t.flags; t.flags <<= 1) {
		EXPECT_EQ(-EINVAL,
			  kt_ioctl(self->dev, TMEM_IOC_TRIGGER_ADD, &t));
		EXPECT_EQ(-EINVAL,
			  kt_ioctl(self->dev, TMEM_IOC_TRIGGER_REMOVE, &t));
	}
	EXPECT_EQ(-EFAULT, kt_ioctl(self->dev, TMEM_IOC_TRIGGER_ADD, NULL));
	EXPECT_EQ(-EFAULT, kt_ioctl(self->dev, TMEM_IOC_TRIGGER_REMOVE, NULL));
	EXPECT_EQ(-EINVAL,
		  kt_ioctl(self->dev,
			   _IOC(_IOC_WRITE, TMEM_IOC_MAGIC, 2, sizeof(t) - 1),
			   &t));
	memcpy(longer, &t, sizeof(t));
	EXPECT_EQ(0,
		  kt_ioctl(self->dev,
			   _IOC(_IOC_WRITE, TMEM_IOC_MAGIC, 2, sizeof(longer)),
			   longer));
	longer[sizeof(t)] = 1;
	EXPECT_EQ(-E2BIG,
		  kt_ioctl(self->dev,
			   _IOC(_IOC_WRITE, TMEM_IOC_MAGIC, 3, sizeof(longer)),
			   longer));
	EXPECT_EQ(-EEXIST, kt_ioctl(self->dev, TMEM_IOC_TRIGGER_ADD, &t));
	EXPECT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_TRIGGER_REMOVE, &t));
	close(good);
}

TEST_HARNESS_MAIN
