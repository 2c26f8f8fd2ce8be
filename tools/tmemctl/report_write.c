// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_write - the report's JSON to a file, alone or in a page.
 *
 * Names in it were chosen by the program that was looked at, and by files on
 * the disk.  In the page they stand in a script element that is data: '<', '>'
 * and '&' are written as JSON's own escapes, so nothing there begins or ends
 * an element.  The page's script shows them as text only.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "say.h"

/* How many bytes the character at @c has; 0: it is none. */
static size_t character(const unsigned char *c)
{
	size_t i, n;

	if (*c < 0x80)
		return 1;
	n = *c >= 0xf0 ? 4 : *c >= 0xe0 ? 3 : 2;
	if (*c < 0xc2 || *c > 0xf4)
		return 0;
	for (i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, half of a pair, beyond the last. */
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return n;
}

static void put_text(const char *text, bool page, FILE *file)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t n;

	for (; *c; c += n ? n : 1) {
		n = character(c);
		if (!n)
			fputc('?', file);
		else if (page && n == 1 && strchr("<>&", *c))
			fprintf(file, "\\u%04x", *c);
		else
			fwrite(c, 1, n, file);
	}
}

bool report_write(struct json_object *json, bool page, FILE *file)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text;

	flags |= page ? JSON_C_TO_STRING_PLAIN :
			JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	text = json_object_to_json_string_ext(json, flags);
	if (!text) {
		say("no memory for the report");
		return false;
	}
	put_text(text, page, file);
	fputc('\n', file);
	return true;
}

bool report_write_page(struct json_object *json, FILE *file)
{
	fwrite(report_page_head, 1, report_page_head_bytes, file);
	if (!report_write(json, true, file))
		return false;
	fwrite(report_page_tail, 1, report_page_tail_bytes, file);
	return true;
}
