// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_pprof - the heap profile that gperftools writes, as text.
 *
 * With symbols it begins with a table of them, so that google-pprof needs
 * neither the program nor its libraries.  Without, it ends with what was mapped
 * where, and pprof looks for itself.  It knows addresses only: labels and tags
 * get some that no program has.  The figures are estimates of the whole
 * already; the header's "heapprofile" says that nothing is to be scaled.
 */
#include <string.h>

#include "export.h"

/*
 * No processor has them, but google-pprof takes them; it drops what lies in
 * the kernel's half.
 */
#define LABELS 0x1000000000000000ULL
#define TAGS 0x2000000000000000ULL
#define NO_STACK 0x3000000000000000ULL

/* "--" would be inlined functions; a line is a name. */
static void put_symbol(FILE *out, uint64_t address, const char *name)
{
	char last = 0;

	fprintf(out, "0x%016llx ", (unsigned long long)address);
	for (; *name; last = *name++) {
		if (*name == '-' && last == '-')
			putc(' ', out);
		putc((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name,
		     out);
	}
	putc('\n', out);
}

/* A name that stands there twice does no harm. */
static void put_names(const struct export_job *x, const struct snap_site *site)
{
	const struct symbol *symbol;
	unsigned int i;

	if (*site->label)
		put_symbol(x->out, LABELS + site->id, site->label);
	for (i = 0; i < site->depth; i++) {
		symbol = symbols_find(x->symbols, site->frames[i]);
		put_symbol(x->out, symbol->address, symbol_name(symbol).text);
	}
	if (*site->tag_name)
		put_symbol(x->out, TAGS + site->tag, site->tag_name);
}

static void put_table(const struct export_job *x)
{
	size_t i;

	fprintf(x->out, "--- symbol\nbinary=%s\n",
		strpbrk(x->snap->exe, "\r\n") ? "?" : x->snap->exe);
	for (i = 0; i < x->snap->n_sites; i++)
		put_names(x, &x->snap->sites[i]);
	put_symbol(x->out, NO_STACK, "(no stack)");
	fprintf(x->out, "---\n");
}

static void put_figures(FILE *out, const struct snap_counts *n)
{
	fprintf(out, "%llu: %llu [%llu: %llu] @",
		(unsigned long long)n->live_blocks,
		(unsigned long long)n->live_bytes,
		(unsigned long long)n->allocs,
		(unsigned long long)n->alloc_bytes);
}

static void put_site(const struct export_job *x, const struct snap_site *site)
{
	unsigned int i;

	put_figures(x->out, &site->n);
	if (*site->label)
		fprintf(x->out, " 0x%016llx", LABELS + site->id);
	for (i = 0; i < site->depth; i++)
		fprintf(x->out, " 0x%016llx",
			(unsigned long long)site->frames[i]);
	if (*site->tag_name)
		fprintf(x->out, " 0x%016llx", TAGS + site->tag);
	if (!*site->label && !site->depth && !*site->tag_name)
		fprintf(x->out, " 0x%016llx", NO_STACK);
	putc('\n', x->out);
}

static void put_modules(const struct export_job *x)
{
	const struct snap_module *module;
	size_t i;

	fprintf(x->out, "\nMAPPED_LIBRARIES:\n");
	for (i = 0; i < x->snap->n_modules; i++) {
		module = &x->snap->modules[i];
		if (*module->path == '/' && !strpbrk(module->path, "\r\n"))
			fprintf(x->out, "%llx-%llx r-xp %08llx 00:00 0 %s\n",
				(unsigned long long)module->base,
				(unsigned long long)module->end,
				(unsigned long long)module->offset,
				module->path);
	}
}

bool export_pprof(const struct export_job *x)
{
	const struct snap_counts sum = snap_sum(x->snap);
	size_t i;

	if (x->names)
		put_table(x);
	fprintf(x->out, "heap profile: ");
	put_figures(x->out, &sum);
	fprintf(x->out, " heapprofile\n");
	for (i = 0; i < x->snap->n_sites; i++)
		put_site(x, &x->snap->sites[i]);
	if (!x->names)
		put_modules(x);
	return true;
}
