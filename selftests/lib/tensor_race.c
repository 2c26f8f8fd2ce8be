// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that blocks may be moved while other threads pin, write to, unpin,
 * free and make handles, and while they fork: nobody sees contents that are
 * not the handle's, or an address that changes while it is pinned, and a child
 * goes on with whatever it has.  Views, lazy copies and writes of one tensor
 * by many threads, too.
 */
#include "heap_test.h"
#include "tensor_test.h"

#define THREADS 3
#define HANDLES 200
#define TIDES LT_COUNT(40, 8)
#define TIDE 800 /* rounds until most is freed */
#define MOVES LT_COUNT(500, 50) /* at least */

struct shelf {
	struct tmem_handle *handle;
	size_t size;
	uint64_t tag;
};

struct worker {
	pthread_t thread;
	uint64_t random;
	struct shelf shelf[HANDLES];
	const char *wrong;
};

static _Atomic(uint64_t) moved; /* blocks */

static void shelf_fill(struct worker *w, struct shelf *s)
{
	void *at;

	s->size = lt_between(&w->random, 1, 60 * LT_KIB);
	s->tag = lt_random(&w->random);
	s->handle = tmem_handle_new(NULL, s->size);
	at = s->handle ? tmem_handle_pin(s->handle) : NULL;
	if (!at) {
		w->wrong = "no handle";
		return;
	}
	lt_fill(at, s->size, s->tag);
	if (tmem_handle_unpin(s->handle))
		w->wrong = "unpin";
}

static void shelf_use(struct worker *w, struct shelf *s)
{
	void *at = tmem_handle_pin(s->handle);

	if (!at || !lt_kept(at, s->size, s->tag))
		w->wrong = "contents";
	s->tag = lt_random(&w->random);
	lt_fill(at, s->size, s->tag);
	if (at != tmem_handle_pin(s->handle))
		w->wrong = "address";
	if (tmem_handle_unpin(s->handle))
		w->wrong = "a pin that is lost";
	if (!lt_kept(at, s->size, s->tag))
		w->wrong = "contents while pinned";
	if (tmem_handle_unpin(s->handle))
		w->wrong = "the last pin that is lost";
}

static void shelf_free(struct worker *w, struct shelf *s)
{
	if (tmem_handle_free(s->handle))
		w->wrong = "free";
	s->handle = NULL;
}

/* Most of it goes at once, so that spans are sparse. */
static void shelf_ebb(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < HANDLES; i++)
		if (lt_random(&w->random) % 16)
			shelf_free(w, &w->shelf[i]);
}

