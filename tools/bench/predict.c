// SPDX-License-Identifier: GPL-2.0-only
/*
 * predict - what the optimizer foresees of recorded programs, and what its
 * strategies do to them.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tmemctl/say.h"
#include "bar.h"
#include "predict.h"

#define REPEATS 3u
#define BAR_FORESEEN 92.0 /* percent of the bytes, from the 7th step on */

static void usage(FILE *out)
{
	fprintf(out,
		"usage: predict [--repeats N] [--foresee] TRACE...\n"
		"\n"
		"  --repeats N  of each trace in each way (%u)\n"
		"  --foresee    only what is foreseen; replay nothing\n"
		"\n"
		"Exit status: 0; 1 if a bar is missed; 2 if it cannot run.\n",
		REPEATS);
}

static void name_make(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/'), *end;

	path = slash ? slash + 1 : path;
	end = strchr(path, '.');
	snprintf(name, size, "%.*s",
		 end ? (int)(end - path) : (int)strlen(path), path);
}

/* The sum of what @fn returns, or -1: it failed. */
static int traces_each(char **paths, int count,
		       int (*fn)(const char *name, const struct trace *trace,
				 unsigned int repeats),
		       unsigned int repeats)
{
	struct trace trace;
	char name[64];
	int i, one, sum = 0;

	for (i = 0; i < count; i++) {
		if (trace_load(&trace, paths[i]))
			return -1;
		name_make(paths[i], name, sizeof(name));
		one = fn(name, &trace, repeats);
		trace_unload(&trace);
		if (one < 0)
			return -1;
		sum += one;
	}
	return sum;
}

static int foresee_one(const char *name, const struct trace *trace,
		       unsigned int repeats)
{
	double share = predict_foresee(name, trace);

	(void)repeats;
	return share >= 0 &&
	       bar_print(share >= BAR_FORESEEN,
			 "%s, %g %% of the bytes foreseen: %.1f %%", name,
			 BAR_FORESEEN, share);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "repeats", required_argument, NULL, 'r' },
		{ "foresee", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned int repeats = REPEATS;
	bool foresee = false;
	int option, missed;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'r') {
			repeats = (unsigned int)strtoul(optarg, NULL, 10);
		} else if (option == 'f') {
			foresee = true;
		} else {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (optind == argc || !repeats) {
		usage(stderr);
		return 2;
	}
	printf("Foreseen, before it was requested, from the 7th step on; too "
	       "much: in percent of\nwhat came, by tier\n\n"
	       "  %-12s %-20s %8s %8s %9s %8s %9s %s\n",
	       "trace", "by", "bytes", "by tier", "too much", "spans",
	       "too much", "sure");
	missed = traces_each(argv + optind, argc - optind, foresee_one, 0);
	if (missed < 0 || (!foresee && traces_each(argv + optind, argc - optind,
						   predict_replay, repeats)))
		return 2;
	return missed != 0;
}
