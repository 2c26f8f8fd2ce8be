// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a tensor with a file of its own is the same memory in another
 * process that got its descriptor over a socket, views and all, on either
 * backend; that it stays when its maker is gone; that an attached tensor can be
 * made read-only; and that nothing a peer can say about a tensor makes us look
 * beyond the file, or accept one that could be cut off.
 */
#include "tensor_test.h"

#include <fcntl.h>
#include <sys/socket.h>

static bool share_send(int socket, const struct tmem_tensor_share *share)
{
	struct tmem_tensor_share copy = *share;
	struct iovec part = { &copy, sizeof(copy) };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &share->fd, sizeof(int));
	return sendmsg(socket, &message, 0) == sizeof(copy);
}

static bool share_receive(int socket, struct tmem_tensor_share *share)
{
	struct iovec part = { share, sizeof(*share) };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof(*share))
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(&share->fd, CMSG_DATA(c), sizeof(int));
	return true;
}

/* The other process: 40 x 30 of int32, every other row from the last on. */
static int peer(void *arg)
{
	struct tmem_tensor_share share;
	struct tmem_tensor *t;
	int *pair = arg;
	char go = 1;

	close(pair[0]);
	if (!share_receive(pair[1], &share))
		return 1;
	t = tmem_tensor_attach(&share, 0);
	close(share.fd);
	if (!t || tmem_tensor_ndim(t) != 2 || tmem_tensor_shape(t)[0] != 20 ||
	    tmem_tensor_strides(t)[0] != -60)
		return 2;
	if (tt_i32(t, 0) != 39 * 30 || tt_i32(t, 31) != 37 * 30 + 1)
		return 3;
	*(int32_t *)tmem_tensor_write(t) = 1234;
	if (write(pair[1], &go, 1) != 1 || read(pair[1], &go, 1) != 1)
		return 4;
	/* Its maker has let it go. */
	if (tt_i32(t, 0) != 1234 || tt_i32(t, 1) != 4321)
		return 5;
	tmem_tensor_unref(t);
	return tt_stats().tensors ? 6 : 42;
}

TEST(the_same_memory_in_another_process)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	int pair[2], status;
	struct tmem_tensor *t, *view;
	int32_t *data, i;
	char go;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	fflush(stdout);
	/* Before anything is set up: a process of its own. */
	pid = fork();
	if (!pid) {
		pace_end_if_hung();
		_exit(peer(pair));
	}
	close(pair[1]);
	t = tmem_tensor_new_shared(TMEM_I32, 2, SHAPE(40, 30), 0);
	ASSERT_NE(NULL, t);
	data = tmem_tensor_write(t);
	EXPECT_TRUE(lt_zero(data, 40 * 30 * 4));
	for (i = 0; i < 40 * 30; i++)
		data[i] = i;
	view = tmem_tensor_slice(t, 0, 39, 20, -2);
	ASSERT_EQ(0, tmem_tensor_share(view, &share));
	EXPECT_EQ(39U * 30 * 4, share.offset);
	ASSERT_TRUE(share_send(pair[0], &share));
	ASSERT_EQ(1, read(pair[0], &go, 1));
	EXPECT_EQ(1234, data[39 * 30]);
	data[39 * 30 + 1] = 4321;
	tmem_tensor_unref(t);
	tmem_tensor_unref(view);
	EXPECT_EQ(0U, tt_stats().storages);
	ASSERT_EQ(1, write(pair[0], &go, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(42, WEXITSTATUS(status));
	EXPECT_TRUE(LT_EXITED(status, 42));
}

TEST(pool_memory_is_not_shared)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	struct tmem_tensor *t = tt_range(1, SHAPE(4));

	EXPECT_EQ(-ENOTSUP, tmem_tensor_share(t, &share));
	EXPECT_EQ(-EINVAL, tmem_tensor_share(NULL, &share));
	tmem_tensor_unref(t);
	t = tmem_tensor_new_shared(TMEM_I32, 2, SHAPE(0, 5), TMEM_TENSOR_ZERO);
	ASSERT_NE(NULL, t);
	share.struct_size = 1;
	EXPECT_EQ(-EINVAL, tmem_tensor_share(t, &share));
	tmem_tensor_unref(t);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_new_shared(TMEM_I32, 1, SHAPE(-1), 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL,
		  tmem_tensor_new_shared((enum tmem_dtype)0, 1, SHAPE(1), 0));
	EXPECT_EQ(NULL, tmem_tensor_new_shared(TMEM_I32, 1, SHAPE(1), 64));
	errno = 0;
	EXPECT_EQ(NULL,
		  tmem_tensor_new_shared(TMEM_I32, 1, SHAPE(INT64_MAX), 0));
	EXPECT_EQ(EOVERFLOW, errno);
	EXPECT_EQ(NULL,
		  tmem_tensor_new_shared(TMEM_U8, 1, SHAPE(INT64_MAX), 0));
	EXPECT_TRUE(tt_none_left());
}

