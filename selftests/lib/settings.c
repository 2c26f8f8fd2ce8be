// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the library is set up: that a wrong TMEM_BACKEND, or a wrong value
 * in the structure, is an error with one line that names it and can be put right,
 * that a second tmem_init() changes nothing, and that callers built with a
 * shorter or longer structure are served.
 */
#include "lib_test.h"

#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "core/settings.h"

/* What the library reads: a machine with that much swap. */
static unsigned long fake_swap;

int sysinfo(struct sysinfo *info)
{
	int ret = (int)syscall(SYS_sysinfo, info);

	info->totalswap += fake_swap / info->mem_unit;
	return ret;
}

/* Nothing is read or written beyond what the caller says it has. */
TEST(struct_sizes)
{
	const size_t bad[] = { 0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX };
	size_t to[4], from[4] = { 0, 11, 12, 13 }, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		from[0] = bad[i];
		EXPECT_FALSE(tmem_struct_get(to, sizeof(to), from));
		EXPECT_FALSE(tmem_struct_put(from, to, sizeof(to)));
	}
	from[0] = 2 * sizeof(size_t);
	memset(to, 0xff, sizeof(to));
	ASSERT_TRUE(tmem_struct_get(to, sizeof(to), from));
	EXPECT_EQ(11U, to[1]);
	EXPECT_EQ(0U, to[2]);
	EXPECT_EQ(0U, to[3]);

	from[0] = sizeof(from);
	memset(to, 0xff, sizeof(to));
	ASSERT_TRUE(tmem_struct_get(to, 2 * sizeof(size_t), from));
	EXPECT_EQ(11U, to[1]);
	EXPECT_EQ(SIZE_MAX, to[2]);

	/* Ours to a caller with room for three words: its size stays. */
	memset(to, 0xff, sizeof(to));
	to[0] = 3 * sizeof(size_t);
	ASSERT_TRUE(tmem_struct_put(to, from, sizeof(from)));
	EXPECT_EQ(3 * sizeof(size_t), to[0]);
	EXPECT_EQ(12U, to[2]);
	EXPECT_EQ(SIZE_MAX, to[3]);
}

/* As after an error: nothing is set up. */
static bool untouched(void)
{
	return !strcmp(tmem_backend_name(), "none");
}

FIXTURE(init)
{
	struct lt_log log;
	const char *backend;
};

FIXTURE_SETUP(init)
{
	self->backend = lt_backend_word();
	unsetenv("TMEM_NUMA");
	setenv("TMEM_BACKEND", self->backend, 1);
	lt_listen(&self->log);
	ASSERT_TRUE(untouched());
}

FIXTURE_TEARDOWN(init)
{
	tmem_set_log(NULL, NULL);
}

TEST_F(init, from_the_environment)
{
	ASSERT_EQ(0, tmem_init(NULL));
	EXPECT_STREQ(self->backend, tmem_backend_name());
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

TEST_F(init, by_the_first_allocation)
{
	void *block = tmem_alloc(100);

	ASSERT_NE(NULL, block);
	EXPECT_STREQ(self->backend, tmem_backend_name());
	tmem_free(block);
}

TEST_F(init, auto_takes_what_there_is)
{
	setenv("TMEM_BACKEND", "auto", 1);
	ASSERT_EQ(0, tmem_init(NULL));
	EXPECT_STREQ(access("/dev/tmem", R_OK | W_OK) ? "anon" : "dev",
		     tmem_backend_name());
}

TEST_F(init, twice)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	bool dev = lt_backend() == TMEM_BACKEND_DEV;
	void *block;

	config.backend = lt_backend();
	config.numa = TMEM_NUMA_PREFERRED;
	config.nodes = 1;
	ASSERT_EQ(0, tmem_init(&config));
	block = tmem_alloc(1000);
	ASSERT_NE(NULL, block);
	lt_fill(block, 1000, 1);

	EXPECT_EQ(0, tmem_init(&config));
	EXPECT_EQ(0, tmem_init(NULL));
	config = (struct tmem_config)TMEM_CONFIG_INIT;
	EXPECT_EQ(0, tmem_init(&config));
	config.backend = dev ? TMEM_BACKEND_ANON : TMEM_BACKEND_DEV;
	EXPECT_EQ(-EALREADY, tmem_init(&config));
	config.backend = TMEM_BACKEND_AUTO;
	config.numa = TMEM_NUMA_INTERLEAVE;
	EXPECT_EQ(-EALREADY, tmem_init(&config));
	config.numa = TMEM_NUMA_BIND;
	config.nodes = 1;
	EXPECT_EQ(-EALREADY, tmem_init(&config));

	EXPECT_STREQ(self->backend, tmem_backend_name());
	EXPECT_EQ(1U, lt_stats().live_blocks);
	EXPECT_TRUE(lt_kept(block, 1000, 1));
	tmem_free(block);
	EXPECT_EQ(0U, lt_stats().misuse);
}

