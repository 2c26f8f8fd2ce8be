// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_collapsed - stacks in one line each, for flame graphs: "outer;inner
 * figure", with the tag outermost and the label innermost.
 *
 * Read by flamegraph.pl, inferno and speedscope.
 */
#include <string.h>

#include "export.h"

/* A ';' would be another frame, a newline another stack. */
static void put_frame(FILE *out, const char *text, bool *first)
{
	if (!*first)
		putc(';', out);
	*first = false;
	for (; *text; text++) {
		if (*text == ';')
			putc(':', out);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			putc('?', out);
		else
			putc(*text, out);
	}
}

static void put_site(const struct export_job *x, const struct snap_site *site)
{
	struct symbol_text t;
	bool first = true;
	unsigned int i;

	if (*site->tag_name)
		put_frame(x->out, site->tag_name, &first);
	for (i = site->depth; i > 0; i--) {
		t = symbol_name(symbols_find(x->symbols, site->frames[i - 1]));
		put_frame(x->out, t.text, &first);
	}
	if (*site->label)
		put_frame(x->out, site->label, &first);
	if (first)
		put_frame(x->out, "(no stack)", &first);
	fprintf(x->out, " %llu\n",
		(unsigned long long)site_value(&site->n, x->by));
}

bool export_collapsed(const struct export_job *x)
{
	size_t i;

	for (i = 0; i < x->snap->n_sites; i++)
		if (site_value(&x->snap->sites[i].n, x->by))
			put_site(x, &x->snap->sites[i]);
	return true;
}
