// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a request that cannot be served is refused with ENOMEM and costs
 * nothing: when the machine has not that much memory, when its nodes are full,
 * when addresses or mappings run out.  What is live keeps its contents, and
 * what is idle can be used and given back afterwards.
 */
#include "lib_test.h"

#include "arena/topology.h"
#include "arena/slots.h"

FIXTURE(limits)
{
	struct lt_log log;
};

FIXTURE_SETUP(limits)
{
	lt_stay();
	ASSERT_EQ(0, lt_init());
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_set_log(NULL, NULL);
}

/* As much as the machine has, while one span of it is live: no. */
TEST_F(limits, more_than_there_is)
{
	size_t all = (size_t)tmem_supply_spans() * LT_SPAN;
	char *live = lt_filled(100, 1), *idle = lt_filled(6 * LT_MIB, 2);
	struct tmem_stats before, now;

	tmem_free(idle);
	before = lt_stats();
	errno = 0;
	EXPECT_EQ(NULL, tmem_alloc(all));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(NULL, tmem_alloc(all + 1));
	EXPECT_EQ(NULL, tmem_alloc(2 * all));
	now = lt_stats();
	EXPECT_EQ(before.failures + 3, now.failures);
	EXPECT_EQ(before.live_blocks, now.live_blocks);
	EXPECT_EQ(before.spans_busy, now.spans_busy);
	EXPECT_TRUE(lt_kept(live, 100, 1));
	/* It goes on, and idle spans are what they say they are. */
	idle = tmem_zalloc(40 * LT_MIB);
	ASSERT_NE(NULL, idle);
	EXPECT_TRUE(lt_zero(idle, 40 * LT_MIB));
	tmem_free(idle);
	tmem_free(live);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
}

/* Allocates until there is no more; returns how many. */
static size_t fill_up(char **block, size_t max, size_t size)
{
	size_t n;

	for (n = 0; n < max; n++) {
		block[n] = lt_filled(size, n);
		if (!block[n])
			break;
	}
	return n;
}

TEST_F(limits, mappings_run_out)
{
	char *old[20], *block[40];
	struct lt_maps maps;
	size_t i, n;

	ASSERT_EQ(20U, fill_up(old, 20, 4 * LT_MIB));
	for (i = 0; i < 20; i += 2)
		tmem_free(old[i]);
	if (!lt_maps_eat(&maps)) {
		for (i = 1; i < 20; i += 2)
			tmem_free(old[i]);
		SKIP(return, "mappings cannot be used up here");
	}
	for (n = 0; n < 40; n++) {
		/* Sizes that need spans to be moved. */
		block[n] = tmem_alloc(6 * LT_MIB);
		if (block[n])
			lt_fill(block[n], 6 * LT_MIB, n);
		if (n % 4 == 3)
			lt_maps_give(&maps);
	}
	lt_maps_free(&maps);
	for (n = 0; n < 40; n++) {
		EXPECT_TRUE(!block[n] || lt_kept(block[n], 6 * LT_MIB, n));
		tmem_free(block[n]);
	}
	for (i = 1; i < 20; i += 2) {
		EXPECT_TRUE(lt_kept(old[i], 4 * LT_MIB, i));
		tmem_free(old[i]);
	}
	/* All of it can be used again. */
	ASSERT_EQ(10U, fill_up(block, 10, 6 * LT_MIB));
	for (i = 0; i < 10; i++)
		tmem_free(block[i]);
}

/* Holes that are too small for what is asked for next. */
static int limited_holes(size_t max)
{
	static char *odd[4000], *block[4000];
	size_t i, n = fill_up(odd, max, 4 * LT_MIB), m;

	for (i = 0; i < n; i += 2)
		tmem_free(odd[i]);
	m = fill_up(block, max, 6 * LT_MIB);
	for (i = 1; i < n; i += 2) {
		if (!lt_kept(odd[i], 4 * LT_MIB, i))
			return 14;
		tmem_free(odd[i]);
	}
	for (i = 0; i < m; i++) {
		if (!lt_kept(block[i], 6 * LT_MIB, i))
			return 15;
		tmem_free(block[i]);
	}
	return 0;
}

