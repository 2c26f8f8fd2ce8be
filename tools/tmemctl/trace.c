// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace - a recorded run of tensor allocations, read and checked.
 *
 * Text, one record per line (blocks are numbered 0, 1, 2, ... and a number
 * is never used again; times are nanoseconds and never run backwards):
 *
 *   # memtrace 1 ...                           first line
 *   s SITE FRAMES SYMBOL PY-INNER PY-USER      call site, before its first use
 *   a BLOCK BYTES ALIGN THREAD TIME SITE       allocation
 *   f BLOCK THREAD TIME                        free
 *   m THREAD TIME TEXT                         phase mark
 *   # end allocs=N frees=N sites=N threads=N   totals; "# end" lines come last
 *
 * A replay frees what it allocated and nothing else only if the trace is
 * sound, so everything is checked before the first event is replayed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "fields.h"
#include "lines.h"
#include "pages.h"
#include "say.h"
#include "trace.h"

/* What no program can have: more than all addresses of a process. */
#define BYTES_MAX (1ULL << 47)
/* The library's limit for alignment. */
#define ALIGN_MAX (1ULL << 30)
/* Sites are call sites in a program's text. */
#define SITES_MAX (1ULL << 24)
/* Events and blocks are counted in 32 bits. */
#define EVENTS_MAX (UINT32_MAX - 1)

/* In loader.sizes, beside the size: the block was freed. */
#define FREED (1ULL << 63)

/*
 * struct loader - a trace while it is read
 * @ops:    events so far
 * @sizes:  bytes of every block, and FREED
 * @sites:  for each site number, 1 + its element of the story; 0: no record
 * @dense:  replayed thread of each traced one, plus 1; 0 is "not seen"
 */
struct loader {
	struct trace *trace;
	struct fields fields;
	struct vec ops;
	struct vec sizes;
	struct vec sites;
	uint64_t n_sites;
	uint64_t live;
	uint64_t time;
	bool footer;
	uint16_t dense[TRACE_THREADS_MAX];
};

static bool take_thread(struct loader *l, uint64_t *thread)
{
	if (!fields_number(&l->fields, "the thread", thread))
		return false;
	if (*thread >= TRACE_THREADS_MAX)
		return fields_fail(&l->fields, "thread %llu is not in 0 to %d",
				   (unsigned long long)*thread,
				   TRACE_THREADS_MAX - 1);
	return true;
}

static bool take_time(struct loader *l)
{
	uint64_t time;

	if (!fields_number(&l->fields, "the time", &time))
		return false;
	if (time < l->time)
		return fields_fail(&l->fields, "the time runs backwards");
	l->time = time;
	return true;
}

static bool site_known(const struct loader *l, uint64_t site)
{
	return site < l->sites.used && ((const uint32_t *)l->sites.data)[site];
}

static bool take_site(struct loader *l, uint32_t *of)
{
	uint64_t site;

	if (!fields_number(&l->fields, "the site", &site))
		return false;
	if (!site_known(l, site))
		return fields_fail(&l->fields,
				   "site %llu has no record before its use",
				   (unsigned long long)site);
	*of = ((const uint32_t *)l->sites.data)[site];
	return true;
}

static bool take_align(struct loader *l, struct trace_op *op)
{
	uint64_t align;

	if (!fields_number(&l->fields, "the alignment", &align))
		return false;
	if (!align || align & (align - 1))
		return fields_fail(&l->fields,
				   "alignment %llu is no power of two",
				   (unsigned long long)align);
	if (align > ALIGN_MAX)
		return fields_fail(&l->fields, "alignment %llu is above 1 GiB",
				   (unsigned long long)align);
	op->align_log2 = (uint8_t)__builtin_ctzll(align);
	return true;
}

static bool take_bytes(struct loader *l, struct trace_op *op)
{
	if (!fields_number(&l->fields, "the size", &op->bytes))
		return false;
	if (op->bytes > BYTES_MAX)
		return fields_fail(&l->fields,
				   "size %llu is absurd: above 2^47 bytes",
				   (unsigned long long)op->bytes);
	return true;
}

