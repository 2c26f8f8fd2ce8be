// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/pressure.h says of a handle over the device, on a status
 * page and events that are made up (fake_device.h): what is refused, the level
 * is the page's and costs no system call, a snapshot is never torn, waits end
 * when they should and not before.  (pressure.c is about the real module.)
 */
#include "fake_device.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

FIXTURE(page)
{
	struct tmem_pressure *p;
};

FIXTURE_SETUP(page)
{
	ASSERT_TRUE(fake_start());
	self->p = NULL;
	ASSERT_EQ(0, tmem_pressure_open(&self->p));
}

FIXTURE_TEARDOWN(page)
{
	tmem_pressure_close(self->p);
}

TEST(names)
{
	EXPECT_STREQ("low", tmem_level_name(TMEM_LEVEL_LOW));
	EXPECT_STREQ("medium", tmem_level_name(TMEM_LEVEL_MEDIUM));
	EXPECT_STREQ("high", tmem_level_name(TMEM_LEVEL_HIGH));
	EXPECT_STREQ("critical", tmem_level_name(TMEM_LEVEL_CRITICAL));
	EXPECT_STREQ("?", tmem_level_name((enum tmem_level)4));
	EXPECT_STREQ("?", tmem_level_name((enum tmem_level) - 1));
	tmem_pressure_close(NULL);
	tmem_netlink_close(NULL);
}

/* Everything that was opened is closed again. */
static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

TEST(refused)
{
	struct tmem_pressure *p;
	int before;

	ASSERT_TRUE(fake_start());
	before = lowest_fd();
	fake.query.features &= ~TMEM_FEATURE_PRESSURE;
	EXPECT_EQ(-ENOTSUP, tmem_pressure_open(&p));
	fake.query.features |= TMEM_FEATURE_PRESSURE;
	fake.query.status_size = sizeof(struct tmem_status) - 8;
	EXPECT_EQ(-EPROTO, tmem_pressure_open(&p));
	fake.query.status_size = FAKE_STATUS_SIZE;
	fake.status->size = FAKE_STATUS_SIZE + 8;
	EXPECT_EQ(-EPROTO, tmem_pressure_open(&p));
	fake.status->size = sizeof(struct tmem_status) - 8;
	EXPECT_EQ(-EPROTO, tmem_pressure_open(&p));
	EXPECT_EQ(before, lowest_fd());
}

TEST_F(page, level)
{
	unsigned int i;

	for (i = TMEM_LEVEL_LOW; i <= TMEM_LEVEL_CRITICAL; i++) {
		fake.status->level = i;
		EXPECT_EQ(i, tmem_pressure_level(self->p));
	}
	EXPECT_TRUE(fcntl(tmem_pressure_fd(self->p), F_GETFD) & FD_CLOEXEC);
}

/* Of system calls this process has only read(), write() and exit() left. */
static int asks_the_level(void *arg)
{
	const struct tmem_pressure *p = arg;
	unsigned int sum = 0, i;

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 2;
	for (i = 0; i < 1000; i++)
		sum += tmem_pressure_level(p);
	syscall(SYS_exit, sum ? 1 : 0);
	return 3;
}

TEST_F(page, level_without_system_calls)
{
	if (LT_TSAN)
		SKIP(return, "ThreadSanitizer has a thread that goes on");
	EXPECT_EQ(0, lt_child(asks_the_level, self->p));
}

#define WHOLE                         \
	(sizeof(struct tmem_status) + \
	 FAKE_NODES * sizeof(struct tmem_status_node))

TEST_F(page, snapshot_sizes)
{
	union {
		struct tmem_status status;
		unsigned char bytes[WHOLE + 64];
	} got;
	size_t size, i;

	memset((char *)fake.status + 32, 0x77, WHOLE - 32);
	EXPECT_EQ(-EINVAL,
		  tmem_pressure_snapshot(self->p, &got.status,
					 sizeof(struct tmem_status) - 1));
	for (size = sizeof(struct tmem_status); size <= sizeof(got);
	     size += 8) {
		memset(&got, 0xee, sizeof(got));
		ASSERT_EQ((int)(size < WHOLE ? size : WHOLE),
			  tmem_pressure_snapshot(self->p, &got.status, size));
		ASSERT_EQ(0, memcmp(&got, fake.status,
				    size < WHOLE ? size : WHOLE));
		for (i = size < WHOLE ? size : WHOLE; i < sizeof(got); i++)
			ASSERT_EQ(0xee, got.bytes[i]);
		EXPECT_EQ((uint32_t)WHOLE, got.status.size);
	}
}

/* The kernel's half: all fields but the first line say the same number. */
static void page_write(struct tmem_status *s, uint64_t number)
{
	uint32_t seq = s->seq;
	uint64_t *words = (uint64_t *)s;
	size_t i;

	__atomic_store_n(&s->seq, seq + 1, __ATOMIC_RELAXED);
	for (i = 2; i < WHOLE / 8; i++)
		__atomic_store_n(&words[i], number, __ATOMIC_RELEASE);
	__atomic_store_n(&s->seq, seq + 2, __ATOMIC_RELEASE);
}

static atomic_bool page_stop;

static void *page_writer(void *arg)
{
	uint64_t number = 0;

	while (!atomic_load(&page_stop)) {
		page_write(arg, ++number);
		if (number % 64 == 0)
			sched_yield();
	}
	return NULL;
}

