/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock that replays are timed with. */
#ifndef TMEMCTL_CLOCK_H
#define TMEMCTL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif /* TMEMCTL_CLOCK_H */
