/* SPDX-License-Identifier: GPL-2.0-only */
/* How the tool complains, and its exit statuses. */
#ifndef TMEMCTL_SAY_H
#define TMEMCTL_SAY_H

/* Exit statuses of every sub-command. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG_USAGE = 64, /* EX_USAGE */
	EXIT_GONE = 69, /* EX_UNAVAILABLE: the module was removed meanwhile */
};

/* say_printable() - what a terminal would obey becomes '?'; UTF-8 stays. */
void say_printable(char *text);

/*
 * say() - one line on stderr, "tmemctl: ..." and a newline.  Whatever is in
 * the arguments (file names, damaged input), it stays one line.
 */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

#endif /* TMEMCTL_SAY_H */
