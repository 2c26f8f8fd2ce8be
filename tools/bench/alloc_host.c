// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine: what is written beside the figures, since it decides over
 * them, and one trap.
 *
 * A virtual machine may give free memory back to the one below (free page
 * reporting).  Memory that has to come back from there costs milliseconds per
 * 2 MiB, whoever asks for it.  So memory is held between the processes that
 * touch some: it is free only while one of them runs.  What was given back
 * meanwhile, since free memory may be after two seconds, is counted.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "alloc.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define REPORTED "/sys/module/page_reporting/parameters/reported_kib"

/* The rest of the first line that begins with @key. */
static bool read_key(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[512];
	char *at;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, key, strlen(key));
		at = line + strlen(key);
		at += strspn(at, "\t :");
		at[strcspn(at, "\n")] = 0;
		if (found)
			snprintf(text, size, "%s", at);
	}
	if (file)
		fclose(file);
	return found;
}

static uint64_t read_number(const char *path, const char *key)
{
	char text[64];

	return read_key(path, key, text, sizeof(text)) ?
		       strtoull(text, NULL, 10) :
		       0;
}

uint64_t host_available(void)
{
	return read_number("/proc/meminfo", "MemAvailable") << 10;
}

uint64_t host_reported_kib(void)
{
	return read_number(REPORTED, "");
}

/* "always [madvise] never" is madvise. */
static void chosen(const char *path, char *text, size_t size)
{
	char line[96] = "";
	char *from, *to;

	read_key(path, "", line, sizeof(line));
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		*to = 0;
	snprintf(text, size, "%s", to ? from + 1 : "unknown");
}

static void put(struct host_fact *fact, const char *key, const char *text)
{
	fact->key = key;
	snprintf(fact->text, sizeof(fact->text), "%s", text);
}

static unsigned int nodes(void)
{
	char path[64];
	unsigned int n = 0;

	do
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u",
			 n);
	while (!access(path, F_OK) && ++n < 1024);
	return n ? n : 1;
}

static void put_memory(struct host_fact *fact)
{
	char text[128];

	snprintf(text, sizeof(text), "%.1f GiB, %u node(s)",
		 (double)read_number("/proc/meminfo", "MemTotal") / 1048576,
		 nodes());
	put(fact, "memory", text);
}

void host_facts(struct host_fact facts[HOST_FACTS])
{
	char text[128] = "unknown", more[32];
	struct utsname u;

	uname(&u);
	put(&facts[0], "kernel", u.release);
	read_key("/proc/cpuinfo", "model name", text, sizeof(text));
	put(&facts[1], "cpu", text);
	snprintf(text, sizeof(text), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	put(&facts[2], "cpus", text);
	put_memory(&facts[3]);
	chosen(THP "enabled", more, sizeof(more));
	snprintf(text, sizeof(text), "%s, defrag ", more);
	chosen(THP "defrag", more, sizeof(more));
	strncat(text, more, sizeof(text) - strlen(text) - 1);
	put(&facts[4], "transparent huge pages", text);
	put(&facts[5], "free page reporting",
	    access(REPORTED, R_OK) ? "none seen" : "yes; memory is held ready");
	snprintf(text, sizeof(text), "unknown");
	read_key("/proc/loadavg", "", text, sizeof(text));
	put(&facts[6], "load when it began", text);
}

/* struct held - what host_hold() holds */
static struct {
	char *memory;
	uint64_t bytes;
} held;

void host_release(void)
{
	if (held.memory)
		munmap(held.memory, held.bytes);
	held.memory = NULL;
}

void host_hold(uint64_t bytes)
{
	uint64_t most = host_available() / 4;
	uint64_t at;

	host_release();
	held.bytes = bytes > most ? most : bytes;
	held.memory = mmap(NULL, held.bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (held.memory == MAP_FAILED) {
		held.memory = NULL;
		return;
	}
	madvise(held.memory, held.bytes, MADV_HUGEPAGE);
	for (at = 0; at < held.bytes; at += 4096)
		held.memory[at] = 1;
}
