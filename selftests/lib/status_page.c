// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/pressure.h says of a handle over the device, on a status
 * page and events that are made up (fake_device.h): what is refused, the level
 * is the page's, a snapshot is never torn, waits end when they should and not
 * before.  Prints what tmem_pressure_level() costs.  (pressure.c is about the
 * real module.)
 */
#include "fake_device.h"

#include <sys/time.h>

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

static double ns_of_level(const struct tmem_pressure *p, unsigned int rounds)
{
	struct timespec from, to;
	unsigned int i, sum = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < rounds; i++)
		sum += tmem_pressure_level(p);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (sum)
		return -1;
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 +
		(double)(to.tv_nsec - from.tv_nsec)) /
	       rounds;
}

/*
 * The least of several, since others share the machine.  Wide of the 2 ns that
 * the header says, so that a slow machine does not fail: a system call would
 * take a hundred.
 */
TEST_F(page, cost_of_level)
{
	double ns, least = 1e9;
	int i;

	for (i = 0; i < 20; i++) {
		ns = ns_of_level(self->p, LT_COUNT(5000000, 100000));
		ASSERT_LE(0, ns);
		if (ns < least)
			least = ns;
	}
	printf("# tmem_pressure_level(): %.2f ns\n", least);
	if (!LT_SANITIZER) {
		EXPECT_GT(20, least);
	}
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
	uint64_t from = lt_ms(), got[WHOLE / 8], seen = 0;
	unsigned int reads = 0, fresh = 0, torn = 0;
	pthread_t writer;
	size_t i;

	ASSERT_EQ(0, pthread_create(&writer, NULL, page_writer, fake.status));
	while (lt_ms() < from + 500 || (fresh < 20 && lt_ms() < from + 10000)) {
		ASSERT_EQ((int)WHOLE,
			  tmem_pressure_snapshot(self->p, (void *)got, WHOLE));
		for (i = 2; i < WHOLE / 8; i++)
			torn += got[i] != got[2];
		fresh += got[2] != seen;
		seen = got[2];
		reads++;
	}
	atomic_store(&page_stop, true);
	pthread_join(writer, NULL);
	printf("# %u snapshots, %u of them new\n", reads, fresh);
	EXPECT_EQ(0U, torn);
	EXPECT_LE(20U, fresh);
}

static void *page_finish(void *arg)
{
	struct tmem_status *s = arg;

	usleep(100000);
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Written for a long time: waited for, and not by a busy loop. */
TEST_F(page, snapshot_waits_for_the_writer)
{
	struct tmem_status got;
	struct rusage from, to;
	pthread_t writer;

	fake.status->seq = 1;
	ASSERT_EQ(0, pthread_create(&writer, NULL, page_finish, fake.status));
	getrusage(RUSAGE_THREAD, &from);
	EXPECT_EQ((int)sizeof(got),
		  tmem_pressure_snapshot(self->p, &got, sizeof(got)));
	getrusage(RUSAGE_THREAD, &to);
	pthread_join(writer, NULL);
	EXPECT_EQ(2U, got.seq);
	EXPECT_LT(to.ru_utime.tv_sec - from.ru_utime.tv_sec, 1);
}

TEST_F(page, wait)
{
	struct tmem_event event;
	uint64_t from;

	EXPECT_EQ(0, tmem_pressure_wait(self->p, 0, &event));
	from = lt_ms();
	EXPECT_EQ(0, tmem_pressure_wait(self->p, 150, &event));
	EXPECT_LE(150U, lt_ms() - from);
	EXPECT_GT(5000U, lt_ms() - from);

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

static void on_alarm(int sig)
{
	(void)sig;
}

/* Again and again, so that none comes too early for ever. */
static void alarms(bool on)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = {
		.it_value.tv_usec = on ? 50000 : 0,
		.it_interval.tv_usec = 50000,
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

TEST_F(page, wait_interrupted)
{
	struct tmem_event event;

	alarms(true);
	EXPECT_EQ(-EINTR, tmem_pressure_wait(self->p, -1, &event));
	EXPECT_EQ(-EINTR,
		  tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, -1));
	alarms(false);
}

/* Rises step by step, with an event for each and some that are not about it. */
static void *rise(void *arg)
{
	uint32_t level;

	for (level = TMEM_LEVEL_MEDIUM; level <= TMEM_LEVEL_HIGH; level++) {
		usleep(50000);
		fake_event(TMEM_EVENT_TRIGGER, level - 1, 5);
		__atomic_store_n((uint32_t *)arg, level, __ATOMIC_RELEASE);
		fake_event(TMEM_EVENT_LEVEL, level, 0);
	}
	return NULL;
}

TEST_F(page, wait_level)
{
	uint64_t from = lt_ms();
	pthread_t riser;

	EXPECT_EQ(-EINVAL,
		  tmem_pressure_wait_level(self->p, (enum tmem_level)4, 0));
	EXPECT_EQ(1, tmem_pressure_wait_level(self->p, TMEM_LEVEL_LOW, 0));
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, 0));
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, 100));
	EXPECT_LE(100U, lt_ms() - from);

	ASSERT_EQ(0, pthread_create(&riser, NULL, rise, &fake.status->level));
	EXPECT_EQ(1, tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, 10000));
	EXPECT_EQ(TMEM_LEVEL_HIGH, tmem_pressure_level(self->p));
	EXPECT_GT(5000U, lt_ms() - from);
	pthread_join(riser, NULL);
}

static atomic_bool chatter_stop;

static void *chatter(void *arg)
{
	while (!atomic_load(&chatter_stop)) {
		fake_event(TMEM_EVENT_TRIGGER, 0, 5);
		usleep(10000);
	}
	return NULL;
}

/* Events that do not matter must not start the time anew. */
TEST_F(page, wait_level_in_a_chatter)
{
	uint64_t from = lt_ms();
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, chatter, NULL));
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_HIGH, 200));
	EXPECT_LE(200U, lt_ms() - from);
	EXPECT_GT(5000U, lt_ms() - from);
	atomic_store(&chatter_stop, true);
	pthread_join(thread, NULL);
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
