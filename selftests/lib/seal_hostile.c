// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that what a peer writes into a store can cost contents, and nothing
 * else: with garbage in the index, every call returns, stays within the store's
 * memory, and frees what it took.  That crafted collisions of the hash share
 * nothing.  And that files which are no stores are refused.
 */
#include "seal_test.h"

#include <fcntl.h>

#include "seal/hash.h"
#include "seal/space.h"

FIXTURE(hostile)
{
	struct tmem_store *store;
	struct tmem_index_header *index;
	size_t bytes;
};

FIXTURE_SETUP(hostile)
{
	ASSERT_EQ(0, lt_init());
	self->store = seal_store(64 * LT_MIB, 64);
	ASSERT_NE(NULL, self->store);
	self->index = seal_index(self->store, &self->bytes);
	ASSERT_NE(NULL, self->index);
}

FIXTURE_TEARDOWN(hostile)
{
	tmem_hash_replace(NULL);
	tmem_seal_time_replace(NULL);
	munmap(self->index, self->bytes);
	tmem_store_close(self->store);
	EXPECT_EQ(0U, lt_stats().live_blocks);
}

/* Every hash is the same: only the comparison tells tensors apart. */
static struct tmem_hash hash_of_nothing(const void *data, size_t size,
					uint64_t seed)
{
	return (struct tmem_hash){ .word = { 42, 42 } };
}

#define CRAFTED 40

TEST_F(hostile, crafted_collisions)
{
	struct tmem_store_stats stats;
	char *view[CRAFTED], *again[CRAFTED];
	size_t i;

	tmem_hash_replace(hash_of_nothing);
	for (i = 0; i < CRAFTED; i++) {
		view[i] = seal_view(self->store, 10000, i, 0);
		ASSERT_NE(NULL, view[i]);
	}
	EXPECT_EQ((uint64_t)CRAFTED, seal_stats(self->store).contents);
	for (i = 0; i < CRAFTED; i++) {
		again[i] = seal_view(self->store, 10000, i, 0);
		ASSERT_NE(NULL, again[i]);
	}
	stats = seal_stats(self->store);
	EXPECT_EQ((uint64_t)CRAFTED, stats.contents);
	EXPECT_EQ((uint64_t)CRAFTED, stats.shared);
	EXPECT_EQ((uint64_t)CRAFTED * (CRAFTED - 1), stats.collisions);
	for (i = 0; i < CRAFTED; i++) {
		EXPECT_TRUE(seal_kept(view[i], 10000, i));
		EXPECT_TRUE(seal_kept(again[i], 10000, i));
	}
	/* Holes in the chain are gone over. */
	for (i = 0; i < CRAFTED - 1; i++) {
		EXPECT_EQ(0, tmem_unseal(view[i]));
		EXPECT_EQ(0, tmem_unseal(again[i]));
	}
	tmem_unseal(again[i]);
	again[i] = seal_view(self->store, 10000, i, 0);
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	tmem_unseal(again[i]);
	EXPECT_EQ(0, tmem_unseal(view[i]));
}

/* More of them than are compared: stored once more, not shared wrongly. */
TEST(too_many_collisions)
{
	struct tmem_store *store;
	char *view[80], *again;
	size_t i;

	ASSERT_EQ(0, lt_init());
	store = seal_store(LT_MIB, 128);
	tmem_hash_replace(hash_of_nothing);
	for (i = 0; i < 80; i++)
		view[i] = seal_view(store, 100, i, 0);
	EXPECT_EQ(80U, seal_stats(store).contents);
	again = seal_view(store, 100, 79, 0);
	ASSERT_NE(NULL, again);
	EXPECT_TRUE(seal_kept(again, 100, 79));
	EXPECT_EQ(81U, seal_stats(store).contents);
	tmem_unseal(again);
	again = seal_view(store, 100, 10, 0);
	EXPECT_EQ(80U, seal_stats(store).contents);
	tmem_unseal(again);
	for (i = 0; i < 80; i++)
		tmem_unseal(view[i]);
	EXPECT_EQ(0U, seal_stats(store).contents);
	tmem_store_close(store);
}

