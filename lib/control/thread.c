// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The thread that answers: asleep until a client connects.  It never waits for
 * a client, and no other thread ever waits for it.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "control/server.h"
#include "core/wakefd.h"

#define STACK_BYTES ((size_t)256 << 10)

static void server_work(struct tmem_worker_wait *wait);
static void server_end(void);

struct tmem_control_server tmem_control_server = {
	.worker = TMEM_WORKER_INIT("tmem-ctl", STACK_BYTES, NULL, server_work,
				   server_end),
	.listener = { .fd = -1 },
	.scratch = { .fd = -1 },
	.client = { [0 ... TMEM_CONTROL_CLIENTS - 1] = { .fd = { .fd = -1 } } },
};

_Static_assert(TMEM_CONTROL_CLIENTS + 1 <= TMEM_WORKER_FDS,
	       "the worker waits for all clients and the listener");

static struct tmem_control_client *client_free(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	unsigned int i;

	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		if (s->client[i].fd.fd < 0)
			return &s->client[i];
	return NULL;
}

static bool server_stops(void)
{
	return atomic_load(&tmem_control_server.worker.stop);
}

/* 0, or -EAGAIN: there is no other; or another -errno. */
static int client_accept(struct tmem_control_client *client)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err = -EAGAIN;

	pthread_mutex_lock(&s->worker.lock);
	if (tmem_fd_ours(&s->listener))
		err = tmem_control_client_accept(client, s->listener.fd,
						 tmem_control_now_ns());
	pthread_mutex_unlock(&s->worker.lock);
	return err;
}

/* If the program closed it: once more, maybe under another name. */
static int listener_check(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err = 0;

	pthread_mutex_lock(&s->worker.lock);
	if (!server_stops() && !tmem_fd_ours(&s->listener)) {
		s->listener.fd = -1;
		err = tmem_control_listen(&s->listener, s->name);
	}
	pthread_mutex_unlock(&s->worker.lock);
	return err;
}

/* All that wait, as far as there is room: strangers take none. */
static void clients_accept(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct tmem_control_client *client;
	unsigned int strangers = 0;
	int err = listener_check();

	while (!err && strangers < TMEM_CONTROL_STRANGERS && !server_stops() &&
	       (client = client_free())) {
		err = client_accept(client);
		strangers += !err && client->fd.fd < 0;
	}
	if ((err && err != -EAGAIN) || strangers == TMEM_CONTROL_STRANGERS)
		s->rest_ns = tmem_control_now_ns() + TMEM_CONTROL_REST_NS;
}

/*
 * Until there is something to do.  Only a thread that waits for the listener can
 * be roused in each case, see server_rouse(): otherwise it does not wait long.
 */
static void wait_fill(struct tmem_worker_wait *wait)
{
	struct tmem_control_server *s = &tmem_control_server;
	uint64_t now = tmem_control_now_ns(), until;
	bool deaf = now < s->rest_ns || !client_free();
	unsigned int i;

	until = now + (deaf ? TMEM_CONTROL_REST_NS : TMEM_CONTROL_LOOK_NS);
	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++) {
		struct tmem_control_client *client = &s->client[i];

		wait->fds[i] = (struct pollfd){
			.fd = client->fd.fd,
			.events = client->answering ? POLLOUT : POLLIN,
		};
		if (client->fd.fd >= 0 && client->deadline_ns < until)
			until = client->deadline_ns;
	}
	wait->fds[i] = (struct pollfd){
		.fd = deaf ? -1 : s->listener.fd,
		.events = POLLIN,
	};
	wait->count = TMEM_CONTROL_CLIENTS + 1;
	wait->timeout_ms = tmem_worker_ms(until > now ? until - now : 0);
}

static void server_work(struct tmem_worker_wait *wait)
{
	struct tmem_control_server *s = &tmem_control_server;
	unsigned int i;

	if (tmem_control_now_ns() >= s->rest_ns)
		clients_accept();
	for (i = 0; i < TMEM_CONTROL_CLIENTS; i++)
		if (s->client[i].fd.fd >= 0 && !server_stops())
			tmem_control_client_step(&s->client[i],
						 tmem_control_now_ns());
	wait_fill(wait);
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

static void server_end(void)
{
	pthread_mutex_lock(&tmem_control_server.worker.lock);
	tmem_control_thread_forget();
	pthread_mutex_unlock(&tmem_control_server.worker.lock);
}

int tmem_control_start(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct tmem_worker *w = &s->worker;
	int err;

	pthread_mutex_lock(&w->lock);
	tmem_worker_settle(w);
	err = w->closed ? -ECANCELED : 0;
	if (!err && w->life == TMEM_WORKER_NONE) {
		err = tmem_control_listen(&s->listener, s->name);
		if (!err)
			err = tmem_worker_start(w);
		if (err)
			tmem_fd_close(&s->listener);
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

/*
 * Where the program closed the worker's wake descriptor, the thread is woken by
 * a client: poll() holds the listener, and so its name, even if that is closed,
 * too.  With the worker's lock held.
 */
static void server_rouse(void)
{
	struct tmem_control_server *s = &tmem_control_server;

	if (s->worker.life == TMEM_WORKER_RUNNING &&
	    !tmem_wakefd_ours(s->worker.wake_fd))
		tmem_control_knock(s->name);
}

/* A thread that was stopped before its first step has left the listener. */
void tmem_control_stop(void)
{
	struct tmem_control_server *s = &tmem_control_server;
	struct tmem_worker *w = &s->worker;

	pthread_mutex_lock(&w->lock);
	tmem_worker_settle(w);
	server_rouse();
	tmem_worker_stop(w);
	tmem_fd_close(&s->listener);
	pthread_mutex_unlock(&w->lock);
}

/* At exit() and dlclose(), maybe in a signal handler: without a wait. */
__attribute__((destructor)) static void server_close(void)
{
	struct tmem_worker *w = &tmem_control_server.worker;

	if (!pthread_mutex_trylock(&w->lock)) {
		server_rouse();
		pthread_mutex_unlock(&w->lock);
	}
	tmem_worker_close(w);
}
