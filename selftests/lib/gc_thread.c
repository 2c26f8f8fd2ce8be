// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the collector's thread lives, on a heap that is not there: it is
 * made when something is idle and not before, waits for the source and the time
 * of the next look, sleeps without a descriptor or a timer while nothing is
 * idle, misses nothing that is noted meanwhile, ends between two batches, is
 * made anew in the child of a fork, is done without where it cannot be made,
 * and survives that the program closes its descriptors.
 *
 * Most tests do the thread's work themselves, on a clock of their own.
 */
#include "lib_test.h"
#include "worker_fake.h"

#include <dirent.h>
#include <fcntl.h>

#include "gc/collector.h"
#include "gc/policy.h"
#include "optimizer/events.h"

#define MS TMEM_GC_MS
#define BATCH 16u /* spans, at most */

static struct tmem_worker *const worker = &tmem_collector.worker;

/* A heap of spans that are idle since one moment. */
static struct {
	atomic_uint idle, purged, lists;
	_Atomic(uint64_t) since_ns;
	uint64_t purge_ns; /* of the fake clock, each span */
	/* Called in the middle of the collector's work, or NULL. */
	void (*at_purge)(void);
	void (*at_end)(void); /* it has looked, and asks what is idle now */
	bool listed;
	/* The source. */
	atomic_int level, fd, opened, looks;
	uint32_t poll_ms;
	atomic_bool fired;
	atomic_int deaf; /* 0: never; 1; 2: the descriptor was gone */
} heap;

static uint64_t heap_now(void)
{
	return tmem_collector.ops->worker->now_ns();
}

static size_t heap_list(struct tmem_idle_span *to, size_t max)
{
	size_t n = atomic_load(&heap.idle), i;
	uint64_t age = heap_now() - atomic_load(&heap.since_ns);

	atomic_fetch_add(&heap.lists, 1);
	heap.listed = true;
	n = n < max ? n : max;
	for (i = 0; i < n; i++)
		to[i] = (struct tmem_idle_span){
			.slot = (uint32_t)i,
			.age_ms = (uint32_t)(age / MS),
			.run = 1,
		};
	return n;
}

static size_t heap_purge(const struct tmem_idle_span *spans, size_t count)
{
	(void)spans;
	if (heap.at_purge)
		heap.at_purge();
	atomic_fetch_add(&worker_fake_ns, heap.purge_ns * count);
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

static void source_open(struct tmem_source *source)
{
	source->fd = atomic_load(&heap.fd);
	source->events = POLLIN;
	source->poll_ms = heap.poll_ms;
	source->open = true;
	atomic_fetch_add(&heap.opened, 1);
}

static void source_look(struct tmem_source *source, uint64_t now_ns, bool fired,
			struct tmem_source_look *look)
{
	uint64_t word;

	(void)now_ns;
	atomic_fetch_add(&heap.looks, 1);
	if (fired)
		atomic_store(&heap.fired,
			     read(source->fd, &word, sizeof(word)) >= 0);
	*look = (struct tmem_source_look){
		.source = TMEM_GC_SOURCE_MODULE,
		.level = (enum tmem_level)atomic_load(&heap.level),
	};
}

static void source_deaf(struct tmem_source *source, bool gone)
{
	atomic_store(&heap.deaf, gone ? 2 : 1);
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
	uint64_t idle = tmem_gc_ops_real.idle_now();

	if (heap.listed && heap.at_end)
		heap.at_end();
	heap.listed = false;
	return idle;
}

static uint64_t heap_idle_low(void)
{
	return tmem_gc_ops_real.idle_low();
}

/* On the fake worker, and on the real one. */
#define HEAP_OPS(worker_)                                               \
	{                                                               \
		.worker = (worker_), .idle_list = heap_list,            \
		.idle_purge = heap_purge, .threads_drain = heap_drain,  \
		.threads_adapt = heap_adapt, .idle_now = heap_idle_now, \
		.idle_low = heap_idle_low, .source = &source_ops,       \
	}

static const struct tmem_gc_ops stepped_ops = HEAP_OPS(&worker_fake_ops);
static const struct tmem_gc_ops threaded_ops = HEAP_OPS(&tmem_worker_ops_real);

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

static int gc_off(bool off)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	config.off = off;
	return tmem_gc_config_set(&config);
}

