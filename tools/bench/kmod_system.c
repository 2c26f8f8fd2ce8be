// SPDX-License-Identifier: GPL-2.0-only
/* Files in /proc and /sys: set, read, and put back at the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

int bench_skip(struct bench *b, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(b->why, sizeof(b->why), why, args);
	va_end(args);
	return -1;
}

int bench_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int bench_write_number(const char *path, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return bench_write(path, text);
}

int bench_read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? -EIO : 0;
}

uint64_t bench_read_number(const char *path)
{
	char text[64];

	if (bench_read_text(path, text, sizeof(text)) || text[0] < '0' ||
	    text[0] > '9')
		return ~0ULL;
	return strtoull(text, NULL, 10);
}

/* Pages that wait in a CPU's own list are free too; MemFree leaves them out. */
uint64_t bench_free_bytes(int node)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	unsigned long pages, sum = 0;
	int current = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Node %d, zone", &current);
		if (node >= 0 && current != node)
			continue;
		if (sscanf(line, " pages free %lu", &pages) == 1 ||
		    sscanf(line, " count: %lu", &pages) == 1)
			sum += pages;
	}
	if (f)
		fclose(f);
	return (uint64_t)sum * BENCH_PAGE;
}

/* The first CPU of the node; the machine has CPU i on node i. */
int bench_run_on_node(int node)
{
	char path[64];
	cpu_set_t set;
	uint64_t cpu;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 node);
	cpu = bench_read_number(path);
	if (cpu == ~0ULL)
		return -ENODEV;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

uint64_t bench_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (uint64_t)(ru.ru_minflt + ru.ru_majflt);
}

void bench_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/* --- settings --------------------------------------------------------------- */

#define HUGEPAGES "hugepages/hugepages-2048kB/nr_hugepages"

static const char *const setting[] = {
	BENCH_SYSFS "/pressure/use_critical",
	BENCH_SYSFS "/pressure/use_high",
	BENCH_SYSFS "/pressure/use_medium",
	BENCH_SYSFS "/pressure/stall_critical",
	BENCH_SYSFS "/pressure/stall_high",
	BENCH_SYSFS "/pressure/stall_medium",
	BENCH_SYSFS "/pressure/hysteresis",
	BENCH_SYSFS "/pressure/hold_ms",
	BENCH_SYSFS "/node0/pool_target_bytes",
	BENCH_SYSFS "/node0/pool_low_bytes",
	BENCH_SYSFS "/node1/pool_target_bytes",
	BENCH_SYSFS "/node1/pool_low_bytes",
	"/sys/devices/system/node/node0/" HUGEPAGES,
	"/sys/devices/system/node/node1/" HUGEPAGES,
};

#define SETTINGS (sizeof(setting) / sizeof(*setting))

static char before[SETTINGS][64];

void bench_settings_save(struct bench *b)
{
	(void)b;
	for (size_t i = 0; i < SETTINGS; i++)
		bench_read_text(setting[i], before[i], sizeof(before[i]));
}

/* Some are taken only when another is right already: several times. */
void bench_settings_restore(struct bench *b)
{
	(void)b;
	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < SETTINGS; i++)
			if (before[i][0])
				bench_write(setting[i], before[i]);
}

/* --- the pools -------------------------------------------------------------- */

static void pool_path(char *path, size_t size, unsigned int node,
		      const char *file)
{
	snprintf(path, size, BENCH_SYSFS "/node%u/pool_%s", node, file);
}

static uint64_t pool_bytes(unsigned int node)
{
	char path[96];

	pool_path(path, sizeof(path), node, "bytes");
	return bench_read_number(path);
}

static int pool_set(unsigned int node, const char *file, uint64_t bytes)
{
	char path[96];

	pool_path(path, sizeof(path), node, file);
	return bench_write_number(path, bytes);
}

int bench_pool_empty(struct bench *b)
{
	for (unsigned int n = 0; n < b->nodes; n++) {
		int err = pool_set(n, "low_bytes", 0);

		if (!err)
			err = pool_set(n, "target_bytes", 0);
		if (err)
			return bench_skip(b, "the pool of node %u: %s", n,
					  strerror(-err));
		for (int i = 0; pool_bytes(n) && i < 300; i++)
			bench_sleep_ms(10);
		if (pool_bytes(n))
			return bench_skip(b, "the pool does not empty");
	}
	return 0;
}

/*
 * Fills the pool of the node that memory is taken from, and then stops the
 * refilling, which would take the CPU that is measured.
 */
int bench_pool_fill(struct bench *b, uint64_t bytes)
{
	unsigned int n = (unsigned int)b->node;
	int err = pool_set(n, "target_bytes", bytes);

	if (!err)
		err = pool_set(n, "low_bytes", bytes);
	if (err)
		return bench_skip(b, "the pool of node %u: %s", n,
				  strerror(-err));
	for (int i = 0; pool_bytes(n) < bytes && i < 6000; i++)
		bench_sleep_ms(10);
	if (pool_bytes(n) < bytes)
		return bench_skip(b, "the pool holds %llu MiB after a minute",
				  (unsigned long long)pool_bytes(n) >> 20);
	err = pool_set(n, "low_bytes", 0);
	bench_sleep_ms(20);
	return err ? bench_skip(b, "pool_low_bytes: %s", strerror(-err)) : 0;
}
