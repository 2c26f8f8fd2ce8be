// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that there is one manager for float and one for double in a process;
 * that they count tensors in the right tier, with its edges where the header
 * has them; that a tensor too large for a size_t is refused and counted, and so
 * is one of no manager; and that they work while the process ends, in the child
 * of a fork that comes at any moment, and for tensors with shapes.
 */
#include "lib_test.h"

#define THREADS 8

TEST(tier_edges)
{
	size_t edge;
	unsigned int i;

	EXPECT_EQ(0U, tmem_tier_of(0));
	EXPECT_EQ(0U, tmem_tier_of(1));
	for (i = 0; i < TMEM_TIERS - 1; i++) {
		edge = (size_t)64 << (2 * i);
		EXPECT_EQ(i, tmem_tier_of(edge - 1));
		EXPECT_EQ(i, tmem_tier_of(edge));
		EXPECT_EQ(i + 1, tmem_tier_of(edge + 1));
	}
	/* The last one, as the header spells it out. */
	EXPECT_EQ(7U, tmem_tier_of(LT_MIB));
	EXPECT_EQ(8U, tmem_tier_of(LT_MIB + 1));
	EXPECT_EQ(8U, tmem_tier_of(SIZE_MAX));
}

struct asked {
	pthread_barrier_t start;
	struct tmem_manager *f32[THREADS], *f64[THREADS];
	atomic_uint next;
};

static void *ask(void *arg)
{
	struct asked *asked = arg;
	unsigned int i = atomic_fetch_add(&asked->next, 1);

	pthread_barrier_wait(&asked->start);
	asked->f32[i] = tmem_manager_f32();
	asked->f64[i] = tmem_manager_f64();
	return NULL;
}

TEST(one_of_each)
{
	struct asked asked = { .next = 0 };
	pthread_t thread[THREADS];
	size_t i;

	pthread_barrier_init(&asked.start, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, ask, &asked));
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < THREADS; i++) {
		ASSERT_NE(NULL, asked.f32[i]);
		ASSERT_NE(NULL, asked.f64[i]);
		EXPECT_EQ(tmem_manager_f32(), asked.f32[i]);
		EXPECT_EQ(tmem_manager_f64(), asked.f64[i]);
	}
	EXPECT_NE(asked.f32[0], asked.f64[0]);
	EXPECT_STREQ(lt_backend_word(), tmem_backend_name());
}

TEST(set_up_can_fail_and_be_tried_again)
{
	const char *backend = lt_backend_word();

	setenv("TMEM_BACKEND", "nonsense", 1);
	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_f32());
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, tmem_manager_f64());
	setenv("TMEM_BACKEND", backend, 1);
	EXPECT_NE(NULL, tmem_manager_f32());
	EXPECT_NE(NULL, tmem_manager_f64());
}

static struct tmem_manager_stats manager_stats(struct tmem_manager *manager)
{
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;

