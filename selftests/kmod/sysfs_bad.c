// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that what is wrong is refused by the files of the module in sysfs,
 * and leaves the value as it was: words, numbers out of range, of too many
 * digits, thresholds that do not ascend, and anybody who is not root.  Also
 * when several write at once.
 */
#include "tmem_test_sysfs.h"

#include <grp.h>
#include <pthread.h>

static const char *const read_only[] = {
	"version",
	"abi_version",
	"arenas",
	"resident_bytes",
	"recall/scanned",
	"recall/purged",
	"recall/busy",
	"recall/pinned",
	"recall/absent",
	"recall/oom_calls",
	"recall/oom_purged",
	"pressure/level",
	"pressure/changes",
	"pressure/psi",
	"pressure/use",
	"pressure/stall",
	"node0/pool_bytes",
	"node0/arena_bytes",
	"node0/pool_taken",
	"node0/pool_missed",
	"node0/pool_shrunk",
	"node0/pool_refilled",
	"node0/off_node",
};

static const char *const writable[] = {
	"max_bytes",
	"max_user_bytes",
	"pressure/use_medium",
	"pressure/use_high",
	"pressure/use_critical",
	"pressure/stall_medium",
	"pressure/stall_high",
	"pressure/stall_critical",
	"pressure/hysteresis",
	"pressure/hold_ms",
	"node0/pool_low_bytes",
	"node0/pool_target_bytes",
};

/* Wrong for each of them. */
static const char *const rubbish[] = {
	"\n",
	" ",
	"abc",
	"-1",
	"-",
	"1x",
	"1 2",
	"1,5",
	"5%",
	"1.5",
	"max1",
	"maximum",
	"ma",
	"9223372036854775809x",
	"18446744073709551616",
	"99999999999999999999999999",
	"-9223372036854775808",
	"\xff\xfe",
};

FIXTURE(sysfs_bad)
{
	struct kt_knobs knobs;
};

FIXTURE_SETUP(sysfs_bad)
{
	ASSERT_EQ(0, access(KT_SYSFS, F_OK));
}

FIXTURE_TEARDOWN(sysfs_bad)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
}

/* Refused as a wrong value, and nothing has changed. */
static bool refused(const char *file, const char *text)
{
	char before[64], after[64];
	bool good;
	int ret;

	kt_sysfs_read(file, before, sizeof(before));
	ret = kt_sysfs_write(file, text);
	kt_sysfs_read(file, after, sizeof(after));
	good = (ret == -EINVAL || ret == -ERANGE) && !strcmp(before, after);
	if (!good)
		printf("# %s: '%.40s' gave %d; was %s, is %s\n", file, text,
		       ret, before, after);
	return good;
}

TEST_F(sysfs_bad, rubbish)
{
	for (size_t f = 0; f < ARRAY_SIZE(writable); f++)
		for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
			EXPECT_TRUE(refused(writable[f], rubbish[i]));
		}
}

TEST_F(sysfs_bad, nothing_and_far_too_much)
{
	static char huge[70000];
	char before[64], after[64];
	int ret;

	memset(huge, '9', sizeof(huge) - 1);
	for (size_t f = 0; f < ARRAY_SIZE(writable); f++) {
		EXPECT_TRUE(refused(writable[f], huge));
		/* No bytes at all do nothing, or are an error. */
		kt_sysfs_read(writable[f], before, sizeof(before));
		ret = kt_sysfs_write_bytes(writable[f], "5", 0);
		EXPECT_TRUE(ret == 0 || ret == -EINVAL);
		kt_sysfs_read(writable[f], after, sizeof(after));
		EXPECT_STREQ(before, after);
	}
}

