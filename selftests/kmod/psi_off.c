// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the module does on a kernel that counts no stalls (psi=0): it
 * says so everywhere, refuses triggers, and has a level all the same, by the
 * use of memory and by what reclaim does.
 */
#include "tmem_test_netlink.h"
#include "tmem_test_pressure.h"

FIXTURE(psi_off)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(psi_off)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (kt_psi_on())
		SKIP(return, "PSI is on; boot with psi=0");
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
}

FIXTURE_TEARDOWN(psi_off)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	if (self->page)
		munmap((void *)self->page, self->size);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

static void take_psi(const struct nlmsghdr *h, void *data)
{
	*(uint32_t *)data = kt_nl_u32(h, TMEM_A_PRESSURE_PSI_ON);
}

TEST_F(psi_off, is_said)
{
	struct tmem_query q = { 0 };
	struct tmem_status st;
	struct kt_nl_msg m;
	struct kt_nl nl;
	uint32_t psi = 7;
	char text[16];

	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	EXPECT_EQ(0U, q.features & TMEM_FEATURE_PSI);
	EXPECT_NE(0U, q.features & TMEM_FEATURE_PRESSURE);
	kt_sysfs_read("pressure/psi", text, sizeof(text));
	EXPECT_STREQ("off", text);
	kt_sysfs_read("pressure/stall", text, sizeof(text));
	EXPECT_STREQ("0.00", text);
	ASSERT_TRUE(kt_status_copy(self->page, &st, sizeof(st)));
	EXPECT_EQ(0U, st.psi_on);
	EXPECT_EQ(0U, st.stall);
	EXPECT_EQ(0U, st.some.total + st.full.total);
	EXPECT_EQ(0U, st.some.avg10 + st.full.avg10);

	ASSERT_EQ(0, kt_nl_open(&nl));
	kt_nl_begin(&m, nl.family, TMEM_CMD_PRESSURE_GET, NLM_F_ACK);
	EXPECT_EQ(0, kt_nl_ask(&nl, &m, take_psi, &psi));
	EXPECT_EQ(0U, psi);
	kt_nl_close(&nl);
}

TEST_F(psi_off, triggers_are_refused)
{
	const int fds[] = { self->dev, 0, -1 };
	struct tmem_trigger t = { .cookie = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		t.fd = fds[i];
		EXPECT_EQ(-EOPNOTSUPP,
			  kt_ioctl(self->dev, TMEM_IOC_TRIGGER_ADD, &t));
	}
	EXPECT_EQ(-ENOENT, kt_ioctl(self->dev, TMEM_IOC_TRIGGER_REMOVE, &t));
}

TEST_F(psi_off, level_by_use)
{
	int dev;
	struct tmem_event ev;

	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	dev = kt_open_events();
	for (uint32_t level = 1; level < 4; level++) {
		ASSERT_EQ(0, kt_steer_to(&self->knobs, level));
		EXPECT_EQ(level, kt_level(self->page));
		EXPECT_EQ(POLLIN, kt_poll(dev, POLLIN));
		EXPECT_EQ(1, kt_event(dev, &ev));
		EXPECT_EQ(level, ev.level);
	}
	EXPECT_TRUE(kt_steer_wait(&self->knobs, self->page, TMEM_LEVEL_LOW));
	close(dev);
}

/* Takes memory of one node until the kernel has looked for idle spans. */
static int hog(int node, int64_t scanned)
{
	unsigned long mask = 1UL << node;
	size_t size = kt_node_total(node) & -KT_SPAN, step = 4 * KT_MIB;
	unsigned char *p = mmap(NULL, size, KT_RW,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);

	if (p == MAP_FAILED ||
	    syscall(SYS_mbind, p, size, MPOL_BIND, &mask, 64UL, 0))
		return 2;
	for (size_t at = 0; at + step <= size; at += step) {
		if (madvise(p + at, step, MADV_POPULATE_WRITE))
			return 3;
		if (kt_sysfs_number("recall/scanned") > scanned)
			return 0;
	}
	return 4;
}

/*
 * One node runs short while the machine as a whole does not: the level goes up
 * for reclaim alone, for hold_ms.
 */
TEST_F(psi_off, level_by_reclaim)
{
	int node = kt_node_last();
	uint64_t changes;
	struct kt_arena a;
	pid_t pid;

	if (kt_node_count() < 2 || kt_node_total(node) > 4096 * KT_MIB)
		SKIP(return, "no second node that is small enough to fill");
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	changes = self->page->changes;
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 64 * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << node));
	for (size_t i = 0; i < a.spans; i++) {
		kt_span(&a, i)[0] = 1;
		kt_idle(&a, i);
	}
	pid = fork();
	if (!pid)
		_exit(hog(node, kt_sysfs_number("recall/scanned")));
	EXPECT_EQ(0, kt_wait(pid));
	/* With a hold of 0, for one look, which the module takes by itself. */
	EXPECT_TRUE(PACE_UNTIL(self->page->changes > changes));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, self->page->use_level);
	/* With the longest one, it is now in force. */
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hold_ms", "600000"));
	printf("# level %u after node %d was short, use %u.%02u %%\n",
	       kt_level(self->page), node, self->page->use / 100,
	       self->page->use % 100);
	EXPECT_LE((uint32_t)TMEM_LEVEL_MEDIUM, self->page->stall_level);
	EXPECT_LE((uint32_t)TMEM_LEVEL_MEDIUM, kt_level(self->page));
	EXPECT_EQ(0U, self->page->stall);
	ASSERT_EQ(0, kt_knob(&self->knobs, "pressure/hold_ms", "0"));
	EXPECT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	kt_arena_fini(&a);
}

TEST_HARNESS_MAIN
