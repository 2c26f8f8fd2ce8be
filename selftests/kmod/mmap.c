// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena's data mapping is what it is made for: one PMD per
 * 2 MiB, zeroed, counted in the program's RSS; and that no other way into the arena exists: not by mappings that do not
 * fit, not by the file calls that an inode would offer.
 */
#include "tmem_test_mem.h"

#include <sys/sendfile.h>
#include <sys/stat.h>

#define SPANS 4

FIXTURE(mmap)
{
	int dev;
	struct kt_arena a;
};

FIXTURE_SETUP(mmap)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_LOCAL, 0));
}

FIXTURE_TEARDOWN(mmap)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

TEST_F(mmap, one_pmd_per_span)
{
	struct kt_arena *a = &self->a;

	EXPECT_EQ(0U, (uintptr_t)a->data % KT_SPAN);
	EXPECT_EQ(0U, kt_stat(a).resident);
	EXPECT_EQ(0U, kt_smaps(a->data, a->size, "Rss"));
	for (size_t i = 0; i < SPANS; i++) {
		kt_span(a, i)[12345] = 1;
		EXPECT_EQ((i + 1) * KT_SPAN, kt_pmd_mapped(a->data, a->size));
		EXPECT_EQ((i + 1) * KT_SPAN, kt_stat(a).resident);
		EXPECT_EQ(i + 1, kt_stat(a).spans_huge);
	}
	EXPECT_EQ(a->size, kt_smaps(a->data, a->size, "Rss"));
	EXPECT_EQ(a->size, kt_smaps(a->data, a->size, "Pss"));
	EXPECT_EQ(0U, kt_stat(a).spans_small);
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).fills);
	EXPECT_EQ(0U, kt_stat(a).fills_small);
	EXPECT_EQ(0U, kt_stat(a).fills_failed);
}

TEST_F(mmap, zeroes_at_first_touch)
{
	struct kt_arena *a = &self->a;

	/* Make it likely that recycled memory is dirty memory. */
	memset(a->data, 0xa5, a->size);
	kt_arena_fini(a);
	ASSERT_EQ(0, kt_arena_init(a, self->dev, SPANS * KT_SPAN, 0, 0));
	EXPECT_EQ(0U, kt_nonzero(a->data, a->size));
	/* A read is enough for a mapping that can be written. */
	EXPECT_EQ(a->size, kt_pmd_mapped(a->data, a->size));
}

TEST_F(mmap, populate)
{
	struct kt_arena *a = &self->a;
	void *p =
		mmap(NULL, a->size, KT_RW, MAP_SHARED | MAP_POPULATE, a->fd, 0);

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(a->size, kt_pmd_mapped(p, a->size));
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).fills);
	EXPECT_EQ(0, madvise(a->data, a->size, MADV_POPULATE_READ));
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).fills);
	EXPECT_EQ(a->size, kt_pmd_mapped(a->data, a->size));
	/* Half of the same memory is on the account of each mapping. */
	EXPECT_EQ(a->size / 2, kt_smaps(p, a->size, "Pss"));
	munmap(p, a->size);
}

