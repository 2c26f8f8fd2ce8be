// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a process may end, fork, execute something else and unload the
 * library at any moment while its threads allocate: it ends at once and with
 * the status that it wants; the child of a fork allocates at once, with
 * threads of its own, and has children; the parent goes on; what was loaded
 * with dlopen() may be closed with threads alive.
 */
#include "heap_test.h"

#include <dlfcn.h>

#include "task_state.h"

#define WORKERS 8

/* Threads in the middle of anything. */
struct works {
	pthread_t id[WORKERS];
	atomic_uint started;
	atomic_bool stop;
	atomic_uint wrong, rounds;
};

static void *works_run(void *arg)
{
	struct heap_block block[16] = { { .at = NULL } };
	struct works *w = arg;
	uint64_t random = lt_mix(atomic_fetch_add(&w->started, 1));
	size_t i, max;

	while (!atomic_load(&w->stop)) {
		max = lt_random(&random) % 16 ? 8 * LT_KIB : 3 * LT_MIB;
		if (!heap_block_step(&block[lt_random(&random) % 16], &random,
				     max))
			atomic_fetch_add(&w->wrong, 1);
		atomic_fetch_add(&w->rounds, 1);
	}
	for (i = 0; i < ARRAY_SIZE(block); i++)
		if (!heap_block_free(&block[i]))
			atomic_fetch_add(&w->wrong, 1);
	return NULL;
}

static bool works_start(struct works *w)
{
	size_t i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&w->id[i], NULL, works_run, w))
			return false;
	return PACE_UNTIL(atomic_load(&w->rounds) >= 100);
}

static unsigned int works_stop(struct works *w)
{
	size_t i;

	atomic_store(&w->stop, true);
	for (i = 0; i < WORKERS; i++)
		pthread_join(w->id[i], NULL);
	return w->wrong;
}

/* --- the end ------------------------------------------------------------- */

static void at_exit(void)
{
	void *block = tmem_alloc(100), *large = tmem_alloc(3 * LT_MIB);

	/* Still works, and sets the status. */
	if (!block || !large)
		_exit(99);
	tmem_free(block);
	tmem_free(large);
}

__attribute__((destructor)) static void at_the_very_end(void)
{
	tmem_free(tmem_alloc(1000));
}

/* The threads are not asked to stop. */
static int ends_by_exit(void *arg)
{
	struct works w;

	(void)arg;
	atexit(at_exit);
	if (heap_init() || !works_start(&w))
		return 10;
	fflush(stdout);
	exit(43);
}

static void *exits(void *arg)
{
	bool gone = PACE_UNTIL(task_state(getpid()) == 'Z');

	exit(gone ? *(int *)arg : 11);
}

/* Nor is the main thread waited for: it has gone before. */
static int ends_by_a_thread(void *arg)
{
	static int status = 44;
	static struct works w;
	pthread_t id;

	(void)arg;
	atexit(at_exit);
	if (heap_init() || !works_start(&w) ||
	    pthread_create(&id, NULL, exits, &status))
		return 10;
	tmem_free(tmem_alloc(100));
	pthread_exit(NULL);
}

TEST(exit_while_threads_allocate)
{
	if (LT_TSAN)
		SKIP(return, "ThreadSanitizer counts threads at exit");
	PACE_ROUNDS(LT_COUNT(8, 3)) {
		EXPECT_TRUE(LT_EXITED(lt_child(ends_by_exit, NULL), 43));
		EXPECT_TRUE(LT_EXITED(lt_child(ends_by_a_thread, NULL), 44));
	}
}

/* --- fork ----------------------------------------------------------------- */

static void *whole_run(void *arg)
{
	return heap_whole(*(unsigned int *)arg) ? NULL : (void *)1;
}