	if (tmem_manager_stats_get(manager, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

TEST(counts_by_tier)
{
	struct tmem_manager *f32 = tmem_manager_f32(), *f64;
	uint64_t requests[TMEM_TIERS] = { 0 }, elements[TMEM_TIERS] = { 0 };
	struct tmem_manager_stats stats;
	uint64_t random = pace_seed();
	unsigned int i, tier;
	size_t n;
	void *p;

	ASSERT_NE(NULL, f32);
	f64 = tmem_manager_f64();
	for (i = 0; i < 3000; i++) {
		n = lt_random(&random) >> (43 + lt_random(&random) % 20);
		p = tmem_manager_alloc(f32, n);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0U, (uintptr_t)p % 64);
		ASSERT_LE(n * sizeof(float), tmem_usable_size(p));
		tier = tmem_tier_of(n);
		requests[tier]++;
		elements[tier] += n;
		tmem_free(p);
	}
	stats = manager_stats(f32);
	EXPECT_EQ(sizeof(float), stats.element_size);
	EXPECT_EQ(0U, stats.failures);
	for (i = 0; i < TMEM_TIERS; i++) {
		EXPECT_LT(0U, requests[i]);
		EXPECT_EQ(requests[i], stats.requests[i]);
		EXPECT_EQ(elements[i], stats.elements[i]);
	}
	/* The other one saw none of it. */
	stats = manager_stats(f64);
	EXPECT_EQ(sizeof(double), stats.element_size);
	for (i = 0; i < TMEM_TIERS; i++) {
		EXPECT_EQ(0U, stats.requests[i]);
	}
	p = tmem_manager_alloc(f64, 1000);
	EXPECT_LE(8000U, tmem_usable_size(p));
	tmem_free(p);
	EXPECT_EQ(1U, manager_stats(f64).requests[2]);
	EXPECT_EQ(3001U, lt_stats().allocs);
	EXPECT_EQ(0U, lt_stats().live_blocks);
}

TEST(refused)
{
	struct tmem_manager *f32 = tmem_manager_f32();
	struct tmem_manager *f64 = tmem_manager_f64();

	ASSERT_NE(NULL, f32);
	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_alloc(f32, SIZE_MAX));
	EXPECT_EQ(EOVERFLOW, errno);
	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_alloc(f32, SIZE_MAX / 4 + 1));
	EXPECT_EQ(EOVERFLOW, errno);
	/* Fits a size_t, but no machine. */
	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_alloc(f32, SIZE_MAX / 4));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(3U, manager_stats(f32).failures);
	EXPECT_EQ(0U, manager_stats(f32).requests[8]);
	EXPECT_EQ(0U, manager_stats(f32).elements[8]);
	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_alloc(f64, SIZE_MAX / 8 + 1));
	EXPECT_EQ(EOVERFLOW, errno);
	EXPECT_EQ(1U, manager_stats(f64).failures);
}

TEST(struct_size)
{
	struct tmem_manager *f32 = tmem_manager_f32();
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;
	const size_t bad[] = { 0, 1, sizeof(size_t) - 1, SIZE_MAX };
	size_t i;

	ASSERT_NE(NULL, f32);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		stats.struct_size = bad[i];
		EXPECT_EQ(-EINVAL, tmem_manager_stats_get(f32, &stats));
	}
	stats.struct_size = offsetof(struct tmem_manager_stats, requests);
	stats.failures = 77;
	EXPECT_EQ(0, tmem_manager_stats_get(f32, &stats));
	EXPECT_EQ(sizeof(float), stats.element_size);
	EXPECT_EQ(77U, stats.failures);
}

static void *alloc_many(void *arg)
{
	unsigned int i;

	for (i = 0; i < 2000; i++)
		tmem_free(tmem_manager_alloc(arg, i));
	return NULL;
}

TEST(counts_from_all_threads)
{
	struct tmem_manager *f64 = tmem_manager_f64();
	struct tmem_manager_stats stats;
	pthread_t thread[THREADS];
	uint64_t requests = 0, elements = 0;
	size_t i;

	ASSERT_NE(NULL, f64);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, alloc_many, f64));
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	stats = manager_stats(f64);
	for (i = 0; i < TMEM_TIERS; i++) {
		requests += stats.requests[i];
		elements += stats.elements[i];
	}
	EXPECT_EQ(2000U * THREADS, requests);
	EXPECT_EQ(1999U * 1000 * THREADS, elements);
}

TEST(no_manager)
{
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;
	const int64_t shape[] = { 3 };

	errno = 0;
	EXPECT_EQ(NULL, tmem_manager_alloc(NULL, 10));
	EXPECT_EQ(EINVAL, errno);
	stats.failures = 77;
	EXPECT_EQ(-EINVAL, tmem_manager_stats_get(NULL, &stats));
	EXPECT_EQ(77U, stats.failures);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_new(NULL, 1, shape, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_STREQ("none", tmem_backend_name());
}

/* A tensor counts by its elements, whatever its shape; refused ones do not. */
TEST(shapes)
{
	const struct {
		unsigned int ndim, tier;
		int64_t shape[4];
	} rows[] = {
		{ 0, 0, { 0 } },	  { 1, 0, { 64 } },
		{ 2, 1, { 5, 13 } },	  { 2, 2, { 257, 1 } },
		{ 3, 3, { 16, 16, 16 } }, { 4, 4, { 8, 8, 16, 16 } },
	};
	const int64_t huge[] = { INT64_MAX, 3 }, negative[] = { 3, -1 };
	struct tmem_manager *f64 = tmem_manager_f64();
	uint64_t requests[TMEM_TIERS] = { 0 };
	struct tmem_manager_stats stats;
	struct tmem_tensor *tensor;
	size_t i;

	ASSERT_NE(NULL, f64);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		tensor = tmem_tensor_new(f64, rows[i].ndim, rows[i].shape, 0);
		ASSERT_NE(NULL, tensor);
		EXPECT_EQ(TMEM_F64, tmem_tensor_dtype(tensor));
		EXPECT_EQ(rows[i].tier,
			  tmem_tier_of(tmem_tensor_elements(tensor)));
		requests[rows[i].tier]++;
		tmem_tensor_unref(tensor);
	}
	EXPECT_EQ(NULL, tmem_tensor_new(f64, 2, huge, 0));
	EXPECT_EQ(NULL, tmem_tensor_new(f64, 2, negative, 0));
	stats = manager_stats(f64);
	for (i = 0; i < TMEM_TIERS; i++)
		EXPECT_EQ(requests[i], stats.requests[i]);
	EXPECT_EQ(0U, lt_stats().live_blocks);
}

