/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal, while tmemctl top has it. */
#ifndef TMEMCTL_TOP_SCREEN_H
#define TMEMCTL_TOP_SCREEN_H

#include <stdbool.h>

#include "top_text.h"

/* What the user wants. */
enum top_key {
	TOP_KEY_NONE, /* time is up */
	TOP_KEY_QUIT,
	TOP_KEY_ORDER, /* sites by something else */
	TOP_KEY_AGAIN, /* another size of the window, or the space bar */
};

/* top_screen_open() - false if there is no terminal for it; said. */
bool top_screen_open(void);
void top_screen_close(void);

/* top_screen_rows() - lines that there are for text. */
unsigned int top_screen_rows(void);

/* top_screen_show() - @text, and in the last line @note or what keys do. */
void top_screen_show(const struct top_text *text, const char *note);

/* top_screen_wait() - for a key, for so many ms. */
enum top_key top_screen_wait(int ms);

#endif /* TMEMCTL_TOP_SCREEN_H */