static bool add_op(struct loader *l, struct trace_op *op, uint64_t thread,
		   uint32_t site)
{
	struct trace_op *slot;

	if (!l->dense[thread]) {
		l->trace->threads++;
		l->dense[thread] = (uint16_t)l->trace->threads;
	}
	op->thread = l->dense[thread] - 1;
	if (l->ops.used >= EVENTS_MAX)
		return fields_fail(&l->fields, "too many events: above %u",
				   EVENTS_MAX);
	slot = vec_add(&l->ops);
	if (!slot || !story_event(&l->trace->story, site))
		return fields_fail(&l->fields, "no memory for the trace");
	*slot = *op;
	return true;
}

static bool count_alloc(struct loader *l, const struct trace_op *op)
{
	uint64_t *size = vec_add(&l->sizes);

	if (!size)
		return fields_fail(&l->fields, "no memory for the trace");
	*size = op->bytes;
	l->live += op->bytes;
	if (l->live > BYTES_MAX)
		return fields_fail(&l->fields,
				   "live bytes are absurd: above 2^47");
	if (l->live > l->trace->peak_bytes) {
		l->trace->peak_bytes = l->live;
		l->trace->peak_event = l->ops.used - 1;
	}
	return true;
}

static bool read_alloc(struct loader *l)
{
	struct trace_op op = { .is_free = 0 };
	uint64_t block, thread;
	uint32_t site = 0;

	if (!fields_number(&l->fields, "the block", &block))
		return false;
	if (block < l->sizes.used)
		return fields_fail(&l->fields, "block %llu is allocated twice",
				   (unsigned long long)block);
	if (block > l->sizes.used)
		return fields_fail(&l->fields,
				   "block %llu is out of order: %zu is next",
				   (unsigned long long)block, l->sizes.used);
	op.block = (uint32_t)block;
	return take_bytes(l, &op) && take_align(l, &op) &&
	       take_thread(l, &thread) && take_time(l) && take_site(l, &site) &&
	       fields_end(&l->fields) && add_op(l, &op, thread, site) &&
	       count_alloc(l, &op);
}

static bool read_free(struct loader *l)
{
	struct trace_op op = { .is_free = 1 };
	uint64_t block, thread, *size;

	if (!fields_number(&l->fields, "the block", &block))
		return false;
	if (block >= l->sizes.used)
		return fields_fail(&l->fields,
				   "block %llu is freed before its allocation",
				   (unsigned long long)block);
	size = (uint64_t *)l->sizes.data + block;
	if (*size & FREED)
		return fields_fail(&l->fields, "block %llu is freed twice",
				   (unsigned long long)block);
	op.block = (uint32_t)block;
	op.bytes = *size;
	if (!take_thread(l, &thread) || !take_time(l) ||
	    !fields_end(&l->fields) || !add_op(l, &op, thread, 0))
		return false;
	*size |= FREED;
	l->live -= op.bytes;
	l->trace->frees++;
	return true;
}

static bool read_site(struct loader *l)
{
	uint64_t site;
	uint32_t *known;
	long of;

	if (!fields_number(&l->fields, "the site", &site))
		return false;
	if (site >= SITES_MAX)
		return fields_fail(&l->fields, "site %llu is above 2^24",
				   (unsigned long long)site);
	if (l->fields.at == l->fields.end)
		return fields_fail(&l->fields, "the call frames are missing");
	if (site_known(l, site))
		return fields_fail(&l->fields, "site %llu is recorded twice",
				   (unsigned long long)site);
	while (l->sites.used <= site)
		if (!vec_add(&l->sites))
			return fields_fail(&l->fields,
					   "no memory for the trace");
	of = story_site(&l->trace->story, l->fields.at, l->fields.end);
	if (of < 0)
		return fields_fail(&l->fields, "no memory for the trace");
	known = l->sites.data;
	known[site] = (uint32_t)of + 1;
	l->n_sites++;
	return true;
}

static bool read_mark(struct loader *l)
{
	uint64_t thread;

	if (!take_thread(l, &thread) || !take_time(l))
		return false;
	if (!story_mark(&l->trace->story, l->fields.at, l->fields.end))
		return fields_fail(&l->fields, "no memory for the trace");
	return true;
}

static bool agree(struct loader *l, const char *name, uint64_t count)
{
	uint64_t total;

	if (!fields_total(&l->fields, name, &total))
		return false;
	if (total != count)
		return fields_fail(&l->fields,
				   "the footer counts %s=%llu, the file has "
				   "%llu",
				   name, (unsigned long long)total,
				   (unsigned long long)count);
	return true;
}

