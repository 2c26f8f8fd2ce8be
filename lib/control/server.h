/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket's parts, as they see each other.
 */
#ifndef TMEM_CONTROL_SERVER_H
#define TMEM_CONTROL_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <tmem/control.h>

#include "control/answer.h"
#include "core/fd.h"

#define TMEM_CONTROL_CLIENTS 4
#define TMEM_CONTROL_REQUEST_MAX 256 /* bytes of a request, with newline */

/*
 * Somebody who is being answered, from accept() on.  The thread's, but that
 * the child of a fork closes its copies; therefore changes of the descriptor
 * and of the answer's mapping happen with the life lock held.
 */
struct tmem_control_client {
	struct tmem_fd fd;
	uint64_t deadline_ns;
	unsigned int got; /* bytes of the request */
	bool answering;
	size_t sent;
	struct tmem_control_answer answer;
	char request[TMEM_CONTROL_REQUEST_MAX + 1];
};

enum tmem_control_life {
	TMEM_CONTROL_NONE = 0,
	TMEM_CONTROL_STARTING,
	TMEM_CONTROL_RUNNING,
	TMEM_CONTROL_STOPPING,
};

/*
 * There is one.  life_lock is a leaf: nothing of the library is called with
 * it held.  It guards all but the clients, which are the thread's, see there.
 */
struct tmem_control_server {
	pthread_mutex_t life_lock;
	pthread_cond_t life_changed;
	enum tmem_control_life life;
	bool closed; /* the library is about to go */
	atomic_bool stop;
	pthread_t thread;
	struct tmem_fd listener;
	struct tmem_fd scratch; /* an answer in the making */
	char name[TMEM_CONTROL_NAME_MAX];
	struct tmem_control_client client[TMEM_CONTROL_CLIENTS];
	uint64_t rest_ns; /* the thread's: no look at the queue until then */
};

extern struct tmem_control_server tmem_control_server;

/* socket.c */

/* Listen under a name for this process.  0 or -errno. */
int tmem_control_listen(struct tmem_fd *listener, char *name);

/* Have poll() on the listener return, wherever it is. */
void tmem_control_wake(const struct tmem_fd *listener, const char *name);

/* The other end of a socket may ask. */
bool tmem_control_trusts(int fd);

/* thread.c: the child of a fork has none; with the life lock held. */
void tmem_control_thread_forget(void);

/* client.c; of the thread */

/*
 * The next one in the queue; with the life lock held.  0: one more was there,
 * who may have been sent away; or -errno.
 */
int tmem_control_client_accept(struct tmem_control_client *client, int listener,
			       uint64_t now_ns);

/* Read or write what can be, and close when it is over. */
void tmem_control_client_step(struct tmem_control_client *client,
			      uint64_t now_ns);

/* With the life lock held. */
void tmem_control_client_close(struct tmem_control_client *client);

/* For a request, and for an answer; tests have less. */
extern _Atomic(uint64_t) tmem_control_patience_ns;

uint64_t tmem_control_now_ns(void);

/* request.c */

/* Do what the line asks for. */
void tmem_control_request(struct tmem_control_answer *answer, char *line);

#endif /* TMEM_CONTROL_SERVER_H */
