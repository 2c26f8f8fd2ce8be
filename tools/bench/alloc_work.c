// SPDX-License-Identifier: GPL-2.0-only
/*
 * The measuring program of `make bench`: replays a trace, or climbs a ladder
 * of block sizes, on one heap (see alloc_work_heap.h).  The runner starts a new
 * process for each measurement.
 *
 * usage: alloc-HEAP replay --fd N [--touch none|page|full] [--repeats N]
 *                   [--seconds N] [--threads N] [--latency] [--park SECONDS]
 *        alloc-HEAP crew --fd N [--touch none|page] [--repeats N]
 *        alloc-HEAP ladder [--slice MS]
 *        alloc-HEAP probe
 *        each with --loaded NAME: end with status 3 if that library is not
 *        in the process
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_work_heap.h"
#include "alloc_work.h"

#if defined(HEAP_NONE)
char heap_none[64];
#endif

/* The loader only warns of a library that it cannot preload. */
static bool is_loaded(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[4352];

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, name) != NULL;
	if (maps)
		fclose(maps);
	return found;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: alloc-HEAP replay|crew|ladder|probe, see alloc.c\n");
	return 2;
}

static enum work_touch touch_of(const char *word)
{
	return !strcmp(word, "page") ? WORK_TOUCH_PAGE :
	       !strcmp(word, "full") ? WORK_TOUCH_FULL :
				       WORK_TOUCH_NONE;
}

static int parse(struct work *work, const char **loaded, int argc, char **argv)
{
	static const struct option options[] = {
		{ "fd", required_argument, NULL, 'f' },
		{ "touch", required_argument, NULL, 't' },
		{ "repeats", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 'n' },
		{ "park", required_argument, NULL, 'p' },
		{ "slice", required_argument, NULL, 'm' },
		{ "loaded", required_argument, NULL, 'l' },
		{ "latency", no_argument, NULL, 'y' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		unsigned int number = optarg ? (unsigned int)atoi(optarg) : 0;

		if (c == 'f')
			work->fd = (int)number;
		else if (c == 't')
			work->touch = touch_of(optarg);
		else if (c == 'r')
			work->repeats = number;
		else if (c == 's')
			work->seconds = number;
		else if (c == 'n')
			work->threads = number;
		else if (c == 'p')
			work->park = number;
		else if (c == 'm')
			work->slice = number;
		else if (c == 'l')
			*loaded = optarg;
		else if (c == 'y')
			work->latency = true;
		else
			return -1;
	}
	return optind + 1 == argc && work->repeats && work->threads ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct work work = {
		.fd = -1,
		.repeats = 1,
		.seconds = 60,
		.threads = 1,
		.slice = 2,
	};
	const char *loaded = NULL;

	if (parse(&work, &loaded, argc, argv))
		return usage();
	if (loaded && !is_loaded(loaded))
		return 3;
	if (!strcmp(argv[optind], "replay"))
		return work_replay(&work);
	if (!strcmp(argv[optind], "crew"))
		return work_crew(&work);
	if (!strcmp(argv[optind], "ladder"))
		return work_ladder(&work);
	return strcmp(argv[optind], "probe") ? usage() : 0;
}
