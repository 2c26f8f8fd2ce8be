// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the library survives when the system refuses it something, at
 * every point: each call of mmap(), mremap(), madvise(), mprotect(), ioctl()
 * and pthread_create() that a scenario makes is made to fail, one after the
 * other, alone and with all that follow.  What is asked for is then had, or
 * refused with ENOMEM; live blocks keep their contents; and when the system is
 * good again, so is the heap, and all of it can be given back.
 */
#include "fail_calls.h"

/* How a child ended. */
enum end {
	GOOD = 0,
	CONTENTS = 10,
	ERRNO,
	NOT_WHOLE,
	NOT_EMPTY,
	NOT_SET_UP,
	STATS,
	INIT,
	NO_POOL,
};

#define BLOCKS 24

/* What a scenario has. */
struct scene {
	struct heap_block block[BLOCKS];
	struct tmem_pool *pool;
	enum end end;
	uint64_t tags, refused;
};

typedef void (*play)(struct scene *scene);

static void bad(struct scene *s, enum end end)
{
	if (!s->end)
		s->end = end;
}

/* A block, or NULL and ENOMEM. */
static void scene_take(struct scene *s, size_t i, void *at, size_t size)
{
	if (!at) {
		s->refused++;
		if (errno != ENOMEM) {
			printf("# errno %d\n", errno);
			bad(s, ERRNO);
		}
		return;
	}
	if (!heap_block_take(&s->block[i], at, size, ++s->tags))
		bad(s, CONTENTS);
}

static void scene_alloc(struct scene *s, size_t i, size_t size)
{
	errno = 0;
	scene_take(s, i, tmem_alloc(size), size);
}

static void scene_free(struct scene *s, size_t i)
{
	if (!heap_block_free(&s->block[i]))
		bad(s, CONTENTS);
}

static void scene_realloc(struct scene *s, size_t i, size_t size)
{
	struct heap_block old = s->block[i];
	size_t least = size < old.usable ? size : old.usable;
	char *at;

	errno = 0;
	at = tmem_realloc(old.at, size);
	if (at && old.at && !lt_kept_to(at, old.usable, least, old.tag))
		bad(s, CONTENTS);
	if (at || !old.at)
		scene_take(s, i, at, size);
	else if (errno != ENOMEM || !heap_block_kept(&old))
		bad(s, errno != ENOMEM ? ERRNO : CONTENTS);
}

/* The first use, and one block of each kind. */
static void play_first_use(struct scene *s)
{
	/* clang-format off */
	static const size_t sizes[] = {
		1, 100, 5000, 32768, 40000, 300000, LT_MIB, 3 * LT_MIB,
		8 * LT_MIB,
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		scene_alloc(s, i, sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		scene_free(s, i);
}

/* Holes of all sizes, and requests that take memory out of several. */
static void play_moves(struct scene *s)
{
	size_t i;

	for (i = 0; i < 12; i++)
		scene_alloc(s, i, (2 + i % 3 * 2) * LT_MIB);
	for (i = 0; i < 12; i += 2)
		scene_free(s, i);
	scene_alloc(s, 12, 9 * LT_MIB);
	scene_alloc(s, 13, 5 * LT_MIB);
	scene_alloc(s, 14, 700 * LT_KIB);
	scene_alloc(s, 15, 1300 * LT_KIB);
	for (i = 1; i < 12; i += 4)
		scene_free(s, i);
	scene_alloc(s, 16, 11 * LT_MIB);
	scene_free(s, 12);
	scene_alloc(s, 17, 16 * LT_MIB);
	for (i = 0; i < 18; i++)
		scene_free(s, i);
}

/* Grown and shrunk, from the smallest to the largest. */
static void play_realloc(struct scene *s)
{
	size_t size, i;

	for (size = 50; size < 12 * LT_MIB; size *= 6)
		for (i = 0; i < 3; i++)
			scene_realloc(s, i, size + i * 1000);
	for (; size > 50; size /= 7)
		for (i = 0; i < 3; i++)
			scene_realloc(s, i, size + i * 1000);
	for (i = 0; i < 3; i++)
		scene_free(s, i);
}

static void play_zalloc(struct scene *s)
{
	static const size_t sizes[] = { 100, 70000, 3 * LT_MIB, 9 * LT_MIB };
	size_t i, round;
	char *at;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			errno = 0;
			at = tmem_zalloc(sizes[i]);
			if (at && !lt_zero(at, tmem_usable_size(at)))
				bad(s, CONTENTS);
			scene_take(s, i, at, sizes[i]);
		}
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			scene_free(s, i);
		if (round == 1)
			tmem_trim(0);
	}
}