/* === the test does the thread's work ============================================ */

FIXTURE(stepped)
{
	int ends[2]; /* of a pipe: [0] is the source's descriptor */
};

FIXTURE_SETUP(stepped)
{
	ASSERT_EQ(0, pipe2(self->ends, O_CLOEXEC | O_NONBLOCK));
	atomic_store(&heap.fd, self->ends[0]);
	tmem_gc_use(&stepped_ops);
}

FIXTURE_TEARDOWN(stepped)
{
	tmem_gc_stop();
	EXPECT_EQ(0U, gc_stats().running);
	tmem_gc_use(NULL);
	EXPECT_EQ(0, atomic_load(&heap.opened));
}

/* --- start ---------------------------------------------------------------------- */

TEST_F(stepped, not_before_something_is_idle)
{
	tmem_gc_poll();
	tmem_gc_note_idle(0);
	tmem_gc_poll();
	ASSERT_EQ(0, gc_interval(1000));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_HIGH));
	EXPECT_EQ(0U, worker_fake(worker)->spawns);
	heap_free(1);
	EXPECT_EQ(1U, worker_fake(worker)->spawns);
	EXPECT_EQ(1U, gc_stats().running);
	heap_free(1);
	EXPECT_EQ(1U, worker_fake(worker)->spawns);
}

/* Blocks in a cache are something, too. */
TEST_F(stepped, when_a_cache_has_blocks)
{
	tmem_gc_note_cached();
	tmem_gc_poll();
	EXPECT_EQ(1U, gc_stats().running);
}

