// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that what the tensor cache compresses comes back bit for bit: all
 * kinds of data, NaN patterns among them, sizes around every edge, elements of
 * all widths; that nothing grows or is written past its end; that what cannot
 * be made smaller is left alone; and that damage is found.
 */
#include "tcache_test.h"

#include "gc/collector.h"
#include "tcache/pack.h"
#include "tcache_data.h"

#define GUARD 64

/* In place, in a buffer with a mark on each side. */
static bool there_and_back(struct tmem_pack_work *work, enum data_kind kind,
			   size_t size, unsigned int width, size_t *left)
{
	size_t words = tmem_pack_words(size, width);
	unsigned char *at = malloc(size + 2 * GUARD);
	unsigned char *back = malloc(size + 2 * GUARD);
	uint32_t *word = malloc((words + 1) * sizeof(*word));
	bool good;

	memset(at, 0x5a, size + 2 * GUARD);
	memset(back, 0x5a, size + 2 * GUARD);
	word[words] = 0x5a5a5a5a;
	data_fill(kind, at + GUARD, size, 9);
	*left = tmem_pack(work, at + GUARD, size, width, word);
	/* Nothing behind what is left is needed. */
	if (*left <= size)
		memset(at + GUARD + *left, 0xa5, size - *left);
	good = *left <= size && word[words] == 0x5a5a5a5a &&
	       tmem_unpack(work, at + GUARD, *left, word, back + GUARD, size,
			   width) &&
	       data_kept(kind, back + GUARD, size, 9) &&
	       at[GUARD - 1] == 0x5a && at[GUARD + size] == 0x5a &&
	       back[GUARD - 1] == 0x5a && back[GUARD + size] == 0x5a;
	if (!good)
		printf("# kind %d, %zu bytes, width %u: %zu left\n", (int)kind,
		       size, width, *left);
	free(at);
	free(back);
	free(word);
	return good;
}

