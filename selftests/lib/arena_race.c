// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that tmem_arena_purge() may race with anything: threads make spans
 * idle and busy again, and in the second test move them about meanwhile,
 * others purge all the time.  A span that was won back must hold every word
 * that was written, one that was lost must hold none, a busy one must keep
 * what it has, and every loss must have been counted.
 */
#include "lib_test.h"

#define USERS 3
#define PURGERS 2
#define OWN 4 /* spans of each user; it has one place more to move them to */
#define SPANS (USERS * OWN)
#define WORDS 8 /* looked at in a span, the first and the last too */

struct user {
	struct race *race;
	pthread_t id;
	uint64_t random;
	uint32_t first; /* span */
	char *place; /* OWN + 1 of them */
	char *at[OWN]; /* where each span is */
	uint64_t tag[OWN];
	bool idle[OWN];
	char *empty; /* the place with no span */
};

/* What is in the spans, seen from outside; each user has its own. */
struct race {
	struct tmem_arena *arena;
	bool moving;
	atomic_uint purgers;
	atomic_bool stop;
	atomic_uint corrupt;
	_Atomic(uint64_t) kept, lost, purged;
	struct user user[USERS];
};

static uint64_t *word_at(char *span, unsigned int k)
{
	size_t page = k * (LT_SPAN / LT_PAGE - 1) / (WORDS - 1);

	return (uint64_t *)(span + page * LT_PAGE) + k;
}

static void span_write(char *span, uint64_t tag)
{
	unsigned int k;

	for (k = 0; k < WORDS; k++)
		*word_at(span, k) = lt_mix(tag + k);
}

static bool span_holds(char *span, uint64_t tag)
{
	unsigned int k;

	for (k = 0; k < WORDS; k++)
		if (*word_at(span, k) != lt_mix(tag + k))
			return false;
	return true;
}

static bool span_zero(char *span)
{
	unsigned int k;

	for (k = 0; k < WORDS; k++)
		if (*word_at(span, k))
			return false;
	return true;
}

static void corrupt(struct race *race, const char *what)
{
	if (!atomic_fetch_add(&race->corrupt, 1))
		printf("# %s\n", what);
}

/* The span goes to the empty place, and the one it had is empty. */
static void user_move(struct user *u, uint32_t i)
{
	if (!tmem_arena_map(u->race->arena, u->empty, u->first + i, 1)) {
		corrupt(u->race, "a span could not be moved");
		return;
	}
	char *was = u->at[i];

	u->at[i] = u->empty;
	u->empty = was;
}

static void user_claim(struct user *u, uint32_t i)
{
	switch (tmem_arena_claim(u->race->arena, u->first + i)) {
	case 0:
		atomic_fetch_add(&u->race->kept, 1);
		if (!span_holds(u->at[i], u->tag[i]))
			corrupt(u->race, "a span that was kept is not whole");
		break;
	case 1:
		atomic_fetch_add(&u->race->lost, 1);
		if (!span_zero(u->at[i]))
			corrupt(u->race, "a span that was lost is not empty");
		break;
	default:
		corrupt(u->race, "an idle span was busy");
	}
	u->tag[i] = lt_random(&u->random);
	span_write(u->at[i], u->tag[i]);
	u->idle[i] = false;
}

static void user_step(struct user *u)
{
	uint32_t i = lt_random(&u->random) % OWN;

	/* Idle or busy: moving is the owner's right at any time. */
	if (u->race->moving && lt_random(&u->random) % 2)
		user_move(u, i);
	if (u->idle[i]) {
		user_claim(u, i);
		return;
	}
	if (!span_holds(u->at[i], u->tag[i]))
		corrupt(u->race, "a busy span lost its contents");
	if (lt_random(&u->random) % 4) {
		tmem_arena_release(u->race->arena, u->first + i);
		u->idle[i] = true;
	}
}

/* Until spans have been kept and lost, at least. */
static void *user_run(void *arg)
{
	struct race *race = ((struct user *)arg)->race;

	PACE_ROUNDS(LT_COUNT(500, 200)) {
		user_step(arg);
	}
	PACE_UNTIL((user_step(arg), race->kept && race->lost));
	return NULL;
}

static void *purger_run(void *arg)
{
	struct race *race = arg;
	uint64_t random = lt_mix(atomic_fetch_add(&race->purgers, 1));
	uint32_t first, n;

	while (!atomic_load(&race->stop)) {
		first = lt_random(&random) % SPANS;
		if (tmem_arena_purge(race->arena, first,
				     lt_between(&random, 1, SPANS - first), &n))
			corrupt(race, "tmem_arena_purge() failed");
		atomic_fetch_add(&race->purged, n);
	}
	return NULL;
}

static bool user_init(struct user *u, struct race *race, uint32_t number)
{
	uint32_t i;

	u->race = race;
	u->first = number * OWN;
	u->random += (uint64_t)number << 32;
	u->place = lt_reserve(OWN + 1);
	u->empty = u->place + OWN * LT_SPAN;
	if (!tmem_arena_map(race->arena, u->place, u->first, OWN))
		return false;
	for (i = 0; i < OWN; i++) {
		u->at[i] = u->place + i * LT_SPAN;
		span_write(u->at[i], u->tag[i]);
	}
	return true;
}

