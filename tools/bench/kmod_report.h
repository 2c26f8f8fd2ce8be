/* SPDX-License-Identifier: GPL-2.0-only */
/* The benchmark's table: its rows, the bars, and how they are printed. */
#ifndef KMOD_REPORT_H
#define KMOD_REPORT_H

#include "bench.h"

#define BENCH_ROWS 32

struct bench_row {
	const struct bench_case *what;
	double ns[BENCH_ROUNDS];
	double faults[BENCH_ROUNDS];
	unsigned int n;
	bool has_faults;
	bool skipped;
	char why[128];
};

struct bench_table {
	struct bench_row row[BENCH_ROWS];
	unsigned int n;
	const char *only; /* keys begin so */
	bool json;
	bool host;
};

double bench_median(const double *value, unsigned int n);

/* Prints all of it.  0; 1 if a bar is not reached. */
int bench_report(const struct bench *b, const struct bench_table *table);

#endif /* KMOD_REPORT_H */
