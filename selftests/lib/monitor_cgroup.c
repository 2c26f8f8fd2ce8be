// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the monitor finds the own cgroup in each kind of container, and
 * takes no other for it; and the tightest limit from it to the top, whatever is
 * in the files.
 */
#include "monitor_host.h"

#include "monitor/cgroup.h"

/* --- the own cgroup ------------------------------------------------------------------ */

TEST(folder_of_a_group)
{
	static const struct {
		const char *path, *root, *dir; /* dir NULL: not to be seen */
	} at[] = {
		{ "/user/job", "/", "/cg/user/job" },
		{ "/", "/", "/cg" },
		/* A container that mounts its own group, in the host's view. */
		{ "/docker/abc", "/docker/abc", "/cg" },
		{ "/docker/abc/job", "/docker/abc", "/cg/job" },
		/* Names that only begin alike. */
		{ "/docker/abcd", "/docker/abc", NULL },
		{ "/user/job", "/box", NULL },
		/* The process was moved out of its namespace. */
		{ "/../other", "/", NULL },
		{ "/..", "/", NULL },
		{ "/../../x", "/..", NULL },
		/* The host's hierarchy, mounted into a namespace. */
		{ "/", "/../..", NULL },
		{ "/job", "/../../..", NULL },
		/* Names with dots are names. */
		{ "/a..b", "/", "/cg/a..b" },
	};
	char dir[TMEM_CGROUP_PATH], path[2 * TMEM_CGROUP_PATH];
	uint32_t top;
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		bool seen = tmem_cgroup_folder(at[i].path, at[i].root, "/cg",
					       dir, &top);

		EXPECT_EQ(!!at[i].dir, seen)
		TH_LOG("%s in %s", at[i].path, at[i].root);
		if (!seen || !at[i].dir)
			continue;
		EXPECT_STREQ(at[i].dir, dir);
		EXPECT_EQ(3U, top);
	}
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	EXPECT_FALSE(tmem_cgroup_folder(path, "/", "/cg", dir, &top));
}

FIXTURE(cgroup)
{
	struct tmem_cgroup group;
	struct tmem_cgroup_use use;
};

FIXTURE_SETUP(cgroup)
{
	ASSERT_TRUE(host_make());
}

FIXTURE_TEARDOWN(cgroup)
{
	host_drop();
}

#define FIND(want)                                              \
	do {                                                    \
		tmem_cgroup_find(&self->group, host);           \
		EXPECT_EQ((int)(want), (int)self->group.state); \
	} while (0)

TEST_F(cgroup, group_found)
{
	FIND(TMEM_CGROUP_SEEN_V2);
	EXPECT_STREQ(host_path(HOST_GROUP), self->group.dir);
	/* Again, as it is. */
	FIND(TMEM_CGROUP_SEEN_V2);
	/* Moved. */
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/user\n"));
	FIND(TMEM_CGROUP_SEEN_V2);
	EXPECT_STREQ(host_path("/sys/fs/cgroup/user"), self->group.dir);
	/* Its group was removed; the process in it goes on. */
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/gone (deleted)\n"));
	FIND(TMEM_CGROUP_SEEN_HIDDEN);
}

TEST_F(cgroup, group_version_1)
{
	ASSERT_TRUE(host_file("/proc/self/cgroup",
			      "9:name=systemd:/\n5:cpu,memory:/box\n0::/\n"));
	FIND(TMEM_CGROUP_SEEN_V1);
	ASSERT_TRUE(host_file("/proc/self/cgroup", "4:memory:/box\n"));
	FIND(TMEM_CGROUP_SEEN_V1);
	/* A controller whose name only begins alike. */
	ASSERT_TRUE(host_file("/proc/self/cgroup",
			      "5:memoryless,cpu:/box\n0::/user/job\n"));
	FIND(TMEM_CGROUP_SEEN_V2);
	ASSERT_TRUE(host_file("/proc/self/cgroup", "1:cpu:/\n"));
	FIND(TMEM_CGROUP_SEEN_NONE);
}

