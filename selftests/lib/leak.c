// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the leak detector promises of single sites: which growth is
 * named, after how many steps and with which figures; that whatever fills up
 * or is released within the horizon is never named, however long one looks;
 * that what was named wrongly is taken back, and not named again at the same
 * length; and that no figure, however odd, upsets it.  How it does on
 * populations is for tools/bench/leaks and selftests/tool/bench_leaks.sh.
 */
#include "lib_test.h"

#include <float.h>

#include "analytics/leak.h"

#define HORIZON 128u
#define NAMED 144u /* one window more: nine lows make eight rises */

/* A site, and what was said of it so far. */
struct watch {
	struct tmem_leak_series series;
	struct tmem_leak_verdict verdict;
	unsigned int steps;
	unsigned int names; /* how often it was named */
	unsigned int first; /* step at which it was, or 0 */
	unsigned int last;
};

static void watch_step(struct watch *w, uint64_t bytes, uint64_t blocks)
{
	bool was = w->verdict.leaking;

	w->steps++;
	tmem_leak_step(&w->series, bytes, blocks);
	tmem_leak_judge(&w->series, &w->verdict);
	if (!w->verdict.leaking || was)
		return;
	w->names++;
	w->last = w->steps;
	if (!w->first)
		w->first = w->steps;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- what is named ------------------------------------------------------- */

TEST(a_block_in_each_step)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 1; step < NAMED; step++) {
		watch_step(&w, step * 65536ULL, step);
		ASSERT_FALSE(w.verdict.leaking);
		ASSERT_EQ(0U, w.verdict.named_at_step);
	}
	for (; step < 5000; step++) {
		watch_step(&w, step * 65536ULL, step);
		ASSERT_TRUE(w.verdict.leaking);
		ASSERT_EQ(NAMED, w.verdict.named_at_step);
		ASSERT_EQ(1U, w.verdict.since_step);
		ASSERT_EQ(65536, w.verdict.bytes_per_step);
		ASSERT_LE(0.99, w.verdict.blocks_per_step);
		ASSERT_GE(1.01, w.verdict.blocks_per_step);
	}
}

/* One window more than the horizon, wherever the windows lie. */
TEST(begins_late)
{
	unsigned int start, step;

	for (start = 500; start < 600; start++) {
		struct watch w = { 0 };

		for (step = 1; step <= 1000; step++) {
			uint64_t n = step > start ? step - start : 0;

			watch_step(&w, LT_GIB + n * 4096, 10 + n);
		}
		ASSERT_EQ(1U, w.names);
		ASSERT_GE(start + NAMED + 16, w.first);
		ASSERT_LE(start + HORIZON, w.first);
		/* Told to a window. */
		ASSERT_GE(start + 9, w.verdict.since_step);
		ASSERT_LE(start - 16, w.verdict.since_step);
	}
}

/* What a site sets up first is not what it leaks. */
TEST(after_a_large_warm_up)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 1000; step++)
		watch_step(&w,
			   step < 20 ? step * 50 * LT_MIB :
				       LT_GIB + step * 4096,
			   step);
	EXPECT_TRUE(w.verdict.leaking);
	EXPECT_GE(20 + NAMED + 16, w.first);
	EXPECT_EQ(4096, w.verdict.bytes_per_step);
}

/* Six of eight windows must hold a block each. */
TEST(one_block_in_many_steps)
{
	static const unsigned int every[] = { 2,  7,   10,  16, 30,
					      64, 100, 128, 500 };
	unsigned int i, step;

	for (i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		struct watch w = { 0 };

		for (step = 0; step < 120 * every[i] + 200; step++)
			watch_step(&w, (1 + step / every[i]) * 8192, step);
		if (!w.verdict.leaking || w.first > 36 * every[i] + NAMED)
			TH_LOG("one in %u: %u", every[i], w.first);
		ASSERT_TRUE(w.verdict.leaking);
		ASSERT_GE(36 * every[i] + NAMED, w.first);
		ASSERT_LT(0.8 * 8192 / every[i], w.verdict.bytes_per_step);
		ASSERT_GT(1.25 * 8192 / every[i], w.verdict.bytes_per_step);
	}
}

/* A tensor extended in each step is one block that never ends. */
TEST(one_block_that_grows)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 1; step < 1000; step++)
		watch_step(&w, step * 4096ULL, 1);
	EXPECT_TRUE(w.verdict.leaking);
	EXPECT_EQ(0, w.verdict.blocks_per_step);
	EXPECT_EQ(4096, w.verdict.bytes_per_step);
}

/* 100 bytes a step beside 100 GiB: no figure is rounded away. */
TEST(beside_very_much)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 1000; step++)
		watch_step(&w, 100 * LT_GIB + step * 100ULL, step);
	EXPECT_EQ(NAMED, w.first);
	EXPECT_EQ(100, w.verdict.bytes_per_step);
}

