// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that threads and processes may seal and free the same contents at the
 * same moment: one of them stores, the others share, nobody sees anything but
 * what it sealed, and in the end nothing is left.  Also while the process forks,
 * and while peers are killed at random.
 */
#include "seal_test.h"

#define THREADS 4
#define KINDS 6

struct crew {
	struct tmem_store *store;
	atomic_bool stop;
	atomic_uint bad;
	uint64_t seed;
	unsigned int rounds;
};

static size_t kind_size(uint64_t kind)
{
	const size_t sizes[KINDS] = {
		1, 5000, 70000, LT_MIB, 2 * LT_MIB, 3 * LT_MIB + 1,
	};

	return sizes[kind];
}

static bool crew_round(struct crew *crew, char **held, uint64_t *random)
{
	uint64_t kind = lt_between(random, 0, KINDS - 1);
	size_t size = kind_size(kind);

	if (!held[kind]) {
		held[kind] = seal_view(crew->store, size, kind, 0);
		return held[kind];
	}
	if (!seal_kept(held[kind], size, kind) || tmem_unseal(held[kind]))
		return false;
	held[kind] = NULL;
	return true;
}

static void *crew_thread(void *arg)
{
	uint64_t random = lt_mix((uintptr_t)pthread_self());
	char *held[KINDS] = { 0 };
	struct crew *crew = arg;
	unsigned int n;
	size_t i;

	random ^= crew->seed;
	for (n = 0; n < crew->rounds && !atomic_load(&crew->stop); n++)
		if (!crew_round(crew, held, &random))
			atomic_fetch_add(&crew->bad, 1);
	for (i = 0; i < KINDS; i++)
		if (held[i] && (!seal_kept(held[i], kind_size(i), i) ||
				tmem_unseal(held[i])))
			atomic_fetch_add(&crew->bad, 1);
	return NULL;
}

FIXTURE(race)
{
	struct crew crew;
	pthread_t thread[THREADS];
};

FIXTURE_SETUP(race)
{
	ASSERT_EQ(0, lt_init());
	self->crew.store = seal_store(128 * LT_MIB, 64);
	ASSERT_NE(NULL, self->crew.store);
	self->crew.seed = pace_seed();
	self->crew.rounds = LT_COUNT(1500, 150);
}

FIXTURE_TEARDOWN(race)
{
	struct tmem_store_stats stats = seal_stats(self->crew.store);
	unsigned int i;

	/* One killed while it joined counts for 10 seconds. */
	for (i = 0; i < 110 && stats.peers > 1; i++) {
		usleep(100000);
		stats = seal_stats(self->crew.store);
	}
	EXPECT_EQ(0U, atomic_load(&self->crew.bad));
	EXPECT_EQ(0U, stats.contents);
	EXPECT_EQ(0U, stats.views);
	EXPECT_EQ(1U, stats.peers);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_store_close(self->crew.store);
}

static void crew_start(struct crew *crew, pthread_t *thread)
{
	size_t i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, crew_thread, crew);
}

static void crew_join(pthread_t *thread)
{
	size_t i;

	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

TEST_F(race, threads)
{
	crew_start(&self->crew, self->thread);
	crew_join(self->thread);
	EXPECT_LT(0U, seal_stats(self->crew.store).shared);
}

struct same {
	struct tmem_store *store;
	pthread_barrier_t barrier;
	char *view;
};

static void *seal_same(void *arg)
{
	char *block = seal_block(4 * LT_MIB, 9);
	struct same *same = arg;

	pthread_barrier_wait(&same->barrier);
	return tmem_seal(same->store, block, 4 * LT_MIB, 0);
}

/* Those who want what is being stored wait for it. */
TEST_F(race, all_at_once_store_once)
{
	struct same same = { .store = self->crew.store };
	void *view[THREADS];
	size_t i, round;

	pthread_barrier_init(&same.barrier, NULL, THREADS);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < THREADS; i++)
			pthread_create(&self->thread[i], NULL, seal_same,
				       &same);
		for (i = 0; i < THREADS; i++)
			pthread_join(self->thread[i], &view[i]);
		EXPECT_EQ(1U, seal_stats(same.store).contents);
		for (i = 0; i < THREADS; i++) {
			ASSERT_NE(NULL, view[i]);
			EXPECT_TRUE(seal_kept(view[i], 4 * LT_MIB, 9));
			EXPECT_EQ(0, tmem_unseal(view[i]));
		}
	}
	EXPECT_EQ(20U * (THREADS - 1), seal_stats(same.store).shared);
}

static int crew_process(void *arg)
{
	struct crew *crew = arg;
	int bad;

	crew_thread(crew);
	bad = (int)atomic_load(&crew->bad);
	tmem_store_close(crew->store);
	return bad;
}

static pid_t crew_fork(struct crew *crew, unsigned int rounds)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(60);
		crew->rounds = rounds;
		_exit(crew_process(crew));
	}
	return pid;
}

TEST_F(race, processes)
{
	pid_t pid[5];
	size_t i;
	int status;

	for (i = 0; i < ARRAY_SIZE(pid); i++)
		pid[i] = crew_fork(&self->crew, LT_COUNT(300, 40));
	crew_thread(&self->crew);
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* Wherever they are at that moment. */
TEST_F(race, processes_that_are_killed)
{
	uint64_t random = self->crew.seed + 1;
	size_t i, n, rounds = LT_COUNT(40, 10);
	uint64_t buried = 0;
	pid_t pid[3];

	for (n = 0; n < rounds; n++) {
		for (i = 0; i < ARRAY_SIZE(pid); i++)
			pid[i] = crew_fork(&self->crew, UINT_MAX);
		usleep((useconds_t)lt_between(&random, 0,
					      LT_COUNT(30000, 200000)));
		for (i = 0; i < ARRAY_SIZE(pid); i++)
			kill(pid[i], SIGKILL);
		for (i = 0; i < ARRAY_SIZE(pid); i++)
			waitpid(pid[i], NULL, 0);
		self->crew.rounds = 20;
		crew_thread(&self->crew);
		/* If we do not look, the next ones may have buried them. */
		if (!buried)
			buried = seal_stats(self->crew.store).dead_peers;
	}
	EXPECT_LT(0U, buried);
}

static int child_looks(void *arg)
{
	char *view = arg;

	if (!seal_kept(view, LT_MIB, 77))
		return 1;
	return tmem_unseal(view) ? 2 : 0;
}

/* fork() while threads are anywhere in the library. */
TEST_F(race, forks_meanwhile)
{
	char *view = seal_view(self->crew.store, LT_MIB, 77, 0);
	size_t i, rounds = LT_COUNT(100, 15);
	int bad = 0;

	ASSERT_NE(NULL, view);
	self->crew.rounds = 1000000;
	crew_start(&self->crew, self->thread);
	for (i = 0; i < rounds && !bad; i++)
		bad = lt_child(child_looks, view);
	EXPECT_EQ(0, bad);
	atomic_store(&self->crew.stop, true);
	crew_join(self->thread);
	EXPECT_TRUE(seal_kept(view, LT_MIB, 77));
	EXPECT_EQ(0, tmem_unseal(view));
}

TEST_HARNESS_MAIN
