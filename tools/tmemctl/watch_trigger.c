// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch_trigger - a trigger on the memory pressure of a cgroup.
 *
 * The trigger belongs to the file that it was written to, so it is made here,
 * with this process's rights, and handed to the module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "say.h"
#include "watch_trigger.h"

static int open_file(const char *cgroup)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/memory.pressure", cgroup);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == EOPNOTSUPP)
		say("%s: this kernel counts no stalls (boot it with psi=1)",
		    path);
	else if (errno == ENOENT)
		say("%s does not exist: is that the folder of a cgroup (v2)?",
		    path);
	else
		say("%s: %s", path, strerror(errno));
	return -1;
}

/* The kernel takes the last byte for the end, so it gets one. */
static bool write_trigger(int fd, const char *trigger)
{
	if (write(fd, trigger, strlen(trigger) + 1) >= 0)
		return true;
	if (errno == EINVAL)
		say("--trigger: the kernel refuses '%s'; it wants \"some STALL "
		    "WINDOW\" or \"full ...\" in microseconds, WINDOW from "
		    "500000 to 10000000 and, but for root, a multiple of "
		    "2000000",
		    trigger);
	else
		say("--trigger: %s", strerror(errno));
	return false;
}

static struct tmem_pressure *open_device(void)
{
	struct tmem_pressure *pressure;
	struct device device;
	int error = tmem_pressure_open(&pressure);

	if (!error)
		return pressure;
	device_query(&device);
	say("%s", device.usable ? strerror(-error) : device.reason);
	return NULL;
}

static bool add(struct tmem_pressure *pressure, int fd, const char *cgroup)
{
	int error = tmem_pressure_add_trigger(pressure, fd, 0);

	if (error == -EINVAL)
		say("%s/memory.pressure is not the file of a cgroup (v2)",
		    cgroup);
	else if (error)
		say("the module cannot watch %s: %s", cgroup, strerror(-error));
	return !error;
}

struct tmem_pressure *trigger_open(const char *cgroup, const char *trigger)
{
	struct tmem_pressure *pressure = NULL;
	int fd = open_file(cgroup);

	if (fd < 0)
		return NULL;
	if (write_trigger(fd, trigger))
		pressure = open_device();
	if (pressure && !add(pressure, fd, cgroup)) {
		tmem_pressure_close(pressure);
		pressure = NULL;
	}
	close(fd);
	return pressure;
}
