// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the monitor makes of figures: ratios and levels at their edges,
 * and none of what is no number; the tightest resource; what the collector is
 * told, up at once and down later, one level for a prediction; the ring of
 * events; and what a program may configure.
 */
#include "lib_test.h"

#include "monitor/monitor.h"
#include "monitor/ratio.h"

#define S 1000000000ull
#define NEAR(a, b) ((a) - (b) < 1e-6 && (b) - (a) < 1e-6)

static double not_a_number(void)
{
	return strtod("nan", NULL);
}

static double infinite(void)
{
	return strtod("inf", NULL);
}

/* --- ratios and levels -------------------------------------------------------------- */

TEST(level_of_a_ratio)
{
	static const struct {
		double ratio;
		enum tmem_level level;
	} at[] = {
		{ 0.0, TMEM_LEVEL_LOW },      { 0.4999, TMEM_LEVEL_LOW },
		{ 0.5, TMEM_LEVEL_MEDIUM },   { 0.7499, TMEM_LEVEL_MEDIUM },
		{ 0.75, TMEM_LEVEL_HIGH },    { 0.8999, TMEM_LEVEL_HIGH },
		{ 0.9, TMEM_LEVEL_CRITICAL }, { 1.0, TMEM_LEVEL_CRITICAL },
	};
	enum tmem_level level;
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		ASSERT_EQ(0, tmem_level_of(at[i].ratio, &level));
		EXPECT_EQ((int)at[i].level, (int)level);
	}
}

TEST(what_is_no_ratio_is_no_level)
{
	const double bad[] = { not_a_number(), infinite(), -infinite(), -0.001,
			       1.001 };
	enum tmem_level level = TMEM_LEVEL_HIGH;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, tmem_level_of(bad[i], &level));
		EXPECT_EQ(TMEM_LEVEL_HIGH, (int)level);
	}
}

TEST(ratios)
{
	EXPECT_TRUE(tmem_ratio_of(1, 4) == 0.25);
	EXPECT_TRUE(tmem_ratio_of(0, 4) == 0.0);
	EXPECT_TRUE(tmem_ratio_of(5, 4) == 1.0);
	EXPECT_TRUE(tmem_ratio_of(0, 0) == 1.0);
	EXPECT_TRUE(tmem_ratio_of(UINT64_MAX, UINT64_MAX) == 1.0);
	/* The module's thresholds of stalls are the levels' of memory in use. */
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(0), 0.0));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(250), 0.25));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(500), 0.5));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(2000), 0.75));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(3000), 0.825));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(4000), 0.9));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(10000), 1.0));
	EXPECT_TRUE(NEAR(tmem_ratio_of_stall(20000), 1.0));
	EXPECT_TRUE(NEAR(tmem_module_ratio(TMEM_LEVEL_LOW, 3000, 0), 0.3));
	EXPECT_TRUE(NEAR(tmem_module_ratio(TMEM_LEVEL_LOW, 0, 2000), 0.75));
	EXPECT_TRUE(NEAR(tmem_module_ratio(TMEM_LEVEL_HIGH, 3000, 0), 0.75));
	EXPECT_TRUE(NEAR(tmem_module_ratio(99, 0, 0), 0.9));
	EXPECT_TRUE(NEAR(tmem_module_ratio(0, 60000, 0), 1.0));
}

TEST(the_tightest_resource_counts)
{
	struct tmem_monitor_sample s = TMEM_MONITOR_SAMPLE_INIT;

	EXPECT_FALSE(tmem_sample_judge(&s));
	EXPECT_EQ(TMEM_RESOURCE_NONE, s.limiting);
	tmem_sample_put(&s, TMEM_RESOURCE_SYSTEM, 0.0);
	EXPECT_TRUE(tmem_sample_judge(&s));
	EXPECT_EQ(TMEM_RESOURCE_SYSTEM, (int)s.limiting);
	tmem_sample_put(&s, TMEM_RESOURCE_POOL, 0.8);
	tmem_sample_put(&s, TMEM_RESOURCE_CGROUP, 0.6);
	EXPECT_TRUE(tmem_sample_judge(&s));
	EXPECT_EQ(TMEM_RESOURCE_POOL, (int)s.limiting);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)s.level);
	tmem_sample_put(&s, TMEM_RESOURCE_STALL, not_a_number());
	EXPECT_EQ(1u << TMEM_RESOURCE_STALL, s.errors);
	EXPECT_EQ((uint32_t)EINVAL, s.error);
	EXPECT_TRUE(tmem_sample_judge(&s));
	EXPECT_EQ(TMEM_RESOURCE_POOL, (int)s.limiting);
}

/* --- what the collector is told ----------------------------------------------------- */

