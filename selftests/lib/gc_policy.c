// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the collector's settings mean: the table of levels is the
 * documented one, a level never waits longer than a better one, values out of
 * range are refused, and the low-water mark of a while is never too high, in
 * bounded room, whatever has happened.
 */
#include "lib_test.h"

#include "gc/history.h"
#include "gc/policy.h"

static const struct tmem_gc_config standard = TMEM_GC_POLICY_DEFAULT;

TEST(defaults)
{
	static const uint32_t interval[] = { 300000, 60000, 10000, 100 };
	static const uint32_t age[] = { 300000, 30000, 1000, 0 };
	static const uint32_t share[] = { 100, 25, 75, 100 };
	struct tmem_gc_config made, asked = TMEM_GC_CONFIG_INIT;
	int i;

	ASSERT_TRUE(tmem_gc_policy_make(&made, &asked));
	for (i = 0; i < TMEM_GC_LEVELS; i++) {
		EXPECT_EQ(interval[i], made.level[i].interval_ms);
		EXPECT_EQ(age[i], made.level[i].age_ms);
		EXPECT_EQ(share[i], made.level[i].share);
	}
	EXPECT_EQ(0U, made.off);
}

TEST(no_level_is_slower_than_a_better_one)
{
	struct tmem_gc_config c = standard;

	c.level[TMEM_LEVEL_LOW] = (struct tmem_gc_level_config){
		.interval_ms = 5000,
		.age_ms = 5000,
		.share = 100,
	};
	ASSERT_TRUE(tmem_gc_policy_make(&c, &c));
	EXPECT_EQ(5000U, c.level[TMEM_LEVEL_MEDIUM].interval_ms);
	EXPECT_EQ(5000U, c.level[TMEM_LEVEL_MEDIUM].age_ms);
	EXPECT_EQ(5000U, c.level[TMEM_LEVEL_HIGH].interval_ms);
	EXPECT_EQ(1000U, c.level[TMEM_LEVEL_HIGH].age_ms);
	EXPECT_EQ(100U, c.level[TMEM_LEVEL_CRITICAL].interval_ms);
}

TEST(out_of_range)
{
	static const struct {
		uint32_t interval_ms, age_ms, share, reserved;
	} bad[] = {
		{ 9, 0, 0, 0 },	     { 86400001, 0, 0, 0 },
		{ 100, 101, 0, 0 },  { 100, 100, 101, 0 },
		{ 100, 100, 10, 1 }, { UINT32_MAX, 0, 0, 0 },
	};
	struct tmem_gc_config c, made;
	size_t i;
	int l;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (l = 0; l < TMEM_GC_LEVELS; l++) {
			c = standard;
			memcpy(&c.level[l], &bad[i], sizeof(bad[i]));
			EXPECT_FALSE(tmem_gc_policy_make(&made, &c));
		}
	}
	c = standard;
	c.off = 2;
	EXPECT_FALSE(tmem_gc_policy_make(&made, &c));
	c = standard;
	c.reserved = 1;
	EXPECT_FALSE(tmem_gc_policy_make(&made, &c));
}

TEST(the_limits_are_allowed)
{
	struct tmem_gc_config c = standard, made;

	c.level[0] = (struct tmem_gc_level_config){ 86400000, 0, 0, 0 };
	c.level[3] = (struct tmem_gc_level_config){ 10, 10, 100, 0 };
	EXPECT_TRUE(tmem_gc_policy_make(&made, &c));
}

TEST(decay_from_the_environment)
{
	static const char *const bad[] = {
		"",
		"0",
		"9",
		"-1",
		"+10",
		" 10",
		"10 ",
		"10ms",
		"1e3",
		"86400001",
		"99999999999999999999999",
		"0x10",
	};
	uint32_t ms = 7;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_FALSE(tmem_gc_policy_parse_decay(bad[i], &ms));
	EXPECT_EQ(7U, ms);
	EXPECT_TRUE(tmem_gc_policy_parse_decay("10", &ms));
	EXPECT_EQ(10U, ms);
	EXPECT_TRUE(tmem_gc_policy_parse_decay("0086400000", &ms));
	EXPECT_EQ(86400000U, ms);
}