TEST_F(stepped, off_and_on)
{
	ASSERT_EQ(0, gc_off(true));
	heap_free(10);
	EXPECT_EQ(0U, worker_fake(worker)->spawns);
	EXPECT_EQ(10 * TMEM_SPAN_BYTES, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	heap_free(10);
	/* What is idle already when it is switched on starts the thread. */
	ASSERT_EQ(0, gc_off(false));
	EXPECT_EQ(1U, gc_stats().running);
	worker_fake_run(worker);
	ASSERT_EQ(0, gc_off(true));
	EXPECT_EQ(0U, gc_stats().running);
	EXPECT_EQ(0, atomic_load(&heap.opened));
	heap_free(10);
	EXPECT_EQ(1U, worker_fake(worker)->spawns);
	EXPECT_EQ(1U, worker_fake(worker)->joins);
}

/* --- wait ------------------------------------------------------------------------ */

/* For the next look, and for the source. */
TEST_F(stepped, waits_while_something_is_idle)
{
	const struct worker_fake *f = worker_fake(worker);

	ASSERT_EQ(0, gc_interval(1600));
	heap_free(1);
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(100, f->asked.timeout_ms);
	ASSERT_EQ(1U, f->asked.count);
	EXPECT_EQ(self->ends[0], f->asked.fds[0].fd);
	EXPECT_EQ(POLLIN, f->asked.fds[0].events);
	EXPECT_FALSE(atomic_load(&tmem_gc_note.asleep));
	/* Only then. */
	EXPECT_EQ(0U, worker_fake_pass(worker, 100 * MS - 1));
	EXPECT_EQ(1U, worker_fake_pass(worker, 1));
}

/* A source that has figures but no descriptor is looked at more often. */
TEST_F(stepped, looks_as_often_as_the_source_wants)
{
	atomic_store(&heap.fd, -1);
	heap.poll_ms = 30;
	ASSERT_EQ(0, gc_interval(1600));
	heap_free(1);
	worker_fake_run(worker);
	EXPECT_EQ(30, worker_fake(worker)->asked.timeout_ms);
	EXPECT_EQ(0U, worker_fake(worker)->asked.count);
	EXPECT_EQ(4U, worker_fake_pass(worker, 100 * MS));
	EXPECT_EQ(5, atomic_load(&heap.looks));
}

TEST_F(stepped, gives_back_and_sleeps)
{
	ASSERT_EQ(0, gc_interval(200));
	heap_free(100);
	worker_fake_pass(worker, 150 * MS - 1);
	EXPECT_EQ(0U, atomic_load(&heap.purged));
	worker_fake_pass(worker, 50 * MS + 1);
	EXPECT_EQ(100U, atomic_load(&heap.purged));
	/* From now on it waits for nothing but the heap. */
	EXPECT_TRUE(worker_fake_asleep(worker));
	EXPECT_TRUE(atomic_load(&tmem_gc_note.asleep));
	EXPECT_EQ(0U, worker_fake_pass(worker, 86400000 * MS));
	heap_free(50);
	EXPECT_FALSE(worker_fake_asleep(worker));
	worker_fake_pass(worker, 200 * MS);
	EXPECT_EQ(150U, atomic_load(&heap.purged));
	EXPECT_TRUE(worker_fake_asleep(worker));
	EXPECT_EQ(1U, worker_fake(worker)->spawns);
	EXPECT_EQ(150 * TMEM_SPAN_BYTES, gc_stats().purged_bytes);
}

/* Another thread's notes, just before the collector's thread sleeps. */

static void note_idle_once(void)
{
	heap.at_end = NULL;
	heap_free(1);
}

static void note_cached_once(void)
{
	heap.at_end = NULL;
	tmem_gc_note_cached();
	tmem_gc_poll();
}

TEST_F(stepped, misses_nothing_before_it_sleeps)
{
	static void (*const note[])(void) = { note_idle_once,
					      note_cached_once };
	size_t i;

	for (i = 0; i < 2; i++) {
		/* Woken for a block that is gone again. */
		heap_free(1);
		atomic_store(&heap.idle, 0);
		tmem_gc_note_idle(0);
		ASSERT_EQ(1U, gc_stats().running);
		heap.at_end = note[i];
		worker_fake_step(worker);
		EXPECT_TRUE(heap.at_end == NULL);
		EXPECT_FALSE(atomic_load(&tmem_gc_note.asleep));
		EXPECT_EQ(0, worker_fake(worker)->asked.timeout_ms);
		EXPECT_EQ(1U, worker_fake_run(worker));
		EXPECT_GT(worker_fake(worker)->asked.timeout_ms, 0);
		worker_fake_pass(worker, 600000 * MS);
		EXPECT_TRUE(worker_fake_asleep(worker));
	}
}

/* --- react ----------------------------------------------------------------------- */

/* The world says so, and the first bytes are there. */
TEST_F(stepped, reacts_to_the_source)
{
	const uint64_t one = 1;

	heap.purge_ns = 1000;
	heap_free(100);
	worker_fake_pass(worker, MS);
	EXPECT_EQ(0U, atomic_load(&heap.purged));
	atomic_store(&heap.level, TMEM_LEVEL_CRITICAL);
	ASSERT_EQ((ssize_t)sizeof(one),
		  write(self->ends[1], &one, sizeof(one)));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(100U, atomic_load(&heap.purged));
	EXPECT_TRUE(atomic_load(&heap.fired));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_stats().level);
	EXPECT_EQ(TMEM_GC_SOURCE_MODULE, (int)gc_stats().source);
	/* The first batch has 4 spans. */
	EXPECT_EQ(4000U, gc_stats().reaction_ns);
}

/* What has an error for ever is not waited for any more. */
TEST_F(stepped, a_source_that_breaks)
{
	atomic_store(&heap.fd, self->ends[1]);
	close(self->ends[0]); /* POLLERR */
	heap_free(1);
	EXPECT_EQ(2U, worker_fake_run(worker));
	EXPECT_EQ(1, atomic_load(&heap.deaf));
	EXPECT_EQ(0U, worker_fake(worker)->asked.count);
	EXPECT_GT(worker_fake(worker)->asked.timeout_ms, 0);
}

