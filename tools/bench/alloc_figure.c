// SPDX-License-Identifier: GPL-2.0-only
/* The figures: samples by subject, key and heap; their median and spread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static struct figure *find(const struct bench *b, const char *subject,
			   const char *key)
{
	size_t i;

	for (i = 0; i < b->n_figures; i++)
		if (!strcmp(b->figures[i].key, key) &&
		    !strcmp(b->figures[i].subject, subject))
			return &b->figures[i];
	return NULL;
}

static struct figure *add(struct bench *b, const char *subject, const char *key)
{
	struct figure *figure;

	figure = realloc(b->figures, (b->n_figures + 1) * sizeof(*figure));
	if (!figure) {
		fprintf(stderr, "bench: no memory for the figures\n");
		exit(2);
	}
	b->figures = figure;
	figure += b->n_figures++;
	memset(figure, 0, sizeof(*figure));
	snprintf(figure->subject, sizeof(figure->subject), "%s", subject);
	snprintf(figure->key, sizeof(figure->key), "%s", key);
	return figure;
}

void figure_add(struct bench *b, const char *subject, const char *key,
		unsigned int heap, double value)
{
	struct figure *figure = find(b, subject, key);
	struct samples *samples;

	if (!figure)
		figure = add(b, subject, key);
	samples = &figure->of[heap];
	if (samples->n < SAMPLES_MAX)
		samples->value[samples->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void samples_stat(const struct samples *samples, struct stat3 *stat)
{
	double sorted[SAMPLES_MAX];
	unsigned int n = samples->n;

	memcpy(sorted, samples->value, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	stat->n = n;
	stat->min = sorted[0];
	stat->max = sorted[n - 1];
	stat->median = n % 2 ? sorted[n / 2] :
			       (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

bool figure_stat(const struct bench *b, const char *subject, const char *key,
		 unsigned int heap, struct stat3 *stat)
{
	const struct figure *figure = find(b, subject, key);

	if (!figure || !figure->of[heap].n)
		return false;
	samples_stat(&figure->of[heap], stat);
	return true;
}

bool figure_any(const struct bench *b, const char *subject, const char *key)
{
	return find(b, subject, key) != NULL;
}

int figure_best(const struct bench *b, const char *subject, const char *key,
		bool rivals, struct stat3 *stat)
{
	struct stat3 one;
	unsigned int i;
	int best = -1;

	for (i = 0; i < b->n_heaps; i++) {
		const struct heap *heap = &b->heaps[i];

		if (heap->ours || heap->nothing || (rivals && !heap->rival) ||
		    !figure_stat(b, subject, key, i, &one))
			continue;
		if (best < 0 || one.median < stat->median) {
			best = (int)i;
			*stat = one;
		}
	}
	return best;
}

struct number number(double value)
{
	struct number n;

	if (value >= 999.5e3)
		snprintf(n.text, sizeof(n.text), "%.2fM", value / 1e6);
	else if (value >= 99.95e3)
		snprintf(n.text, sizeof(n.text), "%.0fk", value / 1e3);
	else if (value == (double)(int)value)
		snprintf(n.text, sizeof(n.text), "%d", (int)value);
	else
		snprintf(n.text, sizeof(n.text), "%.*f",
			 value >= 99.95 ? 0 :
			 value >= 9.995 ? 1 :
					  2,
			 value);
	return n;
}
