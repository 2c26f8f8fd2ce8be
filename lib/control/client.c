// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One client: its request comes, in pieces if it likes; its answer goes, as
 * fast as it reads.  Neither is waited for, and a client that takes longer
 * than 5 s for either is cut off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "control/server.h"

int tmem_control_client_accept(struct tmem_control_client *client, int listener,
			       uint64_t now_ns)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	tmem_fd_set(&client->fd, fd);
	client->deadline_ns = now_ns + TMEM_CONTROL_PATIENCE_NS;
	client->got = 0;
	client->sent = 0;
	client->answering = false;
	tmem_control_answer_clear(&client->answer);
	if (client->fd.fd >= 0 && !tmem_control_trusts(client->fd.fd))
		tmem_fd_close(&client->fd);
	return 0;
}

void tmem_control_client_close(struct tmem_control_client *client)
{
	tmem_fd_close(&client->fd);
	tmem_control_answer_free(&client->answer);
}

static void client_drop(struct tmem_control_client *client)
{
	pthread_mutex_lock(&tmem_control_server.worker.lock);
	tmem_control_client_close(client);
	pthread_mutex_unlock(&tmem_control_server.worker.lock);
}

static void client_answer(struct tmem_control_client *client)
{
	struct tmem_control_answer *answer = &client->answer;

	client->answering = true;
	if (memchr(client->request, '\0', client->got))
		tmem_control_answer_fail(answer, EINVAL,
					 "the request is not text");
	else
		tmem_control_request(answer, client->request);
	client->deadline_ns = tmem_control_now_ns() + TMEM_CONTROL_PATIENCE_NS;
}

/* What follows the line is not read.  false: it has gone. */
static bool client_read(struct tmem_control_client *client)
{
	char *end, *line = client->request;
	ssize_t n;

	n = recv(client->fd.fd, line + client->got,
		 TMEM_CONTROL_REQUEST_MAX - client->got, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	client->got += (unsigned int)n;
	line[client->got] = '\0';
	end = memchr(line, '\n', client->got);
	if (end) {
		client->got = (unsigned int)(end - line);
		*end = '\0';
		client_answer(client);
	} else if (client->got == TMEM_CONTROL_REQUEST_MAX) {
		client->answering = true;
		tmem_control_answer_fail(&client->answer, EMSGSIZE,
					 "a request is a line of 256 bytes");
	}
	return n || client->answering;
}

/* true: there is more, and it can take no more now. */
static bool client_write(struct tmem_control_client *client)
{
	const char *at;
	size_t bytes;
	ssize_t n;

	for (;;) {
		bytes = tmem_control_answer_at(&client->answer, client->sent,
					       &at);
		if (!bytes)
			return false;
		n = send(client->fd.fd, at, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		client->sent += (size_t)n;
	}
}

void tmem_control_client_step(struct tmem_control_client *client,
			      uint64_t now_ns)
{
	bool stays = tmem_fd_ours(&client->fd);

	if (stays && !client->answering)
		stays = client_read(client);
	if (stays && client->answering && tmem_fd_ours(&client->fd))
		stays = client_write(client);
	if (!stays || now_ns >= client->deadline_ns)
		client_drop(client);
}
