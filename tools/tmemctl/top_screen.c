// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_screen - the only file that knows of ncurses.
 */
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"
#include "top_screen.h"

#define KEYS "q quit   s order of sites   space now"

static SCREEN *screen;

bool top_screen_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		say("this is no terminal: --batch prints lines");
		return false;
	}
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		say("a terminal of type '%s' is not known: --batch prints "
		    "lines",
		    term ? term : "");
		return false;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	return true;
}

void top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

unsigned int top_screen_rows(void)
{
	return LINES > 2 ? (unsigned int)LINES - 1 : 1;
}

static chtype look_of(enum top_look look)
{
	return look == TOP_HEADING ? A_BOLD :
	       look == TOP_WARNING ? A_REVERSE :
				     A_NORMAL;
}

void top_screen_show(const struct top_text *text, const char *note)
{
	unsigned int i, rows = top_screen_rows();

	erase();
	for (i = 0; i < text->used && i < rows; i++) {
		attrset((int)look_of(text->line[i].look));
		mvaddnstr((int)i, 0, text->line[i].text, COLS);
	}
	attrset(A_BOLD);
	mvaddnstr(LINES - 1, 0, note && *note ? note : KEYS, COLS - 1);
	attrset(A_NORMAL);
	refresh();
}

enum top_key top_screen_wait(int ms)
{
	timeout(ms);
	switch (getch()) {
	case 'q':
	case 'Q':
		return TOP_KEY_QUIT;
	case 's':
		return TOP_KEY_ORDER;
	case ' ':
	case KEY_RESIZE:
		return TOP_KEY_AGAIN;
	default:
		return TOP_KEY_NONE;
	}
}
