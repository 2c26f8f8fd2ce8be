// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test harness ends a test after a time that is meant for a usual kernel.
 * One that checks every access and every lock takes several times as long.
 * Loaded before libc (LD_PRELOAD), this gives TMEM_TIME_SCALE times the time.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

unsigned int alarm(unsigned int seconds)
{
	const char *env = getenv("TMEM_TIME_SCALE");
	unsigned int scale = env ? atoi(env) : 1;
	struct itimerval new = { .it_value.tv_sec = seconds * scale }, old;

	setitimer(ITIMER_REAL, &new, &old);
	return old.it_value.tv_sec / scale + !!old.it_value.tv_usec;
}
