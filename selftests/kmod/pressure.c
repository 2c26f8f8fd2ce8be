// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a real stall raises the level, and that all ways to hear of it
 * agree: the status page, read() of the device, netlink, sysfs and the
 * tracepoint see the same level and the same number of changes.
 */
#include "tmem_test_netlink.h"
#include "tmem_test_pressure.h"

#define KT_TRACE "/sys/kernel/tracing/instances/tmem-test"

/*
 * One way to hear of a change, and what it has told so far.  All are told
 * within the look that changed the level.
 */
struct channel {
	const char *name;
	/* Takes what is there; false: nothing. */
	bool (*take)(struct channel *c);
	int fd;
	struct kt_nl *nl;
	uint32_t level; /* the last one told */
	uint64_t events;
	uint64_t breaks; /* "from" was not what "to" was before */
};

static bool take_device(struct channel *c)
{
	struct tmem_event ev;

	if (kt_event(c->fd, &ev) != 1 || ev.type != TMEM_EVENT_LEVEL)
		return false;
	c->events += ev.count;
	c->level = ev.level;
	return true;
}

static bool take_netlink(struct channel *c)
{
	const struct nlmsghdr *h = kt_nl_notice(c->nl, MSG_DONTWAIT);

	if (!h)
		return false;
	c->breaks += kt_nl_u32(h, TMEM_A_PRESSURE_PREVIOUS) != c->level;
	c->level = kt_nl_u32(h, TMEM_A_PRESSURE_LEVEL);
	c->events++;
	return true;
}

static uint32_t level_of(const char *text)
{
	static const char *const names[] = { "low", "medium", "high",
					     "critical" };

	for (uint32_t i = 0; i < 4; i++)
		if (!strncmp(text, names[i], strlen(names[i])))
			return i;
	return 99;
}

