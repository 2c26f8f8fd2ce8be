// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/seal.h says of one process: equal tensors share memory and
 * others do not, whatever their size; views can be read and not written to, or
 * are copied when they are; contents go with their last view; what is refused
 * leaves the block as it was; and the figures add up.
 */
#include "seal_test.h"

#include <fcntl.h>

FIXTURE(seal)
{
	struct tmem_store *store;
	uint64_t empty; /* memory of the index alone */
};

FIXTURE_SETUP(seal)
{
	ASSERT_EQ(0, lt_init());
	self->store = seal_store(256 * LT_MIB, 64);
	ASSERT_NE(NULL, self->store);
	self->empty = seal_memory(self->store);
}

/* Whatever a test did, no contents and no block are left. */
FIXTURE_TEARDOWN(seal)
{
	struct tmem_store_stats stats = seal_stats(self->store);

	EXPECT_EQ(0U, stats.contents);
	EXPECT_EQ(0U, stats.views);
	EXPECT_EQ(0U, stats.stored_bytes);
	EXPECT_EQ(0U, stats.sealed_bytes);
	EXPECT_EQ(0U, stats.saved_bytes);
	EXPECT_EQ(1U, stats.peers);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
	/* Each child had references for a while. */
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_LE(seal_memory(self->store), self->empty + 8 * LT_PAGE);
	tmem_store_close(self->store);
}

static const size_t sizes[] = {
	1,
	7,
	64,
	4095,
	4096,
	4097,
	65536,
	65537,
	1000001,
	LT_SPAN - 1,
	LT_SPAN,
	LT_SPAN + 1,
	3 * LT_SPAN + 12345,
	20 * LT_MIB,
	100 * LT_MIB,
};

TEST_F(seal, two_of_every_size)
{
	size_t i, size;
	char *a, *b;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		a = seal_view(self->store, size, i, 0);
		b = seal_view(self->store, size, i, 0);
		ASSERT_NE(NULL, a);
		ASSERT_NE(NULL, b);
		ASSERT_NE(a, b);
		EXPECT_EQ(0U, (uintptr_t)a % LT_PAGE);
		EXPECT_TRUE(seal_kept(a, size, i));
		EXPECT_TRUE(seal_kept(b, size, i));
		EXPECT_EQ(1U, seal_stats(self->store).contents);
		EXPECT_EQ(2U, seal_stats(self->store).views);
		EXPECT_EQ(2 * size, seal_stats(self->store).sealed_bytes);
		EXPECT_EQ(0, tmem_unseal(a));
		EXPECT_EQ(1U, seal_stats(self->store).contents);
		EXPECT_TRUE(seal_kept(b, size, i));
		EXPECT_EQ(0, tmem_unseal(b));
		/* At once, before the statistics sweep. */
		if (lt_backend() == TMEM_BACKEND_ANON)
			EXPECT_GE(self->empty + 8 * LT_PAGE,
				  seal_memory(self->store));
		EXPECT_EQ(0U, seal_stats(self->store).contents);
	}
}

/* All at once, each different, so that none lies on another. */
TEST_F(seal, all_sizes_side_by_side)
{
	char *view[ARRAY_SIZE(sizes)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		view[i] = seal_view(self->store, sizes[i], i, 0);
		ASSERT_NE(NULL, view[i]);
	}
	EXPECT_EQ(ARRAY_SIZE(sizes), seal_stats(self->store).contents);
	EXPECT_EQ(0U, seal_stats(self->store).shared);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_TRUE(seal_kept(view[i], sizes[i], i));
	for (i = 0; i < ARRAY_SIZE(sizes); i += 2)
		EXPECT_EQ(0, tmem_unseal(view[i]));
	for (i = 1; i < ARRAY_SIZE(sizes); i += 2)
		EXPECT_TRUE(seal_kept(view[i], sizes[i], i));
	for (i = 1; i < ARRAY_SIZE(sizes); i += 2)
		EXPECT_EQ(0, tmem_unseal(view[i]));
}

