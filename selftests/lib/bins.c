// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what a single request gets: at least its size and its alignment, no
 * more than the waste that lib/pool/run.c states, memory up to the last usable
 * byte, zeroes where they were asked for, and a clear no where it cannot be.
 */
#include "lib_test.h"

#include "pool/pool.h"

#define SIZES 40001
#define ALIGN_MAX LT_GIB
#define HELD_ALIGN (64 * LT_MIB)

/* As lib/pool/run.c says; blocks above the bins are whole pages. */
static size_t waste_allowed(size_t size, size_t usable)
{
	if (size > TMEM_BIN_MAX)
		return TMEM_PAGE_BYTES - 1;
	return usable / 8 < 63 ? 63 : usable / 8;
}

/* What is promised of a live block; says what is not kept. */
static bool block_good(void *block, size_t size, size_t align)
{
	size_t usable = tmem_usable_size(block);
	volatile char *p = block;

	if (!block || !usable || usable < size || (uintptr_t)block % align) {
		printf("# size %zu align %zu: %p, usable %zu\n", size, align,
		       block, usable);
		return false;
	}
	p[0] = 1;
	p[usable - 1] = 2;
	return true;
}

TEST(bins_fit_and_waste_little)
{
	size_t size, bytes;
	unsigned int bin;

	for (size = 1; size <= TMEM_BIN_MAX; size++) {
		bin = tmem_bin_of(size, TMEM_MIN_ALIGN);
		ASSERT_GT(TMEM_BINS, bin);
		bytes = tmem_bin_bytes(bin);
		ASSERT_LE(size, bytes);
		ASSERT_EQ(0U, bytes % TMEM_MIN_ALIGN);
		ASSERT_LE(bytes - size, waste_allowed(size, bytes));
		if (bin) {
			ASSERT_GT(size, tmem_bin_bytes(bin - 1));
		}
	}
	EXPECT_EQ(0U, tmem_bin_of(0, TMEM_MIN_ALIGN));
	EXPECT_EQ(TMEM_BIN_MAX, tmem_bin_bytes(TMEM_BINS - 1));
	EXPECT_EQ(TMEM_BINS, tmem_bin_of(TMEM_BIN_MAX + 1, TMEM_MIN_ALIGN));
}

TEST(bins_keep_alignments)
{
	size_t size, align;
	unsigned int bin;

	for (align = TMEM_MIN_ALIGN; align <= 2 * TMEM_PAGE_BYTES; align *= 2)
		for (size = 0; size <= TMEM_BIN_MAX; size += 13) {
			bin = tmem_bin_of(size, align);
			if (bin == TMEM_BINS)
				continue;
			ASSERT_LE(size, tmem_bin_bytes(bin));
			ASSERT_EQ(0U, tmem_bin_bytes(bin) % align);
			/* A run starts on a page, and on no more. */
			ASSERT_GE(TMEM_PAGE_BYTES, align);
		}
}

