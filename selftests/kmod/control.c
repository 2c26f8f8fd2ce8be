// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the control words are shared memory that stays: zero at first,
 * the same in every mapping and process, kept when a mapping is thrown away,
 * and that no page beyond them can be mapped.
 */
#include "tmem_test_mem.h"

/* More words than fit a page, so that there is a second page of them. */
#define SPANS ((size_t)1030)

FIXTURE(control)
{
	int dev;
	struct kt_arena a;
};

FIXTURE_SETUP(control)
{
	struct tmem_query q = { 0 };
	size_t spans = SPANS;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	if (spans > q.max_arena_size / KT_SPAN)
		spans = q.max_arena_size / KT_SPAN;
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, spans * KT_SPAN, 0, 0));
}

FIXTURE_TEARDOWN(control)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

TEST_F(control, zero_at_first)
{
	const unsigned char *p = (const unsigned char *)self->a.ctl;

	/* The rest of the last page too: it is the kernel's memory. */
	EXPECT_EQ(0U, kt_nonzero(p, self->a.ctl_size));
}

TEST_F(control, the_same_in_every_mapping)
{
	struct kt_arena *a = &self->a;
	uint32_t *other = kt_map(a->fd, a->ctl_size, a->ctl_offset);

	ASSERT_NE(MAP_FAILED, (void *)other);
	for (size_t i = 0; i < a->spans; i++)
		kt_word_set(a, i, (uint32_t)i * 3 + 2);
	for (size_t i = 0; i < a->spans; i++) {
		ASSERT_EQ((uint32_t)i * 3 + 2, other[i]);
	}
	other[0] = 99;
	EXPECT_EQ(99U, kt_word(a, 0));
	munmap(other, a->ctl_size);
}

TEST_F(control, the_same_after_fork)
{
	struct kt_arena *a = &self->a;
	pid_t pid;

	kt_word_set(a, 0, 5);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		kt_word_set(a, 1, kt_word(a, 0) + 1);
		_exit(0);
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(6U, kt_word(a, 1));
}

TEST_F(control, one_page_of_them)
{
	struct kt_arena *a = &self->a;
	size_t last = a->ctl_size - KT_PAGE;
	uint32_t *p = kt_map(a->fd, KT_PAGE, a->ctl_offset + (off_t)last);

	ASSERT_NE(MAP_FAILED, (void *)p);
	p[0] = 11;
	EXPECT_EQ(11U, a->ctl[last / sizeof(*p)]);
	munmap(p, KT_PAGE);
}

TEST_F(control, out_of_range_is_refused)
{
	struct kt_arena *a = &self->a;
	off_t begin = a->ctl_offset, end = begin + (off_t)a->ctl_size;
	const struct {
		size_t length;
		off_t offset;
	} bad[] = {
		{ a->ctl_size + KT_PAGE, begin },
		{ KT_PAGE, end },
		{ 2 * KT_PAGE, end - (off_t)KT_PAGE },
		{ KT_SPAN, begin },
		{ a->ctl_size, begin + (off_t)KT_PAGE },
		{ (size_t)end, 0 }, /* data and words in one */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(MAP_FAILED,
			  kt_map(a->fd, bad[i].length, bad[i].offset));
		EXPECT_EQ(EINVAL, errno);
	}
	if (begin - (off_t)KT_PAGE >= (off_t)a->size) {
		EXPECT_EQ(MAP_FAILED,
			  kt_map(a->fd, KT_PAGE, begin - (off_t)KT_PAGE));
	}
}

TEST_F(control, private_is_refused)
{
	struct kt_arena *a = &self->a;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, a->ctl_size, KT_RW, MAP_PRIVATE, a->fd,
				   a->ctl_offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, a->ctl_size, PROT_READ, MAP_PRIVATE,
				   a->fd, a->ctl_offset));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(control, expanded_past_the_end)
{
	struct kt_arena *a = &self->a;
	unsigned char *p = kt_map(a->fd, a->ctl_size, a->ctl_offset);
	unsigned char *q;

	ASSERT_NE(MAP_FAILED, (void *)p);
	q = mremap(p, a->ctl_size, a->ctl_size + KT_PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED) {
		munmap(p, a->ctl_size);
		return;
	}
	EXPECT_EQ(SIGBUS, kt_touch(q + a->ctl_size, false));
	EXPECT_EQ(SIGBUS, kt_touch(q + a->ctl_size, true));
	munmap(q, a->ctl_size + KT_PAGE);
}

TEST_F(control, kept_by_everything)
{
	struct kt_arena *a = &self->a;
	uint32_t *ctl;

	for (size_t i = 0; i < a->spans; i++)
		kt_word_set(a, i, (uint32_t)i + 7);
	madvise(a->ctl, a->ctl_size, MADV_DONTNEED);
	madvise(a->ctl, a->ctl_size, MADV_COLD);
	madvise(a->ctl, a->ctl_size, MADV_PAGEOUT);
	madvise(a->ctl, a->ctl_size, MADV_REMOVE);
	madvise(a->ctl, a->ctl_size, MADV_FREE);
	msync(a->ctl, a->ctl_size, MS_SYNC | MS_INVALIDATE);
	kt_page_move(a->ctl, kt_node_last());
	kt_page_move(a->ctl, kt_node_first());
	kt_write_file("/proc/sys/vm/drop_caches", "3");
	for (size_t i = 0; i < a->spans; i++) {
		ASSERT_EQ((uint32_t)i + 7, kt_word(a, i));
	}
	/* Nor do they go with their last mapping. */
	munmap(a->ctl, a->ctl_size);
	ctl = kt_map(a->fd, a->ctl_size, a->ctl_offset);
	a->ctl = ctl == MAP_FAILED ? NULL : ctl;
	ASSERT_TRUE(a->ctl != NULL);
	for (size_t i = 0; i < a->spans; i++) {
		ASSERT_EQ((uint32_t)i + 7, kt_word(a, i));
	}
}

/* The words outlive the descriptor as long as they are mapped. */
TEST_F(control, mapped_after_close)
{
	struct kt_arena *a = &self->a;

	close(a->fd);
	a->fd = -1;
	munmap(a->data, a->size);
	a->data = NULL;
	kt_word_set(a, 3, 33);
	EXPECT_EQ(33U, kt_word(a, 3));
	EXPECT_EQ(1U, kt_arenas(self->dev));
}

TEST_F(control, moved_in_the_address_space)
{
	struct kt_arena *a = &self->a;
	uint32_t *room = mmap(NULL, a->ctl_size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *p;

	ASSERT_NE(MAP_FAILED, (void *)room);
	kt_word_set(a, 2, 22);
	p = mremap(a->ctl, a->ctl_size, a->ctl_size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, room);
	ASSERT_EQ((void *)room, p);
	a->ctl = room;
	EXPECT_EQ(22U, kt_word(a, 2));
	kt_word_set(a, 2, 23);
	EXPECT_EQ(23U, kt_word(a, 2));
}

TEST_HARNESS_MAIN
