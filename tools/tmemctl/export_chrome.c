// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_chrome - the timeline as counters of a Chrome trace.
 *
 * Read by Perfetto and chrome://tracing.  Times are microseconds of
 * CLOCK_MONOTONIC, as in a profile of the same run.
 */
#include "export.h"

/* What each event has; its arguments follow. */
static void put_event(const struct export_job *x, const char *name,
		      const char *phase, uint64_t ns)
{
	fprintf(x->out,
		",\n{\"name\":\"%s\",\"ph\":\"%s\",\"pid\":%llu,\"tid\":0,"
		"\"ts\":%llu.%03llu,",
		name, phase, (unsigned long long)x->snap->pid,
		(unsigned long long)ns / 1000, (unsigned long long)ns % 1000);
}

static void put_tiers(const struct export_job *x,
		      const struct snap_moment *moment)
{
	unsigned int i;

	put_event(x, "live bytes by tier", "C", moment->time_ns);
	fprintf(x->out, "\"args\":{");
	for (i = 0; i < SNAP_TIERS; i++) {
		if (i)
			putc(',', x->out);
		export_quote(x->out, x->snap->tiers[i].name);
		fprintf(x->out, ":%llu", (unsigned long long)moment->tiers[i]);
	}
	fprintf(x->out, "}}");
}

static uint64_t number(struct json_object *pair, size_t i)
{
	return json_object_get_uint64(json_object_array_get_idx(pair, i));
}

/* With the number, since titles may be the same. */
static void put_share(const struct export_job *x, struct json_object *pair)
{
	uint64_t id = number(pair, 0);
	const struct snap_site *site = snap_site(x->snap, id);
	char name[600];

	snprintf(name, sizeof(name), "%s #%llu",
		 site ? site_title(x->symbols, site).text : "site",
		 (unsigned long long)id);
	export_quote(x->out, name);
	fprintf(x->out, ":%llu", (unsigned long long)number(pair, 1));
}

static void put_nodes(const struct export_job *x,
		      const struct snap_moment *moment)
{
	size_t i, n;

	n = moment->nodes ? json_object_array_length(moment->nodes) : 0;
	if (!n)
		return;
	put_event(x, "live bytes by node", "C", moment->time_ns);
	fprintf(x->out, "\"args\":{");
	for (i = 0; i < n; i++) {
		struct json_object *pair =
			json_object_array_get_idx(moment->nodes, i);

		fprintf(x->out, "%s\"node %llu\":%llu", i ? "," : "",
			(unsigned long long)number(pair, 0),
			(unsigned long long)number(pair, 1));
	}
	fprintf(x->out, "}}");
}

static void put_sites(const struct export_job *x,
		      const struct snap_moment *moment)
{
	size_t i, n = json_object_array_length(moment->shares);

	if (!n)
		return;
	put_event(x, "live bytes by site", "C", moment->time_ns);
	fprintf(x->out, "\"args\":{");
	for (i = 0; i < n; i++) {
		if (i)
			putc(',', x->out);
		put_share(x, json_object_array_get_idx(moment->shares, i));
	}
	fprintf(x->out, "}}");
}

static void put_moment(const struct export_job *x,
		       const struct snap_moment *moment)
{
	put_event(x, "memory", "C", moment->time_ns);
	fprintf(x->out, "\"args\":{\"live\":%llu,\"held\":%llu}}",
		(unsigned long long)moment->live_bytes,
		(unsigned long long)moment->held_bytes);
	put_event(x, "pressure level", "C", moment->time_ns);
	fprintf(x->out, "\"args\":{\"level\":%llu}}",
		(unsigned long long)moment->level);
	put_tiers(x, moment);
	put_nodes(x, moment);
	put_sites(x, moment);
}

bool export_chrome(const struct export_job *x)
{
	const struct snap_moment *moment;
	uint64_t step = 0;
	size_t i;

	fprintf(x->out,
		"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
		"{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%llu,"
		"\"tid\":0,\"ts\":0,\"args\":{\"name\":",
		(unsigned long long)x->snap->pid);
	export_quote(x->out, x->snap->exe);
	fprintf(x->out, "}}");
	for (i = 0; i < x->snap->n_moments; i++) {
		moment = &x->snap->moments[i];
		if (moment->step != step) {
			put_event(x, "step", "i", moment->time_ns);
			fprintf(x->out, "\"s\":\"p\",\"args\":{\"step\":%llu}}",
				(unsigned long long)moment->step);
		}
		step = moment->step;
		put_moment(x, moment);
	}
	fprintf(x->out, "\n]}\n");
	return true;
}
