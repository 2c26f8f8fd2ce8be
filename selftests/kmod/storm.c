// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that nothing is lost or left behind when processes die: killed in the
 * middle of a fill, a populate, a purge; forked in numbers with the arena
 * mapped, ending at any moment.  Spans are recalled all the time.
 * Afterwards there are no arenas more and no memory less than before.
 */
#include "tmem_test_recall.h"

#define SPANS ((size_t)24)
#define KILLED 6 /* at a time */
#define KILL_ROUNDS 12
#define FORKED ((size_t)12) /* at a time, each with a span of its own */
#define FORK_ROUNDS 12
#define LAST_STEP 60 /* of a process that is killed, at most */

/* What forked processes share besides the arena. */
struct shared {
	uint64_t steps[KILLED]; /* done by each that is killed at work */
	uint64_t gen[FORKED];
	bool valid[FORKED]; /* the span holds gen, all of it, or was purged */
	uint64_t rounds, lost, corrupt;
};

FIXTURE(storm)
{
	int dev;
	uint64_t free_before, rng;
	struct kt_recall before;
	struct shared *s;
	pid_t recaller;
};

FIXTURE_SETUP(storm)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->rng = pace_seed();
	self->before = kt_recall();
	self->s = kt_shared(sizeof(*self->s));
	ASSERT_TRUE(self->s != NULL);
	ASSERT_EQ(0U, kt_arenas(self->dev));
	self->recaller = kt_recaller();
	ASSERT_LE(0, self->recaller);
}

