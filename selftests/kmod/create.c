// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that TMEM_IOC_ARENA_CREATE gives what it promises, refuses every
 * request that makes no sense with the error that the manual names, and leaves
 * nothing behind when it refuses: no arena, no descriptor.
 */
#include "tmem_test_mem.h"

#include <sys/resource.h>

FIXTURE(create)
{
	int dev;
	uint64_t arenas;
	int next_fd;
};

FIXTURE_SETUP(create)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->arenas = kt_arenas(self->dev);
	self->next_fd = kt_next_fd(self->dev);
}

FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(self->arenas, kt_arenas(self->dev));
	EXPECT_EQ(self->next_fd, kt_next_fd(self->dev));
	close(self->dev);
}

static int create(int dev, struct tmem_arena_create *req)
{
	return kt_ioctl(dev, TMEM_IOC_ARENA_CREATE, req);
}

/* The error of a request; what works against expectation is closed again. */
static int refusal(int dev, struct tmem_arena_create req)
{
	int ret = create(dev, &req);

	if (!ret)
		close(req.fd);
	return ret;
}

TEST_F(create, answer)
{
	const size_t spans[] = { 1, 2, 16, 17, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		struct tmem_arena_create req =
			kt_request(spans[i] * KT_SPAN, TMEM_POLICY_LOCAL, 0);
		size_t words = (spans[i] * 4 + KT_PAGE - 1) & -KT_PAGE;

		/* What the kernel answers with is not looked at. */
		req.fd = -7;
		req.ctl_offset = req.ctl_size = 0x5555;
		ASSERT_EQ(0, create(self->dev, &req));
		EXPECT_LE(0, req.fd);
		EXPECT_EQ(words, req.ctl_size);
		EXPECT_LE(req.size, req.ctl_offset);
		EXPECT_EQ(0U, req.ctl_offset % KT_PAGE);
		EXPECT_EQ(FD_CLOEXEC, fcntl(req.fd, F_GETFD));
		EXPECT_EQ(self->arenas + 1, kt_arenas(self->dev));
		close(req.fd);
		EXPECT_EQ(self->arenas, kt_arenas(self->dev));
	}
}

TEST_F(create, arena_lives_as_long_as_its_last_holder)
{
	struct kt_arena a;
	int copy;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, KT_SPAN, 0, 0));
	copy = dup(a.fd);
	close(a.fd);
	EXPECT_EQ(self->arenas + 1, kt_arenas(self->dev));
	close(copy);
	EXPECT_EQ(self->arenas + 1, kt_arenas(self->dev));
	munmap(a.ctl, a.ctl_size);
	EXPECT_EQ(self->arenas + 1, kt_arenas(self->dev));
	munmap(a.data, a.size);
	EXPECT_EQ(self->arenas, kt_arenas(self->dev));
}

TEST_F(create, many_at_once)
{
	enum { MANY = 300 };
	struct tmem_arena_create req;
	int fds[MANY];

	for (int i = 0; i < MANY; i++) {
		req = kt_request(KT_SPAN, TMEM_POLICY_INTERLEAVE, 0);
		ASSERT_EQ(0, create(self->dev, &req));
		fds[i] = req.fd;
	}
	EXPECT_EQ(self->arenas + MANY, kt_arenas(self->dev));
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

TEST_F(create, every_policy_on_every_node)
{
	uint64_t nodes = kt_nodes();

	EXPECT_EQ(0, refusal(self->dev, kt_request(KT_SPAN, 0, 0)));
	EXPECT_EQ(0, refusal(self->dev,
			     kt_request(KT_SPAN, TMEM_POLICY_INTERLEAVE, 0)));
	for (unsigned int p = TMEM_POLICY_BIND; p <= TMEM_POLICY_INTERLEAVE;
	     p++) {
		EXPECT_EQ(0, refusal(self->dev, kt_request(KT_SPAN, p, nodes)));
		for_each_node(n, nodes) {
			EXPECT_EQ(0, refusal(self->dev, kt_request(KT_SPAN, p,
								   1ULL << n)));
		}
	}
}

TEST_F(create, bad_size)
{
	struct tmem_query q = { 0 };
	const struct {
		uint64_t size;
		int err;
	} bad[] = {
		{ 0, -EINVAL },
		{ 1, -EINVAL },
		{ KT_PAGE, -EINVAL },
		{ KT_SPAN - 1, -EINVAL },
		{ KT_SPAN + KT_PAGE, -EINVAL },
		{ UINT64_MAX, -EINVAL },
		{ -KT_SPAN, -ENOMEM },
		{ 1ULL << 63, -ENOMEM },
		{ (1ULL << 63) - KT_SPAN, -ENOMEM },
		{ 1ULL << 53, -ENOMEM }, /* 2^32 spans */
		{ 1ULL << 47, -ENOMEM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].err,
			  refusal(self->dev, kt_request(bad[i].size, 0, 0)))
		{
			TH_LOG("size 0x%llx", (unsigned long long)bad[i].size);
		}
	}
	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	q.max_arena_size &= -KT_SPAN;
	EXPECT_EQ(0, refusal(self->dev, kt_request(q.max_arena_size, 0, 0)));
	EXPECT_EQ(-ENOMEM,
		  refusal(self->dev,
			  kt_request(q.max_arena_size + KT_SPAN, 0, 0)));
}