/* Pss of the mappings of a file: memory, however often it is mapped. */
static uint64_t pss_of(int fd)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long inode = 0, kib;
	uint64_t bytes = 0;
	char line[512];
	struct stat st;

	if (!f || fstat(fd, &st))
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*x-%*x %*s %*s %*s %lu", &inode) == 1)
			continue;
		if (inode == st.st_ino && sscanf(line, "Pss: %lu", &kib) == 1)
			bytes += kib * 1024;
	}
	fclose(f);
	return bytes;
}

#define LOADS 8

TEST_F(seal, n_loads_take_the_memory_of_one)
{
	const size_t size = LT_COUNT(24, 6) * LT_MIB;
	struct tmem_store_stats stats;
	char *view[LOADS];
	uint64_t index;
	size_t i;

	index = pss_of(tmem_store_fd(self->store));
	for (i = 0; i < LOADS; i++) {
		view[i] = seal_view(self->store, size, 5, 0);
		ASSERT_NE(NULL, view[i]);
		ASSERT_TRUE(seal_kept(view[i], size, 5));
	}
	stats = seal_stats(self->store);
	EXPECT_EQ(1U, stats.contents);
	EXPECT_EQ((uint64_t)LOADS, stats.views);
	EXPECT_EQ(LOADS * size, stats.sealed_bytes);
	EXPECT_EQ(size, stats.stored_bytes);
	EXPECT_EQ((LOADS - 1) * size, stats.saved_bytes);
	EXPECT_EQ((uint64_t)LOADS, stats.seals);
	EXPECT_EQ((uint64_t)LOADS - 1, stats.shared);
	EXPECT_EQ((uint64_t)LOADS - 1, stats.comparisons);
	EXPECT_EQ(0U, stats.collisions);
	EXPECT_LE(pss_of(tmem_store_fd(self->store)), index + size + LT_MIB);
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_LE(seal_memory(self->store), self->empty + size);
	for (i = 0; i < LOADS; i++)
		EXPECT_EQ(0, tmem_unseal(view[i]));
}

/* One bit, anywhere, makes other contents; so does another length. */
TEST_F(seal, what_differs_is_not_shared)
{
	const size_t size = 300000, at[] = { 0, 1, 4096, 150000, size - 1 };
	char *view[ARRAY_SIZE(at) + 2], *block;
	size_t i;

	view[0] = seal_view(self->store, size, 1, 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		block = seal_block(size, 1);
		block[at[i]] ^= 1;
		view[i + 1] = tmem_seal(self->store, block, size, 0);
		ASSERT_NE(NULL, view[i + 1]);
		EXPECT_EQ(i + 2, seal_stats(self->store).contents);
	}
	block = seal_block(size, 1);
	view[ARRAY_SIZE(at) + 1] = tmem_seal(self->store, block, size - 1, 0);
	EXPECT_EQ(ARRAY_SIZE(at) + 2, seal_stats(self->store).contents);
	EXPECT_EQ(0U, seal_stats(self->store).shared);
	for (i = 0; i < ARRAY_SIZE(view); i++)
		EXPECT_EQ(0, tmem_unseal(view[i]));
}

TEST_F(seal, writing_faults)
{
	const size_t at[] = { 0, 4096, 3 * LT_MIB - 1 };
	char *view = seal_view(self->store, 3 * LT_MIB, 2, 0);
	size_t i;

	ASSERT_NE(NULL, view);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_TRUE(lt_no_access(view + at[i]));
	EXPECT_TRUE(seal_kept(view, 3 * LT_MIB, 2));
	EXPECT_EQ(0, tmem_unseal(view));
}

static atomic_uintptr_t fault_at;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	_exit((uintptr_t)info->si_addr == atomic_load(&fault_at) ? 33 : 1);
}

static int write_there(void *arg)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};

	atomic_store(&fault_at, (uintptr_t)arg);
	sigaction(SIGSEGV, &action, NULL);
	*(volatile char *)arg = 1;
	return 2;
}

TEST_F(seal, the_fault_names_the_address)
{
	char *view = seal_view(self->store, 100000, 2, 0);

	ASSERT_NE(NULL, view);
	EXPECT_TRUE(LT_EXITED(lt_child(write_there, view + 54321), 33));
	EXPECT_EQ(0, tmem_unseal(view));
}

