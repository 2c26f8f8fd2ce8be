// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that garbage never works and never hurts: random structures, request
 * numbers, sizes and mapping offsets, thrown at the device and at an arena
 * whose contents must stay as they are.  The seed is printed; set
 * TMEM_SEED to it to repeat a run.
 */
#include "tmem_test_mem.h"

#define ROUNDS 1000
#define MAX_IOC_SIZE 16383U

FIXTURE(hostile)
{
	int dev;
	uint64_t rng;
	uint64_t arenas;
	int next_fd;
	struct kt_arena arena;
	struct tmem_arena_stat before;
};

FIXTURE_SETUP(hostile)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->rng = pace_seed();
	ASSERT_EQ(0, kt_arena_init(&self->arena, self->dev, 4 * KT_SPAN, 0, 0));
	kt_fill(self->arena.data, self->arena.size, 1);
	/* Idle: a purge that gets through by mistake does harm. */
	for (size_t i = 0; i < self->arena.spans; i++)
		kt_idle(&self->arena, i);
	self->before = kt_stat(&self->arena);
	self->arenas = kt_arenas(self->dev);
	self->next_fd = kt_next_fd(self->dev);
}

FIXTURE_TEARDOWN(hostile)
{
	struct tmem_arena_stat after = kt_stat(&self->arena);

	EXPECT_EQ(0, memcmp(&self->before, &after, sizeof(after)));
	EXPECT_EQ(0U, kt_bad(self->arena.data, self->arena.size, 1));
	EXPECT_EQ(self->arenas, kt_arenas(self->dev));
	EXPECT_EQ(self->next_fd, kt_next_fd(self->dev));
	kt_arena_fini(&self->arena);
	close(self->dev);
}

static void scramble(uint64_t *rng, void *buf, size_t len)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)kt_random(rng);
}

/* One way to spoil a request that was right. */
static void spoil(uint64_t *rng, struct tmem_arena_create *req)
{
	uint64_t r = kt_random(rng);

	switch (r % 7) {
	case 0:
		req->size += 1 + (r >> 8) % (KT_SPAN - 1);
		break;
	case 1:
		req->size = (1 + (r >> 8) % 1024) << 50;
		break;
	case 2:
		req->flags = (uint32_t)(r >> 8) | 1;
		break;
	case 3:
		req->policy = 4 + (uint32_t)(r >> 8) % 1000000;
		break;
	case 4: /* TMEM_NODE_WORDS words of nodes, the first left alone */
		scramble(rng, req->nodes + 1, sizeof(req->nodes) - 8);
		break;
	case 5:
		memset(req->name, 'a' + (int)(r % 26), sizeof(req->name));
		break;
	default:
		req->__reserved = (uint32_t)(r >> 8) | 0x80;
		break;
	}
}

TEST_F(hostile, create_with_noise)
{
	struct tmem_arena_create req;
	int worked = 0;

	for (int i = 0; i < ROUNDS; i++) {
		scramble(&self->rng, &req, sizeof(req));
		worked += !kt_ioctl(self->dev, TMEM_IOC_ARENA_CREATE, &req);
	}
	EXPECT_EQ(0, worked);
}

TEST_F(hostile, create_with_one_fault)
{
	struct tmem_arena_create req;
	int worked = 0;

	for (int i = 0; i < ROUNDS; i++) {
		req = kt_request(KT_SPAN, kt_random(&self->rng) % 4, 0);
		if (req.policy != TMEM_POLICY_LOCAL)
			req.nodes[0] = kt_nodes();
		spoil(&self->rng, &req);
		worked += !kt_ioctl(self->dev, TMEM_IOC_ARENA_CREATE, &req);
	}
	EXPECT_EQ(0, worked);
}

/* Any number of ours, of any size and direction, with any argument. */
TEST_F(hostile, any_number)
{
	unsigned char *buf = malloc(MAX_IOC_SIZE);
	int worked = 0;

	ASSERT_TRUE(buf != NULL);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t r = kt_random(&self->rng);
		unsigned int nr = r % 3 ? (r >> 8) % 0x24 : (r >> 8) % 256;
		unsigned long cmd = _IOC((r >> 16) % 4, TMEM_IOC_MAGIC, nr,
					 (r >> 18) % MAX_IOC_SIZE);
		int fd = r >> 63 ? self->dev : self->arena.fd;

		scramble(&self->rng, buf, 512);
		worked += !kt_ioctl(fd, cmd, buf);
	}
	EXPECT_EQ(0, worked);
	free(buf);
}

/* Offsets and lengths that pass for numbers but not for a range. */
TEST_F(hostile, purge_out_of_range)
{
	int worked = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct tmem_arena_purge req = { 0 };
		uint64_t r = kt_random(&self->rng);

		req.offset = r & -KT_SPAN;
		req.length = kt_random(&self->rng) & -KT_SPAN;
		if (r & 1) /* the sum wraps to a range that looks fine */
			req.length = KT_SPAN - req.offset;
		if (r & 2)
			req.offset = (r >> 32) % 4 * KT_SPAN + 1 + r % 4096;
		if (req.offset < self->arena.size &&
		    !((req.offset | req.length) & (KT_SPAN - 1)) &&
		    req.length <= self->arena.size - req.offset)
			continue; /* by chance right */
		worked += !kt_ioctl(self->arena.fd, TMEM_IOC_ARENA_PURGE, &req);
	}
	EXPECT_EQ(0, worked);
}

/* A mapping is all in the data, all in the words, or refused. */
TEST_F(hostile, mapping_out_of_range)
{
	size_t end = (size_t)self->arena.ctl_offset + self->arena.ctl_size;
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t r = kt_random(&self->rng);
		size_t off = (r >> 20) % (2 * end) & -KT_PAGE;
		size_t len = KT_PAGE * (1 + r % 1024);
		bool data = off + len <= self->arena.size;
		bool words = off >= (size_t)self->arena.ctl_offset &&
			     off + len <= end;
		void *p;

		if (r >> 60 == 0)
			off = (r << 12) & INT64_MAX & -KT_PAGE;
		p = kt_map(self->arena.fd, len, (off_t)off);
		if (p != MAP_FAILED)
			munmap(p, len);
		wrong += p != MAP_FAILED && r >> 60 && !data && !words;
		wrong += p == MAP_FAILED && r >> 60 && (data || words);
	}
	EXPECT_EQ(0, wrong);
}

/* Words full of garbage are busy: nothing is taken. */
TEST_F(hostile, words_full_of_garbage)
{
	struct kt_arena *a = &self->arena;
	struct tmem_arena_purge out;

	for (int i = 0; i < ROUNDS; i++) {
		for (size_t s = 0; s < a->spans; s++)
			kt_word_set(a, s,
				    (uint32_t)kt_random(&self->rng) &
					    ~TMEM_SPAN_IDLE);
		ASSERT_EQ(0, kt_purge(a, 0, a->spans, &out));
		ASSERT_EQ(0U, out.purged);
		ASSERT_EQ(a->spans, out.busy);
	}
}

TEST_HARNESS_MAIN