TEST_F(mmap, protections)
{
	struct kt_arena *a = &self->a;
	unsigned char *p;

	a->data[0] = 42;
	p = mmap(NULL, KT_SPAN, PROT_READ, MAP_SHARED, a->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(42, p[0]);
	EXPECT_EQ(SIGSEGV, kt_touch(p, true));
	munmap(p, KT_SPAN);

	p = mmap(NULL, KT_SPAN, PROT_NONE, MAP_SHARED, a->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(SIGSEGV, kt_touch(p, false));
	EXPECT_EQ(0, mprotect(p, KT_SPAN, KT_RW));
	EXPECT_EQ(42, p[0]);
	munmap(p, KT_SPAN);

	/* Code in an arena is neither promised nor forbidden. */
	p = mmap(NULL, KT_SPAN, KT_RW | PROT_EXEC, MAP_SHARED, a->fd, 0);
	if (p != MAP_FAILED) {
		EXPECT_EQ(42, p[0]);
		munmap(p, KT_SPAN);
	}
}

TEST_F(mmap, private_is_refused)
{
	struct kt_arena *a = &self->a;

	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, KT_SPAN, KT_RW, MAP_PRIVATE, a->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, KT_SPAN, PROT_READ, MAP_PRIVATE, a->fd, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(mmap, out_of_range_is_refused)
{
	const size_t end = SPANS * KT_SPAN;
	const struct {
		size_t length, offset;
	} bad[] = {
		{ end + KT_PAGE, 0 },
		{ end, KT_SPAN },
		{ KT_SPAN, end - KT_PAGE },
		{ KT_PAGE, end },
		{ KT_SPAN, end },
		{ 2 * end, 0 },
		{ KT_PAGE, (size_t)1 << 46 },
		{ KT_PAGE, (size_t)INT64_MAX & -KT_PAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(MAP_FAILED, kt_map(self->a.fd, bad[i].length,
					     (off_t)bad[i].offset));
		EXPECT_TRUE(errno == EINVAL || errno == EOVERFLOW)
		{
			TH_LOG("length %zx offset %zx: errno %d", bad[i].length,
			       bad[i].offset, errno);
		}
	}
}

TEST_F(mmap, part_of_an_arena)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = kt_map(a->fd, KT_SPAN, 2 * KT_SPAN);
	unsigned char *q = kt_map(a->fd, KT_PAGE, (off_t)(a->size - KT_PAGE));

	ASSERT_NE(MAP_FAILED, (void *)p);
	ASSERT_NE(MAP_FAILED, (void *)q);
	kt_fill(p, KT_SPAN, 3);
	q[1] = 77;
	EXPECT_EQ(0U, kt_bad(kt_span(a, 2), KT_SPAN, 3));
	EXPECT_EQ(77, a->data[a->size - KT_PAGE + 1]);
	EXPECT_EQ(2U, kt_stat(a).spans_huge);
	munmap(p, KT_SPAN);
	munmap(q, KT_PAGE);
}

/* Addresses that do not fit the span's get small mappings of a huge page. */
TEST_F(mmap, incongruent_address)
{
	struct kt_arena *a = &self->a;
	unsigned char *room = mmap(NULL, a->size + 2 * KT_SPAN, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *p;

	ASSERT_NE(MAP_FAILED, (void *)room);
	p = room + (-(uintptr_t)room & (KT_SPAN - 1)) + KT_PAGE;
	ASSERT_EQ(p, mmap(p, a->size, KT_RW, MAP_SHARED | MAP_FIXED, a->fd, 0));
	kt_fill(p, a->size, 9);
	EXPECT_EQ(0U, kt_pmd_mapped(p, a->size));
	EXPECT_EQ(a->size, kt_smaps(p, a->size, "Rss"));
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).spans_huge);
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).fills);
	EXPECT_EQ(0U, kt_bad(a->data, a->size, 9));
	EXPECT_EQ(a->size, kt_pmd_mapped(a->data, a->size));
	munmap(room, a->size + 2 * KT_SPAN);
}

/* Growing a mapping gives no memory: it is refused or leads to SIGBUS. */
TEST_F(mmap, expanded_past_the_end)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = kt_map(a->fd, KT_SPAN, (off_t)(a->size - KT_SPAN));
	unsigned char *q;

	ASSERT_NE(MAP_FAILED, (void *)p);
	p[0] = 1;
	/* As far as the control words lie, and further. */
	q = mremap(p, KT_SPAN, 8 * KT_SPAN, MREMAP_MAYMOVE);
	if (q == MAP_FAILED) {
		munmap(p, KT_SPAN);
		return;
	}
	EXPECT_EQ(1, q[0]);
	for (size_t at = KT_SPAN; at < 8 * KT_SPAN; at += KT_PAGE) {
		ASSERT_EQ(SIGBUS, kt_touch(q + at, at & KT_PAGE));
	}
	EXPECT_EQ(KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(1U, kt_stat(a).fills);
	munmap(q, 8 * KT_SPAN);
}