/* Nor is a number that the program has closed, or has for another file. */
TEST_F(stepped, a_source_that_is_gone)
{
	heap_free(1);
	worker_fake_run(worker);
	close(self->ends[0]); /* POLLNVAL */
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(2, atomic_load(&heap.deaf));
	EXPECT_EQ(0U, worker_fake(worker)->asked.count);
}

static void notice_done(uint64_t number, const struct tmem_gc_outcome *outcome)
{
	(void)outcome;
	atomic_store(&heap.level, (int)number);
}

/* Each of these calls ends the wait. */
TEST_F(stepped, looks_at_once_when_told)
{
	const struct tmem_gc_notice notice = { .level = TMEM_LEVEL_MEDIUM,
					       .number = TMEM_LEVEL_LOW,
					       .done = notice_done };

	heap_free(1);
	EXPECT_EQ(1U, worker_fake_run(worker));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_HIGH));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)gc_stats().level);
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_GC_LEVEL_AUTO));
	EXPECT_EQ(1U, worker_fake_run(worker));
	atomic_store(&heap.level, TMEM_LEVEL_CRITICAL);
	tmem_gc_notice_put(&notice);
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(TMEM_LEVEL_LOW, atomic_load(&heap.level));
	ASSERT_EQ(0, gc_interval(1600));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_TRUE(tmem_gc_kick());
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(0U, worker_fake_run(worker));
}

static void level_up(void)
{
	heap.at_purge = NULL;
	tmem_gc_level_set(TMEM_LEVEL_CRITICAL);
}

/* Also where that comes while it works. */
TEST_F(stepped, told_at_work)
{
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	heap_free(100);
	worker_fake_pass(worker, 30000 * MS);
	EXPECT_EQ(0U, atomic_load(&heap.purged));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_MEDIUM));
	heap.at_purge = level_up;
	worker_fake_step(worker);
	EXPECT_EQ(25U, atomic_load(&heap.purged));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(100U, atomic_load(&heap.purged));
}

/* --- no thread ------------------------------------------------------------------- */

/* The caller who comes by does it, when it is due, and not each time. */
TEST_F(stepped, cannot_be_made)
{
	unsigned int lists, ms, i;

	worker_fake(worker)->spawn_err = EAGAIN;
	ASSERT_EQ(0, gc_interval(1600));
	heap_free(10);
	EXPECT_EQ(0U, gc_stats().running);
	EXPECT_EQ(1U, gc_stats().thread_failures);
	lists = atomic_load(&heap.lists);
	for (i = 0; i < 100; i++)
		tmem_gc_poll();
	EXPECT_EQ(lists, atomic_load(&heap.lists));
	for (ms = 0; ms < 1600 && !atomic_load(&heap.purged); ms++) {
		atomic_fetch_add(&worker_fake_ns, MS);
		tmem_gc_poll();
	}
	EXPECT_GE(ms, 1200U);
	EXPECT_EQ(10U, atomic_load(&heap.purged));
	/* One look in each 100 ms. */
	EXPECT_LE(atomic_load(&heap.lists) - lists, ms / 100 + 1);
	/* Nothing idle: no caller is bothered, until there is again. */
	atomic_fetch_add(&worker_fake_ns, 1600 * MS);
	tmem_gc_poll();
	EXPECT_FALSE(atomic_load(&tmem_gc_note.poll));
	heap_free(10);
	EXPECT_TRUE(atomic_load(&tmem_gc_note.poll));
	EXPECT_EQ(1U, gc_stats().thread_failures);
}

