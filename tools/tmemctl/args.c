// SPDX-License-Identifier: GPL-2.0-only
/*
 * args - argp, with one line per mistake.
 *
 * By itself argp adds a "Try ..." line to each complaint; the tool promises
 * one line.  A parser whose error stream is NULL keeps silent and returns
 * EINVAL, and only the line of getopt() (or of args_wrong()) is left.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "say.h"

static error_t silence(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL;
		state->child_inputs[0] = state->input;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_with(const struct argp *argp, int argc, char **argv,
		       unsigned int flags, void *input)
{
	struct argp inner = *argp;
	const struct argp_child children[] = { { .argp = &inner }, { 0 } };
	const struct argp outer = {
		.parser = silence,
		.children = children,
		.args_doc = argp->args_doc,
		.doc = argp->doc,
	};

	/* The texts belong to the outer parser, or --help has them twice. */
	inner.args_doc = NULL;
	inner.doc = NULL;
	if (argp_parse(&outer, argc, argv, flags, NULL, input))
		exit(EXIT_WRONG_USAGE);
}

void args_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	parse_with(argp, argc, argv, 0, input);
}

void args_parse_program(const struct argp *argp, int argc, char **argv,
			void *input)
{
	parse_with(argp, argc, argv, ARGP_IN_ORDER, input);
}

void args_wrong(const struct argp_state *state, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	say("%s (see '%s --help')", what, state->name);
	exit(EXIT_WRONG_USAGE);
}

unsigned long args_count(const struct argp_state *state, const char *option,
			 const char *arg, unsigned long min, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(arg, &end, 10);
	if (!strchr("0123456789", arg[0]) || end == arg || *end || errno ||
	    value < min || value > max)
		args_wrong(state, "%s: '%s' is no number from %lu to %lu",
			   option, arg, min, max);
	return value;
}

static error_t parse_json(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	switch (key) {
	case 'j':
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		args_wrong(state, "'%s' is one word too many", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool args_json(int argc, char **argv, const char *doc)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
		{ 0 },
	};
	const struct argp argp = {
		.options = options,
		.parser = parse_json,
		.doc = doc,
	};
	bool json = false;

	args_parse(&argp, argc, argv, &json);
	return json;
}
