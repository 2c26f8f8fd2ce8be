// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The thread that answers: asleep in poll() until somebody connects, and gone
 * within 50 ms when it is told to go.  It never waits for a client, and no
 * other thread ever waits for it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/server.h"
#include "gc/collector.h"

#define STACK_BYTES ((size_t)256 << 10)
#define MS 1000000ull
/* Nothing wakes a thread that does not wait for the listener. */
#define DEAF_MS 20
/* Nor one whose socket lost its descriptor in another network namespace. */
#define ASLEEP_MS 10000
/* After so many strangers, or when nobody can be taken in. */
#define REST_STRANGERS 16
#define REST_NS (20 * MS)

struct tmem_control_server tmem_control_server = {
	.life_lock = PTHREAD_MUTEX_INITIALIZER,
	.life_changed = PTHREAD_COND_INITIALIZER,
	.listener = { .fd = -1 },
	.scratch = { .fd = -1 },
	.client = { [0 ... TMEM_CONTROL_CLIENTS - 1] = { .fd = { .fd = -1 } } },
};

static struct tmem_control_client *client_free(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	unsigned int i;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		if (s->client[i].fd.fd < 0)
			return &s->client[i];
	return NULL;
}

/* 0, or -EAGAIN: there is no other; or another -errno. */
static int client_accept(struct tmem_control_client *client)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err = -EAGAIN;

	pthread_mutex_lock(&s->life_lock);
	if (tmem_fd_ours(&s->listener))
		err = tmem_control_client_accept(client, s->listener.fd,
						 tmem_control_now_ns());
	pthread_mutex_unlock(&s->life_lock);
	return err;
}

/* All that wait, as far as there is room: strangers take none. */
static void clients_accept(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct tmem_control_client *client;
	unsigned int strangers = 0;
	int err = 0;

	if (tmem_control_now_ns() < s->rest_ns)
		return;
	while (!err && strangers < REST_STRANGERS && !atomic_load(&s->stop) &&
	       (client = client_free())) {
		err = client_accept(client);
		strangers += !err && client->fd.fd < 0;
	}
	if ((err && err != -EAGAIN) || strangers == REST_STRANGERS)
		s->rest_ns = tmem_control_now_ns() + REST_NS;
}

/* Somebody closed it: once more, maybe under another name. */
static void listener_check(void)
{
	struct tmem_control_server *s = &tmem_control_server;

	pthread_mutex_lock(&s->life_lock);
	if (!atomic_load(&s->stop) && !tmem_fd_ours(&s->listener)) {
		s->listener.fd = -1;
		tmem_control_listen(&s->listener, s->name);
	}
	pthread_mutex_unlock(&s->life_lock);
}

static int wait_ms(bool deaf, uint64_t deadline_ns)
{
	uint64_t now = tmem_control_now_ns(), ms;

	if (deaf)
		return DEAF_MS;
	if (deadline_ns == UINT64_MAX)
		return ASLEEP_MS;
	ms = deadline_ns > now ? (deadline_ns - now) / MS + 1 : 0;
	return ms < ASLEEP_MS ? (int)ms : ASLEEP_MS;
}

/* Until there is something to do. */
static void server_wait(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct pollfd p[TMEM_CONTROL_CLIENTS + 1];
	uint64_t deadline = UINT64_MAX;
	bool deaf = !client_free() || s->listener.fd < 0 ||
		    tmem_control_now_ns() < s->rest_ns;
	unsigned int i;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++) {
		struct tmem_control_client *client = &s->client[i];

		p[i] = (struct pollfd){
			.fd = client->fd.fd,
			.events = client->answering ? POLLOUT : POLLIN,
		};
		if (client->fd.fd >= 0 && client->deadline_ns < deadline)
			deadline = client->deadline_ns;
	}
	p[i] = (struct pollfd){
		.fd = deaf ? -1 : s->listener.fd,
		.events = POLLIN,
	};
	poll(p, TMEM_CONTROL_CLIENTS + 1, wait_ms(deaf, deadline));
}