/* A call of its own, in a section that has an end. */
extern const char __start_maker[], __stop_maker[];

__attribute__((section("maker"), noinline)) static struct tmem_tensor *
make_tensor(struct tmem_manager *manager)
{
	const int64_t shape[] = { 100, 1000 };
	struct tmem_tensor *tensor = tmem_tensor_new(manager, 2, shape, 0);

	lt_no_tail_call();
	return tensor;
}

/* The analytics see who called, not the library. */
TEST(the_caller_is_known)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	struct tmem_manager *f32 = tmem_manager_f32();
	struct tmem_site_info site = TMEM_SITE_INIT;
	struct tmem_tensor *tensor;

	ASSERT_NE(NULL, f32);
	ASSERT_EQ(0, tmem_analytics_get(&config));
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = 0;
	ASSERT_EQ(0, tmem_analytics_set(&config));
	tensor = make_tensor(f32);
	ASSERT_NE(NULL, tensor);
	ASSERT_EQ(0, tmem_site_get(1, &site));
	EXPECT_LE(400000U, site.live_bytes);
	EXPECT_LT((uintptr_t)__start_maker, site.frames[0]);
	EXPECT_GE((uintptr_t)__stop_maker, site.frames[0]);
	tmem_tensor_unref(tensor);
}

/* Both give memory that can be written to. */
static bool both_work(void)
{
	float *f = tmem_manager_alloc(tmem_manager_f32(), 100000);
	double *d = tmem_manager_alloc(tmem_manager_f64(), 10);
	bool right = f && d;

	if (right) {
		f[99999] = 1;
		d[9] = 2;
	}
	tmem_free(f);
	tmem_free(d);
	return right;
}

/* The child that ends by exit() says by its status how that went. */
static bool ending;
static unsigned int works;

static void at_exit(void)
{
	works += both_work();
}

/* After the destructors of the library, which have other priorities. */
__attribute__((destructor(101))) static void at_last(void)
{
	if (!ending)
		return;
	works += both_work();
	_exit((int)works);
}

static void use_and_exit(void)
{
	ending = true;
	pace_end_if_hung();
	atexit(at_exit);
	works += both_work();
	exit(0);
}

TEST(while_the_process_ends)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		use_and_exit();
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(LT_EXITED(status, 3));
}

static int child_works(void *arg)
{
	struct tmem_manager_stats before = manager_stats(arg), after;
	unsigned int i;

	for (i = 0; i < 50; i++)
		if (!both_work())
			return 1;
	after = manager_stats(arg);
	/* They go on from where they were. */
	return after.requests[6] == before.requests[6] + 50 ? 0 : 2;
}

static atomic_bool enough;

static void *alloc_on(void *arg)
{
	while (!atomic_load(&enough))
		tmem_free(tmem_manager_alloc(arg, 1000));
	return NULL;
}

TEST(forks_at_any_moment)
{
	struct tmem_manager *f32 = tmem_manager_f32();
	pthread_t thread[4];
	size_t i;

	ASSERT_NE(NULL, f32);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, alloc_on, f32));
	for (i = 0; i < 12; i++)
		EXPECT_TRUE(LT_EXITED(lt_child(child_works, f32), 0));
	atomic_store(&enough, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
}

TEST_HARNESS_MAIN
