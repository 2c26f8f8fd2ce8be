// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves who may see and set what over netlink: everybody sees what is his,
 * root sees all, root sets the pools, and who is root in a user namespace of
 * his own only is nobody here.  And that wrong messages are refused, with
 * words that say why, and change nothing.
 */
#include "tmem_test_netlink.h"
#include "tmem_test_sysfs.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#define NOBODY 65534
#define OTHER 4321

FIXTURE(perm)
{
	int dev;
	int node;
	struct kt_nl nl;
	struct kt_nl_msg m;
	struct kt_knobs knobs;
	struct kt_arena a; /* root's */
};

FIXTURE_SETUP(perm)
{
	char file[40];

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->node = kt_node_last();
	ASSERT_EQ(0, kt_nl_open(&self->nl));
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, KT_SPAN, 0, 0));
	snprintf(file, sizeof(file), "node%d/pool_low_bytes", self->node);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, file, 0));
	snprintf(file, sizeof(file), "node%d/pool_target_bytes", self->node);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, file, 0));
}

static int pool_set(struct kt_nl *nl, int node, uint64_t low, uint64_t target)
{
	struct kt_nl_msg m;

	kt_nl_begin(&m, nl->family, TMEM_CMD_POOL_SET, NLM_F_ACK);
	kt_nl_put_u32(&m, TMEM_A_NODE_ID, (uint32_t)node);
	kt_nl_put_u64(&m, TMEM_A_NODE_POOL_LOW, low);
	kt_nl_put_u64(&m, TMEM_A_NODE_POOL_TARGET, target);
	return kt_nl_ask(nl, &m, NULL, NULL);
}

FIXTURE_TEARDOWN(perm)
{
	/* As the knobs left it, from where they find the way back. */
	pool_set(&self->nl, self->node, 0, 0);
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	kt_arena_fini(&self->a);
	kt_nl_close(&self->nl);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

/* Becomes somebody without any privilege. */
static int become(uid_t uid)
{
	return setgroups(0, NULL) || setgid(uid) || setuid(uid) ? -errno : 0;
}

struct seen {
	size_t nr;
	uint32_t uid;
	uint32_t pid;
};

static void take(const struct nlmsghdr *h, void *data)
{
	struct seen *s = data;

	s->nr++;
	s->uid = kt_nl_u32(h, TMEM_A_ARENA_UID);
	s->pid = kt_nl_u32(h, TMEM_A_ARENA_PID);
}

static int look(struct kt_nl *nl, struct seen *s)
{
	struct kt_nl_msg m;

	memset(s, 0, sizeof(*s));
	kt_nl_begin(&m, nl->family, TMEM_CMD_ARENA_GET, NLM_F_DUMP);
	return kt_nl_ask(nl, &m, take, s);
}

static int64_t now(const struct _test_data_perm *self, const char *what)
{
	return kt_sysfs_node(self->node, what);
}

/* The socket tells who opened it, the caller who asks: both must be root. */
static int stranger(int dev, int node, struct kt_nl *roots)
{
	struct kt_nl *nl = calloc(1, sizeof(*nl));
	struct kt_arena a;
	struct seen s;

	if (become(NOBODY) || kt_nl_open(nl) || look(nl, &s))
		return 1;
	if (s.nr)
		return 2; /* root's */
	if (kt_arena_init(&a, dev, KT_SPAN, 0, 0) || look(nl, &s))
		return 3;
	if (s.nr != 1 || s.uid != NOBODY || s.pid != (uint32_t)getpid())
		return 4;
	if (pool_set(nl, node, 0, KT_SPAN) != -EPERM)
		return 5;
	if (pool_set(roots, node, 0, KT_SPAN) != -EPERM)
		return 6;
	if (look(roots, &s) || s.nr != 1)
		return 7;
	return kt_nl_join(nl) ? 8 : 0;
}

TEST_F(perm, without_privilege)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(stranger(self->dev, self->node, &self->nl));
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(0, now(self, "pool_target_bytes"));
}

