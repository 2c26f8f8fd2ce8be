// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/arena.h says of one thread: what can be made and what is
 * refused, that a span keeps its contents wherever it is moved, what release,
 * claim and purge mean, what the figures count, and what destruction leaves.
 * (arena_race.c is about several threads.)
 */
#include "lib_test.h"

#define SPANS 16

FIXTURE(arena)
{
	struct tmem_arena *a;
};

static struct tmem_arena_config arena_config(uint32_t spans)
{
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;

	config.size = spans * LT_SPAN;
	config.backend = lt_backend();
	config.name = "selftest";
	return config;
}

FIXTURE_SETUP(arena)
{
	struct tmem_arena_config config = arena_config(SPANS);

	self->a = NULL;
	ASSERT_EQ(0, tmem_arena_create(&config, &self->a));
	ASSERT_NE(NULL, self->a);
}

FIXTURE_TEARDOWN(arena)
{
	tmem_arena_destroy(self->a);
}

static struct tmem_arena_usage usage_of(struct tmem_arena *a)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;

	if (tmem_arena_usage(a, &usage))
		memset(&usage, 0xff, sizeof(usage));
	return usage;
}

static void fill_spans(char *at, uint32_t first, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		lt_fill(at + i * LT_SPAN, LT_SPAN, first + i);
}

static bool spans_kept(const char *at, uint32_t first, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (!lt_kept(at + i * LT_SPAN, LT_SPAN, first + i))
			return false;
	return true;
}

static int create(struct tmem_arena_config config)
{
	struct tmem_arena *a = NULL;
	int err = tmem_arena_create(&config, &a);

	tmem_arena_destroy(a);
	return err;
}

TEST(what_is_refused)
{
	struct tmem_arena_config good = arena_config(2), bad;
	const size_t sizes[] = { 0,	  1, 4096, LT_SPAN - 1, LT_SPAN + 4096,
				 SIZE_MAX };
	size_t i;

	ASSERT_EQ(0, create(good));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bad = good;
		bad.size = sizes[i];
		EXPECT_EQ(-EINVAL, create(bad));
	}
	for (i = 0; i < sizeof(size_t); i++) {
		bad = good;
		bad.struct_size = i;
		EXPECT_EQ(-EINVAL, create(bad));
	}
	bad = good;
	bad.size = (size_t)1 << 46; /* 64 TiB */
	EXPECT_EQ(-ENOMEM, create(bad));
	bad = good;
	bad.backend = (enum tmem_backend)3;
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.numa = (enum tmem_numa)4;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.numa = TMEM_NUMA_LOCAL;
	bad.nodes = 1;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.numa = TMEM_NUMA_BIND;
	bad.nodes = 0;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.nodes = 1ULL << 63 | 1;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.numa = TMEM_NUMA_INTERLEAVE;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.numa = TMEM_NUMA_PREFERRED;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.nodes = 0;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.nodes = 1;
	EXPECT_EQ(0, create(bad));
	tmem_arena_destroy(NULL);
}

TEST(names)
{
	struct tmem_arena_config config = arena_config(1);

	config.name = NULL;
	EXPECT_EQ(0, create(config));
	config.name = "";
	EXPECT_EQ(0, create(config));
	config.name = "thirty-one characters, no more.";
	EXPECT_EQ(0, create(config));
	config.name = "thirty-two characters are refuse";
	EXPECT_EQ(-EINVAL, create(config));
	config.name = "two\nlines";
	EXPECT_EQ(-EINVAL, create(config));
	config.name = "\303\244";
	EXPECT_EQ(-EINVAL, create(config));
}

TEST(without_the_device)
{
	struct tmem_arena_config config = arena_config(1);

	if (!access("/dev/tmem", F_OK))
		SKIP(return, "/dev/tmem is there");
	config.backend = TMEM_BACKEND_DEV;
	EXPECT_EQ(-ENODEV, create(config));
	config.backend = TMEM_BACKEND_AUTO;
	EXPECT_EQ(0, create(config));
}

TEST_F(arena, says_what_it_is)
{
	EXPECT_EQ(SPANS * LT_SPAN, tmem_arena_size(self->a));
	EXPECT_EQ(SPANS, tmem_arena_spans(self->a));
	EXPECT_STREQ(lt_backend_word(), tmem_arena_backend(self->a));
	EXPECT_STREQ("selftest", tmem_arena_name(self->a));
	if (lt_backend() == TMEM_BACKEND_ANON) {
		EXPECT_EQ(-ENOTSUP, tmem_arena_fd(self->a));
	} else {
		EXPECT_LE(0, tmem_arena_fd(self->a));
	}
}

