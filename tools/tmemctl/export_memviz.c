// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_memviz - the pickle that PyTorch's memory_viz shows, as
 * torch.cuda.memory._snapshot() makes it.
 *
 * Segments are the spans of 2 MiB that recorded blocks lie in, gaps between
 * them inactive blocks.  What a site has alive beyond its records (all, in a
 * snapshot without records) is one block in a segment of its own, at an address
 * that no program has, so that the sums are those of the sites.  The trace has
 * an allocation for each recorded block that is alive, in the order of time.
 */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "pickle.h"
#include "say.h"

#define SPAN (2ULL << 20)
#define BEYOND (1ULL << 48) /* user space ends before */

/*
 * struct viz - the pickle being written
 * @rest: of each site, live bytes that no record was written for
 * @kept: its frames are in the pickle already, in the slot of its index
 */
struct viz {
	const struct export_job *x;
	FILE *out;
	uint64_t *rest;
	bool *kept;
};

static void put_frame(FILE *out, const char *name, const char *file, int line)
{
	pickle_dict(out);
	pickle_put_text(out, "name", name);
	pickle_put_text(out, "filename", file);
	pickle_put_number(out, "line", line > 0 ? (uint64_t)line : 0);
	pickle_append(out);
}

static void put_stack(struct viz *viz, const struct snap_site *site)
{
	const struct symbol *symbol;
	unsigned int i;

	pickle_list(viz->out);
	if (*site->label)
		put_frame(viz->out, site->label, "label", 0);
	for (i = 0; i < site->depth; i++) {
		symbol = symbols_find(viz->x->symbols, site->frames[i]);
		put_frame(viz->out, symbol_name(symbol).text,
			  symbol->file ? symbol->file :
			  symbol->path ? symbol->path :
					 "??",
			  symbol->line);
	}
	if (*site->tag_name)
		put_frame(viz->out, site->tag_name, "tag", 0);
}

/* Each stack stands there once, however many blocks have it. */
static void put_frames(struct viz *viz, const struct snap_site *site)
{
	size_t i;

	pickle_key(viz->out, "frames");
	if (site) {
		i = (size_t)(site - viz->x->snap->sites);
		if (viz->kept[i]) {
			pickle_again(viz->out, (uint32_t)i);
		} else {
			put_stack(viz, site);
			pickle_keep(viz->out, (uint32_t)i);
			viz->kept[i] = true;
		}
	} else {
		pickle_list(viz->out);
	}
	pickle_put(viz->out);
}

static void put_block(struct viz *viz, uint64_t address, uint64_t bytes,
		      const struct snap_site *site, bool active)
{
	pickle_dict(viz->out);
	pickle_put_number(viz->out, "address", address);
	pickle_put_number(viz->out, "size", bytes);
	pickle_put_number(viz->out, "requested_size", active ? bytes : 0);
	pickle_put_text(viz->out, "state",
			active ? "active_allocated" : "inactive");
	put_frames(viz, site);
	pickle_append(viz->out);
}

static void begin_segment(struct viz *viz, uint64_t address)
{
	pickle_dict(viz->out);
	pickle_put_number(viz->out, "address", address);
	pickle_put_number(viz->out, "device", 0);
	pickle_put_number(viz->out, "stream", 0);
	pickle_put_text(viz->out, "segment_type", "large");
	pickle_key(viz->out, "segment_pool_id");
	pickle_list(viz->out);
	pickle_number(viz->out, 0);
	pickle_append(viz->out);
	pickle_number(viz->out, 0);
	pickle_append(viz->out);
	pickle_put(viz->out);
	pickle_key(viz->out, "is_expandable");
	pickle_bool(viz->out, 0);
	pickle_put(viz->out);
	put_frames(viz, NULL);
	pickle_key(viz->out, "blocks");
	pickle_list(viz->out);
}

static void end_segment(struct viz *viz, uint64_t total, uint64_t active)
{
	pickle_put(viz->out);
	pickle_put_number(viz->out, "total_size", total);
	pickle_put_number(viz->out, "allocated_size", active);
	pickle_put_number(viz->out, "active_size", active);
	pickle_put_number(viz->out, "requested_size", active);
	pickle_append(viz->out);
}

static uint64_t round_up(uint64_t address)
{
	return (address + SPAN - 1) / SPAN * SPAN;
}

/* It is in the pickle, and not among the rest. */
static void account(struct viz *viz, const struct snap_site *site,
		    uint64_t bytes)
{
	uint64_t *rest;

	if (!site)
		return;
	rest = &viz->rest[site - viz->x->snap->sites];
	*rest -= *rest < bytes ? *rest : bytes;
}

