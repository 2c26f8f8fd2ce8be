// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the pools of zeroed spans are what they say: filled up to their
 * target and no further, on their own node, all zeroes whatever was in the
 * memory before, handed out once each, charged when they are taken, to the
 * process that takes them, and never to one that may not use the node.
 */
#include "tmem_test_cgroup.h"
#include "tmem_test_sysfs.h"

#include <pthread.h>

#define LOW ((size_t)12)
#define TARGET ((size_t)24)
#define SEED 4242

FIXTURE(pool)
{
	int dev;
	int node;
	struct kt_knobs knobs;
	struct kt_arena a;
	uint64_t free_before; /* of the node, with an empty pool */
};

static int64_t get(int node, const char *what)
{
	return kt_sysfs_node(node, what);
}

/* In spans; the pool is empty between the two. */
static int size_pool(struct kt_knobs *k, int node, size_t low, size_t target)
{
	char low_file[40], target_file[40];
	int ret;

	snprintf(low_file, sizeof(low_file), "node%d/pool_low_bytes", node);
	snprintf(target_file, sizeof(target_file), "node%d/pool_target_bytes",
		 node);
	ret = kt_knob(k, low_file, "0");
	if (!ret)
		ret = kt_knob_number(k, target_file, target * KT_SPAN);
	return ret ? ret : kt_knob_number(k, low_file, low * KT_SPAN);
}

FIXTURE_SETUP(pool)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (access(KT_SETTLE, W_OK))
		SKIP(return, KT_SETTLE ": %s", strerror(errno));
	self->node = kt_node_last();
	for_each_node(node, kt_nodes()) {
		ASSERT_EQ(0, size_pool(&self->knobs, node, 0, 0));
		ASSERT_TRUE(kt_pool_holds(node, 0));
	}
	self->free_before = kt_free(self->node);
}

FIXTURE_TEARDOWN(pool)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0, size_pool(&self->knobs, self->node, 0, 0));
	EXPECT_EQ(0U, kt_free_missing(self->node, self->free_before));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

/* The pool holds so many spans, and no refill is due, now or later. */
static bool stays(const struct _test_data_pool *self, size_t spans)
{
	kt_pool_settle(true);
	return kt_pool_bytes(self->node) == spans * KT_SPAN;
}

static int fill_pool(struct _test_data_pool *self)
{
	if (size_pool(&self->knobs, self->node, LOW, TARGET))
		return -EIO;
	return kt_pool_holds(self->node, TARGET) ? 0 : -ETIMEDOUT;
}

static int make(struct _test_data_pool *self, size_t spans)
{
	return kt_arena_init(&self->a, self->dev, spans * KT_SPAN,
			     TMEM_POLICY_BIND, 1ULL << self->node);
}

TEST_F(pool, fills_up_and_empties)
{
	int64_t refilled = get(self->node, "pool_refilled");
	uint64_t full;

	ASSERT_EQ(0, fill_pool(self));
	EXPECT_EQ(refilled + (int64_t)TARGET, get(self->node, "pool_refilled"));
	/* kt_free() counts what is in pools: this much is not free. */
	full = kt_free(self->node) - kt_pool_bytes(self->node);
	EXPECT_LE(full + (TARGET - 6) * KT_SPAN, self->free_before);
	/* No further than that, also when it is asked to again. */
	ASSERT_EQ(0, size_pool(&self->knobs, self->node, 0, TARGET));
	EXPECT_TRUE(stays(self, TARGET));
	ASSERT_EQ(0, size_pool(&self->knobs, self->node, 0, 5));
	EXPECT_TRUE(stays(self, 5));
	ASSERT_EQ(0, size_pool(&self->knobs, self->node, 0, 0));
	EXPECT_TRUE(stays(self, 0));
	EXPECT_EQ(0U, kt_free_missing(self->node, self->free_before));
}

/* Refilled when it is below its low mark, and not before. */
TEST_F(pool, low_mark)
{
	int64_t taken = get(self->node, "pool_taken");
	int64_t missed = get(self->node, "pool_missed");

	ASSERT_EQ(0, fill_pool(self));
	ASSERT_EQ(0, make(self, 64));
	for (size_t i = 0; i < TARGET - LOW; i++)
		kt_span(&self->a, i)[0] = 1;
	EXPECT_EQ(TARGET - LOW, kt_stat(&self->a).fills_pool);
	EXPECT_TRUE(stays(self, LOW));
	kt_span(&self->a, TARGET - LOW)[0] = 1;
	EXPECT_TRUE(kt_pool_holds(self->node, TARGET));
	EXPECT_EQ(taken + (int64_t)(TARGET - LOW + 1),
		  get(self->node, "pool_taken"));
	EXPECT_EQ(missed, get(self->node, "pool_missed"));
}

