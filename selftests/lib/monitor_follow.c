// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the monitor knows nothing before it runs; then follows the host
 * up, and down after two seconds; acts on a prediction; and that a host whose
 * files vanish has no level, not a wrong one.
 */
#include "monitor_run.h"

/* --- looking --------------------------------------------------------------------- */

TEST_F(monitor, nothing_known_before_it_starts)
{
	struct tmem_monitor_history history = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	struct tmem_monitor_trend trend = TMEM_MONITOR_TREND_INIT;
	struct tmem_monitor_point point;

	EXPECT_EQ(-ENODATA, tmem_monitor_sample_get(&sample));
	EXPECT_EQ(-ENODATA, tmem_monitor_history_get(&history));
	EXPECT_EQ(-ENODATA, tmem_monitor_trend_get(&trend));
	EXPECT_EQ(0U, tmem_monitor_points(&point, 1));
	EXPECT_EQ(0U, event_get().number);
	sample.struct_size = history.struct_size = trend.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_monitor_sample_get(&sample));
	EXPECT_EQ(-EINVAL, tmem_monitor_history_get(&history));
	EXPECT_EQ(-EINVAL, tmem_monitor_trend_get(&trend));
	EXPECT_STREQ("cgroup-stall",
		     tmem_resource_name(TMEM_RESOURCE_CGROUP_STALL));
	EXPECT_STREQ("none", tmem_resource_name(TMEM_RESOURCE_NONE));
	EXPECT_STREQ("emergency", tmem_reaction_name(TMEM_REACTION_EMERGENCY));
	EXPECT_STREQ("?", tmem_reaction_name(4));
}

TEST_F(monitor, follows_the_host)
{
	struct tmem_monitor_history history = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor_event events[8];

	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(sample_get().time_ns));
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)sample_get().level);
	ASSERT_TRUE(host_use(80));
	ASSERT_TRUE(WAIT(sample_get().level == TMEM_LEVEL_HIGH));
	EXPECT_EQ(TMEM_RESOURCE_SYSTEM, (int)sample_get().limiting);
	ASSERT_TRUE(host_use(95));
	ASSERT_TRUE(WAIT(sample_get().level == TMEM_LEVEL_CRITICAL));
	ASSERT_TRUE(host_use(30));
	ASSERT_TRUE(WAIT(sample_get().level == TMEM_LEVEL_LOW));
	ASSERT_EQ(0, tmem_monitor_history_get(&history));
	EXPECT_GE(history.level_ns[TMEM_LEVEL_CRITICAL], 1900 * MS);
	EXPECT_GT(history.max, 0.94);
	ASSERT_EQ(3U, tmem_monitor_events(events, 8));
	EXPECT_EQ(1U, events[0].number);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)events[0].from);
	EXPECT_EQ(TMEM_REACTION_AGGRESSIVE, (int)events[0].reaction);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)events[1].to);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)events[2].to);
	EXPECT_GE(events[1].decision_ns, events[1].event_ns);
}

/* Rising by 1 % each 20 ms, it is high soon: so the collector is told. */
TEST_F(monitor, follows_a_prediction)
{
	struct tmem_monitor_trend trend = TMEM_MONITOR_TREND_INIT;
	unsigned int use;

	self->config.predict_off = 0;
	self->config.window = 10;
	self->config.horizon_ms = 400;
	ASSERT_TRUE(host_use(51));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(event_get().to == TMEM_LEVEL_MEDIUM));
	for (use = 52; use < 74 && event_get().to < TMEM_LEVEL_HIGH; use++) {
		ASSERT_TRUE(host_use(use));
		usleep(20000);
	}
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)event_get().to);
	EXPECT_EQ(TMEM_LEVEL_MEDIUM, (int)event_get().level);
	EXPECT_GE(event_get().predicted, 0.75);
	EXPECT_LT(event_get().ratio, 0.75);
	ASSERT_EQ(0, tmem_monitor_trend_get(&trend));
	EXPECT_GT(trend.slope, 0.0);
	EXPECT_GE(trend.samples, TMEM_TREND_FEW);
	EXPECT_LE(trend.samples, 10U);
	/* And then it is scored: what stays as it is is foreseen soon. */
	EXPECT_TRUE(WAIT(!tmem_monitor_trend_get(&trend) && trend.scored > 10 &&
			 trend.accuracy > 0.0));
	EXPECT_LE(trend.accuracy, 1.0);
}

TEST_F(monitor, files_that_vanish)
{
	ASSERT_TRUE(host_use(95));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(sample_get().level == TMEM_LEVEL_CRITICAL));
	host_drop();
	ASSERT_TRUE(WAIT(stats_get().unknown > 3));
	EXPECT_EQ(TMEM_RESOURCE_NONE, sample_get().limiting);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)sample_get().level);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)event_get().to);
	EXPECT_EQ((uint32_t)ENOENT, sample_get().error);
	EXPECT_GT(stats_get().errors, 3U);
	ASSERT_TRUE(host_use(80));
	EXPECT_TRUE(WAIT(sample_get().level == TMEM_LEVEL_HIGH));
}

TEST_HARNESS_MAIN
