// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the control socket's thread waits for, and for how long, step by
 * step and by a clock of the test's: it sleeps while there is no client; a
 * client has 5 s for its request and 5 s for its answer, and none is waited for;
 * strangers, and a lack of descriptors, make it rest; a closed socket is made
 * anew.
 */
#include "control_test.h"

#include "control/server.h"
#include "worker_fake.h"

#define S 1000000000ull
#define MS 1000000ull
#define LISTENER TMEM_CONTROL_CLIENTS /* its place in the wait */

static char text[4 << 20];

static struct tmem_worker *const worker = &tmem_control_server.worker;

FIXTURE(step)
{
	unsigned int fds;
	char name[TMEM_CONTROL_NAME_MAX];
};

FIXTURE_SETUP(step)
{
	/* Its thread opens and closes descriptors, too. */
	setenv("TMEM_GC", "off", 1);
	ASSERT_EQ(0, lt_init());
	tmem_free(tmem_alloc(100));
	self->fds = ct_fds_open();
	worker->ops = &worker_fake_ops;
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_EQ(0, tmem_control_name(self->name, sizeof(self->name)));
	worker_fake_run(worker);
}

FIXTURE_TEARDOWN(step)
{
	tmem_control_stop();
	EXPECT_EQ(-ENOTCONN, tmem_control_name(self->name, sizeof(self->name)));
	EXPECT_EQ(self->fds, ct_fds_open());
	EXPECT_TRUE(heap_whole(50));
}

/* A client that has sent so much: its descriptor, or -1. */
static int client(const char *name, const char *sent)
{
	int fd = ct_connect(name);
	ssize_t bytes = (ssize_t)strlen(sent);

	return fd >= 0 && send(fd, sent, (size_t)bytes, MSG_NOSIGNAL) == bytes ?
		       fd :
		       -1;
}

/* Neither an answer nor the end has come. */
static bool waits(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
	       errno == EAGAIN;
}

/* Was cut off before the first byte; closes. */
static bool cut_off(int fd)
{
	ssize_t n = ct_read_all(fd, text, sizeof(text));

	close(fd);
	return n == 0 || n == -ECONNRESET;
}

/* Got the whole of an answer that has been sent; closes. */
static char *answered(int fd)
{
	char *body = ct_body(text, ct_read_all(fd, text, sizeof(text)));

	close(fd);
	return body;
}

/* A client that comes now is answered, and no time passes. */
static bool answers(const char *name)
{
	int fd = client(name, "version\n");

	worker_fake_run(worker);
	return fd >= 0 && !waits(fd) && answered(fd);
}

/* The wait ends when a client connects, and not before a time. */
static bool listens(unsigned int timeout_ms)
{
	const struct tmem_worker_wait *asked = &worker_fake(worker)->asked;

	return asked->fds[LISTENER].fd == tmem_control_server.listener.fd &&
	       asked->fds[LISTENER].events == POLLIN &&
	       asked->timeout_ms == (int)timeout_ms && !worker_fake_due(worker);
}

/* Whatever comes, the queue is not looked at for 20 ms. */
static bool rests(void)
{
	const struct tmem_worker_wait *asked = &worker_fake(worker)->asked;

	return asked->fds[LISTENER].fd == -1 && asked->timeout_ms == 20 &&
	       !worker_fake_due(worker);
}

static unsigned int clients_open(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		n += tmem_control_server.client[i].fd.fd >= 0;
	return n;
}

/* --- life ---------------------------------------------------------------------- */

TEST_F(step, one_thread)
{
	EXPECT_EQ(0, tmem_control_start());
	EXPECT_EQ(1U, worker_fake(worker)->spawns);
	tmem_control_stop();
	tmem_control_stop();
	EXPECT_EQ(1U, worker_fake(worker)->joins);
	EXPECT_EQ(self->fds, ct_fds_open());
}

TEST_F(step, stopped_before_its_first_step)
{
	tmem_control_stop();
	ASSERT_EQ(0, tmem_control_start());
	tmem_control_stop();
	EXPECT_EQ(self->fds, ct_fds_open());
	EXPECT_EQ(-ECONNREFUSED, ct_connect(self->name));
}

TEST_F(step, no_thread_to_be_had)
{
	tmem_control_stop();
	worker_fake(worker)->spawn_err = EAGAIN;
	EXPECT_EQ(-EAGAIN, tmem_control_start());
	EXPECT_EQ(-ENOTCONN, tmem_control_name(self->name, sizeof(self->name)));
	EXPECT_EQ(-ECONNREFUSED, ct_connect(self->name));
	EXPECT_EQ(self->fds, ct_fds_open());
	worker_fake(worker)->spawn_err = 0;
	ASSERT_EQ(0, tmem_control_start());
	EXPECT_TRUE(answers(self->name));
}

