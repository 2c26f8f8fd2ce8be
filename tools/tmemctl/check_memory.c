// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_memory - the doctor's look at huge pages, nodes, pressure and limits.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <tmem/arena.h>

#include "device.h"
#include "finding.h"
#include "host.h"
#include "nodes.h"
#include "units.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

/* The kernel's default; nobody lowers it without a reason. */
#define MAP_COUNT_DEFAULT 65530

/* The bracketed word of "always [madvise] never". */
static bool chosen(const char *path, char *word, size_t size)
{
	char text[128];
	char *open, *close;

	if (!host_read(path, text, sizeof(text)))
		return false;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (!close)
		return false;
	*close = 0;
	snprintf(word, size, "%s", open + 1);
	return true;
}

/* Without huge pages in anonymous memory: a fault only if no device helps. */
static void no_huge_pages(struct finding *finding, const char *why)
{
	struct device device;

	device_query(&device);
	if (device.usable)
		finding_note(finding, NULL,
			     "%s: backend anon gets 4 KiB pages; /dev/tmem "
			     "has huge pages all the same",
			     why);
	else
		finding_missing(finding,
				"memory comes in 4 KiB pages: up to 512 times "
				"the page faults, and more TLB misses",
				"%s", why);
}

static void huge_pages_on(struct finding *finding, const char *enabled)
{
	char defrag[32];

	if (!chosen(THP "defrag", defrag, sizeof(defrag)))
		snprintf(defrag, sizeof(defrag), "unknown");
	if (!strcmp(defrag, "never") || !strcmp(defrag, "defer"))
		finding_note(finding,
			     "when no huge page is free at once, backend anon "
			     "gets 4 KiB pages there",
			     "enabled=%s defrag=%s: backend anon gets 2 MiB "
			     "pages while some are free",
			     enabled, defrag);
	else
		finding_ok(
			finding,
			"enabled=%s defrag=%s: backend anon gets 2 MiB pages",
			enabled, defrag);
}

void check_huge_pages(struct finding *finding)
{
	uint64_t bytes;
	char enabled[32];

	if (!chosen(THP "enabled", enabled, sizeof(enabled)))
		no_huge_pages(finding, "this kernel has no transparent huge "
				       "pages, or hides them");
	else if (!strcmp(enabled, "never"))
		no_huge_pages(finding,
			      "transparent huge pages are off (enabled=never)");
	else if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
		no_huge_pages(finding, "transparent huge pages are off for "
				       "this process (PR_SET_THP_DISABLE)");
	else if (host_number(THP "hpage_pmd_size", &bytes) &&
		 bytes != TMEM_SPAN_BYTES)
		no_huge_pages(finding,
			      "huge pages are not 2 MiB on this machine");
	else
		huge_pages_on(finding, enabled);
}

/* "0: 24.0 GiB, 1: 24.0 GiB" */
static void list_nodes(uint64_t mask, char *list, size_t size)
{
	uint64_t total, unused;
	unsigned int node;
	size_t used = 0;

	for (node = 0; node < NODES_MAX && used < size; node++) {
		if (!(mask >> node & 1))
			continue;
		used += (size_t)snprintf(list + used, size - used,
					 "%snode %u %s", used ? ", " : "", node,
					 nodes_memory(node, &total, &unused) ?
						 units_bytes(total).text :
						 "unknown");
	}
}

void check_nodes(struct finding *finding)
{
	uint64_t all = nodes_with_memory();
	uint64_t allowed = nodes_allowed();
	char list[192] = "";
	char subset[64];

	list_nodes(all, list, sizeof(list));
	nodes_format(allowed, subset, sizeof(subset));
	if (!(all & (all - 1)))
		finding_ok(finding, "%s: one node, nothing to place", list);
	else if (allowed != all)
		finding_note(finding, "tensors cannot be placed on the others",
			     "%s; this process may use %s only", list, subset);
	else
		finding_ok(finding, "%s", list);
}

void check_pressure(struct finding *finding)
{
	char text[128];

	if (host_read("/proc/pressure/memory", text, sizeof(text)))
		finding_ok(finding, "/proc/pressure/memory: %s", text);
	else
		finding_missing(finding,
				"it cannot be seen how long programs wait for "
				"memory; boot with psi=1",
				"/proc/pressure/memory cannot be read");
}

static uint64_t memory_total(void)
{
	uint64_t total;

	host_kib("/proc/meminfo", "MemTotal:", &total);
	return total;
}

void check_mappings(struct finding *finding)
{
	uint64_t spans = memory_total() / TMEM_SPAN_BYTES;
	uint64_t limit;
	char cost[256];

	if (!host_number("/proc/sys/vm/max_map_count", &limit)) {
		finding_note(finding, NULL,
			     "unknown: /proc/sys/vm/max_map_count is not "
			     "there");
		return;
	}
	if (limit >= MAP_COUNT_DEFAULT && limit >= spans) {
		finding_ok(finding, "%s mappings per process",
			   units_count(limit).text);
		return;
	}
	snprintf(cost, sizeof(cost),
		 "a program whose memory is scattered may reach it before "
		 "memory is used up; sysctl vm.max_map_count=%llu is enough",
		 (unsigned long long)(spans > MAP_COUNT_DEFAULT ?
					      spans * 2 :
					      MAP_COUNT_DEFAULT));
	finding_note(finding, cost,
		     "%s mappings per process, this memory has %s spans",
		     units_count(limit).text, units_count(spans).text);
}

void check_overcommit(struct finding *finding)
{
	uint64_t mode;

	if (!host_number("/proc/sys/vm/overcommit_memory", &mode))
		finding_note(finding, NULL,
			     "unknown: /proc/sys/vm/overcommit_memory is not "
			     "there");
	else if (mode == 2)
		finding_note(finding,
			     "backend anon's addresses count as used memory: "
			     "allocations may fail while memory is free",
			     "vm.overcommit_memory=2: the kernel promises no "
			     "more than it has");
	else
		finding_ok(finding, "vm.overcommit_memory=%llu",
			   (unsigned long long)mode);
}