TEST_F(page, snapshot_never_torn)
{
	uint64_t got[WHOLE / 8], seen = 0;
	unsigned int torn = 0;
	pthread_t writer;
	size_t i;

	ASSERT_EQ(0, pthread_create(&writer, NULL, page_writer, fake.status));
	PACE_ROUNDS(200) {
		do {
			ASSERT_EQ((int)WHOLE,
				  tmem_pressure_snapshot(self->p, (void *)got,
							 WHOLE));
			for (i = 2; i < WHOLE / 8; i++)
				torn += got[i] != got[2];
			if (got[2] == seen)
				sched_yield();
		} while (got[2] == seen);
		seen = got[2];
	}
	atomic_store(&page_stop, true);
	pthread_join(writer, NULL);
	EXPECT_EQ(0U, torn);
}

/* The writer is done while the reader sleeps for the third time. */
static void page_finish(void)
{
	if (fake.sleeps == 3)
		__atomic_store_n(&fake.status->seq, 2, __ATOMIC_RELEASE);
}

/* Written for a long time: waited for, and not by a busy loop. */
TEST_F(page, snapshot_waits_for_the_writer)
{
	struct tmem_status got;

	fake.status->seq = 1;
	fake.clock = true;
	fake.on_sleep = page_finish;
	EXPECT_EQ((int)sizeof(got),
		  tmem_pressure_snapshot(self->p, &got, sizeof(got)));
	EXPECT_EQ(2U, got.seq);
	EXPECT_EQ(3U, fake.sleeps);
}

/* Not before the time is over, and no more than the rounding after it. */
#define EXPECT_TOOK(ms)                         \
	do {                                    \
		EXPECT_LE(ms, fake.now_ms);     \
		EXPECT_GE(ms + 2, fake.now_ms); \
	} while (0)

TEST_F(page, wait)
{
	struct tmem_event event;

	fake.clock = true;
	EXPECT_EQ(0, tmem_pressure_wait(self->p, 0, &event));
	EXPECT_EQ(0U, fake.now_ms);
	EXPECT_EQ(0, tmem_pressure_wait(self->p, 150, &event));
	EXPECT_TOOK(150U);

	ASSERT_TRUE(fake_event(TMEM_EVENT_LEVEL, 2, 0));
	ASSERT_TRUE(fake_event(TMEM_EVENT_TRIGGER, 2, 99));
	ASSERT_EQ(1, tmem_pressure_wait(self->p, 0, &event));
	EXPECT_EQ((uint32_t)TMEM_EVENT_LEVEL, event.type);
	EXPECT_EQ(2U, event.level);
	ASSERT_EQ(1, tmem_pressure_wait(self->p, -1, &event));
	EXPECT_EQ((uint32_t)TMEM_EVENT_TRIGGER, event.type);
	EXPECT_EQ(99U, event.cookie);
	EXPECT_EQ(0, tmem_pressure_wait(self->p, 0, &event));
}

static int interrupted(int timeout)
{
	(void)timeout;
	return -EINTR;
}

TEST_F(page, wait_interrupted)
{
	struct tmem_event event;

	fake.clock = true;
	fake.on_poll = interrupted;
	EXPECT_EQ(-EINTR, tmem_pressure_wait(self->p, -1, &event));
	EXPECT_EQ(-EINTR,
		  tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, -1));
}

/* One level up in 50 ms, with an event for it and one that is not about it. */
static int rise(int timeout)
{
	uint32_t level = fake.status->level;

	(void)timeout;
	fake_event(TMEM_EVENT_TRIGGER, level, 5);
	__atomic_store_n(&fake.status->level, level + 1, __ATOMIC_RELEASE);
	fake_event(TMEM_EVENT_LEVEL, level + 1, 0);
	return 50;
}

TEST_F(page, wait_level)
{
	fake.clock = true;
	EXPECT_EQ(-EINVAL,
		  tmem_pressure_wait_level(self->p, (enum tmem_level)4, 0));
	EXPECT_EQ(1, tmem_pressure_wait_level(self->p, TMEM_LEVEL_LOW, 0));
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, 0));
	EXPECT_EQ(0U, fake.now_ms);
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, 100));
	EXPECT_TOOK(100U);

	fake.now_ms = 0;
	fake.on_poll = rise;
	EXPECT_EQ(1, tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, 10000));
	EXPECT_EQ(TMEM_LEVEL_HIGH, tmem_pressure_level(self->p));
	EXPECT_EQ(100U, fake.now_ms);
}

static int chatter(int timeout)
{
	if (timeout < 10)
		return timeout;
	fake_event(TMEM_EVENT_TRIGGER, 0, 5);
	return 10;
}

/* Events that do not matter must not start the time anew. */
TEST_F(page, wait_level_in_a_chatter)
{
	fake.clock = true;
	fake.on_poll = chatter;
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, 200));
	EXPECT_TOOK(200U);
}

TEST_F(page, triggers)
{
	EXPECT_EQ(0, tmem_pressure_add_trigger(self->p, 42, 77));
	EXPECT_EQ(42, fake.trigger.fd);
	EXPECT_EQ(0U, fake.trigger.flags);
	EXPECT_EQ(77U, fake.trigger.cookie);
	EXPECT_EQ(0, tmem_pressure_remove_trigger(self->p, 78));
	EXPECT_EQ(78U, fake.trigger.cookie);
	fake.trigger_errno = EEXIST;
	EXPECT_EQ(-EEXIST, tmem_pressure_add_trigger(self->p, 42, 77));
	fake.trigger_errno = ENOENT;
	EXPECT_EQ(-ENOENT, tmem_pressure_remove_trigger(self->p, 77));
}

TEST_HARNESS_MAIN
