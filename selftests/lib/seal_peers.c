// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that processes share contents through a store's descriptor, received
 * over a UNIX socket or inherited, and that one which dies takes nothing with
 * it: killed while it has views, while it holds the lock, while it fills
 * contents, or gone by exec.  The child of a fork has references of its own.
 */
#include "seal_test.h"

#include "seal/index.h"
#include "seal/lock.h"
#include "seal/peer.h"
#include "seal/store.h"

#define SIZE (3 * LT_MIB + 777)

FIXTURE(peers)
{
	struct tmem_store *store;
	int to[2]; /* a socket: ours, the child's */
};

FIXTURE_SETUP(peers)
{
	ASSERT_EQ(0, lt_init());
	self->store = seal_store(128 * LT_MIB, 64);
	ASSERT_NE(NULL, self->store);
	ASSERT_EQ(0,
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->to));
}

FIXTURE_TEARDOWN(peers)
{
	struct tmem_store_stats stats = seal_stats(self->store);

	EXPECT_EQ(0U, stats.contents);
	EXPECT_EQ(0U, stats.views);
	EXPECT_EQ(1U, stats.peers);
	tmem_store_close(self->store);
	tmem_seal_time_replace(NULL);
}

static bool send_fd(int to, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec io = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &msg, 0) == 1;
}

static int receive_fd(int from)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	int fd = -1;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static bool say(int to, char what)
{
	return write(to, &what, 1) == 1;
}

static char hear(int from)
{
	char what;

	return read(from, &what, 1) == 1 ? what : '\0';
}

/* A child that goes its own way until it is waited for. */
static pid_t start(void (*fn)(int socket, void *arg), int *to, void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pace_end_if_hung();
		close(to[0]);
		fn(to[1], arg);
		_exit(0);
	}
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/*
 * A stranger: it does not use what it inherited.  Seals, and says whether the
 * contents are right; then it waits to be told to end.
 */
static void stranger(int socket, void *arg)
{
	int fd = receive_fd(socket);
	struct tmem_store *store;
	char *view;

	(void)arg;
	if (fd < 0 || tmem_store_open(fd, &store))
		_exit(1);
	close(fd);
	view = seal_view(store, SIZE, 1, 0);
	if (!view || !seal_kept(view, SIZE, 1))
		_exit(2);
	say(socket, 'y');
	hear(socket);
	if (!seal_kept(view, SIZE, 1))
		_exit(3);
	tmem_unseal(view);
	tmem_store_close(store);
}

TEST_F(peers, share_over_a_socket)
{
	pid_t pid = start(stranger, self->to, NULL);
	struct tmem_store_stats stats;
	char *view;

	ASSERT_LT(0, pid);
	ASSERT_TRUE(send_fd(self->to[0], tmem_store_fd(self->store)));
	ASSERT_EQ('y', hear(self->to[0]));
	view = seal_view(self->store, SIZE, 1, 0);
	ASSERT_NE(NULL, view);
	stats = seal_stats(self->store);
	EXPECT_EQ(1U, stats.contents);
	EXPECT_EQ(2U, stats.views);
	EXPECT_EQ(2U, stats.peers);
	EXPECT_EQ(1U, stats.shared);
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_LE(seal_memory(self->store),
			  SIZE + LT_PAGE + 8 * LT_PAGE);
	/* Ours goes first, the other's stays. */
	EXPECT_EQ(0, tmem_unseal(view));
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	say(self->to[0], 'e');
	EXPECT_EQ(0, end_of(pid));
	EXPECT_EQ(0U, seal_stats(self->store).dead_peers);
}

TEST_F(peers, killed_with_views)
{
	pid_t pid = start(stranger, self->to, NULL);
	char *view;

	ASSERT_TRUE(send_fd(self->to[0], tmem_store_fd(self->store)));
	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(1U, seal_stats(self->store).views);
	kill(pid, SIGKILL);
	EXPECT_EQ(SIGKILL, end_of(pid)); /* as a wait status */
	view = seal_view(self->store, SIZE, 1, 0);
	ASSERT_NE(NULL, view);
	EXPECT_EQ(1U, seal_stats(self->store).views);
	EXPECT_EQ(1U, seal_stats(self->store).dead_peers);
	EXPECT_TRUE(seal_kept(view, SIZE, 1));
	EXPECT_EQ(0, tmem_unseal(view));
}