/* A file of sysfs says that something changed, not how often. */
static bool take_sysfs(struct channel *c)
{
	char text[16] = "";

	if (!(kt_poll(c->fd, POLLPRI | POLLERR) & POLLPRI))
		return false;
	if (pread(c->fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	c->events++;
	c->level = level_of(text);
	return true;
}

/* One line for each, such as "... tmem_pressure: previous=low level=high ...". */
static bool take_trace(struct channel *c)
{
	char text[8192], *at = text;
	ssize_t got = read(c->fd, text, sizeof(text) - 1);

	if (got <= 0)
		return false;
	text[got] = 0;
	while ((at = strstr(at, "tmem_pressure: "))) {
		char level[16] = "", previous[16] = "";

		sscanf(at, "tmem_pressure: previous=%15s level=%15s", previous,
		       level);
		c->breaks += level_of(previous) != c->level;
		c->level = level_of(level);
		c->events++;
		at++;
	}
	return true;
}

static int open_trace(void)
{
	/*
	 * Else sched_switch is traced, too, and QEMU may fall over its
	 * patching.  An instance takes this over when it is made.
	 */
	if (kt_write_file("/sys/kernel/tracing/options/record-cmd", "0"))
		return -ENOENT;
	if (mkdir(KT_TRACE, 0700) && errno != EEXIST)
		return -errno;
	if (kt_write_file(KT_TRACE "/events/tmem/tmem_pressure/enable", "1"))
		return -ENOENT;
	return open(KT_TRACE "/trace_pipe", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int open_sysfs(void)
{
	char text[16];
	int fd = open(KT_SYSFS "/pressure/level", O_RDONLY | O_CLOEXEC);

	/* It is told of what changes after it was read. */
	return fd >= 0 && read(fd, text, sizeof(text)) > 0 ? fd : -errno;
}

enum { DEVICE, NETLINK, SYSFS, TRACEPOINT, CHANNELS };

FIXTURE(pressure)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
	struct kt_nl nl;
	struct kt_stall stall;
	struct channel c[CHANNELS];
	uint64_t changes; /* when the channels were opened */
};

FIXTURE_SETUP(pressure)
{
	static bool (*const take[])(struct channel *) = {
		[DEVICE] = take_device,
		[NETLINK] = take_netlink,
		[SYSFS] = take_sysfs,
		[TRACEPOINT] = take_trace,
	};
	static const char *const names[] = { "device", "netlink", "sysfs",
					     "tracepoint" };

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	ASSERT_EQ(0, kt_nl_open(&self->nl));
	ASSERT_EQ(0, kt_nl_join(&self->nl));
	ASSERT_EQ(0, kt_stall_init(&self->stall, "p"));
	for (int i = 0; i < CHANNELS; i++)
		self->c[i] = (struct channel){ .name = names[i],
					       .take = take[i],
					       .nl = &self->nl };
	self->c[DEVICE].fd = kt_open_events();
	self->c[SYSFS].fd = open_sysfs();
	self->c[TRACEPOINT].fd = open_trace();
	self->changes = self->page->changes;
	for (int i = 0; i < CHANNELS; i++) {
		ASSERT_LE(0, self->c[i].fd)
		{
			TH_LOG("%s: %d", names[i], self->c[i].fd);
		}
	}
}

FIXTURE_TEARDOWN(pressure)
{
	EXPECT_EQ(0, kt_stall_fini(&self->stall));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	close(self->c[DEVICE].fd);
	close(self->c[SYSFS].fd);
	close(self->c[TRACEPOINT].fd);
	kt_write_file(KT_TRACE "/events/tmem/tmem_pressure/enable", "0");
	rmdir(KT_TRACE);
	kt_nl_close(&self->nl);
	munmap((void *)self->page, self->size);
	close(self->dev);
}

/* All have told something; a bit for each that has not. */
static unsigned int silent(struct _test_data_pressure *self)
{
	unsigned int silent = 0;

	for (int i = 0; i < CHANNELS; i++) {
		while (self->c[i].take(&self->c[i]))
			;
		silent |= (unsigned int)!self->c[i].events << i;
	}
	return silent;
}

/*
 * Each has told the level of now, and as many changes as the page counts; a
 * bit for each that has not.
 */
static unsigned int disagree(struct _test_data_pressure *self)
{
	uint64_t changes = self->page->changes - self->changes;
	unsigned int wrong = silent(self);

	for (int i = 0; i < CHANNELS; i++) {
		const struct channel *c = &self->c[i];
		bool counts = i == SYSFS ? c->events <= changes :
					   c->events == changes;

		if (!counts || c->breaks || c->level != kt_level(self->page))
			wrong |= 1U << i;
	}
	return wrong;
}

static void print_told(const struct _test_data_pressure *self)
{
	printf("# page: level %u, %llu changes\n", kt_level(self->page),
	       (unsigned long long)(self->page->changes - self->changes));
	for (int i = 0; i < CHANNELS; i++)
		printf("# %s: level %u, %llu changes, %llu breaks\n",
		       self->c[i].name, self->c[i].level,
		       (unsigned long long)self->c[i].events,
		       (unsigned long long)self->c[i].breaks);
}

/* Found by the module, which is not asked to look. */
TEST_F(pressure, a_stall_is_told)
{
	struct tmem_status st;

	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	/* Above what avg10 may hold still of the test before. */
	ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 60, 99, 100));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	ASSERT_EQ(0, kt_stall_start(&self->stall));
	EXPECT_TRUE(PACE_UNTIL(kt_status_copy(self->page, &st, sizeof(st)) &&
			       st.level > TMEM_LEVEL_LOW));
	EXPECT_LE(6000U, st.stall);
	EXPECT_EQ(st.level, st.stall_level);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, st.use_level);
	EXPECT_TRUE(PACE_UNTIL(!silent(self)));
	kt_stall_stop(&self->stall);

	/* It comes to rest: avg10 goes down slowly, and the level with it. */
	ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 98, 99, 100));
	EXPECT_TRUE(PACE_UNTIL(kt_look() &&
			       kt_level(self->page) == TMEM_LEVEL_LOW &&
			       !disagree(self)));
	print_told(self);
}

/* A setting has taken effect, and is told, when write() returns. */
TEST_F(pressure, a_threshold_is_crossed)
{
	for (uint32_t i = 1; i <= 12; i++) {
		ASSERT_EQ(0, kt_steer_to(&self->knobs, i % 4));
		EXPECT_EQ(i % 4, kt_level(self->page));
		EXPECT_EQ(0U, disagree(self))
		{
			print_told(self);
		}
	}
	EXPECT_EQ(self->page->changes,
		  (uint64_t)kt_sysfs_number("pressure/changes"));
	print_told(self);
}

TEST_HARNESS_MAIN
