// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the monitor costs next to nothing while nothing happens, with
 * the intervals that a program gets by default.
 */
#include "monitor_run.h"

/* With the intervals that a program gets by default. */
TEST_F(monitor, costs_nothing_when_nothing_happens)
{
	struct tmem_monitor_stats before, after;
	uint64_t ns = tmem_monitor_now_ns();
	double share;

	ASSERT_EQ(0, tmem_monitor_start(NULL));
	ASSERT_TRUE(WAIT(stats_get().looks));
	before = stats_get();
	usleep(2500000);
	after = stats_get();
	share = (double)(after.cpu_ns - before.cpu_ns) /
		(double)(tmem_monitor_now_ns() - ns);
	printf("# %llu wakeups, %.4f %% CPU\n",
	       (unsigned long long)(after.wakeups - before.wakeups),
	       100 * share);
	EXPECT_GE(after.looks - before.looks, 1U);
	EXPECT_LE(after.wakeups - before.wakeups, 3U);
	EXPECT_LT(share, lt_is_slow() ? 0.02 : 0.001);
}

TEST_HARNESS_MAIN
