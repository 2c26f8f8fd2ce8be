// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the library's threads rely on (core/worker.h): one thread at a
 * time, begun and ended once; a wait ends by a descriptor, a timeout or a call,
 * and a call that comes before the wait is not lost; a stop returns whatever
 * the thread does; fork(), exit() and a program that closes descriptors are
 * survived, and no other file is written to.
 */
#include "lib_test.h"
#include "worker_fake.h"

#include <fcntl.h>

#include "core/wakefd.h"

#define MS 1000000u

/* What the worker has called. */
static struct {
	atomic_uint begins, works, ends;
	atomic_bool held, released; /* by work_held() */
	/* What work() asks for. */
	struct pollfd fd; /* -1: none */
	int timeout_ms;
	_Atomic(short) revents; /* of the last wait */
	void (*at_work)(void);
} owner;

static void owner_begin(void)
{
	atomic_fetch_add(&owner.begins, 1);
}

static void owner_work(struct tmem_worker_wait *wait)
{
	if (wait->count)
		atomic_store(&owner.revents, wait->fds[0].revents);
	wait->fds[0] = owner.fd;
	wait->count = owner.fd.fd >= 0;
	wait->timeout_ms = owner.timeout_ms;
	atomic_fetch_add(&owner.works, 1);
	if (owner.at_work)
		owner.at_work();
}

static void owner_end(void)
{
	atomic_fetch_add(&owner.ends, 1);
}

static struct tmem_worker worker = TMEM_WORKER_INIT(
	"tmem-test", 128 * LT_KIB, owner_begin, owner_work, owner_end);

static int start(void)
{
	int err;

	pthread_mutex_lock(&worker.lock);
	err = tmem_worker_start(&worker);
	pthread_mutex_unlock(&worker.lock);
	return err;
}

static void stop(void)
{
	pthread_mutex_lock(&worker.lock);
	tmem_worker_stop(&worker);
	pthread_mutex_unlock(&worker.lock);
}

static void wake(void)
{
	pthread_mutex_lock(&worker.lock);
	tmem_worker_wake(&worker);
	pthread_mutex_unlock(&worker.lock);
}

static bool polling(void)
{
	bool polling;

	pthread_mutex_lock(&worker.lock);
	polling = worker.polling;
	pthread_mutex_unlock(&worker.lock);
	return polling;
}

static int wake_fd(void)
{
	int fd;

	pthread_mutex_lock(&worker.lock);
	fd = worker.wake_fd;
	pthread_mutex_unlock(&worker.lock);
	return fd;
}

static unsigned int works(void)
{
	return atomic_load(&owner.works);
}

static void work_held(void)
{
	atomic_store(&owner.held, true);
	PACE_UNTIL(atomic_load(&owner.released));
}

TEST(delays)
{
	EXPECT_EQ(0, tmem_worker_ms(0));
	EXPECT_EQ(1, tmem_worker_ms(1));
	EXPECT_EQ(1, tmem_worker_ms(MS));
	EXPECT_EQ(2, tmem_worker_ms(MS + 1));
	EXPECT_EQ(INT_MAX, tmem_worker_ms(UINT64_MAX));
}

/* --- without a thread ----------------------------------------------------------- */

FIXTURE(stepped)
{
	int ends[2]; /* of a pipe: the owner waits for [0] */
};

FIXTURE_SETUP(stepped)
{
	ASSERT_EQ(0, pipe2(self->ends, O_CLOEXEC | O_NONBLOCK));
	owner.fd = (struct pollfd){ .fd = self->ends[0], .events = POLLIN };
	owner.timeout_ms = 100;
	worker.ops = &worker_fake_ops;
}

FIXTURE_TEARDOWN(stepped)
{
	stop();
	EXPECT_EQ(TMEM_WORKER_NONE, worker.life);
	EXPECT_EQ(-1, wake_fd());
}

TEST_F(stepped, begins_works_waits_ends)
{
	const struct worker_fake *f = worker_fake(&worker);

	ASSERT_EQ(0, start());
	EXPECT_EQ(0U, atomic_load(&owner.begins));
	EXPECT_EQ(1U, worker_fake_run(&worker));
	EXPECT_EQ(1U, atomic_load(&owner.begins));
	EXPECT_EQ(1U, f->asked.count);
	EXPECT_EQ(self->ends[0], f->asked.fds[0].fd);
	EXPECT_EQ(100, f->asked.timeout_ms);
	EXPECT_EQ(0U, worker_fake_pass(&worker, 100 * MS - 1));
	EXPECT_EQ(1U, worker_fake_pass(&worker, 1));
	EXPECT_EQ(0, atomic_load(&owner.revents));
	ASSERT_EQ(1, write(self->ends[1], "x", 1));
	worker_fake_step(&worker);
	EXPECT_EQ(POLLIN, atomic_load(&owner.revents));
	EXPECT_EQ(3U, works());
	EXPECT_EQ(0U, atomic_load(&owner.ends));
	stop();
	EXPECT_EQ(1U, atomic_load(&owner.begins));
	EXPECT_EQ(1U, atomic_load(&owner.ends));
	EXPECT_EQ(1U, f->joins);
}

