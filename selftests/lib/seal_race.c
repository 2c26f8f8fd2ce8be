// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that threads and processes may seal and free the same contents at the
 * same moment: one of them stores, the others share, each sees what it sealed,
 * and in the end nothing is left.  Also while the process forks, and while peers
 * are killed at random.
 */
#include "seal_test.h"

#define THREADS 4
#define KINDS 6

/* Of all processes.  The time of sealing goes on by 1 ms in each round. */
static struct common {
	_Atomic(uint64_t) now_ms;
	atomic_uint rounds[3]; /* done by processes that are to be killed */
} * common;

static uint64_t common_now(void)
{
	return atomic_load(&common->now_ms);
}

static bool common_start(void)
{
	static struct tmem_seal_time time = { .now_ms = common_now };

	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (common == MAP_FAILED)
		return false;
	atomic_store(&common->now_ms, tmem_clock_ms());
	time.wait = tmem_seal_time_real.wait;
	tmem_seal_time_replace(&time);
	return true;
}

struct crew {
	struct tmem_store *store;
	atomic_bool stop;
	atomic_uint bad, members;
	atomic_uint *done; /* rounds; or NULL */
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

	atomic_fetch_add(&common->now_ms, 1);
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
	struct crew *crew = arg;
	uint64_t random =
		crew->seed + lt_mix(atomic_fetch_add(&crew->members, 1));
	char *held[KINDS] = { 0 };
	unsigned int n;
	size_t i;

	for (n = 0; n < crew->rounds && !atomic_load(&crew->stop); n++) {
		if (!crew_round(crew, held, &random))
			atomic_fetch_add(&crew->bad, 1);
		if (crew->done)
			atomic_fetch_add(crew->done, 1);
	}
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
	ASSERT_TRUE(common_start());
	self->crew.store = seal_store(128 * LT_MIB, 64);
	ASSERT_NE(NULL, self->crew.store);
	self->crew.seed = pace_seed();
	self->crew.rounds = LT_COUNT(500, 100);
}

FIXTURE_TEARDOWN(race)
{
	struct tmem_store_stats stats = seal_stats(self->crew.store);

	EXPECT_EQ(0U, atomic_load(&self->crew.bad));
	EXPECT_EQ(0U, stats.contents);
	EXPECT_EQ(0U, stats.views);
	EXPECT_EQ(1U, stats.peers);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_store_close(self->crew.store);
	tmem_seal_time_replace(NULL);
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
	PACE_ROUNDS(1) {
		crew_start(&self->crew, self->thread);
		crew_join(self->thread);
	}
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

static pid_t crew_fork(struct crew *crew, unsigned int rounds,
		       atomic_uint *done)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pace_end_if_hung();
		crew->rounds = rounds;
		crew->done = done;
		_exit(crew_process(crew));
	}
	return pid;
}

TEST_F(race, processes)
{
	pid_t pid[5];
	size_t i;
	int status;

	PACE_ROUNDS(1) {
		for (i = 0; i < ARRAY_SIZE(pid); i++)
			pid[i] =
				crew_fork(&self->crew, LT_COUNT(100, 30), NULL);
		crew_thread(&self->crew);
		for (i = 0; i < ARRAY_SIZE(pid); i++) {
			ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
			EXPECT_EQ(0, status);
		}
	}
}

/*
 * Wherever they are at that moment: the first one has joined, and dies last, so
 * that its parent finds it.
 */
TEST_F(race, processes_that_are_killed)
{
	uint64_t random = self->crew.seed + 1;
	atomic_uint *done = common->rounds;
	struct tmem_store_stats stats;
	uint64_t buried = 0;
	unsigned int rounds;
	pid_t pid[3];
	size_t i;

	PACE_ROUNDS(LT_COUNT(15, 8)) {
		for (i = 0; i < ARRAY_SIZE(pid); i++) {
			atomic_store(&done[i], 0);
			pid[i] = crew_fork(&self->crew, UINT_MAX, &done[i]);
		}
		rounds = (unsigned int)lt_between(&random, 1, 20);
		EXPECT_TRUE(PACE_UNTIL(atomic_load(&done[0]) >= rounds));
		for (i = ARRAY_SIZE(pid); i-- > 0;) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
		/* One killed while it joined counts for 10 seconds. */
		atomic_fetch_add(&common->now_ms, 11000);
		stats = seal_stats(self->crew.store);
		EXPECT_LT(buried, stats.dead_peers);
		EXPECT_EQ(1U, stats.peers);
		buried = stats.dead_peers;
		self->crew.rounds = 20;
		crew_thread(&self->crew);
	}
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
	int bad = 0;

	ASSERT_NE(NULL, view);
	self->crew.rounds = UINT_MAX;
	crew_start(&self->crew, self->thread);
	PACE_ROUNDS(LT_COUNT(50, 10)) {
		bad = lt_child(child_looks, view);
		if (bad)
			break;
	}
	EXPECT_EQ(0, bad);
	atomic_store(&self->crew.stop, true);
	crew_join(self->thread);
	EXPECT_TRUE(seal_kept(view, LT_MIB, 77));
	EXPECT_EQ(0, tmem_unseal(view));
}

TEST_HARNESS_MAIN
