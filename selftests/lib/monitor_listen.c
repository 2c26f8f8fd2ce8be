// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how a program hears of levels: each listener at its own, from either
 * side; it may call the library, stop being one, but not stop the monitor; and
 * one that was taken off does not run any more.
 */
#include "monitor_run.h"

/* --- listeners --------------------------------------------------------------------- */

static struct {
	atomic_uint calls[4];
	atomic_int stop, number;
	atomic_bool hold, in;
} heard;

static void on_level(void *ctx, const struct tmem_monitor_event *event)
{
	atomic_fetch_add((atomic_uint *)ctx, 1);
	if (event->to == TMEM_LEVEL_CRITICAL)
		atomic_store(&heard.stop, tmem_monitor_stop());
	tmem_trim(0);
}

static void on_level_once(void *ctx, const struct tmem_monitor_event *event)
{
	(void)event;
	atomic_fetch_add((atomic_uint *)ctx, 1);
	tmem_monitor_unlisten(atomic_load(&heard.number));
}

static void on_level_slowly(void *ctx, const struct tmem_monitor_event *event)
{
	(void)ctx;
	(void)event;
	atomic_store(&heard.in, true);
	while (atomic_load(&heard.hold))
		usleep(1000);
	usleep(20000);
	atomic_store(&heard.in, false);
}

TEST_F(monitor, listeners)
{
	int high, i;

	high = tmem_monitor_listen(TMEM_LEVEL_HIGH, on_level, &heard.calls[0]);
	ASSERT_GT(high, 0);
	ASSERT_GT(tmem_monitor_listen(TMEM_LEVEL_CRITICAL, on_level,
				      &heard.calls[1]),
		  0);
	atomic_store(&heard.number,
		     tmem_monitor_listen(TMEM_LEVEL_HIGH, on_level_once,
					 &heard.calls[2]));
	EXPECT_EQ(-EINVAL, tmem_monitor_listen((enum tmem_level)4, on_level,
					       &heard.calls[0]));
	EXPECT_EQ(-EINVAL, tmem_monitor_listen(TMEM_LEVEL_LOW, NULL, NULL));
	for (i = 3; i < TMEM_MONITOR_LISTENERS; i++)
		ASSERT_GT(tmem_monitor_listen(TMEM_LEVEL_MEDIUM, on_level,
					      &heard.calls[3]),
			  0);
	EXPECT_EQ(-ENOSPC, tmem_monitor_listen(TMEM_LEVEL_LOW, on_level, NULL));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(host_use(80));
	ASSERT_TRUE(WAIT(atomic_load(&heard.calls[2])));
	EXPECT_EQ(1U, atomic_load(&heard.calls[0]));
	ASSERT_TRUE(host_use(95));
	ASSERT_TRUE(WAIT(atomic_load(&heard.stop)));
	EXPECT_EQ(-EDEADLK, atomic_load(&heard.stop));
	EXPECT_EQ(0, tmem_monitor_unlisten(high));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(high));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(0));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(-1));
	ASSERT_TRUE(host_use(80));
	ASSERT_TRUE(WAIT(event_get().to == TMEM_LEVEL_HIGH));
	EXPECT_EQ(1U, atomic_load(&heard.calls[0]));
	EXPECT_EQ(1U, atomic_load(&heard.calls[2]));
	EXPECT_EQ(0U, atomic_load(&heard.calls[3]));
}

/* Who has been told that it is not called any more may free what it uses. */
TEST_F(monitor, unlisten_waits_for_the_listener)
{
	int number;

	atomic_store(&heard.hold, true);
	number = tmem_monitor_listen(TMEM_LEVEL_HIGH, on_level_slowly, NULL);
	ASSERT_GT(number, 0);
	ASSERT_TRUE(host_use(80));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(atomic_load(&heard.in)));
	atomic_store(&heard.hold, false);
	EXPECT_EQ(0, tmem_monitor_unlisten(number));
	EXPECT_FALSE(atomic_load(&heard.in));
}

TEST_HARNESS_MAIN
