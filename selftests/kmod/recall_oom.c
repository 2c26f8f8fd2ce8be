// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that idle spans go before anybody is killed for want of memory.  A
 * process takes memory until it is killed: by the machine's OOM killer, by that
 * of a node that it is bound to, by that of a memory cgroup.  At that moment no
 * idle span may be left that could have been given, busy ones are as they were,
 * and others are not killed.  With nothing idle, all is as without the module.
 */
#include "tmem_test_keeper.h"

#include <sys/uio.h>

#define SPANS ((size_t)96)
#define BUSY ((size_t)8) /* of SPANS */
#define PINNED ((size_t)20) /* more than a recall chooses at a time */
#define PAGES (KT_SPAN / KT_PAGE)

FIXTURE(recall_oom)
{
	int dev;
	uint64_t free_before;
	long kills;
	struct kt_recall before;
	struct kt_cgroup cg;
	struct kt_arena a;
};

FIXTURE_SETUP(recall_oom)
{
	int ret;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (kt_available() > 16384 * KT_MIB)
		SKIP(return, "the machine is too large to fill");
	kt_oom_score(-1000);
	self->free_before = kt_free(-1);
	self->kills = kt_oom_kills();
	self->before = kt_recall();
	ret = kt_cgroup_init(&self->cg, "+memory");
	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
}

FIXTURE_TEARDOWN(recall_oom)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0, kt_cgroup_fini(&self->cg));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
	kt_oom_score(0);
}

/* Filled; all but the first spans idle. */
static void keep(const struct kt_arena *a, bool idle)
{
	kt_fill(a->data, a->size, 3);
	for (size_t i = BUSY; idle && i < SPANS; i++)
		kt_idle(a, i);
}

static size_t count_idle(const struct kt_arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++)
		n += !!(kt_word(a, i) & TMEM_SPAN_IDLE);
	return n;
}

/* How many pages of spans that were not purged have changed. */
static size_t count_bad(const struct kt_arena *a)
{
	size_t bad = 0;

	for (size_t i = 0; i < a->spans; i++)
		if (kt_word(a, i) != TMEM_SPAN_PURGED)
			bad += kt_bad(kt_span(a, i), KT_SPAN, 3 + i * PAGES);
	return bad;
}

struct greed {
	const struct kt_cgroup *cg; /* lives there */
	int node; /* takes from there only; -1: from anywhere */
	unsigned int threads;
};

