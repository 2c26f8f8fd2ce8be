// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what TMEM_IOC_ARENA_PURGE takes and what it leaves alone: idle spans
 * are given back and read as zeroes, busy, pinned and garbage ones stay as
 * they are, and each is counted as what it is.
 */
#include "tmem_test_mem.h"

#include <sys/uio.h>

#define SPANS ((size_t)8)
#define SIZE (SPANS * KT_SPAN)
#define SEED 99
#define PAGES (KT_SPAN / KT_PAGE)

FIXTURE(purge)
{
	int dev;
	uint64_t free_before;
	struct kt_arena a;
	struct tmem_arena_purge out;
};

FIXTURE_SETUP(purge)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
	kt_fill(self->a.data, SIZE, SEED);
}

FIXTURE_TEARDOWN(purge)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* Span i still holds what the fixture wrote. */
static bool kept(const struct kt_arena *a, size_t i)
{
	return !kt_bad(kt_span(a, i), KT_SPAN, SEED + i * PAGES);
}

static bool counts(const struct tmem_arena_purge *out, size_t purged,
		   size_t busy, size_t pinned, size_t absent)
{
	bool right = out->purged == purged && out->busy == busy &&
		     out->pinned == pinned && out->absent == absent;

	if (!right)
		printf("# purged %llu busy %llu pinned %llu absent %llu\n",
		       out->purged, out->busy, out->pinned, out->absent);
	return right;
}

TEST_F(purge, idle_spans_are_given_back)
{
	struct kt_arena *a = &self->a;

	kt_idle(a, 2);
	kt_idle(a, 5);
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, 2, SPANS - 2, 0, 0));
	for (size_t i = 0; i < SPANS; i++) {
		if (i == 2 || i == 5) {
			EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, i));
		} else {
			EXPECT_EQ(TMEM_SPAN_BUSY, kt_word(a, i));
			EXPECT_TRUE(kept(a, i));
		}
	}
	EXPECT_EQ(SIZE - 2 * KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(SPANS - 2, kt_stat(a).spans_huge);
	EXPECT_EQ(2U, kt_stat(a).purged);
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 2), KT_SPAN));
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 5), KT_SPAN));
	/* Reading filled them again; their words are the program's affair. */
	EXPECT_EQ(SIZE, kt_stat(a).resident);
	EXPECT_EQ(SPANS + 2, kt_stat(a).fills);
	EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, 2));
}

TEST_F(purge, memory_comes_back)
{
	struct kt_arena big;
	const size_t spans = 96;
	uint64_t before = kt_free(-1), full;

	ASSERT_EQ(0, kt_arena_init(&big, self->dev, spans * KT_SPAN, 0, 0));
	kt_fill(big.data, big.size, 1);
	full = kt_free(-1);
	EXPECT_LT(full + (spans - 8) * KT_SPAN, before);
	for (size_t i = 0; i < spans; i++)
		kt_idle(&big, i);
	ASSERT_EQ(0, kt_purge(&big, 0, spans, &self->out));
	EXPECT_TRUE(counts(&self->out, spans, 0, 0, 0));
	EXPECT_EQ(0U, kt_stat(&big).resident);
	EXPECT_EQ(0U, kt_free_missing(-1, before));
	kt_arena_fini(&big);
}

TEST_F(purge, busy_and_garbage_words)
{
	struct kt_arena *a = &self->a;
	uint64_t rng = pace_seed();

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < SPANS; i++)
			kt_word_set(a, i,
				    (uint32_t)kt_random(&rng) &
					    ~TMEM_SPAN_IDLE);
		ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
		ASSERT_TRUE(counts(&self->out, 0, SPANS, 0, 0));
	}
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_TRUE(kept(a, i));
	}
	EXPECT_EQ(0U, kt_stat(a).purged);
}

/* Any stamp will do: 0, the future, all ones. */
TEST_F(purge, any_stamp)
{
	const uint32_t stamps[] = { 0, 1, 0x12345678, TMEM_STAMP_MASK };
	struct kt_arena *a = &self->a;

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++)
		kt_word_set(a, i, TMEM_SPAN_IDLE | stamps[i]);
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, ARRAY_SIZE(stamps),
			   SPANS - ARRAY_SIZE(stamps), 0, 0));
}

TEST_F(purge, only_the_range)
{
	struct kt_arena *a = &self->a;

	for (size_t i = 0; i < SPANS; i++)
		kt_idle(a, i);
	ASSERT_EQ(0, kt_purge(a, 3, 2, &self->out));
	EXPECT_TRUE(counts(&self->out, 2, 0, 0, 0));
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_EQ(i == 3 || i == 4, kt_word(a, i) == TMEM_SPAN_PURGED);
	}
	ASSERT_EQ(0, kt_purge(a, 3, 0, &self->out));
	EXPECT_TRUE(counts(&self->out, 0, 0, 0, 0));
	ASSERT_EQ(0, kt_purge(a, SPANS, 0, &self->out));
	EXPECT_TRUE(counts(&self->out, 0, 0, 0, 0));
	EXPECT_EQ(SIZE - 2 * KT_SPAN, kt_stat(a).resident);
}