/* Not waited for: a zombie is as dead as it can be. */
TEST_F(peers, a_zombie_is_dead)
{
	pid_t pid = start(stranger, self->to, NULL);
	siginfo_t info;

	ASSERT_TRUE(send_fd(self->to[0], tmem_store_fd(self->store)));
	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_TRUE(tmem_peer_alive(&self->store->index, 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	EXPECT_FALSE(tmem_peer_alive(&self->store->index, 1));
	EXPECT_EQ(0U, seal_stats(self->store).views);
	EXPECT_EQ(1U, seal_stats(self->store).dead_peers);
	end_of(pid);
}

/* Dies with the lock in its hands, in the midst of a change. */
static void lock_and_die(int socket, void *arg)
{
	struct tmem_store *store = arg;
	char *view = seal_view(store, SIZE, 1, 0);

	if (!view || tmem_store_enter(store))
		_exit(1);
	atomic_store(&store->index.header->window_start, 12345);
	say(socket, 'y');
	pause();
}

TEST_F(peers, killed_with_the_lock)
{
	pid_t pid = start(lock_and_die, self->to, self->store);
	char *view;

	ASSERT_EQ('y', hear(self->to[0]));
	kill(pid, SIGKILL);
	end_of(pid);
	seal_time_stop();
	view = seal_view(self->store, SIZE, 2, 0);
	ASSERT_NE(NULL, view);
	EXPECT_LT(0U, seal_time.waited_ms);
	EXPECT_GE(100U, seal_time.waited_ms);
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	EXPECT_TRUE(seal_kept(view, SIZE, 2));
	EXPECT_EQ(0, tmem_unseal(view));
}

/* A live holder keeps the lock, even when it is in doubt (DOUBT_MS). */
static void lock_until_told(int socket, void *arg)
{
	struct tmem_store *store = arg;

	if (tmem_store_enter(store))
		_exit(1);
	say(socket, 'y');
	hear(socket);
	tmem_store_leave(store);
	tmem_store_close(store);
}

static int holder; /* our end of its socket */

static void end_its_hold(_Atomic(uint32_t) *word, uint32_t seen)
{
	if (seal_time.waited_ms < 5000 || holder < 0)
		return;
	say(holder, 'e');
	holder = -1;
	PACE_UNTIL(atomic_load(word) != seen);
}

TEST_F(peers, the_living_keep_the_lock)
{
	pid_t pid = start(lock_until_told, self->to, self->store);

	ASSERT_EQ('y', hear(self->to[0]));
	holder = self->to[0];
	seal_time_stop();
	seal_time.on_wait = end_its_hold;
	EXPECT_EQ(0U, seal_stats(self->store).views);
	EXPECT_LE(5000U, seal_time.waited_ms);
	EXPECT_GE(5100U, seal_time.waited_ms);
	EXPECT_EQ(0, end_of(pid));
	EXPECT_EQ(0U, seal_stats(self->store).dead_peers);
}

static void stop_with_lock(int socket, void *arg)
{
	if (tmem_store_enter(arg))
		_exit(1);
	say(socket, 'y');
	pause();
}

TEST_F(peers, stopped_with_the_lock)
{
	pid_t pid = start(stop_with_lock, self->to, self->store);
	char *block = seal_block(SIZE, 1);

	ASSERT_EQ('y', hear(self->to[0]));
	seal_time_stop();
	errno = 0;
	EXPECT_EQ(NULL, tmem_seal(self->store, block, SIZE, 0));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(10000U, seal_time.waited_ms);
	EXPECT_TRUE(lt_kept(block, SIZE, 1));
	tmem_free(block);
	kill(pid, SIGKILL);
	end_of(pid);
}

/* Contents whose filler dies while another process waits for them. */
static void fill_until_killed(int socket, void *arg)
{
	struct tmem_store *store = arg;
	struct tmem_content content;
	struct tmem_hash hash;
	char *block = seal_block(SIZE, 1);

	hash = tmem_hash_make(block, SIZE, store->index.seed);
	if (tmem_store_enter(store) ||
	    tmem_index_insert(&store->index, &hash, SIZE, &content))
		_exit(1);
	tmem_store_leave(store);
	say(socket, 'y');
	pause();
}

static pid_t filler;

static void kill_the_filler(_Atomic(uint32_t) *word, uint32_t seen)
{
	siginfo_t info;

	if (seal_time.waited_ms < 5000)
		return;
	kill(filler, SIGKILL);
	waitid(P_PID, (id_t)filler, &info, WEXITED | WNOWAIT);
}

TEST_F(peers, killed_while_filling)
{
	pid_t pid = start(fill_until_killed, self->to, self->store);
	char *view;

	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	filler = pid;
	seal_time_stop();
	seal_time.on_wait = kill_the_filler;
	view = seal_view(self->store, SIZE, 1, 0);
	ASSERT_NE(NULL, view);
	EXPECT_LE(5000U, seal_time.waited_ms);
	EXPECT_GE(5100U, seal_time.waited_ms);
	EXPECT_TRUE(seal_kept(view, SIZE, 1));
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	EXPECT_EQ(1U, seal_stats(self->store).views);
	EXPECT_EQ(0U, seal_stats(self->store).shared);
	EXPECT_EQ(SIGKILL, end_of(pid)); /* as a wait status */
	EXPECT_EQ(0, tmem_unseal(view));
}

/* Said to be filled by us, who do not: an earlier owner of the slot did. */
TEST_F(peers, a_fill_that_is_nobodys)
{
	struct tmem_index *index = &self->store->index;
	char *block = seal_block(SIZE, 1), *view;
	struct tmem_content content;
	struct tmem_hash hash;

	hash = tmem_hash_make(block, SIZE, index->seed);
	ASSERT_EQ(0, tmem_store_enter(self->store));
	ASSERT_EQ(0, tmem_index_insert(index, &hash, SIZE, &content));
	atomic_store(&index->filling, 0);
	atomic_store(&tmem_index_row(index, index->self)[content.entry], 0);
	tmem_store_leave(self->store);
	seal_time_stop();
	view = tmem_seal(self->store, block, SIZE, 0);
	ASSERT_NE(NULL, view);
	EXPECT_GE(100U, seal_time.waited_ms);
	EXPECT_EQ(0, tmem_unseal(view));
}

/* The child's views are its own, and so is what it adds. */
static void heir(int socket, void *arg)
{
	char *view = arg;

	say(socket, 'y');
	if (hear(socket) != 'g' || !seal_kept(view, SIZE, 1) ||
	    !lt_no_access(view))
		_exit(1);
	say(socket, 'y');
	hear(socket);
	if (tmem_unseal(view) || tmem_unseal(view) != -EINVAL)
		_exit(2);
	view = seal_view(NULL, SIZE, 7, 0);
	if (!view || tmem_unseal(view))
		_exit(3);
}

TEST_F(peers, the_child_of_a_fork_keeps_its_views)
{
	char *view = seal_view(self->store, SIZE, 1, 0), *other;
	pid_t pid;

	ASSERT_NE(NULL, view);
	pid = start(heir, self->to, view);
	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(2U, seal_stats(self->store).views);
	EXPECT_EQ(2U, seal_stats(self->store).peers);
	EXPECT_EQ(0, tmem_unseal(view));
	/* Were the contents gone, these would be in their place. */
	other = seal_view(self->store, SIZE, 2, 0);
	say(self->to[0], 'g');
	EXPECT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(1U + 1U, seal_stats(self->store).contents);
	EXPECT_EQ(0, tmem_unseal(other));
	say(self->to[0], 'e');
	EXPECT_EQ(0, end_of(pid));
}

static void hear_one(int socket, void *arg)
{
	hear(socket);
	/* No end of the library's making: as killed. */
	kill(getpid(), SIGKILL);
}

/* As daemons are made. */
TEST_F(peers, the_child_outlives_its_parent)
{
	char *view = seal_view(self->store, SIZE, 1, 0);
	char byte = '\0';
	pid_t pid;

	ASSERT_NE(NULL, view);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		start(hear_one, self->to, NULL);
		_exit(0);
	}
	end_of(pid);
	EXPECT_EQ(2U, seal_stats(self->store).views);
	EXPECT_EQ(0, tmem_unseal(view));
	EXPECT_EQ(1U, seal_stats(self->store).contents);
	say(self->to[0], 'e');
	close(self->to[1]);
	EXPECT_EQ(0, read(self->to[0], &byte, 1)); /* it ends */
	EXPECT_TRUE(PACE_UNTIL(seal_stats(self->store).peers == 1));
}

static void run_true(int socket, void *arg)
{
	say(socket, 'y');
	hear(socket);
	dup2(socket, 0);
	execl("/bin/sh", "sh", "-c", "echo y >&0; read x", (char *)NULL);
	_exit(1);
}

/* A program that was started has no views, though its process had. */
TEST_F(peers, exec_ends_views)
{
	char *view = seal_view(self->store, SIZE, 1, 0);
	pid_t pid;

	ASSERT_NE(NULL, view);
	pid = start(run_true, self->to, NULL);
	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(2U, seal_stats(self->store).views);
	say(self->to[0], 'x');
	ASSERT_EQ('y', hear(self->to[0]));
	EXPECT_EQ(1U, seal_stats(self->store).views);
	EXPECT_EQ(0, tmem_unseal(view));
	say(self->to[0], '\n');
	end_of(pid);
}

static void *lock_and_wait(void *arg)
{
	if (tmem_store_enter(arg))
		_exit(1);
	return NULL;
}

/* One thread has the lock while another executes something. */
static void exec_with_lock(int socket, void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, lock_and_wait, arg);
	pthread_join(thread, NULL);
	run_true(socket, NULL);
}