TEST_F(step, stop_cuts_clients_off)
{
	static struct ct_large large;
	int half, reading;

	ASSERT_TRUE(ct_large_make(&large));
	half = client(self->name, "sta");
	reading = client(self->name, "snapshot records\n");
	worker_fake_run(worker);
	EXPECT_EQ(2U, clients_open());
	tmem_control_stop();
	EXPECT_TRUE(cut_off(half));
	EXPECT_EQ(NULL, answered(reading));
	ct_large_drop(&large);
}

/* --- what it waits for ------------------------------------------------------------- */

/* Without a client: for one, and no more than six wakeups in a minute. */
TEST_F(step, costs_nothing)
{
	EXPECT_TRUE(listens(10000));
	EXPECT_EQ(6U, worker_fake_pass(worker, 60 * S));
	EXPECT_TRUE(answers(self->name));
	EXPECT_TRUE(listens(10000));
	EXPECT_EQ(6U, worker_fake_pass(worker, 60 * S));
}

/* A step for each byte, and none without. */
TEST_F(step, byte_by_byte)
{
	static const char request[] = "version\n";
	int fd = client(self->name, "");
	unsigned int i;

	worker_fake_run(worker);
	for (i = 0; i < sizeof(request) - 1; i++) {
		EXPECT_EQ(i, tmem_control_server.client[0].got);
		EXPECT_TRUE(listens(5000));
		EXPECT_TRUE(waits(fd));
		EXPECT_EQ(1, send(fd, request + i, 1, MSG_NOSIGNAL));
		EXPECT_EQ(1U, worker_fake_run(worker));
	}
	EXPECT_NE(NULL, answered(fd));
	EXPECT_TRUE(listens(10000));
}

/* All places are taken: a client that comes then waits until one is free. */
TEST_F(step, stuck_before_their_request)
{
	int fd[TMEM_CONTROL_CLIENTS], late, i;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		fd[i] = client(self->name, "sta");
	worker_fake_run(worker);
	EXPECT_EQ(4U, clients_open());
	late = client(self->name, "version\n");
	EXPECT_TRUE(rests());
	worker_fake_pass(worker, S);
	EXPECT_TRUE(waits(late));
	/* One less is enough for others. */
	close(fd[0]);
	worker_fake_run(worker);
	EXPECT_NE(NULL, answered(late));
	fd[0] = client(self->name, "");
	late = client(self->name, "version\n");
	worker_fake_pass(worker, 4 * S - MS);
	EXPECT_TRUE(waits(late));
	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		EXPECT_TRUE(waits(fd[i]));
	worker_fake_pass(worker, MS);
	EXPECT_NE(NULL, answered(late));
	for (i = 1; i < TMEM_CONTROL_CLIENTS; i++)
		EXPECT_TRUE(cut_off(fd[i]));
	EXPECT_TRUE(waits(fd[0]));
	worker_fake_pass(worker, S);
	EXPECT_TRUE(cut_off(fd[0]));
	EXPECT_TRUE(listens(10000));
}

/* Nothing waits for a client that never reads: no allocation, no other client. */
TEST_F(step, never_reading)
{
	static struct ct_large large;
	int fd[TMEM_CONTROL_CLIENTS - 1], i;

	ASSERT_TRUE(ct_large_make(&large));
	for (i = 0; i < TMEM_CONTROL_CLIENTS - 1; i++)
		fd[i] = client(self->name, "snapshot records\n");
	EXPECT_TRUE(answers(self->name));
	EXPECT_TRUE(heap_whole(200));
	EXPECT_TRUE(listens(5000));
	/* Then they are cut off, in the middle. */
	worker_fake_pass(worker, 5 * S - MS);
	EXPECT_EQ(3U, clients_open());
	worker_fake_pass(worker, MS);
	EXPECT_EQ(0U, clients_open());
	for (i = 0; i < TMEM_CONTROL_CLIENTS - 1; i++) {
		EXPECT_FALSE(waits(fd[i]));
		EXPECT_EQ(NULL, answered(fd[i]));
	}
	ct_large_drop(&large);
}