FIXTURE_TEARDOWN(storm)
{
	kill(self->recaller, SIGKILL);
	kt_wait(self->recaller);
	kt_recall_since(&self->before);
	EXPECT_TRUE(kt_all_gone(self->dev));
	EXPECT_EQ(0, kt_sysfs_number("arenas"));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* One step of a life that ends at any moment. */
static void step(const struct kt_arena *a, uint64_t *rng)
{
	size_t i = kt_random(rng) % a->spans;
	size_t n = 1 + kt_random(rng) % (a->spans - i);
	struct tmem_arena_populate req = {
		.node = -1,
		.offset = i * KT_SPAN,
		.length = n * KT_SPAN,
	};
	struct tmem_arena_purge out;

	switch (kt_random(rng) % 5) {
	case 0:
		kt_fill(kt_span(a, i), KT_SPAN, i);
		break;
	case 1:
		for (size_t k = i; k < i + n; k++)
			kt_idle(a, k);
		break;
	case 2:
		kt_purge(a, i, n, &out);
		break;
	case 3:
		kt_ioctl(a->fd, TMEM_IOC_ARENA_POPULATE, &req);
		break;
	default:
		for (size_t k = i; k < i + n; k++)
			kt_word_set(a, k, TMEM_SPAN_BUSY);
		madvise(kt_span(a, i), n * KT_SPAN, MADV_DONTNEED);
	}
}

static int live(int dev, uint64_t rng, uint64_t *done)
{
	struct kt_arena a;

	for (;;) {
		size_t spans = 1 + kt_random(&rng) % SPANS;
		size_t steps = kt_random(&rng) % 60;

		if (kt_arena_init(&a, dev, spans * KT_SPAN,
				  TMEM_POLICY_INTERLEAVE, 0))
			return 1;
		while (steps--) {
			step(&a, &rng);
			kt_add(done, 1);
		}
		kt_arena_fini(&a);
	}
}

TEST_F(storm, killed_at_work)
{
	uint64_t *steps = self->s->steps;
	pid_t pid[KILLED];
	int status;

	PACE_ROUNDS(KILL_ROUNDS) {
		memset(steps, 0, sizeof(self->s->steps));
		for (int i = 0; i < KILLED; i++) {
			uint64_t rng = kt_random(&self->rng);

			pid[i] = kt_fork();
			ASSERT_LE(0, pid[i]);
			if (!pid[i])
				_exit(live(self->dev, rng, &steps[i]));
		}
		for (int i = 0; i < KILLED; i++) {
			uint64_t last = kt_random(&self->rng) % LAST_STEP;

			EXPECT_TRUE(PACE_UNTIL(kt_count(&steps[i]) >= last));
			kill(pid[i], SIGKILL);
		}
		for (int i = 0; i < KILLED; i++) {
			status = kt_wait(pid[i]);
			EXPECT_TRUE(WIFSIGNALED(status) &&
				    WTERMSIG(status) == SIGKILL);
		}
	}
	EXPECT_TRUE(kt_all_gone(self->dev));
}

/* Its span, once: what is in it, then something else, then idle. */
static void use_span(const struct kt_arena *a, struct shared *s, size_t i,
		     uint64_t gen)
{
	uint32_t word = kt_word(a, i);
	bool valid = s->valid[i];

	s->valid[i] = false; /* if it is killed from here on */
	/* The process that had it before was killed, or has made it idle. */
	while (!__atomic_compare_exchange_n(&a->ctl[i], &word, TMEM_SPAN_BUSY,
					    false, __ATOMIC_ACQUIRE,
					    __ATOMIC_ACQUIRE))
		;
	__atomic_fetch_add(&s->rounds, 1, __ATOMIC_RELAXED);
	if (word == TMEM_SPAN_PURGED) {
		__atomic_fetch_add(&s->lost, 1, __ATOMIC_RELAXED);
		if (kt_nonzero(kt_span(a, i), KT_SPAN))
			__atomic_fetch_add(&s->corrupt, 1, __ATOMIC_RELAXED);
	} else if (valid && kt_bad(kt_span(a, i), KT_SPAN, s->gen[i])) {
		__atomic_fetch_add(&s->corrupt, 1, __ATOMIC_RELAXED);
	}
	kt_fill(kt_span(a, i), KT_SPAN, gen);
	s->gen[i] = gen;
	s->valid[i] = true;
	kt_idle(a, i);
}

/* Forks once more now and then, and ends by itself or by SIGKILL. */
static int forked(const struct kt_arena *a, struct shared *s, size_t i,
		  uint64_t rng)
{
	size_t uses = kt_random(&rng) % 6;

	for (size_t n = 0; n < uses; n++) {
		if (kt_random(&rng) % 4 == 0) {
			pid_t pid = kt_fork();

			if (!pid) {
				use_span(a, s, i, rng);
				_exit(0);
			}
			kt_wait(pid);
		}
		use_span(a, s, i, kt_random(&rng));
		pace_pause();
	}
	if (kt_random(&rng) % 2)
		munmap(kt_span(a, i), 3 * KT_PAGE);
	return 0;
}

TEST_F(storm, forked_in_numbers)
{
	struct pace_rounds rounds = pace_rounds(FORK_ROUNDS);
	struct shared *s = self->s;
	pid_t pid[FORKED];
	struct kt_arena a;
	int alive[2];
	char c;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, (FORKED + 4) * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	kt_fill(kt_span(&a, FORKED), 4 * KT_SPAN, 5);
	while (pace_more(&rounds) || !s->lost) {
		ASSERT_EQ(0, pipe(alive));
		for (size_t i = 0; i < FORKED; i++) {
			uint64_t rng = kt_random(&self->rng);

			pid[i] = kt_fork();
			ASSERT_LE(0, pid[i]);
			if (!pid[i])
				_exit(forked(&a, s, i, rng));
		}
		for (size_t i = 0; i < FORKED; i++) {
			if (kt_random(&self->rng) % 3 == 0)
				kill(pid[i], SIGKILL);
		}
		for (size_t i = 0; i < FORKED; i++)
			kt_wait(pid[i]);
		/* Until the last child of one that was killed has ended, too. */
		close(alive[1]);
		EXPECT_EQ(0, read(alive[0], &c, 1));
		close(alive[0]);
	}
	printf("# spans used %llu times, lost %llu, corrupt %llu\n",
	       (unsigned long long)s->rounds, (unsigned long long)s->lost,
	       (unsigned long long)s->corrupt);
	EXPECT_EQ(0U, s->corrupt);
	EXPECT_EQ(0U, kt_bad(kt_span(&a, FORKED), 4 * KT_SPAN, 5));
	EXPECT_EQ(1U, kt_arenas(self->dev));
	kt_arena_fini(&a);
}

TEST_HARNESS_MAIN