TEST(bit_for_bit)
{
	static const size_t sizes[] = {
		0,
		1,
		3,
		8,
		63,
		64 * 4 + 1,
		4096,
		TMEM_PACK_CHUNK - 1,
		TMEM_PACK_CHUNK,
		TMEM_PACK_CHUNK + 1,
		2 * TMEM_PACK_CHUNK + 12345,
	};
	struct tmem_pack_work *work = tmem_pack_work_make();
	/* A machine with the module is an emulated one. */
	bool slow = LT_SANITIZER || lt_backend() == TMEM_BACKEND_DEV;
	unsigned int width;
	size_t i, left;
	int kind;

	ASSERT_NE(NULL, work);
	for (kind = 0; kind < DATA_KINDS; kind++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (width = slow ? 4 : 1; width <= (slow ? 4 : 8);
			     width *= 2)
				EXPECT_TRUE(there_and_back(
					work, (enum data_kind)kind, sizes[i],
					width, &left));
	tmem_pack_work_free(work);
}

/* So much is left of each kind, at most. */
TEST(ratio)
{
	static const double most[DATA_KINDS] = { 0.01, 0.88, 0.65, 1, 0.9,
						 0.75, 0.3,  0.2,  1, 0.6 };
	struct tmem_pack_work *work = tmem_pack_work_make();
	size_t size = LT_MIB, left;
	int kind;

	ASSERT_NE(NULL, work);
	for (kind = 0; kind < DATA_KINDS; kind++) {
		EXPECT_TRUE(there_and_back(work, (enum data_kind)kind, size,
					   data_width((enum data_kind)kind),
					   &left));
		printf("# kind %d: %.1f %% left\n", kind,
		       100.0 * (double)left / (double)size);
		EXPECT_GE(most[kind] * (double)size, (double)left);
	}
	tmem_pack_work_free(work);
}

TEST(widths)
{
	unsigned int width;

	for (width = 0; width < 20; width++)
		EXPECT_EQ(width == 1 || width == 2 || width == 4 || width == 8,
			  tmem_pack_width_ok(width));
}

/* Packed bytes and lengths at random: refused, or something, but no crash. */
TEST(damaged)
{
	size_t size = TMEM_PACK_CHUNK + 999, words = tmem_pack_words(size, 4);
	struct tmem_pack_work *work = tmem_pack_work_make();
	unsigned char *good = malloc(size), *bad = malloc(size);
	unsigned char *back = malloc(size);
	uint32_t word[64], wrong[64];
	uint64_t random = pace_seed();
	unsigned int i, refused = 0;
	size_t left;

	ASSERT_NE(NULL, work);
	ASSERT_GE(ARRAY_SIZE(word), words);
	data_fill(DATA_RELU, good, size, 1);
	left = tmem_pack(work, good, size, 4, word);
	for (i = 0; i < LT_COUNT(300, 50); i++) {
		memcpy(bad, good, left);
		memcpy(wrong, word, sizeof(word));
		if (i % 2)
			bad[lt_random(&random) % left] ^=
				1 + lt_random(&random) % 255;
		else
			wrong[lt_random(&random) % words] =
				(uint32_t)lt_random(&random) >>
				lt_random(&random) % 32;
		refused += !tmem_unpack(work, bad, left, wrong, back, size, 4);
	}
	printf("# %u refused\n", refused);
	EXPECT_LT(0, refused);
	free(good);
	free(bad);
	free(back);
	tmem_pack_work_free(work);
}

/* A value of a kind in the cache. */
static int put_kind(struct tmem_tcache *cache, enum data_kind kind, size_t size,
		    size_t align)
{
	void *value = tmem_aligned_alloc(align, size);
	struct tmem_tcache_item item = tc_item((uint64_t)kind, value, size);
	int err;

	data_fill(kind, value, size, 9);
	item.width = data_width(kind);
	item.align = align;
	item.flags = TMEM_TCACHE_COMPRESSIBLE;
	err = tmem_tcache_put(cache, &item, NULL);
	if (err)
		tmem_free(value);
	return err;
}

TEST(in_the_cache)
{
	struct tmem_tcache *cache = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	size_t size = LT_MIB + 4321;
	struct tmem_tcache_stats s;
	struct tmem_tcache_pin pin;
	uint64_t before, saved;
	int kind;

	ASSERT_NE(NULL, cache);
	for (kind = 0; kind < DATA_KINDS; kind++)
		ASSERT_EQ(0, put_kind(cache, (enum data_kind)kind, size, 8192));
	before = tc_stats(cache).bytes;
	EXPECT_EQ(before, lt_stats().live_bytes);
	tc_wait_cold();
	saved = tmem_tcache_compress(cache, UINT64_MAX);
	s = tc_stats(cache);
	/* Random bits do not get smaller, doubles not by an eighth. */
	EXPECT_EQ(2, s.incompressible);
	EXPECT_EQ(DATA_KINDS - 2, s.compressions);
	EXPECT_EQ(DATA_KINDS - 2, s.packed_entries);
	EXPECT_EQ(before - s.bytes, saved);
	EXPECT_EQ(saved, s.saved_bytes);
	EXPECT_EQ(s.bytes, lt_stats().live_bytes);
	EXPECT_LT(0, s.compress_ns);
	printf("# %llu of %llu KiB left\n", (unsigned long long)s.bytes / 1024,
	       (unsigned long long)before / 1024);
	/* Once is enough. */
	EXPECT_EQ(0, tmem_tcache_compress(cache, UINT64_MAX));
	EXPECT_EQ(2, tc_stats(cache).incompressible);
	for (kind = 0; kind < DATA_KINDS; kind++) {
		ASSERT_EQ(0, tc_pin(cache, (uint64_t)kind, &pin));
		EXPECT_EQ(size, pin.size);
		EXPECT_EQ(0, (uintptr_t)pin.value % 8192);
		EXPECT_TRUE(
			data_kept((enum data_kind)kind, pin.value, size, 9));
		EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	}
	s = tc_stats(cache);
	EXPECT_EQ(DATA_KINDS - 2, s.restores);
	EXPECT_EQ(0, s.packed_entries);
	EXPECT_EQ(0, s.packed_bytes);
	EXPECT_EQ(0, s.saved_bytes);
	EXPECT_EQ(before, s.bytes);
	EXPECT_EQ(before, lt_stats().live_bytes);
	EXPECT_TRUE(tc_end(cache));
}

/* What is in use, warm, small or not to be compressed is left alone. */
TEST(left_alone)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	struct tmem_tcache *cache = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	struct tmem_tcache_pin pin;

	ASSERT_NE(NULL, cache);
	ASSERT_EQ(0, put_kind(cache, DATA_ZERO, LT_MIB, 64));
	ASSERT_EQ(0, tc_put(cache, 50, LT_MIB));
	ASSERT_EQ(0, put_kind(cache, DATA_MASK, 1000, 64));
	ASSERT_EQ(0, tc_pin(cache, DATA_ZERO, &pin));
	tc_wait_cold();
	EXPECT_EQ(0, tmem_tcache_compress(cache, UINT64_MAX));
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	tc_wait_cold();
	EXPECT_LT(0, tmem_tcache_pressure(cache, TMEM_LEVEL_HIGH));
	EXPECT_EQ(1, tc_stats(cache).compressions);
	EXPECT_TRUE(tc_end(cache));
	config.max_bytes = LT_GIB;
	config.cold_ms = 3600000;
	ASSERT_EQ(0, tmem_tcache_create(&config, &cache));
	ASSERT_EQ(0, put_kind(cache, DATA_ZERO, LT_MIB, 64));
	/* Warm for an hour. */
	EXPECT_EQ(0, tmem_tcache_compress(cache, UINT64_MAX));
	EXPECT_TRUE(tc_end(cache));
}

