// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that TMEM_IOC_QUERY tells the truth, and the rules that hold for
 * every structure of the interface: a structure may grow but not shrink,
 * unknown flags and numbers are refused, a bad pointer is EFAULT, and each
 * ioctl works on its own kind of descriptor only.
 */
#include "tmem_test_mem.h"

#define MAX_IOC_SIZE 16383U /* 14 bits in the ioctl number */

static unsigned long resize(unsigned long cmd, size_t size)
{
	return (cmd & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) |
	       ((unsigned long)size << _IOC_SIZESHIFT);
}

/*
 * The ioctls that work with an all-zero structure, and ARENA_CREATE.  Those of
 * triggers are in trigger.c.  The least size is that of the first version.
 */
static const struct call {
	const char *name;
	unsigned long cmd;
	bool on_arena;
	size_t flags_at;
	size_t least;
} calls[] = {
	{ "QUERY", TMEM_IOC_QUERY, false, offsetof(struct tmem_query, flags),
	  TMEM_QUERY_SIZE_VER0 },
	{ "ARENA_CREATE", TMEM_IOC_ARENA_CREATE, false,
	  offsetof(struct tmem_arena_create, flags),
	  sizeof(struct tmem_arena_create) },
	{ "ARENA_STAT", TMEM_IOC_ARENA_STAT, true,
	  offsetof(struct tmem_arena_stat, flags), TMEM_ARENA_STAT_SIZE_VER0 },
	{ "ARENA_NODE_STAT", TMEM_IOC_ARENA_NODE_STAT, true,
	  offsetof(struct tmem_arena_node_stat, flags),
	  sizeof(struct tmem_arena_node_stat) },
	{ "ARENA_PURGE", TMEM_IOC_ARENA_PURGE, true,
	  offsetof(struct tmem_arena_purge, flags),
	  sizeof(struct tmem_arena_purge) },
	{ "ARENA_POPULATE", TMEM_IOC_ARENA_POPULATE, true,
	  offsetof(struct tmem_arena_populate, flags),
	  sizeof(struct tmem_arena_populate) },
};

FIXTURE(query)
{
	int dev;
	struct kt_arena arena;
	unsigned char *buf; /* large enough for any structure, all zero */
};

FIXTURE_SETUP(query)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_arena_init(&self->arena, self->dev, 2 * KT_SPAN,
				   TMEM_POLICY_LOCAL, 0));
	self->buf = calloc(1, MAX_IOC_SIZE + 1);
	ASSERT_TRUE(self->buf != NULL);
}

FIXTURE_TEARDOWN(query)
{
	free(self->buf);
	kt_arena_fini(&self->arena);
	close(self->dev);
}

/* A structure that the call takes, in buf; the call is made right by it. */
static int prepare(const struct call *c, struct kt_arena *a, int dev,
		   unsigned char *buf)
{
	struct tmem_arena_create req = kt_request(KT_SPAN, 0, 0);

	memset(buf, 0, MAX_IOC_SIZE);
	if (c->cmd == TMEM_IOC_ARENA_CREATE)
		memcpy(buf, &req, sizeof(req));
	return c->on_arena ? a->fd : dev;
}

/* Undoes what a call that worked has made. */
static void dispose(const struct call *c, const unsigned char *buf)
{
	struct tmem_arena_create req;

	if (c->cmd != TMEM_IOC_ARENA_CREATE)
		return;
	memcpy(&req, buf, sizeof(req));
	close(req.fd);
}

TEST_F(query, values)
{
	uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * KT_PAGE;
	struct tmem_query q = { 0 };

	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &q));
	EXPECT_EQ((unsigned int)TMEM_ABI_VERSION, q.abi_version);
	EXPECT_NE(0U, q.module_version);
	EXPECT_EQ((unsigned int)TMEM_SPAN_SHIFT, q.span_shift);
	EXPECT_TRUE((q.features & TMEM_FEATURE_CTL) != 0);
	EXPECT_TRUE((q.features & TMEM_FEATURE_PURGE) != 0);
	EXPECT_EQ(0U, q.flags);
	EXPECT_EQ(1U, q.arenas);
	/* Memory that the kernel took at boot may or may not be counted. */
	EXPECT_LT(total / 2, q.max_arena_size);
	EXPECT_GT(total * 2, q.max_arena_size);
	EXPECT_EQ(kt_nodes(), q.nodes[0]);
	for (int i = 1; i < TMEM_NODE_WORDS; i++) {
		EXPECT_EQ(0U, q.nodes[i]);
	}
}

