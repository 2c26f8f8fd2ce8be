// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves which words the environment's TMEM_* may hold: what each good one
 * means, that a field which the caller set counts more, and that a wrong one is
 * an error with one line that names it, and can be put right.
 */
#include "lib_test.h"

#include "core/settings.h"

static const struct {
	const char *word;
	enum tmem_numa numa;
	uint64_t nodes;
} good_numa[] = {
	{ "local", TMEM_NUMA_LOCAL, 0 },
	{ "interleave", TMEM_NUMA_INTERLEAVE, 0 },
	{ "interleave:0", TMEM_NUMA_INTERLEAVE, 1 },
	{ "interleave:0,1", TMEM_NUMA_INTERLEAVE, 3 },
	{ "bind:0", TMEM_NUMA_BIND, 1 },
	{ "bind:0,2-3", TMEM_NUMA_BIND, 0xd },
	{ "bind:7-9,1", TMEM_NUMA_BIND, 0x382 },
	{ "bind:3-3", TMEM_NUMA_BIND, 8 },
	{ "bind:0-63", TMEM_NUMA_BIND, ~0ULL },
	{ "preferred:63", TMEM_NUMA_PREFERRED, 1ULL << 63 },
	{ "preferred:0-1", TMEM_NUMA_PREFERRED, 3 },
};

/* clang-format off */
static const char *const bad_numa[] = {
	"nowhere", "Local", " local", "local ", "loca", "locals", "local:",
	"local:0", "bind", "bind:", "bind:64", "bind:0,", "bind:,0",
	"bind:0,,1", "bind:0-", "bind:-1", "bind:3-2", "bind:0--1",
	"bind:0-1-2", "bind:+1", "bind: 1", "bind:1 ", "bind:0x1", "bind:1a",
	"bind:0;1", "bind:all", "bind:0-64", "bind:18446744073709551616",
	"bind:18446744073709551617", "bin:0", "binds:0", "bind0", "preferred",
	"preferred:", "interleave:", "interleave 0", ":", ":0", "0",
};
/* clang-format on */

TEST(numa_words)
{
	enum tmem_numa numa;
	uint64_t nodes;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good_numa); i++) {
		nodes = 0xdead;
		EXPECT_TRUE(tmem_numa_parse(good_numa[i].word, &numa, &nodes))
		TH_LOG("'%s'", good_numa[i].word);
		EXPECT_EQ(good_numa[i].numa, numa);
		EXPECT_EQ(good_numa[i].nodes, nodes);
	}
	for (i = 0; i < ARRAY_SIZE(bad_numa); i++) {
		EXPECT_FALSE(tmem_numa_parse(bad_numa[i], &numa, &nodes))
		TH_LOG("'%s'", bad_numa[i]);
	}
}

TEST(policies_and_masks)
{
	EXPECT_TRUE(tmem_numa_valid(TMEM_NUMA_LOCAL, 0));
	EXPECT_FALSE(tmem_numa_valid(TMEM_NUMA_LOCAL, 1));
	EXPECT_FALSE(tmem_numa_valid(TMEM_NUMA_BIND, 0));
	EXPECT_TRUE(tmem_numa_valid(TMEM_NUMA_BIND, 1ULL << 63));
	EXPECT_FALSE(tmem_numa_valid(TMEM_NUMA_PREFERRED, 0));
	EXPECT_TRUE(tmem_numa_valid(TMEM_NUMA_PREFERRED, 6));
	EXPECT_TRUE(tmem_numa_valid(TMEM_NUMA_INTERLEAVE, 0));
	EXPECT_TRUE(tmem_numa_valid(TMEM_NUMA_INTERLEAVE, 5));
	EXPECT_FALSE(tmem_numa_valid((enum tmem_numa)4, 0));
	EXPECT_FALSE(tmem_numa_valid((enum tmem_numa)99, 1));
}