/* A peer that changes contents: what differs now is not shared any more. */
TEST_F(hostile, changed_contents)
{
	char *view = seal_view(self->store, 100000, 1, 0), *other, *theirs;

	ASSERT_NE(NULL, view);
	theirs = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      tmem_store_fd(self->store), (off_t)self->bytes);
	ASSERT_NE(MAP_FAILED, theirs);
	EXPECT_EQ(0, memcmp(theirs, view, LT_PAGE));
	theirs[100] ^= 1;
	munmap(theirs, LT_PAGE);
	other = seal_view(self->store, 100000, 1, 0);
	ASSERT_NE(NULL, other);
	EXPECT_TRUE(seal_kept(other, 100000, 1));
	EXPECT_EQ(1U, seal_stats(self->store).collisions);
	tmem_unseal(view);
	tmem_unseal(other);
}

static int open_store(int fd)
{
	struct tmem_store *store = NULL;
	int err = tmem_store_open(fd, &store);

	tmem_store_close(store);
	return err;
}

TEST(files_that_are_no_stores)
{
	int fd, zero = open("/dev/zero", O_RDWR | O_CLOEXEC), ends[2];
	FILE *file = tmpfile();

	EXPECT_EQ(-EBADF, open_store(-1));
	EXPECT_EQ(-EBADF, open_store(12345));
	EXPECT_EQ(-EINVAL, open_store(zero));
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-EACCES, open_store(ends[0]));
	ASSERT_NE(NULL, file);
	ASSERT_EQ(0, ftruncate(fileno(file), 16 * (off_t)LT_MIB));
	EXPECT_EQ(-EINVAL, open_store(fileno(file)));
	/* One that could be cut off later. */
	fd = memfd_create("not-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_EQ(0, ftruncate(fd, 16 * (off_t)LT_MIB));
	EXPECT_EQ(-EINVAL, open_store(fd));
	/* Zeroes, and nothing at all. */
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS,
			   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	EXPECT_EQ(-EINVAL, open_store(fd));
	fd = memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS,
			   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	EXPECT_EQ(-EINVAL, open_store(fd));
}

/* A store to the byte, in a file that could be cut off at any time. */
TEST_F(hostile, the_seals_are_asked_for)
{
	static const int some[] = {
		0,
		F_SEAL_GROW,
		F_SEAL_SHRINK,
		F_SEAL_GROW | F_SEAL_SHRINK,
		F_SEAL_GROW | F_SEAL_SEAL,
	};
	size_t i;
	int fd;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "an arena has its size for ever");
	for (i = 0; i <= ARRAY_SIZE(some); i++) {
		fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		ASSERT_EQ(0, ftruncate(fd, (off_t)self->index->size));
		ASSERT_EQ((ssize_t)LT_PAGE,
			  pwrite(fd, self->index, LT_PAGE, 0));
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS,
				   i < ARRAY_SIZE(some) ?
					   some[i] :
					   F_SEAL_GROW | F_SEAL_SHRINK |
						   F_SEAL_SEAL));
		EXPECT_EQ(i < ARRAY_SIZE(some) ? -EINVAL : 0, open_store(fd));
		close(fd);
	}
}

TEST_F(hostile, open_for_reading)
{
	char path[64];
	int fd;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "an arena cannot be opened again");
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 tmem_store_fd(self->store));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, open_store(fd));
}

/* What the seals are there for. */
TEST_F(hostile, the_file_keeps_its_size)
{
	int fd = tmem_store_fd(self->store);

	EXPECT_NE(0, ftruncate(fd, 0));
	EXPECT_NE(0, ftruncate(fd, (off_t)LT_GIB));
	EXPECT_NE(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(0U, seal_stats(self->store).contents);
}

/* Each word of the header wrong, in turn, for one who opens the store. */
TEST_F(hostile, headers)
{
	struct tmem_index_header good = *self->index, *h = self->index;
	static const uint64_t bad[] = {
		0, 1, 3, 4095, 1ULL << 31, UINT32_MAX, 1ULL << 63, UINT64_MAX,
	};
	size_t i;

	EXPECT_EQ(0, open_store(tmem_store_fd(self->store)));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		h->magic = bad[i];
		EXPECT_EQ(-EINVAL, open_store(tmem_store_fd(self->store)));
		h->magic = good.magic;
		h->size = bad[i];
		EXPECT_EQ(-EINVAL, open_store(tmem_store_fd(self->store)));
		h->size = good.size;
		h->contents = (uint32_t)bad[i];
		if (h->contents != 1)
			EXPECT_EQ(-EINVAL,
				  open_store(tmem_store_fd(self->store)));
		h->contents = good.contents;
		h->peers = (uint32_t)bad[i];
		if (h->peers != 1 && h->peers != 3)
			EXPECT_EQ(-EINVAL,
				  open_store(tmem_store_fd(self->store)));
		h->peers = good.peers;
		if (bad[i] == good.ctl_offset)
			continue;
		h->ctl_offset = bad[i];
		EXPECT_EQ(-EINVAL, open_store(tmem_store_fd(self->store)));
		h->ctl_offset = good.ctl_offset;
	}
	EXPECT_EQ(0, open_store(tmem_store_fd(self->store)));
}