/* Span i is at that offset of the descriptor. */
TEST_F(arena, shared_by_descriptor)
{
	int fd = tmem_arena_fd(self->a);
	char *at, *other;

	if (fd == -ENOTSUP)
		SKIP(return, "backend anon has no descriptor");
	at = tmem_arena_map(self->a, NULL, 0, SPANS);
	ASSERT_NE(NULL, at);
	fill_spans(at, 0, SPANS);
	other = mmap(NULL, SPANS * LT_SPAN, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, other);
	EXPECT_TRUE(spans_kept(other, 0, SPANS));
	munmap(other, SPANS * LT_SPAN);
}

TEST_F(arena, what_cannot_be_mapped)
{
	char *at = lt_reserve(SPANS);
	/* clang-format off */
	const struct {
		char *at;
		uint32_t first, count;
	} bad[] = {
		{ at, 0, 0 }, { NULL, 0, 0 }, { at + 4096, 0, 1 },
		{ at + LT_SPAN / 2, 0, 1 }, { at, 0, SPANS + 1 },
		{ at, SPANS, 1 }, { at, SPANS - 1, 2 }, { at, 1, UINT32_MAX },
		{ at, UINT32_MAX, 1 }, { at, UINT32_MAX, 2 },
		{ NULL, 0, UINT32_MAX },
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(NULL, tmem_arena_map(self->a, bad[i].at, bad[i].first,
					       bad[i].count));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-EINVAL, tmem_arena_populate(self->a, 0, 1));
	EXPECT_EQ(-EINVAL, tmem_arena_populate(self->a, 0, SPANS + 1));
	EXPECT_EQ(-EINVAL, tmem_arena_populate(self->a, 2, UINT32_MAX));
	EXPECT_EQ(-EINVAL, tmem_arena_purge(self->a, 0, SPANS + 1, NULL));
	EXPECT_EQ(-EINVAL, tmem_arena_purge(self->a, UINT32_MAX, 2, NULL));
	EXPECT_EQ(0, tmem_arena_purge(self->a, SPANS, 0, NULL));
	EXPECT_EQ(0U, usage_of(self->a).resident);
}

TEST_F(arena, at_an_address_of_its_choice)
{
	char *at = tmem_arena_map(self->a, NULL, 3, 5), *rest;

	ASSERT_NE(NULL, at);
	EXPECT_EQ(0U, (uintptr_t)at % LT_SPAN);
	EXPECT_TRUE(lt_zero(at, 5 * LT_SPAN));
	fill_spans(at, 3, 5);
	/* Others beside them, and the same again: nothing is lost. */
	rest = tmem_arena_map(self->a, NULL, 8, SPANS - 8);
	ASSERT_NE(NULL, rest);
	fill_spans(rest, 8, SPANS - 8);
	EXPECT_EQ(at, tmem_arena_map(self->a, NULL, 3, 5));
	EXPECT_TRUE(spans_kept(at, 3, 5));
	EXPECT_TRUE(spans_kept(rest, 8, SPANS - 8));
}

/* There and back, all at once and in another order. */
TEST_F(arena, moves_with_its_contents)
{
	char *here = lt_reserve(SPANS), *there = lt_reserve(SPANS), *at;
	uint32_t i, k;

	ASSERT_EQ(here, tmem_arena_map(self->a, here, 0, SPANS));
	fill_spans(here, 0, SPANS);
	ASSERT_EQ(there, tmem_arena_map(self->a, there, 0, SPANS));
	EXPECT_TRUE(spans_kept(there, 0, SPANS));
	EXPECT_TRUE(lt_no_access(here));
	EXPECT_TRUE(lt_no_access(here + SPANS * LT_SPAN - 1));

	for (i = 0; i < SPANS; i++) {
		k = (i * 5 + 3) % SPANS;
		at = here + k * LT_SPAN;
		ASSERT_EQ(at, tmem_arena_map(self->a, at, i, 1));
		ASSERT_TRUE(spans_kept(at, i, 1));
	}
	EXPECT_TRUE(lt_no_access(there));
	for (i = 0; i < SPANS; i++) {
		k = (i * 5 + 3) % SPANS;
		EXPECT_TRUE(spans_kept(here + k * LT_SPAN, i, 1));
	}
	/* A run of which some are mapped elsewhere, some here, in order. */
	at = tmem_arena_map(self->a, NULL, 0, SPANS);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(spans_kept(at, 0, SPANS));
	EXPECT_EQ(SPANS * LT_SPAN, usage_of(self->a).resident);
}

TEST_F(arena, mapped_and_unmapped_together)
{
	char *at = lt_reserve(SPANS);
	uint32_t i;

	for (i = 1; i < SPANS; i += 3) {
		char *one = tmem_arena_map(self->a, NULL, i, 1);

		ASSERT_NE(NULL, one);
		fill_spans(one, i, 1);
	}
	ASSERT_EQ(at, tmem_arena_map(self->a, at, 0, SPANS));
	for (i = 0; i < SPANS; i++) {
		EXPECT_TRUE(i % 3 == 1 ? spans_kept(at + i * LT_SPAN, i, 1) :
					 lt_zero(at + i * LT_SPAN, LT_SPAN));
	}
}