static int follow(struct tmem_react *react, double s, double now, double then,
		  struct tmem_monitor_sample *sample)
{
	*sample = (struct tmem_monitor_sample)TMEM_MONITOR_SAMPLE_INIT;
	sample->time_ns = 1000 * S + (uint64_t)(s * 1e9);
	if (now >= 0)
		tmem_sample_put(sample, TMEM_RESOURCE_SYSTEM, now);
	tmem_sample_judge(sample);
	sample->predicted = then;
	tmem_react_measure(react, sample);
	return (int)tmem_react_level(react, sample, true);
}

TEST(up_at_once_down_after_two_seconds)
{
	struct tmem_react r = { 0 };
	struct tmem_monitor_sample s;

	EXPECT_EQ(TMEM_LEVEL_LOW, follow(&r, 0, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 0.1, 0.9, 0.9, &s));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)s.level);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 1, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 2.9, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_LOW, follow(&r, 3.1, 0.3, 0.3, &s));
	/* 0.86 is not 0.05 below: it stays. */
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 4, 0.91, 0.91, &s));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 5, 0.86, 0.86, &s));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 50, 0.86, 0.86, &s));
}

TEST(a_prediction_is_worth_one_level)
{
	struct tmem_react r = { 0 };
	struct tmem_monitor_sample s;

	EXPECT_EQ(TMEM_LEVEL_MEDIUM, follow(&r, 0, 0.3, 1.0, &s));
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)s.level);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 1, 0.8, 1.0, &s));
	/* It is forgotten as a level is: after two seconds. */
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 2, 0.8, 0.8, &s));
	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 5, 0.8, 0.8, &s));
	/* That it gets better is no reason to do less now. */
	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 6, 0.8, 0.1, &s));
}

TEST(no_figure_is_no_level)
{
	struct tmem_react r = { 0 };
	struct tmem_monitor_sample s;

	EXPECT_EQ(TMEM_LEVEL_CRITICAL, follow(&r, 0, 0.95, 0.95, &s));
	EXPECT_EQ(TMEM_LEVEL_LOW, follow(&r, 1, -1, 0.95, &s));
	EXPECT_EQ(TMEM_RESOURCE_NONE, s.limiting);
	EXPECT_EQ(TMEM_LEVEL_LOW, follow(&r, 1.1, 0.3, 0.3, &s));
}

/* A level does not last longer, nor shorter, for a clock that goes back. */
TEST(level_when_the_clock_goes_back)
{
	struct tmem_react r = { 0 };
	struct tmem_monitor_sample s;

	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 100, 0.8, 0.8, &s));
	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 101, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 1, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_HIGH, follow(&r, 2.5, 0.3, 0.3, &s));
	EXPECT_EQ(TMEM_LEVEL_LOW, follow(&r, 3.5, 0.3, 0.3, &s));
}

TEST(ring_of_events)
{
	static struct tmem_events events;
	struct tmem_monitor_event e = { 0 }, last[4];
	unsigned int i;

	EXPECT_EQ(0U, tmem_events_last(&events, last, 4));
	for (i = 1; i <= 1000; i++) {
		e.bytes = i;
		ASSERT_EQ(i, tmem_events_add(&events, &e));
	}
	ASSERT_EQ(4U, tmem_events_last(&events, last, 4));
	EXPECT_EQ(997U, last[0].number);
	EXPECT_EQ(1000U, last[3].bytes);
	EXPECT_EQ(NULL, tmem_events_at(&events, 0));
	EXPECT_EQ(NULL, tmem_events_at(&events, 1001));
	EXPECT_EQ(NULL, tmem_events_at(&events, 1000 - TMEM_MONITOR_EVENTS));
	EXPECT_EQ(990U, tmem_events_at(&events, 990)->bytes);
}

TEST(configurations)
{
	struct tmem_monitor_config made, c = TMEM_MONITOR_CONFIG_INIT;

	ASSERT_EQ(0, tmem_monitor_config_make(&made, NULL));
	EXPECT_EQ(2000U, made.interval_ms);
	EXPECT_EQ(250U, made.tense_ms);
	EXPECT_GE(made.history, 1000U);
	EXPECT_EQ(20U, made.window);
	c.interval_ms = 100;
	ASSERT_EQ(0, tmem_monitor_config_make(&made, &c));
	EXPECT_EQ(100U, made.tense_ms);
#define REFUSED(field, value)                                            \
	do {                                                             \
		struct tmem_monitor_config b = TMEM_MONITOR_CONFIG_INIT; \
		b.field = (value);                                       \
		EXPECT_EQ(-EINVAL, tmem_monitor_config_make(&made, &b)); \
	} while (0)
	REFUSED(struct_size, 0);
	REFUSED(interval_ms, 9);
	REFUSED(interval_ms, 3600001);
	REFUSED(tense_ms, 2001);
	REFUSED(history, 999);
	REFUSED(window, 4);
	REFUSED(window, 1001);
	REFUSED(horizon_ms, 9);
	REFUSED(manager_level, 4);
	REFUSED(confidence, not_a_number());
	REFUSED(confidence, 1.1);
	REFUSED(react_off, 2);
	REFUSED(reserved, 1);
}

TEST_HARNESS_MAIN
