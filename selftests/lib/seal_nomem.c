// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that sealing without memory, addresses, mappings or descriptors is an
 * error and no more: each system call that takes any of them fails in turn, and
 * each time the block is as it was, nothing is left behind, and the next call
 * works.  And that a large block is handed over piece by piece, and is whole
 * again if a later piece fails.
 *
 * The calls come here first: this program's own mmap(), madvise() and so on.
 */
#include "seal_test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* Which call fails, counted from 1; 0: none.  Counts on afterwards. */
static atomic_int fail_at, calls;
static atomic_bool counting;

/* A block on its way into a store: the most that both have held together. */
static struct {
	struct tmem_store *store;
	char *block;
	size_t size, most;
} watched;

/* Resident bytes of a block. */
static size_t resident(char *block, size_t bytes)
{
	static unsigned char page[LT_GIB / LT_PAGE];
	size_t i, n = 0;

	if (mincore(block, bytes, page))
		return SIZE_MAX;
	for (i = 0; i < bytes / LT_PAGE; i++)
		n += page[i] & 1;
	return n * LT_PAGE;
}

#if !LT_SANITIZER
static bool fails(void)
{
	if (!atomic_load(&counting))
		return false;
	return atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fail_at);
}

static int fail(int err)
{
	errno = err;
	return -1;
}

void *mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	if (fails()) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, addr, bytes, prot, flags, fd, offset);
}

int mprotect(void *addr, size_t bytes, int prot)
{
	return fails() ? fail(ENOMEM) :
			 (int)syscall(SYS_mprotect, addr, bytes, prot);
}

static void watch_memory(void)
{
	size_t now;

	if (!watched.store)
		return;
	now = seal_memory(watched.store) +
	      resident(watched.block, watched.size);
	if (now > watched.most)
		watched.most = now;
}

int madvise(void *addr, size_t bytes, int advice)
{
	int err;

	/* Only these can fail for want of memory. */
	if ((advice == MADV_POPULATE_WRITE || advice == MADV_POPULATE_READ) &&
	    fails())
		return fail(lt_random(&(uint64_t){ (uintptr_t)addr }) & 1 ?
				    EFAULT :
				    ENOMEM);
	err = (int)syscall(SYS_madvise, addr, bytes, advice);
	watch_memory();
	return err;
}

int memfd_create(const char *name, unsigned int flags)
{
	return fails() ? fail(EMFILE) :
			 (int)syscall(SYS_memfd_create, name, flags);
}

int ftruncate(int fd, off_t length)
{
	return fails() ? fail(ENOMEM) : (int)syscall(SYS_ftruncate, fd, length);
}
#endif

static void arm(int at)
{
	atomic_store(&calls, 0);
	atomic_store(&fail_at, at);
	atomic_store(&counting, true);
}

/* true: the call that should fail was reached. */
static bool disarm(void)
{
	atomic_store(&counting, false);
	return atomic_load(&calls) >= atomic_load(&fail_at);
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

FIXTURE(nomem)
{
	struct tmem_store *store;
};

FIXTURE_SETUP(nomem)
{
	if (LT_SANITIZER)
		SKIP(return, "the sanitizer has these calls for itself");
	ASSERT_EQ(0, lt_init());
	self->store = seal_store(256 * LT_MIB, 64);
	ASSERT_NE(NULL, self->store);
}

FIXTURE_TEARDOWN(nomem)
{
	struct tmem_store_stats stats;

	if (LT_SANITIZER)
		return;
	stats = seal_stats(self->store);
	EXPECT_EQ(0U, stats.contents);
	EXPECT_EQ(0U, stats.views);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_GE(8 * LT_PAGE, seal_memory(self->store));
	tmem_store_close(self->store);
}

/* Some failures are made up for: then it worked. */
TEST_F(nomem, stores)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct tmem_store *store;
	unsigned int fds = open_fds();
	bool failed = true;
	int at, err;

	config.backend = lt_backend();
	config.capacity = 16 * LT_MIB;
	for (at = 1; failed; at++) {
		store = NULL;
		arm(at);
		err = tmem_store_create(&config, &store);
		failed = disarm();
		ASSERT_TRUE(!err ||
			    (failed && (err == -ENOMEM || err == -EMFILE)));
		ASSERT_EQ(!err, store != NULL);
		tmem_store_close(store);
		ASSERT_EQ(fds, open_fds());
	}
	printf("# %d calls failed in turn\n", at - 2);
	EXPECT_LT(4, at);
}

