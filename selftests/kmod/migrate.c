// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the kernel may move and split an arena's pages as it likes, by
 * move_pages, compaction or MADV_COLD on a part, and that the contents stay,
 * the counts stay true, and a purge of such a span still takes all of it.
 */
#include "tmem_test_mem.h"

#include <sys/uio.h>

#define SPANS ((size_t)8)
#define SIZE (SPANS * KT_SPAN)
#define SEED 4711

FIXTURE(migrate)
{
	int dev;
	int first, last;
	uint64_t free_before;
	struct kt_arena a;
};

FIXTURE_SETUP(migrate)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->first = kt_node_first();
	self->last = kt_node_last();
	self->free_before = kt_free(-1);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, TMEM_POLICY_BIND,
				   1ULL << self->last));
	kt_fill(self->a.data, SIZE, SEED);
}

FIXTURE_TEARDOWN(migrate)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

TEST_F(migrate, to_another_node)
{
	struct kt_arena *a = &self->a;

	if (self->first == self->last)
		SKIP(return, "one node with memory only");
	for (int round = 0; round < 4; round++) {
		int to = round % 2 ? self->last : self->first;

		for (size_t i = 0; i < SPANS; i++) {
			EXPECT_EQ(to, kt_page_move(kt_span(a, i), to));
			EXPECT_EQ(to, kt_page_node(kt_span(a, i) + KT_SPAN -
						   KT_PAGE));
		}
		EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	}
	EXPECT_EQ(SIZE, kt_stat(a).resident);
	EXPECT_EQ(SPANS, kt_stat(a).spans_huge);
	EXPECT_EQ(SPANS, kt_stat(a).fills);
}

/* The other process that maps it sees the page where it is now. */
TEST_F(migrate, with_two_processes)
{
	struct kt_arena *a = &self->a;
	pid_t pid;

	if (self->first == self->last)
		SKIP(return, "one node with memory only");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (int round = 0; round < 10; round++)
			if (kt_bad(a->data, SIZE, SEED))
				_exit(1);
		_exit(0);
	}
	for (int round = 0; round < 5; round++) {
		int to = round % 2 ? self->last : self->first;

		for (size_t i = 0; i < SPANS; i++)
			kt_page_move(kt_span(a, i), to);
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
}

TEST_F(migrate, by_compaction)
{
	struct kt_arena *a = &self->a;

	if (kt_write_file("/proc/sys/vm/compact_memory", "1"))
		SKIP(return, "no compaction in this kernel");
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(SIZE, kt_stat(a).resident);
}

/*
 * Advice for a part of a huge page makes the kernel split it: the span is
 * 512 small pages then, behind the module's back.  True if it was split.
 */
static bool split(const struct kt_arena *a, size_t i)
{
	uint64_t huge = kt_stat(a).spans_huge;

	madvise(kt_span(a, i) + 5 * KT_PAGE, KT_PAGE, MADV_COLD);
	return kt_stat(a).spans_huge == huge - 1;
}

TEST_F(migrate, split_keeps_the_data)
{
	struct kt_arena *a = &self->a;

	if (!split(a, 1))
		SKIP(return, "the kernel did not split the page");
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(SIZE, kt_stat(a).resident);
	EXPECT_EQ(SPANS - 1, kt_stat(a).spans_huge);
	EXPECT_EQ(1U, kt_stat(a).spans_small);
	EXPECT_EQ(SPANS, kt_stat(a).fills);
	/* Mapped anew, it is found page by page. */
	munmap(a->data, SIZE);
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(SPANS, kt_stat(a).fills);
	EXPECT_EQ(0U, kt_stat(a).fills_small);
}

TEST_F(migrate, split_span_is_purged_whole)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_purge out;

	if (!split(a, 1))
		SKIP(return, "the kernel did not split the page");
	kt_idle(a, 1);
	ASSERT_EQ(0, kt_purge_soon(a, 1, &out));
	EXPECT_EQ(1U, out.purged);
	EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, 1));
	EXPECT_EQ(SIZE - KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 1), KT_SPAN));
	EXPECT_EQ(0U, kt_bad(a->data, KT_SPAN, SEED));
	/* And comes back as one page. */
	EXPECT_EQ(SPANS, kt_stat(a).spans_huge);
	EXPECT_EQ(0U, kt_stat(a).spans_small);
}

/* Half a span on one node, half on the other: all of it is one span. */
TEST_F(migrate, split_over_two_nodes)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_node_stat st = { .node = (uint32_t)self->first };
	struct tmem_arena_purge out;
	size_t moved = 0;

	if (self->first == self->last)
		SKIP(return, "one node with memory only");
	if (!split(a, 0))
		SKIP(return, "the kernel did not split the page");
	/* The split has unmapped it: read it, so that there is what to move. */
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	for (size_t p = 0; p < 256; p++)
		moved += kt_page_move(a->data + p * KT_PAGE, self->first) ==
			 self->first;
	EXPECT_EQ(256U, moved);
	ASSERT_EQ(0, kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st));
	EXPECT_EQ(moved * KT_PAGE, st.small_bytes);
	EXPECT_EQ(0U, st.spans_huge);
	EXPECT_EQ(1U, kt_stat(a).spans_small);
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	kt_idle(a, 0);
	ASSERT_EQ(0, kt_purge_soon(a, 0, &out));
	EXPECT_EQ(1U, out.purged);
	EXPECT_EQ(0U, kt_nonzero(a->data, KT_SPAN));
}

/* One page of a split span is busy elsewhere: the span is left as it is. */
TEST_F(migrate, split_span_with_a_pinned_page)
{
	struct kt_arena *a = &self->a;
	struct iovec iov = { kt_span(a, 2) + 300 * KT_PAGE, KT_PAGE };
	struct tmem_arena_purge out;
	int p[2];

	if (!split(a, 2))
		SKIP(return, "the kernel did not split the page");
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
	kt_idle(a, 2);
	ASSERT_EQ(0, kt_purge(a, 2, 1, &out));
	EXPECT_EQ(1U, out.pinned);
	EXPECT_EQ(0U, out.purged);
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(SIZE, kt_stat(a).resident);
	close(p[0]);
	close(p[1]);
	ASSERT_EQ(0, kt_purge_soon(a, 2, &out));
	EXPECT_EQ(1U, out.purged);
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, 2), KT_SPAN));
}

TEST_HARNESS_MAIN