/* Few mappings may be left; whatever fails, no contents are lost. */
TEST_F(arena, moves_when_mappings_run_out)
{
	char *here = lt_reserve(SPANS), *there = lt_reserve(SPANS);
	bool failed[SPANS], other = false, all = true;
	struct lt_maps maps;
	uint32_t i;

	ASSERT_EQ(here, tmem_arena_map(self->a, here, 0, SPANS));
	fill_spans(here, 0, SPANS);
	if (!lt_maps_eat(&maps))
		SKIP(return, "mappings cannot be used up here");
	for (i = 0; i < SPANS; i++) {
		errno = 0;
		failed[i] = !tmem_arena_map(self->a, there + i * LT_SPAN, i, 1);
		if (failed[i] && errno != ENOMEM)
			other = true;
		lt_maps_give(&maps);
	}
	lt_maps_free(&maps);
	EXPECT_FALSE(other);
	for (i = 0; i < SPANS; i++) {
		all &= failed[i];
		if (!failed[i]) {
			EXPECT_TRUE(spans_kept(there + i * LT_SPAN, i, 1));
		}
	}
	EXPECT_TRUE(failed[0]);
	EXPECT_FALSE(all);
	ASSERT_EQ(there, tmem_arena_map(self->a, there, 0, SPANS));
	EXPECT_TRUE(spans_kept(there, 0, SPANS));
}

TEST_F(arena, release_and_claim)
{
	char *at = tmem_arena_map(self->a, NULL, 0, SPANS);

	ASSERT_NE(NULL, at);
	/* A new arena is busy. */
	EXPECT_EQ(-EBUSY, tmem_arena_claim(self->a, 0));
	fill_spans(at, 0, SPANS);
	tmem_arena_release(self->a, 0);
	EXPECT_EQ(0, tmem_arena_claim(self->a, 0));
	EXPECT_TRUE(spans_kept(at, 0, SPANS));
	EXPECT_EQ(-EBUSY, tmem_arena_claim(self->a, 0));
}

TEST_F(arena, purge_takes_idle_spans_only)
{
	char *at = tmem_arena_map(self->a, NULL, 0, SPANS);
	uint32_t purged = 77, i;

	ASSERT_NE(NULL, at);
	fill_spans(at, 0, SPANS);
	EXPECT_EQ(0, tmem_arena_purge(self->a, 0, SPANS, &purged));
	EXPECT_EQ(0U, purged);
	EXPECT_TRUE(spans_kept(at, 0, SPANS));

	for (i = 0; i < SPANS; i += 2)
		tmem_arena_release(self->a, i);
	EXPECT_EQ(0, tmem_arena_purge(self->a, 4, 8, &purged));
	EXPECT_EQ(4U, purged);
	EXPECT_EQ(4U, usage_of(self->a).purged);
	EXPECT_EQ((SPANS - 4) * LT_SPAN, usage_of(self->a).resident);
	EXPECT_EQ(0, tmem_arena_purge(self->a, 4, 8, &purged));
	EXPECT_EQ(0U, purged);
	for (i = 0; i < SPANS; i++) {
		bool gone = i >= 4 && i < 12 && i % 2 == 0;

		EXPECT_EQ(i % 2 ? -EBUSY : gone, tmem_arena_claim(self->a, i));
		EXPECT_TRUE(gone ? lt_zero(at + i * LT_SPAN, LT_SPAN) :
				   spans_kept(at + i * LT_SPAN, i, 1));
	}
	EXPECT_EQ(0, tmem_arena_purge(self->a, 0, SPANS, NULL));
	EXPECT_EQ(4U, usage_of(self->a).purged);
}

/* "The number of spans whose memory went": none, if there was none. */
TEST_F(arena, purge_counts_memory_only)
{
	char *at = tmem_arena_map(self->a, NULL, 0, SPANS);
	uint32_t purged, i;

	ASSERT_NE(NULL, at);
	fill_spans(at, 0, 2);
	for (i = 0; i < SPANS; i++)
		tmem_arena_release(self->a, i);
	EXPECT_EQ(0, tmem_arena_purge(self->a, 0, SPANS, &purged));
	EXPECT_EQ(2U, purged);
	EXPECT_EQ(2U, usage_of(self->a).purged);
	EXPECT_EQ(0U, usage_of(self->a).resident);
}

