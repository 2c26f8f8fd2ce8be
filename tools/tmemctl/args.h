/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines: argp, with one line per mistake. */
#ifndef TMEMCTL_ARGS_H
#define TMEMCTL_ARGS_H

#include <argp.h>
#include <stdbool.h>

/*
 * args_parse() - argp_parse() with one line per mistake.  Returns if all is
 * well; otherwise the program ends with EXIT_WRONG_USAGE.
 */
void args_parse(const struct argp *argp, int argc, char **argv, void *input);

/*
 * args_parse_program() - the same for a command that runs another: the first
 * word that is no option, and all that follow, are its own.
 */
void args_parse_program(const struct argp *argp, int argc, char **argv,
			void *input);

/*
 * args_wrong() - say what is wrong and end the program with EXIT_WRONG_USAGE.
 * For use in an argp parser.
 */
__attribute__((noreturn, format(printf, 2, 3))) void
args_wrong(const struct argp_state *state, const char *format, ...);

/* args_count() - @arg as a whole number from @min to @max, or args_wrong(). */
unsigned long args_count(const struct argp_state *state, const char *option,
			 const char *arg, unsigned long min, unsigned long max);

/* args_json() - for the commands whose only option is --json. */
bool args_json(int argc, char **argv, const char *doc);

#endif /* TMEMCTL_ARGS_H */
