// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the collector's thread lives, on a heap that is not there: it is
 * made when something is idle and not before, disturbs nobody's signals,
 * sleeps without a wakeup while nothing is idle, stops within 50 ms also in the
 * middle of its work, starts and stops a hundred times, is made anew in the
 * child of a fork, is done without where it cannot be made, and survives that
 * somebody closes its descriptors.
 */
#include "lib_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>

#include "gc/collector.h"
#include "gc/gc.h"

#define MS 1000000ull

/* A heap of spans that are idle since one moment. */
static struct {
	atomic_uint idle, purged, lists, spawn_fails, spawns, purge_us;
	_Atomic(uint64_t) since_ns;
	/* The source. */
	atomic_int level, fd, opened, looks;
	atomic_bool deaf, fired;
} heap;

static uint64_t heap_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t heap_list(struct tmem_idle_span *to, size_t max)
{
	size_t n = atomic_load(&heap.idle), i;

	atomic_fetch_add(&heap.lists, 1);
	n = n < max ? n : max;
	for (i = 0; i < n; i++)
		to[i] = (struct tmem_idle_span){
			.slot = (uint32_t)i,
			.age_ms = (uint32_t)((heap_now() -
					      atomic_load(&heap.since_ns)) /
					     MS),
			.run = 1,
		};
	return n;
}

static size_t heap_purge(const struct tmem_idle_span *spans, size_t count)
{
	(void)spans;
	usleep(atomic_load(&heap.purge_us) * (useconds_t)count);
	atomic_fetch_add(&heap.purged, (unsigned int)count);
	tmem_gc_note_idle(atomic_fetch_sub(&heap.idle, (unsigned int)count) -
			  count);
	return count * TMEM_SPAN_BYTES;
}

static size_t heap_drain(uint64_t idle_ms)
{
	(void)idle_ms;
	return 0;
}

static void heap_adapt(unsigned int level)
{
	(void)level;
}

static int heap_spawn(pthread_t *thread, const pthread_attr_t *attr,
		      void *(*fn)(void *arg), void *arg)
{
	atomic_fetch_add(&heap.spawns, 1);
	if (atomic_load(&heap.spawn_fails))
		return EAGAIN;
	return pthread_create(thread, attr, fn, arg);
}

static void source_open(struct tmem_source *source)
{
	source->fd = atomic_load(&heap.fd);
	source->events = POLLIN;
	source->poll_ms = 0;
	source->open = true;
	atomic_fetch_add(&heap.opened, 1);
}

static void source_look(struct tmem_source *source, uint64_t now_ns, bool fired,
			struct tmem_source_look *look)
{
	uint64_t word;

	(void)now_ns;
	atomic_fetch_add(&heap.looks, 1);
	if (fired) {
		atomic_store(&heap.fired, true);
		if (read(source->fd, &word, sizeof(word)) < 0)
			atomic_store(&heap.fired, false);
	}
	*look = (struct tmem_source_look){
		.source = TMEM_GC_SOURCE_MODULE,
		.level = (enum tmem_level)atomic_load(&heap.level),
	};
}

static void source_deaf(struct tmem_source *source, bool gone)
{
	atomic_store(&heap.deaf, gone);
	source->fd = -1;
}

static void source_close(struct tmem_source *source)
{
	source->open = false;
	atomic_fetch_sub(&heap.opened, 1);
}

static const struct tmem_source_ops source_ops = {
	.open = source_open,
	.look = source_look,
	.deaf = source_deaf,
	.close = source_close,
};

static uint64_t heap_idle_now(void)
{
	return tmem_gc_ops_real.idle_now();
}

static uint64_t heap_idle_low(void)
{
	return tmem_gc_ops_real.idle_low();
}

static const struct tmem_gc_ops heap_ops = {
	.now_ns = heap_now,
	.idle_list = heap_list,
	.idle_purge = heap_purge,
	.threads_drain = heap_drain,
	.threads_adapt = heap_adapt,
	.idle_now = heap_idle_now,
	.idle_low = heap_idle_low,
	.spawn = heap_spawn,
	.source = &source_ops,
};

