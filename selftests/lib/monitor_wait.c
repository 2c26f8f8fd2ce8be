// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the monitor waits for: a look each two seconds and nothing else
 * while nothing happens; not for long at a time, so that a stop is noticed; for
 * no source that has broken, until it is tried again; and not for its sources
 * at all, for a moment, where they say too much.
 */
#include "monitor_fake.h"

#define HOUR_MS 3600000u

/* Descriptors that the monitor waits for. */
static unsigned int asked_fds(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < fake_asked()->count; i++)
		n += fake_asked()->fds[i].fd >= 0;
	return n;
}

/* With the intervals that a program gets by default. */
TEST_F(monitor, a_look_each_two_seconds)
{
	ASSERT_EQ(0, fake_start(NULL));
	EXPECT_EQ(2000, fake_asked()->timeout_ms);
	EXPECT_EQ(0U, asked_fds());
	EXPECT_EQ(1U, stats_get().looks);
	fake_pass(HOUR_MS);
	EXPECT_EQ(1801U, stats_get().looks);
	EXPECT_EQ(1800U, stats_get().wakeups);
	EXPECT_EQ(0U, stats_get().events_in);
	/* At a worse level more often. */
	ASSERT_TRUE(host_use(80));
	fake_pass(2000);
	EXPECT_EQ(250, fake_asked()->timeout_ms);
	fake_pass(60000);
	EXPECT_EQ(1802U + 4 * 60, stats_get().looks);
}

/* It cannot be woken if the program closes its descriptors meanwhile. */
TEST_F(monitor, a_long_wait_is_many_short_ones)
{
	self->config.interval_ms = HOUR_MS;
	ASSERT_EQ(0, fake_start(&self->config));
	EXPECT_EQ(2000, fake_asked()->timeout_ms);
	fake_pass(HOUR_MS - 1);
	EXPECT_EQ(1U, stats_get().looks);
	EXPECT_EQ(0U, stats_get().wakeups);
	fake_pass(1);
	EXPECT_EQ(2U, stats_get().looks);
	EXPECT_EQ(1U, stats_get().wakeups);
}

/* The end of a FIFO that the monitor waits for. */
#define MANAGER()                                                             \
	do {                                                                  \
		ASSERT_EQ(0, mkfifo(self->watch, 0600));                      \
		setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);              \
		self->config.interval_ms = HOUR_MS;                           \
		self->config.tense_ms = HOUR_MS;                              \
		ASSERT_EQ(0, fake_start(&self->config));                      \
		self->end =                                                   \
			open(self->watch, O_WRONLY | O_CLOEXEC | O_NONBLOCK); \
		ASSERT_GE(self->end, 0);                                      \
		EXPECT_EQ(1U, asked_fds());                                   \
	} while (0)

/*
 * A byte in the service manager's FIFO each millisecond: 101 are heard at once,
 * the others of that second each 20 ms together.
 */
TEST_F(monitor, a_flood_of_events)
{
	unsigned int ms, rests = 0, heard = 101 + (1000 - 100) / 20;

	MANAGER();
	for (ms = 0; ms < 1000; ms++) {
		ASSERT_EQ(1, write(self->end, "!", 1));
		fake_pass(1);
		if (fake_asked()->count)
			continue;
		EXPECT_EQ(20, fake_asked()->timeout_ms);
		rests++;
	}
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)sample_get().level);
	EXPECT_EQ(900U, rests);
	EXPECT_EQ(heard, stats_get().events_in);
	EXPECT_EQ(1U + heard, stats_get().looks);
	/* The last rest is over: nothing more has come. */
	fake_pass(20);
	EXPECT_EQ(heard, stats_get().events_in);
	EXPECT_EQ(1U, asked_fds());
	EXPECT_EQ(2000, fake_asked()->timeout_ms);
	/* An event is heard at once again. */
	ASSERT_EQ(1, write(self->end, "!", 1));
	fake_run();
	EXPECT_EQ(heard + 1, stats_get().events_in);
	EXPECT_EQ(1U, asked_fds());
}

/* The program closes everything: nothing is waited for, nor looked at twice. */
TEST_F(monitor, descriptors_that_were_closed)
{
	uint64_t looks;
	int fd;

	MANAGER();
	for (fd = 3; fd < 256; fd++)
		close(fd);
	fake_run();
	EXPECT_EQ(0U, asked_fds());
	looks = stats_get().looks;
	fake_pass(1000);
	EXPECT_EQ(looks, stats_get().looks);
	self->end = -1;
	self->fds = fds_open();
}

/* Its number is another file's meanwhile: no byte of that is read. */
TEST_F(monitor, descriptors_that_are_others_now)
{
	int theirs, ends[2];
	uint64_t looks;
	char byte;

	MANAGER();
	theirs = tmem_monitor.wakers.watch.file.fd;
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(theirs, dup2(ends[0], theirs));
	ASSERT_EQ(1, write(ends[1], "!", 1));
	fake_run();
	EXPECT_EQ(0U, asked_fds());
	EXPECT_EQ(0U, stats_get().events_in);
	looks = stats_get().looks;
	fake_pass(1000);
	EXPECT_EQ(looks, stats_get().looks);
	EXPECT_EQ(0, tmem_monitor_stop());
	EXPECT_EQ(1, read(theirs, &byte, 1));
	close(theirs);
	close(ends[0]);
	close(ends[1]);
}

/* Nor is it waited for, once the wait that had begun is over. */
TEST_F(monitor, descriptors_that_others_keep)
{
	int theirs, ends[2];

	MANAGER();
	theirs = tmem_monitor.wakers.watch.file.fd;
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(theirs, dup2(ends[0], theirs));
	fake_pass(2000);
	EXPECT_EQ(0U, asked_fds());
	EXPECT_EQ(0, tmem_monitor_stop());
	EXPECT_EQ(0, close(theirs));
	close(ends[0]);
	close(ends[1]);
}

/* Each ten seconds; the first failure is reported, each one is counted. */
TEST_F(monitor, what_is_missing_is_tried_again)
{
	struct lt_log log;

	lt_listen(&log);
	setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);
	ASSERT_EQ(0, fake_start(NULL));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_WARN, "MEMORY_PRESSURE_WATCH"));
	EXPECT_EQ(1U, stats_get().errors);
	fake_pass(9999);
	EXPECT_EQ(1U, stats_get().errors);
	fake_pass(1);
	EXPECT_EQ(2U, stats_get().errors);
	EXPECT_EQ(0U, atomic_load(&log.lines));
	EXPECT_EQ(0U, stats_get().sources);
	ASSERT_EQ(0, mkfifo(self->watch, 0600));
	fake_pass(9999);
	EXPECT_EQ(0U, stats_get().sources);
	fake_pass(1);
	EXPECT_EQ(1u << TMEM_RESOURCE_MANAGER, stats_get().sources);
	EXPECT_EQ(1U, asked_fds());
	EXPECT_EQ(2U, stats_get().errors);
	tmem_set_log(NULL, NULL);
}

TEST_F(monitor, manager_that_asks_not_to_watch)
{
	setenv("MEMORY_PRESSURE_WATCH", "/dev/null", 1);
	ASSERT_EQ(0, fake_start(&self->config));
	fake_pass(100);
	EXPECT_EQ(0U, stats_get().sources);
	EXPECT_EQ(0U, asked_fds());
}

TEST_HARNESS_MAIN