/* A span that was taken can be moved, and is still one that was taken. */
TEST_F(arena, moved_when_purged)
{
	char *here = lt_reserve(SPANS), *there = lt_reserve(SPANS);

	ASSERT_EQ(here, tmem_arena_map(self->a, here, 0, 2));
	fill_spans(here, 0, 2);
	tmem_arena_release(self->a, 0);
	tmem_arena_release(self->a, 1);
	EXPECT_EQ(0, tmem_arena_purge(self->a, 0, 1, NULL));
	ASSERT_EQ(there, tmem_arena_map(self->a, there, 0, 2));
	EXPECT_EQ(1, tmem_arena_claim(self->a, 0));
	EXPECT_EQ(0, tmem_arena_claim(self->a, 1));
	EXPECT_TRUE(lt_zero(there, LT_SPAN));
	EXPECT_TRUE(spans_kept(there + LT_SPAN, 1, 1));
}

TEST_F(arena, populate)
{
	char *at = tmem_arena_map(self->a, NULL, 2, 6);

	ASSERT_NE(NULL, at);
	EXPECT_EQ(0U, usage_of(self->a).resident);
	EXPECT_EQ(-EINVAL, tmem_arena_populate(self->a, 0, SPANS));
	lt_fill(at, 100, 5);
	EXPECT_EQ(0, tmem_arena_populate(self->a, 2, 6));
	EXPECT_EQ(6 * LT_SPAN, usage_of(self->a).resident);
	/* What was there stays. */
	EXPECT_TRUE(lt_kept(at, 100, 5));
	EXPECT_TRUE(lt_zero(at + LT_SPAN, 5 * LT_SPAN));
	EXPECT_EQ(0, tmem_arena_populate(self->a, 2, 0));
}

TEST_F(arena, usage)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;
	uint64_t nodes = 0;
	char *at = lt_reserve(SPANS);
	uint32_t i;

	usage.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_arena_usage(self->a, &usage));
	usage.struct_size = offsetof(struct tmem_arena_usage, huge_bytes);
	usage.huge_bytes = 77;
	EXPECT_EQ(0, tmem_arena_usage(self->a, &usage));
	EXPECT_EQ(77U, usage.huge_bytes);
	EXPECT_EQ(0U, usage.resident);

	ASSERT_EQ(at, tmem_arena_map(self->a, at, 0, SPANS));
	fill_spans(at, 0, 7);
	usage = usage_of(self->a);
	EXPECT_EQ(7 * LT_SPAN, usage.resident);
	EXPECT_LE(usage.huge_bytes, usage.resident);
	EXPECT_EQ(0U, usage.huge_bytes % LT_SPAN);
	for (i = 0; i < TMEM_NODES_MAX; i++)
		nodes += usage.node_bytes[i];
	EXPECT_EQ(usage.resident, nodes);
}

/* What lies beside an arena's spans is not the arena's. */
TEST_F(arena, usage_beside_another)
{
	struct tmem_arena_config config = arena_config(SPANS);
	char *at = lt_reserve(2 * SPANS);
	struct tmem_arena *b;

	ASSERT_EQ(0, tmem_arena_create(&config, &b));
	ASSERT_EQ(at, tmem_arena_map(self->a, at, 0, SPANS));
	fill_spans(at, 0, SPANS);
	at += SPANS * LT_SPAN;
	ASSERT_EQ(at, tmem_arena_map(b, at, 0, SPANS));
	EXPECT_EQ(SPANS * LT_SPAN, usage_of(self->a).resident);
	EXPECT_EQ(0U, usage_of(b).resident);
	fill_spans(at, 0, 1);
	EXPECT_EQ(LT_SPAN, usage_of(b).resident);
	tmem_arena_destroy(b);
}

TEST(destroy_keeps_the_reservation)
{
	struct tmem_arena_config config = arena_config(SPANS);
	char *at = lt_reserve(SPANS + 2), *own;
	struct tmem_arena *a;

	ASSERT_EQ(0, tmem_arena_create(&config, &a));
	ASSERT_EQ(at + LT_SPAN, tmem_arena_map(a, at + LT_SPAN, 0, SPANS - 1));
	own = tmem_arena_map(a, NULL, SPANS - 1, 1);
	ASSERT_NE(NULL, own);
	fill_spans(at + LT_SPAN, 0, SPANS - 1);
	tmem_arena_destroy(a);
	EXPECT_TRUE(lt_no_access(at + LT_SPAN));
	EXPECT_TRUE(lt_no_access(at + SPANS * LT_SPAN - 1));
	EXPECT_TRUE(lt_no_access(own));
	/* Still taken: the kernel will not put anything else there. */
	EXPECT_EQ(MAP_FAILED,
		  mmap(at + LT_SPAN, LT_SPAN, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0));
	EXPECT_EQ(own, mmap(own, LT_SPAN, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			    -1, 0));
}

TEST_HARNESS_MAIN