/* As a heap does when blocks are freed. */
static void heap_free(unsigned int spans)
{
	atomic_store(&heap.since_ns, heap_now());
	tmem_gc_note_idle(atomic_fetch_add(&heap.idle, spans) + spans);
	tmem_gc_poll();
}

static struct tmem_gc_stats gc_stats(void)
{
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	tmem_gc_stats_get(&stats);
	return stats;
}

static int gc_interval(uint32_t ms)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	config.level[TMEM_LEVEL_LOW] = (struct tmem_gc_level_config){
		.interval_ms = ms,
		.age_ms = ms,
		.share = 100,
	};
	return tmem_gc_config_set(&config);
}

/* In vain after 5 s. */
#define WAIT(condition)                                \
	({                                             \
		uint64_t end_ = lt_ms() + 5000;        \
		while (!(condition) && lt_ms() < end_) \
			usleep(1000);                  \
		condition;                             \
	})

static unsigned int fds_open(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A task of this process of that name: its id, or 0. */
static int task_named(const char *name)
{
	char path[300], comm[32];
	struct dirent *entry;
	int fd, id = 0;
	ssize_t n;
	DIR *tasks = opendir("/proc/self/task");

	while (tasks && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);
		if (fd >= 0)
			close(fd);
		comm[n > 0 ? n : 0] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		if (!strcmp(comm, name))
			id = atoi(entry->d_name);
	}
	if (tasks)
		closedir(tasks);
	return id;
}

/* Its mask of blocked signals, as /proc says it; 0 if it cannot be had. */
static unsigned long long task_blocked(int id)
{
	char path[64], line[128];
	unsigned long long mask = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", id);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigBlk:", 7))
			mask = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return mask;
}

FIXTURE(thread)
{
	unsigned int fds;
};

FIXTURE_SETUP(thread)
{
	self->fds = fds_open();
	atomic_store(&heap.fd, -1);
	tmem_gc_use(&heap_ops);
}

/* It leaves nothing behind. */
FIXTURE_TEARDOWN(thread)
{
	tmem_gc_stop();
	EXPECT_EQ(0U, gc_stats().running);
	/* Who is joined may be in /proc for a moment longer. */
	EXPECT_TRUE(WAIT(!task_named("tmem-gc")));
	tmem_gc_use(NULL);
	EXPECT_EQ(0, atomic_load(&heap.opened));
	EXPECT_EQ(self->fds, fds_open());
}

/* --- start ---------------------------------------------------------------------- */

TEST_F(thread, not_before_something_is_idle)
{
	tmem_gc_poll();
	tmem_gc_note_idle(0);
	tmem_gc_poll();
	ASSERT_EQ(0, gc_interval(1000));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_HIGH));
	EXPECT_EQ(0U, atomic_load(&heap.spawns));
	heap_free(1);
	EXPECT_EQ(1U, atomic_load(&heap.spawns));
	EXPECT_EQ(1U, gc_stats().running);
	heap_free(1);
	EXPECT_EQ(1U, atomic_load(&heap.spawns));
}

/* Blocks in a cache are something, too. */
TEST_F(thread, when_a_cache_has_blocks)
{
	tmem_gc_note_cached();
	tmem_gc_poll();
	EXPECT_EQ(1U, gc_stats().running);
}

TEST_F(thread, name_and_signals)
{
	sigset_t before, after;
	int id;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	heap_free(1);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (id = 1; id < 32; id++)
		EXPECT_EQ(sigismember(&before, id), sigismember(&after, id));
	ASSERT_TRUE(WAIT(task_named("tmem-gc")));
	id = task_named("tmem-gc");
	/* SIGTERM and its neighbours; two are the C library's own. */
	EXPECT_EQ(0x7fffffffULL &
			  ~(1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1)),
		  task_blocked(id) & 0x7fffffffULL);
}

