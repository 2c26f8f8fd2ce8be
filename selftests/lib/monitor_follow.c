// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the monitor knows nothing before it runs; then follows the host
 * up, and down after two seconds; acts on a prediction; and that a host whose
 * files vanish has no level, not a wrong one.
 */
#include "monitor_fake.h"

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
	uint64_t begin;

	ASSERT_EQ(0, fake_start(&self->config));
	begin = worker_fake_now();
	EXPECT_EQ(begin, sample_get().time_ns);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)sample_get().level);
	/* Up at the next look. */
	ASSERT_TRUE(host_use(80));
	fake_pass(10);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)sample_get().level);
	EXPECT_EQ(TMEM_RESOURCE_SYSTEM, (int)sample_get().limiting);
	ASSERT_TRUE(host_use(95));
	fake_pass(10);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)sample_get().level);
	/* Down two seconds after the first look that is better. */
	ASSERT_TRUE(host_use(30));
	fake_pass(2000);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)sample_get().level);
	fake_pass(10);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)sample_get().level);
	ASSERT_EQ(0, tmem_monitor_history_get(&history));
	EXPECT_EQ(2010 * MS, history.level_ns[TMEM_LEVEL_CRITICAL]);
	EXPECT_EQ(10 * MS, history.level_ns[TMEM_LEVEL_HIGH]);
	EXPECT_GT(history.max, 0.94);
	ASSERT_EQ(3U, tmem_monitor_events(events, 8));
	EXPECT_EQ(1U, events[0].number);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)events[0].from);
	EXPECT_EQ(TMEM_REACTION_AGGRESSIVE, (int)events[0].reaction);
	EXPECT_EQ(begin + 10 * MS, events[0].event_ns);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)events[1].to);
	EXPECT_EQ(begin + 20 * MS, events[1].decision_ns);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)events[2].to);
	EXPECT_EQ(begin + 2030 * MS, events[2].event_ns);
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
	ASSERT_EQ(0, fake_start(&self->config));
	EXPECT_EQ(TMEM_LEVEL_MEDIUM, (int)event_get().to);
	for (use = 52; use < 74 && event_get().to < TMEM_LEVEL_HIGH; use++) {
		ASSERT_TRUE(host_use(use));
		fake_pass(20);
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
	fake_pass(2000);
	ASSERT_EQ(0, tmem_monitor_trend_get(&trend));
	EXPECT_GT(trend.scored, 10U);
	EXPECT_GT(trend.accuracy, 0.0);
	EXPECT_LE(trend.accuracy, 1.0);
}

TEST_F(monitor, files_that_vanish)
{
	ASSERT_TRUE(host_use(95));
	ASSERT_EQ(0, fake_start(&self->config));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)sample_get().level);
	host_drop();
	fake_pass(40);
	EXPECT_EQ(4U, stats_get().unknown);
	EXPECT_EQ(TMEM_RESOURCE_NONE, sample_get().limiting);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)sample_get().level);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)event_get().to);
	EXPECT_EQ((uint32_t)ENOENT, sample_get().error);
	EXPECT_GT(stats_get().errors, 3U);
	ASSERT_TRUE(host_use(80));
	fake_pass(10);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)sample_get().level);
}

TEST_HARNESS_MAIN
