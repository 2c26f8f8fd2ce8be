// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks, page faults and memory of the measuring program.  Nothing here uses
 * the heap: looking must not change what is looked at.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "alloc_work.h"

#define CALIBRATE_NS 20000000

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

struct look look_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct look){
		.ns = clock_ns(),
		.cpu_ns =
			timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime),
		.sys_ns = timeval_ns(usage.ru_stime),
		.faults = (uint64_t)usage.ru_minflt,
	};
}

struct look look_less(const struct look *b, const struct look *a)
{
	return (struct look){
		.ns = b->ns - a->ns,
		.cpu_ns = b->cpu_ns - a->cpu_ns,
		.sys_ns = b->sys_ns - a->sys_ns,
		.faults = b->faults - a->faults,
	};
}

static uint64_t kib_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) << 10 : 0;
}

struct resident look_resident(void)
{
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t got;

	if (fd < 0)
		return (struct resident){ 0 };
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return (struct resident){
		.bytes = kib_of(text, "\nRss:"),
		.huge = kib_of(text, "\nAnonHugePages:"),
	};
}

double look_tick_ns(void)
{
	uint64_t tick = look_tick();
	uint64_t from = clock_ns();
	uint64_t ns;

	do
		ns = clock_ns() - from;
	while (ns < CALIBRATE_NS);
	return (double)ns / (double)(look_tick() - tick);
}

void work_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

void *work_pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		work_die("no memory for the tables");
	return memory;
}

void work_print(const char *key, double value)
{
	dprintf(STDOUT_FILENO, "%s %.6f\n", key, value);
}
