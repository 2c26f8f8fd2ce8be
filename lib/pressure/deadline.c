// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A time limit holds for the whole call: what wakes us in vain must not start
 * it anew.
 */
#include "pressure/deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

/* Rounded down, so that no wait is cut short by the part that is lost. */
static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

tmem_deadline tmem_deadline_in(int timeout_ms)
{
	if (timeout_ms < 0)
		return -1;
	/* The millisecond that has begun already does not count. */
	return now_ms() + timeout_ms + (timeout_ms > 0);
}

static int left_ms(tmem_deadline deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - now_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int tmem_deadline_poll(int fd, tmem_deadline deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };
	int n = poll(&p, 1, left_ms(deadline));

	if (n < 0)
		return -errno;
	if (!n)
		return 0;
	/* Netlink says POLLERR for lost messages, which a read tells apart. */
	return p.revents & POLLNVAL ? -EBADF : 1;
}
