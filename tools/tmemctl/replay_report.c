// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay_report - what a replay found, for a terminal of 80 columns.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "units.h"

const char *report_touch(enum replay_touch touch)
{
	static const char *const words[] = {
		[REPLAY_TOUCH_NONE] = "none",
		[REPLAY_TOUCH_PAGE] = "page",
		[REPLAY_TOUCH_FULL] = "full",
	};

	return words[touch];
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* "label     figure   and what it means" */
__attribute__((format(printf, 3, 4))) static void
row(const char *label, const char *figure, const char *format, ...)
{
	va_list args;

	printf("%-16s%12s   ", label, figure);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void head(const struct report *r)
{
	printf("trace     %s: %s events, %u thread%s\n", base_name(r->path),
	       units_count(r->trace->events).text, r->trace->threads,
	       r->trace->threads == 1 ? "" : "s");
	if (r->config->peer)
		puts("library   malloc: the C library's, or what is preloaded");
	else
		printf("library   libtmem %s, backend %s, NUMA policy %s\n"
		       "strategy  %s\n",
		       tmem_version(), r->backend, r->policy, r->strategy);
	printf("replay    %u time%s, touch %s", r->config->repeats,
	       r->config->repeats == 1 ? "" : "s",
	       report_touch(r->config->touch));
	if (r->trace->threads > 1)
		printf(", window %u", r->config->window);
	puts("\n");
}

static void repeats(const struct report *r)
{
	const struct replay_repeat *one;
	char name[24];
	unsigned int i;

	printf("%-10s%12s%14s%12s%12s%10s\n", "repeat", "time/event",
	       "minor faults", "user", "system",
	       r->config->peer ? "" : "reused");
	for (i = 0; i < r->config->repeats; i++) {
		one = &r->repeats[i];
		snprintf(name, sizeof(name), "%u%s", i + 1, i ? "" : " (cold)");
		printf("%-10s%12s%14s%12s%12s%10s\n", name,
		       units_ns(figures_ns_per_event(r, i)).text,
		       units_count(one->cost.minor_faults).text,
		       units_ms((double)one->cost.user_us / 1e3).text,
		       units_ms((double)one->cost.sys_us / 1e3).text,
		       r->config->peer ?
			       "" :
			       units_percent(
				       figures_ratio(one->reused, one->allocs))
				       .text);
	}
	printf("%-10s%12s%14s\n\n", "median",
	       units_ns(figures_median_ns(r)).text,
	       units_count(figures_median_faults(r)).text);
}

static void nodes(const struct tmem_residency *residency)
{
	char spans[32];
	unsigned int node;
	bool any = false;

	for (node = 0; node < TMEM_NODES_MAX; node++) {
		if (!residency->node_bytes[node])
			continue;
		snprintf(spans, sizeof(spans), "%s",
			 units_count(residency->node_bytes[node] /
				     TMEM_SPAN_BYTES)
				 .text);
		row(any ? "" : "spans by node", spans, "on node %u%s", node,
		    residency->nodes_exact ? "" : " (the kernel did not say)");
		any = true;
	}
	if (!any)
		row("spans by node", "0", "on any node");
}

static void memory(const struct report *r)
{
	uint64_t live = r->trace->peak_bytes;
	uint64_t resident = figures_last_resident(r);
	char ratio[32];

	snprintf(ratio, sizeof(ratio), "%.3f", figures_ratio(resident, live));
	row("peak live", units_bytes(live).text, "asked for, after event %s",
	    units_count(r->trace->peak_event + 1).text);
	row("peak resident", units_bytes(resident).text,
	    "growth of the process at that moment");
	row("resident / live", ratio, "of these two");
}

static void library_view(const struct report *r)
{
	const struct footprint *peak = figures_peak(r);
	const struct tmem_residency *residency = &peak->residency;

	if (!peak->known) {
		row("in spans", "unknown", "/proc/self/smaps cannot be read");
		return;
	}
	row("in spans", units_bytes(residency->resident).text,
	    "of memory held by the library then");
	nodes(residency);
	row("PMD-mapped",
	    units_percent(
		    figures_ratio(residency->pmd_mapped, residency->mapped))
		    .text,
	    "of %s mapped", units_bytes(residency->mapped).text);
	row("mappings", units_count(residency->vmas).text,
	    "in the library's address range");
}

static void waste(const struct report *r)
{
	const struct tmem_stats *stats = &figures_peak(r)->stats;

	row("internal waste", units_percent(figures_internal(r)).text,
	    "of %s in live blocks", units_bytes(stats->live_bytes).text);
	row("external waste", units_percent(figures_external(r)).text,
	    "of %s held, free beside live blocks",
	    units_bytes(stats->held_bytes).text);
}

static void counters(const struct report *r)
{
	row("reused",
	    units_percent(figures_ratio(r->stats.reused, r->stats.allocs)).text,
	    "of %s allocations took no new memory",
	    units_count(r->stats.allocs).text);
	row("purged", units_bytes(figures_purged(r)).text,
	    "given back, in the end with nothing alive");
	row("moved", units_count(r->stats.spans_moved).text,
	    "idle spans, to other addresses");
	row("misuse", units_count(r->stats.misuse).text,
	    "frees that the library refused");
}

/* Of all repeats. */
static uint64_t path_faults(const struct report *r)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < r->config->repeats; i++)
		sum += r->repeats[i].path_faults;
	return sum;
}

static void optimizer(const struct report *r)
{
	const struct replay_repeat *last = &r->repeats[r->config->repeats - 1];
	const struct tmem_optimizer_stats *o = &r->optimizer;
	char text[32];

	row("optimizer", o->running ? "" : "off", "%s%s",
	    o->running ? tmem_optimizer_strategy_name(o->strategy) :
			 "steps are only marked",
	    o->running && o->strategy == TMEM_OPTIMIZER_ADAPTIVE ?
		    ", as the pressure is" :
		    "");
	row("held at steps",
	    units_bytes(last->steps ? last->held_bytes / last->steps : 0).text,
	    "mean of the %s steps of the last repeat",
	    units_count(last->steps).text);
	if (r->trace->threads == 1)
		row("faults there", units_count(path_faults(r)).text,
		    "of the thread that replays, in all repeats");
	if (!o->running)
		return;
	row("foreseen",
	    units_percent(figures_ratio(o->foreseen_bytes, o->requested_bytes))
		    .text,
	    "of %s requested in %s steps", units_bytes(o->requested_bytes).text,
	    units_count(o->steps).text);
	snprintf(text, sizeof(text), "%.2f", o->confidence);
	row("confidence", text, "pattern %s, period %u",
	    tmem_optimizer_pattern_name(o->pattern), o->period);
	row("fetched ahead", units_count(o->prepared_spans).text,
	    "spans: %s used, %s wasted", units_count(o->prepared_used).text,
	    units_count(o->prepared_wasted).text);
	row("kept", units_count(o->kept_spans).text,
	    "spans; %s given back, as no step needed them",
	    units_count(o->returned_spans).text);
}

void report_text(const struct report *report)
{
	head(report);
	repeats(report);
	memory(report);
	if (report->config->peer)
		return;
	library_view(report);
	waste(report);
	counters(report);
	if (report->config->steps)
		optimizer(report);
}
