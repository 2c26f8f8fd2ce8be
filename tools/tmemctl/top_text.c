// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_text - what tmemctl top shows, apart from where.
 *
 * Names of sites and programs come from anybody, so nothing that a terminal
 * would obey leaves here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "top_text.h"

void top_text_clear(struct top_text *text)
{
	text->used = 0;
}

void top_text_add(struct top_text *text, enum top_look look, const char *format,
		  ...)
{
	va_list args;
	char *c;

	if (text->used == TOP_LINES)
		return;
	c = text->line[text->used].text;
	text->line[text->used++].look = look;
	va_start(args, format);
	vsnprintf(c, TOP_WIDTH, format, args);
	va_end(args);
	for (; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* No blanks at the end of a line. */
static int length(const char *line)
{
	size_t n = strlen(line);

	while (n && line[n - 1] == ' ')
		n--;
	return (int)n;
}

bool top_text_print(const struct top_text *text)
{
	unsigned int i;

	for (i = 0; i < text->used; i++)
		printf("%.*s\n", length(text->line[i].text),
		       text->line[i].text);
	return !fflush(stdout) && !ferror(stdout);
}
