// SPDX-License-Identifier: GPL-2.0-only
/*
 * link - the connection to the module's netlink family, and its failures in
 * words.
 *
 * Netlink is what arenas, pool and watch speak, because it needs no permission
 * to open the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "link.h"
#include "say.h"
#include "setup.h"

static const char *reason(int error)
{
	switch (error) {
	case -ENODEV:
		return "the module is not loaded (insmod tmem.ko)";
	case -EPROTO:
		return "the module speaks another version of netlink: load "
		       "the module of this tool's release";
	case -EPERM:
	case -EACCES:
		return "not permitted; a sandbox may forbid netlink sockets";
	case -EAFNOSUPPORT:
	case -EPROTONOSUPPORT:
		return "this kernel or this sandbox has no netlink";
	default:
		return strerror(-error);
	}
}

void link_failed(const char *what, int error)
{
	const char *word = setup_last_word();

	/* What the library knows better than an error number. */
	if (*word && error != -ENODEV)
		say("%s: %s: %s", what, reason(error), word);
	else
		say("%s: %s", what, reason(error));
}

struct tmem_netlink *link_open(void)
{
	struct tmem_netlink *netlink;
	int error;

	setup_listen();
	error = tmem_netlink_open(&netlink);
	if (!error)
		return netlink;
	if (error == -ENODEV)
		say("%s", reason(error));
	else
		link_failed("cannot ask the module", error);
	return NULL;
}