TEST(every_size)
{
	size_t size, usable, before = 0;
	void *block;

	ASSERT_EQ(0, lt_init());
	for (size = 0; size < SIZES; size++) {
		block = tmem_alloc(size);
		ASSERT_TRUE(block_good(block, size, TMEM_MIN_ALIGN));
		usable = tmem_usable_size(block);
		ASSERT_LE(usable - size,
			  size ? waste_allowed(size, usable) : TMEM_MIN_ALIGN);
		ASSERT_LE(before, usable);
		before = usable;
		tmem_free(block);
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
}

/* All of them at once, so that each has its place. */
TEST(every_size_held)
{
	static void *block[SIZES];
	const size_t step = LT_COUNT(7, 41);
	size_t size;

	ASSERT_EQ(0, lt_init());
	for (size = 0; size < SIZES; size += step) {
		block[size] = tmem_alloc(size);
		ASSERT_TRUE(block_good(block[size], size, TMEM_MIN_ALIGN));
		lt_fill(block[size], tmem_usable_size(block[size]), size);
	}
	for (size = 0; size < SIZES; size += step) {
		ASSERT_TRUE(lt_kept(block[size], tmem_usable_size(block[size]),
				    size));
		tmem_free(block[size]);
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
	lt_drain();
	EXPECT_EQ(0U, lt_stats().spans_busy);
}

static const size_t some_sizes[] = {
	0,
	1,
	63,
	64,
	65,
	100,
	1000,
	1024,
	1025,
	4096,
	5000,
	32768,
	32769,
	40000,
	65536,
	LT_MIB,
	LT_MIB + 1,
	LT_SPAN - 4097,
	LT_SPAN - 4096,
	LT_SPAN - 4095,
	LT_SPAN - 1,
	LT_SPAN,
	LT_SPAN + 1,
	3 * LT_MIB,
	5 * LT_MIB,
};

#define SOME ARRAY_SIZE(some_sizes)

/*
 * Sizes of all kinds at one alignment, live together, if they can be: the
 * library's range is some times the memory, which need not be many GiB.
 */
static bool aligned_good(size_t align)
{
	size_t least = align < TMEM_MIN_ALIGN ? TMEM_MIN_ALIGN : align, i;
	void *block[SOME];
	bool good = true;

	for (i = 0; i < SOME; i++) {
		block[i] = tmem_aligned_alloc(align, some_sizes[i]);
		if (!block_good(block[i], some_sizes[i], least))
			good = false;
		else
			lt_fill(block[i], tmem_usable_size(block[i]), i);
		if (align >= HELD_ALIGN) {
			tmem_free(block[i]);
			block[i] = NULL;
		}
	}
	for (i = 0; i < SOME; i++) {
		if (good && block[i] &&
		    !lt_kept(block[i], tmem_usable_size(block[i]), i))
			good = false;
		tmem_free(block[i]);
	}
	return good;
}

TEST(every_alignment)
{
	size_t align;

	ASSERT_EQ(0, lt_init());
	for (align = 1; align <= ALIGN_MAX; align *= 2) {
		EXPECT_TRUE(aligned_good(align));
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	lt_drain();
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_EQ(0U, lt_stats().failures);
}

/* "A block of the smallest size, which must be freed too." */
TEST(size_zero)
{
	size_t least, align;
	void *block;

	ASSERT_EQ(0, lt_init());
	block = tmem_alloc(0);
	ASSERT_TRUE(block_good(block, 1, TMEM_MIN_ALIGN));
	least = tmem_usable_size(block);
	tmem_free(block);
	block = tmem_alloc(1);
	EXPECT_EQ(least, tmem_usable_size(block));
	block = tmem_realloc(block, 0);
	EXPECT_EQ(least, tmem_usable_size(block));
	tmem_free(block);
	block = tmem_zalloc(0);
	EXPECT_TRUE(lt_zero(block, tmem_usable_size(block)));
	tmem_free(block);

	for (align = 1; align <= ALIGN_MAX; align *= 2) {
		block = tmem_aligned_alloc(align, 0);
		EXPECT_TRUE(block_good(block, 1, align))
		TH_LOG("align %#zx", align);
		tmem_free(block);
		EXPECT_EQ(0U, tmem_usable_size(block));
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	lt_drain();
	EXPECT_EQ(0U, lt_stats().spans_busy);
}

TEST(wrong_alignments)
{
	const size_t bad[] = {
		0,
		3,
		63,
		65,
		96,
		4095,
		2 * ALIGN_MAX,
		ALIGN_MAX + 1,
		SIZE_MAX,
		(size_t)1 << 63,
	};
	size_t i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(NULL, tmem_aligned_alloc(bad[i], 100));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0U, lt_stats().allocs);
}

TEST(sizes_that_cannot_be)
{
	const size_t bad[] = {
		SIZE_MAX,
		SIZE_MAX - 63,
		SIZE_MAX - LT_SPAN,
		SIZE_MAX / 2,
		SIZE_MAX / 2 + 1,
		(size_t)1 << 62,
		(size_t)1 << 53,
		((size_t)1 << 53) + 1,
		(size_t)PTRDIFF_MAX,
		(size_t)PTRDIFF_MAX - LT_GIB,
	};
	struct tmem_pool *pool;
	void *block;
	size_t i;

	ASSERT_EQ(0, lt_init());
	pool = tmem_pool_create(NULL);
	ASSERT_NE(NULL, pool);
	block = tmem_alloc(100);
	lt_fill(block, 100, 5);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(NULL, tmem_alloc(bad[i]));
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_EQ(NULL, tmem_zalloc(bad[i]));
		EXPECT_EQ(NULL, tmem_aligned_alloc(LT_GIB, bad[i]));
		EXPECT_EQ(NULL, tmem_pool_alloc(pool, bad[i]));
		errno = 0;
		EXPECT_EQ(NULL, tmem_realloc(block, bad[i]));
		EXPECT_EQ(ENOMEM, errno);
	}
	EXPECT_EQ(5 * ARRAY_SIZE(bad), lt_stats().failures);
	EXPECT_EQ(1U, lt_stats().live_blocks);
	EXPECT_EQ(1U, lt_stats().allocs);
	EXPECT_TRUE(lt_kept(block, 100, 5));
	tmem_free(block);
	tmem_pool_destroy(pool);
}

/* Also where the block before was full of something else. */
TEST(zalloc_is_zero)
{
	const size_t step = LT_COUNT(113, 1009);
	size_t size, usable, i;
	void *block;

	ASSERT_EQ(0, lt_init());
	for (size = 0; size < SIZES; size += step) {
		block = tmem_alloc(size);
		memset(block, 0xa5, tmem_usable_size(block));
		tmem_free(block);
		block = tmem_zalloc(size);
		ASSERT_TRUE(lt_zero(block, tmem_usable_size(block)));
		tmem_free(block);
	}
	for (i = 0; i < SOME; i++) {
		block = tmem_alloc(some_sizes[i]);
		usable = tmem_usable_size(block);
		memset(block, 0xa5, usable);
		tmem_free(block);
		block = tmem_zalloc(some_sizes[i]);
		EXPECT_TRUE(lt_zero(block, tmem_usable_size(block)));
		tmem_free(block);
	}
}

/* Contents survive growing and shrinking through every kind of block. */
TEST(realloc_keeps)
{
	size_t i, k, size, least;
	void *block;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < SOME; i++)
		for (k = 0; k < SOME; k++) {
			size = some_sizes[i];
			least = size < some_sizes[k] ? size : some_sizes[k];
			block = tmem_realloc(NULL, size);
			ASSERT_TRUE(block_good(block, size, TMEM_MIN_ALIGN));
			lt_fill(block, size, i);
			block = tmem_realloc(block, some_sizes[k]);
			ASSERT_NE(NULL, block);
			ASSERT_LE(some_sizes[k], tmem_usable_size(block));
			ASSERT_TRUE(lt_kept_to(block, size, least, i));
			tmem_free(block);
		}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
}

TEST_HARNESS_MAIN