static bool read_footer(struct loader *l)
{
	uint64_t threads;

	if (l->footer)
		return true;
	l->footer = true;
	if (!agree(l, "allocs", l->sizes.used) ||
	    !agree(l, "frees", l->trace->frees) ||
	    !agree(l, "sites", l->n_sites) ||
	    !fields_total(&l->fields, "threads", &threads))
		return false;
	/* Threads that never allocated are counted there, and not seen here. */
	if (threads < l->trace->threads)
		return fields_fail(&l->fields,
				   "the footer counts threads=%llu, the file "
				   "has %u",
				   (unsigned long long)threads,
				   l->trace->threads);
	return true;
}

static bool starts_with(const char *line, size_t length, const char *word)
{
	return length >= strlen(word) && !memcmp(line, word, strlen(word));
}

static bool read_header(struct loader *l, const char *line, size_t length)
{
	static const char magic[] = "# memtrace ";
	uint64_t version;

	if (!starts_with(line, length, magic))
		return fields_fail(&l->fields, "no \"# memtrace\" header: "
					       "this is no trace");
	l->fields.at = line + strlen(magic);
	if (!fields_number(&l->fields, "the format's version", &version))
		return false;
	if (version != 1)
		return fields_fail(&l->fields,
				   "format version %llu is not known, only 1",
				   (unsigned long long)version);
	return true;
}

static bool read_unknown(struct loader *l, const char *line, size_t length)
{
	if (!length)
		return fields_fail(&l->fields, "the line is empty");
	if (line[0] > ' ' && line[0] < 0x7f)
		return fields_fail(&l->fields, "unknown record '%c'", line[0]);
	return fields_fail(&l->fields, "unknown record, first byte 0x%02x",
			   (unsigned char)line[0]);
}

static bool read_event(struct loader *l, const char *line, size_t length)
{
	if (length < 2 || line[1] != ' ')
		return read_unknown(l, line, length);
	switch (line[0]) {
	case 'a':
		return read_alloc(l);
	case 'f':
		return read_free(l);
	case 's':
		return read_site(l);
	case 'm':
		return read_mark(l);
	default:
		return read_unknown(l, line, length);
	}
}

static bool read_line(struct loader *l, const char *line, size_t length,
		      bool first)
{
	l->fields.at = line + (length ? 1 : 0);
	l->fields.end = line + length;
	if (first)
		return read_header(l, line, length);
	if (memchr(line, 0, length))
		return fields_fail(&l->fields, "the line holds a zero byte");
	if (starts_with(line, length, "# end "))
		return read_footer(l);
	if (l->footer)
		return fields_fail(&l->fields, "something follows the footer");
	return starts_with(line, length, "#") || read_event(l, line, length);
}

static bool read_lines(struct loader *l, struct lines *lines)
{
	const char *line;
	size_t length;
	int more;

	while ((more = lines_next(lines, &line, &length)) > 0)
		if (!read_line(l, line, length, lines_number(lines) == 1))
			return false;
	if (more < 0)
		return fields_fail(&l->fields, "%s", lines_error(lines));
	if (lines_number(lines) == 1)
		return fields_fail(&l->fields, "the file is empty");
	if (!l->footer)
		return fields_fail(&l->fields, "the file is cut off: "
					       "it has no \"# end\" footer");
	if (!l->ops.used)
		return fields_fail(&l->fields, "the trace has no event");
	return true;
}

int trace_load(struct trace *trace, const char *path)
{
	struct loader l = {
		.trace = trace,
		.ops.item = sizeof(struct trace_op),
		.sizes.item = sizeof(uint64_t),
		.sites.item = sizeof(uint32_t),
	};
	struct lines *lines = lines_open(path);
	bool good;

	memset(trace, 0, sizeof(*trace));
	story_begin(&trace->story);
	if (!lines) {
		say("%s: %s", path, strerror(errno));
		return -1;
	}
	good = read_lines(&l, lines);
	if (!good)
		say("%s:%lu: %s", path, lines_number(lines), l.fields.error);
	lines_close(lines);
	trace->ops = l.ops.data;
	trace->events = l.ops.used;
	trace->blocks = l.sizes.used;
	trace->mapped = l.ops.bytes;
	vec_free(&l.sizes);
	vec_free(&l.sites);
	if (!good)
		trace_unload(trace);
	return good ? 0 : -1;
}

void trace_unload(struct trace *trace)
{
	story_end(&trace->story);
	pages_put(trace->ops, trace->mapped);
	memset(trace, 0, sizeof(*trace));
}