/* At once, and then with threads. */
static int child_allocates(void *arg)
{
	unsigned int steps = 40;
	pthread_t id[3];
	void *end;
	size_t i;

	(void)arg;
	if (!heap_whole(100))
		return 20;
	/*
	 * ThreadSanitizer lets no child of a process with threads have any, and
	 * in AddressSanitizer's one wait for a lock of its own for ever.
	 */
	for (i = 0; i < 3 && !LT_SANITIZER; i++)
		if (pthread_create(&id[i], NULL, whole_run, &steps))
			return 21;
	for (i = 0; i < 3 && !LT_SANITIZER; i++) {
		pthread_join(id[i], &end);
		if (end)
			return 22;
	}
	tmem_trim(0);
	return tmem_check() || lt_stats().misuse ? 23 : 0;
}

static int child_has_children(void *arg)
{
	void *block = tmem_alloc(5000);
	int status;

	if (!block || !heap_whole(50))
		return 30;
	lt_fill(block, 5000, 1);
	status = lt_child(child_allocates, arg);
	if (status || lt_child(child_allocates, arg))
		return 31;
	if (!lt_kept(block, 5000, 1))
		return 32;
	tmem_free(block);
	return heap_whole(50) ? 0 : 33;
}

TEST(fork_while_threads_allocate)
{
	struct works w;
	unsigned int i = 0;
	int status;

	ASSERT_EQ(0, heap_init());
	ASSERT_TRUE(works_start(&w));
	PACE_ROUNDS(LT_COUNT(20, 6)) {
		status = lt_child(
			i++ % 4 ? child_allocates : child_has_children, NULL);
		EXPECT_EQ(0, status);
		if (status)
			break;
	}
	EXPECT_EQ(0U, works_stop(&w));
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(heap_whole(300));
}

/* Threads that do nothing but take and give small blocks. */
static void *hot_run(void *arg)
{
	struct works *w = arg;
	void *block[32];
	size_t i;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		for (i = 0; i < ARRAY_SIZE(block); i++)
			block[i] = tmem_alloc(64);
		for (i = 0; i < ARRAY_SIZE(block); i++)
			tmem_free(block[i]);
	}
	return NULL;
}

/* What the child finds of their caches is no state in between. */
static int child_checks(void *arg)
{
	(void)arg;
	if (tmem_check())
		return 40;
	return lt_stats().live_blocks > 3 * 32 ? 41 : 0;
}

TEST(fork_in_the_middle_of_small_blocks)
{
	const unsigned int rounds = LT_COUNT(50, 10);
	struct works w = { .stop = false };
	unsigned int i;
	int status = 0;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&w.id[i], NULL, hot_run, &w));
	for (i = 0; i < rounds && !status; i++)
		status = lt_child(child_checks, NULL);
	EXPECT_EQ(0, status);
	atomic_store(&w.stop, true);
	for (i = 0; i < 3; i++)
		pthread_join(w.id[i], NULL);
	EXPECT_TRUE(heap_empty());
}

/* Threads that end at the moment of the fork, and some that begin. */
static void *forks_run(void *arg)
{
	return (void *)(intptr_t)lt_child(child_allocates, arg);
}

TEST(fork_by_several_threads)
{
	const unsigned int rounds = LT_COUNT(4, 2);
	pthread_t forker[3], brief[4];
	unsigned int steps = 20, i, k;
	void *end;

	if (LT_ASAN)
		SKIP(return, "AddressSanitizer's own locks are not for fork()");
	ASSERT_EQ(0, heap_init());
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < ARRAY_SIZE(brief); k++)
			ASSERT_EQ(0, pthread_create(&brief[k], NULL, whole_run,
						    &steps));
		for (k = 0; k < ARRAY_SIZE(forker); k++)
			ASSERT_EQ(0, pthread_create(&forker[k], NULL, forks_run,
						    NULL));
		for (k = 0; k < ARRAY_SIZE(forker); k++) {
			pthread_join(forker[k], &end);
			EXPECT_EQ(NULL, end);
		}
		for (k = 0; k < ARRAY_SIZE(brief); k++) {
			pthread_join(brief[k], &end);
			EXPECT_EQ(NULL, end);
		}
	}
	EXPECT_TRUE(heap_empty());
}