/* Once in 10 s another try, which may do. */
TEST_F(stepped, can_be_made_later)
{
	struct worker_fake *f = worker_fake(worker);

	f->spawn_err = EAGAIN;
	heap_free(10);
	EXPECT_EQ(1U, f->spawns);
	EXPECT_FALSE(tmem_gc_kick());
	atomic_fetch_add(&worker_fake_ns, 10000 * MS - 1);
	tmem_gc_poll();
	EXPECT_EQ(1U, f->spawns);
	atomic_fetch_add(&worker_fake_ns, 30000 * MS);
	tmem_gc_poll();
	EXPECT_EQ(2U, f->spawns);
	EXPECT_EQ(2U, gc_stats().thread_failures);
	EXPECT_EQ(0U, gc_stats().running);
	f->spawn_err = 0;
	atomic_fetch_add(&worker_fake_ns, 30000 * MS);
	tmem_gc_poll();
	EXPECT_EQ(3U, f->spawns);
	EXPECT_EQ(1U, gc_stats().running);
	EXPECT_TRUE(tmem_gc_kick());
	worker_fake_pass(worker, 300000 * MS);
	EXPECT_EQ(10U, atomic_load(&heap.purged));
	EXPECT_FALSE(atomic_load(&tmem_gc_note.poll));
}

/* === a real thread ============================================================== */

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
	tmem_gc_use(&threaded_ops);
}

/* It leaves nothing behind. */
FIXTURE_TEARDOWN(thread)
{
	tmem_gc_stop();
	EXPECT_EQ(0U, gc_stats().running);
	/* A thread that is joined may be in /proc for a moment longer. */
	EXPECT_TRUE(PACE_UNTIL(!task_named("tmem-gc")));
	tmem_gc_use(NULL);
	EXPECT_EQ(0, atomic_load(&heap.opened));
	EXPECT_EQ(self->fds, fds_open());
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
	ASSERT_TRUE(PACE_UNTIL(task_named("tmem-gc")));
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

static bool asleep(void)
{
	return atomic_load(&tmem_gc_note.asleep) &&
	       !atomic_load(&tmem_gc_note.poll);
}

static bool polling(void)
{
	bool polling;

	pthread_mutex_lock(&worker->lock);
	polling = worker->polling;
	pthread_mutex_unlock(&worker->lock);
	return polling;
}

TEST_F(thread, gives_back_and_sleeps)
{
	uint64_t began = pace_now_ns();

	ASSERT_EQ(0, gc_interval(200));
	heap_free(100);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 100));
	EXPECT_GE(pace_now_ns() - began, 150 * MS);
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	heap_free(50);
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 150));
	EXPECT_EQ(150 * TMEM_SPAN_BYTES, gc_stats().purged_bytes);
}

/* --- stop ----------------------------------------------------------------------- */

TEST_F(thread, stops_while_asleep)
{
	heap_free(1);
	atomic_store(&heap.idle, 0);
	tmem_gc_note_idle(0);
	/* It may look again once before: the heap had something idle. */
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_CRITICAL));
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	tmem_gc_stop();
	EXPECT_EQ(0U, gc_stats().running);
}

static atomic_uint batches_after_stop;

/* The batch that the stop comes in; then count. */
static void until_stopped(void)
{
	if (atomic_load(&worker->stop))
		atomic_fetch_add(&batches_after_stop, 1);
	else if (atomic_load(&heap.purged) >= 3 * BATCH)
		PACE_UNTIL(atomic_load(&worker->stop));
}

/* In the middle of its work no other batch is begun. */
TEST_F(thread, stops_between_two_batches)
{
	heap.at_purge = until_stopped;
	atomic_store(&heap.level, TMEM_LEVEL_CRITICAL);
	heap_free(2000);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) >= 3 * BATCH));
	tmem_gc_stop();
	EXPECT_EQ(0U, atomic_load(&batches_after_stop));
	EXPECT_LE(atomic_load(&heap.purged), 5 * BATCH);
	EXPECT_EQ(0U, gc_stats().running);
}