/* Values that are wrong in an interesting way, and others. */
static uint64_t evil(uint64_t *random, uint64_t size)
{
	const uint64_t words[] = {
		0,
		1,
		2,
		3,
		4096,
		4097,
		size,
		size - 4096,
		size - 1,
		size + 1,
		INT64_MAX,
		UINT64_MAX,
		UINT64_MAX - 4095,
		UINT32_MAX,
		1ULL << 31,
		1ULL << 63,
	};

	if (lt_between(random, 0, 3))
		return words[lt_between(random, 0, ARRAY_SIZE(words) - 1)];
	return lt_random(random) >> lt_between(random, 0, 63);
}

/* The header's constants are left alone (see above). */
static void scribble(struct tmem_index_header *index, size_t bytes,
		     uint64_t *random)
{
	struct tmem_index_peer *peers = (void *)((char *)index + 4096);
	struct tmem_index_entry *entries = (void *)((char *)index + 8192);
	uint64_t value = evil(random, index->size);
	char *any;

	switch (lt_between(random, 0, 9)) {
	case 0:
		atomic_store(&index->window_start, value);
		break;
	case 1:
		atomic_store(&index->window_end, value);
		break;
	case 2: /* a holder that cannot be */
		atomic_store(&index->lock, 10 + (uint32_t)(value >> 34));
		break;
	case 3:
		any = (char *)&peers[lt_between(random, 0, 7)] +
		      8 * lt_between(random, 0, 3);
		memcpy(any, &value, 8);
		break;
	case 4:
		any = (char *)index + 12288 +
		      4 * lt_between(random, 0, (bytes - 12288) / 4 - 1);
		memcpy(any, &value, 4);
		break;
	default:
		any = (char *)&entries[lt_between(random, 0, 63)] +
		      4 * lt_between(random, 0, 9);
		if (lt_between(random, 0, 1))
			value = lt_between(random, 0, 3);
		memcpy(any, &value, 4);
	}
}

static void scribble_all(struct tmem_index_header *index, uint64_t *random)
{
	uint64_t *word = (void *)((char *)index + 8192);
	size_t i;

	for (i = 0; i < 4096 / 8; i++)
		word[i] = lt_between(random, 0, 1) ? evil(random, index->size) :
						     word[i];
}

/* One step of somebody who works with the store meanwhile. */
static bool fuzz_step(struct tmem_store *store, char **held, size_t count,
		      uint64_t *random)
{
	size_t i = lt_between(random, 0, count - 1), size;
	uint64_t tag = lt_between(random, 0, 5);
	char *block;

	if (held[i]) {
		if (tmem_unseal(held[i]))
			return false;
		held[i] = NULL;
		return true;
	}
	size = 1 + lt_mix(tag) % (3 * LT_MIB);
	block = seal_block(size, tag);
	held[i] = tmem_seal(store, block, size, 0);
	if (held[i])
		return true;
	/* Refused, for a reason that there is; the block is as it was. */
	if ((errno != ENOSPC && errno != ENOMEM && errno != EUSERS) ||
	    !lt_kept(block, size, tag))
		return false;
	tmem_free(block);
	return true;
}

