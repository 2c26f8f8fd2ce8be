// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how blocks of 2 MiB and more use memory again: the same memory for
 * the same size, a larger block out of the spans of smaller ones, nothing new
 * while idle spans suffice; and that trimming takes no more than asked.
 * (limits.c is about the end of it all.)
 */
#include "lib_test.h"

#include "arena/slots.h"

FIXTURE(gather)
{
	struct lt_log log;
};

FIXTURE_SETUP(gather)
{
	/* Which memory is used again depends on the node. */
	lt_stay();
	ASSERT_EQ(0, lt_init());
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(gather)
{
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(0U, lt_stats().misuse);
	/* Nobody but the library takes memory here, and it knows what. */
	EXPECT_EQ(0U, lt_stats().spans_lost);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_set_log(NULL, NULL);
}

TEST_F(gather, the_same_size_as_it_stands)
{
	char *block = lt_filled(10 * LT_MIB, 1);
	struct tmem_stats stats;

	ASSERT_NE(NULL, block);
	stats = lt_stats();
	EXPECT_EQ(5U, stats.spans_busy);
	EXPECT_EQ(5U, stats.spans_filled);
	EXPECT_EQ(0U, stats.reused);
	tmem_free(block);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(5U, lt_stats().spans_idle);

	/* Any size that fits there; the rest is others'. */
	EXPECT_EQ(block, tmem_alloc(8 * LT_MIB + 1));
	stats = lt_stats();
	EXPECT_EQ(5U, stats.spans_filled);
	EXPECT_EQ(1U, stats.reused);
	EXPECT_EQ(0U, stats.spans_idle);
	EXPECT_EQ(8 * LT_MIB + 4096, tmem_usable_size(block));
	tmem_free(block);
}

/* Among several of a size, the one freed last: it may still be in a cache. */
TEST_F(gather, the_last_one_first)
{
	char *a = lt_filled(4 * LT_MIB, 1), *b = lt_filled(4 * LT_MIB, 2);

	tmem_free(a);
	tmem_free(b);
	EXPECT_EQ(b, tmem_alloc(4 * LT_MIB));
	EXPECT_EQ(a, tmem_alloc(4 * LT_MIB));
	EXPECT_EQ(4U, lt_stats().spans_filled);
	tmem_free(a);
	tmem_free(b);
}

/*
 * Idle spans that do not lie together are moved together once as much is held
 * as was in use at once, give or take a span.
 */
TEST_F(gather, a_larger_one_out_of_many)
{
	enum { PARTS = 40 };
	char *part[PARTS], *large;
	struct tmem_stats stats;
	size_t i;

	for (i = 0; i < PARTS; i++)
		part[i] = lt_filled(2 * LT_MIB, i);
	for (i = 0; i < PARTS; i += 2)
		tmem_free(part[i]);
	ASSERT_EQ(20U, lt_stats().spans_idle);
	large = tmem_alloc(20 * LT_MIB);
	ASSERT_NE(NULL, large);
	stats = lt_stats();
	EXPECT_LE(stats.spans_filled, (uint64_t)PARTS + PARTS / 16 + 1);
	EXPECT_LE(9U - PARTS / 16 - 1, stats.spans_moved);
	EXPECT_EQ(30U, stats.spans_busy);
	lt_fill(large, 20 * LT_MIB, 100);
	for (i = 1; i < PARTS; i += 2)
		EXPECT_TRUE(lt_kept(part[i], 2 * LT_MIB, i));
	EXPECT_TRUE(lt_kept(large, 20 * LT_MIB, 100));
	EXPECT_EQ(0, tmem_check());
	EXPECT_EQ((stats.spans_busy + stats.spans_idle) * LT_SPAN,
		  lt_residency().resident);
	for (i = 1; i < PARTS; i += 2)
		tmem_free(part[i]);
	tmem_free(large);
}

/* What is not needed of a window stays and can be used. */
TEST_F(gather, a_part_of_one)
{
	char *a = lt_filled(12 * LT_MIB, 1), *b, *c;

	tmem_free(a);
	b = tmem_alloc(4 * LT_MIB);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(4U, lt_stats().spans_idle);
	lt_fill(b, 4 * LT_MIB, 2);
	c = tmem_alloc(8 * LT_MIB);
	ASSERT_NE(NULL, c);
	lt_fill(c, 8 * LT_MIB, 3);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(6U, lt_stats().spans_filled);
	EXPECT_TRUE(lt_kept(b, 4 * LT_MIB, 2));
	EXPECT_TRUE(lt_kept(c, 8 * LT_MIB, 3));
	tmem_free(b);
	tmem_free(c);
}

/* New memory only for what idle spans do not cover. */
TEST_F(gather, idle_spans_and_new_ones)
{
	char *a = lt_filled(6 * LT_MIB, 1), *b;

	tmem_free(a);
	b = tmem_zalloc(20 * LT_MIB);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(10U, lt_stats().spans_filled);
	EXPECT_EQ(0U, lt_stats().reused);
	EXPECT_TRUE(lt_zero(b, 20 * LT_MIB));
	tmem_free(b);
}

/* Small blocks' spans and large blocks are of one kind of memory. */
TEST_F(gather, small_blocks_give_to_large)
{
	char *small[64], *large;
	uint64_t filled_before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(small); i++) {
		small[i] = tmem_alloc(500 * LT_KIB);
		ASSERT_NE(NULL, small[i]);
		lt_fill(small[i], 500 * LT_KIB, i);
	}
	for (i = 0; i < ARRAY_SIZE(small); i++)
		tmem_free(small[i]);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	filled_before = lt_stats().spans_filled;
	large = tmem_alloc(30 * LT_MIB);
	ASSERT_NE(NULL, large);
	EXPECT_EQ(filled_before, lt_stats().spans_filled);
	tmem_free(large);
}