static void *take_for_ever(void *arg)
{
	for (;;) {
		unsigned char *p = mmap(NULL, 8 * KT_MIB, KT_RW,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return NULL;
		madvise(p, 8 * KT_MIB, MADV_NOHUGEPAGE);
		for (size_t i = 0; i < 8 * KT_MIB; i += KT_PAGE)
			p[i] = 1;
	}
}

/* Takes memory until it is killed; its wait status. */
static int be_greedy(const struct greed *g)
{
	unsigned long mask = g->node < 0 ? 0 : 1UL << g->node;
	pthread_t id;
	pid_t pid = kt_fork();

	if (pid)
		return kt_wait(pid);
	kt_oom_score(1000);
	if (g->cg && kt_cgroup_enter(g->cg))
		_exit(1);
	if (mask &&
	    syscall(SYS_set_mempolicy, MPOL_BIND, &mask, sizeof(mask) * 8))
		_exit(2);
	for (unsigned int i = 1; i < g->threads; i++)
		pthread_create(&id, NULL, take_for_ever, NULL);
	take_for_ever(NULL);
	_exit(3);
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void idle_before_kill(struct __test_metadata *_metadata,
			     struct _test_data_recall_oom *self,
			     unsigned int threads)
{
	const struct greed all = { .node = -1, .threads = threads };
	struct kt_recall since;

	keep(&self->a, true);
	EXPECT_TRUE(killed(be_greedy(&all)));
	since = kt_recall_since(&self->before);
	EXPECT_EQ(self->kills + 1, kt_oom_kills());
	EXPECT_EQ(0U, count_idle(&self->a));
	EXPECT_EQ(0U, count_bad(&self->a));
	EXPECT_EQ((int64_t)(SPANS - BUSY), since.purged);
	EXPECT_LT(0, since.oom_calls);
	EXPECT_EQ(SPANS - BUSY, kt_stat(&self->a).recalled);
}

TEST_F(recall_oom, idle_goes_before_a_kill)
{
	idle_before_kill(_metadata, self, 1);
}

TEST_F(recall_oom, many_ask_at_once)
{
	idle_before_kill(_metadata, self, 4);
}

TEST_F(recall_oom, nothing_is_idle)
{
	const struct greed all = { .node = -1, .threads = 1 };

	keep(&self->a, false);
	EXPECT_TRUE(killed(be_greedy(&all)));
	EXPECT_EQ(0, kt_recall_since(&self->before).purged);
	EXPECT_EQ(self->kills + 1, kt_oom_kills());
	EXPECT_EQ(0U, count_bad(&self->a));
	EXPECT_EQ(0U, kt_stat(&self->a).purged);
	EXPECT_EQ(SPANS * KT_SPAN, kt_stat(&self->a).resident);
}

/* One node is full; the other one has memory.  Its spans may go, or not. */
TEST_F(recall_oom, a_node_is_full)
{
	struct greed g = { .node = kt_node_last(), .threads = 1 };
	size_t left = 0;

	if (kt_node_count() < 2)
		SKIP(return, "one node only");
	keep(&self->a, true);
	EXPECT_TRUE(killed(be_greedy(&g)));
	kt_recall_since(&self->before);
	EXPECT_EQ(self->kills + 1, kt_oom_kills());
	for (size_t i = BUSY; i < SPANS; i++)
		left += kt_word(&self->a, i) != TMEM_SPAN_PURGED &&
			kt_page_node(kt_span(&self->a, i)) == g.node;
	EXPECT_EQ(0U, left);
	EXPECT_EQ(0U, count_bad(&self->a));
}

/* In a child, so that the memory is the group's. */
static int keep_in(const struct kt_cgroup *cg, const struct kt_arena *a)
{
	pid_t pid = kt_fork();

	if (!pid) {
		if (kt_cgroup_enter(cg))
			_exit(1);
		keep(a, true);
		_exit(0);
	}
	return kt_wait(pid);
}

TEST_F(recall_oom, a_cgroup_is_full)
{
	const struct greed g = { .cg = &self->cg, .node = -1, .threads = 2 };
	struct kt_recall since;

	ASSERT_EQ(0, keep_in(&self->cg, &self->a));
	ASSERT_EQ(0, kt_cgroup_limit(&self->cg, (SPANS + 16) * KT_SPAN));
	EXPECT_TRUE(killed(be_greedy(&g)));
	since = kt_recall_since(&self->before);
	EXPECT_EQ(self->kills + 1, kt_oom_kills());
	EXPECT_EQ(0U, count_idle(&self->a));
	EXPECT_EQ(0U, count_bad(&self->a));
	EXPECT_EQ((int64_t)(SPANS - BUSY), since.purged);
}

/*
 * Those that are idle the longest are held by somebody and cannot go; they must
 * not hide the others.
 */
TEST_F(recall_oom, the_oldest_are_pinned)
{
	const struct greed all = { .node = -1, .threads = 1 };
	int p[PINNED][2];

	keep(&self->a, true);
	for (size_t i = 0; i < PINNED; i++) {
		struct iovec iov = { kt_span(&self->a, BUSY + i), KT_PAGE };

		ASSERT_EQ(0, pipe(p[i]));
		ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[i][1], &iov, 1, 0));
		kt_word_set(&self->a, BUSY + i,
			    TMEM_SPAN_IDLE | (kt_idle_word() - 100));
	}
	EXPECT_TRUE(killed(be_greedy(&all)));
	kt_recall_since(&self->before);
	EXPECT_EQ(self->kills + 1, kt_oom_kills());
	EXPECT_EQ(PINNED, count_idle(&self->a));
	EXPECT_EQ(0U, count_bad(&self->a));
	for (size_t i = 0; i < PINNED; i++) {
		EXPECT_EQ(TMEM_SPAN_IDLE,
			  kt_word(&self->a, BUSY + i) & TMEM_SPAN_IDLE);
		close(p[i][0]);
		close(p[i][1]);
	}
}

TEST_HARNESS_MAIN