TEST_F(stepped, is_woken_once)
{
	owner.fd.fd = -1;
	owner.timeout_ms = TMEM_WORKER_FOREVER;
	ASSERT_EQ(0, start());
	EXPECT_EQ(1U, worker_fake_pass(&worker, 86400000ull * MS));
	EXPECT_TRUE(worker_fake_asleep(&worker));
	wake();
	wake();
	EXPECT_FALSE(worker_fake_asleep(&worker));
	EXPECT_EQ(1U, worker_fake_run(&worker));
	EXPECT_TRUE(worker_fake_asleep(&worker));
	/* While it works: the next wait ends at once. */
	owner.at_work = wake;
	wake();
	worker_fake_step(&worker);
	owner.at_work = NULL;
	EXPECT_EQ(1U, worker_fake_run(&worker));
	EXPECT_TRUE(worker_fake_asleep(&worker));
}

static void work_told_to_stop(void)
{
	atomic_store(&worker.stop, true);
}

/* A thread that is to end does not wait before. */
TEST_F(stepped, no_wait_after_the_stop)
{
	ASSERT_EQ(0, start());
	owner.at_work = work_told_to_stop;
	worker_fake_step(&worker);
	EXPECT_FALSE(worker_fake(&worker)->waiting);
	EXPECT_EQ(0U, atomic_load(&worker.wakeups));
}

/* What never began has no end. */
TEST_F(stepped, stopped_before_it_begins)
{
	stop();
	ASSERT_EQ(0, start());
	stop();
	EXPECT_EQ(0U, atomic_load(&owner.begins));
	EXPECT_EQ(0U, atomic_load(&owner.ends));
	ASSERT_EQ(0, start());
	EXPECT_EQ(1U, worker_fake_run(&worker));
	EXPECT_EQ(1U, atomic_load(&owner.begins));
}

TEST_F(stepped, one_at_a_time)
{
	ASSERT_EQ(0, start());
	EXPECT_EQ(-EALREADY, start());
	EXPECT_EQ(1U, worker_fake(&worker)->spawns);
}

TEST_F(stepped, no_thread_to_be_had)
{
	worker_fake(&worker)->spawn_err = EAGAIN;
	EXPECT_EQ(-EAGAIN, start());
	EXPECT_EQ(-1, wake_fd());
	stop();
	EXPECT_EQ(0U, worker_fake(&worker)->joins);
	worker_fake(&worker)->spawn_err = 0;
	EXPECT_EQ(0, start());
}

static unsigned int attrs, defaults;

/* As where thread-local memory needs more than the stack asked for. */
static int spawn_needs_default(pthread_t *thread, const pthread_attr_t *attr,
			       void *(*fn)(void *arg), void *arg)
{
	attrs += !!attr;
	defaults += !attr;
	return attr ? EINVAL : worker_fake_spawn(thread, attr, fn, arg);
}

TEST_F(stepped, the_default_stack)
{
	struct tmem_worker_ops ops = worker_fake_ops;

	ops.spawn = spawn_needs_default;
	worker.ops = &ops;
	EXPECT_EQ(0, start());
	EXPECT_EQ(1U, attrs);
	EXPECT_EQ(1U, defaults);
	stop();
	worker.ops = &worker_fake_ops;
}

/* --- a thread -------------------------------------------------------------------- */

static void fork_prepare(void)
{
	tmem_worker_fork_prepare(&worker);
}

static void fork_parent(void)
{
	tmem_worker_fork_parent(&worker);
}

static void fork_child(void)
{
	tmem_worker_fork_child(&worker);
}