TEST_F(seal, copies_are_private)
{
	const size_t size = 5 * LT_MIB;
	char *a, *b, *c;

	errno = 0;
	a = seal_view(self->store, size, 3, TMEM_SEAL_COPY);
	if (lt_backend() == TMEM_BACKEND_DEV) {
		EXPECT_EQ(NULL, a);
		EXPECT_EQ(ENOTSUP, errno);
		return;
	}
	ASSERT_NE(NULL, a);
	b = seal_view(self->store, size, 3, TMEM_SEAL_COPY);
	c = seal_view(self->store, size, 3, 0);
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	a[0]++;
	a[size / 2]++;
	b[size - 1]++;
	EXPECT_TRUE(seal_kept(c, size, 3));
	EXPECT_EQ(c[0] + 1, a[0]);
	EXPECT_EQ(c[0], b[0]);
	EXPECT_EQ(c[size / 2], b[size / 2]);
	EXPECT_EQ(c[size - 1], a[size - 1]);
	/* The copy of pages costs them alone. */
	EXPECT_LE(seal_memory(self->store), self->empty + size);
	tmem_unseal(c);
	tmem_unseal(b);
	EXPECT_EQ(0, tmem_unseal(a));
}

/* On backend dev these come from a second store. */
TEST(copies_in_the_default_store)
{
	char *a, *b;

	ASSERT_EQ(0, lt_init());
	a = seal_view(NULL, 100000, 3, TMEM_SEAL_COPY);
	b = seal_view(NULL, 100000, 3, 0);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	a[50000]++;
	EXPECT_TRUE(seal_kept(b, 100000, 3));
	tmem_unseal(a);
	tmem_unseal(b);
}

/* A view is as good as a block; its last contents count. */
TEST_F(seal, a_view_is_sealed_again)
{
	char *a = seal_view(self->store, 100000, 4, 0), *b, *c;

	ASSERT_NE(NULL, a);
	b = tmem_seal(self->store, a, 100000, 0);
	ASSERT_NE(NULL, b);
	EXPECT_TRUE(seal_kept(b, 100000, 4));
	EXPECT_EQ(1U, seal_stats(self->store).views);
	EXPECT_NE(a, b);
	EXPECT_EQ(-EINVAL, tmem_unseal(a));
	if (lt_backend() == TMEM_BACKEND_ANON) {
		c = tmem_seal(self->store, b, 100000, TMEM_SEAL_COPY);
		ASSERT_NE(NULL, c);
		c[77777]++;
		b = tmem_seal(self->store, c, 100000, 0);
		ASSERT_NE(NULL, b);
		EXPECT_EQ(1U, seal_stats(self->store).contents);
		EXPECT_TRUE(lt_no_access(b));
	}
	EXPECT_EQ(0, tmem_unseal(b));
}