TEST_F(hostile, garbage_in_the_index)
{
	uint64_t random = pace_seed();
	char *held[16] = { 0 };
	size_t i, n;

	seal_time_stop();
	PACE_ROUNDS(LT_COUNT(500, 300)) {
		for (n = lt_between(&random, 0, 3); n; n--)
			scribble(self->index, self->bytes, &random);
		if (!lt_between(&random, 0, 50))
			scribble_all(self->index, &random);
		ASSERT_TRUE(fuzz_step(self->store, held, ARRAY_SIZE(held),
				      &random));
		if (!lt_between(&random, 0, 20))
			seal_stats(self->store);
		if (!lt_between(&random, 0, 20))
			open_store(tmem_store_fd(self->store));
	}
	for (i = 0; i < ARRAY_SIZE(held); i++)
		tmem_unseal(held[i]);
}

/* The same, by another process, at any moment. */
TEST_F(hostile, garbage_at_any_moment)
{
	uint64_t random = pace_seed();
	char *held[16] = { 0 };
	pid_t pid;
	size_t i;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pace_end_if_hung();
		for (;;) {
			scribble(self->index, self->bytes, &random);
			sched_yield();
		}
	}
	random++;
	seal_time_stop();
	PACE_ROUNDS(LT_COUNT(500, 300)) {
		ASSERT_TRUE(fuzz_step(self->store, held, ARRAY_SIZE(held),
				      &random));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(held); i++)
		tmem_unseal(held[i]);
}

static struct tmem_index_entry *ready_entry(struct tmem_index_header *index)
{
	struct tmem_index_entry *entries = (void *)((char *)index + 8192);
	size_t i;

	for (i = 0; i < 64; i++)
		if (atomic_load(&entries[i].state) == TMEM_ENTRY_READY)
			return &entries[i];
	return NULL;
}

/* Contents said to be where they cannot be are not looked at. */
TEST_F(hostile, places_that_cannot_be)
{
	const uint64_t size = self->index->size;
	const uint64_t bad[] = {
		0,	     4096, self->bytes - 4096, self->bytes + 1,
		size - 4096, size, size + 4096,	       UINT64_MAX - 4095,
		1ULL << 63,
	};
	struct tmem_index_entry *entry;
	char *view, *other;
	uint64_t good;
	size_t i;

	view = seal_view(self->store, 100000, 1, 0);
	ASSERT_NE(NULL, view);
	entry = ready_entry(self->index);
	ASSERT_NE(NULL, entry);
	good = atomic_load(&entry->offset);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		atomic_store(&entry->offset, bad[i]);
		other = seal_view(self->store, 100000, 1, 0);
		ASSERT_NE(NULL, other);
		EXPECT_TRUE(seal_kept(other, 100000, 1));
		EXPECT_EQ(0U, seal_stats(self->store).comparisons);
		atomic_store(&entry->state, TMEM_ENTRY_READY); /* swept */
		EXPECT_EQ(0, tmem_unseal(other));
	}
	atomic_store(&entry->offset, good);
	EXPECT_EQ(0, tmem_unseal(view));
	EXPECT_EQ(0U, seal_stats(self->store).contents);
}

/* Free places, against a look at every page. */
TEST(free_places)
{
	struct tmem_range taken[12], got;
	uint64_t random = pace_seed(), best, run, page, low, high;
	size_t i, n, round;
	bool used[80];

	for (round = 0; round < 20000; round++) {
		n = lt_between(&random, 0, ARRAY_SIZE(taken));
		memset(used, 0, sizeof(used));
		for (i = 0; i < n; i++) {
			taken[i].start = lt_between(&random, 0, 70);
			taken[i].end =
				taken[i].start + lt_between(&random, 0, 20);
			for (page = taken[i].start;
			     page < taken[i].end && page < 80; page++)
				used[page] = true;
		}
		low = lt_between(&random, 0, 40);
		high = lt_between(&random, low, 80);
		got = tmem_space_longest(taken, n, low, high, 1);
		for (best = run = 0, page = low; page < high; page++) {
			run = used[page] ? 0 : run + 1;
			if (run > best)
				best = run;
		}
		ASSERT_EQ(best, got.end - got.start);
		for (page = got.start; page < got.end; page++)
			ASSERT_FALSE(used[page]);
		ASSERT_LE(got.end, high);
		got = tmem_space_longest(taken, n, low, high, 8);
		ASSERT_EQ(0U, got.start % 8);
		for (page = got.start; page < got.end; page++)
			ASSERT_FALSE(used[page]);
	}
}

TEST_HARNESS_MAIN