/* BIND to one node cannot promise what only the whole machine has. */
TEST_F(create, larger_than_the_node)
{
	int node = kt_node_last();
	size_t size = (kt_node_total(node) * 5 / 4) & -KT_SPAN;

	if (kt_node_count() < 2)
		SKIP(return, "one node with memory only");
	EXPECT_EQ(-ENOMEM, refusal(self->dev, kt_request(size, TMEM_POLICY_BIND,
							 1ULL << node)));
	size = (kt_node_total(node) / 2) & -KT_SPAN;
	EXPECT_EQ(0, refusal(self->dev,
			     kt_request(size, TMEM_POLICY_BIND, 1ULL << node)));
}

TEST_F(create, bad_policy)
{
	const uint32_t bad[] = { 4, 5, 0x7fffffff, 0x80000000, 0xffffffff };
	uint64_t nodes = kt_nodes();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL,
			  refusal(self->dev, kt_request(KT_SPAN, bad[i], 0)));
		EXPECT_EQ(-EINVAL, refusal(self->dev,
					   kt_request(KT_SPAN, bad[i], nodes)));
	}
	EXPECT_EQ(-EINVAL,
		  refusal(self->dev,
			  kt_request(KT_SPAN, TMEM_POLICY_LOCAL, nodes)));
	EXPECT_EQ(-EINVAL,
		  refusal(self->dev, kt_request(KT_SPAN, TMEM_POLICY_BIND, 0)));
	EXPECT_EQ(-EINVAL,
		  refusal(self->dev,
			  kt_request(KT_SPAN, TMEM_POLICY_PREFERRED, 0)));
}

TEST_F(create, nodes_that_do_not_exist)
{
	uint64_t nodes = kt_nodes();

	for (int n = 0; n < TMEM_MAX_NODES; n++) {
		if (n < 64 && nodes & 1ULL << n)
			continue;
		for (unsigned int p = 0; p <= TMEM_POLICY_INTERLEAVE; p++) {
			struct tmem_arena_create req =
				kt_request(KT_SPAN, p, p ? nodes : 0);

			req.nodes[n / 64] |= 1ULL << n % 64;
			EXPECT_EQ(-EINVAL, refusal(self->dev, req))
			{
				TH_LOG("policy %u, node %d", p, n);
			}
		}
	}
}

TEST_F(create, bad_name)
{
	struct tmem_arena_create req = kt_request(KT_SPAN, 0, 0);
	char *name = req.name;

	memset(name, 'x', TMEM_NAME_LEN);
	EXPECT_EQ(-EINVAL, refusal(self->dev, req));
	name[TMEM_NAME_LEN - 1] = 0;
	EXPECT_EQ(0, refusal(self->dev, req));
	for (int c = 1; c < 256; c++) {
		int want = c >= 0x20 && c < 0x7f ? 0 : -EINVAL;

		name[5] = (char)c;
		EXPECT_EQ(want, refusal(self->dev, req))
		{
			TH_LOG("character 0x%02x", c);
		}
	}
	memset(name, 0, TMEM_NAME_LEN);
	EXPECT_EQ(0, refusal(self->dev, req));
}

TEST_F(create, reserved_field)
{
	struct tmem_arena_create req = kt_request(KT_SPAN, 0, 0);

	for (int bit = 0; bit < 32; bit++) {
		req.__reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, refusal(self->dev, req));
	}
}

TEST_F(create, no_descriptor_left)
{
	struct rlimit old, now;
	struct tmem_arena_create req = kt_request(KT_SPAN, 0, 0);

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	now = old;
	now.rlim_cur = (rlim_t)self->next_fd;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &now));
	for (int i = 0; i < 100; i++) {
		EXPECT_EQ(-EMFILE, refusal(self->dev, req));
	}
	EXPECT_EQ(self->arenas, kt_arenas(self->dev));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(0, refusal(self->dev, req));
}

TEST_HARNESS_MAIN
