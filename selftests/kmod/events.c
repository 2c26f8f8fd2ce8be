// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what struct tmem_event promises, sentence by sentence: a descriptor
 * starts with no event, events of one kind are merged and never lost, each
 * descriptor has its own; and how read() and poll() wait, fail and are woken.
 */
#include "tmem_test_pressure.h"

#include <pthread.h>
#include <sys/epoll.h>

FIXTURE(events)
{
	int dev; /* does not wait */
	int ctl; /* for the page; not read from */
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
	struct tmem_event ev;
};

FIXTURE_SETUP(events)
{
	self->ctl = kt_open();
	ASSERT_LE(0, self->ctl);
	self->size = kt_status_size(self->ctl);
	self->page = kt_status_map(self->ctl);
	ASSERT_TRUE(self->page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW));
	self->dev = kt_open_events();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(events)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	munmap((void *)self->page, self->size);
	close(self->ctl);
	if (self->dev >= 0)
		close(self->dev);
}

/* There, and the event is, too. */
static bool go(struct _test_data_events *self, uint32_t level)
{
	return kt_steer_wait(&self->knobs, self->page, level);
}

TEST_F(events, none_to_begin_with)
{
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN | POLLPRI));
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
	ASSERT_TRUE(go(self, TMEM_LEVEL_MEDIUM));
	EXPECT_EQ(1, kt_event(self->dev, &self->ev));
	/* Not even if the level is not low, or has just changed. */
	close(self->dev);
	self->dev = kt_open_events();
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN | POLLPRI));
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
}

TEST_F(events, one_change)
{
	struct tmem_status st;

	ASSERT_TRUE(go(self, TMEM_LEVEL_MEDIUM));
	ASSERT_TRUE(kt_status_copy(self->page, &st, sizeof(st)));
	EXPECT_EQ(POLLIN | POLLPRI, kt_poll(self->dev, POLLIN | POLLPRI));
	ASSERT_EQ(1, kt_event(self->dev, &self->ev));
	EXPECT_EQ((uint32_t)TMEM_EVENT_LEVEL, self->ev.type);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, self->ev.level);
	EXPECT_EQ(1U, self->ev.count);
	EXPECT_EQ(st.since, self->ev.time);
	EXPECT_EQ(0U, self->ev.cookie);
	EXPECT_EQ(0, kt_poll(self->dev, POLLIN | POLLPRI));
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
}

TEST_F(events, there_and_back)
{
	struct tmem_event room[4];

	ASSERT_TRUE(go(self, TMEM_LEVEL_MEDIUM));
	ASSERT_TRUE(go(self, TMEM_LEVEL_LOW));
	ASSERT_EQ((ssize_t)sizeof(room[0]),
		  read(self->dev, room, sizeof(room)));
	EXPECT_EQ((uint32_t)TMEM_EVENT_LEVEL, room[0].type);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW, room[0].level);
	EXPECT_EQ(2U, room[0].count);
	EXPECT_EQ(self->page->since, room[0].time);
	EXPECT_EQ(-EAGAIN, kt_event(self->dev, &self->ev));
}

/* As often as the page says, however the reads lie between them. */
TEST_F(events, all_are_counted)
{
	uint64_t from = self->page->changes, seed = pace_seed();
	uint64_t sum = 0, reads = 0;

	for (int i = 0; i < 60; i++) {
		ASSERT_TRUE(go(self, (uint32_t)(i % 4)));
		if (kt_random(&seed) % 3)
			continue;
		if (kt_event(self->dev, &self->ev) == 1) {
			sum += self->ev.count;
			reads++;
			EXPECT_EQ((uint32_t)(i % 4), self->ev.level);
		}
	}
	ASSERT_TRUE(go(self, TMEM_LEVEL_LOW));
	if (kt_event(self->dev, &self->ev) == 1)
		sum += self->ev.count;
	EXPECT_EQ(self->page->changes - from, sum);
	EXPECT_LT(40U, sum);
	EXPECT_LT(reads, sum);
}

TEST_F(events, each_descriptor_has_its_own)
{
	int other = kt_open_events(), late, same = dup(other);

	ASSERT_LE(0, other);
	ASSERT_TRUE(go(self, TMEM_LEVEL_MEDIUM));
	late = kt_open_events();
	EXPECT_EQ(1, kt_event(self->dev, &self->ev));
	EXPECT_EQ(1U, self->ev.count);
	ASSERT_TRUE(go(self, TMEM_LEVEL_LOW));
	EXPECT_EQ(1, kt_event(self->dev, &self->ev));
	EXPECT_EQ(1U, self->ev.count);
	EXPECT_EQ(1, kt_event(late, &self->ev));
	EXPECT_EQ(1U, self->ev.count);
	/* The same open file is the same reader. */
	EXPECT_EQ(1, kt_event(other, &self->ev));
	EXPECT_EQ(2U, self->ev.count);
	EXPECT_EQ(-EAGAIN, kt_event(same, &self->ev));
	close(same);
	close(other);
	close(late);
}

