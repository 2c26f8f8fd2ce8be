/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A monitor on a made-up host: what its tests begin and end with.
 *
 * For one source file of a program.
 */
#ifndef MONITOR_RUN_H
#define MONITOR_RUN_H

#include "monitor_host.h"

#include <dirent.h>
#include <poll.h>
#include <sys/stat.h>

#include "gc/gc.h"
#include "monitor/monitor.h"

#define MS 1000000ull

static inline struct tmem_monitor_stats stats_get(void)
{
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;

	tmem_monitor_stats_get(&stats);
	return stats;
}

static inline struct tmem_monitor_sample sample_get(void)
{
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;

	tmem_monitor_sample_get(&sample);
	return sample;
}

static inline struct tmem_gc_stats gc_get(void)
{
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	tmem_gc_stats_get(&stats);
	return stats;
}

/* The last event; number 0: none. */
static inline struct tmem_monitor_event event_get(void)
{
	struct tmem_monitor_event event = { 0 };

	tmem_monitor_events(&event, 1);
	return event;
}

static inline unsigned int fds_open(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline bool task_there(const char *name)
{
	char path[300], comm[32];
	struct dirent *entry;
	bool there = false;
	DIR *tasks = opendir("/proc/self/task");
	ssize_t n;
	int fd;

	while (tasks && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);
		if (fd >= 0)
			close(fd);
		comm[n > 0 ? n : 0] = '\0';
		there |= !strncmp(comm, name, strlen(name));
	}
	if (tasks)
		closedir(tasks);
	return there;
}

static inline struct tmem_monitor_config quick(void)
{
	struct tmem_monitor_config config = TMEM_MONITOR_CONFIG_INIT;

	config.interval_ms = 10;
	config.horizon_ms = 100;
	config.predict_off = 1;
	return config;
}

FIXTURE(monitor)
{
	struct tmem_monitor_config config;
	char watch[128];
	int end; /* of the service manager */
	unsigned int fds;
};

FIXTURE_SETUP(monitor)
{
	unsetenv("MEMORY_PRESSURE_WATCH");
	unsetenv("MEMORY_PRESSURE_WRITE");
	ASSERT_TRUE(host_make());
	ASSERT_EQ(0, lt_init());
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_GC_LEVEL_AUTO));
	tmem_monitor_use(host);
	self->config = quick();
	self->end = -1;
	snprintf(self->watch, sizeof(self->watch), "%s/manager", host);
	self->fds = fds_open();
}

FIXTURE_TEARDOWN(monitor)
{
	EXPECT_EQ(0, tmem_monitor_stop());
	EXPECT_EQ(0U, stats_get().running);
	EXPECT_TRUE(PACE_UNTIL(!task_there("tmem-monitor")));
	tmem_gc_stop();
	if (self->end >= 0)
		close(self->end);
	EXPECT_EQ(self->fds, fds_open());
	host_drop();
}

#endif /* MONITOR_RUN_H */