/* Narrow windows see the list come and go; what wide ones see counts. */
TEST(beside_a_released_list)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 5000; step++)
		watch_step(&w, step * 65536ULL + step % 40 * 1500000ULL, step);
	EXPECT_EQ(1U, w.names);
	EXPECT_GE(9U * 64, w.first);
	EXPECT_TRUE(w.verdict.leaking);
	EXPECT_LT(0.95 * 65536, w.verdict.bytes_per_step);
	EXPECT_GT(1.05 * 65536, w.verdict.bytes_per_step);
}

/* --- what is not --------------------------------------------------------- */

TEST(nothing_ever)
{
	struct watch none = { 0 }, same = { 0 }, less = { 0 };
	unsigned int step;

	for (step = 0; step < 5000; step++) {
		watch_step(&none, 0, 0);
		watch_step(&same, LT_GIB, 100);
		watch_step(&less, LT_GIB - step * 4096, 5000 - step);
	}
	EXPECT_EQ(0U, none.names + same.names + less.names);
	EXPECT_EQ(0, none.verdict.bytes_per_step);
}

/* The horizon is kept, less a window, wherever the windows lie. */
TEST(buffers_up_to_the_horizon)
{
	unsigned int length, start, step;

	for (length = 1; length <= HORIZON - 16; length += 3)
		for (start = 0; start < 64; start += 5) {
			struct watch w = { 0 };

			for (step = 0; step < 1500; step++) {
				uint64_t n = step > start ? step - start : 0;

				n = min64(n, length);
				watch_step(&w, n * 50176, n);
			}
			if (w.names)
				TH_LOG("%u from %u", length, start);
			ASSERT_EQ(0U, w.names);
		}
}

TEST(lists_released_within_the_horizon)
{
	unsigned int length, step;

	for (length = 1; length <= HORIZON - 16; length++) {
		struct watch w = { 0 };

		for (step = 0; step < 3000; step++)
			watch_step(&w, (1 + step % length) * 3200, step);
		ASSERT_EQ(0U, w.names);
	}
}

/* A cache of so many different things, each as likely as any. */
TEST(caches_that_fill_up)
{
	unsigned int entries, step;

	for (entries = 1; entries <= 100; entries++) {
		struct watch w = { 0 };
		double have = 0;

		for (step = 0; step < 3000; step++) {
			have += (entries - have) / entries;
			watch_step(&w, (uint64_t)(have * 65536), step);
		}
		ASSERT_EQ(0U, w.names);
	}
}

/* Five blocks for ever, however far apart, are not enough. */
TEST(a_few_late_beginnings)
{
	static const unsigned int at[] = { 30, 160, 290, 350, 480 };
	unsigned int scale, step, i;

	for (scale = 1; scale <= 64; scale *= 4) {
		struct watch w = { 0 };
		uint64_t blocks = 0;

		for (step = 0; step < 1000 * scale; step++) {
			for (i = 0; i < 5; i++)
				blocks += step == at[i] * scale;
			watch_step(&w, blocks * 65536, blocks);
		}
		ASSERT_EQ(0U, w.names);
	}
}

/* --- what cannot be known ------------------------------------------------ */

/* Named, as it must be; then found to be none; and known from then on. */
TEST(a_long_list_is_named_once)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 20000; step++)
		watch_step(&w, (1 + step % 400) * 3200, step % 400);
	EXPECT_EQ(1U, w.names);
	EXPECT_GT(400U, w.last);
	EXPECT_FALSE(w.verdict.leaking);
}

TEST(a_long_buffer_is_taken_back)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 300; step++)
		watch_step(&w, step * 4096ULL, step);
	EXPECT_TRUE(w.verdict.leaking);
	for (; step < 300 + 150 + 16; step++)
		watch_step(&w, 300 * 4096ULL, 300);
	EXPECT_FALSE(w.verdict.leaking);
	EXPECT_EQ(0U, w.verdict.named_at_step);
	EXPECT_EQ(0U, w.verdict.since_step);
	/* Twice as long is no such buffer. */
	for (; step < 2000; step++)
		watch_step(&w, step * 4096ULL, step);
	EXPECT_EQ(2U, w.names);
	EXPECT_LT(466U + 2 * 270, w.last);
	EXPECT_TRUE(w.verdict.leaking);
}

/* Lists of a length within the horizon make one of not twice as many none. */
TEST(a_longer_list_at_last)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 1120; step++)
		watch_step(&w, step % 112 * 3200, step % 112);
	for (step = 0; step < 190; step++)
		watch_step(&w, step * 3200, step);
	EXPECT_EQ(0U, w.names);
	for (; step < 300; step++)
		watch_step(&w, step * 3200, step);
	EXPECT_EQ(1U, w.names);
}

