// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena is shared by handing its descriptor to another process
 * over a UNIX socket: both map the same memory and the same words, and it
 * lives on when the process that made it is gone.
 */
#include "tmem_test_mem.h"

#include <sys/socket.h>

#define SPANS ((size_t)4)
#define SIZE (SPANS * KT_SPAN)
#define SEED 2026

FIXTURE(fdpass)
{
	int dev;
	uint64_t free_before;
	int sock[2];
};

FIXTURE_SETUP(fdpass)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				self->sock));
}

FIXTURE_TEARDOWN(fdpass)
{
	close(self->sock[0]);
	close(self->sock[1]);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* What the receiver must know besides the descriptor. */
struct letter {
	size_t size;
	off_t ctl_offset;
	size_t ctl_size;
};

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_arena(int sock, const struct kt_arena *a)
{
	struct letter letter = { a->size, a->ctl_offset, a->ctl_size };
	struct iovec iov = { &letter, sizeof(letter) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &a->fd, sizeof(int));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

static int receive_arena(int sock, struct kt_arena *a)
{
	struct letter letter;
	struct iovec iov = { &letter, sizeof(letter) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;

	memset(a, 0, sizeof(*a));
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(letter))
		return -EIO;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&a->fd, CMSG_DATA(c), sizeof(int));
	a->size = letter.size;
	a->spans = a->size / KT_SPAN;
	a->ctl_offset = letter.ctl_offset;
	a->ctl_size = letter.ctl_size;
	return kt_arena_map(a);
}

static bool say(int sock)
{
	return write(sock, "x", 1) == 1;
}

static bool hear(int sock)
{
	char c;

	return read(sock, &c, 1) == 1;
}

/* The child makes the arena, writes, listens, and exits. */
static int sender(int dev, int sock)
{
	struct kt_arena a;

	if (kt_arena_init(&a, dev, SIZE, TMEM_POLICY_INTERLEAVE, 0))
		return 1;
	kt_fill(a.data, SIZE, SEED);
	kt_word_set(&a, 1, 1234);
	if (send_arena(sock, &a) || !hear(sock))
		return 2;
	/* What the receiver has written meanwhile. */
	if (kt_bad(kt_span(&a, 2), KT_SPAN, SEED + 1) || kt_word(&a, 3) != 4321)
		return 3;
	kt_fill(kt_span(&a, 3), KT_SPAN, SEED + 2);
	return say(sock) ? 0 : 4;
}

TEST_F(fdpass, both_see_the_same)
{
	struct tmem_arena_purge out;
	struct kt_arena a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(sender(self->dev, self->sock[1]));
	ASSERT_EQ(0, receive_arena(self->sock[0], &a));
	EXPECT_EQ(0U, kt_bad(a.data, SIZE, SEED));
	EXPECT_EQ(1234U, kt_word(&a, 1));
	EXPECT_EQ(SIZE, kt_pmd_mapped(a.data, SIZE));
	kt_fill(kt_span(&a, 2), KT_SPAN, SEED + 1);
	kt_word_set(&a, 3, 4321);
	EXPECT_TRUE(say(self->sock[0]));
	EXPECT_TRUE(hear(self->sock[0]));
	EXPECT_EQ(0U, kt_bad(kt_span(&a, 3), KT_SPAN, SEED + 2));
	EXPECT_EQ(0, kt_wait(pid));

	/* Its maker is gone; the arena is as it was, and works. */
	EXPECT_EQ(1U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_bad(a.data, 2 * KT_SPAN, SEED));
	EXPECT_EQ(SPANS, kt_stat(&a).fills);
	kt_idle(&a, 0);
	ASSERT_EQ(0, kt_purge(&a, 0, 1, &out));
	EXPECT_EQ(1U, out.purged);
	EXPECT_EQ(0U, kt_nonzero(a.data, KT_SPAN));
	kt_arena_fini(&a);
}

/* In the socket's buffer and nowhere else. */
TEST_F(fdpass, nobody_has_it_but_the_socket)
{
	struct kt_arena a, b;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, SIZE, 0, 0));
	kt_fill(a.data, SIZE, SEED);
	ASSERT_EQ(0, send_arena(self->sock[0], &a));
	kt_arena_fini(&a);
	EXPECT_EQ(1U, kt_arenas(self->dev));
	ASSERT_EQ(0, receive_arena(self->sock[1], &b));
	EXPECT_EQ(0U, kt_bad(b.data, SIZE, SEED));
	kt_arena_fini(&b);
}

TEST_F(fdpass, never_received)
{
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, SIZE, 0, 0));
	kt_fill(a.data, SIZE, SEED);
	ASSERT_EQ(0, send_arena(self->sock[0], &a));
	kt_arena_fini(&a);
	/* The teardown closes the socket and finds that all is gone. */
}

/* The device itself handed over: a process without rights may use it then. */
TEST_F(fdpass, without_rights)
{
	struct kt_arena a;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (open(KT_DEVICE, O_RDWR) >= 0)
			_exit(2);
		if (kt_arena_init(&a, self->dev, SIZE, 0, 0))
			_exit(3);
		kt_fill(a.data, SIZE, SEED);
		_exit(kt_bad(a.data, SIZE, SEED) ? 4 : 0);
	}
	EXPECT_EQ(0, kt_wait(pid));
}

TEST_HARNESS_MAIN
