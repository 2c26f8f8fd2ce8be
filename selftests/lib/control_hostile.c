// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that whatever a client does, the program goes on and others are
 * answered: strangers, garbage, clients that vanish at any moment, 64 at once, a
 * thousand, and another process that has the name.  (For those that take their
 * time: control_step.)
 */
#include "control_test.h"

#include <sys/prctl.h>

#define CLIENTS 4 /* as many as it answers at a time */

static char text[4 << 20];

FIXTURE(hostile)
{
	unsigned int fds;
	char name[TMEM_CONTROL_NAME_MAX];
};

FIXTURE_SETUP(hostile)
{
	/* Its thread opens and closes descriptors, too. */
	setenv("TMEM_GC", "off", 1);
	ASSERT_EQ(0, lt_init());
	tmem_free(tmem_alloc(100));
	self->fds = ct_fds_open();
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_EQ(0, tmem_control_name(self->name, sizeof(self->name)));
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_TRUE(ct_answers(self->name));
	tmem_control_stop();
	EXPECT_TRUE(PACE_UNTIL(!ct_thread()));
	EXPECT_EQ(self->fds, ct_fds_open());
	EXPECT_TRUE(heap_whole(50));
}

/* --- strangers ------------------------------------------------------------------ */

/* Who are others: 0 sent away without a word. */
static int ask_as_another(void *arg)
{
	char answer[256];
	ssize_t n;

	if (setresgid(54321, 54321, 54321) || setresuid(54321, 54321, 54321))
		return 1;
	n = ct_ask(arg, "version\n", answer, sizeof(answer));
	/* The end; or that it ended before the request. */
	return n == 0 || n == -EPIPE || n == -ECONNRESET ? 0 : 2;
}

TEST_F(hostile, another_user)
{
	int i;

	if (geteuid())
		SKIP(return, "not root");
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, lt_child(ask_as_another, self->name));
	EXPECT_TRUE(ct_answers(self->name));
}

/* Root's question is answered, and one's own. */
static int serve_another(void *arg)
{
	char name[TMEM_CONTROL_NAME_MAX];
	int *ends = arg;

	/* Who may open the device is no matter here. */
	if (lt_init() || setresgid(54321, 54321, 54321) ||
	    setresuid(54321, 54321, 54321))
		return 1;
	/* Changing its user has closed the process to others. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) || tmem_control_start() ||
	    tmem_control_name(name, sizeof(name)))
		return 2;
	if (!ct_answers(name))
		return 3;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    ct_ask(name, "version\n", text, sizeof(text)) > 0)
		return 4;
	if (write(ends[1], name, sizeof(name)) < 0)
		return 5;
	return read(ends[2], name, 1) < 0;
}

TEST(of_another_user)
{
	char name[TMEM_CONTROL_NAME_MAX];
	int ends[4], status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "not root");
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, pipe(ends + 2));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(ends[3]);
		_exit(serve_another(ends));
	}
	close(ends[1]);
	EXPECT_EQ((ssize_t)sizeof(name), read(ends[0], name, sizeof(name)));
	EXPECT_TRUE(ct_answers(name));
	close(ends[3]);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

static int knock(void *arg)
{
	unsigned int i;
	int fd;

	if (setresgid(54321, 54321, 54321) || setresuid(54321, 54321, 54321))
		return 1;
	for (i = 0; i < 500; i++) {
		fd = ct_connect(arg);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static void *answered(void *arg)
{
	char name[TMEM_CONTROL_NAME_MAX];
	bool *all = arg;
	unsigned int i;

	tmem_control_name(name, sizeof(name));
	for (*all = true, i = 0; i < 20 && *all; i++)
		*all = ct_answers(name);
	return NULL;
}

TEST_F(hostile, many_strangers)
{
	pthread_t thread;
	bool all;

	if (geteuid())
		SKIP(return, "not root");
	ASSERT_EQ(0, pthread_create(&thread, NULL, answered, &all));
	EXPECT_EQ(0, lt_child(knock, self->name));
	pthread_join(thread, NULL);
	EXPECT_TRUE(all);
}

/* The first name is taken: the next one, and the socket is the process's. */
TEST_F(hostile, somebody_sits_on_the_name)
{
	char name[TMEM_CONTROL_NAME_MAX];
	struct sockaddr_un address;
	socklen_t length = ct_address(&address, self->name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tmem_control_stop();
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&address, length));
	ASSERT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_EQ(0, tmem_control_name(name, sizeof(name)));
	EXPECT_EQ(0, strncmp(name, self->name, strlen(self->name)));
	EXPECT_STREQ(".1", name + strlen(self->name));
	EXPECT_TRUE(ct_answers(name));
	tmem_control_stop();
	close(fd);
	ASSERT_EQ(0, tmem_control_start());
}

/* Containers that share a network, and each has a process of that number. */
TEST_F(hostile, others_have_the_same_number)
{
	char name[TMEM_CONTROL_NAME_MAX + 8], own[TMEM_CONTROL_NAME_MAX];
	struct sockaddr_un address;
	socklen_t length;
	int fd[20], i;

	tmem_control_stop();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", self->name, i);
		length = ct_address(&address, name);
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ASSERT_EQ(0, bind(fd[i], (struct sockaddr *)&address, length));
	}
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_EQ(0, tmem_control_name(own, sizeof(own)));
	EXPECT_STREQ(".20", own + strlen(self->name));
	EXPECT_TRUE(ct_answers(own));
	tmem_control_stop();
	for (i = 0; i < 20; i++)
		close(fd[i]);
	ASSERT_EQ(0, tmem_control_start());
}

