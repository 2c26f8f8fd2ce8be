// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the protocol of the control words under recall, for long: threads of
 * two processes make spans idle and busy again and look at what is in them,
 * while spans are taken from three sides, by recalls as reclaim makes them
 * (debugfs), by the ioctl, and by a memory cgroup that is short.  No span that
 * was won back may have lost a byte, none that was lost may hold one, and the
 * module must have counted each loss.
 */
#include "tmem_test_recall.h"

#include <pthread.h>

#define SPANS ((size_t)48)
#define USERS 2 /* threads, in each of two processes */
#define ROUNDS 500 /* of a user, at least */
#define PROBES 8 /* pages looked at in a span, the first and the last too */
#define ALL_PAGES 64 /* one look in so many is at all of them */

/* Both processes see it.  gen[i] belongs to the thread that made span i busy. */
struct soak {
	struct kt_arena a;
	struct kt_cgroup cg;
	bool stop, ready;
	uint64_t gen[SPANS];
	uint64_t kept, lost, corrupt;
	uint64_t shrinks, asked, reclaims; /* calls, from each side */
	uint64_t purged; /* spans that the ioctl says it has taken */
	uint64_t failed;
};

struct thread {
	struct soak *s;
	pthread_t id;
	uint64_t rng;
};

static size_t probe(size_t k)
{
	return k * (KT_SPAN / KT_PAGE - 1) / (PROBES - 1);
}

/* Pages that are not as they must be; of all, or of a few. */
static size_t span_wrong(struct soak *s, size_t i, bool zero, bool all)
{
	unsigned char *p = kt_span(&s->a, i);
	size_t wrong = 0;

	if (all && zero)
		return kt_nonzero(p, KT_SPAN);
	if (all)
		return kt_bad(p, KT_SPAN, s->gen[i]);
	for (size_t k = 0; k < PROBES; k++)
		wrong += *kt_page_word(p, probe(k)) !=
			 (zero ? 0 : kt_mix(s->gen[i] + probe(k)));
	return wrong;
}

/* All pages: a look at all of them may come after a look at a few. */
static void span_write(struct soak *s, size_t i, uint64_t gen)
{
	s->gen[i] = gen;
	kt_fill(kt_span(&s->a, i), KT_SPAN, gen);
}

