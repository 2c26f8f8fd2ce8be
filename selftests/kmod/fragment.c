// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena goes on when its node has memory but no huge page: the
 * spans are filled with small pages on that node, which are counted, keep
 * their contents and are purged like others.
 *
 * The last node is filled up and fragmented for it, so this takes a few
 * seconds.
 */
#include "tmem_test_mem.h"

#include <sys/uio.h>

#define SEED 555
#define PAGES (KT_SPAN / KT_PAGE)

FIXTURE(fragment)
{
	int dev;
	uint64_t free_before;
};

FIXTURE_SETUP(fragment)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
}

FIXTURE_TEARDOWN(fragment)
{
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/*
 * Fragments what is left of a node: fills it, keeps one page of every 2 MiB
 * in pipes, where nothing can move it, and gives the rest back.
 */
#define BLOCKS ((size_t)1 << 20) /* of 2 MiB: enough for 2 TiB */

struct shards {
	int pipes[64][2];
	size_t nr;
	size_t pages;
};

static bool shard_keep(struct shards *s, void *page)
{
	struct iovec iov = { page, KT_PAGE };

	if (s->pages % 256 == 0) {
		if (s->nr == ARRAY_SIZE(s->pipes) || pipe(s->pipes[s->nr]))
			return false;
		fcntl(s->pipes[s->nr][1], F_SETPIPE_SZ, 256 * KT_PAGE);
		s->nr++;
	}
	if (vmsplice(s->pipes[s->nr - 1][1], &iov, 1, SPLICE_F_NONBLOCK) < 0)
		return false;
	s->pages++;
	return true;
}

/*
 * One page of every 2 MiB of memory that is seen.  Bits 0-54 of a pagemap entry
 * are the page's number, for root.
 */
static bool shards_make(struct shards *s, unsigned char *p, size_t len)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned char *seen = calloc(1, BLOCKS);
	uint64_t entry[PAGES];
	bool good = fd >= 0 && seen;

	for (size_t at = 0; good && at < len; at += KT_SPAN) {
		off_t where = (off_t)((uintptr_t)(p + at) / KT_PAGE * 8);

		good = pread(fd, entry, sizeof(entry), where) == sizeof(entry);
		for (size_t i = 0; good && i < PAGES; i++) {
			uint64_t block = (entry[i] << 9 >> 9) / PAGES;

			if (!block || block >= BLOCKS || seen[block])
				continue;
			seen[block] = 1;
			good = shard_keep(s, p + at + i * KT_PAGE);
		}
	}
	free(seen);
	if (fd >= 0)
		close(fd);
	return good && s->pages;
}

static void shards_free(struct shards *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		close(s->pipes[i][0]);
		close(s->pipes[i][1]);
	}
}

static bool fragment(struct shards *s, int node)
{
	unsigned long mask = 1UL << node;
	size_t room = kt_free(node), spare = 64 * KT_MIB;
	size_t len = room > spare ? (room - spare) & -KT_SPAN : 0;
	unsigned char *p =
		mmap(NULL, len, KT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool good;

	if (p == MAP_FAILED)
		return false;
	madvise(p, len, MADV_NOHUGEPAGE);
	syscall(SYS_mbind, p, len, MPOL_PREFERRED, &mask, 64UL, 0);
	good = !madvise(p, len, MADV_POPULATE_WRITE) && shards_make(s, p, len);
	munmap(p, len);
	return good;
}

/* Most of the node goes into an arena, which is quicker than 4 KiB pages. */
static bool ballast(struct kt_arena *a, int dev, int node)
{
	const size_t leave = 288 * KT_MIB;
	size_t room = kt_free(node);

	if (room <= leave + KT_SPAN)
		return true;
	return !kt_arena_init(a, dev, (room - leave) & -KT_SPAN,
			      TMEM_POLICY_BIND, 1ULL << node) &&
	       !madvise(a->data, a->size, MADV_POPULATE_WRITE);
}

/* Fills spans until some of them are of small pages; how many were filled. */
static size_t fill_until_small(const struct kt_arena *a, size_t small)
{
	size_t n;

	for (n = 0; n < a->spans && kt_stat(a).spans_small < small; n++)
		kt_fill(kt_span(a, n), KT_SPAN, SEED + n);
	return n;
}

static size_t purge_each(const struct kt_arena *a, size_t n)
{
	struct tmem_arena_purge out;
	size_t purged = 0;

	for (size_t i = 0; i < n; i++) {
		kt_idle(a, i);
		if (!kt_purge_soon(a, i, &out))
			purged += out.purged;
	}
	return purged;
}

TEST_F(fragment, small_pages)
{
	struct shards shards = { 0 };
	int node = kt_node_last();
	struct kt_arena a = { 0 }, most = { 0 };
	struct tmem_arena_stat st;
	size_t n, bad = 0;

	if (kt_node_count() < 2 || kt_node_total(node) > 4096 * KT_MIB)
		SKIP(return, "no second node that is small enough to fill");
	kt_run_on_node(node);
	if (!ballast(&most, self->dev, node) || !fragment(&shards, node)) {
		kt_arena_fini(&most);
		shards_free(&shards);
		SKIP(return, "the node cannot be fragmented");
	}
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 256 * KT_MIB,
				   TMEM_POLICY_BIND, 1ULL << node));
	n = fill_until_small(&a, 4);
	st = kt_stat(&a);
	printf("# %zu shards, %llu spans huge, %llu small\n", shards.pages,
	       (unsigned long long)st.spans_huge,
	       (unsigned long long)st.spans_small);
	EXPECT_EQ(4U, st.spans_small);
	EXPECT_EQ(n * KT_SPAN, st.resident);
	EXPECT_EQ(st.spans_small * PAGES, st.fills_small);
	EXPECT_EQ(0U, st.fills_off_node + st.fills_failed);
	EXPECT_EQ(st.spans_huge * KT_SPAN, kt_pmd_mapped(a.data, a.size));
	for (size_t i = 0; i < n; i++)
		bad += kt_bad(kt_span(&a, i), KT_SPAN, SEED + i);
	EXPECT_EQ(0U, bad);

	EXPECT_EQ(n, purge_each(&a, n));
	EXPECT_EQ(0U, kt_stat(&a).resident);
	shards_free(&shards);
	kt_arena_fini(&most);
	EXPECT_EQ(0U, kt_nonzero(a.data, n * KT_SPAN));
	kt_arena_fini(&a);
}

TEST_HARNESS_MAIN
