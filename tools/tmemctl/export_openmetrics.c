// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_openmetrics - figures for Prometheus and others, in the OpenMetrics
 * text format 1.0.
 *
 * Of the sites, only those with the most live bytes: each is a time series.
 */
#include <stdlib.h>
#include <string.h>

#include "export.h"

#define SITES 100

static void head(const struct export_job *x, const char *name, const char *type,
		 const char *unit, const char *help)
{
	fprintf(x->out, "# TYPE %s %s\n", name, type);
	if (*unit)
		fprintf(x->out, "# UNIT %s %s\n", name, unit);
	fprintf(x->out, "# HELP %s %s\n", name, help);
}

/* A label's value, with its quotes. */
static void put_value(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text,
		     out);
	}
	putc('"', out);
}

static void metric(const struct export_job *x, const char *name,
		   const char *type, const char *unit, const char *help,
		   uint64_t value)
{
	head(x, name, type, unit, help);
	fprintf(x->out, "%s%s %llu\n", name,
		strcmp(type, "counter") ? "" : "_total",
		(unsigned long long)value);
}

static void put_process(const struct export_job *x)
{
	head(x, "tmem_process", "info", "", "The program.");
	fprintf(x->out, "tmem_process_info{pid=\"%llu\",exe=",
		(unsigned long long)x->snap->pid);
	put_value(x->out, x->snap->exe);
	fprintf(x->out, ",library=");
	put_value(x->out, x->snap->library);
	fprintf(x->out, "} 1\n");
	head(x, "tmem_snapshot_timestamp_seconds", "gauge", "seconds",
	     "When these figures were taken.");
	fprintf(x->out, "tmem_snapshot_timestamp_seconds %llu.%09llu\n",
		(unsigned long long)x->snap->wall_ns / 1000000000,
		(unsigned long long)x->snap->wall_ns % 1000000000);
}

static void put_counts(const struct export_job *x)
{
	const struct snap_counts *n = &x->snap->counts;

	metric(x, "tmem_allocs", "counter", "", "Blocks allocated.", n->allocs);
	metric(x, "tmem_frees", "counter", "", "Blocks freed.", n->frees);
	metric(x, "tmem_alloc_bytes", "counter", "bytes", "Bytes allocated.",
	       n->alloc_bytes);
	metric(x, "tmem_free_bytes", "counter", "bytes", "Bytes freed.",
	       n->free_bytes);
	metric(x, "tmem_live_bytes", "gauge", "bytes", "Bytes in live blocks.",
	       n->live_bytes);
	metric(x, "tmem_live_blocks", "gauge", "", "Live blocks.",
	       n->live_blocks);
	metric(x, "tmem_peak_live_bytes", "gauge", "bytes",
	       "The most bytes that were live.", n->peak_live_bytes);
	metric(x, "tmem_steps", "counter", "", "Steps of the program.",
	       x->snap->steps);
}

/* One family for each figure of the tiers, its samples together. */
static void put_tiers(const struct export_job *x)
{
	static const char *const names[] = { "tmem_tier_live_bytes",
					     "tmem_tier_live_blocks",
					     "tmem_tier_allocs" };
	const struct snap_tier *tier;
	unsigned int i, k;
	uint64_t value;

	for (k = 0; k < 3; k++) {
		head(x, names[k], k < 2 ? "gauge" : "counter", k ? "" : "bytes",
		     "The same, by size of the block.");
		for (i = 0; i < SNAP_TIERS; i++) {
			tier = &x->snap->tiers[i];
			value = k == 0 ? tier->live_bytes :
				k == 1 ? tier->live_blocks :
					 tier->allocs;
			fprintf(x->out, "%s%s{tier=\"%u\",elements=", names[k],
				k < 2 ? "" : "_total", i);
			put_value(x->out, tier->name);
			fprintf(x->out, "} %llu\n", (unsigned long long)value);
		}
	}
}

/* Such as OpenMetrics takes, and no suffix that means something there. */
static bool is_name(const char *name)
{
	static const char *const suffixes[] = { "_total",  "_info",  "_created",
						"_bucket", "_count", "_sum" };
	size_t i, length = strlen(name), tail;

	if (!length || length > 64 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
		return false;
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		tail = strlen(suffixes[i]);
		if (length >= tail &&
		    !strcmp(name + length - tail, suffixes[i]))
			return false;
	}
	return true;
}

/* Whatever the library counts; its names are documented in tmem/pool.h. */
static void put_heap(const struct export_job *x)
{
	json_object_object_foreach(x->snap->heap, key, value)
	{
		if (!json_object_is_type(value, json_type_int) ||
		    json_object_get_int64(value) < 0 || !is_name(key))
			continue;
		fprintf(x->out,
			"# TYPE tmem_heap_%s gauge\n"
			"# HELP tmem_heap_%s See struct tmem_stats.\n"
			"tmem_heap_%s %llu\n",
			key, key, key,
			(unsigned long long)json_object_get_uint64(value));
	}
}

static void put_site(const struct export_job *x, const char *name,
		     const struct snap_site *site, uint64_t value)
{
	fprintf(x->out, "%s{site=\"%llu\",tag=", name,
		(unsigned long long)site->id);
	put_value(x->out, site->tag_name);
	fprintf(x->out, ",at=");
	put_value(x->out, site_title(x->symbols, site).text);
	fprintf(x->out, "} %llu\n", (unsigned long long)value);
}

static bool put_sites(const struct export_job *x)
{
	const struct snap_site **rank = site_rank(x->snap, SITE_BY_LIVE);
	size_t i, n = x->snap->n_sites < SITES ? x->snap->n_sites : SITES;

	if (!rank)
		return false;
	head(x, "tmem_site_live_bytes", "gauge", "bytes",
	     "Of the call sites that have the most.");
	for (i = 0; i < n; i++)
		put_site(x, "tmem_site_live_bytes", rank[i],
			 rank[i]->n.live_bytes);
	head(x, "tmem_site_leaking", "gauge", "",
	     "1: its live bytes grow with the steps.");
	for (i = 0; i < n; i++)
		put_site(x, "tmem_site_leaking", rank[i],
			 rank[i]->leak.leaking);
	free(rank);
	return true;
}

bool export_openmetrics(const struct export_job *x)
{
	bool done;

	put_process(x);
	put_counts(x);
	put_tiers(x);
	put_heap(x);
	done = put_sites(x);
	fprintf(x->out, "# EOF\n");
	return done;
}