/* A slow reader gets all of it, and has its 5 s from the request on. */
TEST_F(step, slowly_reading)
{
	static struct ct_large large;
	size_t used = 0;
	ssize_t n;
	int fd;

	ASSERT_TRUE(ct_large_make(&large));
	fd = client(self->name, "snapshot ");
	worker_fake_pass(worker, 5 * S - MS);
	EXPECT_EQ(8, send(fd, "records\n", 8, MSG_NOSIGNAL));
	do {
		worker_fake_pass(worker, 100 * MS);
		n = recv(fd, text + used, 100000, 0);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[used] = '\0';
	EXPECT_GT(used, 500000U);
	EXPECT_NE(NULL, ct_body(text, (ssize_t)used));
	close(fd);
	ct_large_drop(&large);
}

/* --- rests --------------------------------------------------------------------- */

struct crowd {
	const char *name;
	unsigned int count;
};

static int knock(void *arg)
{
	const struct crowd *crowd = arg;
	unsigned int i;
	int fd;

	if (setresgid(54321, 54321, 54321) || setresuid(54321, 54321, 54321))
		return 1;
	for (i = 0; i < crowd->count; i++) {
		fd = ct_connect(crowd->name);
		if (fd < 0)
			return 2;
		close(fd);
	}
	return 0;
}

/* 16 of them, a rest, 16 more; they take no place. */
TEST_F(step, many_strangers)
{
	struct crowd crowd = { self->name, 40 };
	int fd;

	if (geteuid())
		SKIP(return, "not root");
	EXPECT_EQ(0, lt_child(knock, &crowd));
	fd = client(self->name, "version\n");
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_EQ(0U, clients_open());
	EXPECT_TRUE(rests());
	EXPECT_EQ(1U, worker_fake_pass(worker, 20 * MS));
	EXPECT_TRUE(rests());
	EXPECT_TRUE(waits(fd));
	EXPECT_EQ(1U, worker_fake_pass(worker, 20 * MS));
	EXPECT_FALSE(waits(fd));
	EXPECT_NE(NULL, answered(fd));
	EXPECT_TRUE(listens(10000));
}

/* No descriptor is left for a client: it waits, and nothing spins. */
TEST_F(step, no_descriptors)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t length = ct_address(&address, self->name);
	struct rlimit limit, less;

	ASSERT_GE(fd, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	less = limit;
	less.rlim_cur = (rlim_t)fd + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &less));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&address, length));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_TRUE(rests());
	EXPECT_EQ(50U, worker_fake_pass(worker, S));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(8, send(fd, "version\n", 8, MSG_NOSIGNAL));
	EXPECT_TRUE(rests());
	worker_fake_pass(worker, 20 * MS);
	EXPECT_NE(NULL, answered(fd));
}

/* --- descriptors that the program closes --------------------------------------------- */

/* The number becomes another file's, which is left alone. */
static int theirs(int fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || dup3(ends[0], fd, O_CLOEXEC) != fd)
		return -1;
	close(ends[0]);
	return ends[1];
}

/* Found out at the next look: here nothing holds the old socket until then. */
TEST_F(step, its_listener)
{
	int old = tmem_control_server.listener.fd, end = theirs(old);

	ASSERT_GE(end, 0);
	EXPECT_EQ(-ECONNREFUSED, ct_connect(self->name));
	EXPECT_TRUE(listens(10000));
	EXPECT_EQ(1U, worker_fake_pass(worker, 10 * S));
	EXPECT_NE(old, tmem_control_server.listener.fd);
	EXPECT_TRUE(listens(10000));
	EXPECT_TRUE(answers(self->name));
	tmem_control_stop();
	EXPECT_EQ(0, close(old));
	close(end);
}

/* No other is to be had: it is tried again after each rest. */
TEST_F(step, its_listener_for_long)
{
	struct rlimit limit, less;
	int fd[TMEM_WORKER_FDS], i;

	/* All numbers below are taken; poll() wants no fewer than it is given. */
	tmem_control_stop();
	for (i = 0; i < TMEM_WORKER_FDS; i++)
		fd[i] = dup(0);
	ASSERT_EQ(0, tmem_control_start());
	worker_fake_run(worker);
	getrlimit(RLIMIT_NOFILE, &limit);
	less = limit;
	less.rlim_cur = (rlim_t)tmem_control_server.listener.fd;
	close(tmem_control_server.listener.fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &less));
	EXPECT_EQ(1U, worker_fake_run(worker));
	EXPECT_TRUE(rests());
	EXPECT_EQ(50U, worker_fake_pass(worker, S));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(1U, worker_fake_pass(worker, 20 * MS));
	EXPECT_TRUE(listens(10000));
	EXPECT_TRUE(answers(self->name));
	for (i = 0; i < TMEM_WORKER_FDS; i++)
		close(fd[i]);
}

TEST_F(step, its_client)
{
	int fd = client(self->name, "sta"), old, end;

	worker_fake_run(worker);
	old = tmem_control_server.client[0].fd.fd;
	end = theirs(old);
	ASSERT_GE(end, 0);
	/* The client sees the end; the thread at its next look. */
	EXPECT_TRUE(cut_off(fd));
	EXPECT_TRUE(answers(self->name));
	EXPECT_EQ(0U, clients_open());
	EXPECT_EQ(0, close(old));
	close(end);
}

TEST_HARNESS_MAIN
