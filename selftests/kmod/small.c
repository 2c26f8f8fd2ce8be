// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena goes on in a memory cgroup that is nearly full: a span
 * for which there is no huge page is filled with small pages, which are
 * counted, keep their contents and are purged like others.  And that the limit
 * is kept: who wants more is killed or gets SIGBUS, alone, and leaves nothing
 * behind.
 */
#include "tmem_test_cgroup.h"

#define SPANS ((size_t)32)
#define SEED 555
#define PAGES (KT_SPAN / KT_PAGE)

/* What the child tells about itself. */
struct report {
	struct tmem_arena_stat st;
	size_t span; /* the first one of small pages */
	size_t bad;
	uint64_t on_nodes;
	struct tmem_arena_purge purge;
	size_t nonzero;
	bool huge_again;
	size_t purged_words;
};

FIXTURE(small)
{
	int dev;
	uint64_t free_before;
	struct kt_cgroup cg;
	struct report *report;
};

FIXTURE_SETUP(small)
{
	int ret;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->report = mmap(NULL, sizeof(*self->report), KT_RW,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->report);
	memset(self->report, 0, sizeof(*self->report));
	ret = kt_cgroup_init(&self->cg, "+memory");
	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
}

FIXTURE_TEARDOWN(small)
{
	EXPECT_EQ(0, kt_cgroup_fini(&self->cg));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* In the group, with an arena, room for so many bytes from here on. */
static int child_init(struct kt_arena *a, int dev, const struct kt_cgroup *cg,
		      size_t room)
{
	long now;

	if (kt_cgroup_enter(cg) ||
	    kt_arena_init(a, dev, SPANS * KT_SPAN, TMEM_POLICY_LOCAL, 0))
		return -EIO;
	now = kt_cgroup_read(cg, "memory.current");
	return now < 0 ? -EIO : kt_cgroup_limit(cg, (size_t)now + room);
}

TEST_F(small, limit_is_kept)
{
	struct kt_arena a;
	pid_t pid = fork();
	int status, sig;

	ASSERT_LE(0, pid);
	if (!pid) {
		if (child_init(&a, self->dev, &self->cg, 24 * KT_MIB))
			_exit(1);
		kt_fill(a.data, 64 * KT_MIB, SEED);
		_exit(0);
	}
	status = kt_wait(pid);
	ASSERT_TRUE(WIFSIGNALED(status));
	sig = WTERMSIG(status);
	EXPECT_TRUE(sig == SIGKILL || sig == SIGBUS);
	/* Not before it had used up what it may have. */
	EXPECT_LT(22 * (long)KT_MIB, kt_cgroup_read(&self->cg, "memory.peak"));
	/* But for what the kernel gives a dying process by force. */
	EXPECT_GE(kt_cgroup_read(&self->cg, "memory.max") + 64 * (long)KT_PAGE,
		  kt_cgroup_read(&self->cg, "memory.peak"));
	EXPECT_GT(4 * (long)KT_MIB,
		  kt_cgroup_read(&self->cg, "memory.current"));
}

TEST_F(small, within_the_limit)
{
	struct report *r = self->report;
	struct kt_arena a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (child_init(&a, self->dev, &self->cg, 24 * KT_MIB))
			_exit(1);
		kt_fill(a.data, 16 * KT_MIB, SEED);
		r->st = kt_stat(&a);
		_exit(kt_bad(a.data, 16 * KT_MIB, SEED) ? 2 : 0);
	}
	ASSERT_EQ(0, kt_wait(pid));
	EXPECT_EQ(8U, r->st.spans_huge);
	EXPECT_EQ(0U, r->st.spans_small);
}

/* The first span that has no huge page; SPANS if all have. */
static size_t first_small(const struct kt_arena *a)
{
	for (size_t i = 0; i < SPANS; i++) {
		*kt_page_word(kt_span(a, i), 0) = kt_mix(SEED + i);
		if (kt_stat(a).spans_small)
			return i;
	}
	return SPANS;
}

