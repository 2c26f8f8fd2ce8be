// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark of the library: libtmem beside the allocators that others
 * preload, on recorded traces and on a ladder of block sizes.  `make bench`
 * runs it; alloc.sh explains its options.
 *
 * Exit status: 0; 1 if a bar is missed (not with --quick) or a process crashed;
 * 2 if it cannot run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tmemctl/say.h"
#include "alloc.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* libtmem is told to let go within this part of the time that it idles. */
#define DECAY_PART 0.6

/* As who reads traces says what is wrong with one. */
void say(const char *format, ...)
{
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: alloc [--quick] [--rounds N] [--budget SECONDS]"
		" [--idle SECONDS]\n"
		"             [--decay SECONDS] [--only NAMES] [--also NAME=VAR=VALUE,...]"
		" [--measure NAMES]\n"
		"             [--backend anon|dev] [--out FOLDER]"
		" TRACE...\n");
	return 2;
}

/* --- options ------------------------------------------------------------------- */

/* struct options - what is not in struct bench, until it can be */
struct options {
	char *only;
	char *also[HEAPS_MAX];
	unsigned int n_also;
	const char *out;
	double decay;
	int budget; /* -1: so much per trace */
};

#define BUDGET_TRACE 240

static void set_quick(struct bench *b)
{
	b->quick = true;
	b->rounds = 1;
	b->slice = 1;
	b->park = 1;
	b->cut = 256 * MIB;
	b->part = 128 * MIB;
}

static int take_option(struct bench *b, struct options *o, int c)
{
	switch (c) {
	case 'q':
		set_quick(b);
		return 0;
	case 'r':
		b->rounds = (unsigned int)atoi(optarg);
		return b->rounds && b->rounds <= 99 ? 0 : -1;
	case 'i':
		b->park = (unsigned int)atoi(optarg);
		return 0;
	case 's':
		o->budget = atoi(optarg);
		return 0;
	case 'd':
		o->decay = atof(optarg);
		return 0;
	case 'o':
		o->only = optarg;
		return 0;
	case 'a':
		if (o->n_also == HEAPS_MAX)
			return -1;
		o->also[o->n_also++] = optarg;
		return 0;
	case 'm':
		return measure_only(optarg);
	case 'b':
		b->backend = optarg;
		return 0;
	case 'f':
		o->out = optarg;
		return 0;
	default:
		return -1;
	}
}

static int parse(struct bench *b, struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "budget", required_argument, NULL, 's' },
		{ "idle", required_argument, NULL, 'i' },
		{ "decay", required_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ "also", required_argument, NULL, 'a' },
		{ "measure", required_argument, NULL, 'm' },
		{ "backend", required_argument, NULL, 'b' },
		{ "out", required_argument, NULL, 'f' },
		{ 0 },
	};
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (take_option(b, o, c))
			return -1;
	b->decay_ms = (unsigned int)(o->decay >= 0 ?
					     o->decay * 1000 :
					     b->park * DECAY_PART * 1000);
	heaps_add_all(b);
	if (o->only && heaps_only(b, o->only))
		return -1;
	for (i = 0; i < o->n_also; i++)
		if (heaps_also(b, o->also[i]))
			return -1;
	return 0;
}

/* --- traces -------------------------------------------------------------------- */

static int pack_both(struct bench *b, struct replayed *r,
		     const struct trace *trace)
{
	struct pack *pack;

	r->fd = pack_make(trace, b->cut);
	r->part_fd = pack_make(trace, b->part);
	if (r->fd < 0 || r->part_fd < 0)
		return -1;
	pack = pack_map(r->fd);
	if (!pack)
		return -1;
	r->whole = pack->is;
	pack_unmap(pack);
	pack = pack_map(r->part_fd);
	if (!pack)
		return -1;
	r->part = pack->is;
	pack_unmap(pack);
	return 0;
}

/* "some/where/c_gpt.trace.zst" is c_gpt. */
static void name_trace(struct replayed *r, const char *path)
{
	char copy[4096];

	r->path = path;
	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(r->name, sizeof(r->name), "%s", basename(copy));
	r->name[strcspn(r->name, ".")] = 0;
}

static int add_trace(struct bench *b, const char *path)
{
	struct replayed *r = &b->traces[b->n_traces];
	struct trace trace;
	int err;

	if (b->n_traces == TRACES_MAX) {
		say("at most %d traces", TRACES_MAX);
		return -1;
	}
	if (trace_load(&trace, path))
		return -1;
	name_trace(r, path);
	r->threads = trace.threads;
	err = pack_both(b, r, &trace);
	if (err)
		say("%s: %s", path, strerror(errno));
	trace_unload(&trace);
	b->n_traces++;
	return err;
}

/* --- results ------------------------------------------------------------------- */

static int write_results(const struct bench *b, const char *out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/alloc.json", out);
	if (json_write(b, path)) {
		say("%s cannot be written", path);
		return 2;
	}
	snprintf(path, sizeof(path), "%s/alloc.svg", out);
	if (svg_write(b, path)) {
		say("%s: %s", path, strerror(errno));
		return 2;
	}
	printf("\n%s/alloc.json has every sample, %s/alloc.svg a chart.\n", out,
	       out);
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench b = {
		.backend = "anon",
		.rounds = 5,
		.park = 20,
		.slice = 2,
		.part = 3 * GIB,
	};
	struct options o = { .decay = -1, .budget = -1 };
	char folder[4096];
	bool missed;
	int i, err;

	snprintf(folder, sizeof(folder), "%s", argv[0]);
	b.folder = dirname(folder);
	if (parse(&b, &o, argc, argv))
		return usage();
	for (i = optind; i < argc; i++)
		if (add_trace(&b, argv[i]))
			return 2;
	b.budget = (unsigned int)(o.budget < 0 ?
					  BUDGET_TRACE * (int)b.n_traces :
					  o.budget);
	host_facts(b.facts);
	heaps_probe(&b);
	measure_all(&b);
	missed = table_print_all(&b) && !b.quick;
	err = write_results(&b, o.out ? o.out : b.folder);
	return err ? err : missed || b.n_failures;
}