/*
 * The segment that begins with record @i; returns the next record that is not
 * in it.  Records that overlap, which no heap has, are left out.
 */
static size_t put_spans(struct viz *viz, size_t i, uint64_t *beyond)
{
	const struct snap *snap = viz->x->snap;
	uint64_t start = snap->records[i].address / SPAN * SPAN;
	uint64_t at = start, end = start + SPAN, active = 0;
	const struct snap_record *record;
	const struct snap_site *site;

	begin_segment(viz, start);
	for (; i < snap->n_records && snap->records[i].address < end; i++) {
		record = &snap->records[i];
		if (record->address < at || !record->bytes)
			continue;
		if (record->address > at)
			put_block(viz, at, record->address - at, NULL, false);
		site = snap_site(snap, record->site);
		put_block(viz, record->address, record->bytes, site, true);
		account(viz, site, record->bytes);
		active += record->bytes;
		at = record->address + record->bytes;
		if (at > end)
			end = round_up(at);
	}
	if (at < end)
		put_block(viz, at, end - at, NULL, false);
	end_segment(viz, end - start, active);
	*beyond = end;
	return i;
}

static void put_rest(struct viz *viz, uint64_t address)
{
	const struct snap *snap = viz->x->snap;
	size_t i;

	for (i = 0; i < snap->n_sites; i++) {
		if (!viz->rest[i])
			continue;
		begin_segment(viz, address);
		put_block(viz, address, viz->rest[i], &snap->sites[i], true);
		end_segment(viz, viz->rest[i], viz->rest[i]);
		address = round_up(address + viz->rest[i]);
	}
}

static void put_segments(struct viz *viz)
{
	const struct snap *snap = viz->x->snap;
	uint64_t beyond = 0;
	size_t i = 0;

	pickle_key(viz->out, "segments");
	pickle_list(viz->out);
	while (i < snap->n_records)
		i = put_spans(viz, i, &beyond);
	put_rest(viz, beyond > BEYOND ? beyond : BEYOND);
	pickle_put(viz->out);
}

/* --- trace ---------------------------------------------------------------- */

static int compare_times(const void *left, const void *right)
{
	const struct snap_record *a = *(const struct snap_record *const *)left;
	const struct snap_record *b = *(const struct snap_record *const *)right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->address < b->address ? -1 : a->address > b->address;
}

static void put_alloc(struct viz *viz, const struct snap_record *record)
{
	pickle_dict(viz->out);
	pickle_put_text(viz->out, "action", "alloc");
	pickle_put_number(viz->out, "addr", record->address);
	pickle_put_number(viz->out, "size", record->bytes);
	pickle_put_number(viz->out, "stream", 0);
	pickle_put_number(viz->out, "time_us", record->time_ns / 1000);
	put_frames(viz, snap_site(viz->x->snap, record->site));
	pickle_append(viz->out);
}

static bool put_trace(struct viz *viz)
{
	const struct snap *snap = viz->x->snap;
	const struct snap_record **order;
	size_t i;

	order = calloc(snap->n_records + 1, sizeof(*order));
	if (!order)
		return false;
	for (i = 0; i < snap->n_records; i++)
		order[i] = &snap->records[i];
	qsort(order, snap->n_records, sizeof(*order), compare_times);
	pickle_key(viz->out, "device_traces");
	pickle_list(viz->out);
	pickle_list(viz->out);
	for (i = 0; i < snap->n_records; i++)
		put_alloc(viz, order[i]);
	pickle_append(viz->out);
	pickle_put(viz->out);
	free(order);
	return true;
}

static bool put_all(struct viz *viz)
{
	const struct snap *snap = viz->x->snap;
	size_t i;
	bool done;

	for (i = 0; i < snap->n_sites; i++)
		viz->rest[i] = snap->sites[i].n.live_bytes;
	pickle_begin(viz->out);
	pickle_dict(viz->out);
	put_segments(viz);
	done = put_trace(viz);
	pickle_end(viz->out);
	return done;
}

bool export_memviz(const struct export_job *x)
{
	struct viz viz = { .x = x, .out = x->out };
	bool done = false;

	viz.rest = calloc(x->snap->n_sites + 1, sizeof(*viz.rest));
	viz.kept = calloc(x->snap->n_sites + 1, sizeof(*viz.kept));
	if (viz.rest && viz.kept)
		done = put_all(&viz);
	if (!done)
		say("no memory for the export");
	free(viz.rest);
	free(viz.kept);
	return done;
}
