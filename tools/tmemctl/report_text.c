// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_text - the report for a terminal: what is wrong comes first.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tmem/pressure.h>

#include "report.h"
#include "say.h"
#include "table.h"
#include "units.h"
#include "when.h"

#define WIDTH 78
#define EPISODES 5 /* that are listed */

static void heading(const char *title)
{
	printf("\n%s\n", title);
}

static struct unit_text span(uint64_t ns)
{
	return ns ? units_ns((double)ns) : (struct unit_text){ "0 s" };
}

static void print_head(const struct report *report)
{
	const struct snap *snap = report->snap;
	time_t seconds = (time_t)(snap->wall_ns / 1000000000);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("process %llu%s%s, %s\n", (unsigned long long)snap->pid,
	       *snap->exe ? ", " : "", site_fit(snap->exe, 44).text, when);
	printf("%s recorded, %s steps, %s call sites\n",
	       span(report->time.all_ns).text, units_count(snap->steps).text,
	       units_count(snap->n_sites).text);
	site_print_how(snap);
}

/* --- health and advice ---------------------------------------------------- */

static void print_health(const struct report_health *health)
{
	struct table table;
	size_t i;

	heading("HEALTH");
	if (!health->terms) {
		puts("not recorded: an older library, or a figure that is no "
		     "number");
		return;
	}
	printf("%.2f of 1, %s\n", health->score,
	       site_fit(health->band, 40).text);
	table_begin(&table, "<term value weight takes-off");
	for (i = 0; i < health->n; i++) {
		table_row(&table);
		table_put(&table, "%s", health->terms[i].name);
		table_put(&table, "%.2f", health->terms[i].value);
		table_put(&table, "%.2f", health->terms[i].weight);
		table_put(&table, "%.3f", health->terms[i].penalty);
	}
	table_print(&table);
	for (i = 0; i < health->n_unknown; i++)
		printf("not known, and counted as nothing: %s\n",
		       site_fit(health->unknown[i], 40).text);
}

/* In lines, broken at blanks; what a terminal would obey becomes '?'. */
static void print_wrapped(const char *text, int indent)
{
	int room = WIDTH - indent, n;
	struct symbol_text t;

	snprintf(t.text, sizeof(t.text), "%s", text);
	say_printable(t.text);
	for (text = t.text; *text; text += n) {
		text += strspn(text, " ");
		n = (int)strlen(text);
		if (n > room)
			for (n = room; n > room / 2 && text[n] != ' ';)
				n--;
		/* Not from the middle of a character. */
		while ((text[n] & 0xc0) == 0x80)
			n++;
		printf("%*s%.*s\n", indent, "", n, text);
	}
}

static void print_advice(const struct report *report)
{
	const struct report_advice *advice;
	size_t i;

	heading("ADVICE");
	if (!report->advice)
		puts("not recorded: an older library");
	else if (!report->n_advice)
		puts("none: nothing here is worth a change");
	for (i = 0; i < report->n_advice; i++) {
		advice = &report->advice[i];
		printf("%zu. %s (severity %.2f)\n", i + 1,
		       site_fit(advice->id, 40).text, advice->severity);
		print_wrapped(advice->text, 3);
		if (*advice->command)
			printf("   > %s\n",
			       site_fit(advice->command, 500).text);
	}
}

/* --- pressure ------------------------------------------------------------- */

static void print_episode(const struct report_episode *one)
{
	double before = (double)one->held_before;
	double gone = before - (double)one->held_least;

	printf("from %s", span(one->from_ns).text);
	printf(" to %s, up to %s: ", span(one->to_ns).text,
	       tmem_level_name((enum tmem_level)one->level));
	if (gone > 0)
		printf("%s of %s given back\n",
		       units_bytes((uint64_t)gone).text,
		       units_bytes(one->held_before).text);
	else
		printf("nothing of %s given back\n",
		       units_bytes(one->held_before).text);
}

static void print_pressure(const struct report_time *time)
{
	double all = time->all_ns ? (double)time->all_ns : 1;
	size_t i;

	heading("PRESSURE");
	if (!time->n) {
		puts("not recorded: the timeline is empty");
		return;
	}
	for (i = 0; i < REPORT_LEVELS; i++)
		printf("%-9s %12s  %7s\n", tmem_level_name((enum tmem_level)i),
		       span(time->level_ns[i]).text,
		       units_percent((double)time->level_ns[i] / all).text);
	for (i = 0; i < time->n_episodes && i < EPISODES; i++)
		print_episode(&time->episodes[i]);
	if (time->n_episodes > EPISODES)
		printf("and %zu more times (--json has them)\n",
		       time->n_episodes - EPISODES);
}

/* --- sites ---------------------------------------------------------------- */

static void put_site(struct table *table, const struct report *report,
		     const struct snap_site *site)
{
	struct symbol_text title = site_title(report->symbols, site);

	table_row(table);
	table_put(table, "%llu", (unsigned long long)site->id);
	table_put(table, "%s", units_bytes(site->n.live_bytes).text);
	table_put(table, "%s", units_bytes(site->n.alloc_bytes).text);
	table_put(table, "%s%s", site->pattern,
		  site->leak.leaking ? " LEAK" : "");
	table_put(table, "%s", site_fit(title.text, 34).text);
}

static void print_sites(const struct report *report)
{
	struct table table;
	size_t i;

	heading("CALL SITES, by live bytes");
	table_begin(&table, "site live allocated <pattern <at");
	for (i = 0; i < report->top; i++)
		put_site(&table, report, report->live[i]);
	table_print(&table);
}

static void print_leaks(const struct report *report)
{
	const struct snap_leak *leak;
	size_t i;

	heading("LEAKS");
	if (!report->snap->steps)
		puts("nothing can be said: the program marked no steps");
	else if (!report->n_leaks)
		printf("none over %s steps\n",
		       units_count(report->snap->steps).text);
	for (i = 0; i < report->n_leaks; i++) {
		leak = &report->leaks[i]->leak;
		printf("site %llu: %s\n",
		       (unsigned long long)report->leaks[i]->id,
		       site_fit(site_title(report->symbols, report->leaks[i])
					.text,
				66)
			       .text);
		printf("   %s per step since step %s, named at step %s\n",
		       units_bytes(leak->bytes_per_step > 0 ?
					   (uint64_t)leak->bytes_per_step :
					   0)
			       .text,
		       units_count(leak->since_step).text,
		       units_count(leak->named_at_step).text);
	}
}

static void print_patterns(const struct report *report)
{
	const struct report_pattern *pattern;
	struct table table;
	size_t i;

	heading("HOW BLOCKS LIVE");
	table_begin(&table, "<pattern sites blocks allocated live");
	for (i = 0; i < REPORT_PATTERNS; i++) {
		pattern = &report->patterns[i];
		if (!pattern->sites)
			continue;
		table_row(&table);
		table_put(&table, "%s", pattern->name);
		table_put(&table, "%zu", pattern->sites);
		table_put(&table, "%s", units_count(pattern->allocs).text);
		table_put(&table, "%s", units_bytes(pattern->alloc_bytes).text);
		table_put(&table, "%s", units_bytes(pattern->live_bytes).text);
	}
	table_print(&table);
}

void report_print(const struct report *report)
{
	print_head(report);
	print_health(&report->health);
	print_advice(report);
	heading("MEMORY NOW");
	report_print_heap(report);
	print_pressure(&report->time);
	print_sites(report);
	print_leaks(report);
	print_patterns(report);
	symbols_note(report->symbols);
}
