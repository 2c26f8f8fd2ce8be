// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that programs and modules of different ages get on: who was built
 * with a header of today is served, who needs a later interface is refused by
 * a clear error, and structures of the first version, of a later one, and
 * those in between all work, with nothing written past what the caller has.
 */
#include "tmem_test_mem.h"

#define GUARD 0xa5

FIXTURE(version)
{
	int dev;
	struct kt_arena a;
};

FIXTURE_SETUP(version)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, 4 * KT_SPAN,
				   TMEM_POLICY_LOCAL, 0));
	kt_fill(self->a.data, 2 * KT_SPAN, 1);
}

FIXTURE_TEARDOWN(version)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

static unsigned long resize(unsigned long cmd, size_t size)
{
	return (cmd & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) |
	       ((unsigned long)size << _IOC_SIZESHIFT);
}

TEST_F(version, caller_of_today_and_of_the_first_day)
{
	for (uint32_t abi = 0; abi <= TMEM_ABI_VERSION; abi++) {
		struct tmem_query q = { .caller_abi = abi };

		EXPECT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
		EXPECT_EQ((uint32_t)TMEM_ABI_VERSION, q.abi_version);
	}
}

TEST_F(version, caller_of_a_later_day)
{
	const uint32_t later[] = { TMEM_ABI_VERSION + 1, 100, INT32_MAX,
				   UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		struct tmem_query q = { .caller_abi = later[i] };

		EXPECT_EQ(-EPROTONOSUPPORT,
			  kt_ioctl(self->dev, TMEM_IOC_QUERY, &q))
		{
			TH_LOG("caller_abi %u", later[i]);
		}
	}
}

/* What a structure of any length between the first and ours brings back. */
TEST_F(version, query_of_every_length)
{
	struct tmem_query whole = { 0 };
	unsigned char buf[sizeof(whole) + 8];

	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &whole));
	EXPECT_LE(1U, whole.arenas);
	for (size_t size = TMEM_QUERY_SIZE_VER0; size <= sizeof(whole);
	     size += 4) {
		memset(buf, GUARD, sizeof(buf));
		memset(buf, 0, size);
		ASSERT_EQ(0, kt_ioctl(self->dev, resize(TMEM_IOC_QUERY, size),
				      buf))
		{
			TH_LOG("%zu bytes", size);
		}
		EXPECT_EQ(0, memcmp(buf, &whole, TMEM_QUERY_SIZE_VER0));
		for (size_t i = size; i < sizeof(buf); i++) {
			ASSERT_EQ(GUARD, buf[i]);
		}
	}
	EXPECT_EQ(-EINVAL,
		  kt_ioctl(self->dev,
			   resize(TMEM_IOC_QUERY, TMEM_QUERY_SIZE_VER0 - 1),
			   buf));
}

TEST_F(version, stat_of_every_length)
{
	struct tmem_arena_stat whole = kt_stat(&self->a);
	unsigned char buf[sizeof(whole) + 8];

	EXPECT_EQ(2U, whole.fills);
	EXPECT_NE(0U, whole.id);
	for (size_t size = TMEM_ARENA_STAT_SIZE_VER0; size <= sizeof(whole);
	     size += 8) {
		memset(buf, GUARD, sizeof(buf));
		memset(buf, 0, size);
		ASSERT_EQ(0, kt_ioctl(self->a.fd,
				      resize(TMEM_IOC_ARENA_STAT, size), buf));
		EXPECT_EQ(0, memcmp(buf, &whole, size));
		for (size_t i = size; i < sizeof(buf); i++) {
			ASSERT_EQ(GUARD, buf[i]);
		}
	}
	EXPECT_EQ(-EINVAL, kt_ioctl(self->a.fd,
				    resize(TMEM_IOC_ARENA_STAT,
					   TMEM_ARENA_STAT_SIZE_VER0 - 1),
				    buf));
}

/* A program of tomorrow on the module of today. */
TEST_F(version, longer_than_ours)
{
	unsigned char buf[sizeof(struct tmem_query) + 64] = { 0 };
	unsigned long cmd = resize(TMEM_IOC_QUERY, sizeof(buf));
	uint32_t abi = TMEM_ABI_VERSION;

	memcpy(buf + offsetof(struct tmem_query, caller_abi), &abi,
	       sizeof(abi));
	EXPECT_EQ(0, kt_ioctl(self->dev, cmd, buf));
	for (size_t i = sizeof(struct tmem_query); i < sizeof(buf); i++) {
		unsigned char one[sizeof(buf)] = { 0 };

		ASSERT_EQ(0, buf[i]);
		one[i] = 1;
		ASSERT_EQ(-E2BIG, kt_ioctl(self->dev, cmd, one))
		{
			TH_LOG("byte %zu", i);
		}
	}
}

/* The fields that came after the first version say what they should. */
TEST_F(version, new_fields)
{
	struct tmem_query q = { .caller_abi = TMEM_ABI_VERSION };
	struct tmem_arena_stat st;
	struct kt_arena b;

	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	EXPECT_NE(0U, q.status_size);
	EXPECT_EQ(0U, q.status_size % KT_PAGE);
	EXPECT_EQ(2 * KT_SPAN, q.user_bytes);
	EXPECT_EQ(UINT64_MAX, q.user_max_bytes);
	EXPECT_TRUE(q.features & TMEM_FEATURE_RECALL);
	EXPECT_TRUE(q.features & TMEM_FEATURE_POOL);
	EXPECT_TRUE(q.features & TMEM_FEATURE_POPULATE);
	EXPECT_TRUE(q.features & TMEM_FEATURE_PRESSURE);
	EXPECT_EQ(access("/proc/pressure/memory", R_OK) == 0,
		  (q.features & TMEM_FEATURE_PSI) != 0);
	EXPECT_EQ(0U, q.features >> 8);

	st = kt_stat(&self->a);
	EXPECT_EQ(0U, st.recalled + st.fills_limited);
	EXPECT_LE(st.fills_pool, st.fills);
	ASSERT_EQ(0, kt_arena_init(&b, self->dev, KT_SPAN, 0, 0));
	EXPECT_LT(st.id, kt_stat(&b).id);
	kt_arena_fini(&b);
}

TEST_HARNESS_MAIN
