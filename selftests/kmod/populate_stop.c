// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what happens when TMEM_IOC_ARENA_POPULATE does not come to its end,
 * or does not work alone: no memory or a limit, a signal, a kill, faults and
 * purges at the same time.  What it says that it did is what it did, and can
 * be gone on with.
 */
#include "tmem_test_populate.h"
#include "tmem_test_recall.h"

#include <pthread.h>

#define MANY ((size_t)128) /* spans: there is time to see it happen */
#define TRIES 50 /* to see it happen */

FIXTURE(stop)
{
	int dev;
	uint64_t free_before;
	struct kt_arena a;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(stop)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
}

FIXTURE_TEARDOWN(stop)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* What holds memory at the end of the range counts as well. */
TEST_F(stop, a_limit)
{
	struct kt_arena *a = &self->a;
	struct kt_populate p = { 0, 24, -1, 2, 0 };

	ASSERT_EQ(0, kt_arena_init(a, self->dev, 32 * KT_SPAN, 0, 0));
	for (size_t i = 20; i < 24; i++)
		kt_span(a, i)[0] = 1;
	ASSERT_EQ(0,
		  kt_knob_number(&self->knobs, "max_user_bytes", 10 * KT_SPAN));
	EXPECT_EQ(-ENOMEM, kt_populate(a, &p));
	EXPECT_EQ(10 * KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(10U, p.populated);
	EXPECT_LE(1U, kt_stat(a).fills_limited);
	EXPECT_LE(kt_stat(a).fills_limited, kt_stat(a).fills_failed);
	/* With room it goes on from there. */
	ASSERT_EQ(0, kt_knob(&self->knobs, "max_user_bytes", "max"));
	EXPECT_EQ(0, kt_populate(a, &p));
	EXPECT_EQ(24U, p.populated);
	EXPECT_EQ(24U, kt_stat(a).fills);
}

/* A node that is full: no more than there is, and what there is is good. */
TEST_F(stop, a_full_node)
{
	int node = kt_node_last();
	struct kt_arena *a = &self->a, first;
	struct kt_populate p = { 0, 0, -1, 2, 0 };
	size_t there = 0;

	if (kt_node_count() < 2 || kt_node_total(node) > 4096 * KT_MIB)
		SKIP(return, "no second node that is small enough to fill");
	ASSERT_EQ(0, kt_arena_init(&first, self->dev, 16 * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << node));
	ASSERT_EQ(0, kt_populate_all(&first, 2));
	ASSERT_EQ(0, kt_arena_init(a, self->dev, kt_node_total(node) & -KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << node));
	p.count = a->spans;
	EXPECT_EQ(-ENOMEM, kt_populate(a, &p));
	printf("# %zu of %zu spans\n", p.populated, p.count);
	EXPECT_LT(p.count / 2, p.populated);
	EXPECT_GT(p.count, p.populated);
	/* Workers may have left a span each in small pages, unfinished. */
	EXPECT_LE(p.populated * KT_SPAN, kt_stat(a).resident);
	EXPECT_GT((p.populated + 3) * KT_SPAN, kt_stat(a).resident);
	EXPECT_LT(0U, kt_stat(a).fills_failed);
	/* What was promised before is there. */
	EXPECT_EQ(0, kt_touch_pages(first.data, first.size / KT_PAGE, true));
	for (size_t i = 0; i < p.count; i++)
		there += !kt_touch_pages(kt_span(a, i), KT_SPAN / KT_PAGE,
					 false);
	EXPECT_LE(p.populated, there);
	kt_arena_fini(&first);
}

/* A thread that populates, and what came of it. */
struct job {
	struct kt_arena *a;
	struct kt_populate p;
	int ret;
	bool done;
	pthread_t id;
};

static void *run_job(void *arg)
{
	struct job *j = arg;

	j->ret = kt_populate(j->a, &j->p);
	kt_flag(&j->done);
	return NULL;
}

static void nothing(int sig)
{
}

/* A new arena, and a thread that populates it. */
static int start_job(struct job *j, struct kt_arena *a, int dev,
		     unsigned int workers)
{
	int ret = kt_arena_init(a, dev, MANY * KT_SPAN, TMEM_POLICY_INTERLEAVE,
				0);

	*j = (struct job){ .a = a, .p = { 0, MANY, -1, workers, 0 } };
	return ret ? ret : -pthread_create(&j->id, NULL, run_job, j);
}

static void interrupted(struct __test_metadata *_metadata,
			struct _test_data_stop *self, struct job *j)
{
	struct kt_arena *a = &self->a, other;

	EXPECT_EQ(-EINTR, j->ret);
	printf("# %zu of %zu spans when the signal came\n", j->p.populated,
	       MANY);
	EXPECT_LE(8U, j->p.populated);
	EXPECT_GT(MANY, j->p.populated);
	EXPECT_EQ(j->p.populated * KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(0U, kt_stat(a).fills_failed);
	/* No worker goes on while those of another arena do. */
	ASSERT_EQ(0, kt_arena_init(&other, self->dev, 32 * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	EXPECT_EQ(0, kt_populate_all(&other, 1));
	kt_arena_fini(&other);
	EXPECT_EQ(j->p.populated * KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(0, kt_populate(a, &j->p));
	EXPECT_EQ(MANY, j->p.populated);
	EXPECT_EQ(MANY, kt_stat(a).fills);
}

/* A thread that is late for it finds the job done: then once more. */
TEST_F(stop, a_signal)
{
	struct sigaction act = { .sa_handler = nothing };
	struct job j = { 0 };

	sigaction(SIGUSR1, &act, NULL);
	for (int i = 0; i < TRIES && !j.ret; i++) {
		kt_arena_fini(&self->a);
		ASSERT_EQ(0, start_job(&j, &self->a, self->dev, 1));
		EXPECT_TRUE(
			PACE_UNTIL(kt_stat(&self->a).resident >= 8 * KT_SPAN));
		pthread_kill(j.id, SIGUSR1);
		pthread_join(j.id, NULL);
	}
	interrupted(_metadata, self, &j);
}

/* Others see it coming. */
TEST_F(stop, progress)
{
	struct kt_arena *a = &self->a;
	uint64_t steps = 0, back = 0;
	struct job j;

	for (int i = 0; i < TRIES && !steps; i++) {
		uint64_t last = 0;

		kt_arena_fini(a);
		ASSERT_EQ(0, start_job(&j, a, self->dev, 2));
		while (!kt_flagged(&j.done)) {
			uint64_t now = kt_stat(a).resident;

			steps += now != last && now && now < a->size;
			back += now < last;
			last = now;
		}
		pthread_join(j.id, NULL);
		EXPECT_EQ(0, j.ret);
		EXPECT_EQ(a->size, kt_stat(a).resident);
	}
	printf("# %llu states seen\n", (unsigned long long)steps);
	EXPECT_LT(0U, steps);
	EXPECT_EQ(0U, back);
}

/* The process ends in the middle; the teardown looks for its memory. */
TEST_F(stop, a_kill)
{
	uint64_t seed = pace_seed();

	for (int round = 0; round < 10; round++) {
		int64_t there = (int64_t)(kt_random(&seed) % MANY * KT_SPAN);
		pid_t pid = kt_fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			struct kt_arena a;

			if (kt_arena_init(&a, self->dev, MANY * KT_SPAN,
					  TMEM_POLICY_INTERLEAVE, 0))
				_exit(1);
			if (kt_populate_all(&a, 1 + (unsigned int)round % 3))
				_exit(2);
			for (;;)
				pause();
		}
		EXPECT_TRUE(
			PACE_UNTIL(kt_sysfs_number("resident_bytes") >= there));
		kill(pid, SIGKILL);
		EXPECT_EQ(SIGKILL, kt_wait(pid));
		EXPECT_EQ(0U, kt_arenas(self->dev));
	}
}

/* Too little in the memory cgroup: refused, or killed, as for any memory. */
static int too_little(struct kt_arena *a, const struct kt_cgroup *cg)
{
	struct kt_populate p = { 0, 32, -1, 2, 0 };
	long now;
	int ret;

	if (kt_cgroup_enter(cg))
		return 1;
	now = kt_cgroup_read(cg, "memory.current");
	if (kt_cgroup_limit(cg, (size_t)now + 24 * KT_MIB))
		return 2;
	ret = kt_populate(a, &p);
	printf("# %d, %zu of %zu spans\n", ret, p.populated, p.count);
	fflush(stdout);
	if (ret != -ENOMEM)
		return 3;
	return p.populated * KT_SPAN > kt_stat(a).resident ? 4 : 0;
}

TEST_F(stop, a_cgroup)
{
	struct kt_cgroup cg;
	int ret = kt_cgroup_init(&cg, "+memory"), status;
	pid_t pid;

	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, 32 * KT_SPAN, 0, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(too_little(&self->a, &cg));
	status = kt_wait(pid);
	EXPECT_TRUE(!status ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
	{
		TH_LOG("status %x", status);
	}
	EXPECT_GE(kt_cgroup_read(&cg, "memory.max"),
		  kt_cgroup_read(&cg, "memory.peak"));
	EXPECT_GE(26 * KT_MIB, kt_stat(&self->a).resident);
	kt_arena_fini(&self->a);
	EXPECT_EQ(0, kt_cgroup_fini(&cg));
}

TEST_HARNESS_MAIN