TEST_F(thread, errno_is_kept)
{
	errno = EXDEV;
	heap_free(1);
	EXPECT_EQ(EXDEV, errno);
}

/*
 * What is measured once, on a machine where others work too.  The bars, 10 ms to
 * react and 50 ms to stop, are for medians.
 */
#define ONCE (200 * MS)

/* --- work ----------------------------------------------------------------------- */

TEST_F(thread, gives_back_and_sleeps)
{
	uint64_t wakeups;

	ASSERT_EQ(0, gc_interval(200));
	heap_free(100);
	ASSERT_TRUE(WAIT(atomic_load(&heap.purged) == 100));
	EXPECT_GE(heap_now() - atomic_load(&heap.since_ns), 150 * MS);
	/* One more look finds nothing, and that was the last. */
	usleep(100000);
	wakeups = gc_stats().wakeups;
	usleep(1000000);
	EXPECT_EQ(wakeups, gc_stats().wakeups);
	heap_free(50);
	EXPECT_TRUE(WAIT(atomic_load(&heap.purged) == 150));
	EXPECT_EQ(1U, atomic_load(&heap.spawns));
	EXPECT_EQ(150 * TMEM_SPAN_BYTES, gc_stats().purged_bytes);
}

/* The world says so, and the first bytes are there. */
TEST_F(thread, reacts_to_the_source)
{
	const uint64_t one = 1;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	atomic_store(&heap.fd, ends[0]);
	heap_free(100);
	ASSERT_TRUE(WAIT(atomic_load(&heap.opened)));
	usleep(20000);
	EXPECT_EQ(0U, atomic_load(&heap.purged));
	atomic_store(&heap.level, TMEM_LEVEL_CRITICAL);
	ASSERT_EQ((ssize_t)sizeof(one), write(ends[1], &one, sizeof(one)));
	ASSERT_TRUE(WAIT(atomic_load(&heap.purged) == 100));
	EXPECT_TRUE(atomic_load(&heap.fired));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_stats().level);
	EXPECT_EQ(TMEM_GC_SOURCE_MODULE, (int)gc_stats().source);
	printf("# first byte after %llu us\n",
	       (unsigned long long)gc_stats().reaction_ns / 1000);
	EXPECT_GT(gc_stats().reaction_ns, 0U);
	EXPECT_LT(gc_stats().reaction_ns, ONCE);
	tmem_gc_stop();
	close(ends[0]);
	close(ends[1]);
}

/* What has an error for ever is not waited for any more. */
TEST_F(thread, a_source_that_breaks)
{
	uint64_t wakeups;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	atomic_store(&heap.fd, ends[1]);
	close(ends[0]); /* POLLERR */
	heap_free(1);
	usleep(100000);
	EXPECT_EQ(false, atomic_load(&heap.deaf));
	wakeups = gc_stats().wakeups;
	EXPECT_LT(wakeups, 10U);
	usleep(300000);
	EXPECT_LE(gc_stats().wakeups, wakeups + 1);
	tmem_gc_stop();
	close(ends[1]);
}

/* --- stop ----------------------------------------------------------------------- */

