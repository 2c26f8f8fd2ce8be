// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark of the module: what first touch, populating, recall and the
 * pressure level cost, beside what the kernel offers without it.  kmod.sh runs
 * it in a virtual machine; it needs root and the module.
 *
 * usage: kmod [--rounds N] [--json] [--only KEY]
 *             [--host-level NS --host-pair NS]
 *        KEY is how the keys of the cases wanted begin, as "touch"; --json
 *        shows them
 *        kmod --host      only what needs no module: prints both NS
 *
 * Exit status: 0; 1 if a bar is missed; 2 if it cannot run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"
#include "kmod_report.h"

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double bench_median(const double *value, unsigned int n)
{
	double sorted[BENCH_ROUNDS];

	if (!n)
		return 0;
	memcpy(sorted, value, n * sizeof(*value));
	qsort(sorted, n, sizeof(*sorted), by_size);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* --- measuring ----------------------------------------------------------------- */

static void measure(struct bench *b, struct bench_row *row)
{
	struct bench_sample s = { 0 };

	if (row->skipped)
		return;
	if (row->what->run(b, &s)) {
		row->skipped = true;
		strcpy(row->why, b->why);
		return;
	}
	row->ns[row->n] = s.ns;
	row->faults[row->n++] = (double)s.faults;
	row->has_faults = s.has_faults;
}

static void add_cases(struct bench_table *table, const struct bench_case *list)
{
	size_t len = strlen(table->only);

	for (; list->name && table->n < BENCH_ROWS; list++)
		if (!strncmp(list->key, table->only, len))
			table->row[table->n++].what = list;
}

/* One round is not counted: it brings code and tables into memory. */
static int measure_all(struct bench *b, struct bench_table *table, bool quiet)
{
	add_cases(table, bench_touch_cases);
	add_cases(table, bench_recall_cases);
	add_cases(table, bench_level_cases);
	bench_settings_save(b);
	for (unsigned int round = 0; round <= b->rounds; round++) {
		if (!quiet && round)
			fprintf(stderr, "round %u of %u\n", round, b->rounds);
		/* Pools are not refilled while the level is high. */
		if (bench_run_on_node(b->node) || bench_level_low(b) ||
		    bench_pool_empty(b)) {
			fprintf(stderr, "kmod: %s\n", b->why);
			bench_settings_restore(b);
			return 2;
		}
		for (unsigned int i = 0; i < table->n; i++) {
			measure(b, &table->row[i]);
			if (!round)
				table->row[i].n = 0;
		}
	}
	bench_settings_restore(b);
	return 0;
}

/* --- the rest ------------------------------------------------------------------ */

/* The same code as in the machine, on memory that is shared just so. */
static int host_main(void)
{
	double level[5], pair[5];
	void *p = mmap(NULL, BENCH_PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 2;
	for (int i = 0; i < 5; i++) {
		pair[i] = bench_word_pair((uint32_t *)p + 64);
		level[i] = bench_level_read(p);
	}
	printf("%.3f %.3f\n", bench_median(level, 5), bench_median(pair, 5));
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: kmod [--rounds N] [--json] [--only KEY]"
			" [--host] [--host-level NS] [--host-pair NS]\n");
	return 2;
}

static int parse(struct bench *b, struct bench_table *table, int argc,
		 char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "only", required_argument, NULL, 'o' },
		{ "host", no_argument, NULL, 'h' },
		{ "host-level", required_argument, NULL, 'l' },
		{ "host-pair", required_argument, NULL, 'p' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'r')
			b->rounds = (unsigned int)atoi(optarg);
		else if (c == 'o')
			table->only = optarg;
		else if (c == 'j')
			table->json = true;
		else if (c == 'h')
			table->host = true;
		else if (c == 'l')
			b->host_level = atof(optarg);
		else if (c == 'p')
			b->host_pair = atof(optarg);
		else
			return -EINVAL;
	}
	return optind < argc || !b->rounds || b->rounds > BENCH_ROUNDS ?
		       -EINVAL :
		       0;
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = 5 };
	static struct bench_table table = { .only = "" };
	int err;

	if (parse(&b, &table, argc, argv))
		return usage();
	if (table.host)
		return host_main();
	b.dev = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	if (b.dev < 0) {
		fprintf(stderr,
			"kmod: /dev/tmem: %s; load the module, as root\n",
			strerror(errno));
		return 2;
	}
	while (b.nodes < BENCH_NODES && bench_free_bytes((int)b.nodes))
		b.nodes++;
	err = measure_all(&b, &table, table.json);
	if (err)
		return err;
	return bench_report(&b, &table);
}