/* Memory in version 2, the rest in version 1, two mounts, blanks in a name. */
TEST_F(cgroup, group_hybrid)
{
	ASSERT_TRUE(host_file("/proc/self/cgroup",
			      "9:name=systemd:/x\n5:cpu:/x\n0::/user/job\n"));
	ASSERT_TRUE(
		host_file("/proc/self/mountinfo",
			  "30 1 0:1 /elsewhere /mnt rw - cgroup2 cgroup2 rw\n"
			  "31 1 0:1 / /mnt/a\\040b rw - cgroup2 cgroup2 rw\n"));
	FIND(TMEM_CGROUP_SEEN_HIDDEN);
	ASSERT_TRUE(host_file("/mnt/a b/user/job/memory.max", "max\n"));
	FIND(TMEM_CGROUP_SEEN_V2);
	EXPECT_STREQ(host_path("/mnt/a b/user/job"), self->group.dir);
}

TEST_F(cgroup, group_in_a_container)
{
	/* A namespace: the own group is the root. */
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/\n"));
	FIND(TMEM_CGROUP_SEEN_V2);
	EXPECT_STREQ(host_path("/sys/fs/cgroup"), self->group.dir);
	/* No namespace, but a mount of the own group alone. */
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/docker/abc/user\n"));
	ASSERT_TRUE(host_file("/proc/self/mountinfo",
			      "30 24 0:26 /docker/abc /sys/fs/cgroup rw - "
			      "cgroup2 cgroup2 rw\n"));
	FIND(TMEM_CGROUP_SEEN_V2);
	EXPECT_STREQ(host_path("/sys/fs/cgroup/user"), self->group.dir);
	/* The host's hierarchy in a namespace: no telling which it is. */
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/\n"));
	ASSERT_TRUE(host_file("/proc/self/mountinfo",
			      "30 24 0:26 /../.. /sys/fs/cgroup rw - cgroup2 "
			      "cgroup2 rw\n"));
	self->group.state = TMEM_CGROUP_SEEN_NOT;
	FIND(TMEM_CGROUP_SEEN_HIDDEN);
}

TEST_F(cgroup, group_of_rubbish)
{
	static const char *const bad[] = {
		"", "\n", ":\n", "::\n", "0::\n", "0:::/\n", "rubbish", ":::::",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_TRUE(host_file("/proc/self/cgroup", bad[i]));
		FIND(TMEM_CGROUP_SEEN_NONE);
	}
	ASSERT_TRUE(host_file("/proc/self/cgroup", NULL));
	FIND(TMEM_CGROUP_SEEN_NOT);
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/user/job\n"));
	ASSERT_TRUE(host_file("/proc/self/mountinfo", NULL));
	FIND(TMEM_CGROUP_SEEN_HIDDEN);
	ASSERT_TRUE(host_file("/proc/self/mountinfo",
			      "x - cgroup2 \n - cgroup2 x\n"));
	FIND(TMEM_CGROUP_SEEN_HIDDEN);
}

