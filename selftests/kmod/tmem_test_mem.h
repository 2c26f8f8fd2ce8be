/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: what the machine says about memory.  Where a
 * page is, how it is mapped, how much of a node is free.  It reads /proc and
 * /sys only, never the module, so that the module is checked against something
 * that it did not say itself.
 */
#ifndef TMEM_TEST_MEM_H
#define TMEM_TEST_MEM_H

#include "tmem_test.h"

#include <sched.h>

#define KT_NODE_DIR "/sys/devices/system/node"

/* A list such as "0-1,3" as a bit mask; bits above 63 are left out. */
static inline uint64_t kt_list_mask(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t mask = 0;
	unsigned int a, b;
	char sep = ',';

	if (!f)
		return 0;
	while (sep == ',' && fscanf(f, "%u", &a) == 1) {
		b = a;
		if (fscanf(f, "%c", &sep) != 1)
			sep = '\n';
		if (sep == '-' && fscanf(f, "%u%c", &b, &sep) < 2)
			sep = '\n';
		for (; a <= b && a < 64; a++)
			mask |= 1ULL << a;
	}
	fclose(f);
	return mask;
}

/* Nodes with memory.  A kernel without NUMA has node 0 and no folder. */
static inline uint64_t kt_nodes(void)
{
	uint64_t mask = kt_list_mask(KT_NODE_DIR "/has_memory");

	return mask ? mask : 1;
}

static inline int kt_node_count(void)
{
	return __builtin_popcountll(kt_nodes());
}

/* The nodes with memory, lowest and highest. */
static inline int kt_node_first(void)
{
	return __builtin_ctzll(kt_nodes());
}

static inline int kt_node_last(void)
{
	return 63 - __builtin_clzll(kt_nodes());
}

/* The next node in the mask after n, or -1. */
static inline int kt_node_next(uint64_t mask, int n)
{
	while (++n < 64)
		if (mask >> n & 1)
			return n;
	return -1;
}

#define for_each_node(n, mask)                         \
	for (int n = kt_node_next((mask), -1); n >= 0; \
	     n = kt_node_next((mask), n))

/* Runs the caller on a CPU of the node; -ENODEV if the node has none. */
static inline int kt_run_on_node(int node)
{
	char path[64];
	uint64_t mask;
	cpu_set_t set;

	snprintf(path, sizeof(path), KT_NODE_DIR "/node%d/cpulist", node);
	mask = kt_list_mask(path);
	if (!mask)
		return -ENODEV;
	CPU_ZERO(&set);
	CPU_SET(__builtin_ctzll(mask), &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static inline uint64_t kt_node_total(int node)
{
	unsigned long kb = 0;
	char line[128];
	FILE *f;

	snprintf(line, sizeof(line), KT_NODE_DIR "/node%d/meminfo", node);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Node %*d MemTotal: %lu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return (uint64_t)kb * 1024;
}

/* What lies zeroed in the module's pool of a node, or of all (-1). */
static inline uint64_t kt_pool_bytes(int node)
{
	unsigned long long bytes, sum = 0;
	char path[80];
	FILE *f;

	for (int i = 0; i < 64; i++) {
		if (node >= 0 && i != node)
			continue;
		snprintf(path, sizeof(path),
			 "/sys/class/misc/tmem/node%d/pool_bytes", i);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &bytes) == 1)
			sum += bytes;
		fclose(f);
	}
	return sum;
}

/*
 * Free memory of a node, or of the machine (-1).  Pages that were freed but
 * still sit in a CPU's own list count as free: MemFree leaves them out, and
 * with 2 MiB pages that is up to 100 MiB and more.  So does what was free
 * until the module put it into a pool.
 */
static inline uint64_t kt_free(int node)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	unsigned long pages, sum = 0;
	int cur = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Node %d, zone", &cur);
		if (node >= 0 && cur != node)
			continue;
		if (sscanf(line, " pages free %lu", &pages) == 1 ||
		    sscanf(line, " count: %lu", &pages) == 1)
			sum += pages;
	}
	if (f)
		fclose(f);
	return (uint64_t)sum * KT_PAGE + kt_pool_bytes(node);
}

