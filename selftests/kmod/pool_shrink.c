// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the pools are the first to give way: they shrink when the kernel
 * looks for memory, before anybody's idle spans do, they are not filled again
 * while the pressure is high, and they take no memory that somebody needs.
 */
#include "tmem_test_pressure.h"

#define TARGET ((size_t)24)

FIXTURE(shrink)
{
	int dev;
	int node;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
	char low[40], target[40];
};

static int64_t get(int node, const char *what)
{
	return kt_sysfs_node(node, what);
}

FIXTURE_SETUP(shrink)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->node = kt_node_last();
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
	snprintf(self->low, sizeof(self->low), "node%d/pool_low_bytes",
		 self->node);
	snprintf(self->target, sizeof(self->target), "node%d/pool_target_bytes",
		 self->node);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	ASSERT_EQ(0, kt_knob(&self->knobs, self->low, "0"));
	ASSERT_EQ(0, kt_knob(&self->knobs, self->target, "0"));
	ASSERT_TRUE(kt_pool_holds(self->node, 0, 1000));
	ASSERT_EQ(0,
		  kt_knob_number(&self->knobs, self->target, TARGET * KT_SPAN));
	ASSERT_EQ(0, kt_knob_number(&self->knobs, self->low,
				    TARGET / 2 * KT_SPAN));
	ASSERT_TRUE(kt_pool_holds(self->node, TARGET, KT_REFILL_MS));
}

FIXTURE_TEARDOWN(shrink)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	munmap((void *)self->page, self->size);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

/* The kernel asks all shrinkers, as it does when memory is short. */
TEST_F(shrink, when_asked)
{
	int64_t shrunk = get(self->node, "pool_shrunk"), left;

	ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "2"));
	left = get(self->node, "pool_bytes") / (int64_t)KT_SPAN;
	EXPECT_GT((int64_t)TARGET, left);
	EXPECT_EQ(shrunk + (int64_t)TARGET - left,
		  get(self->node, "pool_shrunk"));
	/* What was just given away is not fetched back at once. */
	kt_sleep_ms(1500);
	EXPECT_TRUE(kt_pool_holds(self->node, (size_t)left, 0));
}

/* Takes the node's memory until its pool has given some up. */
static int hog(int node, int64_t shrunk)
{
	unsigned long mask = 1UL << node;
	size_t size = kt_node_total(node) & -KT_SPAN, step = 4 * KT_MIB;
	unsigned char *p = mmap(NULL, size, KT_RW,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);

	if (p == MAP_FAILED ||
	    syscall(SYS_mbind, p, size, MPOL_BIND, &mask, 64UL, 0))
		return 2;
	madvise(p, size, MADV_HUGEPAGE);
	for (size_t at = 0; at + step <= size; at += step) {
		if (madvise(p + at, step, MADV_POPULATE_WRITE))
			return 3;
		if (get(node, "pool_shrunk") > shrunk) {
			kt_sleep_ms(2000);
			return 0;
		}
	}
	return 4;
}

TEST_F(shrink, when_the_node_is_full)
{
	int64_t shrunk = get(self->node, "pool_shrunk"), left;
	struct tmem_arena_purge out;
	struct kt_arena a;
	pid_t pid;

	if (kt_node_count() < 2 || kt_node_total(self->node) > 4096 * KT_MIB)
		SKIP(return, "no second node that is small enough to fill");
	/* Somebody's idle spans, which are worth more. */
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 16 * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << kt_node_first()));
	for (size_t i = 0; i < a.spans; i++) {
		kt_span(&a, i)[0] = 1;
		kt_idle(&a, i);
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(hog(self->node, shrunk));
	EXPECT_EQ(0, kt_wait(pid));
	left = get(self->node, "pool_bytes");
	printf("# %lld spans given up, %lld left\n",
	       (long long)(get(self->node, "pool_shrunk") - shrunk),
	       (long long)left / (long long)KT_SPAN);
	EXPECT_LT(shrunk, get(self->node, "pool_shrunk"));
	EXPECT_EQ(16U, kt_stat(&a).spans_huge);
	EXPECT_EQ(0, kt_purge(&a, 0, 16, &out));
	kt_arena_fini(&a);
}

TEST_F(shrink, not_filled_while_high)
{
	struct kt_arena a;

	for (uint32_t level = TMEM_LEVEL_HIGH; level <= TMEM_LEVEL_CRITICAL;
	     level++) {
		ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, level));
		ASSERT_EQ(0,
			  kt_arena_init(&a, self->dev, TARGET * KT_SPAN,
					TMEM_POLICY_BIND, 1ULL << self->node));
		for (size_t i = 0; i < a.spans; i++)
			kt_span(&a, i)[0] = 1;
		/* What is there is used, nothing is added. */
		EXPECT_EQ(TARGET, kt_stat(&a).fills_pool);
		kt_sleep_ms(1000);
		EXPECT_TRUE(kt_pool_holds(self->node, 0, 0));
		kt_arena_fini(&a);
		ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page,
					  TMEM_LEVEL_LOW));
		/* A fill that misses it reminds the pool. */
		ASSERT_EQ(0,
			  kt_arena_init(&a, self->dev, KT_SPAN,
					TMEM_POLICY_BIND, 1ULL << self->node));
		a.data[0] = 1;
		EXPECT_TRUE(kt_pool_holds(self->node, TARGET, KT_REFILL_MS));
		kt_arena_fini(&a);
	}
}

/* At medium it is. */
TEST_F(shrink, filled_while_medium)
{
	struct kt_arena a;

	ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_MEDIUM));
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, TARGET * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << self->node));
	for (size_t i = 0; i < a.spans; i++)
		kt_span(&a, i)[0] = 1;
	EXPECT_TRUE(kt_pool_holds(self->node, TARGET, KT_REFILL_MS));
	kt_arena_fini(&a);
}

TEST_HARNESS_MAIN
