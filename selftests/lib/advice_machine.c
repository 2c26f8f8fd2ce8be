// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves of advice about the machine, in a process that really gets into the
 * situation or on a made-up host that says so, that it is given there, with the
 * knob that helps, and no more once that was turned: huge pages, nodes, mappings,
 * swap, the cgroup, stalls that are not seen; and that files which say what they
 * never say are no advice.
 */
#include "advice_fixture.h"

#include <numaif.h>
#include <sys/prctl.h>

#include "arena/topology.h"
#include "manager/advice.h"

TEST_F(advice, no_huge_pages)
{
	size_t i;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the device has huge pages by itself");
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		SKIP(return, "huge pages cannot be switched off here");
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_FALSE(is_advised("huge-pages-off"));
	for (i = 0; i < MANY; i++)
		lt_fill(self->block[i], LT_MIB, i);
	EXPECT_STREQ("prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)",
		     advised("huge-pages-off").command);
	EXPECT_FALSE(is_advised("huge-pages-few"));
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	EXPECT_FALSE(is_advised("huge-pages-off"));
	/* Those that there are do not become huge by that. */
	EXPECT_TRUE(is_advised("huge-pages-few"));
	/* The machine's own word. */
	ASSERT_TRUE(host_file(THP "enabled", "always madvise [never]\n"));
	EXPECT_STREQ(
		"echo madvise >/sys/kernel/mm/transparent_hugepage/enabled",
		advised("huge-pages-off").command);
	/* A file that is not there, or is something else, is no advice. */
	ASSERT_TRUE(host_file(THP "enabled", "garbage without a choice [\n"));
	EXPECT_FALSE(is_advised("huge-pages-off"));
	EXPECT_FALSE(is_advised("huge-pages-few"));
	ASSERT_TRUE(host_file(THP "enabled", NULL));
	EXPECT_FALSE(is_advised("huge-pages-few"));
	blocks_free(self->block, MANY, 1);
}

/* Its pages go to another node; how many of them did. */
static size_t move_away(char *block, size_t size, int node)
{
	size_t i, n = size / LT_PAGE, moved = 0;
	void *page[LT_MIB / LT_PAGE];
	int to[LT_MIB / LT_PAGE], status[LT_MIB / LT_PAGE];

	for (i = 0; i < n; i++) {
		page[i] = block + i * LT_PAGE;
		to[i] = node;
		status[i] = -1;
	}
	move_pages(0, n, page, to, status, MPOL_MF_MOVE);
	if (move_pages(0, n, page, NULL, status, 0))
		return 0;
	for (i = 0; i < n; i++)
		moved += status[i] == node;
	return moved * LT_PAGE;
}

TEST_F(advice, wrong_node)
{
	uint64_t others = tmem_topology_get()->nodes &
			  ~(1ULL << tmem_topology_here());
	size_t i, moved = 0;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the device's memory stays where it is");
	if (!others)
		SKIP(return, "there is one node");
	lt_stay();
	others = tmem_topology_get()->nodes & ~(1ULL << tmem_topology_here());
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	for (i = 0; i < MANY; i++)
		lt_fill(self->block[i], LT_MIB, i);
	EXPECT_FALSE(is_advised("wrong-node"));
	for (i = 0; i < MANY; i++)
		moved += move_away(self->block[i], LT_MIB,
				   __builtin_ctzll(others));
	if (moved < (MANY - 8) * LT_MIB)
		SKIP(return, "the kernel moves no pages to the other node");
	EXPECT_STREQ("TMEM_NUMA=interleave", advised("wrong-node").command);
	blocks_free(self->block, MANY, 1);
}

/* Files that say what they never say. */
TEST_F(advice, odd_files)
{
	static const char *const odd[] = {
		"",
		"[",
		"]",
		"always ]x[ never\n",
		"[aaaaaaaaaaaaaaaa]\n",
		"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]",
	};
	struct tmem_advice_host look;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		ASSERT_TRUE(host_file(THP "enabled", odd[i]));
		ASSERT_TRUE(host_file("/proc/self/status", odd[i]));
		ASSERT_TRUE(host_file("/proc/sys/vm/swappiness", odd[i]));
		tmem_advice_host_look(&look, host, 5);
		EXPECT_STREQ("", look.thp);
		EXPECT_STREQ("madvise", look.thp_defrag);
		EXPECT_EQ(0U, look.swapped);
		EXPECT_EQ(UINT64_MAX, look.swappiness);
		EXPECT_STREQ("", look.limit_file);
	}
	ASSERT_TRUE(host_file(THP "enabled", "[aaaaaaaaaaaaaaa]\n"));
	ASSERT_TRUE(host_file("/proc/self/status", "VmSwap: 1 MB\n"));
	tmem_advice_host_look(&look, host, 5);
	EXPECT_STREQ("aaaaaaaaaaaaaaa", look.thp);
	EXPECT_EQ(0U, look.swapped);
	/* A host of which nothing is to be seen. */
	tmem_advice_host_look(&look, "/nowhere", 5);
	EXPECT_STREQ("", look.thp_defrag);
	EXPECT_EQ(0U, look.maps);
	EXPECT_EQ(0U, look.max_maps);
	EXPECT_EQ(-ENOENT, look.device);
}

