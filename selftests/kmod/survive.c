// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that what is written to an arena stays, through all that a program
 * may do to its mappings: fork, mremap, munmap and mprotect of parts, madvise,
 * mlock, closing the descriptor, and death.
 */
#include "tmem_test_recall.h"

#include <sys/utsname.h>

#define SPANS ((size_t)4)
#define SIZE (SPANS * KT_SPAN)
#define SEED 77

FIXTURE(survive)
{
	int dev;
	uint64_t free_before;
	struct kt_arena a;
};

FIXTURE_SETUP(survive)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
	kt_fill(self->a.data, SIZE, SEED);
	ASSERT_EQ(SIZE, kt_pmd_mapped(self->a.data, SIZE));
}

FIXTURE_TEARDOWN(survive)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* Still there, still the same memory, still one page per span. */
static bool intact(const struct kt_arena *a)
{
	struct tmem_arena_stat st = kt_stat(a);

	return !kt_bad(a->data, SIZE, SEED) && st.spans_huge == SPANS &&
	       st.spans_small == 0 && st.fills == SPANS && st.fills_small == 0;
}

/* Fresh addresses, aligned to a span, with nothing there. */
static unsigned char *addresses(size_t size)
{
	unsigned char *p = mmap(NULL, size + KT_SPAN, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p + (-(uintptr_t)p & (KT_SPAN - 1));
}

TEST_F(survive, fork)
{
	struct kt_arena *a = &self->a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		size_t bad = kt_bad(a->data, SIZE, SEED);

		kt_fill(kt_span(a, 1), KT_SPAN, 5);
		_exit(bad ? 1 : 0);
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(0U, kt_bad(kt_span(a, 1), KT_SPAN, 5));
	kt_fill(a->data, SIZE, SEED);
	EXPECT_TRUE(intact(a));
	EXPECT_EQ(SIZE, kt_pmd_mapped(a->data, SIZE));
}

TEST_F(survive, fork_and_parent_unmaps)
{
	struct kt_arena *a = &self->a;
	int go[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1) != 0) /* end of file: go */
			_exit(2);
		_exit(kt_bad(a->data, SIZE, SEED) ? 1 : 0);
	}
	munmap(a->data, SIZE);
	a->data = NULL;
	close(go[0]);
	close(go[1]);
	EXPECT_EQ(0, kt_wait(pid));
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	EXPECT_TRUE(intact(a));
}

/* Kernels before 6.12 would take a purged span's entry for a page table. */
static bool may_move(const struct _test_data_survive *self)
{
	struct tmem_query q = { 0 };

	return !kt_ioctl(self->dev, TMEM_IOC_QUERY, &q) &&
	       q.features & TMEM_FEATURE_MREMAP;
}

#define NO_MOVES "this kernel's mremap() and purges do not go together"