static unsigned int fds_open(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

FIXTURE(thread)
{
	int ends[2]; /* of a pipe: the owner waits for [0] */
	unsigned int fds;
};

/* The three kinds of waits: for a call alone, for a descriptor, for a time. */
FIXTURE_VARIANT(thread)
{
	bool fd;
	int timeout_ms;
};

FIXTURE_VARIANT_ADD(thread, call){
	.timeout_ms = TMEM_WORKER_FOREVER,
};

FIXTURE_VARIANT_ADD(thread, descriptor){
	.fd = true,
	.timeout_ms = TMEM_WORKER_FOREVER,
};

FIXTURE_VARIANT_ADD(thread, time){
	.timeout_ms = INT_MAX,
};

FIXTURE_SETUP(thread)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
	ASSERT_EQ(0, pipe2(self->ends, O_CLOEXEC | O_NONBLOCK));
	owner.fd = (struct pollfd){ .fd = variant->fd ? self->ends[0] : -1,
				    .events = POLLIN };
	owner.timeout_ms = variant->timeout_ms;
	self->fds = fds_open();
}

FIXTURE_TEARDOWN(thread)
{
	stop();
	EXPECT_EQ(TMEM_WORKER_NONE, worker.life);
	EXPECT_EQ(atomic_load(&owner.begins), atomic_load(&owner.ends));
	EXPECT_EQ(self->fds, fds_open());
}

TEST_F(thread, is_woken)
{
	unsigned int i;

	ASSERT_EQ(0, start());
	for (i = 1; i < 100; i++) {
		ASSERT_TRUE(PACE_UNTIL(works() >= i));
		wake();
	}
	EXPECT_TRUE(PACE_UNTIL(works() == 100));
	EXPECT_EQ(99U, atomic_load(&worker.wakeups));
	EXPECT_EQ(1U, atomic_load(&owner.begins));
}

static void work_wakes(void)
{
	if (works() < 100)
		wake();
}

/* By a call that comes while it works. */
TEST_F(thread, misses_no_call)
{
	owner.at_work = work_wakes;
	ASSERT_EQ(0, start());
	EXPECT_TRUE(PACE_UNTIL(works() == 100));
}

TEST_F(thread, stops_while_it_waits)
{
	unsigned int i;

	for (i = 0; i < LT_COUNT(50, 10); i++) {
		ASSERT_EQ(0, start());
		if (i % 2)
			ASSERT_TRUE(PACE_UNTIL(works() > i));
		stop();
		EXPECT_EQ(atomic_load(&owner.begins), atomic_load(&owner.ends));
		atomic_store(&owner.works, i + 1);
	}
}

static void *stopper(void *arg)
{
	stop();
	return arg;
}

/* All stops return once it has ended, and one has joined it. */
TEST_F(thread, stopped_by_many_at_work)
{
	pthread_t thread[4];
	unsigned int i;

	owner.at_work = work_held;
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&owner.held)));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, stopper, NULL));
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&worker.stop)));
	EXPECT_EQ(0U, atomic_load(&owner.ends));
	atomic_store(&owner.released, true);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(1U, works());
	EXPECT_EQ(1U, atomic_load(&owner.ends));
	EXPECT_EQ(0U, atomic_load(&worker.wakeups));
}

static void *start_stop_wake(void *arg)
{
	unsigned int i;

	for (i = 0; i < LT_COUNT(200, 30); i++) {
		switch ((i + (uintptr_t)arg) % 3) {
		case 0:
			start();
			break;
		case 1:
			wake();
			break;
		default:
			stop();
		}
	}
	return NULL;
}

/* Each thread that began has ended, and there is none. */
TEST_F(thread, started_and_stopped_by_many)
{
	pthread_t thread[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, start_stop_wake,
					    (void *)i));
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	stop();
	EXPECT_EQ(atomic_load(&owner.begins), atomic_load(&owner.ends));
	EXPECT_EQ(0, start());
}

/* --- exit ------------------------------------------------------------------------ */

TEST_F(thread, closed)
{
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(works()));
	tmem_worker_close(&worker);
	stop();
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&owner.ends) == 1));
	EXPECT_EQ(-EALREADY, start());
	worker.life = TMEM_WORKER_NONE;
	EXPECT_EQ(-ECANCELED, start());
	self->fds += tmem_wakefd_ours(worker.wake_fd);
}

/* As from a signal handler that has interrupted a call. */
TEST_F(thread, closed_by_the_holder_of_the_lock)
{
	ASSERT_EQ(0, start());
	pthread_mutex_lock(&worker.lock);
	tmem_worker_close(&worker);
	EXPECT_FALSE(worker.closed);
	pthread_mutex_unlock(&worker.lock);
}

/* It does not end: neither close nor a later stop waits for that. */
TEST_F(thread, closed_at_work)
{
	owner.at_work = work_held;
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&owner.held)));
	tmem_worker_close(&worker);
	stop();
	EXPECT_EQ(0U, atomic_load(&owner.ends));
	atomic_store(&owner.released, true);
	pthread_join(worker.thread, NULL);
	worker.life = TMEM_WORKER_NONE;
	self->fds += tmem_wakefd_ours(worker.wake_fd);
}

