// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a memory cgroup that is short recalls the idle spans that are
 * charged to it, and no others: by its limit, by memory.reclaim, by the limit
 * of a group around it, and after it is gone, when they count for the group
 * around it.  Outside the group there is plenty of memory all the time.
 */
#include "tmem_test_keeper.h"

#define IDLE_SPANS ((size_t)96)
#define BUSY_SPANS ((size_t)16)
#define ROOM ((size_t)48) /* spans that the group may have besides */
#define FEW ((size_t)32)
#define PAGES (KT_SPAN / KT_PAGE)

FIXTURE(recall_memcg)
{
	int dev;
	uint64_t free_before;
	long kills;
	struct kt_recall before;
	struct kt_cgroup top;
	struct kt_cgroup sub[2];
	struct kt_arena outside; /* charged to no group of ours */
};

FIXTURE_SETUP(recall_memcg)
{
	struct kt_arena *a = &self->outside;
	int ret;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->kills = kt_oom_kills();
	ret = kt_cgroup_init(&self->top, "+memory");
	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	ASSERT_EQ(0, kt_cgroup_write(&self->top, "cgroup.subtree_control",
				     "+memory"));
	ASSERT_EQ(0, kt_cgroup_sub(&self->sub[0], &self->top, "one"));
	ASSERT_EQ(0, kt_cgroup_sub(&self->sub[1], &self->top, "two"));
	ASSERT_EQ(0, kt_arena_init(a, self->dev, FEW * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	kt_fill(a->data, a->size, 1);
	/* The oldest of all: they would go first. */
	for (size_t i = 0; i < FEW; i++)
		kt_word_set(a, i, (kt_idle_word() - 1000) | TMEM_SPAN_IDLE);
	self->before = kt_recall();
}

FIXTURE_TEARDOWN(recall_memcg)
{
	struct kt_arena *a = &self->outside;

	if (a->spans) {
		EXPECT_EQ(0U, kt_stat(a).purged);
		EXPECT_EQ(0U, kt_bad(a->data, a->size, 1));
	}
	kt_arena_fini(a);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(0, kt_cgroup_fini(&self->sub[i]));
	}
	EXPECT_EQ(0, kt_cgroup_fini(&self->top));
	EXPECT_EQ(self->kills, kt_oom_kills());
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* The keeper and the taker live in one group that has no room for both. */
static void keeper_and_taker(struct __test_metadata *_metadata,
			     struct _test_data_recall_memcg *self,
			     struct kt_keeper *k, const struct kt_cgroup *cg)
{
	size_t idle = k->a.spans - k->busy;
	struct kt_taker t = { .bytes = idle * KT_SPAN, .threads = 2 };
	struct kt_recall since;
	pid_t keeper, taker;

	keeper = kt_fork();
	ASSERT_LE(0, keeper);
	if (!keeper)
		_exit(kt_cgroup_enter(cg) ? 1 : kt_keeper_run(k));
	ASSERT_TRUE(kt_await(&k->ready, keeper));
	EXPECT_LE((long)k->a.size, kt_cgroup_read(cg, "memory.current"));

	taker = kt_fork();
	ASSERT_LE(0, taker);
	if (!taker)
		_exit(kt_cgroup_enter(cg) ? 9 : kt_taker_run(&t));
	EXPECT_EQ(0, kt_wait(taker));
	EXPECT_TRUE(PACE_UNTIL(kt_count(&k->kept)));
	kt_flag(&k->stop);
	EXPECT_EQ(0, kt_wait(keeper));

	since = kt_recall_since(&self->before);
	EXPECT_EQ(0U, k->corrupt);
	EXPECT_EQ(0U, k->busy_bad);
	EXPECT_LE(idle - ROOM, k->lost + k->open);
	EXPECT_TRUE(kt_keeper_agrees(k, &since));
}

TEST_F(recall_memcg, group_is_short)
{
	size_t spans = kt_keeper_idle(IDLE_SPANS) + BUSY_SPANS;
	struct kt_keeper *k = kt_shared(sizeof(*k));

	ASSERT_TRUE(k != NULL);
	k->seed = pace_seed();
	k->busy = BUSY_SPANS;
	ASSERT_EQ(0, kt_arena_init(&k->a, self->dev, spans * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	ASSERT_EQ(0, kt_cgroup_limit(&self->sub[0], (spans + ROOM) * KT_SPAN));
	keeper_and_taker(_metadata, self, k, &self->sub[0]);
	kt_arena_fini(&k->a);
}

/*
 * A child in the group fills the arena, so that the memory is the group's, and
 * makes it idle: span 0 is idle the longest.  It ends, or goes elsewhere and
 * waits to be killed.
 */
static pid_t fill_in(const struct kt_cgroup *cg, const struct kt_arena *a,
		     bool *done, bool stay)
{
	pid_t pid = kt_fork();

	if (pid)
		return pid;
	if (kt_cgroup_enter(cg))
		_exit(1);
	kt_fill(a->data, a->size, 2);
	for (size_t i = 0; i < a->spans; i++) {
		uint32_t word = kt_idle_word() - 5 * (uint32_t)(a->spans - i);

		kt_word_set(a, i, word | TMEM_SPAN_IDLE);
	}
	if (stay && kt_cgroup_leave())
		_exit(2);
	kt_flag(done);
	while (stay)
		pause();
	_exit(0);
}

/* Those that are gone on a node are older than those that are not. */
static bool oldest_went(const struct kt_arena *a)
{
	uint64_t left = 0; /* nodes with one that is not gone */
	size_t nodes = (size_t)kt_node_count();

	for (size_t i = 0; i < a->spans; i++) {
		if (kt_word(a, i) != TMEM_SPAN_PURGED)
			left |= 1ULL << i % nodes;
		else if (left >> i % nodes & 1)
			return false;
	}
	return true;
}

static bool rest_is_kept(const struct kt_arena *a)
{
	size_t bad = 0;

	for (size_t i = 0; i < a->spans; i++)
		if (kt_word(a, i) != TMEM_SPAN_PURGED)
			bad += kt_bad(kt_span(a, i), KT_SPAN, 2 + i * PAGES);
	return !bad;
}

TEST_F(recall_memcg, memory_reclaim)
{
	const struct kt_cgroup *cg = &self->sub[0];
	bool *done = kt_shared(sizeof(*done));
	struct kt_arena a;
	long before;
	int ret;

	ASSERT_TRUE(done != NULL);
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, FEW * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	ASSERT_EQ(0, kt_wait(fill_in(cg, &a, done, false)));
	before = kt_cgroup_read(cg, "memory.current");
	ret = kt_cgroup_write(cg, "memory.reclaim", "16M");
	if (ret == -ENOENT)
		SKIP(return, "this kernel has no memory.reclaim");
	/*
	 * Since Linux 6.4, what a shrinker frees for a cgroup does not count as
	 * reclaimed: the kernel goes on, and says that it got nothing.
	 */
	EXPECT_TRUE(!ret || ret == -EAGAIN);
	kt_recall_since(&self->before);
	EXPECT_LE(7U, kt_stat(&a).recalled);
	if (!ret) {
		EXPECT_GE(20U, kt_stat(&a).recalled);
	}
	EXPECT_GE(before - 14 * (long)KT_MIB,
		  kt_cgroup_read(cg, "memory.current"));
	EXPECT_TRUE(oldest_went(&a));
	EXPECT_TRUE(rest_is_kept(&a));
	kt_arena_fini(&a);
}

/* A group that is short takes its own; one around both takes from both. */
TEST_F(recall_memcg, each_its_own)
{
	struct kt_taker t = { .bytes = FEW * KT_SPAN, .threads = 1 };
	bool *done = kt_shared(sizeof(*done));
	struct kt_arena a[2];
	uint64_t first;
	pid_t pid;
	long now;

	ASSERT_TRUE(done != NULL);
	for (size_t i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_arena_init(&a[i], self->dev, FEW * KT_SPAN,
					   TMEM_POLICY_INTERLEAVE, 0));
		ASSERT_EQ(0,
			  kt_wait(fill_in(&self->sub[i], &a[i], done, false)));
	}
	now = kt_cgroup_read(&self->sub[0], "memory.current");
	ASSERT_LE((long)(FEW * KT_SPAN), now);
	ASSERT_EQ(0, kt_cgroup_limit(&self->sub[0], (size_t)now + 16 * KT_MIB));
	pid = kt_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(kt_cgroup_enter(&self->sub[0]) ? 9 : kt_taker_run(&t));
	EXPECT_EQ(0, kt_wait(pid));
	kt_recall_since(&self->before);
	first = kt_stat(&a[0]).recalled;
	EXPECT_LE(FEW - 8, first);
	EXPECT_EQ(0U, kt_stat(&a[1]).purged);

	/* Less than the two hold together. */
	now = kt_cgroup_read(&self->top, "memory.current");
	EXPECT_EQ(0, kt_cgroup_limit(&self->top, (size_t)now - 24 * KT_MIB));
	kt_recall_since(&self->before);
	EXPECT_LE(8U, kt_stat(&a[1]).recalled);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_TRUE(oldest_went(&a[i]));
		EXPECT_TRUE(rest_is_kept(&a[i]));
		kt_arena_fini(&a[i]);
	}
}

/* What a group leaves behind is the business of the group around it. */
static void group_is_removed(struct __test_metadata *_metadata,
			     struct _test_data_recall_memcg *self, bool moved)
{
	bool *done = kt_shared(sizeof(*done));
	struct kt_arena a;
	uint64_t recalled;
	pid_t pid;
	long now;

	ASSERT_TRUE(done != NULL);
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 2 * FEW * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	pid = fill_in(&self->sub[0], &a, done, moved);
	ASSERT_LE(0, pid);
	ASSERT_TRUE(kt_await(done, pid));
	if (!moved)
		ASSERT_EQ(0, kt_wait(pid));
	ASSERT_EQ(0, kt_cgroup_fini(&self->sub[0]));
	EXPECT_LE((long)(2 * FEW * KT_SPAN),
		  kt_cgroup_read(&self->top, "memory.current"));

	/* The second half is for later. */
	for (size_t i = FEW; i < 2 * FEW; i++)
		kt_word_set(&a, i, TMEM_SPAN_BUSY);
	/* Not the neighbour's. */
	kt_cgroup_write(&self->sub[1], "memory.reclaim", "8M");
	EXPECT_EQ(0U, kt_stat(&a).purged);
	now = kt_cgroup_read(&self->top, "memory.current");
	EXPECT_EQ(0, kt_cgroup_limit(&self->top, (size_t)now - 16 * KT_MIB));
	recalled = kt_stat(&a).recalled;
	EXPECT_LE(7U, recalled);
	EXPECT_TRUE(oldest_went(&a));
	EXPECT_TRUE(rest_is_kept(&a));

	/* And when that is gone too, the machine's. */
	ASSERT_EQ(0, kt_cgroup_fini(&self->sub[1]));
	ASSERT_EQ(0, kt_cgroup_fini(&self->top));
	for (size_t i = 0; i < FEW; i++) {
		kt_word_set(&self->outside, i, TMEM_SPAN_BUSY);
		kt_idle(&a, FEW + i);
	}
	EXPECT_EQ(0, kt_shrink(3));
	EXPECT_EQ(recalled + 3, kt_stat(&a).recalled);
	EXPECT_TRUE(rest_is_kept(&a));
	kt_recall_since(&self->before);
	if (moved) {
		kill(pid, SIGKILL);
		kt_wait(pid);
	}
	kt_arena_fini(&a);
}

TEST_F(recall_memcg, group_is_removed_process_ended)
{
	group_is_removed(_metadata, self, false);
}

TEST_F(recall_memcg, group_is_removed_process_moved)
{
	group_is_removed(_metadata, self, true);
}

TEST_HARNESS_MAIN