/* As it begins, once it has looked, and while it waits. */
TEST_F(thread, again_and_again)
{
	unsigned int i;
	int looks;

	for (i = 0; i < LT_COUNT(100, 12); i++) {
		looks = atomic_load(&heap.looks);
		ASSERT_EQ(0, gc_off(false));
		heap_free(1);
		ASSERT_EQ(1U, gc_stats().running);
		if (i % 3 == 1)
			ASSERT_TRUE(
				PACE_UNTIL(atomic_load(&heap.looks) != looks));
		if (i % 3 == 2)
			ASSERT_TRUE(PACE_UNTIL(polling()));
		ASSERT_EQ(0, gc_off(true));
		ASSERT_EQ(0U, gc_stats().running);
		heap_free(1);
		ASSERT_EQ(0U, gc_stats().running);
	}
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

/* --- fork ------------------------------------------------------------------------ */

static int child_collects(void *arg)
{
	unsigned int before = atomic_load(&heap.purged);

	(void)arg;
	heap.at_purge = NULL;
	if (atomic_load(&heap.opened))
		return 5;
	if (gc_stats().running || task_named("tmem-gc"))
		return 1;
	heap_free(20);
	/* With ThreadSanitizer it has none, and the caller does the work. */
	if (!gc_stats().running && !LT_TSAN)
		return 2;
	if (!PACE_UNTIL((tmem_gc_poll(), atomic_load(&heap.purged) > before)))
		return 3;
	tmem_gc_stop();
	return gc_stats().running ? 4 : 0;
}

TEST_F(thread, the_child_has_its_own)
{
	ASSERT_EQ(0, gc_interval(200));
	heap_free(10);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.opened)));
	EXPECT_EQ(0, lt_child(child_collects, NULL));
	EXPECT_EQ(1U, gc_stats().running);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 10));
	/* A child that forks has children like it. */
	heap_free(10);
	EXPECT_EQ(0, lt_child(child_collects, NULL));
}

static atomic_bool held, released;

static void hold(void)
{
	atomic_store(&held, true);
	PACE_UNTIL(atomic_load(&released));
}

/* The thread has the pass lock, and has given back a part. */
TEST_F(thread, forks_in_the_middle_of_a_look)
{
	ASSERT_EQ(0, gc_interval(200));
	heap.at_purge = hold;
	heap_free(100);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&held)));
	EXPECT_EQ(0, lt_child(child_collects, NULL));
	atomic_store(&released, true);
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 100));
}

static int child_exits(void *arg)
{
	int status = -1;
	pid_t pid = fork();

	(void)arg;
	if (!pid)
		exit(0); /* with its destructors */
	return waitpid(pid, &status, 0) != pid || status;
}

/* Whatever the thread was doing. */
TEST_F(thread, forks_at_work)
{
	unsigned int i;

	ASSERT_EQ(0, gc_interval(200));
	for (i = 0; i < LT_COUNT(60, 10); i++) {
		atomic_store(&heap.level, (int)(i % 4));
		heap_free(100);
		/* AddressSanitizer has a lock while a thread begins. */
		ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.opened)));
		EXPECT_EQ(0,
			  lt_child(i % 5 ? child_exits : child_collects, NULL));
	}
}

/* --- descriptors ------------------------------------------------------------------ */

/* As daemons do: all that is above standard error. */
static void close_everything(void)
{
	int fd;

	for (fd = 3; fd < 256; fd++)
		close(fd);
}

TEST_F(thread, the_program_closes_everything)
{
	ASSERT_EQ(0, gc_interval(400));
	heap_free(10);
	ASSERT_TRUE(PACE_UNTIL(polling()));
	close_everything();
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 10));
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	tmem_gc_stop();
	self->fds = fds_open();
}

/* Asleep, it has none that could be closed under it, and none is hit. */
TEST_F(thread, the_program_closes_everything_while_it_sleeps)
{
	char text[64];
	int fd, ends[2];

	ASSERT_EQ(0, gc_interval(100));
	heap_free(10);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 10));
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	close_everything();
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	while ((fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)) < 255)
		ASSERT_GE(fd, 0);
	heap_free(10);
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&heap.purged) == 20));
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	tmem_gc_stop();
	EXPECT_EQ(-1, read(ends[0], text, sizeof(text)));
	EXPECT_EQ(EAGAIN, errno);
	self->fds = fds_open();
}

TEST_HARNESS_MAIN