/* Root, and everything, in a user namespace that anybody can make. */
static int false_root(int dev, int node)
{
	struct kt_nl *nl = calloc(1, sizeof(*nl));
	struct kt_arena a;
	struct seen s;
	char map[32];

	if (become(OTHER) || kt_arena_init(&a, dev, KT_SPAN, 0, 0))
		return 1;
	/* Else it may not write its maps, having changed its user. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 100;
	snprintf(map, sizeof(map), "0 %d 1", OTHER);
	if (kt_write_file("/proc/self/setgroups", "deny") ||
	    kt_write_file("/proc/self/uid_map", map) ||
	    kt_write_file("/proc/self/gid_map", map) || getuid())
		return 2;
	if (kt_nl_open(nl) || look(nl, &s))
		return 3;
	if (s.nr != 1)
		return 4;
	if (s.uid)
		return 5; /* it is 0 in there */
	if (pool_set(nl, node, 0, KT_SPAN) != -EPERM)
		return 6;
	if (kt_sysfs_write("pressure/hold_ms", "1") != -EACCES)
		return 7;
	return 0;
}

TEST_F(perm, root_of_another_user_namespace)
{
	pid_t pid = fork();
	int status;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(false_root(self->dev, self->node));
	status = kt_wait(pid);
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 100)
		SKIP(return, "user namespaces are not for everybody here");
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, now(self, "pool_target_bytes"));
}

TEST_F(perm, root_sees_all)
{
	int p[2], q[2];
	struct seen s;
	char c = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, pipe(q));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct kt_arena a;

		if (become(NOBODY) ||
		    kt_arena_init(&a, self->dev, KT_SPAN, 0, 0) ||
		    write(p[1], &c, 1) != 1)
			_exit(1);
		_exit(read(q[0], &c, 1) == 1 ? 0 : 2);
	}
	ASSERT_EQ(1, read(p[0], &c, 1));
	ASSERT_EQ(0, look(&self->nl, &s));
	EXPECT_EQ(2U, s.nr);
	EXPECT_EQ((uint32_t)NOBODY, s.uid);
	EXPECT_EQ((uint32_t)pid, s.pid);
	ASSERT_EQ(1, write(q[1], &c, 1));
	EXPECT_EQ(0, kt_wait(pid));
}

TEST_F(perm, pool_set)
{
	struct kt_nl *nl = &self->nl;

	ASSERT_EQ(0, pool_set(nl, self->node, 2 * KT_SPAN, 4 * KT_SPAN));
	EXPECT_EQ((int64_t)(2 * KT_SPAN), now(self, "pool_low_bytes"));
	EXPECT_EQ((int64_t)(4 * KT_SPAN), now(self, "pool_target_bytes"));
	/* One of the two alone. */
	kt_nl_begin(&self->m, nl->family, TMEM_CMD_POOL_SET, NLM_F_ACK);
	kt_nl_put_u32(&self->m, TMEM_A_NODE_ID, (uint32_t)self->node);
	kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL_TARGET, 6 * KT_SPAN);
	EXPECT_EQ(0, kt_nl_ask(nl, &self->m, NULL, NULL));
	EXPECT_EQ((int64_t)(2 * KT_SPAN), now(self, "pool_low_bytes"));
	EXPECT_EQ((int64_t)(6 * KT_SPAN), now(self, "pool_target_bytes"));
	EXPECT_EQ(0, pool_set(nl, self->node, 0, 0));
}

TEST_F(perm, pool_set_wrongly)
{
	/* The kernel keeps some of a node's memory out of its total. */
	uint64_t half = kt_node_total(self->node) / 16 * 9;
	const struct {
		int node;
		uint64_t low, target;
	} bad[] = {
		{ self->node, 2 * KT_SPAN, KT_SPAN },
		{ self->node, 0, KT_SPAN + 1 },
		{ self->node, KT_PAGE, 4 * KT_SPAN },
		{ self->node, 0, half & -KT_SPAN },
		{ self->node, 0, UINT64_MAX & -KT_SPAN },
		{ self->node, UINT64_MAX & -KT_SPAN, UINT64_MAX & -KT_SPAN },
		{ 63, 0, KT_SPAN },
		{ 1 << 20, 0, KT_SPAN },
		{ -1, 0, KT_SPAN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, pool_set(&self->nl, bad[i].node, bad[i].low,
					    bad[i].target))
		{
			TH_LOG("case %zu", i);
		}
		printf("# case %zu: %s\n", i, self->nl.error);
		EXPECT_NE(0, self->nl.error[0]);
		EXPECT_EQ(0, now(self, "pool_low_bytes"));
		EXPECT_EQ(0, now(self, "pool_target_bytes"));
	}
}

TEST_HARNESS_MAIN