TEST_F(events, short_buffers)
{
	char small[sizeof(struct tmem_event)];
	struct tmem_event room[2];
	void *nowhere = mmap(NULL, KT_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_EQ(-1, read(self->dev, small, sizeof(small) - 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_TRUE(go(self, TMEM_LEVEL_MEDIUM));
	for (size_t n = 1; n < sizeof(small); n++) {
		ASSERT_EQ(-1, read(self->dev, small, n));
		ASSERT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, read(self->dev, nowhere, sizeof(room)));
	EXPECT_EQ(EFAULT, errno);
	/* None of these has taken the event away. */
	EXPECT_EQ((ssize_t)sizeof(room[0]),
		  read(self->dev, room, sizeof(room[0]) + 7));
	EXPECT_EQ(1U, room[0].count);
	munmap(nowhere, KT_PAGE);
}

TEST_F(events, cannot_be_written)
{
	EXPECT_EQ(-1, write(self->dev, "1", 1));
	EXPECT_TRUE(errno == EINVAL || errno == EBADF);
}

/* A thread that waits, and how its wait ended. */
struct waiter {
	int fd;
	short events; /* for poll; 0: read */
	pid_t tid;
	bool ended;
	int ret;
	struct tmem_event ev;
	pthread_t id;
};

static void *wait_for_it(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { .fd = w->fd, .events = w->events };

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	if (!w->events)
		w->ret = kt_event(w->fd, &w->ev);
	else
		w->ret = poll(&p, 1, -1) < 0 ? -errno : p.revents;
	__atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The thread sleeps; after its tid is set that is in the one call it makes. */
static bool waits(struct waiter *w)
{
	pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE);
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = tid ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'S' && !__atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
}

static bool waiter_start(struct waiter *w)
{
	return !pthread_create(&w->id, NULL, wait_for_it, w) &&
	       PACE_UNTIL(waits(w));
}

TEST_F(events, readers_and_pollers_are_woken)
{
	struct waiter reader = { .fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC) };
	struct waiter in = { .fd = self->dev, .events = POLLIN };
	struct waiter pri = { .fd = self->dev, .events = POLLPRI };

	ASSERT_LE(0, reader.fd);
	ASSERT_TRUE(waiter_start(&reader));
	ASSERT_TRUE(waiter_start(&in));
	ASSERT_TRUE(waiter_start(&pri));
	/* Not by a look that changes nothing. */
	ASSERT_TRUE(kt_look());
	EXPECT_TRUE(waits(&reader) && waits(&in) && waits(&pri));
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_MEDIUM));
	pthread_join(reader.id, NULL);
	pthread_join(in.id, NULL);
	pthread_join(pri.id, NULL);
	EXPECT_EQ(1, reader.ret);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM, reader.ev.level);
	EXPECT_EQ(POLLIN, in.ret);
	EXPECT_EQ(POLLPRI, pri.ret);
	close(reader.fd);
}

static unsigned int handled;

static void count(int sig)
{
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELEASE);
}

TEST_F(events, signals)
{
	int fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC);
	struct waiter w = { .fd = fd }, again = { .fd = fd };
	struct sigaction act = { .sa_handler = count };

	sigaction(SIGUSR1, &act, NULL);
	ASSERT_TRUE(waiter_start(&w));
	pthread_kill(w.id, SIGUSR1);
	pthread_join(w.id, NULL);
	EXPECT_EQ(-EINTR, w.ret);

	/* A handler that restarts calls does so here as well. */
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	ASSERT_TRUE(waiter_start(&again));
	pthread_kill(again.id, SIGUSR1);
	ASSERT_TRUE(
		PACE_UNTIL(__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == 2 &&
			   waits(&again)));
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_MEDIUM));
	pthread_join(again.id, NULL);
	EXPECT_EQ(1, again.ret);
	close(fd);
}

TEST_F(events, epoll)
{
	struct epoll_event want = { .events = EPOLLIN | EPOLLET }, got;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->dev, &want));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	for (uint32_t i = 0; i < 6; i++) {
		ASSERT_EQ(0, kt_steer_to(&self->knobs, (i + 1) % 2));
		EXPECT_EQ(1, epoll_wait(ep, &got, 1, 0));
		EXPECT_EQ((uint32_t)EPOLLIN, got.events);
		EXPECT_EQ(1, kt_event(self->dev, &self->ev));
		EXPECT_EQ((i + 1) % 2, self->ev.level);
	}
	close(ep);
}

/* The descriptor goes while others wait on it; the file is theirs still. */
TEST_F(events, closed_while_waited_for)
{
	struct waiter reader = { .fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC) };
	struct waiter poller = { .fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC),
				 .events = POLLIN };

	ASSERT_TRUE(waiter_start(&reader));
	ASSERT_TRUE(waiter_start(&poller));
	close(reader.fd);
	close(poller.fd);
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_MEDIUM));
	pthread_join(reader.id, NULL);
	pthread_join(poller.id, NULL);
	EXPECT_EQ(1, reader.ret);
	EXPECT_LT(0, poller.ret);
}

struct taker {
	int fd;
	int stop; /* a pipe; its other end is closed at the end */
	uint64_t *sum; /* of all takers */
};

static void *take(void *arg)
{
	struct taker *t = arg;
	struct pollfd p[] = { { .fd = t->fd, .events = POLLIN },
			      { .fd = t->stop } };
	struct tmem_event ev;

	while (poll(p, ARRAY_SIZE(p), -1) > 0 && !p[1].revents) {
		if (kt_event(t->fd, &ev) == 1)
			__atomic_add_fetch(t->sum, ev.count, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Several readers of one descriptor: each event goes to one of them. */
TEST_F(events, taken_once)
{
	uint64_t from = self->page->changes, sum = 0, want;
	struct taker t = { .fd = self->dev, .sum = &sum };
	pthread_t id[4];
	int stop[2];

	ASSERT_EQ(0, pipe(stop));
	t.stop = stop[0];
	for (size_t i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_create(&id[i], NULL, take, &t));
	}
	for (uint32_t i = 0; i < 100; i++) {
		ASSERT_TRUE(go(self, (i + 1) % 2));
	}
	want = self->page->changes - from;
	EXPECT_TRUE(
		PACE_UNTIL(__atomic_load_n(&sum, __ATOMIC_ACQUIRE) >= want));
	close(stop[1]);
	for (size_t i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	EXPECT_EQ(want, sum);
	EXPECT_LE(100U, sum);
	close(stop[0]);
}

TEST_HARNESS_MAIN
