// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the control socket lives, and what it says: it is there when the
 * environment or the program wants it and not otherwise, blocks signals in its
 * own thread alone, starts and stops a hundred times, is not the child's of a
 * fork nor of what is executed, and comes back when a program closes all that it
 * has; its figures are the library's; its requests do what they say, and wrong
 * ones are refused.
 */
#include "control_test.h"

#include "control/server.h"

static char text[4 << 20];

/* Waits end because something woke the thread, never because time is over. */
static void wait_without_end(struct tmem_worker *w,
			     struct tmem_worker_wait *wait)
{
	wait->timeout_ms = TMEM_WORKER_FOREVER;
	tmem_worker_ops_real.wait(w, wait);
}

#define THREAD_FDS 2 /* of the thread: the listener, and what wakes it */

FIXTURE(control)
{
	unsigned int fds;
	char name[TMEM_CONTROL_NAME_MAX];
};

FIXTURE_SETUP(control)
{
	static struct tmem_worker_ops ops;

	ops = tmem_worker_ops_real;
	ops.wait = wait_without_end;
	tmem_control_server.worker.ops = &ops;
	/* Its thread opens and closes descriptors, too. */
	setenv("TMEM_GC", "off", 1);
	ASSERT_EQ(0, lt_init());
	tmem_free(tmem_alloc(100));
	self->fds = ct_fds_open();
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_EQ(0, tmem_control_name(self->name, sizeof(self->name)));
}

/* It leaves nothing behind. */
FIXTURE_TEARDOWN(control)
{
	tmem_control_stop();
	EXPECT_EQ(-ENOTCONN, tmem_control_name(self->name, sizeof(self->name)));
	EXPECT_TRUE(PACE_UNTIL(!ct_thread()));
	EXPECT_EQ(self->fds, ct_fds_open());
}

/* --- when it is there ---------------------------------------------------------- */

/* Set up with these words: 1 there is a socket, 0 none, or -errno. */
static int with_words(const char *control, const char *analytics)
{
	char name[TMEM_CONTROL_NAME_MAX];
	int err;

	setenv("TMEM_CONTROL", control, 1);
	setenv("TMEM_ANALYTICS", analytics, 1);
	err = lt_init();
	if (err)
		return err;
	tmem_free(tmem_alloc(100));
	return !tmem_control_name(name, sizeof(name));
}

static int child_with_words(void *arg)
{
	const char *const *words = arg;

	return with_words(words[0], words[1]) & 0xff;
}

TEST(when_it_is_there)
{
	static const struct {
		const char *words[2];
		int there;
	} cases[] = {
		{ { "", "" }, 0 },	 { { "", "off" }, 0 },
		{ { "", "on" }, 1 },	 { { "", "all" }, 1 },
		{ { "on", "" }, 1 },	 { { "on", "off" }, 1 },
		{ { "off", "on" }, 0 },	 { { "off", "" }, 0 },
		{ { "yes", "" }, 0xea }, { { "on ", "on" }, 0xea },
	};
	unsigned int i;

	ASSERT_EQ(0xea, -EINVAL & 0xff);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = lt_child(child_with_words, (void *)cases[i].words);

		if (!LT_EXITED(status, cases[i].there))
			printf("# case %u: status %#x\n", i, status);
		EXPECT_TRUE(LT_EXITED(status, cases[i].there));
	}
}

TEST(a_word_that_is_not_understood_is_said)
{
	struct lt_log log;

	lt_listen(&log);
	EXPECT_EQ(-EINVAL, with_words("perhaps", ""));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "TMEM_CONTROL=perhaps"));
	EXPECT_FALSE(ct_thread());
}

/* By the first allocation, too. */
TEST(at_the_first_allocation)
{
	char name[TMEM_CONTROL_NAME_MAX], want[32];
	void *block;

	setenv("TMEM_CONTROL", "on", 1);
	EXPECT_EQ(-ENOTCONN, tmem_control_name(name, sizeof(name)));
	block = tmem_alloc(1000);
	ASSERT_NE(NULL, block);
	ASSERT_EQ(0, tmem_control_name(name, sizeof(name)));
	snprintf(want, sizeof(want), "tmem/%d", getpid());
	EXPECT_STREQ(want, name);
	EXPECT_TRUE(ct_answers(name));
	EXPECT_EQ(-ENOSPC, tmem_control_name(name, strlen(name)));
	tmem_control_stop();
	/* It does not come back by itself. */
	tmem_free(block);
	tmem_free(tmem_alloc(3 * LT_MIB));
	EXPECT_EQ(-ENOTCONN, tmem_control_name(name, sizeof(name)));
}