TEST(attached_read_only)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	struct tmem_tensor *t, *reader, *copy;

	t = tmem_tensor_new_shared(TMEM_I32, 1, SHAPE(1000), 0);
	ASSERT_EQ(0, tmem_tensor_share(t, &share));
	reader = tmem_tensor_attach(&share, TMEM_TENSOR_READONLY);
	ASSERT_NE(NULL, reader);
	EXPECT_TRUE(tmem_tensor_is_readonly(reader));
	EXPECT_EQ(NULL, tmem_tensor_write(reader));
	EXPECT_TRUE(lt_no_access((void *)tmem_tensor_data(reader)));
	((int32_t *)tmem_tensor_write(t))[999] = 7;
	EXPECT_EQ(7, tt_i32(reader, 999));
	/* Others write to it at will, so a lazy copy is a copy. */
	copy = tmem_tensor_lazy_copy(reader);
	((int32_t *)tmem_tensor_write(t))[999] = 8;
	EXPECT_EQ(7, tt_i32(copy, 999));
	EXPECT_EQ(8, tt_i32(reader, 999));
	tmem_tensor_unref(copy);
	tmem_tensor_unref(t);
	tmem_tensor_unref(reader);
	EXPECT_TRUE(tt_none_left());
}

#define REFUSED(err, flags)                                     \
	do {                                                    \
		errno = 0;                                      \
		EXPECT_EQ(NULL, tmem_tensor_attach(&s, flags)); \
		EXPECT_EQ(err, errno);                          \
		s = share;                                      \
	} while (0)

TEST(nothing_a_peer_says_is_trusted)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT, s;
	struct tmem_tensor *t =
		tmem_tensor_new_shared(TMEM_I32, 2, SHAPE(8, 8), 0);
	size_t end = lt_backend() == TMEM_BACKEND_DEV ? LT_SPAN : 4096;
	int fd;

	ASSERT_EQ(0, tmem_tensor_share(t, &share));
	s = share;
	s.struct_size = 3;
	REFUSED(EINVAL, 0);
	REFUSED(EINVAL, TMEM_TENSOR_COPY);
	s.dtype = 0;
	REFUSED(EINVAL, 0);
	s.dtype = UINT32_MAX;
	REFUSED(EINVAL, 0);
	s.ndim = UINT32_MAX;
	REFUSED(EINVAL, 0);
	s.ndim = TMEM_TENSOR_DIMS + 1;
	REFUSED(EINVAL, 0);
	s.shape[1] = -1;
	REFUSED(EINVAL, 0);
	s.offset = 3;
	REFUSED(EINVAL, 0);
	s.offset = UINT64_MAX - 3;
	REFUSED(EINVAL, 0);
	s.shape[0] = INT64_MAX / 8;
	REFUSED(EOVERFLOW, 0);
	s.strides[0] = INT64_MAX;
	REFUSED(EOVERFLOW, 0);
	s.strides[0] = -8;
	REFUSED(ERANGE, 0);
	s.offset = end - 63 * 4;
	REFUSED(ERANGE, 0);
	s.offset = end;
	REFUSED(ERANGE, 0);
	s.offset = INT64_MAX - 3;
	REFUSED(ERANGE, 0);
	s.shape[0] = (int64_t)end;
	REFUSED(ERANGE, 0);
	s.fd = -1;
	REFUSED(EBADF, 0);
	s.fd = open("/dev/null", O_RDWR);
	fd = s.fd;
	REFUSED(EINVAL, 0);
	close(fd);
	/* A memfd that can be cut off. */
	s.fd = memfd_create("unsealed", MFD_ALLOW_SEALING);
	fd = s.fd;
	ASSERT_EQ(0, ftruncate(fd, 4096));
	REFUSED(EINVAL, 0);
	close(fd);
	EXPECT_EQ(NULL, tmem_tensor_attach(NULL, 0));
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(the_edges_of_a_file)
{
	size_t end = lt_backend() == TMEM_BACKEND_DEV ? LT_SPAN : 4096;
	struct tmem_tensor_share s = TMEM_TENSOR_SHARE_INIT;
	struct tmem_tensor *t =
		tmem_tensor_new_shared(TMEM_I32, 2, SHAPE(8, 8), 0);
	struct tmem_tensor *last;

	ASSERT_EQ(0, tmem_tensor_share(t, &s));
	s.offset = end - 64 * 4;
	last = tmem_tensor_attach(&s, 0);
	ASSERT_NE(NULL, last);
	EXPECT_EQ(0, tt_i32(last, 63));
	tmem_tensor_unref(last);
	s.offset = end - 4;
	s.strides[0] = -8;
	s.strides[1] = -1;
	last = tmem_tensor_attach(&s, 0);
	ASSERT_NE(NULL, last);
	EXPECT_EQ(0, tt_i32(last, 63));
	tmem_tensor_unref(last);
	s.shape[1] = 0;
	s.strides[0] = INT64_MAX;
	last = tmem_tensor_attach(&s, 0);
	ASSERT_NE(NULL, last);
	tmem_tensor_unref(last);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

static int child_writes(void *arg)
{
	*(int32_t *)tmem_tensor_write(arg) = 55;
	tmem_tensor_unref(arg);
	return 42;
}

TEST(shared_with_a_child)
{
	struct tmem_tensor *t =
		tmem_tensor_new_shared(TMEM_I32, 1, SHAPE(10), 0);

	ASSERT_NE(NULL, t);
	EXPECT_TRUE(LT_EXITED(lt_child(child_writes, t), 42));
	EXPECT_EQ(55, tt_i32(t, 0));
	((int32_t *)tmem_tensor_write(t))[1] = 56;
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST_HARNESS_MAIN
