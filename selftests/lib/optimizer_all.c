// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that tmem_optimize_all() collects idle memory, moves handles' blocks
 * together and compresses the values of all caches, says what each gave back
 * and loses nothing; that the monitor's events reach the caches that are not
 * in use, but no manual one; how lean the strategies make them; and that caches
 * may come and go meanwhile.
 */
#include "tcache_test.h"

#include <tmem/handle.h>

#include "monitor/monitor.h"
#include "tcache/tcache.h"

#define HANDLES 64u
#define VALUE ((size_t)256 << 10)

/* Compresses to next to nothing. */
static int put_plain(struct tmem_tcache *cache, uint64_t number, uint32_t flags)
{
	char *value = tmem_alloc(VALUE);
	struct tmem_tcache_item item = tc_item(number, value, VALUE);
	int err;

	if (!value)
		return -ENOMEM;
	memset(value, (int)number, VALUE);
	item.flags = flags;
	err = tmem_tcache_put(cache, &item, NULL);
	if (err)
		tmem_free(value);
	return err;
}

static bool plain_kept(struct tmem_tcache *cache, uint64_t number)
{
	struct tmem_tcache_pin pin;
	const char *value;
	bool right;

	if (tc_pin(cache, number, &pin))
		return false;
	value = pin.value;
	right = pin.size == VALUE && value[0] == (char)number &&
		!memcmp(value, value + 1, VALUE - 1);
	return !tmem_tcache_unpin(cache, &pin) && right;
}

/* Handles of which every fourth is left: spans a quarter full. */
static bool scatter(struct tmem_handle **handle)
{
	unsigned int i;

	for (i = 0; i < HANDLES; i++) {
		handle[i] = tmem_handle_new(NULL, VALUE);
		if (!handle[i])
			return false;
		memset(tmem_handle_pin(handle[i]), (int)i, VALUE);
		tmem_handle_unpin(handle[i]);
	}
	for (i = 0; i < HANDLES; i++)
		if (i % 4 && tmem_handle_free(handle[i]))
			return false;
	return true;
}

TEST(each_part_gives_back)
{
	struct tmem_optimize_report report = TMEM_OPTIMIZE_REPORT_INIT;
	struct tmem_handle *handle[HANDLES];
	struct tmem_tcache *cache[2];
	struct tmem_stats before, after;
	unsigned int i;
	char *block;

	cache[0] = tc_make(64 * LT_MIB, 0);
	cache[1] = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_NE(NULL, cache[0]);
	ASSERT_NE(NULL, cache[1]);
	for (i = 0; i < 48; i++)
		ASSERT_EQ(0,
			  put_plain(cache[i % 2], i, TMEM_TCACHE_COMPRESSIBLE));
	ASSERT_TRUE(scatter(handle));
	block = tmem_alloc(20 * LT_SPAN);
	ASSERT_NE(NULL, block);
	memset(block, 1, 20 * LT_SPAN);
	tmem_free(block);
	tc_wait_cold();
	before = lt_stats();
	ASSERT_EQ(0, tmem_optimize_all(&report));
	after = lt_stats();
	printf("# collected %llu, defragmented %llu (moved %llu), compressed "
	       "%llu (collected %llu); us %llu %llu %llu\n",
	       (unsigned long long)report.gc_bytes,
	       (unsigned long long)report.defragmented_bytes,
	       (unsigned long long)report.moved_bytes,
	       (unsigned long long)report.compressed_bytes,
	       (unsigned long long)report.compressed_gc_bytes,
	       (unsigned long long)report.gc_us,
	       (unsigned long long)report.defragment_us,
	       (unsigned long long)report.compress_us);
	EXPECT_GE(report.gc_bytes, 20 * LT_SPAN);
	EXPECT_GE(report.defragmented_bytes, 4 * LT_SPAN);
	EXPECT_GE(report.moved_bytes, VALUE);
	EXPECT_GE(report.compressed_bytes, 40 * VALUE);
	EXPECT_GE(report.compressed_gc_bytes, 3 * LT_SPAN);
	/* What it says is gone, but for the work space of the compression. */
	EXPECT_GE(before.held_bytes - after.held_bytes + LT_SPAN,
		  report.gc_bytes + report.defragmented_bytes +
			  report.compressed_gc_bytes);
	EXPECT_EQ(0U, after.spans_idle);
	for (i = 0; i < 48; i++)
		EXPECT_TRUE(plain_kept(cache[i % 2], i));
	for (i = 0; i < HANDLES; i += 4) {
		char *p = tmem_handle_pin(handle[i]);

		ASSERT_NE(NULL, p);
		EXPECT_TRUE(p[0] == (char)i && !memcmp(p, p + 1, VALUE - 1));
		tmem_handle_unpin(handle[i]);
		EXPECT_EQ(0, tmem_handle_free(handle[i]));
	}
	tmem_tcache_destroy(cache[1]);
	EXPECT_TRUE(tc_end(cache[0]));
	EXPECT_EQ(0, tmem_check());
}

