// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaks - how well are leaks found, and what is called one that is none?
 *
 * Made-up programs first, then the rule's figures varied on others, then the
 * recorded traces.  The same seed gives the same tables everywhere.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks.h"

#define PROGRAMS 3000u
#define SEED 20

/* What nothing is named before; the default rule's. */
#define HORIZON 128u

static void usage(FILE *out)
{
	fprintf(out,
		"usage: leaks [--programs N] [--seed N] [--bars] [TRACE]...\n"
		"\n"
		"  --programs N  to make up (%u); a third as many for each rule;\n"
		"                0: only the traces\n"
		"  --seed N      the same seed gives the same programs (%d)\n"
		"  --bars        of the tables only the bars\n"
		"\n"
		"Exit status: 0; 1 if a bar is missed, or a trace cannot be read; 2 if it\n"
		"cannot run.\n",
		PROGRAMS, SEED);
}

static struct study *study_new(uint64_t seed, uint32_t programs)
{
	struct study *study = calloc(1, sizeof(*study));

	if (!study)
		return NULL;
	study->seed = seed;
	study->programs = programs;
	study->horizon = HORIZON;
	return study;
}

static void detector_add(struct study *study, struct detector detector)
{
	study->detectors[study->n_detectors++] = detector;
}

/* How many bars are missed, or -1. */
static int study_main(uint64_t seed, uint32_t programs, bool bars)
{
	struct study *study = study_new(seed, programs);
	int missed;

	if (!study)
		return -1;
	detector_add(study, detector_default());
	detector_add(study, detector_age(128));
	detector_add(study, detector_age(512));
	detector_add(study, detector_slope(5));
	detector_add(study, detector_slope(25));
	if (study_run(study))
		return -1;
	printf("%u programs, seed %llu\n\n", programs,
	       (unsigned long long)seed);
	if (!bars) {
		table_detectors(study);
		printf("\n");
		table_kinds(study, 0);
		printf("\n");
	}
	missed = table_bars(study);
	study_free(study);
	free(study);
	return missed;
}

static int study_rules(uint64_t seed, uint32_t programs)
{
	static const uint32_t windows[] = { 4, 8, 12, 24, 32, 64 };
	static const double scores[] = { 9, 16, 36, 49 };
	static const double steady[] = { 0, 0.5, 1 };
	struct study *study = study_new(seed, programs);
	unsigned int i;

	if (!study)
		return -1;
	detector_add(study, detector_default());
	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		detector_add(study, detector_rule(windows[i], 25, 0.75));
	for (i = 0; i < sizeof(scores) / sizeof(scores[0]); i++)
		detector_add(study, detector_rule(16, scores[i], 0.75));
	for (i = 0; i < sizeof(steady) / sizeof(steady[0]); i++)
		detector_add(study, detector_rule(16, 25, steady[i]));
	if (study_run(study))
		return -1;
	printf("\n%u programs, seed %llu, by rule: window x 8, score, steady\n\n",
	       programs, (unsigned long long)seed);
	table_detectors(study);
	study_free(study);
	free(study);
	return 0;
}

static int traces_judge(char **paths)
{
	int err = 0;

	for (; *paths; paths++) {
		printf("\n");
		if (trace_judge(*paths, false) || trace_judge(*paths, true))
			err = 1;
	}
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "programs", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "bars", no_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint32_t programs = PROGRAMS;
	uint64_t seed = SEED;
	bool bars = false;
	int c, missed = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n') {
			programs = (uint32_t)strtoul(optarg, NULL, 0);
		} else if (c == 's') {
			seed = strtoull(optarg, NULL, 0);
		} else if (c == 'b') {
			bars = true;
		} else {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	if (programs)
		missed = study_main(seed, programs, bars);
	if (missed < 0 ||
	    (programs && !bars && study_rules(seed + 1, programs / 3))) {
		fprintf(stderr, "leaks: no memory\n");
		return 2;
	}
	return traces_judge(argv + optind) || missed;
}