TEST_F(thread, stops_at_once_when_asleep)
{
	uint64_t began;

	heap_free(1);
	atomic_store(&heap.idle, 0);
	tmem_gc_note_idle(0);
	usleep(50000);
	began = heap_now();
	tmem_gc_stop();
	EXPECT_LT(heap_now() - began, ONCE);
	EXPECT_EQ(0U, gc_stats().running);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median: where others work too, the processor may be away. */
static bool stopped_soon(uint64_t *took, size_t count)
{
	qsort(took, count, sizeof(*took), by_size);
	printf("# stopped within: median %llu us, at most %llu us\n",
	       (unsigned long long)took[count / 2] / 1000,
	       (unsigned long long)took[count - 1] / 1000);
	return took[count / 2] < 50 * MS;
}

#define STOPS 7

/* In the middle of 2 s of work. */
TEST_F(thread, stops_within_50_ms_at_work)
{
	uint64_t took[STOPS];
	unsigned int before;
	int i;

	atomic_store(&heap.purge_us, 1000);
	atomic_store(&heap.level, TMEM_LEVEL_CRITICAL);
	for (i = 0; i < STOPS; i++) {
		before = atomic_load(&heap.purged);
		heap_free(2000);
		ASSERT_TRUE(WAIT(atomic_load(&heap.purged) > before + 20));
		took[i] = heap_now();
		tmem_gc_stop();
		took[i] = heap_now() - took[i];
	}
	EXPECT_TRUE(stopped_soon(took, STOPS));
	EXPECT_LT(atomic_load(&heap.purged), STOPS * 2000U);
}

TEST_F(thread, a_hundred_times)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;
	uint64_t took[100];
	unsigned int i;

	for (i = 0; i < 100; i++) {
		config.off = 0;
		ASSERT_EQ(0, tmem_gc_config_set(&config));
		heap_free(1);
		ASSERT_EQ(1U, gc_stats().running);
		if (i % 3)
			usleep(i * 10);
		took[i] = heap_now();
		config.off = 1;
		ASSERT_EQ(0, tmem_gc_config_set(&config));
		took[i] = heap_now() - took[i];
		ASSERT_EQ(0U, gc_stats().running);
		heap_free(1);
		ASSERT_EQ(0U, gc_stats().running);
	}
	EXPECT_EQ(100U, atomic_load(&heap.spawns));
	EXPECT_TRUE(stopped_soon(took, 100));
}

/* What is idle already when it is switched on again starts the thread. */
TEST_F(thread, off_and_on)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	config.off = 1;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	heap_free(10);
	EXPECT_EQ(0U, atomic_load(&heap.spawns));
	EXPECT_EQ(10 * TMEM_SPAN_BYTES, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	heap_free(10);
	config.off = 0;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	EXPECT_EQ(1U, gc_stats().running);
}

static void *starter(void *arg)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;
	unsigned int i;

	for (i = 0; i < LT_COUNT(200, 50); i++) {
		switch ((i + (uintptr_t)arg) % 5) {
		case 0:
			tmem_gc_stop();
			break;
		case 1:
			config.off = i & 1;
			tmem_gc_config_set(&config);
			break;
		case 2:
			tmem_gc_run(TMEM_LEVEL_CRITICAL);
			break;
		case 3:
			tmem_gc_level_set((int)(i % 5) - 1);
			gc_stats();
			break;
		default:
			tmem_gc_note_cached();
			tmem_gc_poll();
		}
	}
	return NULL;
}