FIXTURE(race)
{
	struct race r;
};

FIXTURE_SETUP(race)
{
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;
	uint64_t seed = pace_seed();
	uint32_t i;

	memset(&self->r, 0, sizeof(self->r));
	config.size = SPANS * LT_SPAN;
	config.backend = lt_backend();
	ASSERT_EQ(0, tmem_arena_create(&config, &self->r.arena));
	for (i = 0; i < USERS; i++) {
		self->r.user[i].random = seed;
		ASSERT_TRUE(user_init(&self->r.user[i], &self->r, i));
	}
}

FIXTURE_TEARDOWN(race)
{
	tmem_arena_destroy(self->r.arena);
}

static bool race_run(struct race *race)
{
	pthread_t purger[PURGERS];
	uint32_t i;

	for (i = 0; i < PURGERS; i++)
		if (pthread_create(&purger[i], NULL, purger_run, race))
			return false;
	for (i = 0; i < USERS; i++)
		if (pthread_create(&race->user[i].id, NULL, user_run,
				   &race->user[i]))
			return false;
	for (i = 0; i < USERS; i++)
		pthread_join(race->user[i].id, NULL);
	atomic_store(&race->stop, true);
	for (i = 0; i < PURGERS; i++)
		pthread_join(purger[i], NULL);
	return true;
}

/* What the threads leave: the last claims, and the sums. */
static void race_end(struct race *race)
{
	uint32_t i, k;

	for (i = 0; i < USERS; i++)
		for (k = 0; k < OWN; k++)
			if (race->user[i].idle[k])
				user_claim(&race->user[i], k);
	printf("# kept %llu lost %llu purged %llu\n",
	       (unsigned long long)race->kept, (unsigned long long)race->lost,
	       (unsigned long long)race->purged);
}

TEST_F(race, claim_and_purge)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;

	ASSERT_TRUE(race_run(&self->r));
	race_end(&self->r);
	EXPECT_EQ(0U, atomic_load(&self->r.corrupt));
	EXPECT_LT(0U, atomic_load(&self->r.kept));
	EXPECT_LT(0U, atomic_load(&self->r.lost));
	EXPECT_EQ(atomic_load(&self->r.lost), atomic_load(&self->r.purged));
	EXPECT_EQ(0, tmem_arena_usage(self->r.arena, &usage));
	EXPECT_EQ(atomic_load(&self->r.purged), usage.purged);
}

TEST_F(race, move_and_purge)
{
	self->r.moving = true;
	ASSERT_TRUE(race_run(&self->r));
	race_end(&self->r);
	EXPECT_EQ(0U, atomic_load(&self->r.corrupt));
	EXPECT_LT(0U, atomic_load(&self->r.kept));
	EXPECT_LT(0U, atomic_load(&self->r.lost));
	EXPECT_EQ(atomic_load(&self->r.lost), atomic_load(&self->r.purged));
}

struct filler {
	struct tmem_arena *arena;
	uint32_t first;
	pthread_t id;
};

static uint32_t purge_some(struct filler *f)
{
	uint32_t n;

	return tmem_arena_purge(f->arena, f->first, OWN, &n) ? 0 : n;
}

/* On /dev/tmem a span that another thread's call looks at is left for later. */
static bool purge_all(struct filler *f)
{
	uint32_t all = 0;

	return PACE_UNTIL((all += purge_some(f)) >= OWN) && all == OWN;
}

/* Calls on different spans of one arena, all at the same time. */
static void *filler_run(void *arg)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;
	struct filler *f = arg;
	uint32_t i = 0, n;
	char *at;

	PACE_ROUNDS(LT_COUNT(15, 10)) {
		i++;
		at = tmem_arena_map(f->arena, NULL, f->first, OWN);
		if (!at || tmem_arena_populate(f->arena, f->first, OWN))
			return "no memory";
		lt_fill(at, OWN * LT_SPAN, i);
		if (i % 16 == 0 && tmem_arena_usage(f->arena, &usage))
			return "no usage";
		at = lt_reserve(OWN);
		if (!tmem_arena_map(f->arena, at, f->first, OWN) ||
		    !lt_kept(at, OWN * LT_SPAN, i))
			return "contents were lost";
		for (n = 0; n < OWN; n++)
			tmem_arena_release(f->arena, f->first + n);
		if (!purge_all(f))
			return "not all was purged";
		for (n = 0; n < OWN; n++)
			if (tmem_arena_claim(f->arena, f->first + n) != 1)
				return "a purged span says that it is whole";
		if (!lt_zero(at, OWN * LT_SPAN))
			return "a purged span is not empty";
	}
	return NULL;
}

TEST_F(race, different_spans)
{
	struct filler filler[USERS];
	void *what;
	uint32_t i;

	for (i = 0; i < USERS; i++) {
		filler[i].arena = self->r.arena;
		filler[i].first = i * OWN;
		ASSERT_EQ(0, pthread_create(&filler[i].id, NULL, filler_run,
					    &filler[i]));
	}
	for (i = 0; i < USERS; i++) {
		pthread_join(filler[i].id, &what);
		EXPECT_EQ(NULL, what) TH_LOG("%s", (char *)what);
	}
}

TEST_HARNESS_MAIN
