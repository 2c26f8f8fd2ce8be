// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmark prints: a table for people or JSON for programs, and what
 * the module promises beside what was measured.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "kmod_report.h"

/* A promise: the figure, or its ratio to another, is at most so much. */
struct bar {
	const char *text;
	const char *key;
	const char *base; /* NULL: the figure itself, in ns */
	double most;
};

static const struct bar bars[] = {
	{ "pool filled: 10 times as fast as MAP_HUGETLB", "touch_pool",
	  "touch_hugetlb", 0.1 },
	{ "pool filled: at most 0.2 of MAP_HUGETLB, cold", "touch_pool",
	  "touch_hugetlb", 0.2 },
	{ "pool filled: at most 0.2 of huge pages, cold", "touch_pool",
	  "touch_thp", 0.2 },
	{ "memory.reclaim: first span freed within 10 ms",
	  "recall_cgroup_first", NULL, 10e6 },
	{ "debugfs: first span freed within 10 ms", "recall_debugfs_first",
	  NULL, 10e6 },
	{ "level read below 2 ns (on the host)", "level_read_host", NULL, 2 },
};

#define BARS (sizeof(bars) / sizeof(*bars))

static double median(const struct bench_row *row)
{
	return bench_median(row->ns, row->n);
}

static const struct bench_row *find(const struct bench_table *table,
				    const char *key)
{
	for (unsigned int i = 0; i < table->n; i++)
		if (!strcmp(table->row[i].what->key, key))
			return &table->row[i];
	return NULL;
}

/* The first of the row's group. */
static const struct bench_row *first(const struct bench_table *table,
				     const struct bench_row *row)
{
	const struct bench_row *at = table->row;

	while (strcmp(at->what->group, row->what->group))
		at++;
	return at;
}

static double ratio(const struct bench_row *row, const struct bench_row *base)
{
	return base && base->n && median(base) > 0 ?
		       median(row) / median(base) :
		       0;
}

/* 1: reached, 0: not, -1: not measured. */
static int reached(const struct bench_table *table, const struct bar *bar,
		   double *value)
{
	const struct bench_row *row = find(table, bar->key);
	const struct bench_row *base = bar->base ? find(table, bar->base) :
						   NULL;

	*value = 0;
	if (!row || !row->n || (bar->base && (!base || !base->n)))
		return -1;
	*value = bar->base ? ratio(row, base) : median(row);
	return *value <= bar->most;
}

/* --- for people ----------------------------------------------------------------- */

static double in_unit(const char *unit, double ns)
{
	return !strcmp(unit, "ms") ? ns / 1e6 :
	       !strcmp(unit, "us") ? ns / 1e3 :
				     ns;
}

/* Three digits that say something. */
static void print_number(double value)
{
	printf("%10.*f", value >= 100 ? 0 : value >= 10 ? 1 : 2, value);
}

static void print_row(const struct bench_table *table,
		      const struct bench_row *row)
{
	const struct bench_row *base = first(table, row);

	printf("  %-42s", row->what->name);
	if (!row->n) {
		printf("  left out: %s\n", row->why);
		return;
	}
	print_number(in_unit(row->what->unit, median(row)));
	if (base->n)
		printf("  %8.2f", ratio(row, base));
	else
		printf("  %8s", "-");
	if (row->has_faults)
		printf("  %8.0f", bench_median(row->faults, row->n));
	printf("\n");
}

/* Emulated ones say so: their times mean little, the ratios something. */
static const char *cpu_name(void)
{
	static char text[2048];
	char *at, *end;

	bench_read_text("/proc/cpuinfo", text, sizeof(text));
	at = strstr(text, "model name");
	at = at ? strchr(at, ':') : NULL;
	end = at ? strchr(at, '\n') : NULL;
	if (!end)
		return "unknown CPU";
	*end = 0;
	return at + 2;
}