/* Whether one that is set up as the environment says has to refuse. */
static bool already(const struct tmem_config *config)
{
	struct tmem_config asked = *config;

	asked.struct_size = sizeof(asked);
	return tmem_init(&asked) == -EALREADY;
}

static const struct tmem_config further[] = {
	{ .strategy = TMEM_STRATEGY_BEST_FIT },
	{ .max_bytes = 64 * LT_MIB },
	{ .gc_off = 2 },
	{ .fork = TMEM_FORK_NONE },
};

TEST_F(init, twice_with_further_fields)
{
	size_t i;

	ASSERT_EQ(0, tmem_init(NULL));
	for (i = 0; i < ARRAY_SIZE(further); i++) {
		EXPECT_TRUE(already(&further[i])) TH_LOG("field %zu", i);
	}
}

/* What it is set up with already it may ask for. */
TEST_F(init, twice_with_the_same_fields)
{
	size_t i;

	setenv("TMEM_STRATEGY", "best-fit", 1);
	setenv("TMEM_MAX_BYTES", "64M", 1);
	setenv("TMEM_GC", "off", 1);
	setenv("TMEM_FORK", "none", 1);
	ASSERT_EQ(0, tmem_init(NULL));
	for (i = 0; i < ARRAY_SIZE(further); i++) {
		EXPECT_FALSE(already(&further[i])) TH_LOG("field %zu", i);
	}
}

/* A wrong value is an error before and after; the set-up stays. */
TEST_F(init, wrong_after_right)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	ASSERT_EQ(0, tmem_init(NULL));
	config.numa = (enum tmem_numa)9;
	EXPECT_EQ(-EINVAL, tmem_init(&config));
	EXPECT_STREQ(self->backend, tmem_backend_name());
	setenv("TMEM_BACKEND", "nonsense", 1);
	EXPECT_EQ(0, tmem_init(NULL));
}

TEST_F(init, wrong_backend_words)
{
	static const char *const bad[] = { "gpu",	"Dev",	     "dev ",
					   "/dev/tmem", "anonymous", "2" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		setenv("TMEM_BACKEND", bad[i], 1);
		EXPECT_EQ(-EINVAL, tmem_init(NULL));
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, bad[i]));
		EXPECT_TRUE(untouched());
	}
	setenv("TMEM_BACKEND", self->backend, 1);
	EXPECT_EQ(0, tmem_init(NULL));
	EXPECT_STREQ(self->backend, tmem_backend_name());
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

/* The log promises one line, whatever the environment holds. */
TEST_F(init, a_word_of_two_lines)
{
	setenv("TMEM_BACKEND", "two\nlines", 1);
	EXPECT_EQ(-EINVAL, tmem_init(NULL));
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "two"));
}

TEST_F(init, the_first_allocation_says_why)
{
	void *block;

	setenv("TMEM_NUMA", "nowhere", 1);
	errno = 0;
	EXPECT_EQ(NULL, tmem_alloc(1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "nowhere"));
	errno = 0;
	EXPECT_EQ(NULL, tmem_pool_create(NULL));
	EXPECT_EQ(EINVAL, errno);
	setenv("TMEM_NUMA", "local", 1);
	block = tmem_alloc(1);
	EXPECT_NE(NULL, block);
	tmem_free(block);
}