TEST_F(survive, mremap_where_it_is_safe)
{
	struct kt_arena *a = &self->a;
	struct utsname name;

	ASSERT_EQ(0, uname(&name));
	EXPECT_EQ(may_move(self), strncmp(name.release, "6.1.", 4) != 0);
	if (may_move(self))
		return;
	for (int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	     flags <= (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP);
	     flags += MREMAP_DONTUNMAP) {
		EXPECT_EQ(MAP_FAILED,
			  mremap(a->data, SIZE, SIZE, flags, addresses(SIZE)));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	EXPECT_EQ(MAP_FAILED, mremap(a->data, 0, KT_SPAN, MREMAP_MAYMOVE));
	EXPECT_TRUE(intact(a));
	EXPECT_EQ(SIZE, kt_pmd_mapped(a->data, SIZE));
}

TEST_F(survive, mremap_aligned)
{
	struct kt_arena *a = &self->a;
	unsigned char *to = addresses(SIZE);
	unsigned char *old = a->data;

	if (!may_move(self))
		SKIP(return, NO_MOVES);
	ASSERT_EQ(to, mremap(a->data, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to));
	a->data = to;
	EXPECT_EQ(SIZE, kt_pmd_mapped(to, SIZE));
	EXPECT_TRUE(intact(a));
	EXPECT_EQ(SIGSEGV, kt_touch(old, false));
}

TEST_F(survive, mremap_one_span_of_many)
{
	struct kt_arena *a = &self->a;
	unsigned char *to = addresses(KT_SPAN);

	if (!may_move(self))
		SKIP(return, NO_MOVES);
	ASSERT_EQ(to, mremap(kt_span(a, 1), KT_SPAN, KT_SPAN,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(0U, kt_bad(to, KT_SPAN, SEED + KT_SPAN / KT_PAGE));
	EXPECT_EQ(KT_SPAN, kt_pmd_mapped(to, KT_SPAN));
	EXPECT_EQ(SIGSEGV, kt_touch(kt_span(a, 1), false));
	EXPECT_EQ(0U, kt_bad(a->data, KT_SPAN, SEED));
	/* Back into the hole. */
	ASSERT_EQ(kt_span(a, 1),
		  mremap(to, KT_SPAN, KT_SPAN, MREMAP_MAYMOVE | MREMAP_FIXED,
			 kt_span(a, 1)));
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, mremap_unaligned)
{
	struct kt_arena *a = &self->a;
	unsigned char *to = addresses(SIZE + KT_SPAN) + 3 * KT_PAGE;

	if (!may_move(self))
		SKIP(return, NO_MOVES);
	ASSERT_EQ(to, mremap(a->data, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to));
	a->data = to;
	EXPECT_TRUE(intact(a));
	kt_fill(a->data, SIZE, SEED);
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, mremap_shrink)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(a->data, mremap(a->data, SIZE, KT_SPAN + KT_PAGE, 0));
	EXPECT_EQ(0U, kt_bad(a->data, KT_SPAN + KT_PAGE, SEED));
	EXPECT_EQ(SIGSEGV, kt_touch(kt_span(a, 1) + KT_PAGE, false));
	munmap(a->data, KT_SPAN + KT_PAGE);
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	EXPECT_TRUE(intact(a));
}

/* The same memory at a second address: refused or right. */
TEST_F(survive, mremap_copy)
{
	struct kt_arena *a = &self->a;
	unsigned char *copy = mremap(a->data, 0, KT_SPAN, MREMAP_MAYMOVE);

	if (copy != MAP_FAILED) {
		EXPECT_EQ(0U, kt_bad(copy, KT_SPAN, SEED));
		munmap(copy, KT_SPAN);
	}
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, hole_of_a_page)
{
	struct kt_arena *a = &self->a;
	unsigned char *hole = kt_span(a, 1) + 100 * KT_PAGE;
	unsigned char *p;

	ASSERT_EQ(0, munmap(hole, KT_PAGE));
	EXPECT_EQ(SIGSEGV, kt_touch(hole, false));
	EXPECT_EQ(0U, kt_bad(kt_span(a, 1), 100 * KT_PAGE,
			     SEED + KT_SPAN / KT_PAGE));
	EXPECT_EQ(0U, kt_bad(kt_span(a, 2), 2 * KT_SPAN,
			     SEED + 2 * KT_SPAN / KT_PAGE));
	p = mmap(hole, KT_PAGE, KT_RW, MAP_SHARED | MAP_FIXED, a->fd,
		 hole - a->data);
	ASSERT_EQ(hole, p);
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, read_only_page)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = kt_span(a, 2) + 7 * KT_PAGE;

	ASSERT_EQ(0, mprotect(p, KT_PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, kt_touch(p, true));
	EXPECT_EQ(0, kt_touch(p, false));
	EXPECT_TRUE(intact(a));
	ASSERT_EQ(0, mprotect(p, KT_PAGE, KT_RW));
	kt_fill(a->data, SIZE, SEED);
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, read_only_span)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(0, mprotect(kt_span(a, 1), KT_SPAN, PROT_READ));
	EXPECT_EQ(SIGSEGV, kt_touch(kt_span(a, 1), true));
	EXPECT_TRUE(intact(a));
	ASSERT_EQ(0, mprotect(kt_span(a, 1), KT_SPAN, KT_RW));
	kt_fill(a->data, SIZE, SEED);
	EXPECT_TRUE(intact(a));
	EXPECT_EQ(SIZE, kt_pmd_mapped(a->data, SIZE));
	ASSERT_EQ(0, mprotect(a->data, SIZE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, kt_touch(a->data, false));
	ASSERT_EQ(0, mprotect(a->data, SIZE, KT_RW));
	EXPECT_TRUE(intact(a));
}

/* What madvise does to a cache or to anonymous memory, it must not do here. */
TEST_F(survive, madvise)
{
	const int advice[] = { MADV_DONTNEED, MADV_COLD,     MADV_PAGEOUT,
			       MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
			       MADV_FREE,     MADV_DONTFORK, MADV_RANDOM,
			       MADV_DONTDUMP, MADV_MERGEABLE };
	struct kt_arena *a = &self->a;

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		madvise(a->data, SIZE, advice[i]);
		EXPECT_TRUE(intact(a))
		{
			TH_LOG("advice %d", advice[i]);
		}
	}
}

TEST_F(survive, drop_caches)
{
	struct kt_arena *a = &self->a;

	munmap(a->data, SIZE);
	sync();
	ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "3"));
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, mlock)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(0, mlock(a->data, SIZE));
	EXPECT_TRUE(intact(a));
	ASSERT_EQ(0, munlock(kt_span(a, 1), KT_PAGE));
	EXPECT_TRUE(intact(a));
	ASSERT_EQ(0, munlock(a->data, SIZE));
	EXPECT_TRUE(intact(a));
}