TEST_F(nomem, opening)
{
	struct tmem_store *store;
	unsigned int fds = open_fds();
	bool failed = true;
	int at, err;

	for (at = 1; failed; at++) {
		store = NULL;
		arm(at);
		err = tmem_store_open(tmem_store_fd(self->store), &store);
		failed = disarm();
		ASSERT_TRUE(!err || (failed && err == -ENOMEM));
		tmem_store_close(store);
		ASSERT_EQ(fds, open_fds());
	}
	EXPECT_LT(4, at);
}

/* Contents that are new, or there already, in each kind of view. */
static int one_seal(struct tmem_store *store, size_t size, unsigned int flags,
		    bool shared)
{
	char *first = shared ? seal_view(store, size, 1, 0) : NULL;
	char *view = NULL, *block;
	bool failed = true;
	int at;

	for (at = 1; failed; at++) {
		block = seal_block(size, 1);
		arm(at);
		view = tmem_seal(store, block, size, flags);
		failed = disarm();
		if (view ? !seal_kept(view, size, 1) || tmem_unseal(view) :
			   !failed || errno != ENOMEM ||
				    !lt_kept(block, size, 1))
			return -1;
		if (!view)
			tmem_free(block);
	}
	return tmem_unseal(first) ? -1 : at - 2;
}

TEST_F(nomem, seals)
{
	const size_t sizes[] = { 100, LT_MIB, 3 * LT_MIB + 5, 80 * LT_MIB };
	unsigned int flags = 0;
	size_t i;
	int n;

	tmem_unseal(seal_view(self->store, 1, 1, 0)); /* tables are there */
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = one_seal(self->store, sizes[i], flags, false);
		EXPECT_LT(1, n);
		printf("# %zu bytes: %d calls failed in turn, ", sizes[i], n);
		n = one_seal(self->store, sizes[i], flags, true);
		EXPECT_LT(1, n);
		printf("%d when shared\n", n);
		if (lt_backend() == TMEM_BACKEND_DEV)
			continue;
		EXPECT_LT(1, one_seal(self->store, sizes[i], TMEM_SEAL_COPY,
				      false));
		EXPECT_LT(1, one_seal(self->store, sizes[i], TMEM_SEAL_COPY,
				      true));
	}
}

TEST_F(nomem, a_large_block_is_handed_over)
{
	const size_t size = 96 * LT_MIB;
	char *block, *view;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "blocks on /dev/tmem are copied as a whole");
	block = seal_block(size, 3);
	ASSERT_NE(NULL, block);
	memset(block + 1, 7, size - 2); /* all of it is there */
	ASSERT_EQ(size, resident(block, size));
	watched.block = block;
	watched.size = size;
	watched.store = self->store;
	view = tmem_seal(self->store, block, size, 0);
	watched.store = NULL;
	ASSERT_NE(NULL, view);
	EXPECT_EQ(7, view[size / 2]);
	EXPECT_LE(size, watched.most);
	EXPECT_GE(size + 9 * LT_MIB, watched.most);
	EXPECT_EQ(0, tmem_unseal(view));
}

/* A process at the limit of its mappings. */
TEST_F(nomem, no_more_mappings)
{
	char *view = NULL, *block = seal_block(3 * LT_MIB, 1);
	struct lt_maps maps;
	unsigned int i;

	if (!lt_maps_eat(&maps)) {
		tmem_free(block);
		SKIP(return, "vm.max_map_count cannot be reached here");
	}
	errno = 0;
	EXPECT_EQ(NULL, tmem_seal(self->store, block, 3 * LT_MIB, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(lt_kept(block, 3 * LT_MIB, 1));
	for (i = 0; i < 8 && !view; i++) {
		lt_maps_give(&maps);
		view = tmem_seal(self->store, block, 3 * LT_MIB, 0);
	}
	EXPECT_NE(NULL, view);
	lt_maps_free(&maps);
	EXPECT_EQ(0, tmem_unseal(view));
}

TEST_HARNESS_MAIN