/* By four threads at once, while memory becomes idle. */
TEST_F(thread, started_and_stopped_by_many)
{
	pthread_t thread[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0,
			  pthread_create(&thread[i], NULL, starter, (void *)i));
	for (i = 0; i < 200; i++) {
		tmem_gc_note_idle(i % 7);
		tmem_gc_poll();
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ASSERT_EQ(0, gc_interval(1000));
	tmem_gc_level_set(TMEM_GC_LEVEL_AUTO);
	tmem_gc_note_idle(0);
	heap_free(1);
	EXPECT_EQ(1U, gc_stats().running);
}

/* --- no thread ------------------------------------------------------------------- */

/* Then who comes by does it, when it is due, and not each time. */
TEST_F(thread, cannot_be_made)
{
	unsigned int lists;
	int looks, i;

	atomic_store(&heap.spawn_fails, 1);
	ASSERT_EQ(0, gc_interval(200));
	heap_free(10);
	EXPECT_EQ(0U, gc_stats().running);
	EXPECT_EQ(1U, gc_stats().thread_failures);
	lists = atomic_load(&heap.lists);
	looks = atomic_load(&heap.looks);
	for (i = 0; i < 100; i++)
		tmem_gc_poll();
	EXPECT_LE(atomic_load(&heap.lists), lists + 5);
	EXPECT_LE(atomic_load(&heap.looks), looks + 5);
	for (i = 0; i < 300 && !atomic_load(&heap.purged); i++) {
		usleep(1000);
		tmem_gc_poll();
	}
	EXPECT_EQ(10U, atomic_load(&heap.purged));
	/* Nothing idle: nobody is bothered, until there is again. */
	usleep(20000);
	tmem_gc_poll();
	EXPECT_FALSE(atomic_load(&tmem_gc_note.poll));
	heap_free(10);
	EXPECT_TRUE(atomic_load(&tmem_gc_note.poll));
	EXPECT_LE(gc_stats().thread_failures, 1U);
}

/* --- fork ------------------------------------------------------------------------ */

static int child_collects(void *arg)
{
	unsigned int before = atomic_load(&heap.purged);

	(void)arg;
	if (atomic_load(&heap.opened))
		return 5;
	if (gc_stats().running || task_named("tmem-gc"))
		return 1;
	heap_free(20);
	/* With ThreadSanitizer it has none, and the caller does the work. */
	if (!gc_stats().running && !LT_TSAN)
		return 2;
	if (!WAIT((tmem_gc_poll(), atomic_load(&heap.purged) > before)))
		return 3;
	tmem_gc_stop();
	return gc_stats().running ? 4 : 0;
}

TEST_F(thread, the_child_has_its_own)
{
	ASSERT_EQ(0, gc_interval(200));
	heap_free(10);
	ASSERT_TRUE(WAIT(atomic_load(&heap.opened)));
	EXPECT_EQ(0, lt_child(child_collects, NULL));
	EXPECT_EQ(1U, gc_stats().running);
	ASSERT_TRUE(WAIT(atomic_load(&heap.purged) == 10));
	/* A child that forks has children like it. */
	heap_free(10);
	EXPECT_EQ(0, lt_child(child_collects, NULL));
}

static int child_exits(void *arg)
{
	(void)arg;
	if (!fork())
		exit(0); /* with its destructors */
	return 0;
}

/* Whatever the thread was doing. */
TEST_F(thread, forks_at_work)
{
	unsigned int i;

	ASSERT_EQ(0, gc_interval(200));
	atomic_store(&heap.purge_us, 100);
	for (i = 0; i < LT_COUNT(100, 20); i++) {
		atomic_store(&heap.level, (int)(i % 4));
		heap_free(100);
		EXPECT_EQ(0, lt_child(i % 10 ? child_exits : child_collects,
				      NULL));
	}
}

/* --- descriptors ------------------------------------------------------------------ */

/* As daemons do: all that is above standard error. */
TEST_F(thread, somebody_closes_everything)
{
	uint64_t began;
	int fd;

	ASSERT_EQ(0, gc_interval(400));
	heap_free(10);
	usleep(100000);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	EXPECT_TRUE(WAIT(atomic_load(&heap.purged) == 10));
	usleep(100000);
	began = heap_now();
	tmem_gc_stop();
	EXPECT_LT(heap_now() - began, ONCE);
	self->fds = fds_open();
}

/* Asleep, it has none that could be closed under it, and none is hit. */
TEST_F(thread, somebody_closes_everything_while_it_sleeps)
{
	char text[64];
	uint64_t began;
	int fd, ends[2];

	ASSERT_EQ(0, gc_interval(100));
	heap_free(10);
	ASSERT_TRUE(WAIT(atomic_load(&heap.purged) == 10));
	usleep(50000);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	while ((fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)) < 255)
		ASSERT_GE(fd, 0);
	heap_free(10);
	EXPECT_TRUE(WAIT(atomic_load(&heap.purged) == 20));
	usleep(50000);
	began = heap_now();
	tmem_gc_stop();
	EXPECT_LT(heap_now() - began, ONCE);
	EXPECT_EQ(-1, read(ends[0], text, sizeof(text)));
	EXPECT_EQ(EAGAIN, errno);
	self->fds = fds_open();
}

TEST_HARNESS_MAIN