static void work_tide(struct worker *w)
{
	struct shelf *s;
	int i;

	shelf_ebb(w);
	for (i = 1; i < TIDE && !w->wrong; i++) {
		s = &w->shelf[lt_random(&w->random) % HANDLES];
		if (!s->handle && i < TIDE / 2)
			shelf_fill(w, s);
		else if (s->handle && lt_random(&w->random) % 8)
			shelf_use(w, s);
		else
			shelf_free(w, s);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	PACE_ROUNDS(TIDES) {
		if (!w->wrong)
			work_tide(w);
	}
	PACE_UNTIL((work_tide(w), w->wrong || atomic_load(&moved) >= MOVES));
	for (i = 0; i < HANDLES; i++)
		if (!w->wrong && w->shelf[i].handle) {
			shelf_use(w, &w->shelf[i]);
			tmem_handle_free(w->shelf[i].handle);
		}
	return NULL;
}

static void *defragment(void *arg)
{
	struct tmem_defrag_report report = TMEM_DEFRAG_REPORT_INIT;

	while (!atomic_load((atomic_bool *)arg)) {
		if (tmem_defragment(NULL, 500, &report))
			break;
		atomic_fetch_add(&moved, report.moved_blocks);
		sched_yield();
	}
	return NULL;
}

TEST(moved_while_used)
{
	static struct worker worker[THREADS];
	atomic_bool stop = false;
	pthread_t mover;
	uint64_t seed = pace_seed();
	int i;

	ASSERT_EQ(0, heap_init());
	ASSERT_EQ(0, pthread_create(&mover, NULL, defragment, &stop));
	for (i = 0; i < THREADS; i++) {
		worker[i].random = seed + (uint64_t)i * 1000000;
		ASSERT_EQ(0, pthread_create(&worker[i].thread, NULL, work,
					    &worker[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		EXPECT_STREQ("", worker[i].wrong ? worker[i].wrong : "");
	}
	atomic_store(&stop, true);
	pthread_join(mover, NULL);
	printf("# %llu blocks moved\n",
	       (unsigned long long)atomic_load(&moved));
	EXPECT_LE((uint64_t)MOVES, atomic_load(&moved));
	EXPECT_EQ(0, tmem_check());
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_TRUE(heap_empty());
}

#define KEPT 60

static struct tmem_handle *kept[KEPT];

static int child_goes_on(void *arg)
{
	struct tmem_defrag_report report = TMEM_DEFRAG_REPORT_INIT;
	struct tmem_handle *handle;
	int i;

	for (i = 0; i < KEPT; i++) {
		void *at = tmem_handle_pin(kept[i]);

		/* On dev it is the parent's memory, who goes on moving. */
		if (!at || (lt_backend() == TMEM_BACKEND_ANON &&
			    !lt_kept(at, 20000, (uint64_t)i)))
			return 1;
		tmem_handle_unpin(kept[i]);
	}
	if (tmem_defragment(NULL, UINT64_MAX, &report))
		return 2;
	for (i = 0; i < KEPT; i++)
		if (tmem_handle_free(kept[i]))
			return 3;
	handle = tmem_handle_new(NULL, 100);
	if (!handle || tmem_handle_free(handle))
		return 4;
	return 42;
}

/* Blocks that are made and freed all the time, so that there is work to do. */
static void *stir(void *arg)
{
	struct tmem_handle *handle[64] = { NULL };
	uint64_t random = 7;
	size_t i;

	while (!atomic_load((atomic_bool *)arg)) {
		i = lt_random(&random) % ARRAY_SIZE(handle);
		tmem_handle_free(handle[i]);
		handle[i] = NULL;
		if (lt_random(&random) % 3 == 0)
			handle[i] = tmem_handle_new(NULL, lt_between(&random, 1,
								     200000));
	}
	for (i = 0; i < ARRAY_SIZE(handle); i++)
		tmem_handle_free(handle[i]);
	return NULL;
}

TEST(fork_while_moving)
{
	atomic_bool stop = false;
	pthread_t mover, stirrer;
	int i, status;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < KEPT; i++) {
		kept[i] = tmem_handle_new(NULL, 20000);
		lt_fill(tmem_handle_pin(kept[i]), 20000, (uint64_t)i);
		tmem_handle_unpin(kept[i]);
	}
	ASSERT_EQ(0, pthread_create(&mover, NULL, defragment, &stop));
	ASSERT_EQ(0, pthread_create(&stirrer, NULL, stir, &stop));
	PACE_ROUNDS(LT_COUNT(40, 10)) {
		status = lt_child(child_goes_on, NULL);
		ASSERT_TRUE(LT_EXITED(status, 42));
	}
	atomic_store(&stop, true);
	pthread_join(mover, NULL);
	pthread_join(stirrer, NULL);
	for (i = 0; i < KEPT; i++)
		EXPECT_EQ(0, tmem_handle_free(kept[i]));
	EXPECT_TRUE(heap_empty());
}

/* Each thread has lazy copies of one tensor, and writes to its own. */
static void *copies(void *arg)
{
	struct tmem_tensor *base = arg, *lazy, *view, *more;
	int32_t *data;
	int i;

	for (i = 0; i < LT_COUNT(5000, 500); i++) {
		lazy = tmem_tensor_lazy_copy(base);
		if (!lazy)
			return arg;
		view = tmem_tensor_slice(lazy, 0, 10, 50, 1);
		more = tmem_tensor_lazy_copy(view);
		data = tmem_tensor_write(view);
		data[0] = -1;
		if (tt_i32(lazy, 10) != -1 || tt_i32(more, 0) != 10 ||
		    tt_i32(lazy, 99) != 99)
			return arg;
		tmem_tensor_unref(lazy);
		tmem_tensor_unref(view);
		tmem_tensor_unref(more);
	}
	return NULL;
}

TEST(lazy_copies_from_many_threads)
{
	struct tmem_tensor *base;
	pthread_t thread[THREADS];
	void *wrong;
	int i;

	ASSERT_EQ(0, heap_init());
	base = tt_range(1, SHAPE(100));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, copies, base));
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &wrong);
		EXPECT_EQ(NULL, wrong);
	}
	EXPECT_EQ(99, tt_i32(base, 99));
	tmem_tensor_unref(base);
	EXPECT_TRUE(tt_none_left());
}

static int child_has_tensors(void *arg)
{
	struct tmem_tensor *copy = tmem_tensor_copy(arg);
	struct tmem_tensor *view = tmem_tensor_slice(arg, 0, 5, 5, 1);

	if (!copy || !view || tt_i32(copy, 7) != 7 || tt_i32(view, 2) != 7)
		return 1;
	((int32_t *)tmem_tensor_write(copy))[7] = 70;
	tmem_tensor_unref(copy);
	tmem_tensor_unref(view);
	tmem_tensor_unref(arg);
	return 42;
}

TEST(tensors_after_fork)
{
	struct tmem_tensor *t;

	ASSERT_EQ(0, heap_init());
	t = tt_range(1, SHAPE(100));
	EXPECT_TRUE(LT_EXITED(lt_child(child_has_tensors, t), 42));
	EXPECT_EQ(7, tt_i32(t, 7));
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST_HARNESS_MAIN
