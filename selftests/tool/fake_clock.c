// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_clock - a clock that the test moves, for programs that wait.
 *
 * Loaded by LD_PRELOAD.  CLOCK_MONOTONIC stands still while the program works,
 * and while it waits for a file: such a wait lasts until something comes, so
 * that no answer is too late, however slow the machine.  A sleep takes no time,
 * but moves the clock by what was asked for.
 *
 * FAKE_TICK_MS=N    each look at the clock moves it by so many ms
 * FAKE_LEAP=1       a wait for a file that has nothing at once is over at once,
 *                   and moves the clock by what was asked for
 * FAKE_WAITED=FILE  is written, at the end, by how many ms waits and sleeps
 *                   moved the clock
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ull

static int (*real_gettime)(clockid_t clock, struct timespec *time);
static int (*real_poll)(struct pollfd *fds, nfds_t n, int ms);
static uint64_t began, tick;
static bool leap;
static _Atomic uint64_t passed, waited;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAKE_TICK_MS");
	struct timespec now;

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	*(void **)&real_poll = dlsym(RTLD_NEXT, "poll");
	real_gettime(CLOCK_MONOTONIC, &now);
	began = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	tick = text ? strtoull(text, NULL, 10) * MS : 0;
	leap = getenv("FAKE_LEAP");
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAKE_WAITED");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "%llu\n", (unsigned long long)(waited / MS));
	fclose(file);
}

static void pass(uint64_t ns)
{
	passed += ns;
	waited += ns;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	uint64_t now;

	if (!real_gettime)
		begin();
	if (clock != CLOCK_MONOTONIC)
		return real_gettime(clock, time);
	now = began + atomic_fetch_add(&passed, tick) + tick;
	time->tv_sec = (time_t)(now / 1000000000);
	time->tv_nsec = (long)(now % 1000000000);
	return 0;
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
	int got;

	if (ms <= 0 || !leap)
		return real_poll(fds, n, ms ? -1 : 0);
	got = real_poll(fds, n, 0);
	if (!got)
		pass((uint64_t)ms * MS);
	return got;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	pass((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
	return 0;
}

int usleep(useconds_t us)
{
	pass((uint64_t)us * 1000);
	return 0;
}