TEST_F(peers, exec_ends_the_lock)
{
	pid_t pid = start(exec_with_lock, self->to, self->store);

	ASSERT_EQ('y', hear(self->to[0]));
	say(self->to[0], 'x');
	ASSERT_EQ('y', hear(self->to[0]));
	seal_time_stop();
	EXPECT_EQ(1U, seal_stats(self->store).peers);
	EXPECT_LE(500U, seal_time.waited_ms);
	EXPECT_GE(600U, seal_time.waited_ms);
	say(self->to[0], '\n');
	end_of(pid);
}

static int reads(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	return *(volatile char *)arg == 77;
}

/* No slot is left for the child: a fault, not somebody else's contents. */
TEST(a_child_too_many)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct tmem_store *store;
	struct lt_log log;
	char *view;
	int fd, status;

	ASSERT_EQ(0, lt_init());
	config.capacity = 16 * LT_MIB;
	config.max_peers = 1;
	config.backend = lt_backend();
	ASSERT_EQ(0, tmem_store_create(&config, &store));
	fd = tmem_store_fd(store);
	view = seal_view(store, SIZE, 1, 0);
	ASSERT_NE(NULL, view);
	lt_listen(&log);
	status = lt_child(reads, view);
	EXPECT_TRUE(LT_KILLED(status, SIGSEGV));
	EXPECT_TRUE(seal_kept(view, SIZE, 1));
	EXPECT_EQ(-EUSERS, tmem_store_open(fd, &store));
	EXPECT_EQ(0, tmem_unseal(view));
}

