// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a reader of the status page never gets half of one state and
 * half of another while the page is written as fast as it can be provoked to,
 * and that a mapping is good, and holds the module, for as long as it is
 * there: after the descriptor is closed, in a child, for a page of it only.
 */
#include "tmem_test_pressure.h"

#include <pthread.h>

#define REFCNT "/sys/module/tmem/refcnt"
#define READERS 2
#define ROUNDS 400
#define SEEN 100 /* states, by each reader */

FIXTURE(status_race)
{
	long refs;
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(status_race)
{
	self->refs = kt_read_number(REFCNT);
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
}

FIXTURE_TEARDOWN(status_race)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	if (self->page)
		munmap((void *)self->page, self->size);
	if (self->dev >= 0)
		close(self->dev);
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

struct reader {
	const struct tmem_status *page;
	size_t size;
	bool *stop;
	uint64_t total;
	uint64_t reads, writings, torn, none;
};

/* What holds between the fields of one state, and from one to the next. */
static bool fits(const struct tmem_status *st, const struct tmem_status *last,
		 uint64_t total)
{
	uint64_t pool = 0;

	for (uint32_t i = 0; i < st->nr_nodes; i++)
		pool += st->nodes[i].pool;
	if (st->total != total || st->pool != pool || st->level > 3)
		return false;
	if (st->since > st->updated || st->updated < last->updated ||
	    st->changes < last->changes)
		return false;
	if (st->changes == last->changes)
		return st->level == last->level && st->since == last->since;
	if (st->changes == last->changes + 1)
		return st->level != last->level && st->since > last->since;
	return st->since > last->since;
}

static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	struct tmem_status *st = calloc(1, r->size), *last = calloc(1, r->size);

	if (!kt_status_copy(r->page, last, r->size))
		r->none++;
	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED)) {
		if (!kt_status_copy(r->page, st, r->size)) {
			r->none++;
			continue;
		}
		r->reads++;
		if (st->updated != last->updated)
			__atomic_add_fetch(&r->writings, 1, __ATOMIC_RELAXED);
		r->torn += !fits(st, last, r->total);
		memcpy(last, st, r->size);
	}
	free(st);
	free(last);
	return NULL;
}

/* One change of the level, up or down. */
static bool provoke(unsigned int *rounds)
{
	return !kt_sysfs_write("pressure/use_medium",
			       (*rounds)++ % 2 ? "98" : "1");
}

/* Else there was nothing to be torn by. */
static bool have_seen(const struct reader *r)
{
	bool seen = true;

	for (size_t i = 0; i < READERS; i++)
		seen &= __atomic_load_n(&r[i].writings, __ATOMIC_RELAXED) >
			SEEN;
	return seen;
}

TEST_F(status_race, never_torn)
{
	struct reader r[READERS];
	pthread_t id[READERS];
	unsigned int rounds = 0;
	bool stop = false;

	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	for (size_t i = 0; i < READERS; i++) {
		r[i] = (struct reader){ .page = self->page,
					.size = self->size,
					.stop = &stop,
					.total = self->page->total };
		ASSERT_EQ(0, pthread_create(&id[i], NULL, read_all_the_time,
					    &r[i]));
	}
	PACE_ROUNDS(ROUNDS) {
		EXPECT_TRUE(provoke(&rounds));
	}
	EXPECT_TRUE(PACE_UNTIL(provoke(&rounds) && have_seen(r)));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(id[i], NULL);
		printf("# %u rounds, %llu reads, %llu states seen\n", rounds,
		       (unsigned long long)r[i].reads,
		       (unsigned long long)r[i].writings);
		EXPECT_EQ(0U, r[i].torn);
		EXPECT_EQ(0U, r[i].none);
	}
	EXPECT_EQ(0, kt_sysfs_write("pressure/use_medium", "98"));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
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

TEST_F(status_race, survives_the_descriptor)
{
	close(self->dev);
	self->dev = -1;
	EXPECT_TRUE(in_use());
	EXPECT_TRUE(kt_status_written(self->page, 1));
	/* One page of it is enough. */
	if (self->size > KT_PAGE)
		munmap((char *)self->page + KT_PAGE, self->size - KT_PAGE);
	self->size = KT_PAGE;
	EXPECT_TRUE(in_use());
	munmap((void *)self->page, KT_PAGE);
	self->page = NULL;
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

TEST_F(status_race, in_a_child)
{
	int p[2];
	char c = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(p));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(p[1]);
		close(self->dev);
		/* Ends when the parent has let go of everything. */
		if (read(p[0], &c, 1))
			_exit(1);
		_exit(kt_status_written(self->page, 1) && in_use() ? 0 : 2);
	}
	munmap((void *)self->page, self->size);
	self->page = NULL;
	close(self->dev);
	self->dev = -1;
	close(p[0]);
	EXPECT_TRUE(in_use());
	close(p[1]);
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(self->refs, kt_read_number(REFCNT));
}

/* Many come and go at once. */
TEST_F(status_race, mapped_and_unmapped)
{
	for (int i = 0; i < 2000; i++) {
		int fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC);
		const struct tmem_status *p;

		ASSERT_LE(0, fd);
		p = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, (void *)p);
		close(fd);
		ASSERT_GE(TMEM_LEVEL_CRITICAL, (int)kt_level(p));
		munmap((void *)p, KT_PAGE);
	}
}

TEST_HARNESS_MAIN