static void play_pools(struct scene *s)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	unsigned int i, k;

	for (i = 0; i < 5; i++) {
		config.strategy = (enum tmem_strategy)i;
		errno = 0;
		s->pool = tmem_pool_create(&config);
		if (!s->pool) {
			if (errno != ENOMEM)
				bad(s, ERRNO);
			continue;
		}
		for (k = 0; k < 4; k++) {
			errno = 0;
			scene_take(s, k,
				   tmem_pool_alloc(s->pool, 1000 << k * 4),
				   1000 << k * 4);
		}
		scene_free(s, 1);
		tmem_pool_destroy(s->pool);
		memset(s->block, 0, sizeof(s->block));
	}
}

/* So many small ones that the library's own tables have to grow. */
static void play_many(struct scene *s)
{
	enum { MANY = 3000 };
	static char *many[MANY];
	/* Each that is refused takes its time, on a slow machine much. */
	size_t max = lt_backend() == TMEM_BACKEND_DEV ? MANY / 10 : MANY, i;

	for (i = 0; i < max; i++) {
		many[i] = tmem_alloc(64 + i % 7 * 2000);
		if (many[i])
			lt_fill(many[i], 64, i);
		else if (errno != ENOMEM)
			bad(s, ERRNO);
	}
	for (i = 0; i < max; i++) {
		if (many[i] && !lt_kept(many[i], 64, i))
			bad(s, CONTENTS);
		tmem_free(many[i]);
	}
}

static void *in_a_thread(void *arg)
{
	struct scene *s = arg;

	scene_alloc(s, 20, 100);
	scene_alloc(s, 21, 50000);
	scene_alloc(s, 22, 5 * LT_MIB);
	scene_free(s, 21);
	return NULL;
}

/* A thread that is new to the heap, and one's blocks freed by another. */
static void play_thread(struct scene *s)
{
	unsigned int i;
	pthread_t id;

	for (i = 0; i < 3; i++) {
		scene_alloc(s, 0, 200);
		/* The test's own thread may be the call that fails. */
		if (!pthread_create(&id, NULL, in_a_thread, s))
			pthread_join(id, NULL);
		scene_free(s, 20);
		scene_free(s, 22);
		scene_free(s, 0);
	}
}

/* Given back while the system refuses even that. */
static void play_trim(struct scene *s)
{
	size_t i;

	for (i = 0; i < 8; i++)
		scene_alloc(s, i, (1 + i) * LT_MIB);
	for (i = 0; i < 8; i += 2)
		scene_free(s, i);
	tmem_trim(3 * LT_MIB);
	scene_alloc(s, 0, 6 * LT_MIB);
	tmem_trim(0);
	for (i = 0; i < 8; i++)
		scene_free(s, i);
	tmem_trim(0);
}

/* One failure in one scenario, in a process that has not used the library. */
struct attempt {
	play play;
	unsigned int calls, nth;
	bool for_good, set_up;
	unsigned int *result; /* shared: calls seen, failed, blocks refused */
};

/*
 * On /dev/tmem memory is given back by ioctl().  Where that failed it stays
 * behind spans that are not held, until they are used again.
 */
static bool could_not_purge(const struct attempt *a)
{
	struct tmem_stats s = lt_stats();

	return lt_backend() == TMEM_BACKEND_DEV && a->calls & FAIL_IOCTL &&
	       !s.live_blocks && !s.spans_busy && !s.spans_idle;
}