/* The environment fills what the caller left open, and nothing else. */
TEST(merge)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct tmem_settings made;

	setenv("TMEM_BACKEND", "dev", 1);
	setenv("TMEM_NUMA", "preferred:0,2", 1);
	ASSERT_EQ(0, tmem_settings_make(&made, NULL));
	EXPECT_EQ(TMEM_BACKEND_DEV, made.backend);
	EXPECT_EQ(TMEM_NUMA_PREFERRED, made.numa);
	EXPECT_EQ(5U, made.nodes);

	ASSERT_EQ(0, tmem_settings_make(&made, &config));
	EXPECT_EQ(TMEM_BACKEND_DEV, made.backend);
	EXPECT_EQ(5U, made.nodes);

	config.backend = TMEM_BACKEND_ANON;
	ASSERT_EQ(0, tmem_settings_make(&made, &config));
	EXPECT_EQ(TMEM_BACKEND_ANON, made.backend);
	EXPECT_EQ(TMEM_NUMA_PREFERRED, made.numa);

	config.numa = TMEM_NUMA_BIND;
	config.nodes = 2;
	ASSERT_EQ(0, tmem_settings_make(&made, &config));
	EXPECT_EQ(TMEM_NUMA_BIND, made.numa);
	EXPECT_EQ(2U, made.nodes);

	unsetenv("TMEM_BACKEND");
	unsetenv("TMEM_NUMA");
	ASSERT_EQ(0, tmem_settings_make(&made, NULL));
	EXPECT_EQ(TMEM_BACKEND_AUTO, made.backend);
	EXPECT_EQ(TMEM_NUMA_LOCAL, made.numa);
	EXPECT_EQ(0U, made.nodes);
}

/* The same for what is not about nodes. */
TEST(merge_the_rest)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct tmem_settings made;

	setenv("TMEM_STRATEGY", "numa-aware", 1);
	setenv("TMEM_FORK", "none", 1);
	setenv("TMEM_MAX_BYTES", "3G", 1);
	setenv("TMEM_GC", "off", 1);
	ASSERT_EQ(0, tmem_settings_make(&made, &config));
	EXPECT_EQ(TMEM_STRATEGY_NUMA_AWARE, made.strategy);
	EXPECT_EQ(TMEM_FORK_NONE, made.fork);
	EXPECT_EQ(3 * LT_GIB, made.max_bytes);
	EXPECT_TRUE(made.gc_off);

	config.strategy = TMEM_STRATEGY_FIRST_FIT;
	config.max_bytes = LT_SPAN;
	config.gc_off = 7;
	setenv("TMEM_FORK", "readonly", 1);
	setenv("TMEM_GC", "on", 1);
	ASSERT_EQ(0, tmem_settings_make(&made, &config));
	EXPECT_EQ(TMEM_STRATEGY_FIRST_FIT, made.strategy);
	EXPECT_EQ(TMEM_FORK_READONLY, made.fork);
	EXPECT_EQ(LT_SPAN, made.max_bytes);
	EXPECT_TRUE(made.gc_off);

	/* Empty is as if it were not set. */
	setenv("TMEM_STRATEGY", "", 1);
	setenv("TMEM_FORK", "", 1);
	setenv("TMEM_MAX_BYTES", "", 1);
	setenv("TMEM_GC", "", 1);
	ASSERT_EQ(0, tmem_settings_make(&made, NULL));
	EXPECT_EQ(TMEM_STRATEGY_ADAPTIVE, made.strategy);
	EXPECT_EQ(TMEM_FORK_READONLY, made.fork);
	EXPECT_EQ(0U, made.max_bytes);
	EXPECT_FALSE(made.gc_off);
}

static const struct {
	const char *word;
	uint64_t bytes;
} good_bytes[] = {
	{ "0", 0 },
	{ "1", 1 },
	{ "2097152", LT_SPAN },
	{ "007K", 7 * LT_KIB },
	{ "2M", 2 * LT_MIB },
	{ "16777215T", 16777215ULL << 40 },
	{ "18446744073709551615", UINT64_MAX },
};

static const char *const bad_bytes[] = {
	"G",	"-1",  "+1",   " 1",	   "1 ",	"1k",
	"1KB",	"1M1", "1.5G", "0x100000", "16777216T", "18446744073709551616",
	"much",
};

TEST(byte_words)
{
	uint64_t bytes;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good_bytes); i++) {
		bytes = 0xdead;
		EXPECT_TRUE(tmem_bytes_parse(good_bytes[i].word, &bytes))
		TH_LOG("'%s'", good_bytes[i].word);
		EXPECT_EQ(good_bytes[i].bytes, bytes);
	}
	for (i = 0; i < ARRAY_SIZE(bad_bytes); i++) {
		EXPECT_FALSE(tmem_bytes_parse(bad_bytes[i], &bytes))
		TH_LOG("'%s'", bad_bytes[i]);
	}
}

