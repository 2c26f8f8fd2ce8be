// SPDX-License-Identifier: GPL-2.0-only
/*
 * say - how the tool complains.
 *
 * Scripts and tests rely on one line per complaint, so file names and pieces
 * of damaged input are made printable here, in one place.
 */
#include <stdarg.h>
#include <stdio.h>

#include "say.h"

void say_printable(char *text)
{
	unsigned char *c;

	for (c = (unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		/* U+0080 to U+009F are controls, too. */
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

void say(const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	say_printable(line);
	fprintf(stderr, "tmemctl: %s\n", line);
}