/* --- garbage ------------------------------------------------------- */

TEST_F(hostile, garbage)
{
	uint64_t random = pace_seed();
	char request[1024];
	unsigned int i, j, size;
	int fd;

	for (i = 0; i < LT_COUNT(500, 100); i++) {
		size = (unsigned int)lt_between(&random, 0, sizeof(request));
		for (j = 0; j < size; j++)
			request[j] = (char)lt_random(&random);
		/* Not by chance one that it knows. */
		if (size)
			request[0] = '\xff';
		fd = ct_connect(self->name);
		ASSERT_GE(fd, 0);
		send(fd, request, size, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		ct_read_all(fd, text, sizeof(text));
		EXPECT_EQ(NULL, strstr(text, "tmem 1 ok"));
		close(fd);
	}
	EXPECT_TRUE(ct_answers(self->name));
}

TEST_F(hostile, bounds)
{
	char request[600];

	/* A zero byte ends nothing. */
	memset(request, 0, sizeof(request));
	snprintf(request, sizeof(request), "%s", "stats");
	request[6] = '\n';
	{
		int fd = ct_connect(self->name);

		ASSERT_GE(fd, 0);
		EXPECT_EQ(7, send(fd, request, 7, MSG_NOSIGNAL));
		ct_read_all(fd, text, sizeof(text));
		EXPECT_TRUE(ct_failed(text, EINVAL));
		close(fd);
	}
	/* 255 bytes and a newline are a request; one more is not. */
	memset(request, 'x', sizeof(request));
	memcpy(request, "mark ", 5);
	strcpy(request + 255, "\n");
	EXPECT_NE(NULL, ct_body(text, ct_ask(self->name, request, text,
					     sizeof(text))));
	strcpy(request + 255, "x\n");
	ct_ask(self->name, request, text, sizeof(text));
	EXPECT_TRUE(ct_failed(text, EMSGSIZE));
	memset(request + 255, 'x', 300);
	request[555] = '\0';
	ct_ask(self->name, request, text, sizeof(text));
	EXPECT_TRUE(ct_failed(text, EMSGSIZE));
	/* What follows the line is nobody's. */
	EXPECT_NE(NULL, ct_body(text, ct_ask(self->name, "version\nstats\n",
					     text, sizeof(text))));
	EXPECT_EQ(-1, ct_number(text, "allocs"));
}

TEST_F(hostile, stop_with_clients)
{
	static struct ct_large large;
	int fd[CLIENTS], i, j;

	ASSERT_TRUE(ct_large_make(&large));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, tmem_control_start());
		for (j = 0; j < CLIENTS; j++) {
			fd[j] = ct_connect(self->name);
			ASSERT_GE(fd[j], 0);
			if (j % 2)
				send(fd[j], "snapshot records\n", 17,
				     MSG_NOSIGNAL);
		}
		/* The listener, what wakes the thread, both ends of each. */
		EXPECT_TRUE(PACE_UNTIL(ct_fds_open() ==
				       self->fds + 2 + 2 * CLIENTS));
		tmem_control_stop();
		for (j = 0; j < CLIENTS; j++) {
			ct_read_all(fd[j], text, sizeof(text));
			EXPECT_EQ(NULL, ct_body(text, (ssize_t)strlen(text)));
			close(fd[j]);
		}
	}
	ct_large_drop(&large);
	ASSERT_EQ(0, tmem_control_start());
}

/* --- those that vanish -------------------------------------------------------------- */

TEST_F(hostile, vanishing)
{
	static struct ct_large large;
	unsigned int i;
	int fd;

	ASSERT_TRUE(ct_large_make(&large));
	for (i = 0; i < LT_COUNT(200, 40); i++) {
		fd = ct_connect(self->name);
		ASSERT_GE(fd, 0);
		if (i % 4)
			send(fd, "snapshot records\n", i % 4 == 1 ? 5 : 17,
			     MSG_NOSIGNAL);
		if (i % 4 == 3)
			EXPECT_GT(recv(fd, text, 1000, 0), 0);
		close(fd);
	}
	EXPECT_TRUE(ct_answers(self->name));
	ct_large_drop(&large);
}

TEST_F(hostile, a_thousand)
{
	unsigned int i;

	for (i = 0; i < LT_COUNT(1000, 200); i++) {
		int fd = ct_connect(self->name);

		ASSERT_GE(fd, 0);
		close(fd);
	}
	for (i = 0; i < LT_COUNT(1000, 100); i++)
		EXPECT_TRUE(ct_answers(self->name));
}

static void *asks(void *arg)
{
	unsigned int i;
	char mine[512];

	for (i = 0; i < LT_COUNT(20, 4); i++)
		if (!ct_body(mine,
			     ct_ask(arg, "version\n", mine, sizeof(mine))))
			return (void *)1;
	return NULL;
}

TEST_F(hostile, sixty_four_at_once)
{
	pthread_t thread[64];
	unsigned int i, wrong = 0;
	void *end;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(0,
			  pthread_create(&thread[i], NULL, asks, self->name));
	EXPECT_TRUE(heap_whole(200));
	for (i = 0; i < 64; i++) {
		pthread_join(thread[i], &end);
		wrong += !!end;
	}
	EXPECT_EQ(0U, wrong);
}

TEST_HARNESS_MAIN