TEST_F(sysfs_bad, out_of_range)
{
	static const struct {
		const char *file, *text;
	} bad[] = {
		{ "max_bytes", "1" },
		{ "max_bytes", "4095" },
		{ "max_bytes", "4097" },
		{ "max_user_bytes", "2097153" },
		{ "max_user_bytes", "18446744073709551615" },
		{ "pressure/use_medium", "0" },
		{ "pressure/use_critical", "101" },
		{ "pressure/stall_medium", "0" },
		{ "pressure/stall_critical", "101" },
		{ "pressure/stall_critical", "4294967297" },
		{ "pressure/hysteresis", "51" },
		{ "pressure/hysteresis", "4294967296" },
		{ "pressure/hold_ms", "600001" },
		{ "pressure/hold_ms", "4294967296" },
		{ "node0/pool_target_bytes", "4096" },
		{ "node0/pool_target_bytes", "2097151" },
		{ "node0/pool_low_bytes", "1" },
		{ "node0/pool_target_bytes", "18446744073707454464" },
		{ "node0/pool_low_bytes", "18446744073707454464" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_TRUE(refused(bad[i].file, bad[i].text));
	}
}

TEST_F(sysfs_bad, thresholds_ascend)
{
	/* By default 50 75 90 and 5 20 40. */
	EXPECT_TRUE(refused("pressure/use_medium", "76"));
	EXPECT_TRUE(refused("pressure/use_medium", "100"));
	EXPECT_TRUE(refused("pressure/use_high", "49"));
	EXPECT_TRUE(refused("pressure/use_high", "91"));
	EXPECT_TRUE(refused("pressure/use_critical", "74"));
	EXPECT_TRUE(refused("pressure/stall_medium", "21"));
	EXPECT_TRUE(refused("pressure/stall_high", "4"));
	EXPECT_TRUE(refused("pressure/stall_high", "41"));
	EXPECT_TRUE(refused("pressure/stall_critical", "19"));
}

TEST_F(sysfs_bad, pool_sizes_fit_each_other)
{
	uint64_t half = kt_node_total(kt_node_first()) / 2;
	char file[40], text[32];
	int node = kt_node_first();

	snprintf(file, sizeof(file), "node%d/pool_low_bytes", node);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, file, 0));
	snprintf(file, sizeof(file), "node%d/pool_target_bytes", node);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, file, 2 * KT_SPAN));
	/* The kernel keeps some of a node's memory out of its total. */
	half += half / 8;
	if (half) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(half & -KT_SPAN));
		EXPECT_TRUE(refused(file, text));
	}
	snprintf(file, sizeof(file), "node%d/pool_low_bytes", node);
	EXPECT_TRUE(refused(file, "6291456"));
	ASSERT_EQ(0, kt_knob_number(&self->knobs, file, 2 * KT_SPAN));
	/* The target may not fall below it either. */
	snprintf(file, sizeof(file), "node%d/pool_target_bytes", node);
	EXPECT_TRUE(refused(file, "2097152"));
	EXPECT_TRUE(refused(file, "0"));
}

/* Whoever is not root reads all and writes nothing. */
static int stranger(void)
{
	char text[64];

	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		if (kt_sysfs_read(writable[i], text, sizeof(text)) <= 0)
			return 2;
		if (kt_sysfs_write(writable[i], text) != -EACCES)
			return 3;
	}
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
		if (kt_sysfs_read(read_only[i], text, sizeof(text)) <= 0)
			return 4;
		if (kt_sysfs_write(read_only[i], "1") != -EACCES)
			return 5;
	}
	return 0;
}

TEST_F(sysfs_bad, without_privilege)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(stranger());
	EXPECT_EQ(0, kt_wait(pid));
}

/* Root passes the mode, but there is nothing to write to. */
TEST_F(sysfs_bad, read_only_for_root_too)
{
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
		int ret = kt_sysfs_write(read_only[i], "1");

		EXPECT_TRUE(ret == -EIO || ret == -EACCES || ret == -EINVAL)
		{
			TH_LOG("%s: %d", read_only[i], ret);
		}
	}
}

struct writer {
	uint64_t seed;
	uint64_t written, refused, other;
};

static void *write_thresholds(void *arg)
{
	static const char *const files[] = { "pressure/use_medium",
					     "pressure/use_high",
					     "pressure/use_critical" };
	struct writer *w = arg;
	char text[16];

	PACE_ROUNDS(150) {
		size_t file = kt_random(&w->seed) % 3;
		int ret;

		snprintf(text, sizeof(text), "%u",
			 (unsigned int)(kt_random(&w->seed) % 100 + 1));
		ret = kt_sysfs_write(files[file], text);
		w->written += !ret;
		w->refused += ret == -EINVAL;
		w->other += ret && ret != -EINVAL;
	}
	return NULL;
}

/* However the writes fall, the three ascend when it is quiet. */
TEST_F(sysfs_bad, several_writers)
{
	struct writer w[3];
	pthread_t id[3];
	uint64_t seed = pace_seed(), written = 0, refused = 0;

	for (int round = 0; round < 8; round++) {
		for (size_t i = 0; i < 3; i++) {
			w[i] = (struct writer){ .seed = kt_random(&seed) };
			ASSERT_EQ(0, pthread_create(&id[i], NULL,
						    write_thresholds, &w[i]));
		}
		for (size_t i = 0; i < 3; i++) {
			pthread_join(id[i], NULL);
			written += w[i].written;
			refused += w[i].refused;
			EXPECT_EQ(0U, w[i].other);
		}
		EXPECT_LE(kt_sysfs_number("pressure/use_medium"),
			  kt_sysfs_number("pressure/use_high"));
		EXPECT_LE(kt_sysfs_number("pressure/use_high"),
			  kt_sysfs_number("pressure/use_critical"));
	}
	printf("# %llu written, %llu refused\n", (unsigned long long)written,
	       (unsigned long long)refused);
	EXPECT_LT(0U, written);
	/* Back, by a way on which they ascend. */
	kt_sysfs_write("pressure/use_critical", "100");
	kt_sysfs_write("pressure/use_high", "99");
	kt_sysfs_write("pressure/use_medium", "50");
	kt_sysfs_write("pressure/use_high", "75");
	EXPECT_EQ(0, kt_sysfs_write("pressure/use_critical", "90"));
	EXPECT_EQ(75, kt_sysfs_number("pressure/use_high"));
	EXPECT_EQ(50, kt_sysfs_number("pressure/use_medium"));
}

TEST_HARNESS_MAIN
