// SPDX-License-Identifier: GPL-2.0-only
/*
 * seed - figures that `make bench-seed` needs and no other benchmark has.
 *
 * usage: seed records [BLOCKS] | history [LOOKS] | views [LAYERS] |
 *             path [PAIRS] | cache TRACE
 *
 * Exit status: 0; 1 if it failed; 2 if it was asked wrongly; 77 if this machine
 * does not allow it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seed.h"

#define COUNT_MAX 1000000ul

static int usage(void)
{
	fputs("usage: seed records [BLOCKS] | history [LOOKS] |"
	      " views [LAYERS] | path [PAIRS] | cache TRACE\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(unsigned int count);
		unsigned int count;
	} counted[] = {
		{ "records", seed_records, 100000 },
		{ "history", seed_history, 1024 },
		{ "views", seed_views, 12 },
		{ "path", seed_path, 1024 },
	};
	unsigned long count;
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "cache"))
		return seed_cache(argv[2]);
	for (i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		if (argc < 2 || argc > 3 || strcmp(argv[1], counted[i].name))
			continue;
		count = argc == 3 ? strtoul(argv[2], NULL, 10) :
				    counted[i].count;
		if (!count || count > COUNT_MAX)
			return usage();
		return counted[i].run((unsigned int)count);
	}
	return usage();
}
