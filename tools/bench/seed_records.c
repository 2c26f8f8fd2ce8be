// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every block recorded: are there really records of so many, is the list of
 * hotspots right, how long do it and a snapshot take, and what does it hold?
 *
 * Blocks come from 64 tags, of sizes such that the order by bytes is known.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tmem.h>
#include <unistd.h>

#include "seed.h"

#define TAGS 64u
#define TOP 10u
#define ROUNDS 9u

static char tag_name[TAGS][8];

/* Tag 0 has the largest blocks, and all have as many. */
static size_t tag_bytes(unsigned int tag)
{
	return 64 * (TAGS + 1 - tag);
}

static int blocks_make(unsigned int count)
{
	void **blocks = malloc(count * sizeof(*blocks));
	unsigned int i;

	for (i = 0; i < TAGS; i++)
		snprintf(tag_name[i], sizeof(tag_name[i]), "t%u", i);
	for (i = 0; blocks && i < count; i++) {
		tmem_tag_push(tag_name[i % TAGS]);
		blocks[i] = tmem_alloc(tag_bytes(i % TAGS));
		tmem_tag_pop();
		if (!blocks[i])
			return -1;
	}
	return blocks ? 0 : -1;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_ms(uint64_t *ns)
{
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	return (double)ns[ROUNDS / 2] / 1e6;
}

/* How many of the first ten are those that must be there. */
static unsigned int top_right(const struct tmem_hotspot *top, int n)
{
	struct tmem_site_info site = TMEM_SITE_INIT;
	unsigned int i, right = 0;

	for (i = 0; (int)i < n && i < TOP; i++)
		right += !tmem_site_get(top[i].site, &site) &&
			 !strcmp(site.tag, tag_name[i]);
	return right;
}

static int hotspots_measure(void)
{
	struct tmem_hotspot top[TOP];
	uint64_t ns[ROUNDS], began;
	unsigned int i;
	int n = 0;

	for (i = 0; i < ROUNDS; i++) {
		began = seed_now();
		n = tmem_hotspots_get(TMEM_HOTSPOT_LIVE, top, TOP);
		ns[i] = seed_now() - began;
	}
	printf("hotspots %d\nhotspots_right %u\nhotspots_ms %.4f\n", n,
	       top_right(top, n), median_ms(ns));
	return n < 0 ? -1 : 0;
}

static int snapshot_measure(const char *key, unsigned int flags)
{
	uint64_t ns[ROUNDS], began;
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	unsigned int i;

	for (i = 0; fd >= 0 && i < ROUNDS; i++) {
		if (lseek(fd, 0, SEEK_SET) || ftruncate(fd, 0))
			return -1;
		began = seed_now();
		if (tmem_snapshot_write(fd, flags))
			return -1;
		ns[i] = seed_now() - began;
	}
	if (fd < 0)
		return -1;
	close(fd);
	printf("%s %.4f\n", key, median_ms(ns));
	return 0;
}

int seed_records(unsigned int blocks)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	struct tmem_analytics_stats stats = TMEM_ANALYTICS_STATS_INIT;

	if (tmem_analytics_get(&config))
		return 1;
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = 0;
	if (tmem_analytics_set(&config) || blocks_make(blocks) ||
	    tmem_analytics_stats_get(&stats)) {
		fprintf(stderr, "seed: %u blocks cannot be recorded\n", blocks);
		return 1;
	}
	printf("records %llu\nrecords_dropped %llu\nmetadata_bytes %llu\n",
	       (unsigned long long)stats.records,
	       (unsigned long long)stats.records_dropped,
	       (unsigned long long)stats.metadata_bytes);
	return hotspots_measure() || snapshot_measure("snapshot_ms", 0) ||
	       snapshot_measure("snapshot_records_ms", TMEM_SNAPSHOT_RECORDS);
}
