// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a recall leaves a span alone while its pages are held other than
 * by a mapping: in a pipe (vmsplice), by direct I/O in flight, by another
 * process that reads it (process_vm_readv), for long (io_uring's fixed buffers,
 * as RDMA does).  It is counted as pinned, keeps its contents, does not hide
 * spans that are free to go, and goes when it is let go.
 */
#include "tmem_test_recall.h"

#include <linux/fs.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/uio.h>

#define DISK "/dev/ram0" /* brd's first disk: modprobe brd */
#define SPANS ((size_t)8)
#define SIZE (SPANS * KT_SPAN)
#define SEED 4242
#define PAGES (KT_SPAN / KT_PAGE)
#define READS 150 /* by direct I/O */
#define LOOKS 150 /* at spans that another process reads */

FIXTURE(recall_pins)
{
	int dev;
	uint64_t free_before;
	struct kt_recall before;
	struct kt_arena a;
};

FIXTURE_SETUP(recall_pins)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (access(KT_SHRINK, W_OK))
		SKIP(return, KT_SHRINK ": %s", strerror(errno));
	self->free_before = kt_free(-1);
	self->before = kt_recall();
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE,
				   TMEM_POLICY_INTERLEAVE, 0));
	kt_fill(self->a.data, SIZE, SEED);
}

static size_t count_idle(const struct kt_arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++)
		n += !!(kt_word(a, i) & TMEM_SPAN_IDLE);
	return n;
}

/*
 * All idle spans go, once they are not held any more: a recall does not try a
 * span that was pinned again at once.
 */
static bool all_go(const struct kt_arena *a)
{
	return PACE_UNTIL((kt_shrink((unsigned int)a->spans), !count_idle(a)));
}

FIXTURE_TEARDOWN(recall_pins)
{
	struct kt_arena *a = &self->a;

	for (size_t i = 0; i < a->spans; i++)
		if (kt_word(a, i) != TMEM_SPAN_PURGED)
			kt_idle(a, i);
	EXPECT_TRUE(all_go(a));
	EXPECT_EQ(0U, kt_stat(a).resident);
	kt_arena_fini(a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* Span i still holds what the fixture wrote. */
static bool kept(const struct kt_arena *a, size_t i)
{
	return !kt_bad(kt_span(a, i), KT_SPAN, SEED + i * PAGES);
}

/* Spans [0, pinned) are the oldest, and held: recalls take all others. */
static void others_go(struct __test_metadata *_metadata,
		      struct _test_data_recall_pins *self, size_t pinned)
{
	struct kt_arena *a = &self->a;
	struct kt_recall since;

	for (size_t i = 0; i < SPANS; i++)
		kt_word_set(a, i,
			    TMEM_SPAN_IDLE |
				    (kt_idle_word() - 10 * (uint32_t)(9 - i)));
	EXPECT_TRUE(PACE_UNTIL((kt_shrink(2), count_idle(a) == pinned)));
	since = kt_recall_since(&self->before);
	EXPECT_EQ((int64_t)(SPANS - pinned), since.purged);
	EXPECT_LE((int64_t)pinned, since.pinned);
	for (size_t i = 0; i < SPANS; i++) {
		if (i < pinned) {
			EXPECT_EQ(TMEM_SPAN_IDLE,
				  kt_word(a, i) & TMEM_SPAN_IDLE);
			EXPECT_TRUE(kept(a, i));
		} else {
			EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, i));
		}
	}
}

TEST_F(recall_pins, in_a_pipe)
{
	unsigned char page[KT_PAGE];
	struct kt_arena *a = &self->a;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	for (size_t i = 0; i < 3; i++) {
		struct iovec iov = { kt_span(a, i) + 7 * KT_PAGE, KT_PAGE };

		ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
	}
	others_go(_metadata, self, 3);
	for (size_t i = 0; i < 3; i++) {
		ASSERT_EQ((ssize_t)KT_PAGE, read(p[0], page, KT_PAGE));
		EXPECT_EQ(0,
			  memcmp(page, kt_span(a, i) + 7 * KT_PAGE, KT_PAGE));
	}
	close(p[0]);
	close(p[1]);
	EXPECT_TRUE(all_go(a));
}

