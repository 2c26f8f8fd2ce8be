/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A netlink handle's insides.
 */
#ifndef TMEM_PRESSURE_NETLINK_HANDLE_H
#define TMEM_PRESSURE_NETLINK_HANDLE_H

#include <stdbool.h>

#include "pressure/netlink_socket.h"

/*
 * There are two sockets: one asks and is answered, the other hears events.  On
 * a single one an event could come in the middle of a list.
 */
struct tmem_netlink {
	struct mnl_socket *ask;
	struct mnl_socket *listen; /* NULL: not subscribed */
	uint32_t seq;
	uint16_t family;
	bool busy; /* an answer is being taken in: the buffer is in use */
	bool removed; /* the module is: as heard after the subscription */
	bool lost; /* events were: it may have been removed unheard */
	_Alignas(8) char answer[TMEM_NL_ANSWER_BYTES];
	_Alignas(8) char event[TMEM_NL_EVENT_BYTES];
};

/*
 * Ask the kernel's controller for a family, and the number of one of its
 * groups.  0, -ENODEV (no such family), -EBUSY (from inside a list's callback)
 * or -errno.
 */
int tmem_netlink_find(struct tmem_netlink *netlink, const char *name,
		      const char *group, struct tmem_nl_family *family);

/* The same for "tmem", in the version that we speak: else -EPROTO. */
int tmem_netlink_find_tmem(struct tmem_netlink *netlink,
			   struct tmem_nl_family *family);

#endif /* TMEM_PRESSURE_NETLINK_HANDLE_H */