/* A child that is born too late has no claim; its parent's fork is over. */
TEST_F(peers, born_too_late)
{
	struct tmem_index *index = &self->store->index;
	uint64_t id, other;
	uint32_t slot;

	ASSERT_EQ(0, tmem_store_enter(self->store));
	slot = tmem_peer_expect(index, &id);
	ASSERT_NE(TMEM_PEER_NONE, slot);
	EXPECT_TRUE(tmem_peer_alive(index, slot));
	tmem_store_leave(self->store);
	EXPECT_EQ(2U, seal_stats(self->store).peers);
	atomic_fetch_sub(&index->peers[slot].since, 11000);
	EXPECT_EQ(1U, seal_stats(self->store).peers);
	ASSERT_EQ(0, tmem_store_enter(self->store));
	EXPECT_EQ(slot, tmem_peer_expect(index, &other));
	EXPECT_NE(id, other);
	tmem_store_leave(self->store);
	atomic_store(&index->peers[slot].since, 0);
	EXPECT_EQ(1U, seal_stats(self->store).peers);
}

/* Whom we cannot judge, for it counts pids otherwise, is alive. */
TEST_F(peers, other_namespaces_are_not_judged)
{
	struct tmem_index_peer *peer = &self->store->index.peers[3];

	atomic_store(&peer->id, 0x3ffffeULL << 32 | 1);
	atomic_store(&peer->pid_ns, 1);
	EXPECT_EQ(2U, seal_stats(self->store).peers);
	atomic_store(&peer->pid_ns,
		     atomic_load(&self->store->index.peers[0].pid_ns));
	atomic_store(&peer->time_ns,
		     atomic_load(&self->store->index.peers[0].time_ns));
	EXPECT_EQ(1U, seal_stats(self->store).peers);
}

/* A dead one's slot serves the next, when all are taken. */
TEST_F(peers, slots_of_the_dead_are_taken)
{
	struct tmem_store *store;
	uint32_t i;

	for (i = 1; i < 8; i++) {
		struct tmem_index_peer *peer = &self->store->index.peers[i];

		atomic_store(&peer->pid_ns,
			     atomic_load(&self->store->index.peers[0].pid_ns));
		atomic_store(&peer->time_ns,
			     atomic_load(&self->store->index.peers[0].time_ns));
		atomic_store(&peer->id, 0x3ffffeULL << 32 | i);
		tmem_index_row(&self->store->index, i)[5] = 1;
	}
	ASSERT_EQ(0, tmem_store_open(tmem_store_fd(self->store), &store));
	EXPECT_EQ(2U, seal_stats(store).peers);
	tmem_store_close(store);
}

TEST_HARNESS_MAIN