TEST_F(survive, closed_while_mapped)
{
	struct kt_arena *a = &self->a;

	close(a->fd);
	a->fd = -1;
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(SIZE, kt_pmd_mapped(a->data, SIZE));
	/* A fault still finds its arena. */
	madvise(a->data, SIZE, MADV_DONTNEED);
	EXPECT_EQ(0U, kt_bad(a->data, SIZE, SEED));
	EXPECT_EQ(1U, kt_arenas(self->dev));
}

TEST_F(survive, unmapped_and_mapped_again)
{
	struct kt_arena *a = &self->a;

	for (int i = 0; i < 20; i++) {
		munmap(a->data, SIZE);
		a->data = kt_map(a->fd, SIZE, 0);
		ASSERT_NE(MAP_FAILED, (void *)a->data);
		ASSERT_TRUE(intact(a));
	}
	EXPECT_EQ(SIZE, kt_pmd_mapped(a->data, SIZE));
}

/* Touches for ever: the parent kills it in the middle of a fault. */
static void touch_for_ever(int dev, uint64_t *spans)
{
	struct kt_arena b;

	for (;;) {
		if (kt_arena_init(&b, dev, 32 * KT_SPAN, 0, 0))
			_exit(1);
		for (size_t i = 0; i < b.spans; i++) {
			kt_fill(kt_span(&b, i), KT_SPAN, i);
			kt_add(spans, 1);
		}
		kt_arena_fini(&b);
	}
}

TEST_F(survive, killed_while_touching)
{
	uint64_t arenas = kt_arenas(self->dev);
	uint64_t rng = pace_seed();
	uint64_t before = kt_free(-1);
	uint64_t *spans = kt_shared(sizeof(*spans));

	ASSERT_TRUE(spans != NULL);
	for (int i = 0; i < 12; i++) {
		uint64_t last = kt_count(spans) + kt_random(&rng) % 64;
		pid_t pid = kt_fork();
		int status;

		ASSERT_LE(0, pid);
		if (!pid)
			touch_for_ever(self->dev, spans);
		EXPECT_TRUE(PACE_UNTIL(kt_count(spans) >= last));
		kill(pid, SIGKILL);
		status = kt_wait(pid);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	munmap(spans, sizeof(*spans));
	EXPECT_EQ(arenas, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, before));
	EXPECT_TRUE(intact(&self->a));
}

TEST_HARNESS_MAIN