TEST_F(recall_pins, pinned_for_long)
{
	struct iovec iov = { self->a.data, 3 * KT_SPAN };
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 2, &params);
	int64_t pinned;
	int ret;

	if (ring < 0)
		SKIP(return, "io_uring: %s", strerror(errno));
	ret = (int)syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
			   &iov, 1);
	if (ret < 0 && errno == EOPNOTSUPP) {
		close(ring);
		SKIP(return, "this kernel takes anonymous buffers only");
	}
	ASSERT_EQ(0, ret);
	others_go(_metadata, self, 3);
	/* It stays each time that it is tried. */
	pinned = kt_recall().pinned;
	EXPECT_TRUE(PACE_UNTIL(
		(kt_shrink(SPANS), kt_recall().pinned >= pinned + 6)));
	EXPECT_EQ(3U, count_idle(&self->a));
	EXPECT_EQ(0, (int)syscall(SYS_io_uring_register, ring,
				  IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(ring);
	EXPECT_TRUE(all_go(&self->a));
}

/* Recalls one span after the other, all the time. */
struct recaller {
	pthread_t id;
	bool stop;
};

static void *recall_all_the_time(void *arg)
{
	struct recaller *r = arg;

	while (!kt_flagged(&r->stop)) {
		kt_shrink(2);
		sched_yield();
	}
	return NULL;
}

/*
 * Reads the disk into idle spans while they are recalled.  A span that is won
 * back holds what was read, all of it: the disk did not write to pages that the
 * arena had lost meanwhile.
 */
TEST_F(recall_pins, direct_io_in_flight)
{
	int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	uint64_t size = 0, rng = pace_seed(), seed = SEED;
	struct kt_arena *a = &self->a;
	struct pace_rounds rounds = pace_rounds(READS);
	size_t won = 0, lost = 0, bad = 0;
	struct recaller r = { 0 };
	bool all = true;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) || size < SIZE)
		SKIP(return, DISK ": missing, or smaller than %zu MiB",
			   SIZE / KT_MIB);
	ASSERT_EQ((ssize_t)SIZE, pwrite(fd, a->data, SIZE, 0));
	self->free_before -= SIZE; /* which the disk keeps */
	ASSERT_EQ(0, pthread_create(&r.id, NULL, recall_all_the_time, &r));
	while (all && (pace_more(&rounds) || !won)) {
		size_t i = kt_random(&rng) % SPANS;
		size_t j = kt_random(&rng) % SPANS;
		uint32_t word = kt_idle_word();
		ssize_t got;

		kt_word_set(a, i, word);
		got = pread(fd, kt_span(a, i), KT_SPAN, (off_t)(j * KT_SPAN));
		all = got == (ssize_t)KT_SPAN;
		if (!__atomic_compare_exchange_n(
			    &a->ctl[i], &word, TMEM_SPAN_BUSY, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
			lost++;
			kt_word_set(a, i, TMEM_SPAN_BUSY);
			kt_span(a, i)[0] = 1; /* there, before it is idle */
			continue;
		}
		won++;
		bad += kt_bad(kt_span(a, i), KT_SPAN, seed + j * PAGES);
	}
	EXPECT_TRUE(all);
	kt_flag(&r.stop);
	pthread_join(r.id, NULL);
	kt_recall_since(&self->before);
	printf("# reads: %zu won back, %zu lost, %zu bad pages\n", won, lost,
	       bad);
	EXPECT_EQ(0U, bad);
	close(fd);
}

/*
 * A page of a copy, which is made byte by byte while the owner fills it: each
 * byte is as it was, or zero.  Clears the page's word.
 */
static bool was_or_zero(unsigned char *copy, size_t page, uint64_t was)
{
	uint64_t *word = kt_page_word(copy, page);
	uint64_t is = *word;

	if (is == was)
		return true;
	for (int shift = 0; shift < 64; shift += 8) {
		uint8_t byte = (uint8_t)(is >> shift);

		if (byte && byte != (uint8_t)(was >> shift))
			return false;
	}
	*word = 0;
	return !kt_nonzero(copy + page * KT_PAGE, KT_PAGE);
}

/* Reads another process's spans for ever. */
static int read_for_ever(pid_t from, const struct kt_arena *a, bool *stop)
{
	unsigned char *copy = malloc(KT_SPAN);
	size_t i = 0;

	while (copy && !kt_flagged(stop)) {
		struct iovec to = { copy, KT_SPAN };
		struct iovec at = { kt_span(a, i), KT_SPAN };

		if (process_vm_readv(from, &to, 1, &at, 1, 0) !=
		    (ssize_t)KT_SPAN)
			return 1;
		for (size_t page = 0; page < PAGES; page++) {
			uint64_t seed = SEED + i * PAGES;

			if (!was_or_zero(copy, page, kt_mix(seed + page)))
				return 2;
		}
		i = (i + 1) % SPANS;
	}
	return 0;
}

TEST_F(recall_pins, read_by_another_process)
{
	bool *stop = kt_shared(sizeof(*stop));
	struct kt_arena *a = &self->a;
	struct pace_rounds rounds = pace_rounds(LOOKS);
	size_t won = 0, lost = 0, bad = 0;
	pid_t parent = getpid(), pid;

	ASSERT_TRUE(stop != NULL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	pid = kt_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read_for_ever(parent, a, stop));
	for (size_t i = 0; pace_more(&rounds) || !lost; i = (i + 1) % SPANS) {
		uint32_t word = kt_idle_word();

		kt_word_set(a, i, word);
		kt_shrink(1);
		if (__atomic_compare_exchange_n(
			    &a->ctl[i], &word, TMEM_SPAN_BUSY, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
			won++;
			bad += !kept(a, i);
			continue;
		}
		lost++;
		kt_word_set(a, i, TMEM_SPAN_BUSY);
		bad += kt_nonzero(kt_span(a, i), KT_SPAN) != 0;
		kt_fill(kt_span(a, i), KT_SPAN, SEED + i * PAGES);
	}
	kt_flag(stop);
	EXPECT_EQ(0, kt_wait(pid));
	kt_recall_since(&self->before);
	printf("# spans: %zu won back, %zu lost, %zu bad\n", won, lost, bad);
	EXPECT_EQ(0U, bad);
}

TEST_HARNESS_MAIN
