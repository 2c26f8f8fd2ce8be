// SPDX-License-Identifier: GPL-2.0-only
/*
 * reaction - how fast the library's threads react, and how well the monitor
 * predicts.
 *
 * usage: reaction latency [fifo|socket] [ROUNDS]
 *        reaction predict NAME STEP_MS HORIZON_MS <TRACE
 *        reaction synthetic [SEED]
 *        reaction threads [ROUNDS]
 *
 * reaction.sh runs all of it.
 */
#include <stdio.h>
#include <string.h>

#include "reaction.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "latency", reaction_latency },
		{ "predict", reaction_predict },
		{ "synthetic", reaction_synthetic },
		{ "threads", reaction_threads },
	};
	size_t i;

	for (i = 0; argc > 1 && i < 4; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"usage: reaction latency|predict|synthetic|threads ...\n");
	return 2;
}