TEST_F(seal, what_is_refused)
{
	char *block = seal_block(1000, 6), *view;
	size_t usable = tmem_usable_size(block);
	char local[64];
	/* clang-format off */
	const struct {
		void *block;
		size_t size;
		unsigned int flags;
	} bad[] = {
		{ block, 0, 0 }, { block, usable + 1, 0 }, { block, SIZE_MAX, 0 },
		{ block, 1000, 2 }, { block, 1000, ~0u }, { NULL, 1, 0 },
		{ local, 10, 0 }, { block + 64, 10, 0 }, { self, 10, 0 },
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(NULL, tmem_seal(self->store, bad[i].block,
					  bad[i].size, bad[i].flags));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_TRUE(lt_kept(block, 1000, 6));
	view = tmem_seal(self->store, block, 1000, 0);
	ASSERT_NE(NULL, view);
	EXPECT_EQ(NULL, tmem_seal(self->store, view, 1001, 0));
	EXPECT_EQ(NULL, tmem_seal(self->store, view + 64, 1, 0));
	EXPECT_EQ(-EINVAL, tmem_unseal(view + 64));
	EXPECT_EQ(-EINVAL, tmem_unseal(local));
	EXPECT_EQ(0, tmem_unseal(NULL));
	EXPECT_EQ(0, tmem_unseal(view));
	EXPECT_EQ(-EINVAL, tmem_unseal(view));
}

static int create(struct tmem_store_config config)
{
	struct tmem_store *store = NULL;
	int err = tmem_store_create(&config, &store);

	tmem_store_close(store);
	return err;
}

TEST(stores_that_are_refused)
{
	struct tmem_store_config good = TMEM_STORE_CONFIG_INIT, bad;
	struct tmem_store_stats stats = TMEM_STORE_STATS_INIT;
	size_t i;

	good.backend = lt_backend();
	good.capacity = 1;
	ASSERT_EQ(0, create(good));
	for (i = 0; i < sizeof(size_t); i++) {
		bad = good;
		bad.struct_size = i;
		EXPECT_EQ(-EINVAL, create(bad));
	}
	bad = good;
	bad.max_contents = (1 << 20) + 1;
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.max_peers = 1025;
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.backend = (enum tmem_backend)3;
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.nodes = 1;
	EXPECT_EQ(-EINVAL, create(bad));
	bad.numa = TMEM_NUMA_BIND;
	bad.nodes = 1ULL << 63;
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.name = "thirty-two characters are refuse";
	EXPECT_EQ(-EINVAL, create(bad));
	bad.name = "two\nlines";
	EXPECT_EQ(-EINVAL, create(bad));
	bad = good;
	bad.capacity = UINT64_MAX;
	EXPECT_EQ(-ENOMEM, create(bad));
	bad = good;
	bad.max_contents = 1;
	bad.max_peers = 1;
	EXPECT_EQ(0, create(bad));
	tmem_store_close(NULL);
	stats.struct_size = 4;
	EXPECT_EQ(-EINVAL, tmem_store_stats_get(NULL, &stats));
}

TEST(the_file_may_not_be_so_large)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct rlimit limit = { .rlim_cur = LT_MIB, .rlim_max = LT_MIB };

	config.backend = TMEM_BACKEND_ANON;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	EXPECT_EQ(-EFBIG, create(config));
}

/* The table is full, and then the file; both work again when there is room. */
TEST_F(seal, full_of_contents)
{
	char *view[64], *block, *more;
	size_t i;

	for (i = 0; i < 64; i++) {
		view[i] = seal_view(self->store, 100, i, 0);
		ASSERT_NE(NULL, view[i]);
	}
	block = seal_block(100, 99);
	errno = 0;
	EXPECT_EQ(NULL, tmem_seal(self->store, block, 100, 0));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_TRUE(lt_kept(block, 100, 99));
	/* What is there is found all the same. */
	more = seal_view(self->store, 100, 33, 0);
	EXPECT_NE(NULL, more);
	tmem_unseal(more);
	tmem_unseal(view[7]);
	view[7] = tmem_seal(self->store, block, 100, 0);
	EXPECT_NE(NULL, view[7]);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(0, tmem_unseal(view[i]));
}

TEST(full_of_bytes)
{
	char *view[4], *block;
	struct tmem_store *store;
	size_t i, round;

	ASSERT_EQ(0, lt_init());
	store = seal_store(16 * LT_MIB, 64);
	ASSERT_NE(NULL, store);
	EXPECT_EQ(16 * LT_MIB, seal_stats(store).capacity);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++) {
			view[i] =
				seal_view(store, 4 * LT_MIB, 10 * round + i, 0);
			ASSERT_NE(NULL, view[i]);
		}
		block = seal_block(4 * LT_MIB, 99);
		errno = 0;
		EXPECT_EQ(NULL, tmem_seal(store, block, 4 * LT_MIB, 0));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_TRUE(lt_kept(block, 4 * LT_MIB, 99));
		tmem_unseal(view[2]);
		view[2] = tmem_seal(store, block, 4 * LT_MIB, 0);
		EXPECT_NE(NULL, view[2]);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, tmem_unseal(view[i]));
	}
	tmem_store_close(store);
}

