// SPDX-License-Identifier: GPL-2.0-only
/*
 * device - what the module behind /dev/tmem says of itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/tmem.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"

#define PATH "/dev/tmem"

static void cannot_open(struct device *device, int error)
{
	const char *what;

	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		what = "is missing: is the module loaded? (insmod tmem.ko)";
		break;
	case EACCES:
	case EPERM:
		what = "may not be opened: that is for root and the group "
		       "tmem (usermod -aG tmem USER, then log in again)";
		break;
	default:
		what = strerror(error);
	}
	snprintf(device->reason, sizeof(device->reason), PATH " %s", what);
}

static void take_answer(struct device *device, const struct tmem_query *query)
{
	device->answers = true;
	device->abi = query->abi_version;
	device->arenas = query->arenas;
	device->max_arena = query->max_arena_size;
	device->nodes = query->nodes[0];
	device->features = query->features;
	device->user_bytes = query->user_bytes;
	device->user_max = query->user_max_bytes;
	snprintf(device->version, sizeof(device->version), "%u.%u.%u",
		 query->module_version >> 16, query->module_version >> 8 & 0xff,
		 query->module_version & 0xff);
	device->usable = query->abi_version == TMEM_ABI_VERSION &&
			 query->span_shift == TMEM_SPAN_SHIFT;
	if (!device->usable)
		snprintf(device->reason, sizeof(device->reason),
			 PATH " speaks ABI %u, this library ABI %u: load the "
			      "module of the library's release",
			 query->abi_version, TMEM_ABI_VERSION);
}

/* The two that a module of another release answers are worth a word. */
static void no_answer(struct device *device, int error)
{
	switch (error) {
	case E2BIG:
		snprintf(device->reason, sizeof(device->reason),
			 PATH " is of an older release than this tool: load "
			      "the module of the tool's release");
		break;
	case EPROTONOSUPPORT:
		snprintf(device->reason, sizeof(device->reason),
			 PATH " does not serve ABI %u, which this tool speaks: "
			      "install tool and module of one release",
			 TMEM_ABI_VERSION);
		break;
	default:
		snprintf(device->reason, sizeof(device->reason),
			 PATH " does not answer: it is not tmem's, or of "
			      "another release (%s)",
			 strerror(error));
	}
}

void device_query(struct device *device)
{
	struct tmem_query query;
	int fd = open(PATH, O_RDWR | O_CLOEXEC);

	memset(device, 0, sizeof(*device));
	if (fd < 0) {
		cannot_open(device, errno);
		return;
	}
	memset(&query, 0, sizeof(query));
	query.caller_abi = TMEM_ABI_VERSION;
	if (ioctl(fd, TMEM_IOC_QUERY, &query))
		no_answer(device, errno);
	else
		take_answer(device, &query);
	close(fd);
}
