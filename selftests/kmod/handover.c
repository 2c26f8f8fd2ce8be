// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena lives as long as a process can reach it, and not longer,
 * however it is handed on: in a chain of processes each of which dies when it
 * has passed the descriptor on; and lost in sockets that hold only each other.
 * Spans are recalled all the time.
 */
#include "tmem_test_recall.h"

#include <sys/socket.h>

#define SPANS ((size_t)16)
#define CHAINS 4
#define LINKS 8 /* processes in a chain */

FIXTURE(handover)
{
	int dev;
	uint64_t free_before;
	struct kt_recall before;
	pid_t recaller;
};

FIXTURE_SETUP(handover)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->before = kt_recall();
	ASSERT_EQ(0U, kt_arenas(self->dev));
	self->recaller = kt_recaller();
	ASSERT_LE(0, self->recaller);
}

FIXTURE_TEARDOWN(handover)
{
	kill(self->recaller, SIGKILL);
	kt_wait(self->recaller);
	kt_recall_since(&self->before);
	EXPECT_TRUE(kt_all_gone(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* Descriptors over a socket, at most two. */
union control {
	char buf[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

static int send_fds(int sock, const int *fds, size_t n,
		    const struct kt_arena *a)
{
	struct iovec iov = { (void *)(uintptr_t)a, sizeof(*a) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

static int receive_arena(int sock, struct kt_arena *a)
{
	struct iovec iov = { a, sizeof(*a) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(*a))
		return -EIO;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&a->fd, CMSG_DATA(c), sizeof(int));
	return kt_arena_map(a);
}

/*
 * A link: takes the arena from the link before, which is gone or about to go,
 * looks at it, changes it, hands it on and dies.  Span 0 stays busy, the others
 * are idle.
 */
static int link_of_chain(int dev, const int *sock, uint64_t n)
{
	struct kt_arena a;

	if (!n) {
		if (kt_arena_init(&a, dev, SPANS * KT_SPAN,
				  TMEM_POLICY_INTERLEAVE, 0))
			return 1;
	} else {
		if (receive_arena(sock[0], &a))
			return 2;
		if (kt_bad(a.data, KT_SPAN, n - 1))
			return 3;
		for (size_t i = 1; i < SPANS; i++) {
			uint32_t word = TMEM_SPAN_PURGED;

			/* Purged: zeroes.  Else: what was there. */
			if (__atomic_compare_exchange_n(
				    &a.ctl[i], &word, TMEM_SPAN_BUSY, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
				continue;
			if (__atomic_compare_exchange_n(
				    &a.ctl[i], &word, TMEM_SPAN_BUSY, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE) &&
			    kt_bad(kt_span(&a, i), KT_SPAN, n - 1 + i))
				return 4;
		}
	}
	kt_fill(a.data, KT_SPAN, n);
	for (size_t i = 1; i < SPANS; i++) {
		kt_word_set(&a, i, TMEM_SPAN_BUSY);
		kt_fill(kt_span(&a, i), KT_SPAN, n + i);
		kt_idle(&a, i);
	}
	return send_fds(sock[1], &a.fd, 1, &a) ? 5 : 0;
}

TEST_F(handover, chains)
{
	int sock[CHAINS][2];
	pid_t pid[CHAINS];
	struct kt_arena a;

	for (size_t c = 0; c < CHAINS; c++)
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock[c]));
	for (uint64_t n = 0; n < LINKS; n++) {
		for (size_t c = 0; c < CHAINS; c++) {
			pid[c] = kt_fork();
			ASSERT_LE(0, pid[c]);
			if (!pid[c])
				_exit(link_of_chain(self->dev, sock[c], n));
		}
		for (size_t c = 0; c < CHAINS; c++) {
			EXPECT_EQ(0, kt_wait(pid[c]));
		}
		EXPECT_EQ(CHAINS, kt_arenas(self->dev));
	}
	ASSERT_EQ(0, receive_arena(sock[0][0], &a));
	EXPECT_EQ(0U, kt_bad(a.data, KT_SPAN, LINKS - 1));
	kt_arena_fini(&a);
	/* The others have never been received. */
	for (size_t c = 0; c < CHAINS; c++) {
		close(sock[c][0]);
		close(sock[c][1]);
	}
	EXPECT_TRUE(kt_all_gone(self->dev));
}

/* The last close of a socket makes the kernel look for lost ones. */
static void close_a_socket(void)
{
	int sock[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock))
		return;
	close(sock[0]);
	close(sock[1]);
}

/*
 * Sockets that hold each other and an arena, and that no process holds: the
 * kernel finds that out at some time, and releases the arena from there.
 */
TEST_F(handover, lost_in_sockets)
{
	for (int round = 0; round < 10; round++) {
		struct kt_arena a;
		int sock[2], fds[2];

		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
		ASSERT_EQ(0, kt_arena_init(&a, self->dev, 4 * KT_SPAN, 0, 0));
		kt_fill(a.data, a.size, 6);
		kt_idle(&a, 1);
		fds[0] = a.fd;
		fds[1] = sock[1];
		ASSERT_EQ(0, send_fds(sock[0], fds, 2, &a));
		fds[1] = sock[0];
		ASSERT_EQ(0, send_fds(sock[1], fds, 2, &a));
		kt_arena_fini(&a);
		close(sock[0]);
		close(sock[1]);
	}
	EXPECT_TRUE(PACE_UNTIL((close_a_socket(), !kt_arenas(self->dev))));
}

TEST_HARNESS_MAIN