/* Memory of a node that is free in whole spans, without any compaction. */
static inline uint64_t kt_free_huge(int node)
{
	FILE *f = fopen("/proc/buddyinfo", "re");
	unsigned long n[11], spans = 0;
	char line[256];
	int cur;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			   "Node %d, zone %*s %lu %lu %lu %lu %lu %lu %lu %lu"
			   " %lu %lu %lu",
			   &cur, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
			   &n[6], &n[7], &n[8], &n[9], &n[10]) != 12)
			continue;
		if (node < 0 || cur == node)
			spans += n[9] + 2 * n[10];
	}
	if (f)
		fclose(f);
	return (uint64_t)spans * KT_SPAN;
}

/*
 * What KASAN keeps of slab objects that were freed.  A kernel with kmemleak is
 * the debug kernel, which has KASAN, too.
 */
static inline uint64_t kt_quarantine(void)
{
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		return 0;
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * KT_PAGE / 32;
}

/*
 * Waits until the memory that was free before is free again, less a slack for
 * what the kernel itself took meanwhile.  How much is missing, 0 if nothing.
 */
static inline uint64_t kt_free_missing(int node, uint64_t before)
{
	const uint64_t slack = 16 * KT_MIB + kt_quarantine();
	uint64_t now = 0;
	bool back = PACE_UNTIL((now = kt_free(node)) + slack >= before);

	return back ? 0 : before - now;
}

/* The node of a page, or -errno: -ENOENT if nothing is there. */
static inline int kt_page_node(void *p)
{
	int status = -EINVAL;

	if (syscall(SYS_move_pages, 0, 1UL, &p, NULL, &status, 0))
		return -errno;
	return status;
}

/* Moves the page, and with it its span if it is one page, to the node. */
static inline int kt_page_move(void *p, int node)
{
	int status = -EINVAL;

	if (syscall(SYS_move_pages, 0, 1UL, &p, &node, &status,
		    MPOL_MF_MOVE_ALL) < 0)
		return -errno;
	return status;
}

/* One field, in bytes, summed over the mappings that overlap [p, p + len). */
static inline size_t kt_smaps(const void *p, size_t len, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	uintptr_t begin = (uintptr_t)p, end = begin + len;
	size_t field_len = strlen(field), sum = 0;
	unsigned long from, to;
	bool inside = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from < end && begin < to;
		else if (inside && !strncmp(line, field, field_len) &&
			 line[field_len] == ':')
			sum += strtoul(line + field_len + 1, NULL, 10) * 1024;
	}
	if (f)
		fclose(f);
	return sum;
}

static inline size_t kt_pmd_mapped(const void *p, size_t len)
{
	return kt_smaps(p, len, "FilePmdMapped");
}

/* Writes a word to a control file in /proc or /sys; 0 or -errno. */
static inline int kt_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

#define KT_SETTLE "/sys/kernel/debug/tmem/settle"

/* Waits for refills that are under way; those that were put off can be first. */
static inline void kt_pool_settle(bool put_off)
{
	kt_write_file(KT_SETTLE, put_off ? "1" : "0");
}

/* Waits until the pool of a node holds so many spans, and is not refilled. */
static inline bool kt_pool_holds(int node, size_t spans)
{
	bool holds = PACE_UNTIL((kt_pool_settle(false),
				 kt_pool_bytes(node) == spans * KT_SPAN));

	if (!holds)
		printf("# node %d: pool of %llu spans, not %zu\n", node,
		       (unsigned long long)(kt_pool_bytes(node) / KT_SPAN),
		       spans);
	return holds;
}

static inline long kt_read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long value = -1;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

/*
 * Purges one span, until it is not pinned.  A CPU keeps the last few small pages
 * that it filled in a list of its own until it needs the list again; they count
 * as pinned.  Moving any page empties the lists of all CPUs.
 */
static inline int kt_purge_soon(const struct kt_arena *a, size_t i,
				struct tmem_arena_purge *out)
{
	char here = 0;
	int ret = 0;

	PACE_UNTIL((kt_page_move(&here, kt_node_first()),
		    ret = kt_purge(a, i, 1, out), ret || !out->pinned));
	return ret;
}

#endif /* TMEM_TEST_MEM_H */
