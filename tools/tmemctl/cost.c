// SPDX-License-Identifier: GPL-2.0-only
/*
 * cost - time, faults and memory of the process.
 *
 * /proc is read without stdio and without the heap, so that looking does not
 * change what is looked at.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "cost.h"

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

struct cost cost_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct cost){
		.ns = clock_ns(),
		.minor_faults = (uint64_t)usage.ru_minflt,
		.user_us = microseconds(usage.ru_utime),
		.sys_us = microseconds(usage.ru_stime),
	};
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct cost cost_less(const struct cost *a, const struct cost *b)
{
	return (struct cost){
		.ns = less(a->ns, b->ns),
		.minor_faults = less(a->minor_faults, b->minor_faults),
		.user_us = less(a->user_us, b->user_us),
		.sys_us = less(a->sys_us, b->sys_us),
	};
}

void cost_add(struct cost *sum, const struct cost *from, const struct cost *to)
{
	struct cost between = cost_less(to, from);

	sum->ns += between.ns;
	sum->minor_faults += between.minor_faults;
	sum->user_us += between.user_us;
	sum->sys_us += between.sys_us;
}

static bool read_whole(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return got > 0;
}

/* What the page tables say: exact, but see cost_rss(). */
static uint64_t mapped_rss(void)
{
	char text[4096];
	char *at = NULL;

	if (read_whole("/proc/self/smaps_rollup", text, sizeof(text)))
		at = strstr(text, "\nRss:");
	return at ? strtoull(at + 5, NULL, 10) << 10 : 0;
}

/* What the kernel's counters say, "size resident ..." in pages. */
static uint64_t counted_rss(uint64_t page)
{
	char text[256];
	char *at = NULL;

	if (read_whole("/proc/self/statm", text, sizeof(text)))
		at = strchr(text, ' ');
	return at ? strtoull(at, NULL, 10) * page : 0;
}

/*
 * Linux 6.1 leaves out of smaps what NUMA balancing has made inaccessible for
 * a moment to see who comes, hundreds of MiB at times.  The counters have it,
 * but each CPU keeps a batch of pages to itself.  So they are only believed
 * if they say more than the page tables and all batches of the three counters
 * together.
 */
uint64_t cost_rss(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
	uint64_t batch = cpus * 2 > 32 ? cpus * 2 : 32;
	uint64_t mapped = mapped_rss();
	uint64_t counted = counted_rss(page);

	return counted > mapped + 3 * batch * cpus * page ? counted : mapped;
}

void footprint_take(struct footprint *footprint)
{
	const struct tmem_residency empty = TMEM_RESIDENCY_INIT;
	const struct tmem_stats none = TMEM_STATS_INIT;

	footprint->rss = cost_rss();
	footprint->stats = none;
	tmem_stats_get(&footprint->stats);
	footprint->residency = empty;
	footprint->known = !tmem_residency_get(&footprint->residency);
}
