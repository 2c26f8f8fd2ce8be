// SPDX-License-Identifier: GPL-2.0-only
/*
 * The study's results for people.  Shares come with Wilson's interval, which
 * holds 95 % and is right for none and for all, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bar.h"
#include "leaks.h"

struct share {
	double part, low, high;
};

static struct share wilson(uint32_t hits, uint32_t n)
{
	const double z = 1.96;
	double p, mid, half, all;

	if (!n)
		return (struct share){ 0, 0, 1 };
	p = (double)hits / n;
	all = 1 + z * z / n;
	mid = (p + z * z / (2.0 * n)) / all;
	half = z * sqrt(p * (1 - p) / n + z * z / (4.0 * n * n)) / all;
	return (struct share){ p, fmax(mid - half, 0), fmin(mid + half, 1) };
}

static void print_share(uint32_t hits, uint32_t n)
{
	struct share s = wilson(hits, n);

	if (n)
		printf(" %6.2f [%5.2f %6.2f]", s.part * 100, s.low * 100,
		       s.high * 100);
	else
		printf(" %22s", "-");
}

static void print_delays(const struct tally *tally)
{
	if (tally->n_delays)
		printf(" %6u %6u", tally_delay(tally, 0.5),
		       tally_delay(tally, 0.9));
	else
		printf(" %6s %6s", "-", "-");
}

static void table_leaks(const struct study *study)
{
	struct tally sum;
	uint32_t i;

	for (i = 0; i < study->n_detectors; i++) {
		sum = study_sum(study, i, true);
		if (i == 0)
			printf("%u leaks (%u findable)  named, %% [95 %%]"
			       "     of the findable, %%  median    p90 early\n",
			       sum.sites, sum.findable);
		printf("%-22s", study->detectors[i].name);
		print_share(sum.named, sum.sites);
		print_share(sum.found, sum.findable);
		print_delays(&sum);
		printf(" %5u\n", sum.early);
		free(sum.delays);
	}
}

static void table_others(const struct study *study)
{
	struct tally sum, leaks;
	uint32_t i;

	for (i = 0; i < study->n_detectors; i++) {
		sum = study_sum(study, i, false);
		leaks = study_sum(study, i, true);
		if (i == 0)
			printf("%u that do not leak    named, %% [95 %%]"
			       "        bound < %3u, %%       at end   precision, %%\n",
			       sum.sites, study->horizon);
		printf("%-22s", study->detectors[i].name);
		print_share(sum.named, sum.sites);
		print_share(sum.within_named, sum.within);
		printf(" %6.2f", 100.0 * sum.at_end / sum.sites);
		print_share(leaks.named, leaks.named + leaks.early + sum.named);
		printf("\n");
		free(sum.delays);
		free(leaks.delays);
	}
}

void table_detectors(const struct study *study)
{
	table_leaks(study);
	printf("\n");
	table_others(study);
}

/* A row for each kind of site, as one detector sees it. */
void table_kinds(const struct study *study, uint32_t detector)
{
	uint32_t i;

	printf("%-25s%6s  named, %% [95 %%]    bound < %u, %%      "
	       "  at end %%  median    p90\n",
	       "kind", "sites", study->horizon);
	for (i = 0; i < study->n_kinds; i++) {
		const struct tally *t = &study->tally[detector][i];

		if (i && study->kinds[i]->leak != study->kinds[i - 1]->leak)
			printf("leaks:\n");
		printf("%-25s%6u", study->kinds[i]->name, t->sites);
		print_share(t->named, t->sites);
		print_share(t->within_named, t->within);
		printf(" %8.2f ",
		       t->sites ? 100.0 * t->at_end / t->sites : 0.0);
		print_delays(t);
		printf("\n");
	}
}

/* The share, or steps, that must be reached. */
static int bar(const char *text, double figure, double bar, bool at_least)
{
	return bar_print(at_least ? figure >= bar : figure <= bar,
			 "%-52s %8.2f %s %g", text, figure,
			 at_least ? ">=" : "<=", bar);
}

static double percent(uint32_t hits, uint32_t n)
{
	return n ? 100.0 * hits / n : 0;
}

static double precision(const struct study *study, uint32_t detector)
{
	struct tally leaks = study_sum(study, detector, true);
	struct tally others = study_sum(study, detector, false);

	free(leaks.delays);
	return percent(leaks.named, leaks.named + leaks.early + others.named);
}

/* With room for chance: another seed holds them, too. */
int table_bars(const struct study *study)
{
	struct tally leaks = study_sum(study, 0, true);
	struct tally others = study_sum(study, 0, false);
	double rival = 0;
	uint32_t i;
	int missed = 0;

	for (i = 1; i < study->n_detectors; i++)
		rival = fmax(rival, precision(study, i));
	missed += bar("findable leaks named, %",
		      percent(leaks.found, leaks.findable), 82, true);
	missed += bar("named, of what stops growing within 128 steps, %",
		      percent(others.within_named, others.within), 1, false);
	missed += bar("named, of all that do not leak, %",
		      percent(others.named, others.sites), 17, false);
	missed += bar("steps until a leak is named, median",
		      tally_delay(&leaks, 0.5), 160, false);
	missed += bar("precision over that of the best baseline",
		      precision(study, 0) / rival, 1.3, true);
	free(leaks.delays);
	return missed;
}
