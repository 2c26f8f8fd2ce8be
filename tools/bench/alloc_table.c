// SPDX-License-Identifier: GPL-2.0-only
/*
 * The results for people: a table for each trace, one for the ladder, and the
 * promises.  Below each line of medians stands the range of the samples.
 */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bar.h"

#define LABEL 32
#define CELL 13
#define BARS_MAX 512

static unsigned int columns[HEAPS_MAX];
static unsigned int n_columns;

/* Who was measured; "nothing" is no allocator and gets a line of its own. */
static void choose_columns(const struct bench *b)
{
	unsigned int i;

	n_columns = 0;
	for (i = 0; i < b->n_heaps; i++)
		if (heap_runs(&b->heaps[i]) && !b->heaps[i].nothing)
			columns[n_columns++] = i;
}

static void print_heading(const struct bench *b)
{
	unsigned int i;

	printf("%-*s", LABEL, "");
	for (i = 0; i < n_columns; i++)
		printf(" %*s", CELL, b->heaps[columns[i]].name);
	if (heap_find(b, "tmem") >= 0)
		printf("  tmem/best rival");
	printf("\n");
}

static void print_ratio(const struct bench *b, const char *subject,
			const struct row *row)
{
	int ours = heap_find(b, "tmem");
	struct stat3 mine, best;
	int rival = figure_best(b, subject, row->key, true, &best);

	if (ours < 0 || rival < 0 || row->plain ||
	    !figure_stat(b, subject, row->key, (unsigned int)ours, &mine))
		return;
	if (best.median > 0)
		printf("  %5.2f %s", mine.median / best.median,
		       b->heaps[rival].name);
	else
		printf("  %5s %s", mine.median > 0 ? "more" : "1.00",
		       b->heaps[rival].name);
}

static void print_medians(const struct bench *b, const char *subject,
			  const struct row *row)
{
	struct stat3 stat;
	unsigned int i;
	int used;

	used = printf("  %s", row->label);
	printf("%*s", LABEL - used, row->unit);
	for (i = 0; i < n_columns; i++)
		if (figure_stat(b, subject, row->key, columns[i], &stat))
			printf(" %*s", CELL,
			       number(stat.median * row->scale).text);
		else
			printf(" %*s", CELL, "-");
	print_ratio(b, subject, row);
	printf("\n");
}

/* False: there is one sample at most, and the range would say nothing. */
static bool range_text(const struct bench *b, const char *subject,
		       const struct row *row, unsigned int heap,
		       struct number *low, struct number *high)
{
	struct stat3 stat;

	if (!figure_stat(b, subject, row->key, heap, &stat) || stat.n < 2)
		return false;
	*low = number(stat.min * row->scale);
	*high = number(stat.max * row->scale);
	return true;
}

static void print_ranges(const struct bench *b, const char *subject,
			 const struct row *row)
{
	struct number low, high;
	unsigned int i, any = 0;
	char text[64];

	for (i = 0; i < n_columns; i++)
		any += range_text(b, subject, row, columns[i], &low, &high);
	if (!any)
		return;
	printf("%-*s", LABEL, "");
	for (i = 0; i < n_columns; i++) {
		text[0] = 0;
		if (range_text(b, subject, row, columns[i], &low, &high))
			snprintf(text, sizeof(text), "%s..%s", low.text,
				 high.text);
		printf(" %*s", CELL, text);
	}
	printf("\n");
}

static void print_nothing(const struct bench *b, const char *subject,
			  const char *key, const char *text)
{
	int nothing = heap_find(b, "nothing");
	struct stat3 stat;

	if (nothing >= 0 &&
	    figure_stat(b, subject, key, (unsigned int)nothing, &stat))
		printf("  of each figure of time above, %s: %s ns\n", text,
		       number(stat.median).text);
}

static void print_rows(const struct bench *b, const char *subject,
		       const struct row *row)
{
	for (; row->key; row++) {
		if (!figure_any(b, subject, row->key))
			continue;
		if (row->head)
			printf(" %s\n", row->head);
		print_medians(b, subject, row);
		print_ranges(b, subject, row);
	}
}