/* Growing it within the arena gives what lies there, or nothing. */
TEST_F(mmap, expanded_within_the_arena)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = kt_map(a->fd, KT_SPAN, 0);
	unsigned char *q;

	ASSERT_NE(MAP_FAILED, (void *)p);
	kt_fill(a->data, a->size, 8);
	q = mremap(p, KT_SPAN, a->size, MREMAP_MAYMOVE);
	if (q == MAP_FAILED) {
		munmap(p, KT_SPAN);
		return;
	}
	EXPECT_EQ(0U, kt_bad(q, a->size, 8));
	munmap(q, a->size);
}

/* Mappings that adjoin in the arena and in memory behave as one or as two. */
TEST_F(mmap, neighbours)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = mmap(NULL, (SPANS + 1) * KT_SPAN, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)p);
	p += -(uintptr_t)p & (KT_SPAN - 1);
	for (size_t i = 0; i < SPANS; i++) {
		ASSERT_EQ(p + i * KT_SPAN, mmap(p + i * KT_SPAN, KT_SPAN, KT_RW,
						MAP_SHARED | MAP_FIXED, a->fd,
						(off_t)(i * KT_SPAN)));
	}
	kt_fill(p, a->size, 12);
	EXPECT_EQ(0U, kt_bad(a->data, a->size, 12));
	EXPECT_EQ(a->size, kt_pmd_mapped(p, a->size));
	/* The order of spans in memory is the program's. */
	ASSERT_EQ(p, mmap(p, KT_SPAN, KT_RW, MAP_SHARED | MAP_FIXED, a->fd,
			  (off_t)(3 * KT_SPAN)));
	EXPECT_EQ(0U, kt_bad(p, KT_SPAN, 12 + 3 * KT_SPAN / KT_PAGE));
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).fills);
	munmap(p, a->size);
}

/* What the data is read from or written to by anything but a mapping. */
TEST_F(mmap, file_calls_fail_and_do_no_harm)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_stat before, after;
	char buf[64] = { 0 };
	off_t zero = 0;
	int p[2];

	kt_fill(a->data, a->size, 5);
	before = kt_stat(a);
	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-1, read(a->fd, buf, sizeof(buf)));
	EXPECT_EQ(-1, write(a->fd, buf, sizeof(buf)));
	EXPECT_EQ(-1, pread(a->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(-1, pwrite(a->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(-1, sendfile(p[1], a->fd, &zero, KT_PAGE));
	EXPECT_EQ(-1,
		  splice(a->fd, &zero, p[1], NULL, KT_PAGE, SPLICE_F_NONBLOCK));
	EXPECT_EQ(-1, ftruncate(a->fd, 0));
	EXPECT_EQ(-1, ftruncate(a->fd, (off_t)KT_SPAN));
	EXPECT_EQ(-1, ftruncate(a->fd, (off_t)(2 * a->size)));
	EXPECT_EQ(-1, fallocate(a->fd, 0, 0, (off_t)a->size));
	EXPECT_EQ(-1,
		  fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    0, (off_t)a->size));
	EXPECT_EQ(-1, madvise(a->data, a->size, MADV_REMOVE));
	/* Allowed, and without effect: the memory is not a cache. */
	posix_fadvise(a->fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(a->fd, 0, 0, POSIX_FADV_WILLNEED);
	readahead(a->fd, 0, a->size);
	fsync(a->fd);
	sync_file_range(a->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	msync(a->data, a->size, MS_SYNC | MS_INVALIDATE);
	after = kt_stat(a);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(0U, kt_bad(a->data, a->size, 5));
	close(p[0]);
	close(p[1]);
}

TEST_F(mmap, cannot_be_opened_again)
{
	struct kt_arena *a = &self->a;
	const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC };
	char path[64];

	kt_fill(a->data, a->size, 6);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fd);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(-1, open(path, modes[i] | O_CLOEXEC));
	}
	EXPECT_EQ(-1, truncate(path, 0));
	EXPECT_EQ(-1, truncate(path, (off_t)(2 * a->size)));
	EXPECT_EQ(0U, kt_bad(a->data, a->size, 6));
	EXPECT_EQ((uint64_t)SPANS, kt_stat(a).spans_huge);
}

TEST_HARNESS_MAIN