TEST_F(query, shorter_structure_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int fd = prepare(c, &self->arena, self->dev, self->buf);
		size_t least = c->least;
		const size_t sizes[] = { least - 1, least - 8, 8, 4, 1 };
		unsigned long cmd;

		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			cmd = resize(c->cmd, sizes[s]);
			EXPECT_EQ(-EINVAL, kt_ioctl(fd, cmd, self->buf))
			{
				TH_LOG("%s, %zu bytes", c->name, sizes[s]);
			}
		}
	}
}

TEST_F(query, longer_structure_with_zero_tail_works)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		size_t full = _IOC_SIZE(c->cmd);
		const size_t sizes[] = { full + 1, full + 8, MAX_IOC_SIZE };
		unsigned long cmd;

		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			int fd = prepare(c, &self->arena, self->dev, self->buf);

			cmd = resize(c->cmd, sizes[s]);
			ASSERT_EQ(0, kt_ioctl(fd, cmd, self->buf))
			{
				TH_LOG("%s, %zu bytes", c->name, sizes[s]);
			}
			dispose(c, self->buf);
			for (size_t b = full; b < MAX_IOC_SIZE; b++) {
				ASSERT_EQ(0, self->buf[b]);
			}
		}
	}
}

TEST_F(query, longer_structure_with_other_tail_is_refused)
{
	uint64_t arenas = kt_arenas(self->dev);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int fd = prepare(c, &self->arena, self->dev, self->buf);
		const size_t at[] = { _IOC_SIZE(c->cmd), MAX_IOC_SIZE - 1 };
		unsigned long cmd = resize(c->cmd, MAX_IOC_SIZE);

		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			self->buf[at[k]] = 1;
			EXPECT_EQ(-E2BIG, kt_ioctl(fd, cmd, self->buf))
			{
				TH_LOG("%s, byte %zu", c->name, at[k]);
			}
			self->buf[at[k]] = 0;
		}
	}
	EXPECT_EQ(arenas, kt_arenas(self->dev));
}

TEST_F(query, nothing_is_written_past_the_structure)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int fd = prepare(c, &self->arena, self->dev, self->buf);
		size_t full = _IOC_SIZE(c->cmd);

		memset(self->buf + full, 0xa5, 64);
		ASSERT_EQ(0, kt_ioctl(fd, c->cmd, self->buf));
		dispose(c, self->buf);
		for (size_t b = 0; b < 64; b++) {
			EXPECT_EQ(0xa5, self->buf[full + b]);
		}
	}
}

TEST_F(query, unknown_flags_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];

		for (int bit = 0; bit < 32; bit++) {
			int fd = prepare(c, &self->arena, self->dev, self->buf);
			uint32_t flags = 1U << bit;

			memcpy(self->buf + c->flags_at, &flags, sizeof(flags));
			EXPECT_EQ(-EINVAL, kt_ioctl(fd, c->cmd, self->buf))
			{
				TH_LOG("%s, bit %d", c->name, bit);
			}
		}
	}
}

TEST_F(query, unknown_numbers_are_refused)
{
	unsigned long cmd;
	int want, arena_fd = self->arena.fd;

	for (unsigned int nr = 0; nr < 256; nr++) {
		cmd = _IOC(_IOC_READ | _IOC_WRITE, TMEM_IOC_MAGIC, nr, 64);
		if (nr > _IOC_NR(TMEM_IOC_TRIGGER_REMOVE)) {
			EXPECT_EQ(-ENOTTY, kt_ioctl(self->dev, cmd, self->buf))
			{
				TH_LOG("number %u on the device", nr);
			}
		}
		want = nr >= _IOC_NR(TMEM_IOC_ARENA_STAT) &&
		       nr <= _IOC_NR(TMEM_IOC_ARENA_POPULATE);
		if (!want) {
			EXPECT_EQ(-ENOTTY, kt_ioctl(arena_fd, cmd, self->buf))
			{
				TH_LOG("number %u on an arena", nr);
			}
		}
	}
	cmd = _IOWR(0xBD, 0x00, struct tmem_query);
	EXPECT_EQ(-ENOTTY, kt_ioctl(self->dev, cmd, self->buf));
	cmd = _IOWR(0xBD, 0x20, struct tmem_arena_stat);
	EXPECT_EQ(-ENOTTY, kt_ioctl(arena_fd, cmd, self->buf));
}