/*
 * Reclaim takes from the pool, and the refill is put off; once the pool has been
 * filled by request, nothing is left to be done later.
 */
TEST_F(pool, low_mark_after_reclaim)
{
	ASSERT_EQ(0, fill_pool(self));
	ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_GT(TARGET * KT_SPAN, kt_pool_bytes(self->node));
	ASSERT_EQ(0, fill_pool(self));
	ASSERT_EQ(0, make(self, 64));
	for (size_t i = 0; i < TARGET - LOW; i++)
		kt_span(&self->a, i)[0] = 1;
	EXPECT_TRUE(stays(self, LOW));
}

/* Fills all memory that a node has free with something that is not zero. */
static void dirty(struct __test_metadata *_metadata,
		  struct _test_data_pool *self, size_t spans)
{
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, spans * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << self->node));
	memset(a.data, 0xee, a.size);
	kt_arena_fini(&a);
}

TEST_F(pool, zeroed_and_on_the_node)
{
	struct kt_arena *a = &self->a;
	size_t off = 0;

	dirty(_metadata, self, 3 * TARGET);
	ASSERT_EQ(0, fill_pool(self));
	/* None is filled in while we look. */
	ASSERT_EQ(0, size_pool(&self->knobs, self->node, 0, TARGET));
	kt_pool_settle(false);
	ASSERT_EQ(0, make(self, TARGET + 4));
	EXPECT_EQ(0U, kt_nonzero(a->data, TARGET * KT_SPAN));
	EXPECT_EQ(TARGET, kt_stat(a).fills);
	EXPECT_EQ(TARGET, kt_stat(a).fills_pool);
	EXPECT_EQ(0U, kt_stat(a).fills_off_node);
	EXPECT_EQ(TARGET, kt_stat(a).spans_huge);
	for (size_t i = 0; i < TARGET; i++)
		off += kt_page_node(kt_span(a, i)) != self->node;
	EXPECT_EQ(0U, off);
	EXPECT_EQ(TARGET * KT_SPAN, kt_pmd_mapped(a->data, a->size));
	/* And those that no pool has, likewise. */
	EXPECT_EQ(0U, kt_nonzero(kt_span(a, TARGET), 4 * KT_SPAN));
}

/* Memory of the pool that comes back goes through zeroing again. */
TEST_F(pool, zeroed_the_second_time)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_purge out;

	ASSERT_EQ(0, fill_pool(self));
	ASSERT_EQ(0, make(self, TARGET));
	for (int round = 0; round < 3; round++) {
		memset(a->data, 0x5a, a->size);
		for (size_t i = 0; i < TARGET; i++)
			kt_idle(a, i);
		ASSERT_EQ(0, kt_purge(a, 0, TARGET, &out));
		ASSERT_EQ(TARGET, out.purged);
		ASSERT_EQ(0, fill_pool(self));
		for (size_t i = 0; i < TARGET; i++)
			kt_word_set(a, i, TMEM_SPAN_BUSY);
		ASSERT_EQ(0U, kt_nonzero(a->data, a->size));
	}
	EXPECT_LE(TARGET, kt_stat(a).fills_pool);
}

TEST_F(pool, missed)
{
	int64_t missed = get(self->node, "pool_missed");
	int64_t taken = get(self->node, "pool_taken");
	struct kt_arena *a = &self->a;

	/* A pool that is switched off is not missed. */
	ASSERT_EQ(0, make(self, 64));
	kt_span(a, 0)[0] = 1;
	EXPECT_EQ(0U, kt_stat(a).fills_pool);
	EXPECT_EQ(missed, get(self->node, "pool_missed"));
	ASSERT_EQ(0, size_pool(&self->knobs, self->node, 0, 4));
	ASSERT_TRUE(kt_pool_holds(self->node, 4));
	for (size_t i = 1; i < 9; i++)
		kt_span(a, i)[0] = 1;
	taken = get(self->node, "pool_taken") - taken;
	missed = get(self->node, "pool_missed") - missed;
	EXPECT_EQ(taken, (int64_t)kt_stat(a).fills_pool);
	EXPECT_EQ(8, taken + missed);
	EXPECT_LE(4, taken);
	EXPECT_LT(0, missed);
}

struct crowd {
	struct kt_arena *a;
	size_t first;
	pthread_t id;
};

