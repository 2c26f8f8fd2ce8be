// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the module goes by the rule of tmem_level.h: the level rises at
 * once, and falls when the figure has been low enough for hold_ms.  (The rule
 * itself is tested on the host, in selftests/lib/level.c.)
 *
 * Thresholds are set on either side of what is in use, far enough for the use
 * to drift.
 */
#include "tmem_test_pressure.h"

#define LOOKS 20

FIXTURE(hold)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct tmem_status st;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(hold)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
}

FIXTURE_TEARDOWN(hold)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	munmap((void *)self->page, self->size);
	close(self->dev);
}

/* How many of so many looks found another level. */
static unsigned int changed(const struct tmem_status *page, uint32_t level)
{
	unsigned int changed = 0;

	for (int i = 0; i < LOOKS; i++)
		changed += !kt_look() || kt_level(page) != level;
	return changed;
}

TEST_F(hold, up_at_once)
{
	uint64_t changes;

	/* Neither of them counts on the way up. */
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "50"));
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hold_ms", "1000"));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	EXPECT_EQ(0U, changed(self->page, TMEM_LEVEL_LOW));
	changes = self->page->changes;
	/* Found by the look that the write has waited for. */
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "medium", 1));
	ASSERT_TRUE(kt_status_copy(self->page, &self->st, sizeof(self->st)));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, self->st.level);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, self->st.use_level);
	EXPECT_EQ(changes + 1, self->st.changes);
}

TEST_F(hold, down_after_hold_ms)
{
	const uint64_t hold_ms = 700;
	unsigned int use;
	uint64_t calm;

	/* Not while it is below its threshold by less than the hysteresis. */
	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_MEDIUM));
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "50"));
	use = self->page->use / 100;
	ASSERT_EQ(0, kt_threshold(&self->knobs, "use", "medium",
				  use < 73 ? use + 25 : 98));
	EXPECT_EQ(0U, changed(self->page, TMEM_LEVEL_MEDIUM));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, self->page->use_level);
	/* Without one it falls by the look that the write has waited for. */
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hysteresis", "0"));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, kt_level(self->page));

	/* By the timer's looks, as no setting is written meanwhile. */
	ASSERT_TRUE(
		kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_CRITICAL));
	ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/hold_ms", hold_ms));
	ASSERT_TRUE(kt_status_copy(self->page, &self->st, sizeof(self->st)));
	calm = self->st.updated;
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_LOW));
	EXPECT_TRUE(PACE_UNTIL(kt_level(self->page) == TMEM_LEVEL_LOW));
	ASSERT_TRUE(kt_status_copy(self->page, &self->st, sizeof(self->st)));
	EXPECT_LE(calm + hold_ms * 1000000, self->st.since);
}

TEST_HARNESS_MAIN