TEST(with_nothing_to_give)
{
	struct tmem_optimize_report report = TMEM_OPTIMIZE_REPORT_INIT;
	struct tmem_optimize_report small = { .struct_size = 3 };

	ASSERT_EQ(0, heap_init());
	EXPECT_EQ(0, tmem_optimize_all(NULL));
	EXPECT_EQ(0, tmem_optimize_all(&report));
	EXPECT_EQ(0U, report.gc_bytes + report.defragmented_bytes +
			      report.compressed_bytes);
	EXPECT_EQ(-EINVAL, tmem_optimize_all(&small));
}

static void event(enum tmem_level level)
{
	atomic_load (&tmem_monitor_hook)(level);
}

TEST(events_reach_caches_not_in_use)
{
	struct tmem_tcache *cache[2];
	unsigned int i;

	cache[0] = tc_make(64 * LT_MIB, 0);
	cache[1] = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_NE(NULL, cache[0]);
	ASSERT_NE(NULL, cache[1]);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0,
			  put_plain(cache[i % 2], i, TMEM_TCACHE_DISCARDABLE));
	event(TMEM_LEVEL_MEDIUM);
	EXPECT_EQ(0U, tc_stats(cache[0]).discards);
	event(TMEM_LEVEL_CRITICAL);
	EXPECT_EQ(4U, tc_stats(cache[0]).discards);
	EXPECT_EQ(0U, tc_stats(cache[1]).discards);
	tmem_tcache_destroy(cache[1]);
	EXPECT_TRUE(tc_end(cache[0]));
	event(TMEM_LEVEL_CRITICAL);
}

/* One value that could be compressed, and then an event. */
static uint64_t packed_after(int lean, enum tmem_level level)
{
	struct tmem_tcache *cache = tc_make(64 * LT_MIB, 0);
	uint64_t packed;

	if (!cache || put_plain(cache, 1, TMEM_TCACHE_COMPRESSIBLE))
		return UINT64_MAX;
	tc_wait_cold();
	tmem_tcaches_lean(lean);
	event(level);
	packed = tc_stats(cache).packed_entries;
	tmem_tcaches_lean(0);
	tmem_tcache_destroy(cache);
	return packed;
}

TEST(strategies_make_caches_lean_or_not)
{
	EXPECT_EQ(0U, packed_after(0, TMEM_LEVEL_MEDIUM));
	EXPECT_EQ(1U, packed_after(0, TMEM_LEVEL_HIGH));
	EXPECT_EQ(1U, packed_after(1, TMEM_LEVEL_MEDIUM));
	EXPECT_EQ(0U, packed_after(1, TMEM_LEVEL_LOW));
	EXPECT_EQ(0U, packed_after(-1, TMEM_LEVEL_HIGH));
	EXPECT_EQ(1U, packed_after(-1, TMEM_LEVEL_CRITICAL));
}

static atomic_bool over;

static void *optimize(void *arg)
{
	while (!atomic_load(&over)) {
		tmem_optimize_all(NULL);
		event(TMEM_LEVEL_CRITICAL);
	}
	return NULL;
}

TEST(caches_may_come_and_go)
{
	struct tmem_tcache *cache;
	unsigned int i;
	pthread_t thread;

	cache = tc_make(LT_MIB, 0);
	ASSERT_NE(NULL, cache);
	tmem_tcache_destroy(cache);
	ASSERT_EQ(0, pthread_create(&thread, NULL, optimize, NULL));
	PACE_ROUNDS(LT_COUNT(200, 50)) {
		cache = tc_make(16 * LT_MIB, 0);
		ASSERT_NE(NULL, cache);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0,
				  put_plain(cache, i,
					    i % 2 ? TMEM_TCACHE_DISCARDABLE :
						    TMEM_TCACHE_COMPRESSIBLE));
		EXPECT_TRUE(plain_kept(cache, 0));
		tmem_tcache_destroy(cache);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, tmem_check());
}

TEST_HARNESS_MAIN
