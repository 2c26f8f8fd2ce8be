// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what happens when a node is full: BIND is refused by SIGBUS or by an
 * error and takes nothing from the other nodes, the other policies go on with
 * memory from elsewhere and count it.  And when the whole machine is full:
 * the arena is refused, and nobody is killed for it.  Everything comes back.
 *
 * Memory is filled up for it, so this takes time: some 3 s per GiB under
 * emulation.
 */
#include "tmem_test_mem.h"

#define TOO_LARGE (4096 * KT_MIB) /* to fill it in a test */

#define FEW ((size_t)8)

/* More than what a CPU keeps of freed pages for itself, out of our reach. */
#define SOME ((size_t)128)

/* What the kernel itself may take on another node meanwhile. */
#define OTHER_SLACK (48 * KT_MIB)

FIXTURE(full)
{
	int dev;
	int node, other;
	struct kt_arena big; /* as large as the node */
	size_t spans; /* of big, filled before it was full */
	uint64_t free_node, free_other;
};

/* Fills big until it is refused.  The signal that said so. */
static int fill_up(struct kt_arena *a, size_t *spans)
{
	int sig = 0;

	for (size_t i = 0; !sig && i < a->spans; i++) {
		sig = kt_touch_pages(kt_span(a, i), KT_SPAN / KT_PAGE, true);
		if (!sig)
			*spans = i + 1;
	}
	return sig;
}

FIXTURE_SETUP(full)
{
	size_t size;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->other = kt_node_first();
	self->node = self->other;
	for_each_node(node, kt_nodes()) {
		if (!kt_run_on_node(node))
			self->node = node;
	}
	if (self->node == self->other)
		SKIP(return, "no second node with memory and a CPU");
	if (kt_node_total(self->node) > TOO_LARGE)
		SKIP(return, "node %d is too large to fill", self->node);
	size = kt_node_total(self->node) & -KT_SPAN;
	self->free_node = kt_free(self->node);
	self->free_other = kt_free(self->other);
	ASSERT_EQ(0, kt_arena_init(&self->big, self->dev, size,
				   TMEM_POLICY_BIND, 1ULL << self->node));
	ASSERT_EQ(SIGBUS, fill_up(&self->big, &self->spans));
}

FIXTURE_TEARDOWN(full)
{
	kt_arena_fini(&self->big);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(self->node, self->free_node));
	EXPECT_EQ(0U, kt_free_missing(self->other, self->free_other));
	close(self->dev);
}

static void bind_is_refused(struct __test_metadata *_metadata,
			    struct _test_data_full *self)
{
	struct kt_arena *big = &self->big;
	struct tmem_arena_stat st = kt_stat(big);
	struct tmem_arena_node_stat other = { .node = (uint32_t)self->other };
	size_t rest = big->size - self->spans * KT_SPAN;
	struct tmem_arena_purge out;
	uint64_t off = 0;

	EXPECT_LE(1U, st.fills_failed);
	EXPECT_EQ(0U, st.fills_off_node);
	/* It was full when it was refused, give or take reserves. */
	EXPECT_LT(self->free_node - 160 * KT_MIB, st.resident);
	for (size_t i = 0; i < self->spans; i++)
		off += kt_page_node(kt_span(big, i)) != self->node;
	EXPECT_EQ(0U, off);
	ASSERT_EQ(0, kt_ioctl(big->fd, TMEM_IOC_ARENA_NODE_STAT, &other));
	EXPECT_EQ(0U, other.spans_huge + other.small_bytes);
	EXPECT_LE(self->free_other, kt_free(self->other) + OTHER_SLACK);

	/* Who asks first is told, without a signal. */
	EXPECT_EQ(-1, madvise(kt_span(big, self->spans), rest,
			      MADV_POPULATE_WRITE));
	EXPECT_TRUE(errno == EFAULT || errno == ENOMEM)
	{
		TH_LOG("errno %d", errno);
	}
	EXPECT_LT(st.fills_failed, kt_stat(big).fills_failed);