static void *touch_every_fourth(void *arg)
{
	struct crowd *c = arg;

	for (size_t i = c->first; i < c->a->spans; i += 4)
		kt_fill(kt_span(c->a, i), KT_SPAN, SEED + i);
	return NULL;
}

/* Many at once: none is handed out twice. */
TEST_F(pool, handed_out_once)
{
	int64_t taken = get(self->node, "pool_taken");
	struct kt_arena *a = &self->a;
	struct crowd c[4];
	size_t bad = 0;

	ASSERT_EQ(0, fill_pool(self));
	ASSERT_EQ(0, make(self, 3 * TARGET));
	for (size_t i = 0; i < 4; i++) {
		c[i] = (struct crowd){ .a = a, .first = i };
		pthread_create(&c[i].id, NULL, touch_every_fourth, &c[i]);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(c[i].id, NULL);
	for (size_t i = 0; i < a->spans; i++)
		bad += kt_bad(kt_span(a, i), KT_SPAN, SEED + i);
	EXPECT_EQ(0U, bad);
	EXPECT_EQ(a->spans, kt_stat(a).fills);
	EXPECT_LE(TARGET, kt_stat(a).fills_pool);
	EXPECT_EQ((uint64_t)(get(self->node, "pool_taken") - taken),
		  kt_stat(a).fills_pool);
}

/* In a memory cgroup: the pool costs nothing, what is taken does. */
static int charged(struct _test_data_pool *self, const struct kt_cgroup *cg)
{
	struct kt_arena *a = &self->a;
	long begin, full, used;

	if (kt_cgroup_enter(cg))
		return 1;
	begin = kt_cgroup_read(cg, "memory.current");
	if (fill_pool(self))
		return 2;
	full = kt_cgroup_read(cg, "memory.current");
	if (full > begin + 4 * (long)KT_MIB)
		return 3;
	if (make(self, 8))
		return 4;
	for (size_t i = 0; i < 8; i++)
		kt_span(a, i)[0] = 1;
	used = kt_cgroup_read(cg, "memory.current");
	printf("# charged: %ld at first, %ld with the pool, %ld with 8 spans\n",
	       begin, full, used);
	fflush(stdout);
	/* From where the parent left it. */
	if (size_pool(&self->knobs, self->node, 0, 0))
		return 7;
	if (kt_stat(a).fills_pool != 8)
		return 5;
	return used < full + 16 * (long)KT_MIB ||
			       used > full + 20 * (long)KT_MIB ?
		       6 :
		       0;
}

TEST_F(pool, charged_when_taken)
{
	struct kt_cgroup cg;
	pid_t pid;
	int ret = kt_cgroup_init(&cg, "+memory");

	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(charged(self, &cg));
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(0, kt_cgroup_fini(&cg));
}

/* A process that may not use the node gets nothing of its pool. */
TEST_F(pool, keeps_to_the_cpuset)
{
	int other = kt_node_first();
	int64_t taken = get(self->node, "pool_taken");
	struct tmem_arena_node_stat st = { .node = (uint32_t)self->node };
	struct kt_cgroup cg;
	char mems[16];
	pid_t pid;

	if (other == self->node)
		SKIP(return, "one node with memory only");
	ASSERT_EQ(0, fill_pool(self));
	snprintf(mems, sizeof(mems), "%d", other);
	if (kt_cgroup_init(&cg, "+cpuset") ||
	    kt_cgroup_write(&cg, "cpuset.mems", mems)) {
		kt_cgroup_fini(&cg);
		SKIP(return, "no cpuset");
	}
	/* Made outside, where the node is allowed, and wanted. */
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, 8 * KT_SPAN,
				   TMEM_POLICY_PREFERRED, 1ULL << self->node));
	munmap(self->a.data, self->a.size);
	self->a.data = NULL;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned char *p;

		if (kt_cgroup_enter(&cg))
			_exit(1);
		p = kt_map(self->a.fd, self->a.size, 0);
		_exit(p == MAP_FAILED ?
			      2 :
			      kt_touch_pages(p, 8 * KT_SPAN / KT_PAGE, true));
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(taken, get(self->node, "pool_taken"));
	EXPECT_EQ(8U, kt_stat(&self->a).fills);
	ASSERT_EQ(0, kt_ioctl(self->a.fd, TMEM_IOC_ARENA_NODE_STAT, &st));
	EXPECT_EQ(0U, st.spans_huge + st.small_bytes);
	EXPECT_EQ(0, kt_cgroup_fini(&cg));
}

TEST_HARNESS_MAIN
