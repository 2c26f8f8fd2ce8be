// SPDX-License-Identifier: GPL-2.0-only
/*
 * What libtmem promises, and whether the measurements say so.  Medians
 * decide.  Where those of two heaps are so close that their ranges overlap,
 * that is said too: another run may say otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "alloc.h"

#define TIMES 1.0

struct judge {
	const struct bench *b;
	struct bar *bars;
	size_t n;
	size_t max;
	const char *subject;
	unsigned int ours;
};

static struct bar *bar_add(struct judge *j, const char *text, const char *unit,
			   double scale)
{
	struct bar *bar;

	if (j->n == j->max)
		return NULL;
	bar = &j->bars[j->n++];
	memset(bar, 0, sizeof(*bar));
	snprintf(bar->text, sizeof(bar->text), "%s", text);
	snprintf(bar->subject, sizeof(bar->subject), "%s", j->subject);
	bar->unit = unit;
	bar->scale = scale;
	return bar;
}

/* The figure itself is at most so much. */
static void judge_value(struct judge *j, const char *text, const char *unit,
			double scale, const char *key, double most)
{
	struct stat3 ours;
	struct bar *bar;

	if (!figure_stat(j->b, j->subject, key, j->ours, &ours))
		return;
	bar = bar_add(j, text, unit, scale);
	if (!bar)
		return;
	bar->value = ours.median;
	bar->most = most;
	bar->kept = ours.median <= most;
	bar->close = ours.min <= most && ours.max > most;
}

/* It is at most @times that of the heap @base. */
static void judge_against(struct judge *j, const char *text, const char *unit,
			  double scale, const char *key, int base, double times)
{
	struct stat3 ours, theirs;
	struct bar *bar;

	if (base < 0 || !figure_stat(j->b, j->subject, key, j->ours, &ours) ||
	    !figure_stat(j->b, j->subject, key, (unsigned int)base, &theirs))
		return;
	bar = bar_add(j, text, unit, scale);
	if (!bar)
		return;
	snprintf(bar->base, sizeof(bar->base), "%s", j->b->heaps[base].name);
	bar->value = ours.median;
	bar->most = theirs.median * times;
	bar->kept = bar->value <= bar->most;
	bar->close = ours.min <= theirs.max * times &&
		     ours.max >= theirs.min * times;
}

static int best_rival(const struct judge *j, const char *key)
{
	struct stat3 stat;

	return figure_best(j->b, j->subject, key, true, &stat);
}

static void judge_times(struct judge *j)
{
	judge_against(j, "nothing touched, warm: not slower than tcmalloc",
		      "ns", 1, "none.warm.ns", heap_find(j->b, "tcmalloc"),
		      TIMES);
	judge_against(j, "pages touched, warm: CPU at most the best rival's",
		      "us", 1e-3, "page.warm.cpu",
		      best_rival(j, "page.warm.cpu"), TIMES);
	judge_against(j, "pages touched, cold: CPU at most the best rival's",
		      "us", 1e-3, "page.cold.cpu",
		      best_rival(j, "page.cold.cpu"), TIMES);
}

static void judge_faults(struct judge *j)
{
	judge_against(j, "page faults, warm: at most the best rival's", "", 1,
		      "page.warm.faults", best_rival(j, "page.warm.faults"),
		      TIMES);
	judge_against(j, "page faults, warm: at most 1/100 of glibc's", "", 1,
		      "page.warm.faults", heap_find(j->b, "glibc"), 0.01);
}

/* Of the recorded traces these are the ones of large tensors. */
static bool is_large(const char *subject)
{
	static const char *const names[] = { "a_mlp", "b_cnn", "c_gpt",
					     "e_lstm" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(subject, names[i], strlen(names[i])))
			return true;
	return false;
}

static void judge_memory(struct judge *j)
{
	bool large = is_large(j->subject);

	judge_value(j,
		    large ? "resident / live at the peak: at most 1.10" :
			    "resident / live at the peak: at most 1.20",
		    "", 1, "page.warm.resident", large ? 1.10 : 1.20);
	judge_against(j, "resident / live at the peak: at most tcmalloc's", "",
		      1, "page.warm.resident", heap_find(j->b, "tcmalloc"),
		      TIMES);
	judge_value(j, "resident / live after idling: at most 1.05", "", 1,
		    "idle.after", 1.05);
}

static void judge_latency(struct judge *j)
{
	if (strncmp(j->subject, "c_gpt", 5))
		return;
	judge_value(j, "free, 99 %: at most 2 us", "us", 1e-3, "page.free.p99",
		    2000);
	judge_value(j, "free, 99.9 %: at most 10 us", "us", 1e-3,
		    "page.free.p999", 10000);
}

size_t bars_judge(const struct bench *b, struct bar *bars, size_t max)
{
	struct judge j = { .b = b, .bars = bars, .max = max };
	int ours = heap_find(b, "tmem");
	struct stat3 stat;
	unsigned int i;

	if (ours < 0)
		return 0;
	j.ours = (unsigned int)ours;
	j.subject = LADDER;
	judge_against(&j, "alloc and free of 256 B: not slower than any", "ns",
		      1, "pair.256",
		      figure_best(b, LADDER, "pair.256", false, &stat), TIMES);
	for (i = 0; i < b->n_traces; i++) {
		j.subject = b->traces[i].name;
		judge_times(&j);
		judge_faults(&j);
		judge_memory(&j);
		judge_latency(&j);
	}
	return j.n;
}