TEST_F(advice, mappings)
{
	ASSERT_EQ(0, lt_init());
	EXPECT_FALSE(is_advised("map-count"));
	ASSERT_TRUE(host_file("/proc/sys/vm/max_map_count", "5\n"));
	EXPECT_STREQ("sysctl -w vm.max_map_count=20",
		     advised("map-count").command);
	ASSERT_TRUE(host_file("/proc/sys/vm/max_map_count", "no number\n"));
	EXPECT_FALSE(is_advised("map-count"));
	ASSERT_TRUE(host_file("/proc/sys/vm/max_map_count", NULL));
	EXPECT_FALSE(is_advised("map-count"));
}

TEST_F(advice, swap)
{
	char command[256];

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the device's memory is not swapped");
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_FALSE(is_advised("swapped"));
	ASSERT_TRUE(host_file("/proc/self/status", "VmSwap:\t 102400 kB\n"));
	EXPECT_STREQ("TMEM_BACKEND=dev", advised("swapped").command);
	ASSERT_TRUE(host_file("/dev/tmem", NULL));
	EXPECT_STREQ("sysctl -w vm.swappiness=0", advised("swapped").command);
	ASSERT_TRUE(host_file(HOST_GROUP "/memory.swap.max", "max\n"));
	snprintf(command, sizeof(command), "echo 0 >%s",
		 host_path(HOST_GROUP "/memory.swap.max"));
	EXPECT_STREQ(command, advised("swapped").command);
	/* The group may not swap any more: what is there is older. */
	ASSERT_TRUE(host_file(HOST_GROUP "/memory.swap.max", "0\n"));
	EXPECT_STREQ("sysctl -w vm.swappiness=0", advised("swapped").command);
	ASSERT_TRUE(host_file("/proc/sys/vm/swappiness", "0\n"));
	EXPECT_STREQ("swapoff -a", advised("swapped").command);
	ASSERT_TRUE(host_file("/proc/self/status", "VmSwap:\t 100 kB\n"));
	EXPECT_FALSE(is_advised("swapped"));
	blocks_free(self->block, MANY, 1);
}

TEST_F(advice, cgroup)
{
	char command[256];

	ASSERT_EQ(0, lt_init());
	EXPECT_FALSE(is_advised("cgroup-near"));
	ASSERT_TRUE(
		host_group(HOST_GROUP, "950000000\n", "1000000000\n", "max\n"));
	snprintf(command, sizeof(command), "echo 1431M >%s",
		 host_path(HOST_GROUP "/memory.max"));
	EXPECT_STREQ(command, advised("cgroup-near").command);
	/* The one above is nearer to its end. */
	ASSERT_TRUE(host_group("/sys/fs/cgroup/user", "1990000000\n", "max\n",
			       "2000000000\n"));
	snprintf(command, sizeof(command), "echo 2862M >%s",
		 host_path("/sys/fs/cgroup/user/memory.high"));
	EXPECT_STREQ(command, advised("cgroup-near").command);
	ASSERT_TRUE(host_group("/sys/fs/cgroup/user", "1000000000\n", "max\n",
			       "2000000000\n"));
	ASSERT_TRUE(
		host_group(HOST_GROUP, "500000000\n", "1000000000\n", "max\n"));
	EXPECT_FALSE(is_advised("cgroup-near"));
}

/* A group whose name needs quotes in a shell. */
TEST_F(advice, cgroup_with_a_name)
{
	static const char group[] = "/sys/fs/cgroup/x;reboot #$(id)";

	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	ASSERT_TRUE(host_file("/proc/self/cgroup", "0::/x;reboot #$(id)\n"));
	ASSERT_TRUE(host_group(group, "950000000\n", "1000000000\n", "max\n"));
	ASSERT_TRUE(host_file("/sys/fs/cgroup/x;reboot #$(id)/memory.stat",
			      "inactive_file 0\n"));
	/* Half as much again as the 64 MiB, and what lies beside them. */
	EXPECT_EQ(0, strncmp("TMEM_MAX_BYTES=9", advised("cgroup-near").command,
			     16));
	EXPECT_EQ(NULL, strpbrk(advised("cgroup-near").command, ";#$("));
	blocks_free(self->block, MANY, 1);
	EXPECT_FALSE(is_advised("cgroup-near"));
}

TEST_F(advice, stalls)
{
	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the module counts stalls");
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_FALSE(is_advised("stalls-unseen"));
	/* What cannot be understood is an error, and not this. */
	ASSERT_TRUE(host_file("/proc/pressure/memory", "garbage\n"));
	EXPECT_FALSE(is_advised("stalls-unseen"));
	ASSERT_TRUE(host_file("/proc/pressure/memory", NULL));
	EXPECT_TRUE(is_advised("stalls-unseen"));
	blocks_free(self->block, MANY, 1);
}

TEST_HARNESS_MAIN