TEST_F(gather, zeroes_after_use)
{
	char *block = tmem_alloc(9 * LT_MIB);

	memset(block, 0xa5, tmem_usable_size(block));
	tmem_free(block);
	EXPECT_EQ(block, tmem_zalloc(9 * LT_MIB));
	EXPECT_TRUE(lt_zero(block, tmem_usable_size(block)));
	memset(block, 0xa5, tmem_usable_size(block));
	tmem_free(block);
	tmem_trim(0);
	block = tmem_zalloc(9 * LT_MIB);
	EXPECT_TRUE(lt_zero(block, tmem_usable_size(block)));
	tmem_free(block);
}

TEST_F(gather, trim_takes_no_more_than_asked)
{
	char *a = lt_filled(4 * LT_MIB, 1), *b = lt_filled(6 * LT_MIB, 2);
	char *c = lt_filled(8 * LT_MIB, 3);

	tmem_free(b);
	tmem_free(c);
	tmem_free(a);
	EXPECT_EQ(0U, tmem_trim(18 * LT_MIB));
	EXPECT_EQ(0U, tmem_trim(SIZE_MAX));
	EXPECT_EQ(9U, lt_stats().spans_idle);
	EXPECT_EQ(6 * LT_MIB, tmem_trim(12 * LT_MIB));
	EXPECT_EQ(12 * LT_MIB, lt_residency().resident);
	/* As much as has to go, in whole spans. */
	EXPECT_EQ(2 * LT_MIB, tmem_trim(12 * LT_MIB - 1));
	EXPECT_EQ(10 * LT_MIB, lt_residency().resident);
	EXPECT_EQ(10 * LT_MIB, tmem_trim(0));
	EXPECT_TRUE(lt_no_access(b));
	EXPECT_EQ(0U, tmem_trim(0));
	EXPECT_EQ(9U, lt_stats().spans_purged);
}

/* "The bytes given back": no more than were there. */
TEST_F(gather, trim_counts_what_was_held)
{
	char *block = tmem_alloc(20 * LT_MIB);
	uint64_t held;

	ASSERT_NE(NULL, block);
	lt_fill(block, 4 * LT_MIB, 1);
	held = lt_residency().resident;
	EXPECT_LE(4 * LT_MIB, held);
	tmem_free(block);
	EXPECT_EQ(held, tmem_trim(0));
}

TEST_F(gather, live_blocks_are_not_trimmed)
{
	char *a = lt_filled(6 * LT_MIB, 1), *small = lt_filled(100, 2);

	EXPECT_EQ(0U, tmem_trim(0));
	EXPECT_TRUE(lt_kept(a, 6 * LT_MIB, 1));
	EXPECT_TRUE(lt_kept(small, 100, 2));
	tmem_free(a);
	tmem_free(small);
}

TEST_F(gather, large_alignments)
{
	size_t align;
	char *block, *again;

	for (align = 4 * LT_MIB; align <= LT_GIB; align *= 2) {
		block = tmem_aligned_alloc(align, 6 * LT_MIB);
		ASSERT_NE(NULL, block);
		EXPECT_EQ(0U, (uintptr_t)block % align);
		lt_fill(block, 6 * LT_MIB, align);
		again = tmem_aligned_alloc(align, 100);
		ASSERT_NE(NULL, again);
		EXPECT_EQ(0U, (uintptr_t)again % align);
		lt_fill(again, 100, 1);
		EXPECT_TRUE(lt_kept(block, 6 * LT_MIB, align));
		tmem_free(again);
		tmem_free(block);
		EXPECT_EQ(block, tmem_aligned_alloc(align, 6 * LT_MIB));
		tmem_free(block);
	}
	/* Other alignments, the same memory. */
	EXPECT_EQ(4U, lt_stats().spans_filled);
}

/* The search for free addresses has come to the end, and begun anew. */
static bool go_around(char *start, char *end)
{
	size_t left = (size_t)(end - start) / LT_GIB + 2;
	char *p = NULL, *before;

	do {
		before = p;
		p = tmem_aligned_alloc(LT_GIB, 1);
		tmem_free(p);
		tmem_trim(0);
	} while (p >= before && p && left--);
	return p && p < before;
}

/*
 * When the range has been used up, free addresses are looked for where others
 * are live, with holes between them that may be too small.
 */
TEST_F(gather, addresses_come_around)
{
	enum { OLD = 24, NEW = 24 };
	size_t size[OLD + NEW], i;
	uint64_t random = pace_seed();
	char *block[OLD + NEW], *start, *end;

	start = tmem_slots.base;
	end = start + tmem_slots.bytes;
	ASSERT_TRUE(go_around(start, end));
	for (i = 0; i < OLD + NEW; i++) {
		if (i == OLD) {
			ASSERT_TRUE(go_around(start, end));
		}
		size[i] = lt_between(&random, LT_SPAN, 4 * LT_SPAN);
		block[i] = lt_filled(size[i], i);
		ASSERT_NE(NULL, block[i]);
		if (i >= OLD || i % 2)
			continue;
		/* A hole, once the next one is there. */
		tmem_free(block[i]);
		block[i] = NULL;
		tmem_trim(0);
	}
	for (i = 0; i < OLD + NEW; i++) {
		EXPECT_TRUE(!block[i] || lt_kept(block[i], size[i], i));
		tmem_free(block[i]);
	}
}

TEST_HARNESS_MAIN
