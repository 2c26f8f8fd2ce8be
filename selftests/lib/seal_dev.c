// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how a store uses an arena of /dev/tmem, with answers that no module is
 * needed for: which spans are busy and which are given back, that contents share
 * spans and views lie where huge pages fit, and what is refused.  (On the real
 * one, all other tests of sealing run in the VM.)
 */
#include "fake_device.h"
#include "seal_test.h"

#define SPANS 16 /* of contents */

FIXTURE(dev)
{
	struct tmem_store *store;
	struct tmem_index_header *index;
	_Atomic(uint32_t) *words; /* of the spans of contents */
};

FIXTURE_SETUP(dev)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct tmem_config anon = TMEM_CONFIG_INIT;
	char *words;

	ASSERT_TRUE(fake_start());
	anon.backend = TMEM_BACKEND_ANON;
	ASSERT_EQ(0, tmem_init(&anon));
	config.backend = TMEM_BACKEND_DEV;
	config.capacity = SPANS * LT_SPAN;
	config.max_contents = 64;
	config.max_peers = 8;
	ASSERT_EQ(0, tmem_store_create(&config, &self->store));
	self->index = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   tmem_store_fd(self->store), 0);
	ASSERT_NE(MAP_FAILED, self->index);
	fake.stat.size = self->index->size;
	words = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     tmem_store_fd(self->store),
		     (off_t)self->index->ctl_offset);
	ASSERT_NE(MAP_FAILED, words);
	self->words = (void *)(words + 4 * (fake.stat.size / LT_SPAN - SPANS));
}

FIXTURE_TEARDOWN(dev)
{
	EXPECT_EQ(0U, seal_stats(self->store).contents);
	tmem_store_close(self->store);
	EXPECT_EQ(0U, lt_stats().live_blocks);
}

/* "BI.." : busy, idle, purged (P), of the first spans of contents. */
static bool words_are(_Atomic(uint32_t) *words, const char *wanted)
{
	char have[SPANS + 1] = "";
	size_t i;

	for (i = 0; i < strlen(wanted); i++) {
		uint32_t word = atomic_load(&words[i]);

		have[i] = word & TMEM_SPAN_IDLE	   ? 'I' :
			  word == TMEM_SPAN_PURGED ? 'P' :
			  word == TMEM_SPAN_BUSY   ? 'B' :
						     '?';
	}
	if (!strcmp(have, wanted))
		return true;
	printf("# words are %s, wanted %s\n", have, wanted);
	return false;
}

TEST_F(dev, spans_are_given_back_when_they_are_empty)
{
	/* Three spans and a half, and again, and a page; then none. */
	const size_t size = 7 * LT_MIB;
	char *a = seal_view(self->store, size, 1, 0);
	char *b = seal_view(self->store, size, 2, 0);
	char *c = seal_view(self->store, 100, 3, 0);

	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ASSERT_NE(NULL, c);
	EXPECT_EQ(0U, (uintptr_t)a % LT_SPAN);
	EXPECT_EQ(LT_MIB, (uintptr_t)b % LT_SPAN); /* next to a */
	EXPECT_LE(3U, fake.populates);
	EXPECT_TRUE(words_are(self->words, "BBBBBBBBB"));
	EXPECT_EQ(0, tmem_unseal(b));
	EXPECT_TRUE(words_are(self->words, "BBBBIIIBB"));
	EXPECT_TRUE(seal_kept(a, size, 1));
	EXPECT_EQ(0, tmem_unseal(a));
	EXPECT_TRUE(words_are(self->words, "IIIIIIIBB"));
	EXPECT_TRUE(seal_kept(c, 100, 3));
	EXPECT_EQ(0, tmem_unseal(c));
	EXPECT_TRUE(words_are(self->words, "IIIIIIIIB"));
}