static int attempt_run(void *arg)
{
	const struct attempt *a = arg;
	struct scene s = { .end = GOOD };
	size_t i;

	setenv("TMEM_GC", "off", 1);
	if (a->set_up && heap_init())
		return INIT;
	fail_start(a->calls, a->nth, a->for_good);
	a->play(&s);
	fail_stop();
	a->result[0] = fail.seen;
	a->result[1] = fail.failed;
	a->result[2] += (unsigned int)s.refused;
	if (s.end)
		return s.end;
	for (i = 0; i < BLOCKS; i++)
		if (!heap_block_free(&s.block[i]))
			return CONTENTS;
	/* The system is good again. */
	if (heap_init())
		return NOT_SET_UP;
	if (tmem_check() || !heap_whole(200))
		return NOT_WHOLE;
	if (!heap_empty() && !could_not_purge(a))
		return NOT_EMPTY;
	return lt_stats().misuse ? STATS : GOOD;
}

static const struct {
	const char *name;
	play play;
} plays[] = {
	{ "first use", play_first_use }, { "moves", play_moves },
	{ "realloc", play_realloc },	 { "zalloc", play_zalloc },
	{ "pools", play_pools },	 { "many", play_many },
	{ "thread", play_thread },	 { "trim", play_trim },
};

static bool one_point(struct attempt *a, const char *name)
{
	int status;

	a->result[0] = a->result[1] = 0;
	status = lt_child(attempt_run, a);
	if (status)
		printf("# %s: call %u of kind %u%s: status %#x\n", name, a->nth,
		       a->calls, a->for_good ? " and on" : "",
		       (unsigned int)status);
	return !status;
}

/* Of the calls of one kind in one scenario so many fail: all, or some. */
#define POINTS (lt_is_slow() ? 4u : 1000u)

/* Each call of the kind fails in its turn, or by the seed every so many. */
static bool all_points(struct attempt *a, const char *name, uint64_t *random)
{
	unsigned int calls, failed = 0, step;

	a->result[2] = 0;
	a->nth = 0;
	if (!one_point(a, name))
		return false;
	calls = a->result[0];
	step = 1 + calls / (POINTS + 1);
	for (a->nth = (unsigned int)lt_between(random, 1, step);
	     a->nth <= calls; a->nth += step) {
		if (!one_point(a, name))
			return false;
		failed += a->result[1] > 0;
	}
	printf("# %s, kind %u%s: %u calls, every %u. one; %u failed; %u blocks refused\n",
	       name, a->calls, a->for_good ? " and on" : "", calls, step,
	       failed, a->result[2]);
	return true;
}

FIXTURE(oom)
{
	unsigned int *result; /* of all children */
};

FIXTURE_VARIANT(oom)
{
	unsigned int calls;
	bool for_good;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(oom, mmap) { FAIL_MMAP, false };
FIXTURE_VARIANT_ADD(oom, mmap_for_good) { FAIL_MMAP, true };
FIXTURE_VARIANT_ADD(oom, mremap) { FAIL_MREMAP, false };
FIXTURE_VARIANT_ADD(oom, mremap_for_good) { FAIL_MREMAP, true };
FIXTURE_VARIANT_ADD(oom, madvise) { FAIL_MADVISE, false };
FIXTURE_VARIANT_ADD(oom, madvise_for_good) { FAIL_MADVISE, true };
FIXTURE_VARIANT_ADD(oom, ioctl) { FAIL_IOCTL, false };
FIXTURE_VARIANT_ADD(oom, ioctl_for_good) { FAIL_IOCTL, true };
FIXTURE_VARIANT_ADD(oom, thread_for_good) { FAIL_THREAD, true };
FIXTURE_VARIANT_ADD(oom, all_for_good) { FAIL_ALL, true };
/* clang-format on */

FIXTURE_SETUP(oom)
{
	self->result = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->result);
}

FIXTURE_TEARDOWN(oom)
{
	munmap(self->result, LT_PAGE);
}

TEST_F(oom, at_every_point)
{
	struct attempt a = {
		.calls = variant->calls,
		.for_good = variant->for_good,
		.result = self->result,
	};
	uint64_t random = pace_seed();
	size_t i;

	if (LT_TSAN)
		SKIP(return, "ThreadSanitizer makes these calls itself");
	PACE_ROUNDS(1) {
		for (i = 0; i < ARRAY_SIZE(plays); i++) {
			a.play = plays[i].play;
			/* The set-up's own calls are tried with the first one. */
			a.set_up = i > 0;
			ASSERT_TRUE(all_points(&a, plays[i].name, &random));
		}
	}
}

TEST_HARNESS_MAIN