TEST_F(query, each_call_has_its_own_descriptor)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int wrong = c->on_arena ? self->dev : self->arena.fd;

		prepare(c, &self->arena, self->dev, self->buf);
		EXPECT_EQ(-ENOTTY, kt_ioctl(wrong, c->cmd, self->buf))
		{
			TH_LOG("%s", c->name);
		}
	}
}

TEST_F(query, bad_pointers)
{
	unsigned char *page = mmap(NULL, 2 * KT_PAGE, KT_RW,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t arenas = kt_arenas(self->dev);
	int next = kt_next_fd(self->dev);

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, mprotect(page + KT_PAGE, KT_PAGE, PROT_NONE));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int fd = prepare(c, &self->arena, self->dev, self->buf);
		void *bad[] = {
			NULL,
			page + KT_PAGE, /* not readable */
			page + KT_PAGE - 8, /* the end is not */
			(void *)-KT_SPAN, /* the kernel's */
			(void *)(UINTPTR_MAX / 2 + 1), /* nobody's */
		};

		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			EXPECT_EQ(-EFAULT, kt_ioctl(fd, c->cmd, bad[k]))
			{
				TH_LOG("%s, pointer %p", c->name, bad[k]);
			}
		}
	}
	EXPECT_EQ(arenas, kt_arenas(self->dev));
	EXPECT_EQ(next, kt_next_fd(self->dev));
	munmap(page, 2 * KT_PAGE);
}

/* The request can be read but the answer cannot be written. */
TEST_F(query, answer_that_cannot_be_written_leaves_nothing)
{
	unsigned char *page =
		mmap(NULL, KT_PAGE, KT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t arenas = kt_arenas(self->dev);
	int next = kt_next_fd(self->dev);

	ASSERT_NE(MAP_FAILED, (void *)page);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		int fd = prepare(c, &self->arena, self->dev, self->buf);

		mprotect(page, KT_PAGE, KT_RW);
		memcpy(page, self->buf, _IOC_SIZE(c->cmd));
		mprotect(page, KT_PAGE, PROT_READ);
		EXPECT_EQ(-EFAULT, kt_ioctl(fd, c->cmd, page))
		{
			TH_LOG("%s", c->name);
		}
	}
	EXPECT_EQ(arenas, kt_arenas(self->dev));
	EXPECT_EQ(next, kt_next_fd(self->dev));
	munmap(page, KT_PAGE);
}

TEST_F(query, node_stat_of_a_node_that_cannot_be)
{
	const uint32_t bad[] = { TMEM_MAX_NODES, INT32_MAX, UINT32_MAX, 63 };
	uint64_t possible = kt_list_mask(KT_NODE_DIR "/possible");

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tmem_arena_node_stat st = { .node = bad[i] };

		if (bad[i] == 63 && possible >> 63)
			continue;
		EXPECT_EQ(-EINVAL, kt_ioctl(self->arena.fd,
					    TMEM_IOC_ARENA_NODE_STAT, &st))
		{
			TH_LOG("node %u", bad[i]);
		}
	}
}

#ifdef __x86_64__
/* The call as a 32-bit program makes it, without being one. */
static long ioctl32(int fd, unsigned long cmd, void *arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(54L), "b"((long)fd), "c"(cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

TEST_F(query, from_32_bit_programs)
{
	struct tmem_query *q = mmap(NULL, KT_PAGE, KT_RW,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
				    0);
	pid_t pid;
	int status;

	ASSERT_NE(MAP_FAILED, (void *)q);
	pid = fork(); /* no 32-bit entry: the child dies of SIGSEGV */
	if (!pid)
		_exit(ioctl32(-1, 0, NULL) == -EBADF ? 0 : 1);
	status = kt_wait(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		SKIP(return, "this kernel runs no 32-bit programs");

	EXPECT_EQ(0, ioctl32(self->dev, TMEM_IOC_QUERY, q));
	EXPECT_EQ((unsigned int)TMEM_ABI_VERSION, q->abi_version);
	EXPECT_EQ(kt_nodes(), q->nodes[0]);
	memset(q, 0, sizeof(*q));
	EXPECT_EQ(0, ioctl32(self->arena.fd, TMEM_IOC_ARENA_STAT, q));
	EXPECT_EQ(2 * KT_SPAN, ((struct tmem_arena_stat *)q)->size);
	munmap(q, KT_PAGE);
}
#endif

TEST_HARNESS_MAIN