/* Every interval: drained, seen, not needed and looked at, within it. */
TEST(an_interval_holds_all_that_happens_in_it)
{
	uint32_t ms;

	for (ms = 16; ms <= TMEM_GC_INTERVAL_MAX_MS; ms += 1 + ms / 7) {
		const struct tmem_gc_level_config l = { ms, ms, 100, 0 };
		uint64_t tick = tmem_gc_policy_tick_ns(&l);

		EXPECT_LE(tmem_gc_policy_drain_ms(&l) * TMEM_GC_MS + 3 * tick +
				  tmem_gc_policy_window_ns(ms),
			  ms * TMEM_GC_MS);
		EXPECT_GE(tick, TMEM_GC_MS);
	}
}

TEST(shares)
{
	EXPECT_EQ(0U, tmem_gc_policy_share(0, 25));
	EXPECT_EQ(1U, tmem_gc_policy_share(1, 25));
	EXPECT_EQ(25U, tmem_gc_policy_share(100, 25));
	EXPECT_EQ(26U, tmem_gc_policy_share(101, 25));
	EXPECT_EQ(0U, tmem_gc_policy_share(100, 0));
	EXPECT_EQ(100U, tmem_gc_policy_share(100, 100));
}

/* --- history ---------------------------------------------------------------- */

TEST(nothing_is_known_of_the_time_before)
{
	struct tmem_gc_history h;

	tmem_gc_history_start(&h, 1000);
	EXPECT_EQ(0U, tmem_gc_history_low(&h, 1000, 1));
	tmem_gc_history_add(&h, 1500, 10);
	EXPECT_EQ(10U, tmem_gc_history_low(&h, 1500, 500));
	EXPECT_EQ(0U, tmem_gc_history_low(&h, 1500, 501));
	EXPECT_EQ(0U, tmem_gc_history_low(&h, 1500, 2000));
}

/* A period that the while cuts through counts, one that ends there does not. */
TEST(periods_at_the_edge)
{
	struct tmem_gc_history h;

	tmem_gc_history_start(&h, 0);
	tmem_gc_history_add(&h, 100, 1);
	tmem_gc_history_add(&h, 200, 5);
	tmem_gc_history_add(&h, 300, 9);
	EXPECT_EQ(9U, tmem_gc_history_low(&h, 300, 100));
	EXPECT_EQ(5U, tmem_gc_history_low(&h, 300, 101));
	EXPECT_EQ(5U, tmem_gc_history_low(&h, 300, 200));
	EXPECT_EQ(1U, tmem_gc_history_low(&h, 300, 201));
}

TEST(what_we_took_was_not_needed)
{
	struct tmem_gc_history h;

	tmem_gc_history_start(&h, 0);
	tmem_gc_history_add(&h, 100, 8);
	tmem_gc_history_add(&h, 200, 20);
	tmem_gc_history_gone(&h, 10);
	EXPECT_EQ(10U, tmem_gc_history_low(&h, 200, 50));
	EXPECT_EQ(0U, tmem_gc_history_low(&h, 200, 150));
}

#define LOOKS 5000

/* Against all that has happened: never too many, and not too few lately. */
TEST(never_too_many)
{
	static uint64_t at[LOOKS + 1], low[LOOKS + 1];
	uint64_t seed = pace_seed(), now = 0, window, exact, answer;
	struct tmem_gc_history h;
	size_t i, k;

	tmem_gc_history_start(&h, 0);
	for (i = 1; i <= LOOKS; i++) {
		now += lt_between(&seed, 1, 100);
		at[i] = now;
		low[i] = lt_between(&seed, 0, 1000);
		tmem_gc_history_add(&h, now, low[i]);
		ASSERT_LE(h.count, TMEM_GC_PERIODS);
		window = lt_between(&seed, 1, now);
		exact = UINT64_MAX;
		for (k = i; k && at[k] > now - window; k--)
			if (low[k] < exact)
				exact = low[k];
		answer = tmem_gc_history_low(&h, now, window);
		ASSERT_LE(answer, exact);
		/* 24 periods or fewer have never been joined. */
		if (i - k <= 24)
			ASSERT_EQ(exact, answer);
	}
}

TEST_HARNESS_MAIN
