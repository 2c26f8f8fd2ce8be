// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that each lifecycle pattern is given to the sites that have it, and to
 * no others, by a clock that the test moves: short, medium and long lives with
 * their histograms, a leak, a cycle of steps; that the rule for cycles knows
 * saw teeth from leaks, plateaus and noise; that a clock which jumps back does
 * no harm; and that the timeline covers a run of any length.
 */
#include "analytics_test.h"

#include "analytics/cycle.h"
#include "analytics/timeline.h"

static void live_for(const char *label, double seconds, unsigned int n)
{
	void *block[16];
	unsigned int i;

	for (i = 0; i < n; i++)
		block[i] = an_alloc(label, 1000);
	an_clock_add(seconds);
	for (i = 0; i < n; i++)
		tmem_free(block[i]);
}

TEST(ages)
{
	struct tmem_site_info site;
	void *old;

	ASSERT_EQ(0, an_init(0, 0));
	an_clock_stop();
	live_for("short", 0.999, 10);
	live_for("medium", 1, 10);
	live_for("long", 60, 10);
	live_for("mixed", 0.5, 6);
	live_for("mixed", 5, 7);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_SHORT, an_site("", "short").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_MEDIUM, an_site("", "medium").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_LONG, an_site("", "long").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_MEDIUM, an_site("", "mixed").pattern);
	site = an_site("", "long");
	/* 6e7 us lie between 2^25 and 2^26 */
	EXPECT_EQ(10U, site.lifetimes[25]);
	site = an_site("", "short");
	EXPECT_EQ(10U, site.lifetimes[19]);
	/* What still lives is as old as it is by now. */
	old = an_alloc("old", 1000);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_SHORT, an_site("", "old").pattern);
	an_clock_add(30);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_MEDIUM, an_site("", "old").pattern);
	an_clock_add(31);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_LONG, an_site("", "old").pattern);
	tmem_free(old);
}

TEST(clock_jumps)
{
	struct tmem_site_info site;
	void *block;

	ASSERT_EQ(0, an_init(0, 0));
	an_clock_stop();
	block = an_alloc("back", 1000);
	an_clock_add(-500);
	tmem_step_mark("back");
	tmem_free(block);
	site = an_site("", "back");
	EXPECT_EQ(1U, site.lifetimes[0]);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_SHORT, site.pattern);
	block = an_alloc("ahead", 1000);
	an_clock_add(1e9);
	tmem_free(block);
	EXPECT_EQ(1U, an_site("", "ahead").lifetimes[TMEM_LIFETIMES - 1]);
}

#define STEPS 400

/* One program with all patterns over steps. */
TEST(over_steps)
{
	static void *leak[STEPS], *list[40], *ring[64];
	struct tmem_leak found[4];
	unsigned int i, n = 0, k;
	void *constant;

	ASSERT_EQ(0, an_init(0, 0));
	an_clock_stop();
	constant = an_alloc("constant", 5 * LT_MIB);
	for (i = 0; i < STEPS; i++) {
		leak[i] = an_alloc("leak", 8000);
		list[n++] = an_alloc("list", 9000);
		if (n == 40)
			for (; n; n--)
				tmem_free(list[n - 1]);
		tmem_free(ring[i % 64]);
		ring[i % 64] = an_alloc("ring", 7000);
		tmem_free(an_alloc("churn", 50000));
		an_clock_add(0.2);
		tmem_step_mark("step");
	}
	EXPECT_EQ((uint32_t)TMEM_PATTERN_LEAKED, an_site("", "leak").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_CYCLIC, an_site("", "list").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_MEDIUM, an_site("", "ring").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_SHORT, an_site("", "churn").pattern);
	EXPECT_EQ((uint32_t)TMEM_PATTERN_LONG, an_site("", "constant").pattern);
	EXPECT_EQ(STEPS, an_stats().steps);
	EXPECT_EQ(1, tmem_leaks_get(found, 4));
	EXPECT_EQ(an_site("", "leak").id, found[0].site);
	EXPECT_LT(7900.0, found[0].bytes_per_step);
	EXPECT_GT(8300.0, found[0].bytes_per_step);
	EXPECT_LE(found[0].named_at_step, STEPS);
	EXPECT_LT(0U, found[0].named_at_step);
	for (k = 0; k < STEPS; k++)
		tmem_free(leak[k]);
	for (k = 0; k < 64; k++)
		tmem_free(ring[k]);
	tmem_free(constant);
}

