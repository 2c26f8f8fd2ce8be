// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The first words with the module.  Each side says which ABI it was built with
 * and may turn the other down; whoever has to mend that is told both versions.
 */
#define _GNU_SOURCE
#include "arena/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <tmem/version.h>
#include <unistd.h>

#include "core/log.h"

#define DEVICE "/dev/tmem"

/* The module, as far as it told. */
struct peer {
	char version[32];
	unsigned long abi; /* 0: it did not say */
};

/* One value of sysfs, "" if it cannot be had. */
static void sysfs_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* A module that turned us down has filled nothing in: sysfs says who it is. */
static void peer_from_sysfs(struct peer *peer)
{
	char abi[32];

	sysfs_read("/sys/class/misc/tmem/version", peer->version,
		   sizeof(peer->version));
	sysfs_read("/sys/class/misc/tmem/abi_version", abi, sizeof(abi));
	peer->abi = strtoul(abi, NULL, 10);
	if (!peer->version[0])
		snprintf(peer->version, sizeof(peer->version),
			 "of unknown version");
}

static void peer_from_query(struct peer *peer, const struct tmem_query *query)
{
	snprintf(peer->version, sizeof(peer->version), "%u.%u.%u",
		 query->module_version >> 16, query->module_version >> 8 & 255,
		 query->module_version & 255);
	peer->abi = query->abi_version;
}

static void say_misfit(const struct peer *peer)
{
	const char *mend =
		peer->abi > TMEM_ABI_VERSION ?
			"install a newer libtmem" :
			"install a newer module, then: rmmod tmem; modprobe tmem";
	char abi[32] = "unknown";

	if (peer->abi)
		snprintf(abi, sizeof(abi), "%lu", peer->abi);
	tmem_log(
		TMEM_LOG_WARN,
		"libtmem %s (ABI %u) and the tmem module %s (ABI %s) do not fit: %s",
		TMEM_VERSION, TMEM_ABI_VERSION, peer->version, abi, mend);
}

/*
 * A module with a higher ABI number than ours that answers all the same knows
 * our ABI: it was told.  One with a lower number cannot know it.
 */
static int device_agree(int fd, struct tmem_query *query)
{
	struct peer peer;

	memset(query, 0, sizeof(*query));
	query->caller_abi = TMEM_ABI_VERSION;
	if (!ioctl(fd, TMEM_IOC_QUERY, query)) {
		if (query->abi_version >= TMEM_ABI_VERSION &&
		    query->span_shift == TMEM_SPAN_SHIFT)
			return 0;
		peer_from_query(&peer, query);
		say_misfit(&peer);
		return -EPROTO;
	}
	if (errno == ENOMEM)
		return -ENOMEM;
	/* E2BIG: older than the field in which we name our ABI. */
	if (errno == EPROTONOSUPPORT || errno == E2BIG) {
		peer_from_sysfs(&peer);
		say_misfit(&peer);
		return -EPROTO;
	}
	tmem_log(TMEM_LOG_WARN,
		 "%s does not answer as the tmem module does (%s)", DEVICE,
		 strerrordesc_np(errno));
	return -EPROTO;
}

static int device_errno(int err)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return -ENODEV;
	case EPERM: /* a device cgroup says so */
		return -EACCES;
	case ENFILE:
		return -EMFILE;
	default:
		return -err;
	}
}

int tmem_device_open(struct tmem_query *query)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return device_errno(errno);
	err = device_agree(fd, query);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
