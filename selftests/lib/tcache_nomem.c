// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the tensor cache survives when the system refuses it memory, at
 * every point: each mmap(), mremap(), madvise() and ioctl() of a scenario that
 * puts, looks up, compresses and restores is made to fail, alone and with all
 * that follow.  Calls then say -ENOMEM; what was refused is still the caller's,
 * what was in the cache is as it was or gone, never wrong; and when the system
 * is good again, so is the cache.
 */
#include "fail_calls.h"

#include "tcache_test.h"

#define VALUES 24u
#define SIZE (200 * LT_KIB)
#define POINTS LT_COUNT(12, 6) /* of each kind of failure */

enum end {
	GOOD = 0,
	ERROR = 10,
	CONTENTS,
	LIMIT,
	AFTERWARDS,
	NOT_EMPTY,
	INIT,
};

struct scene {
	struct tmem_tcache *cache;
	enum end end;
	unsigned int refused;
};

static void bad(struct scene *s, enum end end)
{
	if (!s->end)
		s->end = end;
}

static void scene_create(struct scene *s)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	int err;

	config.max_bytes = VALUES / 2 * SIZE;
	config.cold_ms = 1;
	config.flags = TMEM_TCACHE_MANUAL;
	err = tmem_tcache_create(&config, &s->cache);
	if (err && err != -ENOMEM)
		bad(s, ERROR);
	s->refused += err == -ENOMEM;
}

static void scene_put(struct scene *s, uint64_t key, size_t size)
{
	struct tmem_tcache_item item = tc_item(key, lt_filled(size, key), size);
	int err;

	if (!item.value)
		return;
	item.flags = TMEM_TCACHE_COMPRESSIBLE;
	item.width = 4;
	item.key_bytes = "some bytes behind the key";
	item.key_size = 25;
	err = tmem_tcache_put(s->cache, &item, NULL);
	if (!err)
		return;
	if (err != -ENOMEM && err != -EEXIST)
		bad(s, ERROR);
	s->refused += err == -ENOMEM;
	if (!lt_kept(item.value, size, key))
		bad(s, CONTENTS);
	tmem_free(item.value);
}

static void scene_get(struct scene *s, uint64_t key)
{
	int err = tc_get(s->cache, key);

	if (err > 0)
		bad(s, CONTENTS);
	else if (err && err != -ENOENT && err != -ENOMEM)
		bad(s, ERROR);
	s->refused += err == -ENOMEM;
}

static void scene_play(struct scene *s)
{
	/* A put that is refused fills a span first: long, on an emulated CPU. */
	const uint64_t small = lt_backend() == TMEM_BACKEND_DEV ? 100 : 700;
	uint64_t i;

	if (!s->cache)
		scene_create(s);
	if (!s->cache)
		return;
	for (i = 0; i < VALUES; i++)
		scene_put(s, i, SIZE);
	/* Tables have to grow. */
	for (i = 100; i < 100 + small; i++)
		scene_put(s, i, 1);
	tc_wait_cold();
	tmem_tcache_compress(s->cache, UINT64_MAX);
	tmem_trim(0);
	for (i = 0; i < VALUES; i++)
		scene_get(s, i);
	if (tc_stats(s->cache).peak_bytes > tc_stats(s->cache).max_bytes)
		bad(s, LIMIT);
}

/* One failure, in a process that has not used the library. */
struct attempt {
	unsigned int calls, nth;
	bool for_good, set_up;
	unsigned int *result; /* shared: calls seen, failed, refusals */
};

static int attempt_run(void *arg)
{
	const struct attempt *a = arg;
	struct scene s = { .end = GOOD };
	unsigned int before;

	setenv("TMEM_GC", "off", 1);
	tmem_tcache_clock_replace(tc_now_ns);
	if (a->set_up && heap_init())
		return INIT;
	if (a->set_up)
		scene_create(&s);
	fail_start(a->calls, a->nth, a->for_good);
	scene_play(&s);
	fail_stop();
	a->result[0] = fail.seen;
	a->result[1] = fail.failed;
	a->result[2] += s.refused;
	if (s.end)
		return s.end;
	/* The system is good again. */
	before = s.refused;
	scene_play(&s);
	if (s.end || s.refused != before)
		return s.end ? s.end : AFTERWARDS;
	if (tc_stats(s.cache).bytes != lt_stats().live_bytes)
		return LIMIT;
	tmem_tcache_destroy(s.cache);
	if (!lt_stats().live_blocks && !tmem_check())
		return GOOD;
	printf("# %llu blocks left, tmem_check() %d\n",
	       (unsigned long long)lt_stats().live_blocks, tmem_check());
	fflush(stdout);
	return NOT_EMPTY;
}

static bool one_point(struct attempt *a)
{
	int status;

	a->result[0] = a->result[1] = 0;
	status = lt_child(attempt_run, a);
	if (status)
		printf("# call %u of kind %u%s: status %#x\n", a->nth, a->calls,
		       a->for_good ? " and on" : "", (unsigned int)status);
	return !status;
}

static bool all_points(struct attempt *a, uint64_t *random)
{
	unsigned int points = 0, step;

	a->result[2] = 0;
	a->nth = 0;
	if (!one_point(a))
		return false;
	step = 1 + a->result[0] / POINTS;
	a->nth = (unsigned int)lt_between(random, 1, step);
	do {
		if (!one_point(a))
			return false;
		a->nth += step;
	} while (a->result[1] && ++points);
	printf("# kind %u%s%s: every %u. call, %u failed; %u refusals\n",
	       a->calls, a->for_good ? " and on" : "",
	       a->set_up ? ", set up" : "", step, points, a->result[2]);
	return true;
}

FIXTURE(nomem)
{
	unsigned int *result; /* of all children */
};

FIXTURE_VARIANT(nomem)
{
	unsigned int calls;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(nomem, mmap) { FAIL_MMAP };
FIXTURE_VARIANT_ADD(nomem, madvise) { FAIL_MADVISE };
FIXTURE_VARIANT_ADD(nomem, ioctl) { FAIL_IOCTL };
FIXTURE_VARIANT_ADD(nomem, all) { FAIL_ALL };
/* clang-format on */

FIXTURE_SETUP(nomem)
{
	self->result = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->result);
}

FIXTURE_TEARDOWN(nomem)
{
	munmap(self->result, LT_PAGE);
}

TEST_F(nomem, at_every_point)
{
	struct attempt a = { .calls = variant->calls, .result = self->result };
	uint64_t random = pace_seed();
	unsigned int i;

	if (LT_TSAN)
		SKIP(return, "ThreadSanitizer makes these calls itself");
	for (i = 0; i < 4; i++) {
		a.for_good = i & 1;
		a.set_up = i & 2;
		EXPECT_TRUE(all_points(&a, &random));
	}
}

TEST_HARNESS_MAIN