static uint64_t bytes_on_nodes(const struct kt_arena *a)
{
	uint64_t sum = 0;

	for_each_node(node, kt_nodes()) {
		struct tmem_arena_node_stat st = { .node = (uint32_t)node };

		if (kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st))
			return 0;
		sum += st.spans_huge * KT_SPAN + st.small_bytes;
	}
	return sum;
}

/* All that the child does with a span of 32 small pages. */
static int small_child(struct kt_arena *a, struct report *r)
{
	unsigned char *p;

	r->span = first_small(a);
	if (r->span == SPANS)
		return 0;
	p = kt_span(a, r->span);
	kt_fill(p, 32 * KT_PAGE, SEED + r->span);
	r->st = kt_stat(a);
	r->on_nodes = bytes_on_nodes(a);
	r->bad = kt_bad(p, 32 * KT_PAGE, SEED + r->span);
	kt_idle(a, r->span);
	if (kt_purge_soon(a, r->span, &r->purge))
		return 2;
	r->nonzero = kt_nonzero(p, 32 * KT_PAGE);
	for (size_t i = 0; i < r->span; i++)
		r->bad += *kt_page_word(kt_span(a, i), 0) != kt_mix(SEED + i);
	/* Room for a huge page, and the span takes one again. */
	kt_idle(a, 0);
	kt_idle(a, r->span);
	if (kt_purge(a, 0, r->span + 1, &(struct tmem_arena_purge){ 0 }))
		return 3;
	p[0] = 1;
	r->huge_again = kt_stat(a).spans_small == 0;
	return 0;
}

TEST_F(small, cgroup_nearly_full)
{
	struct report *r = self->report;
	struct kt_arena a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (child_init(&a, self->dev, &self->cg, 9 * KT_MIB))
			_exit(1);
		_exit(small_child(&a, r));
	}
	ASSERT_EQ(0, kt_wait(pid));
	if (r->span == SPANS)
		SKIP(return, "the cgroup's limit did not bite");
	EXPECT_EQ(r->span, r->st.spans_huge);
	EXPECT_EQ(1U, r->st.spans_small);
	EXPECT_EQ(32U, r->st.fills_small);
	EXPECT_EQ(r->span * KT_SPAN + 32 * KT_PAGE, r->st.resident);
	EXPECT_EQ(r->st.resident, r->on_nodes);
	EXPECT_EQ(0U, r->st.fills_failed);
	EXPECT_EQ(0U, r->bad);
	EXPECT_EQ(1U, r->purge.purged);
	EXPECT_EQ(0U, r->nonzero);
	EXPECT_TRUE(r->huge_again);
}

/*
 * More than the limit, but never more busy at once: idle spans are what makes
 * room.  What was not purged is as it was.
 */
static int idle_child(struct kt_arena *a, struct report *r)
{
	for (size_t i = 0; i < SPANS; i++) {
		kt_fill(kt_span(a, i), KT_SPAN, SEED + i);
		kt_idle(a, i);
	}
	r->st = kt_stat(a);
	for (size_t i = 0; i < SPANS; i++) {
		if (kt_word(a, i) == TMEM_SPAN_PURGED)
			r->purged_words++;
		else
			r->bad += kt_bad(kt_span(a, i), KT_SPAN, SEED + i);
	}
	return 0;
}

TEST_F(small, idle_spans_make_room)
{
	struct report *r = self->report;
	struct kt_arena a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (child_init(&a, self->dev, &self->cg, 21 * KT_MIB))
			_exit(1);
		_exit(idle_child(&a, r));
	}
	ASSERT_EQ(0, kt_wait(pid));
	EXPECT_EQ(0U, r->bad);
	EXPECT_LT(0U, r->purged_words);
	EXPECT_EQ(r->purged_words, r->st.purged);
}

TEST_HARNESS_MAIN