/* A site seen late counts its steps as the program does. */
TEST(late_leak)
{
	static void *leak[STEPS];
	struct tmem_leak found;
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 1000; i++)
		tmem_step_mark("before");
	for (i = 0; i < STEPS; i++) {
		leak[i] = an_alloc("late", 8000);
		tmem_step_mark("step");
	}
	ASSERT_EQ(1, tmem_leaks_get(&found, 1));
	EXPECT_LE(1000U, found.since_step);
	EXPECT_LT(1000U, found.named_at_step);
	EXPECT_GE(1000U + STEPS, found.named_at_step);
	for (i = 0; i < STEPS; i++)
		tmem_free(leak[i]);
}

/* Series with an answer: bytes at step i. */
static uint64_t saw(unsigned int i)
{
	return 1000 + i % 7 * 100;
}

static uint64_t saw_jitter(unsigned int i)
{
	return 1000 + i % 20 * 100 + lt_mix(i) % 30;
}

static uint64_t growing_saw(unsigned int i)
{
	return 1000 + i * 100 + i % 7 * 500;
}

static uint64_t constant(unsigned int i)
{
	(void)i;
	return 5000;
}

static uint64_t growing(unsigned int i)
{
	return i * 100;
}

static uint64_t noise(unsigned int i)
{
	return lt_mix(i) % 10000;
}

static uint64_t warm_then_flat(unsigned int i)
{
	return i < 30 ? i * 100 : 3000;
}

static uint64_t every_step(unsigned int i)
{
	return i % 2 ? 0 : 4096;
}

static bool cyclic(uint64_t (*series)(unsigned int), unsigned int steps)
{
	struct tmem_cycle cycle = { .step = 0 };
	unsigned int i;

	for (i = 0; i < steps; i++)
		tmem_cycle_step(&cycle, series(i), 0);
	return tmem_cycle_is(&cycle);
}

TEST(cycles)
{
	struct tmem_cycle cycle = { .step = 0 };
	unsigned int i;

	EXPECT_TRUE(cyclic(saw, 60));
	EXPECT_FALSE(cyclic(saw, 20));
	EXPECT_TRUE(cyclic(saw_jitter, 200));
	EXPECT_TRUE(cyclic(every_step, 30));
	EXPECT_FALSE(cyclic(growing_saw, 200));
	EXPECT_FALSE(cyclic(constant, 200));
	EXPECT_FALSE(cyclic(growing, 200));
	EXPECT_FALSE(cyclic(noise, 1000));
	EXPECT_FALSE(cyclic(warm_then_flat, 200));
	/* It is over when it does not come back. */
	for (i = 0; i < 70; i++)
		tmem_cycle_step(&cycle, saw(i), 0);
	EXPECT_TRUE(tmem_cycle_is(&cycle));
	for (i = 0; i < 20; i++)
		tmem_cycle_step(&cycle, 1600, 0);
	EXPECT_FALSE(tmem_cycle_is(&cycle));
	/* What may be chance is none. */
	memset(&cycle, 0, sizeof(cycle));
	for (i = 0; i < 100; i++)
		tmem_cycle_step(&cycle, saw(i), 200);
	EXPECT_FALSE(tmem_cycle_is(&cycle));
}

/* However long, within the ring, in order, from the start to the end. */
TEST(timeline)
{
	struct tmem_timeline_entry first, entry;
	uint64_t on_nodes = 0, last = 0, begin, steps = LT_COUNT(5000, 1500);
	uint32_t i;
	void *block;

	ASSERT_EQ(0, an_init(0, 0));
	an_clock_stop();
	begin = an_clock();
	block = an_alloc("shown", LT_MIB);
	for (i = 0; i < steps; i++) {
		an_clock_add(0.01);
		tmem_free(an_alloc("other", 1000));
		if (i % 3 == 0)
			tmem_step_mark("t");
	}
	tmem_analytics_lock();
	ASSERT_TRUE(tmem_timeline_get(0, &first));
	for (i = 0; tmem_timeline_get(i, &entry); i++) {
		EXPECT_LE(last, entry.time_ns);
		last = entry.time_ns;
	}
	tmem_analytics_unlock();
	EXPECT_LE(TMEM_TIMELINE_MAX / 4, i);
	EXPECT_GE(TMEM_TIMELINE_MAX, i);
	EXPECT_GT(begin + (an_clock() - begin) / 10, first.time_ns);
	EXPECT_LT(an_clock() - (an_clock() - begin) / 10, last);
	EXPECT_EQ(an_site("", "shown").id, entry.sites[0].id);
	/* All that lives is on some node, and every block is recorded. */
	for (i = 0; i < TMEM_TIMELINE_NODES; i++)
		on_nodes += entry.nodes[i].live_bytes;
	EXPECT_EQ(entry.live_bytes, on_nodes);
	EXPECT_EQ(LT_MIB, entry.tiers[6]);
	tmem_free(block);
}

TEST_HARNESS_MAIN