/* That it rested long in between makes it no leak. */
TEST(a_long_buffer_filled_again)
{
	struct watch w = { 0 };
	unsigned int step;
	uint64_t n;

	for (step = 0; step < 4000; step++) {
		n = min64(step, 200);
		if (step >= 2000)
			n += min64(step - 2000, 200);
		watch_step(&w, n * 4096, n);
	}
	EXPECT_EQ(1U, w.names);
	EXPECT_GT(200U, w.last);
}

/* The verdict is taken back as soon as the memory is, however slow it was. */
TEST(released_at_last)
{
	struct watch quick = { 0 }, slow = { 0 };
	unsigned int step;

	for (step = 0; step < 2000; step++) {
		watch_step(&quick, step * 4096ULL, step);
		watch_step(&slow, step / 30 * 4096ULL, step / 30);
	}
	EXPECT_TRUE(quick.verdict.leaking && slow.verdict.leaking);
	for (; step < 2000 + 32; step++) {
		watch_step(&quick, 4096, 1);
		watch_step(&slow, 4096, 1);
	}
	EXPECT_FALSE(quick.verdict.leaking || slow.verdict.leaking);
}

/* --- noise --------------------------------------------------------------- */

static uint64_t noise(uint64_t *state, uint64_t most)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % (most + 1);
}

/* Batches of any size, and an evaluation that takes much more. */
static uint64_t churn(uint64_t *state, unsigned int step)
{
	uint64_t bytes = noise(state, 8 * LT_MIB);

	return step % 97 < 9 ? bytes * 20 : bytes;
}

TEST(noise_is_not_named_and_hides_nothing)
{
	unsigned int seed, step, named = 0, alarms = 0;
	const unsigned int seeds = LT_COUNT(100, 20);

	for (seed = 0; seed < seeds; seed++) {
		struct watch quiet = { 0 }, leaking = { 0 };
		uint64_t state = seed;

		for (step = 0; step < 4000; step++) {
			uint64_t bytes = churn(&state, step);

			watch_step(&quiet, bytes, 8);
			watch_step(&leaking, bytes + step * 65536ULL, 8 + step);
		}
		alarms += quiet.names;
		named += leaking.verdict.leaking;
	}
	TH_LOG("seeds 0 to %u: %u named, %u false alarms", seeds - 1, named,
	       alarms);
	EXPECT_EQ(0U, alarms);
	EXPECT_EQ(seeds, named);
}

/* Of 100 sites that leak a block in so many steps, by chance. */
static unsigned int chance_named(unsigned int every, unsigned int steps)
{
	unsigned int seed, step, named = 0;

	for (seed = 0; seed < 100; seed++) {
		struct watch w = { 0 };
		uint64_t state = seed, blocks = 0;

		for (step = 0; step < steps; step++) {
			blocks += noise(&state, every - 1) == 0;
			watch_step(&w, blocks * 8192, blocks);
		}
		named += w.verdict.leaking;
	}
	printf("# one in %u, after %u steps: %u of 100 (seeds 0 to 99)\n",
	       every, steps, named);
	return named;
}

TEST(leaks_by_chance)
{
	EXPECT_LE(50U, chance_named(8, 192));
	EXPECT_LE(65U, chance_named(32, 768));
	EXPECT_LE(95U, chance_named(32, 3072));
}

/* --- odd figures --------------------------------------------------------- */

static bool sane(const struct tmem_leak_verdict *verdict)
{
	return verdict->bytes_per_step >= -DBL_MAX &&
	       verdict->bytes_per_step <= DBL_MAX &&
	       verdict->blocks_per_step >= -DBL_MAX &&
	       verdict->blocks_per_step <= DBL_MAX && verdict->score >= 0 &&
	       verdict->score <= 9999;
}

TEST(any_figures)
{
	unsigned int seed, step;

	for (seed = 0; seed < 20; seed++) {
		struct watch w = { 0 };
		uint64_t state = seed, bytes;

		for (step = 0; step < 5000; step++) {
			bytes = noise(&state, 3) << noise(&state, 62);
			bytes = noise(&state, 40) ? bytes : UINT64_MAX;
			watch_step(&w, bytes, bytes);
			ASSERT_TRUE(sane(&w.verdict));
			ASSERT_GE(w.steps, w.verdict.named_at_step);
			ASSERT_GE(w.steps, w.verdict.since_step);
		}
	}
}

/* Growth by powers: as large as numbers get. */
TEST(the_largest_growth)
{
	struct watch w = { 0 };
	unsigned int step;

	for (step = 0; step < 4096; step++) {
		watch_step(&w, step * (UINT64_MAX >> 12), UINT64_MAX);
		ASSERT_TRUE(sane(&w.verdict));
	}
	EXPECT_TRUE(w.verdict.leaking);
}

/* After 2^32 steps it rests. */
TEST(steps_end)
{
	struct watch w = { 0 };

	w.series.steps = UINT32_MAX;
	watch_step(&w, 1, 1);
	EXPECT_EQ(UINT32_MAX, w.series.steps);
	EXPECT_EQ(0U, w.names);
}

TEST_HARNESS_MAIN