FIXTURE(words)
{
	struct lt_log log;
};

FIXTURE_SETUP(words)
{
	unsetenv("TMEM_NUMA");
	setenv("TMEM_BACKEND", lt_backend_word(), 1);
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(words)
{
	tmem_set_log(NULL, NULL);
}

/* As after an error: nothing is set up. */
static bool untouched(void)
{
	return !strcmp(tmem_backend_name(), "none");
}

/* As without wrong words. */
static bool set_up(void)
{
	return !tmem_init(NULL) &&
	       !strcmp(tmem_backend_name(), lt_backend_word());
}

TEST_F(words, wrong_numa_words)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_numa); i++) {
		setenv("TMEM_NUMA", bad_numa[i], 1);
		EXPECT_EQ(-EINVAL, tmem_init(NULL));
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, bad_numa[i]));
		EXPECT_TRUE(untouched());
	}
	setenv("TMEM_NUMA", "bind:0", 1);
	EXPECT_TRUE(set_up());
}

static const struct {
	const char *name, *word;
} bad_words[] = {
	{ "TMEM_STRATEGY", "worst-fit" },
	{ "TMEM_STRATEGY", "Adaptive" },
	{ "TMEM_STRATEGY", "first-fit " },
	{ "TMEM_STRATEGY", "first_fit" },
	{ "TMEM_STRATEGY", "0" },
	{ "TMEM_FORK", "private" },
	{ "TMEM_FORK", "readonly " },
	{ "TMEM_FORK", "None" },
	{ "TMEM_MAX_BYTES", "1.5G" },
	{ "TMEM_MAX_BYTES", "-2M" },
	{ "TMEM_MAX_BYTES", "2m" },
	{ "TMEM_GC", "1" },
	{ "TMEM_GC", "On" },
	{ "TMEM_GC", "offf" },
	{ "TMEM_GC_DECAY_MS", "9" },
	{ "TMEM_GC_DECAY_MS", "86400001" },
	{ "TMEM_GC_DECAY_MS", "10s" },
	{ "TMEM_GC_DECAY_MS", "-10" },
	{ "TMEM_GC_DECAY_MS", "soon" },
};

/* The line names the variable and the word; with it away all is well. */
TEST_F(words, wrong_words_of_other_variables)
{
	char said[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_words); i++) {
		snprintf(said, sizeof(said), "%s=%s", bad_words[i].name,
			 bad_words[i].word);
		setenv(bad_words[i].name, bad_words[i].word, 1);
		EXPECT_EQ(-EINVAL, tmem_init(NULL)) TH_LOG("%s", said);
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, said));
		EXPECT_TRUE(untouched());
		unsetenv(bad_words[i].name);
	}
	EXPECT_TRUE(set_up());
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

/* Less than a span is a word that is right, and a limit that is not. */
TEST_F(words, a_limit_below_a_span)
{
	setenv("TMEM_MAX_BYTES", "2097151", 1);
	EXPECT_EQ(-EINVAL, tmem_init(NULL));
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "2 MiB"));
	EXPECT_TRUE(untouched());
	setenv("TMEM_MAX_BYTES", "2M", 1);
	EXPECT_EQ(0, tmem_init(NULL));
}

TEST_F(words, good_words_of_other_variables)
{
	static const char *const strategy[] = {
		"adaptive", "first-fit", "best-fit", "size-class", "numa-aware",
	};
	struct tmem_settings made;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strategy); i++) {
		setenv("TMEM_STRATEGY", strategy[i], 1);
		ASSERT_EQ(0, tmem_settings_make(&made, NULL));
		EXPECT_STREQ(strategy[i], tmem_strategy_name(made.strategy));
	}
	setenv("TMEM_FORK", "none", 1);
	setenv("TMEM_MAX_BYTES", "1T", 1);
	setenv("TMEM_GC", "on", 1);
	setenv("TMEM_GC_DECAY_MS", "86400000", 1);
	EXPECT_EQ(0, tmem_init(NULL));
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

TEST_HARNESS_MAIN
