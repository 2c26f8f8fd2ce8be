/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A made-up host for the monitor's tests: a folder that stands for "/", whose
 * files of /proc and /sys say what the test says.
 *
 * For one source file of a program.
 */
#ifndef MONITOR_HOST_H
#define MONITOR_HOST_H

#include "lib_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static char host[64];

/* The host's name for a path; good until the next call but three. */
static inline const char *host_path(const char *path)
{
	static char full[4][2048];
	static unsigned int next;
	char *to = full[next++ % 4];

	snprintf(to, sizeof(full[0]), "%s%s", host, path);
	return to;
}

/* A file of that text, folders included; NULL: none. */
static inline bool host_file(const char *path, const char *text)
{
	char full[2048], *slash;
	bool right;
	int fd;

	snprintf(full, sizeof(full), "%s%s", host, path);
	if (!text)
		return !unlink(full);
	for (slash = full + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	/* As in /proc: at no moment is it half there. */
	fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	right = write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		!ftruncate(fd, (off_t)strlen(text));
	close(fd);
	return right;
}

#define HOST_CALM                                            \
	"some avg10=0.00 avg60=0.00 avg300=0.00 total=100\n" \
	"full avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"
#define HOST_GROUP "/sys/fs/cgroup/user/job"

static inline bool host_use(unsigned int percent)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "MemTotal: 1000000 kB\nMemFree: 1 kB\n"
		 "MemAvailable: %u kB\n",
		 1000000 - percent * 10000);
	return host_file("/proc/meminfo", text);
}

static inline bool host_group(const char *path, const char *current,
			      const char *max, const char *high)
{
	char file[512];
	bool right = true;

	snprintf(file, sizeof(file), "%s/memory.current", path);
	right &= host_file(file, current);
	snprintf(file, sizeof(file), "%s/memory.max", path);
	right &= host_file(file, max);
	snprintf(file, sizeof(file), "%s/memory.high", path);
	return right & host_file(file, high);
}

/* A calm machine of one node, with a group of version 2 that has no limit. */
static inline bool host_make(void)
{
	snprintf(host, sizeof(host), "/tmp/tmem-host-XXXXXX");
	return mkdtemp(host) && host_use(30) &&
	       host_file("/proc/pressure/memory", HOST_CALM) &&
	       host_file("/proc/self/cgroup", "0::/user/job\n") &&
	       host_file("/proc/self/mountinfo",
			 "25 1 0:22 / /proc rw - proc proc rw\n"
			 "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - "
			 "cgroup2 cgroup2 rw,nsdelegate\n") &&
	       host_group(HOST_GROUP, "1000000\n", "max\n", "max\n") &&
	       host_group("/sys/fs/cgroup/user", "2000000\n", "max\n",
			  "max\n") &&
	       host_file(HOST_GROUP "/memory.pressure", HOST_CALM) &&
	       host_file(HOST_GROUP "/memory.stat",
			 "anon 5\nfile 9\nactive_file 1\ninactive_file 0\n") &&
	       host_file("/sys/devices/system/node/node0/meminfo",
			 "Node 0 MemTotal:   1000000 kB\n"
			 "Node 0 MemFree:     250000 kB\n");
}

static inline int host_drop_one(const char *path, const struct stat *st,
				int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return flag == FTW_DP ? rmdir(path) : unlink(path);
}

static inline void host_drop(void)
{
	nftw(host, host_drop_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif /* MONITOR_HOST_H */
