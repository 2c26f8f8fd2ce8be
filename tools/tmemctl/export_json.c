// SPDX-License-Identifier: GPL-2.0-only
/*
 * export_json - the snapshot itself, as it came.
 *
 * It was checked before; what this tool does not know of it is not lost.
 */
#include "export.h"

bool export_json(const struct export_job *x)
{
	fwrite(x->snap->text, 1, x->snap->text_bytes, x->out);
	return true;
}

void export_quote(FILE *out, const char *text)
{
	const unsigned char *c;

	putc('"', out);
	for (c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(out, "\\u%04x", *c);
		else
			putc(*c, out);
	}
	putc('"', out);
}