/* The span that two contents share stays with the second, too. */
TEST_F(dev, the_first_of_two_goes_first)
{
	const size_t size = 7 * LT_MIB;
	char *a = seal_view(self->store, size, 1, 0);
	char *b = seal_view(self->store, size, 2, 0);

	ASSERT_NE(NULL, b);
	EXPECT_EQ(0, tmem_unseal(a));
	EXPECT_TRUE(words_are(self->words, "IIIBBBB"));
	EXPECT_TRUE(seal_kept(b, size, 2));
	EXPECT_EQ(0, tmem_unseal(b));
	EXPECT_TRUE(words_are(self->words, "IIIIIII"));
}

/* Whatever became of them meanwhile; and what lay there is not seen. */
TEST_F(dev, idle_and_purged_spans_are_used_again)
{
	char *a = seal_block(SPANS * LT_SPAN, 1);
	size_t i;

	ASSERT_NE(NULL, a);
	memset(a, 0x55, SPANS * LT_SPAN);
	a = tmem_seal(self->store, a, SPANS * LT_SPAN, 0);
	ASSERT_NE(NULL, a);
	EXPECT_EQ(0, tmem_unseal(a));
	EXPECT_TRUE(words_are(self->words, "IIIIIIIIIIIIIIII"));
	for (i = 0; i < SPANS; i += 2)
		atomic_store(&self->words[i], TMEM_SPAN_PURGED);
	a = seal_view(self->store, 2 * LT_SPAN + 12345, 2, 0);
	ASSERT_NE(NULL, a);
	EXPECT_TRUE(seal_kept(a, 2 * LT_SPAN + 12345, 2));
	EXPECT_TRUE(words_are(self->words, "BBBIPIPI"));
	EXPECT_EQ(0, tmem_unseal(a));
}

TEST_F(dev, shared_by_descriptor)
{
	struct tmem_store *other;
	char *a, *b;

	ASSERT_EQ(0, tmem_store_open(tmem_store_fd(self->store), &other));
	a = seal_view(self->store, 5 * LT_MIB, 1, 0);
	b = seal_view(other, 5 * LT_MIB, 1, 0);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	EXPECT_EQ(0, tmem_unseal(a));
	EXPECT_TRUE(words_are(self->words, "BBB"));
	EXPECT_TRUE(seal_kept(b, 5 * LT_MIB, 1));
	EXPECT_EQ(0, tmem_unseal(b));
	EXPECT_TRUE(words_are(self->words, "III"));
	tmem_store_close(other);
}

TEST_F(dev, no_private_copies)
{
	char *block = seal_block(1000, 1);

	errno = 0;
	EXPECT_EQ(NULL, tmem_seal(self->store, block, 1000, TMEM_SEAL_COPY));
	EXPECT_EQ(ENOTSUP, errno);
	EXPECT_TRUE(lt_kept(block, 1000, 1));
	tmem_free(block);
}

/* The nodes are full: an error, and the spans are idle again. */
TEST_F(dev, no_memory)
{
	char *block = seal_block(5 * LT_MIB, 1);

	fake.populate_errno = ENOMEM;
	fake.populate_calls_left = 1;
	errno = 0;
	EXPECT_EQ(NULL, tmem_seal(self->store, block, 5 * LT_MIB, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(lt_kept(block, 5 * LT_MIB, 1));
	EXPECT_TRUE(words_are(self->words, "III"));
	tmem_free(block);
}

static int open_store(int fd)
{
	struct tmem_store *store = NULL;
	int err = tmem_store_open(fd, &store);

	tmem_store_close(store);
	return err;
}

/* A header must not have us write words into contents. */
TEST_F(dev, where_the_words_are_said_to_be)
{
	int fd = tmem_store_fd(self->store);
	uint64_t good = self->index->ctl_offset;
	const uint64_t bad[] = {
		0,	    4096,	good - 4096,
		good + 1,   UINT64_MAX, UINT64_MAX - 4095,
		1ULL << 63,
	};
	size_t i;

	EXPECT_EQ(0, open_store(fd));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->index->ctl_offset = bad[i];
		EXPECT_GT(0, open_store(fd));
	}
	self->index->ctl_offset = good;
	EXPECT_EQ(0, open_store(fd));
	fake.stat.size = LT_SPAN + 1;
	EXPECT_EQ(-EINVAL, open_store(fd));
}

TEST_HARNESS_MAIN
