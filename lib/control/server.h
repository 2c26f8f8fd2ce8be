/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket's parts, as they see each other.
 */
#ifndef TMEM_CONTROL_SERVER_H
#define TMEM_CONTROL_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/control.h>

#include "control/answer.h"
#include "core/fd.h"
#include "core/worker.h"

#define TMEM_CONTROL_CLIENTS 4
#define TMEM_CONTROL_REQUEST_MAX 256 /* bytes of a request, with newline */
/* A client's time for its request, and for its answer. */
#define TMEM_CONTROL_PATIENCE_NS 5000000000u
/* A rest: after so many strangers in a row, or after an error. */
#define TMEM_CONTROL_STRANGERS 16
#define TMEM_CONTROL_REST_NS 20000000u
/*
 * The longest wait: a socket that lost its descriptor in another network
 * namespace cannot be woken.
 */
#define TMEM_CONTROL_LOOK_NS 10000000000u

/*
 * A client that is being answered, from accept() on.  The thread's, but that
 * the child of a fork closes its copies; therefore changes of the descriptor
 * and of the answer's mapping happen with the worker's lock held.
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

/*
 * There is one.  The worker's lock is a leaf: nothing of the library is called
 * with it held.  It guards all but the clients, which are the thread's, see
 * there.
 */
struct tmem_control_server {
	struct tmem_worker worker;
	struct tmem_fd listener;
	struct tmem_fd scratch; /* an answer in the making */
	char name[TMEM_CONTROL_NAME_MAX];
	struct tmem_control_client client[TMEM_CONTROL_CLIENTS];
	uint64_t rest_ns; /* the thread's: no look at the queue until then */
};

extern struct tmem_control_server tmem_control_server;

static inline uint64_t tmem_control_now_ns(void)
{
	return tmem_control_server.worker.ops->now_ns();
}

/* socket.c */

/* Listen under a name for this process.  0 or -errno. */
int tmem_control_listen(struct tmem_fd *listener, char *name);

/* Connect to a name and leave: poll() on its listener returns. */
void tmem_control_knock(const char *name);

/* The other end of a socket may ask. */
bool tmem_control_trusts(int fd);

/* thread.c: close all descriptors; with the worker's lock held. */
void tmem_control_thread_forget(void);

/* client.c; of the thread */

/*
 * The next one in the queue; with the worker's lock held.  0: there was one
 * more, maybe a stranger, who was sent away; or -errno.
 */
int tmem_control_client_accept(struct tmem_control_client *client, int listener,
			       uint64_t now_ns);

/* Read or write what can be, and close when it is over. */
void tmem_control_client_step(struct tmem_control_client *client,
			      uint64_t now_ns);

/* With the worker's lock held. */
void tmem_control_client_close(struct tmem_control_client *client);

/* request.c */

/* Do what the line asks for. */
void tmem_control_request(struct tmem_control_answer *answer, char *line);

#endif /* TMEM_CONTROL_SERVER_H */
