/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of generic netlink: one request and its answer; one datagram.
 */
#ifndef TMEM_PRESSURE_NETLINK_SOCKET_H
#define TMEM_PRESSURE_NETLINK_SOCKET_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#include "pressure/netlink_parse.h"

/*
 * Lists come in datagrams of up to 32 KiB, whatever the reader's buffer is;
 * events and what the controller tells are far smaller.
 */
#define TMEM_NL_ANSWER_BYTES ((size_t)64 << 10)
#define TMEM_NL_EVENT_BYTES ((size_t)16 << 10)

/* Room for a request and its attributes, laid out as netlink wants it. */
struct tmem_nl_request {
	_Alignas(8) char bytes[256];
};

/* A socket, close-on-exec.  0, -ENODEV (no generic netlink), -ENOMEM, -EMFILE. */
int tmem_nl_open(struct mnl_socket **socket);

/* Begin a request to a family; mnl_attr_put_*() add to it. */
struct nlmsghdr *tmem_nl_begin(struct tmem_nl_request *request, uint16_t family,
			       uint8_t command, uint8_t version,
			       uint16_t flags);

/*
 * Send a request and take in all that comes back; calls answer->message() from
 * here.  0 or -errno.
 * @buffer: TMEM_NL_ANSWER_BYTES, at a multiple of 4
 */
int tmem_nl_ask(struct mnl_socket *socket, struct nlmsghdr *request,
		struct tmem_nl_answer *answer, void *buffer);

/*
 * One datagram of the kernel, without waiting.  Its length, 0 (one that was
 * not the kernel's), -EAGAIN (none there), -EMSGSIZE (too long: it is gone),
 * -ENOBUFS (some are lost).
 */
int tmem_nl_receive(struct mnl_socket *socket, void *buffer, size_t size);

#endif /* TMEM_PRESSURE_NETLINK_SOCKET_H */