/* Views outlive the handle; the store goes with the last of them. */
TEST(closed_before_its_views)
{
	struct tmem_store *store;
	char *a, *b;
	int fd;

	ASSERT_EQ(0, lt_init());
	store = seal_store(16 * LT_MIB, 64);
	ASSERT_NE(NULL, store);
	fd = tmem_store_fd(store);
	a = seal_view(store, 3 * LT_MIB, 1, 0);
	b = seal_view(store, 3 * LT_MIB, 1, 0);
	tmem_store_close(store);
	EXPECT_TRUE(seal_kept(a, 3 * LT_MIB, 1));
	EXPECT_EQ(0, tmem_unseal(a));
	EXPECT_TRUE(seal_kept(b, 3 * LT_MIB, 1));
	EXPECT_NE(-1, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, tmem_unseal(b));
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
}

/* The same file twice in one process: two handles, one memory. */
TEST_F(seal, opened_twice)
{
	struct tmem_store *other;
	char *a, *b;

	ASSERT_EQ(0, tmem_store_open(tmem_store_fd(self->store), &other));
	a = seal_view(self->store, 100000, 1, 0);
	b = seal_view(other, 100000, 1, 0);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	EXPECT_EQ(2U, seal_stats(self->store).views);
	EXPECT_EQ(2U, seal_stats(self->store).peers);
	EXPECT_EQ(1U, seal_stats(other).shared);
	tmem_unseal(a);
	EXPECT_TRUE(seal_kept(b, 100000, 1));
	tmem_unseal(b);
	tmem_store_close(other);
}

TEST(the_default_store)
{
	struct tmem_store_stats stats;
	char *a, *b;

	ASSERT_EQ(0, lt_init());
	EXPECT_EQ(0U, seal_stats(NULL).capacity);
	a = seal_view(NULL, LT_MIB, 1, 0);
	b = seal_view(NULL, LT_MIB, 1, 0);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	stats = seal_stats(NULL);
	EXPECT_LT(100 * LT_MIB, stats.capacity);
	EXPECT_EQ(LT_MIB, stats.saved_bytes);
	tmem_unseal(a);
	tmem_unseal(b);
}

/* tmem_free() and tmem_usable_size() know views. */
TEST_F(seal, views_are_freed_as_blocks_are)
{
	char *view = seal_view(self->store, 12345, 1, 0);

	ASSERT_NE(NULL, view);
	if (!tmem_usable_size(view)) {
		tmem_unseal(view);
		SKIP(return, "the pool does not ask for views");
	}
	EXPECT_EQ(12345U, tmem_usable_size(view));
	EXPECT_EQ(0U, tmem_usable_size(view + 64));
	tmem_free(view);
	EXPECT_EQ(0U, seal_stats(self->store).views);
}

/* At random, against a list of what must be there. */
TEST_F(seal, random_seals_and_frees)
{
	struct {
		char *view;
		size_t size;
		uint64_t tag;
	} held[48] = { 0 };
	uint64_t random = pace_seed(), kinds;
	size_t i, k;

	PACE_ROUNDS(LT_COUNT(2000, 400)) {
		i = lt_between(&random, 0, ARRAY_SIZE(held) - 1);
		if (held[i].view) {
			ASSERT_TRUE(seal_kept(held[i].view, held[i].size,
					      held[i].tag));
			ASSERT_EQ(0, tmem_unseal(held[i].view));
			held[i].view = NULL;
			continue;
		}
		held[i].tag = lt_between(&random, 0, 9);
		held[i].size = 1 + lt_mix(held[i].tag) % (300 * LT_KIB);
		if (held[i].tag == 9)
			held[i].size = 5 * LT_MIB + 5000;
		held[i].view =
			seal_view(self->store, held[i].size, held[i].tag, 0);
		ASSERT_NE(NULL, held[i].view);
	}
	for (kinds = 0, k = 0; k < 10; k++)
		for (i = 0; i < ARRAY_SIZE(held); i++)
			if (held[i].view && held[i].tag == k) {
				kinds++;
				break;
			}
	EXPECT_EQ(kinds, seal_stats(self->store).contents);
	for (i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i].view)
			EXPECT_EQ(0, tmem_unseal(held[i].view));
}

TEST_HARNESS_MAIN