/* From PURGED or IDLE to BUSY; false if another thread was first. */
static bool span_claim(struct soak *s, size_t i, bool *lost)
{
	uint32_t word = kt_word(&s->a, i);

	*lost = word == TMEM_SPAN_PURGED;
	if (!*lost && !(word & TMEM_SPAN_IDLE))
		return false;
	return __atomic_compare_exchange_n(&s->a.ctl[i], &word, TMEM_SPAN_BUSY,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* See race.c: a CPU that never leaves user space stops the others. */
static void pause_a_little(struct thread *t)
{
	if (kt_random(&t->rng) % 8)
		sched_yield();
	else
		pace_pause();
}

/* Without a share of each, nothing is proven: the threads go on. */
static bool each_had_a_share(const struct soak *s)
{
	return kt_count(&s->kept) && kt_count(&s->lost) &&
	       kt_count(&s->purged) && kt_stat(&s->a).recalled;
}

static void *user(void *arg)
{
	struct thread *t = arg;
	struct soak *s = t->s;
	struct pace_rounds rounds = pace_rounds(ROUNDS);
	bool lost;

	while (pace_more(&rounds) || !each_had_a_share(s)) {
		size_t i = kt_random(&t->rng) % SPANS;
		bool all = kt_random(&t->rng) % ALL_PAGES == 0;

		while (!span_claim(s, i, &lost))
			i = (i + 1) % SPANS;
		kt_add(lost ? &s->lost : &s->kept, 1);
		kt_add(&s->corrupt, span_wrong(s, i, lost, all));
		span_write(s, i, kt_random(&t->rng));
		kt_idle(&s->a, i);
		pause_a_little(t);
	}
	return NULL;
}

static void *shrinker(void *arg)
{
	struct thread *t = arg;
	struct soak *s = t->s;

	while (!kt_flagged(&s->stop)) {
		kt_shrink(1 + (unsigned int)(kt_random(&t->rng) % 8));
		kt_add(&s->shrinks, 1);
		pause_a_little(t);
	}
	return NULL;
}

static void *asker(void *arg)
{
	struct thread *t = arg;
	struct soak *s = t->s;
	struct tmem_arena_purge out;

	while (!kt_flagged(&s->stop)) {
		size_t first = kt_random(&t->rng) % SPANS;

		if (kt_purge(&s->a, first, 1 + first % (SPANS - first), &out))
			kt_add(&s->failed, 1);
		else
			kt_add(&s->purged, out.purged);
		kt_add(&s->asked, 1);
		pause_a_little(t);
	}
	return NULL;
}

/* memory.reclaim, and now and then a limit below what the group holds. */
static void *reclaimer(void *arg)
{
	struct thread *t = arg;
	struct soak *s = t->s;
	size_t low = (SPANS - 8) * KT_SPAN;

	while (!kt_flagged(&s->stop)) {
		if (kt_random(&t->rng) % 4) {
			kt_cgroup_write(&s->cg, "memory.reclaim", "4M");
		} else {
			kt_cgroup_limit(&s->cg, low);
			kt_cgroup_write(&s->cg, "memory.max", "max");
		}
		kt_add(&s->reclaims, 1);
		pause_a_little(t);
	}
	return NULL;
}

static void start(struct thread *t, struct soak *s, void *(*f)(void *),
		  uint64_t *rng)
{
	t->s = s;
	t->rng = kt_random(rng);
	if (pthread_create(&t->id, NULL, f, t))
		kt_add(&s->failed, 1);
}

/* A process in the group: its memory, filled by it, is the group's. */
static int be_users(struct soak *s, uint64_t rng)
{
	struct thread t[USERS];

	if (kt_cgroup_enter(&s->cg))
		return 1;
	if (!kt_flagged(&s->ready)) {
		for (size_t i = 0; i < SPANS; i++) {
			span_write(s, i, i);
			kt_idle(&s->a, i);
		}
		kt_flag(&s->ready);
	}
	for (size_t i = 0; i < USERS; i++)
		start(&t[i], s, user, &rng);
	for (size_t i = 0; i < USERS; i++)
		pthread_join(t[i].id, NULL);
	return 0;
}

/* All spans busy, so that looking at them purges none; how many were lost. */
static uint64_t take_stock(struct soak *s)
{
	bool lost[SPANS];
	uint64_t n = 0;

	for (size_t i = 0; i < SPANS; i++) {
		lost[i] = kt_word(&s->a, i) == TMEM_SPAN_PURGED;
		kt_word_set(&s->a, i, TMEM_SPAN_BUSY);
		n += lost[i];
	}
	for (size_t i = 0; i < SPANS; i++)
		s->corrupt += span_wrong(s, i, lost[i], true);
	return n;
}

FIXTURE(soak)
{
	int dev;
	uint64_t free_before;
	struct soak *s;
};

FIXTURE_SETUP(soak)
{
	int ret;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (access(KT_SHRINK, W_OK))
		SKIP(return, KT_SHRINK ": %s", strerror(errno));
	self->free_before = kt_free(-1);
	self->s = kt_shared(sizeof(*self->s));
	ASSERT_TRUE(self->s != NULL);
	ret = kt_cgroup_init(&self->s->cg, "+memory");
	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	ASSERT_EQ(0, kt_arena_init(&self->s->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
}

FIXTURE_TEARDOWN(soak)
{
	if (self->s) {
		kt_arena_fini(&self->s->a);
		EXPECT_EQ(0, kt_cgroup_fini(&self->s->cg));
	}
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

TEST_F(soak, recall_from_three_sides)
{
	void *(*const side[])(void *) = { shrinker, asker, reclaimer };
	struct kt_recall before = kt_recall();
	struct soak *s = self->s;
	uint64_t rng = pace_seed(), open;
	struct tmem_arena_stat st;
	struct thread t[3];
	pid_t pid[2];

	for (size_t i = 0; i < 2; i++) {
		pid[i] = kt_fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			_exit(be_users(s, rng + i));
		ASSERT_TRUE(kt_await(&s->ready, pid[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		start(&t[i], s, side[i], &rng);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(0, kt_wait(pid[i]));
	}
	kt_flag(&s->stop);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i].id, NULL);

	open = take_stock(s);
	st = kt_stat(&s->a);
	printf("# rounds %llu, kept %llu lost %llu corrupt %llu\n",
	       (unsigned long long)(s->kept + s->lost),
	       (unsigned long long)s->kept, (unsigned long long)s->lost,
	       (unsigned long long)s->corrupt);
	printf("# recalls asked for: debugfs %llu, ioctl %llu, group %llu;"
	       " purged %llu, by the ioctl %llu\n",
	       (unsigned long long)s->shrinks, (unsigned long long)s->asked,
	       (unsigned long long)s->reclaims, st.purged,
	       (unsigned long long)s->purged);
	EXPECT_EQ(0U, s->corrupt);
	EXPECT_EQ(0U, s->failed);
	EXPECT_EQ(st.purged, s->lost + open);
	EXPECT_EQ(st.purged, st.recalled + s->purged);
	EXPECT_EQ((int64_t)st.recalled, kt_recall_since(&before).purged);
	EXPECT_EQ(0U, st.fills_failed);
}

TEST_HARNESS_MAIN
