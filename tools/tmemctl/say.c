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

void say(const char *format, ...)
{
	char line[4096];
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "tmemctl: %s\n", line);
}