void tmem_control_thread_forget(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	unsigned int i;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		tmem_control_client_close(&s->client[i]);
	tmem_fd_close(&s->listener);
	tmem_fd_close(&s->scratch);
}

static void *server_main(void *arg)
{
	struct tmem_control_server *s = arg;
	unsigned int i;

	pthread_setname_np(pthread_self(), "tmem-ctl");
	while (!atomic_load(&s->stop)) {
		server_wait();
		listener_check();
		clients_accept();
		for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
			if (s->client[i].fd.fd >= 0 && !atomic_load(&s->stop))
				tmem_control_client_step(&s->client[i],
							 tmem_control_now_ns());
	}
	pthread_mutex_lock(&s->life_lock);
	tmem_control_thread_forget();
	pthread_mutex_unlock(&s->life_lock);
	return NULL;
}

/* A program with much thread-local memory needs a larger stack than ours. */
static int server_spawn(pthread_t *thread)
{
	struct tmem_control_server *s = &tmem_control_server;
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	if (tmem_collector.threadless)
		return EAGAIN;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(thread, &attr, server_main, s);
	if (err == EINVAL)
		err = pthread_create(thread, NULL, server_main, s);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* 1: the caller makes the thread; 0: there is one; or -errno. */
static int start_begin(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err;

	while (s->life == TMEM_CONTROL_STARTING ||
	       s->life == TMEM_CONTROL_STOPPING)
		pthread_cond_wait(&s->life_changed, &s->life_lock);
	if (s->life == TMEM_CONTROL_RUNNING)
		return 0;
	if (s->closed)
		return -ECANCELED;
	err = tmem_control_listen(&s->listener, s->name);
	if (err)
		return err;
	s->life = TMEM_CONTROL_STARTING;
	atomic_store(&s->stop, false);
	return 1;
}

/* Not with the lock held: making a thread allocates, maybe from us. */
int tmem_control_start(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	pthread_t thread = 0;
	int err;

	pthread_mutex_lock(&s->life_lock);
	err = start_begin();
	pthread_mutex_unlock(&s->life_lock);
	if (err <= 0)
		return err;
	err = server_spawn(&thread);
	pthread_mutex_lock(&s->life_lock);
	s->thread = thread;
	s->life = err ? TMEM_CONTROL_NONE : TMEM_CONTROL_RUNNING;
	if (err)
		tmem_fd_close(&s->listener);
	pthread_cond_broadcast(&s->life_changed);
	pthread_mutex_unlock(&s->life_lock);
	return -err;
}

/* With the lock held.  true: the thread is to be joined. */
static bool stop_begin(void)
{
	struct tmem_control_server *s = &tmem_control_server;

	if (s->life != TMEM_CONTROL_RUNNING)
		return false;
	s->life = TMEM_CONTROL_STOPPING;
	atomic_store(&s->stop, true);
	tmem_control_wake(&s->listener, s->name);
	return true;
}

void tmem_control_stop(void)
{
	struct tmem_control_server *s = &tmem_control_server;

	pthread_mutex_lock(&s->life_lock);
	while (s->life == TMEM_CONTROL_STARTING ||
	       s->life == TMEM_CONTROL_STOPPING)
		pthread_cond_wait(&s->life_changed, &s->life_lock);
	if (stop_begin()) {
		pthread_mutex_unlock(&s->life_lock);
		pthread_join(s->thread, NULL);
		pthread_mutex_lock(&s->life_lock);
		s->life = TMEM_CONTROL_NONE;
		pthread_cond_broadcast(&s->life_changed);
	}
	pthread_mutex_unlock(&s->life_lock);
}

/*
 * At exit() and dlclose().  exit() may come from a signal handler that has
 * interrupted who holds a lock that we or the thread wait for: hence no wait
 * here is without an end.
 */
__attribute__((destructor)) static void server_end(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct timespec until;
	bool join;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_mutex_timedlock(&s->life_lock, &until))
		return;
	s->closed = true;
	join = stop_begin();
	pthread_mutex_unlock(&s->life_lock);
	if (join)
		pthread_timedjoin_np(s->thread, NULL, &until);
}