TEST_F(init, unknown_values)
{
	static const struct tmem_config bad[] = {
		{ .backend = (enum tmem_backend)3 },
		{ .backend = (enum tmem_backend)99 },
		{ .numa = (enum tmem_numa)4, .nodes = 1 },
		{ .numa = TMEM_NUMA_LOCAL, .nodes = 1 },
		{ .numa = TMEM_NUMA_BIND },
		{ .numa = TMEM_NUMA_PREFERRED },
		{ .strategy = (enum tmem_strategy)5 },
		{ .strategy = (enum tmem_strategy) - 1 },
		{ .fork = (enum tmem_fork)2 },
		{ .fork = (enum tmem_fork) - 1 },
		{ .max_bytes = 1 },
		{ .max_bytes = LT_SPAN - 1 },
	};
	struct tmem_config config;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		config = bad[i];
		config.struct_size = sizeof(config);
		EXPECT_EQ(-EINVAL, tmem_init(&config))
		TH_LOG("configuration %zu", i);
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, ""));
		EXPECT_TRUE(untouched());
	}
	EXPECT_EQ(0, tmem_init(NULL));
}

TEST_F(init, a_node_that_does_not_exist)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	config.backend = lt_backend();
	config.numa = TMEM_NUMA_PREFERRED;
	config.nodes = 1ULL << 63 | 1;
	EXPECT_EQ(-EINVAL, tmem_init(&config));
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "63"));
	EXPECT_TRUE(untouched());
	setenv("TMEM_NUMA", "interleave:0,62", 1);
	EXPECT_EQ(-EINVAL, tmem_init(NULL));
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "62"));
	EXPECT_TRUE(untouched());
	config.nodes = 1;
	EXPECT_EQ(0, tmem_init(&config));
}

TEST_F(init, no_device)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	int err;

	if (!access("/dev/tmem", F_OK))
		SKIP(return, "/dev/tmem is there");
	config.backend = TMEM_BACKEND_DEV;
	err = tmem_init(&config);
	EXPECT_EQ(-ENODEV, err);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "/dev/tmem"));
	EXPECT_TRUE(untouched());
	config.backend = TMEM_BACKEND_ANON;
	EXPECT_EQ(0, tmem_init(&config));
	EXPECT_STREQ("anon", tmem_backend_name());
}

/* Built with another version of the header. */
TEST_F(init, other_struct_sizes)
{
	struct {
		struct tmem_config config;
		uint64_t later[4];
	} longer = { .config = TMEM_CONFIG_INIT };
	struct tmem_config shorter = TMEM_CONFIG_INIT;
	const size_t bad[] = { 0, 1, sizeof(size_t) - 1, SIZE_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		shorter.struct_size = bad[i];
		EXPECT_EQ(-EINVAL, tmem_init(&shorter));
		EXPECT_TRUE(
			lt_heard(&self->log, TMEM_LOG_ERROR, "struct_size"));
	}
	/* What lies behind a shorter one is not ours to read. */
	shorter.struct_size = offsetof(struct tmem_config, numa);
	shorter.backend = lt_backend();
	shorter.numa = (enum tmem_numa)77;
	shorter.nodes = ~0ULL;
	EXPECT_EQ(0, tmem_init(&shorter));
	longer.config.struct_size = sizeof(longer);
	longer.config.backend = lt_backend();
	EXPECT_EQ(0, tmem_init(&longer.config));
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

static void *init_thread(void *arg)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	config.backend = lt_backend();
	pthread_barrier_wait(arg);
	return (void *)(intptr_t)tmem_init(&config);
}

TEST_F(init, from_many_threads)
{
	pthread_barrier_t start;
	pthread_t thread[8];
	void *ret;
	size_t i;

	pthread_barrier_init(&start, NULL, ARRAY_SIZE(thread));
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, init_thread,
					    &start));
	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		pthread_join(thread[i], &ret);
		EXPECT_EQ(NULL, ret);
	}
	EXPECT_STREQ(self->backend, tmem_backend_name());
}

/* Most machines have swap. */
TEST_F(init, with_swap)
{
	void *block;

	fake_swap = 64 * LT_GIB;
	ASSERT_EQ(0, tmem_init(NULL));
	block = tmem_alloc(3 * LT_MIB);
	EXPECT_NE(NULL, block);
	tmem_free(block);
}

TEST(version_is_the_headers)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", TMEM_VERSION_MAJOR,
		 TMEM_VERSION_MINOR, TMEM_VERSION_PATCH);
	EXPECT_STREQ(TMEM_VERSION, text);
	EXPECT_STREQ(TMEM_VERSION, tmem_version());
}

TEST_HARNESS_MAIN
