// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Talking over a netlink socket.  The kernel answers before it returns from
 * our sending, so a wait here is for a kernel that does not.
 */
#define _GNU_SOURCE
#include "pressure/netlink_socket.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "pressure/deadline.h"

#define ANSWER_MS 5000

static int socket_errno(int err)
{
	switch (err) {
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
	case ECONNREFUSED:
		return -ENODEV;
	case ENFILE:
		return -EMFILE;
	case ENOBUFS:
		return -ENOMEM;
	default:
		return -err;
	}
}

int tmem_nl_open(struct mnl_socket **socket)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int on = 1, err;

	if (!nl)
		return socket_errno(errno);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
		err = socket_errno(errno);
		mnl_socket_close(nl);
		return err;
	}
	/* Errors in words, without a copy of the request.  Old kernels cannot. */
	(void)mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &on, sizeof(on));
	*socket = nl;
	return 0;
}

struct nlmsghdr *tmem_nl_begin(struct tmem_nl_request *request, uint16_t family,
			       uint8_t command, uint8_t version, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request->bytes);
	struct genlmsghdr *genl =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	genl->cmd = command;
	genl->version = version;
	return nlh;
}

/*
 * Whoever may (CAP_NET_ADMIN) can send to our socket, too.  The kernel alone
 * has port 0.
 */
int tmem_nl_receive(struct mnl_socket *socket, void *buffer, size_t size)
{
	struct sockaddr_nl from = { 0 };
	socklen_t length = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(mnl_socket_get_fd(socket), buffer, size,
			     MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from,
			     &length);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (length != sizeof(from) || from.nl_family != AF_NETLINK ||
	    from.nl_pid)
		return 0;
	return (size_t)n > size ? -EMSGSIZE : (int)n;
}

static int wait_for_answer(struct mnl_socket *socket, tmem_deadline deadline)
{
	int got;

	do {
		got = tmem_deadline_poll(mnl_socket_get_fd(socket), deadline);
	} while (got == -EINTR);
	if (got > 0)
		return 0;
	return got ? got : -ETIMEDOUT;
}

int tmem_nl_ask(struct mnl_socket *socket, struct nlmsghdr *request,
		struct tmem_nl_answer *answer, void *buffer)
{
	tmem_deadline deadline;
	int n, err;

	answer->seq = request->nlmsg_seq;
	answer->portid = mnl_socket_get_portid(socket);
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return socket_errno(errno);
	deadline = tmem_deadline_in(ANSWER_MS);
	for (;;) {
		n = tmem_nl_receive(socket, buffer, TMEM_NL_ANSWER_BYTES);
		if (n > 0 && tmem_nl_answered(answer, buffer, (size_t)n))
			return answer->err;
		if (n == -EMSGSIZE)
			return -EPROTO;
		if (n < 0 && n != -EAGAIN)
			return n;
		err = n < 0 ? wait_for_answer(socket, deadline) : 0;
		if (err)
			return err;
	}
}
