// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that populating, touching and purging the same spans at the same time
 * does no harm: busy contents stay, purged ones read as zeroes, each span is
 * filled once for each time that it was empty, and the counters agree.
 */
#include "tmem_test_populate.h"
#include "tmem_test_recall.h"

#include <pthread.h>

#define SPANS ((size_t)24)
#define OWNERS ((size_t)3)
#define ROUNDS 1000 /* of an owner, at least */

struct state {
	struct kt_arena a;
	uint64_t seed;
	bool stop;
	uint64_t rounds, kept, lost, bad;
	uint64_t calls, failed; /* of populate */
	uint64_t purged;
};

struct owner {
	struct state *s;
	size_t me;
	uint64_t seed;
};

/* Without a share of each, nothing is proven: the owners go on. */
static bool each_had_a_share(const struct state *s)
{
	return kt_count(&s->kept) && kt_count(&s->lost) && kt_count(&s->calls);
}

/* Takes a span of its own back: what it wrote, or zeroes, all of it. */
static void claim(struct owner *o, size_t i, uint64_t seed)
{
	struct kt_arena *a = &o->s->a;
	uint32_t word = kt_word(a, i);

	if (word != TMEM_SPAN_PURGED &&
	    __atomic_compare_exchange_n(&a->ctl[i], &word, TMEM_SPAN_BUSY,
					false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		kt_add(&o->s->kept, 1);
		kt_add(&o->s->bad, kt_bad(kt_span(a, i), KT_SPAN, seed));
		return;
	}
	kt_word_set(a, i, TMEM_SPAN_BUSY);
	kt_add(&o->s->lost, 1);
	for (size_t page = 0; page < KT_SPAN / KT_PAGE; page++)
		kt_add(&o->s->bad, *kt_page_word(kt_span(a, i), page) != 0);
}

static void *own(void *arg)
{
	struct owner *o = arg;
	struct pace_rounds rounds = pace_rounds(ROUNDS);
	uint64_t contents[SPANS] = { 0 };

	while (pace_more(&rounds) || !each_had_a_share(o->s)) {
		size_t i =
			kt_random(&o->seed) % (SPANS / OWNERS) * OWNERS + o->me;

		if (contents[i]) {
			kt_idle(&o->s->a, i);
			if (kt_random(&o->seed) % 2)
				sched_yield();
			claim(o, i, contents[i]);
		}
		contents[i] = kt_random(&o->seed) | 1;
		kt_fill(kt_span(&o->s->a, i), KT_SPAN, contents[i]);
		kt_add(&o->s->rounds, 1);
	}
	return NULL;
}

static void *populate(void *arg)
{
	struct state *s = arg;
	uint64_t seed = s->seed + 99;

	while (!kt_flagged(&s->stop)) {
		size_t first = kt_random(&seed) % SPANS;
		struct kt_populate p = {
			first, kt_random(&seed) % (SPANS - first + 1), -1,
			(unsigned int)(kt_random(&seed) % 4), 0
		};

		kt_add(&s->failed, kt_populate(&s->a, &p) != 0);
		/* Idle spans may be gone again; busy ones may not. */
		kt_add(&s->failed, p.populated > p.count);
		kt_add(&s->calls, 1);
	}
	return NULL;
}

static void *purge(void *arg)
{
	struct state *s = arg;
	struct tmem_arena_purge out;

	while (!kt_flagged(&s->stop)) {
		if (kt_purge(&s->a, 0, SPANS, &out))
			break;
		kt_add(&s->purged, out.purged);
		sched_yield();
	}
	return NULL;
}

FIXTURE(race)
{
	int dev;
	uint64_t free_before;
	struct state s;
};

FIXTURE_SETUP(race)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->s.seed = pace_seed();
}

FIXTURE_TEARDOWN(race)
{
	kt_arena_fini(&self->s.a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

TEST_F(race, all_at_once)
{
	struct state *s = &self->s;
	struct owner o[OWNERS];
	pthread_t id[OWNERS + 3];
	struct tmem_arena_stat st;

	ASSERT_EQ(0, kt_arena_init(&s->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	for (size_t i = 0; i < OWNERS; i++) {
		o[i] = (struct owner){ s, i, s->seed + i };
		ASSERT_EQ(0, pthread_create(&id[i], NULL, own, &o[i]));
	}
	ASSERT_EQ(0, pthread_create(&id[OWNERS], NULL, populate, s));
	ASSERT_EQ(0, pthread_create(&id[OWNERS + 1], NULL, populate, s));
	ASSERT_EQ(0, pthread_create(&id[OWNERS + 2], NULL, purge, s));
	for (size_t i = 0; i < OWNERS; i++)
		pthread_join(id[i], NULL);
	kt_flag(&s->stop);
	for (size_t i = OWNERS; i < OWNERS + 3; i++)
		pthread_join(id[i], NULL);
	st = kt_stat(&s->a);
	printf("# %llu rounds, %llu kept, %llu lost, %llu populates\n",
	       (unsigned long long)s->rounds, (unsigned long long)s->kept,
	       (unsigned long long)s->lost, (unsigned long long)s->calls);
	EXPECT_EQ(0U, s->bad);
	EXPECT_EQ(0U, s->failed);
	EXPECT_EQ(s->purged, st.purged);
	/* Filled as often as emptied, and once more where it is full now. */
	EXPECT_EQ(st.purged + st.spans_huge, st.fills);
	EXPECT_EQ(0U, st.fills_failed + st.fills_small);
}

TEST_HARNESS_MAIN