/* --- the thread ---------------------------------------------------------------- */

/* The signals that the library's thread blocks; 0 if there is none. */
static unsigned long long signals_blocked(void)
{
	unsigned long long mask = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", ct_thread());
	file = fopen(path, "re");
	while (file && fgets(text, sizeof(text), file))
		if (!strncmp(text, "SigBlk:", 7))
			mask = strtoull(text + 7, NULL, 16);
	if (file)
		fclose(file);
	return mask & 0x7fffffffULL;
}

TEST_F(control, signals)
{
	const unsigned long long all = 0x7fffffffULL & ~(1ULL << (SIGKILL - 1) |
							 1ULL << (SIGSTOP - 1));
	sigset_t before, after;
	int i;

	tmem_control_stop();
	/* The system shows a thread that has ended for a moment more. */
	ASSERT_TRUE(PACE_UNTIL(!ct_thread()));
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	ASSERT_EQ(0, tmem_control_start());
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (i = 1; i < 32; i++)
		EXPECT_EQ(sigismember(&before, i), sigismember(&after, i));
	EXPECT_TRUE(PACE_UNTIL(signals_blocked()));
	EXPECT_EQ(all, signals_blocked());
}

TEST_F(control, start_and_stop_a_hundred_times)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, tmem_control_start());
		EXPECT_EQ(0, tmem_control_start());
		if (i % 10 == 0)
			EXPECT_TRUE(ct_answers(self->name));
		tmem_control_stop();
		tmem_control_stop();
		EXPECT_EQ(-ECONNREFUSED, ct_connect(self->name));
	}
}

static void *start_stop(void *arg)
{
	unsigned int i;

	for (i = 0; i < LT_COUNT(100, 30); i++) {
		if ((i + (uintptr_t)arg) % 3)
			tmem_control_start();
		else
			tmem_control_stop();
	}
	return NULL;
}

TEST_F(control, start_and_stop_by_many)
{
	pthread_t thread[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, start_stop,
					    (void *)i));
	for (i = 0; i < 20; i++)
		ct_ask(self->name, "stats\n", text, sizeof(text));
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, tmem_control_start());
	EXPECT_EQ(0, tmem_control_name(self->name, sizeof(self->name)));
	EXPECT_TRUE(ct_answers(self->name));
}

/* --- requests ------------------------------------------------------------------- */

TEST_F(control, stats_are_the_librarys)
{
	void *block = tmem_alloc(3 * LT_MIB);
	struct tmem_stats stats = lt_stats();
	char *body;

	ASSERT_NE(NULL, block);
	body = ct_body(text, ct_ask(self->name, "stats\n", text, sizeof(text)));
	ASSERT_NE(NULL, body);
	EXPECT_EQ((long long)stats.live_bytes, ct_number(body, "live_bytes"));
	EXPECT_EQ((long long)stats.live_blocks, ct_number(body, "live_blocks"));
	EXPECT_EQ((long long)stats.allocs, ct_number(body, "allocs"));
	EXPECT_EQ((long long)stats.held_bytes, ct_number(body, "held_bytes"));
	EXPECT_EQ((long long)stats.spans_moved, ct_number(body, "spans_moved"));
	EXPECT_EQ(getpid(), ct_number(body, "pid"));
	EXPECT_EQ('}', body[strlen(body) - 2]);
	tmem_free(block);
}

TEST_F(control, a_snapshot_is_whole)
{
	char *body;

	body = ct_body(text,
		       ct_ask(self->name, "snapshot\n", text, sizeof(text)));
	ASSERT_NE(NULL, body);
	EXPECT_NE(NULL, strstr(body, "\"format\":\"tmem-snapshot\""));
	EXPECT_EQ(getpid(), ct_number(body, "pid"));
	EXPECT_EQ('{', body[0]);
	EXPECT_EQ('}',
		  body[strlen(body) - 1 - (body[strlen(body) - 1] == '\n')]);
	body = ct_body(text, ct_ask(self->name, "snapshot records\n", text,
				    sizeof(text)));
	ASSERT_NE(NULL, body);
	EXPECT_NE(NULL, strstr(body, "\"records\":["));
}