/* While memory is short, by whoever comes by. */
TEST(by_itself)
{
	struct tmem_tcache *cache = tc_make(64 * LT_MIB, 0);

	ASSERT_NE(NULL, cache);
	ASSERT_EQ(0, put_kind(cache, DATA_RELU, LT_MIB, 64));
	tc_wait_cold();
	EXPECT_EQ(0, tc_put(cache, 100, 1000));
	EXPECT_EQ(0, tc_stats(cache).compressions);
	atomic_store(&tmem_collector.count.level, TMEM_LEVEL_HIGH);
	EXPECT_EQ(0, tc_put(cache, 101, 1000));
	EXPECT_EQ(1, tc_stats(cache).compressions);
	EXPECT_TRUE(tc_end(cache));
}

/* Compressed ones go as others do, and are restored only if there is room. */
TEST(and_the_limit)
{
	struct tmem_tcache *cache = tc_make(4 * LT_MIB, TMEM_TCACHE_MANUAL);
	struct tmem_tcache_pin pin;
	uint64_t i;

	ASSERT_NE(NULL, cache);
	ASSERT_EQ(0, put_kind(cache, DATA_RELU, LT_MIB, 64));
	tc_wait_cold();
	ASSERT_LT(0, tmem_tcache_compress(cache, UINT64_MAX));
	ASSERT_EQ(0, tc_put(cache, 100, 3 * LT_MIB));
	ASSERT_EQ(0, tc_pin(cache, 100, &pin));
	EXPECT_EQ(-ENOSPC, tc_pin(cache, DATA_RELU, &pin));
	EXPECT_EQ(1, tc_stats(cache).packed_entries);
	EXPECT_EQ(1, tc_stats(cache).refused);
	EXPECT_EQ(4, pin.value ? 4 : 0);
	for (i = 200; i < 210; i++)
		EXPECT_EQ(0, tc_put(cache, i, 200 * LT_KIB));
	EXPECT_EQ(0, tc_stats(cache).packed_entries);
	EXPECT_EQ(0, tc_stats(cache).saved_bytes);
	EXPECT_GE(4 * LT_MIB, tc_stats(cache).peak_bytes);
	EXPECT_EQ(tc_stats(cache).bytes, lt_stats().live_bytes);
	EXPECT_TRUE(tc_end(cache));
}

/* No memory to restore it: nothing has changed, and later it comes back. */
TEST(no_memory)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	struct tmem_pool_config small = TMEM_POOL_CONFIG_INIT;
	struct tmem_tcache *cache;
	struct tmem_tcache_pin pin;
	uint64_t bytes;
	void *block;

	ASSERT_EQ(0, tc_init());
	small.max_bytes = LT_SPAN;
	config.pool = tmem_pool_create(&small);
	config.max_bytes = 64 * LT_MIB;
	config.cold_ms = 1;
	config.flags = TMEM_TCACHE_MANUAL;
	ASSERT_NE(NULL, config.pool);
	ASSERT_EQ(0, tmem_tcache_create(&config, &cache));
	ASSERT_EQ(0, put_kind(cache, DATA_RELU, LT_MIB, 64));
	tc_wait_cold();
	ASSERT_LT(0, tmem_tcache_compress(cache, UINT64_MAX));
	bytes = tc_stats(cache).bytes;
	block = tmem_pool_alloc(config.pool, LT_SPAN - 100 * LT_KIB);
	ASSERT_NE(NULL, block);
	EXPECT_EQ(-ENOMEM, tc_pin(cache, DATA_RELU, &pin));
	EXPECT_EQ(bytes, tc_stats(cache).bytes);
	EXPECT_EQ(1, tc_stats(cache).packed_entries);
	EXPECT_EQ(0, tc_stats(cache).pinned_entries);
	tmem_free(block);
	ASSERT_EQ(0, tc_pin(cache, DATA_RELU, &pin));
	EXPECT_TRUE(data_kept(DATA_RELU, pin.value, LT_MIB, 9));
	EXPECT_EQ(LT_MIB, tc_stats(cache).bytes);
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	tmem_tcache_destroy(cache);
	tmem_pool_destroy(config.pool);
	EXPECT_TRUE(heap_empty());
}

/* Somebody who kept a pointer writes to what is not his any more. */
TEST(written_over)
{
	struct tmem_tcache *cache = tc_make(4 * LT_MIB, TMEM_TCACHE_MANUAL);
	struct tmem_tcache_pin pin;
	struct lt_log log;

	ASSERT_NE(NULL, cache);
	ASSERT_EQ(0, put_kind(cache, DATA_RELU, LT_MIB, 64));
	ASSERT_EQ(0, tc_pin(cache, DATA_RELU, &pin));
	ASSERT_EQ(0, tmem_tcache_unpin(cache, &pin));
	tc_wait_cold();
	ASSERT_LT(0, tmem_tcache_compress(cache, UINT64_MAX));
	((char *)pin.value)[1000] ^= 1;
	lt_listen(&log);
	EXPECT_EQ(-EBADMSG, tc_get(cache, DATA_RELU));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "written over"));
	EXPECT_EQ(-ENOENT, tc_get(cache, DATA_RELU));
	EXPECT_EQ(1, tc_stats(cache).damaged);
	EXPECT_EQ(0, tc_stats(cache).bytes);
	EXPECT_TRUE(tc_end(cache));
}

TEST_HARNESS_MAIN