static void print_table(const struct bench *b, const struct bench_table *table)
{
	const char *group = "";
	struct utsname u;

	uname(&u);
	printf("tmem, module: Linux %s, %u node(s), %u rounds, medians\n%s\n",
	       u.release, b->nodes, b->rounds, cpu_name());
	for (unsigned int i = 0; i < table->n; i++) {
		const struct bench_row *row = &table->row[i];

		if (strcmp(group, row->what->group)) {
			group = row->what->group;
			printf("\n%-44s%10s  %8s  %8s\n", group,
			       row->what->unit, "ratio",
			       row->has_faults ? "faults" : "");
		}
		print_row(table, row);
	}
}

static int print_bars(const struct bench_table *table)
{
	static const char *const word[] = { "left out", "MISSED", "kept" };
	double value;
	int failed = 0, is;

	printf("\n%-52s%12s\n", "what tmem promises", "measured");
	for (size_t i = 0; i < BARS; i++) {
		is = reached(table, &bars[i], &value);
		printf("  %-50s", bars[i].text);
		if (is < 0)
			printf("%10s   ", "-");
		else if (bars[i].base)
			printf("%10.3f   ", value);
		else if (bars[i].most >= 1e6)
			printf("%10.2f ms", value / 1e6);
		else
			printf("%10.2f ns", value);
		printf("  %s\n", word[is + 1]);
		failed |= !is;
	}
	return failed;
}

/* --- for programs --------------------------------------------------------------- */

/* No text of ours has quotes; a reason might. */
static void print_json_text(const char *key, const char *text)
{
	printf("\"%s\": \"", key);
	for (; *text; text++)
		if (*text != '"' && *text != '\\' && *text >= ' ')
			putchar(*text);
	printf("\"");
}

static void print_json_row(const struct bench_table *table,
			   const struct bench_row *row)
{
	printf("    {");
	print_json_text("key", row->what->key);
	printf(", ");
	print_json_text("group", row->what->group);
	printf(", ");
	print_json_text("name", row->what->name);
	if (!row->n) {
		printf(", ");
		print_json_text("left_out", row->why);
		printf("}");
		return;
	}
	printf(", \"ns\": %.2f, \"ratio\": %.4f", median(row),
	       ratio(row, first(table, row)));
	if (row->has_faults)
		printf(", \"faults\": %.0f", bench_median(row->faults, row->n));
	printf(", \"runs_ns\": [");
	for (unsigned int i = 0; i < row->n; i++)
		printf("%s%.2f", i ? ", " : "", row->ns[i]);
	printf("]}");
}

static int print_json(const struct bench *b, const struct bench_table *table)
{
	static const char *const word[] = { "null", "false", "true" };
	int failed = 0, is;
	struct utsname u;
	double value;

	uname(&u);
	printf("{\n  \"release\": \"%s\",\n  \"cpu\": \"%s\",\n"
	       "  \"nodes\": %u,\n"
	       "  \"rounds\": %u,\n  \"rows\": [\n",
	       u.release, cpu_name(), b->nodes, b->rounds);
	for (unsigned int i = 0; i < table->n; i++) {
		print_json_row(table, &table->row[i]);
		printf("%s\n", i + 1 < table->n ? "," : "");
	}
	printf("  ],\n  \"bars\": [\n");
	for (size_t i = 0; i < BARS; i++) {
		is = reached(table, &bars[i], &value);
		printf("    {");
		print_json_text("text", bars[i].text);
		printf(", \"value\": %.4f, \"most\": %.4f, \"reached\": %s}%s\n",
		       value, bars[i].most, word[is + 1],
		       i + 1 < BARS ? "," : "");
		failed |= !is;
	}
	printf("  ]\n}\n");
	return failed;
}

int bench_report(const struct bench *b, const struct bench_table *table)
{
	if (table->json)
		return print_json(b, table);
	print_table(b, table);
	return print_bars(table);
}