/* A limit on addresses, set before the library is: it makes do with less. */
static int limited(void *arg)
{
	enum { MAX = 4000 };
	static char *block[MAX];
	struct rlimit limit = { 0, 0 };
	size_t i, n, first = 0, round;

	limit.rlim_cur = limit.rlim_max = *(size_t *)arg;
	if (setrlimit(RLIMIT_AS, &limit) || lt_init())
		return 10;
	for (round = 0; round < 4; round++) {
		/* Each time in other pieces. */
		n = fill_up(block, MAX, (4 + round * 2) * LT_MIB);
		for (i = 0; i < n; i++)
			if (!lt_kept(block[i], (4 + round * 2) * LT_MIB, i))
				return 11;
		for (i = 0; i < n; i++)
			tmem_free(block[i]);
		n *= 4 + round * 2;
		if (!round)
			first = n;
		printf("# %zu MiB\n", n);
		/* Not every last span fits, but most of it is to be had. */
		if (n < first * 3 / 4 || !n)
			return 12;
	}
	if (lt_stats().failures < 4)
		return 13;
	return limited_holes(MAX);
}

TEST(little_address_space)
{
	size_t bytes = 1400 * LT_MIB;

	if (LT_SANITIZER || lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "a sanitizer, or more than a small machine has");
	EXPECT_EQ(0, lt_child(limited, &bytes));
}

TEST(very_little_address_space)
{
	size_t bytes = 600 * LT_MIB;

	if (LT_SANITIZER)
		SKIP(return, "a sanitizer needs more addresses");
	EXPECT_EQ(0, lt_child(limited, &bytes));
}

/* Sets the library up on some nodes only; false if that is no test here. */
static bool bound_to(uint64_t nodes)
{
	const struct tmem_topology *topology = tmem_topology_get();
	struct tmem_config config = TMEM_CONFIG_INIT;

	/* Only the device knows that it is full.  Filling takes time. */
	if (lt_backend() != TMEM_BACKEND_DEV || topology->count != 2 ||
	    (topology->nodes & 3) != 3 || topology->bytes[0] > 4 * LT_GIB)
		return false;
	config.backend = TMEM_BACKEND_DEV;
	config.numa = TMEM_NUMA_BIND;
	config.nodes = nodes;
	return !tmem_init(&config);
}

FIXTURE(full)
{
	size_t all;
};

FIXTURE_SETUP(full)
{
	if (!bound_to(3))
		SKIP(return, "needs backend dev and two small nodes");
	self->all = (size_t)tmem_supply_spans() * LT_SPAN;
}

FIXTURE_TEARDOWN(full)
{
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
}

/*
 * The nodes have that much memory, but some of it is in use.  What was filled
 * for the request that is refused can be had again, and had back.
 */
TEST_F(full, refused_and_given_back)
{
	size_t size = self->all / 4 / LT_SPAN * LT_SPAN;
	char *live = lt_filled(size, 1), *more;
	struct tmem_residency r;

	ASSERT_NE(NULL, live);
	errno = 0;
	EXPECT_EQ(NULL, tmem_alloc(self->all - size));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(lt_kept(live, size, 1));
	more = lt_filled(size, 2);
	EXPECT_NE(NULL, more);
	tmem_free(more);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	r = lt_residency();
	EXPECT_EQ(size, r.resident);
	EXPECT_EQ(size, r.node_bytes[0] + r.node_bytes[1]);
	tmem_free(live);
}

/* More than one of them has free; both together have it. */
TEST_F(full, a_block_on_two_nodes)
{
	size_t size = tmem_topology_get()->bytes[0] / LT_SPAN * LT_SPAN;
	struct tmem_residency r;
	char *block;

	block = lt_filled(size, 1);
	ASSERT_NE(NULL, block);
	r = lt_residency();
	EXPECT_EQ(size, r.resident);
	EXPECT_LT(0U, r.node_bytes[0]);
	EXPECT_LT(0U, r.node_bytes[1]);
	EXPECT_TRUE(lt_kept(block, size, 1));
	tmem_free(block);
}

TEST_HARNESS_MAIN
