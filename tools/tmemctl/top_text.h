/* SPDX-License-Identifier: GPL-2.0-only */
/* A screenful of lines, for a terminal or for a file. */
#ifndef TMEMCTL_TOP_TEXT_H
#define TMEMCTL_TOP_TEXT_H

#include <stdbool.h>

#define TOP_LINES 120
#define TOP_WIDTH 160

/* How a line looks on a terminal. */
enum top_look {
	TOP_PLAIN,
	TOP_HEADING,
	TOP_WARNING,
};

/* struct top_text - lines of printable characters */
struct top_text {
	unsigned int used;
	struct {
		enum top_look look;
		char text[TOP_WIDTH];
	} line[TOP_LINES];
};

void top_text_clear(struct top_text *text);

/*
 * top_text_add() - one more line; lines that there is no room for are left
 * out.  Whatever is in the arguments, it stays one line.
 */
__attribute__((format(printf, 3, 4))) void top_text_add(struct top_text *text,
							enum top_look look,
							const char *format,
							...);

/* top_text_print() - on standard output; false if that cannot be written. */
bool top_text_print(const struct top_text *text);

#endif /* TMEMCTL_TOP_TEXT_H */