static void print_trace(const struct bench *b, const struct replayed *trace)
{
	const struct pack_facts *pack = &trace->whole;

	printf("\n%s: %llu events, %.1f GiB asked for, %.1f MiB alive at the"
	       " peak, %.1f MiB at the end\n",
	       trace->name, (unsigned long long)pack->events,
	       (double)pack->allocated / (1 << 30),
	       (double)pack->peak_bytes / (1 << 20),
	       (double)pack->end_bytes / (1 << 20));
	if (trace->threads > 1)
		printf("(of %u threads; where nothing else is said, one replays"
		       " their events in order)\n",
		       trace->threads);
	print_heading(b);
	print_rows(b, trace->name, trace_rows);
	print_nothing(b, trace->name, "none.warm.ns",
		      "the loop around an event takes");
}

static void print_ladder(const struct bench *b)
{
	if (!figure_any(b, LADDER, "pair.256"))
		return;
	printf("\nladder: ns for both calls, one word written into each"
	       " block\n");
	print_heading(b);
	print_rows(b, LADDER, ladder_rows());
	print_nothing(b, LADDER, "pair.256", "the loop around a pair takes");
	print_nothing(b, LADDER, "remote.256", "passing a block on takes");
}

/* Returns how many are missed. */
static size_t print_bars(const struct bench *b)
{
	static struct bar bars[BARS_MAX];
	size_t i, n = bars_judge(b, bars, BARS_MAX), kept = 0;

	if (!n)
		return 0;
	printf("\nwhat tmem promises %44s %10s\n", "measured", "at most");
	for (i = 0; i < n; i++) {
		const struct bar *bar = &bars[i];

		printf("  %-12s %-50s %8s %8s %-2s %-6s %s%s%s\n", bar->subject,
		       bar->text, number(bar->value * bar->scale).text,
		       number(bar->most * bar->scale).text, bar->unit,
		       bar_word(bar->kept), bar->close ? "(close) " : "",
		       *bar->base ? "of " : "", bar->base);
		kept += bar->kept;
	}
	printf("%zu of %zu kept.  \"close\": the ranges overlap.\n", kept, n);
	return n - kept;
}

static void print_taken(const struct bench *b)
{
	unsigned int i, k;

	printf("tmem %s: allocators on recorded traces, medians of %u round%s,"
	       " interleaved; %.0f s\n",
	       b->backend, b->rounds_done, b->rounds_done == 1 ? "" : "s",
	       b->seconds);
	for (i = 0; i < HOST_FACTS; i++)
		printf("  %-22s  %s\n", b->facts[i].key, b->facts[i].text);
	if (b->rounds_done < b->rounds)
		printf("  %-22s  %u, for more the time of %u s was not enough\n",
		       "rounds", b->rounds_done, b->budget);
	if (b->cut)
		printf("  ONLY A LOOK: of each trace the first %.1f GiB\n",
		       (double)b->cut / (1 << 30));
	for (i = 0; i < b->n_heaps; i++) {
		const struct heap *heap = &b->heaps[i];

		if (!heap_runs(heap))
			printf("  %-22s  left out: %s\n", heap->name,
			       heap->why);
		for (k = 0; heap_runs(heap) && heap->set[k]; k++)
			printf("  %-22s  %s\n", heap->name, heap->set[k]);
	}
	if (b->decay_ms && b->park)
		printf("  %-22s  %u s; libtmem told to let go after %.1f s\n",
		       "idling", b->park, b->decay_ms / 1e3);
	else if (b->park)
		printf("  %-22s  %u s\n", "idling", b->park);
}

size_t table_print_all(const struct bench *b)
{
	unsigned int i;
	size_t missed;

	choose_columns(b);
	print_taken(b);
	for (i = 0; i < b->n_traces; i++)
		print_trace(b, &b->traces[i]);
	print_ladder(b);
	missed = print_bars(b);
	for (i = 0; i < b->n_failures; i++)
		printf("FAILED: %s\n", b->failure[i]);
	return missed;
}
