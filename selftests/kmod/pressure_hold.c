// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the level rises at once and falls only when the figure is below
 * the threshold by the hysteresis, and has been so for as long as is to be
 * waited; and that each level is left by its own threshold.
 *
 * The thresholds are moved around what is really in use.  That drifts: what the
 * kernel frees later, as for KASAN, is some per cent of a small machine.  So it
 * is looked at anew before each threshold, and all distances are such that a
 * drift by DRIFT points changes no result.
 */
#include "tmem_test_pressure.h"

#define DRIFT 9
/* One DRIFT above what is in use a threshold keeps the level, at three not. */
#define HYSTERESIS (2 * DRIFT)

FIXTURE(hold)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
};

/* Whole per cent in use now: to write a setting is to have a look taken. */
static unsigned int in_use(const struct tmem_status *page)
{
	return kt_sysfs_write("pressure/use_critical", "100") ? 100 :
								page->use / 100;
}

/* Until the process ends, at least so much is in use. */
static bool use_up_to(const struct tmem_status *page, unsigned int percent)
{
	unsigned int use = in_use(page);
	size_t size;

	if (use >= percent)
		return true;
	size = page->total / 100 * (percent - use);
	return mmap(NULL, size, KT_RW,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		    0) != MAP_FAILED;
}

FIXTURE_SETUP(hold)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 9000));
	/* Room below for a threshold, above for a hysteresis. */
	ASSERT_TRUE(use_up_to(self->page, 2 * DRIFT));
	if (in_use(self->page) > 60)
		SKIP(return, "%u %% of memory in use", in_use(self->page));
}

FIXTURE_TEARDOWN(hold)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	munmap((void *)self->page, self->size);
	close(self->dev);
}

/* The threshold of MEDIUM, so far above what is in use now. */
static int medium_above(struct _test_data_hold *self, int points)
{
	return kt_threshold(&self->knobs, "use", "medium",
			    in_use(self->page) + points);
}

/* The same, at this figure. */
static int medium(struct _test_data_hold *self, unsigned int percent)
{
	return kt_threshold(&self->knobs, "use", "medium", percent);
}

/* The level all through the time; 99 if it changed. */
static uint32_t stays(const struct tmem_status *page, unsigned int ms)
{
	uint64_t until = kt_now() + ms * 1000000ULL;
	uint64_t changes = page->changes;
	uint32_t level = kt_level(page);

	while (kt_now() < until) {
		if (page->changes != changes)
			return 99;
		kt_sleep_ms(2);
	}
	return level;
}

TEST_F(hold, up_at_once)
{
	uint64_t since;

	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "50"));
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hold_ms", "5000"));
	/* One above what is in use is not reached, whatever the others say. */
	ASSERT_EQ(0, medium_above(self, DRIFT));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, stays(self->page, 2500));
	since = kt_now();
	ASSERT_EQ(0, medium_above(self, -DRIFT));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 1000));
	EXPECT_GT(since + 1000000000U, kt_now());
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, self->page->use_level);
}

TEST_F(hold, hysteresis)
{
	ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/hysteresis",
				    HYSTERESIS));
	ASSERT_EQ(0, medium_above(self, -DRIFT));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 5000));
	/* Below, but not far enough. */
	ASSERT_EQ(0, medium_above(self, 2));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 1500));
	ASSERT_EQ(0, medium_above(self, DRIFT));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 1500));
	/* The page tells the two apart. */
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, self->page->use_level);
	ASSERT_EQ(0, medium_above(self, HYSTERESIS + DRIFT));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 2000));
	/* On the way up it does not count. */
	ASSERT_EQ(0, medium_above(self, DRIFT));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, stays(self->page, 2500));
	/* It is a setting: less of it, and the level falls. */
	ASSERT_EQ(0, medium_above(self, -DRIFT));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 5000));
	ASSERT_EQ(0, medium_above(self, DRIFT));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 700));
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "1"));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 2000));
}

/* A threshold less than the hysteresis: the level can be left all the same. */
TEST_F(hold, hysteresis_is_not_a_trap)
{
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "50"));
	ASSERT_EQ(0, medium_above(self, -DRIFT));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 5000));
	ASSERT_EQ(0, medium(self, 98));
	/* 98 - 50 is above what is in use, if that is not much. */
	if (in_use(self->page) > 48 - DRIFT)
		SKIP(return, "%u %% in use", in_use(self->page));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 3000));
}

TEST_F(hold, hold_ms)
{
	uint64_t since;

	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hold_ms", "1500"));
	ASSERT_EQ(0, medium(self, 1));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 5000));
	kt_sleep_ms(2000); /* how long it has been up does not count */
	since = kt_now();
	ASSERT_EQ(0, medium(self, 98));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 1300));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 2500));
	EXPECT_LE(since + 1490000000U, kt_now());
	printf("# fell %.0f ms after, hold_ms is 1500\n",
	       (double)(kt_now() - since) / 1e6);

	/* Interrupted, it begins anew. */
	ASSERT_EQ(0, medium(self, 1));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 5000));
	ASSERT_EQ(0, medium(self, 98));
	kt_sleep_ms(900);
	ASSERT_EQ(0, medium(self, 1));
	kt_sleep_ms(500); /* twice as long as between samples */
	ASSERT_EQ(0, medium(self, 98));
	since = kt_now();
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 1300));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 2500));
	EXPECT_LE(since + 1490000000U, kt_now());
}

/* From the top: each level has its own threshold to be left by. */
TEST_F(hold, level_by_level)
{
	ASSERT_TRUE(
		kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_CRITICAL));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_CRITICAL, self->page->use_level);
	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_HIGH));
	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_MEDIUM));
	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_LOW));

	/* With hysteresis: critical is left at once, high is not. */
	ASSERT_TRUE(
		kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_CRITICAL));
	ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/hysteresis",
				    HYSTERESIS));
	/* Not by a detour through 99, which would let it fall. */
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "critical", 100));
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "high",
				  in_use(self->page) + DRIFT));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_HIGH, 3000));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_HIGH, stays(self->page, 1000));
}

/* The worse of the two figures decides. */
TEST_F(hold, the_worse_one)
{
	struct kt_stall stall;

	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_MEDIUM));
	ASSERT_EQ(0, kt_stall_init(&stall, "w"));
	ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 30, 60, 100));
	ASSERT_EQ(0, kt_stall_start(&stall));
	EXPECT_TRUE(kt_level_wait_least(self->page, TMEM_LEVEL_HIGH, 5000));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, self->page->use_level);
	EXPECT_LE((uint32_t)TMEM_LEVEL_HIGH, self->page->stall_level);
	EXPECT_EQ(0, kt_stall_fini(&stall));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_MEDIUM, 15000));
	ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 98, 99, 100));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, stays(self->page, 500));
}

TEST_HARNESS_MAIN
