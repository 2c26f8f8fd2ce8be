// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pressure over /dev/tmem: the status page, events, triggers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <tmem/pressure.h>
#include <unistd.h>

#include "arena/backend.h"
#include "arena/device.h"
#include "pressure/deadline.h"

/* The handle; the caller sees its first part. */
struct handle {
	struct tmem_pressure shown;
	int fd;
	size_t bytes; /* of the status page, as mapped */
};

static struct handle *handle_of(const struct tmem_pressure *pressure)
{
	return (struct handle *)(uintptr_t)pressure;
}

static int page_map(struct handle *h, const struct tmem_query *query)
{
	const struct tmem_status *page;

	if (query->status_size < sizeof(*page))
		return -EPROTO;
	page = mmap(NULL, query->status_size, PROT_READ, MAP_SHARED, h->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (page->size < sizeof(*page) || page->size > query->status_size) {
		munmap((void *)(uintptr_t)page, query->status_size);
		return -EPROTO;
	}
	h->shown.status = page;
	h->bytes = query->status_size;
	return 0;
}

/* Reads must not wait: tmem_pressure_wait() has a time limit. */
static int handle_open(struct handle *h)
{
	struct tmem_query query;
	int err = 0;

	h->fd = tmem_device_open(&query);
	if (h->fd < 0)
		return h->fd;
	if (!(query.features & TMEM_FEATURE_PRESSURE))
		err = -ENOTSUP;
	else if (fcntl(h->fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	else
		err = page_map(h, &query);
	if (err)
		close(h->fd);
	return err;
}

int tmem_pressure_open(struct tmem_pressure **pressure)
{
	struct handle *h = tmem_os_table(sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	err = handle_open(h);
	if (err) {
		tmem_os_table_free(h, sizeof(*h));
		return err;
	}
	*pressure = &h->shown;
	return 0;
}

void tmem_pressure_close(struct tmem_pressure *pressure)
{
	struct handle *h = handle_of(pressure);

	if (!pressure)
		return;
	munmap((void *)(uintptr_t)pressure->status, h->bytes);
	close(h->fd);
	tmem_os_table_free(h, sizeof(*h));
}

/*
 * The kernel may have been stopped in the middle of writing.  A reader of
 * higher priority on its CPU must let it finish, which yielding alone does not.
 */
static void page_wait(unsigned int tries)
{
	const struct timespec moment = { .tv_nsec = 50000 };

	if (tries < 64)
		return;
	if (tries < 128)
		sched_yield();
	else
		nanosleep(&moment, NULL);
}

/*
 * The page changes under us; word by word, no load is torn or repeated.  Each
 * is an acquire, so that the sequence number is read again after all of them:
 * as good as a fence behind the last, and ThreadSanitizer understands it.
 */
static void page_copy(uint64_t *to, const uint64_t *from, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(*to); i++) {
		uint64_t word = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);

		memcpy(&to[i], &word, sizeof(word));
	}
}

static bool page_read(const struct tmem_status *page, void *to, size_t bytes)
{
	uint32_t seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);

	if (seq & 1)
		return false;
	page_copy(to, (const uint64_t *)page, bytes);
	return __atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq;
}

_Static_assert(sizeof(struct tmem_status) % sizeof(uint64_t) == 0 &&
		       sizeof(struct tmem_status_node) % sizeof(uint64_t) == 0,
	       "the page is not whole words");

int tmem_pressure_snapshot(const struct tmem_pressure *pressure,
			   struct tmem_status *status, size_t size)
{
	const struct tmem_status *page = pressure->status;
	size_t bytes = __atomic_load_n(&page->size, __ATOMIC_RELAXED);
	unsigned int tries = 0;

	if (size < sizeof(*status))
		return -EINVAL;
	if (bytes > handle_of(pressure)->bytes)
		bytes = handle_of(pressure)->bytes;
	if (bytes > size)
		bytes = size;
	bytes -= bytes % sizeof(uint64_t);
	while (!page_read(page, status, bytes))
		page_wait(tries++);
	return (int)bytes;
}

/* 1, 0 (nothing there), or -errno. */
static int event_read(const struct handle *h, struct tmem_event *event)
{
	ssize_t n = read(h->fd, event, sizeof(*event));

	if (n == (ssize_t)sizeof(*event))
		return 1;
	if (n < 0 && errno != EAGAIN)
		return -errno;
	return n < 0 ? 0 : -EIO;
}

static int event_wait(const struct handle *h, tmem_deadline deadline,
		      struct tmem_event *event)
{
	int got;

	for (;;) {
		got = event_read(h, event);
		if (got)
			return got;
		got = tmem_deadline_poll(h->fd, deadline);
		if (got <= 0)
			return got;
	}
}

int tmem_pressure_wait(struct tmem_pressure *pressure, int timeout_ms,
		       struct tmem_event *event)
{
	return event_wait(handle_of(pressure), tmem_deadline_in(timeout_ms),
			  event);
}

int tmem_pressure_wait_level(struct tmem_pressure *pressure,
			     enum tmem_level level, int timeout_ms)
{
	tmem_deadline deadline = tmem_deadline_in(timeout_ms);
	struct tmem_event event;
	int got;

	if ((unsigned int)level > TMEM_LEVEL_CRITICAL)
		return -EINVAL;
	while (tmem_pressure_level(pressure) < level) {
		got = event_wait(handle_of(pressure), deadline, &event);
		if (got <= 0)
			return got;
	}
	return 1;
}

int tmem_pressure_fd(const struct tmem_pressure *pressure)
{
	return handle_of(pressure)->fd;
}

int tmem_pressure_add_trigger(struct tmem_pressure *pressure, int fd,
			      uint64_t cookie)
{
	struct tmem_trigger trigger = { .fd = fd, .cookie = cookie };

	return ioctl(handle_of(pressure)->fd, TMEM_IOC_TRIGGER_ADD, &trigger) ?
		       -errno :
		       0;
}

int tmem_pressure_remove_trigger(struct tmem_pressure *pressure,
				 uint64_t cookie)
{
	struct tmem_trigger trigger = { .fd = -1, .cookie = cookie };

	return ioctl(handle_of(pressure)->fd, TMEM_IOC_TRIGGER_REMOVE,
		     &trigger) ?
		       -errno :
		       0;
}
