// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_module - a module that says what the test wants, for hosts without one.
 *
 * Loaded by LD_PRELOAD, it answers in the place of the library's calls of
 * tmem/pressure.h, and of /dev/tmem.  So what tmemctl makes of the answers can
 * be tested without a kernel that gives them, odd ones included.
 *
 * FAKE_OPEN=ERRNO        tmem_netlink_open() fails
 * FAKE_LIST=ERRNO        so do the lists
 * FAKE_DEVICE=1          /dev/tmem is there, with a status page
 * FAKE_QUERY=ERRNO       but it does not answer so
 * FAKE_ARENAS=N          so many arenas; number i is i MiB large (default 3)
 * FAKE_POOL=FILE         is written what is set; it stays what it was
 * FAKE_POOL_ERROR=ERRNO  setting fails
 * FAKE_EVENTS="WORD..."  what netlink tells: a level; old (an event from before
 *                        the first look); gap (three changes that are not
 *                        told); lost (the same, and it says so); removed
 * FAKE_TRIGGERS="WORD..."  likewise for the device: trigger, gone, level
 * FAKE_ADD=ERRNO         adding a trigger fails
 * FAKE_UPTIME=S          the machine was started so many seconds earlier
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <tmem/pressure.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* struct words - a list that is consumed; @fd is readable while some are left */
struct words {
	const char *at;
	int fd;
};

static struct words events, triggers;
static enum tmem_level level;
static uint64_t changes = 5;
static int device_fd = -1;

