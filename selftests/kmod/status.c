// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the status page can be read and never be written, that it is
 * brought up to date, and that what it says agrees with what the kernel says
 * elsewhere.
 */
#include "tmem_test_pressure.h"

#include <sys/uio.h>

#define MAX_SIZE ((size_t)1 << 20)

/* What is free and available moves while we look. */
#define SLACK (64 * KT_MIB)

FIXTURE(status)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(status)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	ASSERT_NE(0U, self->size);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
}

FIXTURE_TEARDOWN(status)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	munmap((void *)self->page, self->size);
	if (self->dev >= 0)
		close(self->dev);
}

/* 0 or -errno; what was mapped is unmapped again. */
static int try_map(int fd, size_t size, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

TEST_F(status, what_may_be_mapped)
{
	int dev = self->dev;
	size_t size = self->size;

	EXPECT_EQ(0U, size % KT_PAGE);
	EXPECT_EQ(0, try_map(dev, size, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(dev, KT_PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL,
		  try_map(dev, size + KT_PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL,
		  try_map(dev, KT_PAGE, PROT_READ, MAP_SHARED, KT_PAGE));
	EXPECT_EQ(-EINVAL,
		  try_map(dev, KT_PAGE, PROT_READ, MAP_SHARED, (off_t)KT_SPAN));
	EXPECT_NE(0, try_map(dev, KT_PAGE, PROT_READ, MAP_SHARED,
			     (off_t)(INT64_MAX & ~(KT_PAGE - 1))));
	EXPECT_EQ(-EACCES, try_map(dev, size, KT_RW, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, try_map(dev, size, PROT_WRITE, MAP_SHARED, 0));
}

/* Neither by asking later, nor by a copy, nor past the protection. */
TEST_F(status, cannot_be_written)
{
	struct tmem_status before = *self->page;
	void *p = (void *)self->page, *copy;
	uint32_t bad = 77;
	struct iovec from = { &bad, sizeof(bad) }, to = { p, sizeof(bad) };
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-1, mprotect(p, KT_PAGE, KT_RW));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, kt_touch(p, true));
	EXPECT_EQ(-1, process_vm_writev(getpid(), &from, 1, &to, 1, 0));
	ASSERT_LE(0, mem);
	EXPECT_EQ(-1, pwrite(mem, &bad, sizeof(bad), (off_t)(uintptr_t)p));
	close(mem);

	/* A private mapping may be refused; if not, it is as good. */
	copy = mmap(NULL, KT_PAGE, PROT_READ, MAP_PRIVATE, self->dev, 0);
	if (copy != MAP_FAILED) {
		EXPECT_EQ(-1, mprotect(copy, KT_PAGE, KT_RW));
		EXPECT_EQ(before.total, ((struct tmem_status *)copy)->total);
		munmap(copy, KT_PAGE);
	}
	EXPECT_NE(bad, kt_level(self->page));
	EXPECT_EQ(before.total, self->page->total);
}

/* A mapping that is made longer shows nothing more. */
TEST_F(status, does_not_grow)
{
	unsigned char *p =
		mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->dev, 0);
	unsigned char *q;

	ASSERT_NE(MAP_FAILED, (void *)p);
	q = mremap(p, self->size, self->size + KT_SPAN, MREMAP_MAYMOVE);
	if (q == MAP_FAILED) {
		munmap(p, self->size);
		return;
	}
	EXPECT_EQ(SIGBUS, kt_touch(q + self->size, false));
	munmap(q, self->size + KT_SPAN);
}

static uint64_t meminfo(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kb = 0, v;
	char line[128], name[64];

	while (f && !kb && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %lu", name, &v) == 2 &&
		    !strcmp(name, field))
			kb = v;
	if (f)
		fclose(f);
	return (uint64_t)kb * 1024;
}

static bool near(uint64_t a, uint64_t b, uint64_t slack)
{
	return a > b ? a - b <= slack : b - a <= slack;
}

/* A copy of what the page says of now. */
static bool look(const struct _test_data_status *self, struct tmem_status *st)
{
	return kt_look() && kt_status_copy(self->page, st, self->size);
}

/* What changes while we look, as of the same time. */
static bool agrees(const struct _test_data_status *self, struct tmem_status *st)
{
	return look(self, st) &&
	       near(meminfo("MemAvailable") + st->pool, st->available, SLACK) &&
	       (uint64_t)kt_sysfs_number("pressure/changes") == st->changes;
}

TEST_F(status, agrees_with_the_kernel)
{
	struct tmem_status *st = calloc(1, MAX_SIZE);
	uint64_t pool = 0;
	double use;

	ASSERT_GE(MAX_SIZE, self->size);
	EXPECT_TRUE(PACE_UNTIL(agrees(self, st)));
	EXPECT_GE(TMEM_LEVEL_CRITICAL, st->level);
	EXPECT_EQ(sizeof(*st) + st->nr_nodes * sizeof(st->nodes[0]), st->size);
	EXPECT_GE(self->size, st->size);
	EXPECT_LT((uint32_t)kt_node_last(), st->nr_nodes);
	EXPECT_EQ(meminfo("MemTotal"), st->total);
	for (uint32_t i = 0; i < st->nr_nodes; i++)
		pool += st->nodes[i].pool;
	EXPECT_EQ(pool, st->pool);
	use = 100.0 - 100.0 * (double)st->available / (double)st->total;
	EXPECT_TRUE(near((uint64_t)(use * 100), st->use, 2));
	EXPECT_EQ(0U, st->__reserved);
	/* A span of small pages may be taken in part. */
	EXPECT_GE((uint64_t)(kt_sysfs_number("recall/purged") +
			     kt_sysfs_number("recall/oom_purged")) *
			  KT_SPAN,
		  st->recalled);
	EXPECT_GE(st->updated, st->since);
	EXPECT_GE(pace_now_ns(), st->updated);
	free(st);
}

/* Without being asked to look. */
TEST_F(status, is_brought_up_to_date)
{
	uint64_t updated = self->page->updated;

	EXPECT_TRUE(kt_status_written(self->page, 2));
	EXPECT_LT(updated, self->page->updated);
}

static bool psi_line(const char *kind, struct tmem_psi *psi)
{
	FILE *f = fopen(KT_PSI, "re");
	unsigned int w[3], h[3];
	unsigned long long total;
	char line[128], name[16];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line,
			       "%15s avg10=%u.%u avg60=%u.%u avg300=%u.%u"
			       " total=%llu",
			       name, &w[0], &h[0], &w[1], &h[1], &w[2], &h[2],
			       &total) == 8 &&
			!strcmp(name, kind);
	if (f)
		fclose(f);
	if (found)
		*psi = (struct tmem_psi){ .avg10 = w[0] * 100 + h[0],
					  .avg60 = w[1] * 100 + h[1],
					  .avg300 = w[2] * 100 + h[2],
					  .total = total };
	return found;
}

/* The page says exactly what the kernel said before it was written, and after. */
static bool psi_agrees(const struct _test_data_status *self,
		       struct tmem_status *st)
{
	struct tmem_psi some, full, then;

	return psi_line("some", &some) && psi_line("full", &full) &&
	       look(self, st) && !memcmp(&some, &st->some, sizeof(some)) &&
	       !memcmp(&full, &st->full, sizeof(full)) &&
	       psi_line("some", &then) && !memcmp(&some, &then, sizeof(some));
}

TEST_F(status, stalls)
{
	struct tmem_status *st = calloc(1, MAX_SIZE);
	struct kt_stall stall;

	if (!kt_psi_on()) {
		EXPECT_EQ(0U, self->page->psi_on);
		SKIP(return, "no PSI; see psi_off");
	}
	EXPECT_EQ(1U, self->page->psi_on);
	/* So that there is something to compare. */
	ASSERT_EQ(0, kt_stall_init(&stall, "st"));
	ASSERT_EQ(0, kt_stall_start(&stall));
	/*
	 * By the module's own looks: the kernel weighs stalls by jiffies, and
	 * reading PSI more often than once a jiffy loses them.
	 */
	EXPECT_TRUE(PACE_UNTIL(kt_status_copy(self->page, st, self->size) &&
			       st->stall > 2000));
	EXPECT_GE(10000U, st->stall);
	EXPECT_LE((uint32_t)TMEM_LEVEL_HIGH, st->stall_level);
	kt_stall_stop(&stall);
	EXPECT_TRUE(PACE_UNTIL(psi_agrees(self, st) && st->some.avg10));
	EXPECT_LT(0U, st->some.total);
	EXPECT_LT(0U, st->full.total);
	EXPECT_LE(st->some.avg10, st->stall);
	EXPECT_EQ(0, kt_stall_fini(&stall));
	free(st);
}

/* The figures of a node, which move while we look: how many are wrong. */
static unsigned int node_wrong(const struct tmem_status_node *n, int node)
{
	unsigned int wrong = 0;

	if (kt_node_total(node))
		wrong += kt_node_total(node) != n->total;
	/* Ours counts pages in the CPUs' lists as free. */
	wrong += !near(kt_free(node), n->free, 3 * SLACK);
	wrong += (uint64_t)kt_sysfs_node(node, "pool_target_bytes") !=
		 n->pool_target;
	wrong += n->total < n->free;
	wrong += n->arenas != 0;
	wrong += (n->__reserved[0] | n->__reserved[1] | n->__reserved[2]) != 0;
	return wrong;
}

static unsigned int nodes_wrong(const struct _test_data_status *self,
				struct tmem_status *st)
{
	const struct tmem_status_node none = { 0 };
	uint64_t mask = kt_nodes();
	unsigned int wrong = !look(self, st) || st->arenas;

	for (uint32_t i = 0; i < st->nr_nodes; i++) {
		const struct tmem_status_node *n = &st->nodes[i];

		if (i >= 64 || !(mask >> i & 1))
			wrong += memcmp(n, &none, sizeof(none)) != 0;
		else
			wrong += node_wrong(n, (int)i);
	}
	return wrong;
}

TEST_F(status, nodes)
{
	struct tmem_status *st = calloc(1, MAX_SIZE);

	EXPECT_TRUE(PACE_UNTIL(!nodes_wrong(self, st)));
	free(st);
}

TEST_F(status, arenas)
{
	struct tmem_status *st = calloc(1, MAX_SIZE);
	int node = kt_node_last();
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 16 * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << node));
	for (size_t i = 0; i < 12; i++)
		kt_span(&a, i)[0] = 1;
	ASSERT_TRUE(look(self, st));
	EXPECT_EQ(12 * KT_SPAN, st->arenas);
	EXPECT_EQ(12 * KT_SPAN, st->nodes[node].arenas);
	kt_arena_fini(&a);
	ASSERT_TRUE(look(self, st));
	EXPECT_EQ(0U, st->arenas);
	EXPECT_EQ(0U, st->nodes[node].arenas);
	free(st);
}

TEST_HARNESS_MAIN
