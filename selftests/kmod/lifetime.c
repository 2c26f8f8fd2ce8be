// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the module cannot be taken out under its users, whatever they
 * hold of it, and that it counts them right; and that many threads that touch
 * an arena for the first time at once fill each span once.  That the module
 * can be taken out afterwards is shown by who runs the tests.
 */
#include "tmem_test_mem.h"

#include <pthread.h>
#include <sys/uio.h>

#define REFCNT "/sys/module/tmem/refcnt"

FIXTURE(lifetime)
{
	long refs; /* before the device was opened */
	int dev;
};

FIXTURE_SETUP(lifetime)
{
	self->refs = kt_read_number(REFCNT);
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (self->refs < 0)
		SKIP(return, "tmem is not a module: no " REFCNT);
}

FIXTURE_TEARDOWN(lifetime)
{
	if (self->dev >= 0)
		close(self->dev);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

/* Removal must be refused because of users, not for another reason. */
static bool in_use(void)
{
	long ret = syscall(SYS_delete_module, "tmem", O_NONBLOCK);

	if (ret < 0 && (errno == EWOULDBLOCK || errno == EBUSY))
		return true;
	printf("# delete_module: %s\n", ret ? strerror(errno) : "removed!");
	return false;
}

TEST_F(lifetime, device_open)
{
	EXPECT_LT(self->refs, kt_read_number(REFCNT));
	EXPECT_TRUE(in_use());
}

/* Step by step, until nothing but a mapping of one page holds the module. */
TEST_F(lifetime, arena_and_mappings)
{
	const size_t last = 4 * KT_SPAN / KT_PAGE - 1;
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 4 * KT_SPAN, 0, 0));
	kt_fill(a.data, a.size, 1);
	close(self->dev);
	self->dev = -1;
	EXPECT_TRUE(in_use());
	munmap(a.ctl, a.ctl_size);
	close(a.fd);
	EXPECT_TRUE(in_use());
	munmap(a.data, a.size - KT_PAGE);
	EXPECT_TRUE(in_use());
	EXPECT_EQ(kt_mix(1 + last), kt_page_word(a.data, last)[0]);
	EXPECT_LT(self->refs, kt_read_number(REFCNT));
	munmap(a.data + a.size - KT_PAGE, KT_PAGE);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

TEST_F(lifetime, control_mapping)
{
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, KT_SPAN, 0, 0));
	close(self->dev);
	self->dev = -1;
	munmap(a.data, a.size);
	close(a.fd);
	EXPECT_TRUE(in_use());
	kt_word_set(&a, 0, 7);
	munmap(a.ctl, a.ctl_size);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

/*
 * A page in a pipe outlives its arena.  It may hold the module or not, but
 * what it holds must be good to the end.
 */
TEST_F(lifetime, page_without_an_arena)
{
	unsigned char page[KT_PAGE];
	struct kt_arena a;
	struct iovec iov;
	int p[2];

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, KT_SPAN, 0, 0));
	kt_fill(a.data, KT_SPAN, 4);
	ASSERT_EQ(0, pipe(p));
	iov = (struct iovec){ a.data, KT_PAGE };
	ASSERT_EQ((ssize_t)KT_PAGE, vmsplice(p[1], &iov, 1, 0));
	kt_arena_fini(&a);
	ASSERT_EQ((ssize_t)KT_PAGE, read(p[0], page, KT_PAGE));
	EXPECT_EQ(0U, kt_bad(page, KT_PAGE, 4));
	close(p[0]);
	close(p[1]);
}

TEST_F(lifetime, in_a_child)
{
	struct kt_arena a;
	long with;
	pid_t pid;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, KT_SPAN, 0, 0));
	with = kt_read_number(REFCNT);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	kt_arena_fini(&a);
	close(self->dev);
	self->dev = -1;
	EXPECT_EQ(with, kt_read_number(REFCNT));
	EXPECT_TRUE(in_use());
	kill(pid, SIGKILL);
	kt_wait(pid);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

/* Eight threads, 32 spans, all at once. */
#define THREADS 8
#define SPANS ((size_t)32)

struct crowd {
	struct kt_arena *a;
	pthread_barrier_t *start;
	size_t me;
};

static void *touch_all(void *arg)
{
	struct crowd *c = arg;

	pthread_barrier_wait(c->start);
	for (size_t i = 0; i < SPANS; i++) {
		size_t page = c->me * 60 + i;

		*kt_page_word(kt_span(c->a, i), page) = kt_mix(c->me * 100 + i);
	}
	return NULL;
}

TEST_F(lifetime, one_fill_per_span)
{
	struct crowd crowd[THREADS];
	pthread_t id[THREADS];
	pthread_barrier_t start;
	struct kt_arena a;
	size_t bad = 0;

	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0,
			  kt_arena_init(&a, self->dev, SPANS * KT_SPAN, 0, 0));
		pthread_barrier_init(&start, NULL, THREADS);
		for (size_t t = 0; t < THREADS; t++) {
			crowd[t] = (struct crowd){ &a, &start, t };
			pthread_create(&id[t], NULL, touch_all, &crowd[t]);
		}
		for (size_t t = 0; t < THREADS; t++)
			pthread_join(id[t], NULL);
		for (size_t t = 0; t < THREADS; t++)
			for (size_t i = 0; i < SPANS; i++)
				bad += *kt_page_word(kt_span(&a, i),
						     t * 60 + i) !=
				       kt_mix(t * 100 + i);
		EXPECT_EQ(0U, bad);
		EXPECT_EQ(SPANS, kt_stat(&a).fills);
		EXPECT_EQ(SPANS, kt_stat(&a).spans_huge);
		EXPECT_EQ(0U, kt_stat(&a).fills_failed);
		EXPECT_EQ(0U, kt_stat(&a).fills_small);
		pthread_barrier_destroy(&start);
		kt_arena_fini(&a);
	}
}

TEST_HARNESS_MAIN