static int number(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static void words_open(struct words *words, const char *name)
{
	const char *text = getenv(name);

	words->at = text ? text : "";
	words->fd = eventfd(*words->at != 0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static bool words_next(struct words *words, char *word, size_t size)
{
	size_t length = strcspn(words->at, " ");
	uint64_t drained;

	if (!*words->at) {
		(void)!read(words->fd, &drained, sizeof(drained));
		return false;
	}
	snprintf(word, size, "%.*s", (int)length, words->at);
	words->at += length + (words->at[length] == ' ');
	return true;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	static __typeof__(clock_gettime) *real;
	int status;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	status = real(clock, time);
	if (!status && clock == CLOCK_MONOTONIC)
		time->tv_sec += number("FAKE_UPTIME", 0);
	return status;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* --- netlink -------------------------------------------------------------- */

int tmem_netlink_open(struct tmem_netlink **netlink)
{
	*netlink = (struct tmem_netlink *)&events;
	words_open(&events, "FAKE_EVENTS");
	return -number("FAKE_OPEN", 0);
}

void tmem_netlink_close(struct tmem_netlink *netlink)
{
	(void)netlink;
	close(events.fd);
}

int tmem_netlink_pressure(struct tmem_netlink *netlink,
			  struct tmem_pressure_event *event)
{
	(void)netlink;
	*event = (struct tmem_pressure_event){
		.level = level,
		.previous = level,
		.changes = changes,
		.time = now() - 90000000000,
		.psi_on = 1,
		.use = 4213,
		.stall = 107,
		.available = 3 * 1024 * MIB,
	};
	return 0;
}

int tmem_netlink_subscribe(struct tmem_netlink *netlink)
{
	(void)netlink;
	return 0;
}

int tmem_netlink_fd(const struct tmem_netlink *netlink)
{
	(void)netlink;
	return events.fd;
}

static int change(enum tmem_level to, struct tmem_pressure_event *event)
{
	enum tmem_level from = level;

	level = to;
	changes++;
	tmem_netlink_pressure(NULL, event);
	event->previous = from;
	event->time = now();
	return 1;
}

int tmem_netlink_wait(struct tmem_netlink *netlink, int timeout_ms,
		      struct tmem_pressure_event *event)
{
	enum tmem_level to;
	char word[32];

	(void)timeout_ms;
	if (!words_next(&events, word, sizeof(word)))
		return 0;
	for (to = TMEM_LEVEL_LOW; to <= TMEM_LEVEL_CRITICAL; to++)
		if (!strcmp(word, tmem_level_name(to)))
			return change(to, event);
	if (!strcmp(word, "removed"))
		return -ENODEV;
	if (!strcmp(word, "old"))
		return tmem_netlink_pressure(netlink, event), 1;
	changes += 3;
	if (!strcmp(word, "lost"))
		return -ENOBUFS;
	return tmem_netlink_wait(netlink, timeout_ms, event);
}

int tmem_netlink_arenas(struct tmem_netlink *netlink,
			int (*each)(const struct tmem_arena_info *info,
				    void *data),
			void *data)
{
	int i, got = -number("FAKE_LIST", 0), n = number("FAKE_ARENAS", 3);

	(void)netlink;
	for (i = 1; i <= n && !got; i++) {
		struct tmem_arena_info info = {
			.id = (uint64_t)i,
			.uid = i == 2 ? 54321 : 0,
			.pid = i == 3 ? 0 : (uint32_t)i,
			.policy = i == 1 ? TMEM_POLICY_LOCAL : TMEM_POLICY_BIND,
			.nodes = { i == 1 ? 0 : 5, i == 3 ? 2 : 0 },
			.size = (uint64_t)i * MIB,
			.resident = (uint64_t)(10 - i) * MIB,
			.idle = i == 2 ? MIB : 0,
			.fills = (uint64_t)(i - 1) * 1000,
			.fills_pool = i == 2 ? 250 : 0,
			.purged = 7,
			.recalled = 4,
		};

		strcpy(info.name, i == 2 ? "\033[2Jred\"\\" : "weights");
		got = each(&info, data);
	}
	return got;
}

int tmem_netlink_nodes(struct tmem_netlink *netlink,
		       int (*each)(const struct tmem_node_info *info,
				   void *data),
		       void *data)
{
	int got = -number("FAKE_LIST", 0);
	uint32_t i;

	(void)netlink;
	for (i = 0; i < 2 && !got; i++) {
		struct tmem_node_info info = {
			.node = i,
			.total = (uint64_t)(i + 1) * 1024 * MIB,
			.free = 512 * MIB,
			.arenas = 64 * MIB,
			.pool = 30 * MIB,
			.pool_low = 16 * MIB,
			.pool_target = 32 * MIB,
			.pool_refilled = 1234567,
			.pool_taken = 1234,
		};

		got = each(&info, data);
	}
	return got;
}

int tmem_netlink_pool_set(struct tmem_netlink *netlink, uint32_t node,
			  uint64_t low, uint64_t target)
{
	const char *path = getenv("FAKE_POOL");
	int error = number("FAKE_POOL_ERROR", 0);
	FILE *file = path ? fopen(path, "a") : NULL;

	(void)netlink;
	if (file) {
		fprintf(file, "%u %lld %lld\n", node, (long long)low,
			(long long)target);
		fclose(file);
	}
	return -error;
}

/* --- device --------------------------------------------------------------- */

/* The caller reads the level through it, and nothing else. */
static struct tmem_pressure handle;

int tmem_pressure_open(struct tmem_pressure **pressure)
{
	*pressure = &handle;
	words_open(&triggers, "FAKE_TRIGGERS");
	return number("FAKE_DEVICE", 0) ? 0 : -EACCES;
}

void tmem_pressure_close(struct tmem_pressure *pressure)
{
	if (pressure)
		close(triggers.fd);
}

int tmem_pressure_snapshot(const struct tmem_pressure *pressure,
			   struct tmem_status *status, size_t size)
{
	(void)pressure;
	memset(status, 0, size);
	status->level = TMEM_LEVEL_HIGH;
	status->size = sizeof(*status) + sizeof(status->nodes[0]);
	status->nr_nodes = 1;
	status->changes = 9;
	status->since = now() - 3700000000000;
	status->psi_on = 1;
	status->use = 9012;
	status->some.avg10 = 1250;
	status->full.avg300 = 301;
	status->nodes[0].total = MIB;
	status->nodes[0].arenas = 2 * MIB;
	return (int)status->size;
}

int tmem_pressure_fd(const struct tmem_pressure *pressure)
{
	(void)pressure;
	return triggers.fd;
}

int tmem_pressure_add_trigger(struct tmem_pressure *pressure, int fd,
			      uint64_t cookie)
{
	(void)pressure;
	(void)fd;
	(void)cookie;
	return -number("FAKE_ADD", 0);
}

int tmem_pressure_wait(struct tmem_pressure *pressure, int timeout_ms,
		       struct tmem_event *event)
{
	char word[32];

	(void)pressure;
	(void)timeout_ms;
	if (!words_next(&triggers, word, sizeof(word)))
		return 0;
	*event = (struct tmem_event){
		.type = !strcmp(word, "gone")  ? TMEM_EVENT_TRIGGER_GONE :
			!strcmp(word, "level") ? TMEM_EVENT_LEVEL :
						 TMEM_EVENT_TRIGGER,
		.level = TMEM_LEVEL_MEDIUM,
		.count = 2,
		.time = now(),
	};
	return 1;
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) = NULL;
	va_list args;
	mode_t mode;

	*(void **)&next = dlsym(RTLD_NEXT, "open");
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (strcmp(path, "/dev/tmem") || !number("FAKE_DEVICE", 0))
		return next(path, flags, mode);
	device_fd = next("/dev/null", O_RDWR | O_CLOEXEC);
	return device_fd;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) = NULL;
	struct tmem_query *query;
	va_list args;

	va_start(args, request);
	query = va_arg(args, void *);
	va_end(args);
	*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	if (fd != device_fd || request != TMEM_IOC_QUERY)
		return next(fd, request, query);
	errno = number("FAKE_QUERY", 0);
	if (errno)
		return -1;
	query->abi_version = TMEM_ABI_VERSION;
	query->module_version = 0x000203;
	query->span_shift = TMEM_SPAN_SHIFT;
	query->features = 0x7f;
	query->user_bytes = 5 * MIB;
	query->user_max_bytes = UINT64_MAX;
	return 0;
}
