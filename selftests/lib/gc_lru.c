// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves in which order idle spans are given back: age, uses and size decide
 * each alone, the documented example comes out as documented, nothing
 * overflows, and the order is that of a plain sort whatever the spans are.
 */
#include "lib_test.h"

#include "gc/lru.h"

static uint64_t score(uint32_t age_ms, uint32_t uses, uint32_t run)
{
	const struct tmem_idle_span span = {
		.age_ms = age_ms,
		.uses = uses,
		.run = run,
	};

	return tmem_lru_score(&span);
}

TEST(older_goes_first)
{
	uint32_t age;

	for (age = 1; age < 1000000; age += 1 + age / 3) {
		EXPECT_GT(score(age, 0, 1), score(age - 1, 0, 1));
		EXPECT_GT(score(age, 9, 7), score(age - 1, 9, 7));
	}
}

/* As far as the logarithm's steps reach, each use counts. */
TEST(used_more_goes_later)
{
	uint32_t uses;

	for (uses = 1; uses < 250; uses++)
		EXPECT_LT(score(60000, uses, 1), score(60000, uses - 1, 1));
	for (; uses < 1u << 30; uses *= 2)
		EXPECT_LT(score(60000, uses * 2, 1), score(60000, uses, 1));
}

TEST(larger_goes_first)
{
	uint32_t run;

	for (run = 2; run <= 256; run++)
		EXPECT_GT(score(60000, 3, run), score(60000, 3, run - 1));
	/* Not without end: at most as if it were twice as old. */
	EXPECT_EQ(score(60000, 3, 256), score(60000, 3, UINT32_MAX));
	EXPECT_LE(score(60000, 3, UINT32_MAX), 2 * score(60000, 3, 1) + 2);
}

/* Of spans freed just now, uses and size decide still. */
TEST(age_zero)
{
	EXPECT_LT(score(0, 1, 1), score(0, 0, 1));
	EXPECT_GT(score(0, 0, 2), score(0, 0, 1));
	EXPECT_EQ(score(0, 0, 1), score(0, 0, 0));
}

TEST(the_example)
{
	EXPECT_EQ(105001U, score(60000, 0, 64) / 256);
	EXPECT_EQ(60001U, score(60000, 0, 1) / 256);
	EXPECT_EQ(22222U, score(200000, 255, 1) / 256);
	EXPECT_EQ(15000U, score(60000, 7, 1) / 256);
	EXPECT_EQ(2002U, score(1000, 0, 256) / 256);
}

TEST(nothing_overflows)
{
	EXPECT_GT(score(UINT32_MAX, 0, UINT32_MAX), score(UINT32_MAX, 0, 1));
	EXPECT_GT(score(UINT32_MAX, 0, 1), score(UINT32_MAX - 1, 0, 1));
	EXPECT_GT(score(0, UINT32_MAX, 1), 0U);
}

#define MANY 3000

static struct tmem_idle_span spans[MANY];
static struct tmem_lru_entry entries[MANY];
static uint32_t got[MANY];

static int by_score(const void *a, const void *b)
{
	const struct tmem_idle_span *x = &spans[*(const uint32_t *)a];
	const struct tmem_idle_span *y = &spans[*(const uint32_t *)b];
	uint64_t xs = tmem_lru_score(x), ys = tmem_lru_score(y);

	if (xs != ys)
		return xs > ys ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* One by one, as tmem_lru_next() sorts inside of a batch by slot. */
TEST(the_order_is_that_of_a_sort)
{
	uint64_t seed = pace_seed();
	uint32_t want[MANY];
	struct tmem_lru lru;
	size_t i, n, count;

	count = lt_between(&seed, 1, MANY);
	for (i = 0; i < count; i++) {
		spans[i] = (struct tmem_idle_span){
			.slot = (uint32_t)i,
			.age_ms = (uint32_t)lt_between(&seed, 0, 300),
			.uses = (uint32_t)lt_between(&seed, 0, 5),
			.run = (uint32_t)lt_between(&seed, 1, 3),
		};
		want[i] = (uint32_t)i;
	}
	qsort(want, count, sizeof(want[0]), by_score);
	tmem_lru_start(&lru, entries, spans, count, 0);
	for (n = 0; tmem_lru_next(&lru, &got[n], 1); n++)
		ASSERT_LT(n, count);
	ASSERT_EQ(count, n);
	EXPECT_EQ(0, memcmp(got, want, count * sizeof(want[0])));
}

TEST(a_batch_is_in_the_order_of_addresses)
{
	static const uint32_t slot[] = { 90, 10, 50, 70, 30 };
	struct tmem_lru lru;
	uint32_t i;

	for (i = 0; i < 5; i++)
		spans[i] = (struct tmem_idle_span){
			.slot = slot[i],
			.age_ms = 1000 - i, /* 90 is first */
			.run = 1,
		};
	tmem_lru_start(&lru, entries, spans, 5, 0);
	ASSERT_EQ(3U, tmem_lru_next(&lru, got, 3));
	EXPECT_EQ(10U, spans[got[0]].slot);
	EXPECT_EQ(50U, spans[got[1]].slot);
	EXPECT_EQ(90U, spans[got[2]].slot);
	ASSERT_EQ(2U, tmem_lru_next(&lru, got, 64));
	EXPECT_EQ(30U, spans[got[0]].slot);
	EXPECT_EQ(0U, tmem_lru_next(&lru, got, 64));
}

/* More than a batch can hold is no more than a batch. */
TEST(a_batch_has_an_end)
{
	struct tmem_lru lru;
	uint32_t i;

	for (i = 0; i < 1000; i++)
		spans[i] = (struct tmem_idle_span){ .slot = i, .run = 1 };
	tmem_lru_start(&lru, entries, spans, 1000, 0);
	EXPECT_EQ(64U, tmem_lru_next(&lru, got, 1000));
}

TEST(the_young_are_left_out)
{
	struct tmem_lru lru;
	uint32_t i;

	for (i = 0; i < 10; i++)
		spans[i] = (struct tmem_idle_span){
			.slot = i,
			.age_ms = i * 10,
			.run = 1,
		};
	tmem_lru_start(&lru, entries, spans, 10, 70);
	ASSERT_EQ(3U, tmem_lru_next(&lru, got, 64));
	EXPECT_EQ(7U, spans[got[0]].slot);
	tmem_lru_start(&lru, entries, spans, 10, 91);
	EXPECT_EQ(0U, tmem_lru_next(&lru, got, 64));
	tmem_lru_start(&lru, entries, spans, 0, 0);
	EXPECT_EQ(0U, tmem_lru_next(&lru, got, 64));
}

TEST_HARNESS_MAIN
