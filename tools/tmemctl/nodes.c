// SPDX-License-Identifier: GPL-2.0-only
/*
 * nodes - NUMA nodes, as the kernel tells of them in /sys and /proc.
 *
 * libnuma says the same, but only about the running system, and ends the
 * program if a folder is missing that a container may well miss.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "nodes.h"

static bool number(const char **at, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*value = strtoul(*at, &end, 10);
	*at = end;
	return *value < NODES_MAX;
}

bool nodes_parse(const char *list, uint64_t *mask)
{
	unsigned long first, last, node;

	*mask = 0;
	for (;; list++) {
		if (!number(&list, &first))
			return false;
		last = first;
		if (*list == '-') {
			list++;
			if (!number(&list, &last) || last < first)
				return false;
		}
		for (node = first; node <= last; node++)
			*mask |= 1ULL << node;
		if (!*list)
			return true;
		if (*list != ',')
			return false;
	}
}

static bool has(const uint64_t *words, size_t node)
{
	return words[node / 64] >> node % 64 & 1;
}

void nodes_format_words(const uint64_t *words, size_t count, char *list,
			size_t size)
{
	size_t node, last, used = 0, n = count * 64;

	snprintf(list, size, "none");
	for (node = 0; node < n && used < size; node = last + 1) {
		last = node;
		if (!has(words, node))
			continue;
		while (last + 1 < n && has(words, last + 1))
			last++;
		used += (size_t)snprintf(list + used, size - used, "%s%zu",
					 used ? "," : "", node);
		if (last > node && used < size)
			used += (size_t)snprintf(list + used, size - used,
						 "-%zu", last);
	}
}

void nodes_format(uint64_t mask, char *list, size_t size)
{
	nodes_format_words(&mask, 1, list, size);
}

uint64_t nodes_with_memory(void)
{
	char text[256];
	uint64_t mask;

	if (host_read("/sys/devices/system/node/has_memory", text,
		      sizeof(text)) &&
	    nodes_parse(text, &mask))
		return mask;
	return 1;
}

uint64_t nodes_allowed(void)
{
	uint64_t all = nodes_with_memory();
	char text[256];
	uint64_t mask;

	if (host_key("/proc/self/status", "Mems_allowed_list:", text,
		     sizeof(text)) &&
	    nodes_parse(text, &mask))
		return mask & all;
	return all;
}

static bool meminfo(const char *path, const char *prefix, uint64_t *total,
		    uint64_t *free)
{
	char key[64];

	snprintf(key, sizeof(key), "%sMemTotal:", prefix);
	if (!host_kib(path, key, total))
		return false;
	snprintf(key, sizeof(key), "%sMemFree:", prefix);
	return host_kib(path, key, free);
}

bool nodes_memory(unsigned int node, uint64_t *total, uint64_t *free)
{
	char path[128], prefix[32];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo",
		 node);
	snprintf(prefix, sizeof(prefix), "Node %u ", node);
	if (meminfo(path, prefix, total, free))
		return true;
	return node == 0 && meminfo("/proc/meminfo", "", total, free);
}
