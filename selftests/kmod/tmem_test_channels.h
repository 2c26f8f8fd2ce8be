/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests of pressure: those who are told when the level
 * changes.  Each is watched by a thread of its own, which counts what it was
 * told and takes the time.
 */
#ifndef TMEM_TEST_CHANNELS_H
#define TMEM_TEST_CHANNELS_H

#include "tmem_test_netlink.h"
#include "tmem_test_pressure.h"

#include <pthread.h>

#define KT_TRACE "/sys/kernel/tracing/instances/tmem-test"
#define KT_ROUNDS 3

/* One of those who are told. */
struct channel {
	const char *name;
	/* Waits for 20 ms at most; whether there was something. */
	bool (*look)(struct channel *c);
	int fd;
	struct kt_nl *nl;
	const struct tmem_status *page;
	uint32_t level; /* the last one told */
	uint64_t events;
	uint64_t breaks; /* "from" was not what "to" was before */
	uint64_t first; /* kt_now() of the first event since it was armed */
	uint64_t delay[KT_ROUNDS]; /* of it */
	pthread_t id;
	bool *stop;
};

static inline bool look_device(struct channel *c)
{
	struct tmem_event ev;

	if (kt_poll(c->fd, POLLIN, 20) <= 0 || kt_event(c->fd, &ev) != 1 ||
	    ev.type != TMEM_EVENT_LEVEL)
		return false;
	c->events += ev.count;
	c->level = ev.level;
	return true;
}

static inline bool look_netlink(struct channel *c)
{
	const struct nlmsghdr *h = kt_nl_notice(c->nl, 20);

	if (!h)
		return false;
	c->breaks += kt_nl_u32(h, TMEM_A_PRESSURE_PREVIOUS) != c->level;
	c->level = kt_nl_u32(h, TMEM_A_PRESSURE_LEVEL);
	c->events++;
	return true;
}

static inline bool look_page(struct channel *c)
{
	uint64_t until = kt_now() + 20000000U;

	while (kt_level(c->page) == c->level) {
		if (kt_now() > until)
			return false;
		kt_sleep_ms(1);
	}
	c->level = kt_level(c->page);
	return true;
}

static inline uint32_t level_of(const char *text)
{
	static const char *const names[] = { "low", "medium", "high",
					     "critical" };

	for (uint32_t i = 0; i < 4; i++)
		if (!strncmp(text, names[i], strlen(names[i])))
			return i;
	return 99;
}

static inline bool look_sysfs(struct channel *c)
{
	char text[16] = "";

	if (!(kt_poll(c->fd, POLLPRI | POLLERR, 20) & POLLPRI))
		return false;
	if (pread(c->fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	c->events++;
	c->level = level_of(text);
	return true;
}

/* One line for each, such as "... tmem_pressure: previous=low level=high ...". */
static inline bool look_trace(struct channel *c)
{
	char text[8192], *at = text;
	ssize_t got;

	if (kt_poll(c->fd, POLLIN, 20) <= 0)
		return false;
	got = read(c->fd, text, sizeof(text) - 1);
	if (got <= 0)
		return false;
	text[got] = 0;
	while ((at = strstr(at, "tmem_pressure: "))) {
		char level[16] = "", previous[16] = "";

		sscanf(at, "tmem_pressure: previous=%15s level=%15s", previous,
		       level);
		c->breaks += level_of(previous) != c->level;
		c->level = level_of(level);
		c->events++;
		at++;
	}
	return true;
}

static inline void *watch(void *arg)
{
	struct channel *c = arg;

	while (!__atomic_load_n(c->stop, __ATOMIC_ACQUIRE)) {
		if (c->look(c) && !__atomic_load_n(&c->first, __ATOMIC_RELAXED))
			__atomic_store_n(&c->first, kt_now(), __ATOMIC_RELEASE);
	}
	while (c->look(c))
		;
	return NULL;
}

enum { DEVICE, NETLINK, PAGE, SYSFS, TRACEPOINT, CHANNELS };

static inline int open_trace(void)
{
	/*
	 * Else sched_switch is traced, too, and QEMU may fall over its
	 * patching.  An instance takes this over when it is made.
	 */
	if (kt_write_file("/sys/kernel/tracing/options/record-cmd", "0"))
		return -ENOENT;
	if (mkdir(KT_TRACE, 0700) && errno != EEXIST)
		return -errno;
	if (kt_write_file(KT_TRACE "/events/tmem/tmem_pressure/enable", "1"))
		return -ENOENT;
	return open(KT_TRACE "/trace_pipe", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static inline int open_sysfs(void)
{
	char text[16];
	int fd = open(KT_SYSFS "/pressure/level", O_RDONLY | O_CLOEXEC);

	/* It is told of what changes after it was read. */
	return fd >= 0 && read(fd, text, sizeof(text)) > 0 ? fd : -errno;
}

#endif /* TMEM_TEST_CHANNELS_H */