/* Tables of mounts are long in hosts of many containers. */
TEST_F(cgroup, group_behind_many_mounts)
{
	size_t size = 300000, used = 0;
	char *text = malloc(size);
	unsigned int i;

	ASSERT_NE(NULL, text);
	for (i = 0; used + 8192 < size; i++)
		used += (size_t)snprintf(
			text + used, size - used,
			"%u 1 0:%u / /var/lib/%0*u rw - overlay overlay rw\n",
			i, i, (int)(50 + i * 97 % 5000), i);
	snprintf(text + used, size - used,
		 "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	ASSERT_TRUE(host_file("/proc/self/mountinfo", text));
	free(text);
	FIND(TMEM_CGROUP_SEEN_V2);
}

/* --- its limits ----------------------------------------------------------------------- */

#define USE(want)                                                           \
	do {                                                                \
		tmem_cgroup_find(&self->group, host);                       \
		EXPECT_EQ(want, tmem_cgroup_use(&self->group, &self->use)); \
	} while (0)

TEST_F(cgroup, no_limit)
{
	USE(0);
	EXPECT_EQ(UINT64_MAX, self->use.limit);
	EXPECT_EQ(1000000U, self->use.bytes);
}

TEST_F(cgroup, the_tightest_limit_counts)
{
	ASSERT_TRUE(host_group(HOST_GROUP, "1000000\n", "4000000\n", "max\n"));
	USE(0);
	EXPECT_EQ(4000000U, self->use.limit);
	/* memory.high is lower. */
	ASSERT_TRUE(
		host_group(HOST_GROUP, "1000000\n", "4000000\n", "3000000\n"));
	USE(0);
	EXPECT_EQ(3000000U, self->use.limit);
	/* The group above is fuller, though its limit is higher. */
	ASSERT_TRUE(host_group("/sys/fs/cgroup/user", "9000000\n", "10000000\n",
			       "max\n"));
	USE(0);
	EXPECT_EQ(10000000U, self->use.limit);
	EXPECT_EQ(9000000U, self->use.bytes);
	/* What the kernel drops first is not in use. */
	ASSERT_TRUE(host_file("/sys/fs/cgroup/user/memory.stat",
			      "file 1\ninactive_file 8000000\n"));
	USE(0);
	EXPECT_EQ(3000000U, self->use.limit);
	ASSERT_TRUE(host_file(HOST_GROUP "/memory.stat",
			      "inactive_file 999999999\n"));
	USE(0);
	EXPECT_EQ(1000000U, self->use.bytes);
	EXPECT_EQ(10000000U, self->use.limit);
}

/*
 * Nobody gave the controller to our group: its memory is charged to the one
 * above, whose limit is ours.
 */
TEST_F(cgroup, a_group_without_the_controller)
{
	ASSERT_TRUE(host_group(HOST_GROUP, NULL, NULL, NULL));
	ASSERT_TRUE(
		host_group("/sys/fs/cgroup/user", "900\n", "1000\n", "max\n"));
	USE(0);
	EXPECT_EQ(1000U, self->use.limit);
	EXPECT_EQ(900U, self->use.bytes);
	/* Nor to any. */
	ASSERT_TRUE(host_group("/sys/fs/cgroup/user", NULL, NULL, NULL));
	USE(-ENOENT);
}

TEST_F(cgroup, the_root_has_no_limit)
{
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/\n"));
	USE(-ENOENT);
}

TEST_F(cgroup, limits_of_rubbish)
{
	ASSERT_TRUE(host_group(HOST_GROUP, "rubbish\n", "10\n", "max\n"));
	USE(-EINVAL);
	ASSERT_TRUE(host_group(HOST_GROUP, "1\n", "-10\n", "max\n"));
	USE(-EINVAL);
	ASSERT_TRUE(host_group(HOST_GROUP, "max\n", "10\n", "max\n"));
	USE(-EINVAL);
}

TEST(limits)
{
	uint64_t n;

	ASSERT_TRUE(tmem_cgroup_limit_parse("max\n", &n));
	EXPECT_EQ(UINT64_MAX, n);
	ASSERT_TRUE(tmem_cgroup_limit_parse("123\n", &n));
	EXPECT_EQ(123U, n);
	ASSERT_TRUE(tmem_cgroup_limit_parse("0", &n));
	EXPECT_EQ(0U, n);
	EXPECT_FALSE(tmem_cgroup_limit_parse("", &n));
	EXPECT_FALSE(tmem_cgroup_limit_parse("maximum\n", &n));
	EXPECT_FALSE(tmem_cgroup_limit_parse("-1\n", &n));
	EXPECT_FALSE(tmem_cgroup_limit_parse("1 2\n", &n));
	EXPECT_FALSE(tmem_cgroup_limit_parse("99999999999999999999\n", &n));
}

TEST_HARNESS_MAIN
