/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a command's snapshot comes from, and whether its names are trusted. */
#ifndef TMEMCTL_SOURCE_H
#define TMEMCTL_SOURCE_H

#include <argp.h>
#include <sys/types.h>

#include "snap.h"
#include "symbol.h"

/*
 * struct source - what the command line says
 * @file:       "-" is standard input; NULL: none
 * @pid:        of a running program, or 0
 * @records:    ask it for each live block
 * @symbols:    open the files that are named, whoever named them
 * @no_symbols: open none
 */
struct source {
	const char *file;
	pid_t pid;
	bool records;
	bool symbols;
	bool no_symbols;
};

/* The options, for the commands' lists. */
#define SOURCE_PID                                                  \
	{                                                           \
		"pid", 'p', "PID", 0, "Ask this running program", 0 \
	}
#define SOURCE_NONE                                                \
	{                                                          \
		"no-symbols", 'n', NULL, 0, "Open no libraries", 0 \
	}
#define SOURCE_ALL                                                        \
	{                                                                 \
		"symbols", 'S', NULL, 0,                                  \
			"Open what another user's snapshot names, too", 0 \
	}

/* source_parse() - what the commands' parsers do not know themselves. */
error_t source_parse(struct source *source, int key, char *arg,
		     struct argp_state *state);

/* source_load() - NULL if it cannot be had, or is not sound; said. */
struct snap *source_load(const struct source *source);

/*
 * source_symbols() - symbols_open(), with names unless they are not wanted, or
 * the snapshot is another user's; the reports say so then.
 */
struct symbols *source_symbols(const struct source *source,
			       const struct snap *snap);

#endif /* TMEMCTL_SOURCE_H */