TEST_F(control, analytics_is_switched)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	char *body;

	body = ct_body(text, ct_ask(self->name, "analytics all\n", text,
				    sizeof(text)));
	ASSERT_NE(NULL, body);
	EXPECT_EQ(0, ct_number(body, "interval_bytes"));
	ASSERT_EQ(0, tmem_analytics_get(&config));
	EXPECT_EQ(TMEM_ANALYTICS_ON, (int)config.mode);
	EXPECT_EQ(0U, config.interval_bytes);
	ASSERT_NE(NULL,
		  ct_body(text, ct_ask(self->name, "analytics interval 1M\n",
				       text, sizeof(text))));
	ASSERT_EQ(0, tmem_analytics_get(&config));
	EXPECT_EQ(LT_MIB, config.interval_bytes);
	ASSERT_NE(NULL, ct_body(text, ct_ask(self->name, "analytics off\n",
					     text, sizeof(text))));
	ASSERT_EQ(0, tmem_analytics_get(&config));
	EXPECT_EQ(TMEM_ANALYTICS_OFF, (int)config.mode);
}

TEST_F(control, steps_are_marked)
{
	long long before;

	ASSERT_NE(NULL, ct_body(text, ct_ask(self->name, "analytics on\n", text,
					     sizeof(text))));
	ct_ask(self->name, "snapshot\n", text, sizeof(text));
	before = ct_number(strstr(text, "\"steps\":"), "count");
	ASSERT_NE(NULL, ct_body(text, ct_ask(self->name, "mark a step\n", text,
					     sizeof(text))));
	ASSERT_NE(NULL, ct_body(text, ct_ask(self->name, "mark\n", text,
					     sizeof(text))));
	ct_ask(self->name, "snapshot\n", text, sizeof(text));
	EXPECT_EQ(before + 2, ct_number(strstr(text, "\"steps\":"), "count"));
}

TEST_F(control, what_is_not_understood_is_refused)
{
	static const char *const requests[] = {
		"\n",
		" \n",
		"stat\n",
		"stats \n",
		"stats x\n",
		"STATS\n",
		"snapshot  records\n",
		"snapshot all\n",
		"snapshotrecords\n",
		"analytics\n",
		"analytics maybe\n",
		"analytics on x\n",
		"analytics interval\n",
		"analytics interval -1\n",
		"analytics interval 1X\n",
		"analytics interval 99999T\n",
		"version 2\n",
		"stats\r\n",
		"marker\n",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		ct_ask(self->name, requests[i], text, sizeof(text));
		if (!ct_failed(text, EINVAL))
			printf("# request %u\n", i);
		EXPECT_TRUE(ct_failed(text, EINVAL));
	}
	EXPECT_TRUE(ct_answers(self->name));
}

/* --- fork and exec -------------------------------------------------------------- */

static int child_has_none(void *arg)
{
	char name[TMEM_CONTROL_NAME_MAX];

	(void)arg;
	if (tmem_control_name(name, sizeof(name)) != -ENOTCONN || ct_thread())
		return 1;
	tmem_free(tmem_alloc(5000));
	if (tmem_control_name(name, sizeof(name)) != -ENOTCONN)
		return 2;
	return 0;
}

static int child_has_its_own(void *arg)
{
	char name[TMEM_CONTROL_NAME_MAX], mine[32];
	const char *parents = arg;
	int wrong = child_has_none(NULL);

	if (wrong)
		return wrong;
	if (LT_TSAN) /* no thread can be made */
		return tmem_control_start() == -EAGAIN ? 0 : 3;
	if (tmem_control_start() || tmem_control_name(name, sizeof(name)))
		return 4;
	snprintf(mine, sizeof(mine), "tmem/%d", getpid());
	if (strcmp(name, mine) || !strcmp(name, parents))
		return 5;
	ct_ask(name, "version\n", text, sizeof(text));
	if (ct_number(text, "pid") != getpid())
		return 6;
	ct_ask(parents, "version\n", text, sizeof(text));
	return ct_number(text, "pid") == getppid() ? 0 : 7;
}

static void *asks(void *arg)
{
	static char mine[1 << 16];
	const char *name = arg;
	unsigned int i;

	for (i = 0; i < LT_COUNT(300, 60); i++)
		if (!ct_body(mine,
			     ct_ask(name, "snapshot\n", mine, sizeof(mine))))
			return (void *)1;
	return NULL;
}

/*
 * In AddressSanitizer's child of a process with busy threads, one may wait for a
 * lock of its own for ever; the parent's may be busy with its last answer.
 */
TEST_F(control, the_child_has_its_own)
{
	int i;

	for (i = 0; i < LT_COUNT(10, 3); i++)
		EXPECT_EQ(0,
			  lt_child(LT_ASAN ? child_has_none : child_has_its_own,
				   self->name));
	EXPECT_TRUE(ct_answers(self->name));
}