	/* Some memory given back is enough to go on. */
	ASSERT_LT(SOME, self->spans);
	for (size_t i = 0; i < SOME; i++)
		kt_idle(big, i);
	ASSERT_EQ(0, kt_purge(big, 0, SOME, &out));
	EXPECT_EQ(SOME, out.purged);
	EXPECT_EQ(0, madvise(kt_span(big, self->spans), KT_SPAN,
			     MADV_POPULATE_WRITE));
	EXPECT_EQ(self->node, kt_page_node(kt_span(big, self->spans)));
}

static size_t spans_off(const struct kt_arena *a, int node)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++) {
		kt_span(a, i)[0] = 1;
		n += kt_page_node(kt_span(a, i)) != node;
	}
	return n;
}

static void others_go_elsewhere(struct __test_metadata *_metadata,
				struct _test_data_full *self)
{
	const unsigned int policies[] = { TMEM_POLICY_PREFERRED,
					  TMEM_POLICY_LOCAL };
	uint64_t both = 1ULL << self->node | 1ULL << self->other;
	struct kt_arena a;
	size_t off, strays = 0;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		uint64_t mask = policies[i] == TMEM_POLICY_LOCAL ?
					0 :
					1ULL << self->node;

		ASSERT_EQ(0, kt_arena_init(&a, self->dev, FEW * KT_SPAN,
					   policies[i], mask));
		off = spans_off(&a, self->node);
		EXPECT_LT(0U, off);
		EXPECT_EQ(off, kt_stat(&a).fills_off_node);
		EXPECT_EQ(0U, kt_stat(&a).fills_failed);
		kt_arena_fini(&a);
	}

	off = 0;
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, FEW * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, both));
	for (size_t i = 0; i < FEW; i++) {
		kt_span(&a, i)[0] = 1;
		if (i % 2)
			off += kt_page_node(kt_span(&a, i)) != self->node;
		else
			strays += kt_page_node(kt_span(&a, i)) != self->other;
	}
	EXPECT_EQ(0U, strays);
	EXPECT_LT(0U, off);
	EXPECT_EQ(off, kt_stat(&a).fills_off_node);
	kt_arena_fini(&a);
}

/* One test, because the node is to be filled up once only. */
TEST_F(full, a_node)
{
	others_go_elsewhere(_metadata, self);
	bind_is_refused(_metadata, self);
}

/* One line of /proc/vmstat. */
static long vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "re");
	char line[128], field[64];
	long value = -1, v;

	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", field, &v) == 2 &&
		    !strcmp(field, name))
			value = v;
	if (f)
		fclose(f);
	return value;
}

FIXTURE(machine)
{
	int dev;
	long kills;
	uint64_t free_before;
	struct kt_arena a;
};

FIXTURE_SETUP(machine)
{
	struct tmem_query q = { 0 };

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	if (q.max_arena_size > 2 * TOO_LARGE)
		SKIP(return, "the machine is too large to fill");
	self->kills = vmstat("oom_kill");
	self->free_before = kt_free(-1);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev,
				   q.max_arena_size & -KT_SPAN,
				   TMEM_POLICY_LOCAL, 0));
}

FIXTURE_TEARDOWN(machine)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

TEST_F(machine, refuses_and_kills_nobody)
{
	struct kt_arena *a = &self->a;
	size_t spans = 0;

	EXPECT_EQ(SIGBUS, fill_up(a, &spans));
	EXPECT_LT(self->free_before / 2, spans * KT_SPAN);
	EXPECT_LT(0U, kt_stat(a).fills_failed);
	ASSERT_GT(a->spans, spans);
	EXPECT_EQ(-1, madvise(kt_span(a, spans), KT_SPAN, MADV_POPULATE_WRITE));
	EXPECT_TRUE(errno == EFAULT || errno == ENOMEM);
	EXPECT_EQ(self->kills, vmstat("oom_kill"));
}

TEST_HARNESS_MAIN