static int spawn_closed(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *arg), void *arg)
{
	tmem_worker_close(&worker);
	return pthread_create(thread, attr, fn, arg);
}

/* A thread that is being made meanwhile ends before it does anything. */
TEST_F(thread, closed_as_it_starts)
{
	struct tmem_worker_ops ops = tmem_worker_ops_real;

	ops.spawn = spawn_closed;
	worker.ops = &ops;
	ASSERT_EQ(0, start());
	pthread_join(worker.thread, NULL);
	EXPECT_EQ(0U, works());
	worker.life = TMEM_WORKER_NONE;
	worker.ops = &tmem_worker_ops_real;
	self->fds += tmem_wakefd_ours(worker.wake_fd);
}

/* --- fork ------------------------------------------------------------------------ */

/* 0: there is no thread, and one can be made; it has a descriptor of its own. */
static int child_starts(void *arg)
{
	const unsigned int *fds = arg;

	if (worker.life != TMEM_WORKER_NONE || fds_open() != *fds)
		return 1;
	owner.at_work = NULL;
	atomic_store(&owner.works, 0);
	if (start())
		return tmem_worker_threadless() && LT_TSAN ? 0 : 2;
	if (!PACE_UNTIL(works()))
		return 3;
	stop();
	return fds_open() != *fds ? 4 : 0;
}

TEST_F(thread, forks_while_it_waits)
{
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(works()));
	EXPECT_EQ(0, lt_child(child_starts, &self->fds));
	wake();
	EXPECT_TRUE(PACE_UNTIL(works() == 2));
}

TEST_F(thread, forks_while_it_works)
{
	owner.at_work = work_held;
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&owner.held)));
	EXPECT_EQ(0, lt_child(child_starts, &self->fds));
	atomic_store(&owner.released, true);
}

static atomic_int forked_status;

static void work_forks(void)
{
	int status = -1;
	pid_t pid;

	owner.at_work = NULL;
	pid = fork();
	if (pid && (pid < 0 || waitpid(pid, &status, 0) != pid))
		status = -2;
	if (pid)
		atomic_store(&forked_status, status);
}

/* Its copy returns from work(), and ends with the child, which has no other. */
TEST_F(thread, forks_itself)
{
	if (LT_SANITIZER)
		SKIP(return, "sanitizers do not end a child like that");
	atomic_store(&forked_status, -3);
	owner.at_work = work_forks;
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&forked_status) != -3));
	EXPECT_EQ(0, atomic_load(&forked_status));
}

/* --- descriptors ------------------------------------------------------------------ */

/* The program has closed the wake descriptor, and has the number for a file. */
TEST_F(thread, its_descriptor_is_another_file)
{
	int file[2], fd;
	char byte;

	if (!variant->fd)
		SKIP(return, "no descriptor ends the wait but the closed one");
	ASSERT_EQ(0, pipe2(file, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, start());
	ASSERT_TRUE(PACE_UNTIL(polling()));
	fd = wake_fd();
	ASSERT_EQ(fd, dup2(file[1], fd));
	/* The call is kept until the wait ends by something else. */
	wake();
	EXPECT_EQ(-1, read(file[0], &byte, 1));
	ASSERT_EQ(1, write(self->ends[1], "x", 1));
	ASSERT_TRUE(PACE_UNTIL(works() >= 2));
	EXPECT_EQ(1, read(self->ends[0], &byte, 1));
	/* From then on it has another one. */
	ASSERT_TRUE(PACE_UNTIL(tmem_wakefd_ours(wake_fd())));
	EXPECT_NE(fd, wake_fd());
	stop();
	EXPECT_EQ(-1, read(file[0], &byte, 1));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	close(file[0]);
	close(file[1]);
}

/* None to be had: it looks by itself whether it is to end, and does not spin. */
TEST_F(thread, no_descriptor_to_be_had)
{
	const unsigned int looks = variant->fd || variant->timeout_ms >= 0 ? 5 :
									     1;
	uint64_t began = pace_now_ns();
	struct rlimit was, none;

	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 0; /* less than what is polled: poll() refuses */
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(0, start());
	EXPECT_TRUE(PACE_UNTIL(works() >= looks));
	EXPECT_GE(pace_now_ns() - began, (looks - 1) * 20ull * MS);
	stop();
	EXPECT_EQ(-1, wake_fd());
	setrlimit(RLIMIT_NOFILE, &was);
}

TEST_HARNESS_MAIN