/* Whatever the thread was doing; see above for the sanitizers. */
TEST_F(control, fork_while_it_answers)
{
	pthread_t thread;
	void *wrong;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, asks, self->name));
	for (i = 0; i < LT_COUNT(30, 5); i++)
		EXPECT_EQ(0, lt_child(LT_SANITIZER ? child_has_none :
						     child_has_its_own,
				      self->name));
	pthread_join(thread, &wrong);
	EXPECT_EQ(NULL, wrong);
	EXPECT_TRUE(ct_answers(self->name));
}

/* Ends without a word to its child, which lives until nobody holds the pipe. */
static int parent_ends(void *arg)
{
	char name[TMEM_CONTROL_NAME_MAX] = "";
	int *ends = arg;

	if (lt_init() || tmem_control_start() ||
	    tmem_control_name(name, sizeof(name)))
		return 1;
	if (!fork()) {
		close(ends[1]);
		_exit(read(ends[0], name, 1) < 0);
	}
	return write(ends[3], name, sizeof(name)) != sizeof(name);
}

static bool refused(const char *name)
{
	int fd = ct_connect(name);

	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

TEST(a_child_holds_no_socket)
{
	char name[TMEM_CONTROL_NAME_MAX];
	int ends[4];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(ends + 2, O_CLOEXEC));
	ASSERT_EQ(0, lt_child(parent_ends, ends));
	ASSERT_EQ((ssize_t)sizeof(name), read(ends[2], name, sizeof(name)));
	/* The child may not have run yet. */
	EXPECT_TRUE(PACE_UNTIL(refused(name)));
	close(ends[1]);
}

/* Nothing of ours goes through an exec. */
TEST_F(control, exec_closes)
{
	int fd, client;
	bool before[256];

	tmem_control_stop();
	for (fd = 0; fd < 256; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	ASSERT_EQ(0, tmem_control_start());
	client = ct_connect(self->name);
	ASSERT_GE(client, 0);
	EXPECT_TRUE(PACE_UNTIL(ct_fds_open() == self->fds + THREAD_FDS + 2));
	for (fd = 0; fd < 256; fd++)
		if (!before[fd] && fcntl(fd, F_GETFD) >= 0)
			EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(client);
	EXPECT_TRUE(PACE_UNTIL(ct_fds_open() == self->fds + THREAD_FDS));
}

/* --- descriptors ---------------------------------------------------------------- */

/* As daemons do; and the numbers become other files. */
TEST_F(control, somebody_closes_everything)
{
	bool theirs[256] = { false };
	int fd, file;
	char byte;

	for (fd = 3; fd < 256; fd++)
		close(fd);
	file = memfd_create("theirs", MFD_CLOEXEC);
	ASSERT_GE(file, 0);
	theirs[file] = true;
	/* The library may have been quick, and have one of these itself. */
	while ((fd = fcntl(file, F_DUPFD_CLOEXEC, 3)) < 200) {
		ASSERT_GE(fd, 0);
		theirs[fd] = true;
	}
	/* Who wakes it finds out, and is not answered. */
	ct_ask(self->name, "stats\n", text, sizeof(text));
	EXPECT_TRUE(PACE_UNTIL(ct_answers(self->name)));
	EXPECT_EQ(0, read(file, &byte, 1));
	tmem_control_stop();
	for (fd = 3; fd < 200; fd++)
		EXPECT_FALSE(theirs[fd] && fcntl(fd, F_GETFD) < 0);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	self->fds = ct_fds_open();
}

/* The thread sleeps in poll(). */
static bool asleep(void)
{
	struct tmem_worker *w = &tmem_control_server.worker;
	char path[64], line[512] = "";
	const char *state;
	bool polling;
	FILE *file;

	pthread_mutex_lock(&w->lock);
	polling = w->polling;
	pthread_mutex_unlock(&w->lock);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", ct_thread());
	file = fopen(path, "re");
	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	state = strrchr(line, ')');
	return polling && state && !strncmp(state, ") S", 3);
}

/* Neither descriptor wakes it: it would sleep for ever. */
TEST_F(control, stops_when_its_socket_was_closed)
{
	int fd;

	ASSERT_TRUE(PACE_UNTIL(asleep()));
	for (fd = 3; fd < 256; fd++)
		close(fd);
	tmem_control_stop();
	self->fds = ct_fds_open();
}

TEST_F(control, stops_when_one_was_closed)
{
	struct tmem_control_server *s = &tmem_control_server;

	ASSERT_TRUE(PACE_UNTIL(asleep()));
	close(s->worker.wake_fd);
	tmem_control_stop();
	ASSERT_EQ(0, tmem_control_start());
	ASSERT_TRUE(PACE_UNTIL(asleep()));
	close(s->listener.fd);
	tmem_control_stop();
}

TEST_HARNESS_MAIN