/* Idle and never touched, or purged before: nothing there, nothing changed. */
TEST_F(purge, nothing_there)
{
	struct kt_arena b;

	ASSERT_EQ(0, kt_arena_init(&b, self->dev, SIZE, 0, 0));
	for (size_t i = 0; i < SPANS; i++)
		kt_word_set(&b, i, TMEM_SPAN_IDLE | 7);
	b.data[KT_SPAN] = 1;
	ASSERT_EQ(0, kt_purge(&b, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, 1, 0, 0, SPANS - 1));
	EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(&b, 1));
	EXPECT_EQ(TMEM_SPAN_IDLE | 7, kt_word(&b, 0));
	/* The PURGED one is not idle any more. */
	ASSERT_EQ(0, kt_purge(&b, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, 0, 1, 0, SPANS - 1));
	EXPECT_EQ(1U, kt_stat(&b).purged);
	kt_arena_fini(&b);
}

TEST_F(purge, misuse)
{
	struct kt_arena *a = &self->a;
	const struct tmem_arena_purge bad[] = {
		{ .offset = KT_PAGE, .length = KT_SPAN },
		{ .offset = 0, .length = KT_PAGE },
		{ .offset = 1, .length = 0 },
		{ .offset = SIZE, .length = KT_SPAN },
		{ .offset = SIZE + KT_SPAN, .length = 0 },
		{ .offset = 0, .length = SIZE + KT_SPAN },
		{ .offset = KT_SPAN, .length = SIZE },
		{ .offset = KT_SPAN, .length = -KT_SPAN },
		{ .offset = -KT_SPAN, .length = KT_SPAN },
		{ .offset = -KT_SPAN, .length = 2 * KT_SPAN },
		{ .offset = 0, .length = UINT64_MAX },
		{ .offset = 0, .length = -KT_SPAN },
		{ .length = KT_SPAN, .flags = 1 },
		{ .length = KT_SPAN, .__reserved = 1 },
		{ .length = KT_SPAN, .__reserved = 0x80000000 },
		{ .flags = 1 },
	};

	for (size_t i = 0; i < SPANS; i++)
		kt_idle(a, i);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tmem_arena_purge req = bad[i];

		EXPECT_EQ(-EINVAL, kt_ioctl(a->fd, TMEM_IOC_ARENA_PURGE, &req))
		{
			TH_LOG("case %zu", i);
		}
	}
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_TRUE(kept(a, i));
	}
}

/* Pages in a pipe are held by a reference that is no mapping. */
TEST_F(purge, pinned_spans_stay)
{
	struct kt_arena *a = &self->a;
	struct iovec iov = { kt_span(a, 1) + 17 * KT_PAGE, KT_PAGE };
	unsigned char copy[KT_PAGE];
	uint32_t word;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
	for (size_t i = 0; i < 4; i++)
		kt_idle(a, i);
	word = kt_word(a, 1);
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, 3, SPANS - 4, 1, 0));
	EXPECT_EQ(word, kt_word(a, 1));
	EXPECT_TRUE(kept(a, 1));

	ASSERT_EQ((ssize_t)KT_PAGE, read(p[0], copy, KT_PAGE));
	EXPECT_EQ(0, memcmp(copy, kt_span(a, 1) + 17 * KT_PAGE, KT_PAGE));
	ASSERT_EQ(0, kt_purge(a, 1, 1, &self->out));
	EXPECT_TRUE(counts(&self->out, 1, 0, 0, 0));
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 1), KT_SPAN));
	close(p[0]);
	close(p[1]);
}

TEST_F(purge, other_processes_see_zeroes_too)
{
	struct kt_arena *a = &self->a;
	int to[2], from[2];
	char c = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool before = kept(a, 0) && kept(a, 1);

		if (write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(2);
		if (!before || !kept(a, 1) || kt_nonzero(a->data, KT_SPAN))
			_exit(1);
		kt_fill(a->data, KT_SPAN, SEED);
		_exit(0);
	}
	ASSERT_EQ(1, read(from[0], &c, 1));
	kt_idle(a, 0);
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
	EXPECT_EQ(1U, self->out.purged);
	ASSERT_EQ(1, write(to[1], &c, 1));
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_TRUE(kept(a, 0)); /* what the child wrote */
}

/* Small mappings of the span, and mappings at two addresses. */
TEST_F(purge, however_it_is_mapped)
{
	struct kt_arena *a = &self->a;
	unsigned char *other = kt_map(a->fd, SIZE, 0);

	ASSERT_NE(MAP_FAILED, (void *)other);
	EXPECT_EQ(0U, kt_bad(other, SIZE, SEED));
	ASSERT_EQ(0, mprotect(kt_span(a, 0) + KT_PAGE, KT_PAGE, PROT_READ));
	EXPECT_TRUE(kept(a, 0));
	ASSERT_EQ(0, mlock(kt_span(a, 1), KT_SPAN));
	ASSERT_EQ(0, munmap(kt_span(a, 2), KT_SPAN / 2));
	for (size_t i = 0; i < 3; i++)
		kt_idle(a, i);
	ASSERT_EQ(0, kt_purge(a, 0, 3, &self->out));
	EXPECT_TRUE(counts(&self->out, 3, 0, 0, 0));
	EXPECT_EQ(0U, kt_nonzero(other, 3 * KT_SPAN));
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 0), 2 * KT_SPAN));
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 2) + KT_SPAN / 2, KT_SPAN / 2));
	munmap(other, SIZE);
}

/* Nothing is mapped at all. */
TEST_F(purge, without_a_mapping)
{
	struct kt_arena *a = &self->a;

	munmap(a->data, SIZE);
	for (size_t i = 0; i < SPANS; i++)
		kt_idle(a, i);
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &self->out));
	EXPECT_TRUE(counts(&self->out, SPANS, 0, 0, 0));
	EXPECT_EQ(0U, kt_stat(a).resident);
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	EXPECT_EQ(0U, kt_nonzero(a->data, SIZE));
}

TEST_HARNESS_MAIN