TEST(vfork_while_threads_allocate)
{
	const unsigned int rounds = LT_COUNT(20, 6);
	unsigned int i;
	struct works w;
	int status;
	pid_t pid;

	ASSERT_EQ(0, heap_init());
	ASSERT_TRUE(works_start(&w));
	for (i = 0; i < rounds; i++) {
		pid = vfork();
		if (!pid) {
			execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
			_exit(1);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(LT_EXITED(status, 7));
	}
	EXPECT_EQ(0U, works_stop(&w));
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(heap_whole(300));
}

/* --- a library that goes --------------------------------------------------- */

struct loaded {
	void *handle;
	void *(*alloc)(size_t size);
	void (*free)(void *ptr);
	size_t (*trim)(size_t keep);
	pthread_barrier_t wait;
};

/* Beside this program in the build folder, whichever it is. */
static bool loaded_open(struct loaded *l)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int up;

	for (up = 0; up < 3 && n > 0; up++)
		while (n > 0 && path[--n] != '/')
			;
	if (n <= 0)
		return false;
	strcpy(path + n, "/libtmem.so.0");
	l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return false;
	*(void **)&l->alloc = dlsym(l->handle, "tmem_alloc");
	*(void **)&l->free = dlsym(l->handle, "tmem_free");
	*(void **)&l->trim = dlsym(l->handle, "tmem_trim");
	return l->alloc && l->free && l->trim;
}

/* Its caches are full when the library is closed, and it ends afterwards. */
static void *loaded_run(void *arg)
{
	static const size_t sizes[] = { 100, 5000, 100000, 3 * LT_MIB };
	struct loaded *l = arg;
	char *block[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(block); i++) {
		block[i] = l->alloc(sizes[i % ARRAY_SIZE(sizes)]);
		if (!block[i])
			return (void *)1;
		block[i][0] = 1;
	}
	for (i = 0; i < ARRAY_SIZE(block); i++)
		l->free(block[i]);
	pthread_barrier_wait(&l->wait);
	pthread_barrier_wait(&l->wait);
	return NULL;
}

static int loads_and_closes(void *arg)
{
	unsigned int round, i;
	pthread_t id[4];
	struct loaded l;
	void *end;

	(void)arg;
	for (round = 0; round < 5; round++) {
		if (!loaded_open(&l))
			return 10;
		pthread_barrier_init(&l.wait, NULL, 5);
		for (i = 0; i < 4; i++)
			if (pthread_create(&id[i], NULL, loaded_run, &l))
				return 11;
		pthread_barrier_wait(&l.wait);
		l.free(l.alloc(100));
		if (round % 2)
			l.trim(0);
		if (dlclose(l.handle))
			return 12;
		pthread_barrier_wait(&l.wait);
		for (i = 0; i < 4; i++) {
			pthread_join(id[i], &end);
			if (end)
				return 13;
		}
		/* Its handlers of fork() have gone with it, or work. */
		if (lt_child(child_allocates, NULL))
			return 14;
	}
	return 0;
}

/* Closed by one that has used it, with others in it, and the process ends. */
static int closes_and_exits(void *arg)
{
	struct loaded l;
	pthread_t id;

	(void)arg;
	if (!loaded_open(&l))
		return 10;
	pthread_barrier_init(&l.wait, NULL, 2);
	if (pthread_create(&id, NULL, loaded_run, &l))
		return 11;
	pthread_barrier_wait(&l.wait);
	dlclose(l.handle);
	fflush(stdout);
	exit(45);
}

TEST(closed_with_threads_alive)
{
	struct loaded l;

	if (LT_SANITIZER)
		SKIP(return, "the shared library is built without it");
	/* Not to be found in the virtual machine, for one. */
	if (!loaded_open(&l))
		SKIP(return, "%s", dlerror());
	dlclose(l.handle);
	EXPECT_EQ(0, lt_child(loads_and_closes, NULL));
	EXPECT_TRUE(LT_EXITED(lt_child(closes_and_exits, NULL), 45));
}

TEST_HARNESS_MAIN
