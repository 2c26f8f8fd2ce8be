// SPDX-License-Identifier: GPL-2.0-only
/*
 * source - where a command's snapshot comes from: a file that somebody kept,
 * or a program that runs.
 *
 * It names files that are opened and taken apart.  Somebody else's snapshot
 * must not choose them for root.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "peer.h"
#include "source.h"

static void check(const struct source *source, struct argp_state *state)
{
	if (!source->pid && !source->file)
		args_wrong(state, "which snapshot? a file, or --pid");
	if (source->pid && source->file)
		args_wrong(state, "either a file or --pid, not both");
}

error_t source_parse(struct source *source, int key, char *arg,
		     struct argp_state *state)
{
	switch (key) {
	case 'n':
		source->no_symbols = true;
		return 0;
	case 'p':
		source->pid =
			(pid_t)args_count(state, "--pid", arg, 1, INT_MAX);
		return 0;
	case 'S':
		source->symbols = true;
		return 0;
	case ARGP_KEY_ARG:
		if (source->file)
			args_wrong(state, "'%s' is one word too many", arg);
		source->file = arg;
		return 0;
	case ARGP_KEY_END:
		check(source, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct snap *source_load(const struct source *source)
{
	char name[32];
	FILE *file;

	if (source->file)
		return snap_open(source->file);
	file = peer_snapshot(source->pid, source->records);
	if (!file)
		return NULL;
	snprintf(name, sizeof(name), "process %d", (int)source->pid);
	return snap_load(file, name);
}

/* Root's are everybody's. */
static bool is_own(const struct source *source)
{
	char path[32];
	struct stat st;
	int error;

	snprintf(path, sizeof(path), "/proc/%d", (int)source->pid);
	if (!source->file)
		error = stat(path, &st);
	else if (!strcmp(source->file, "-"))
		error = fstat(STDIN_FILENO, &st);
	else
		error = stat(source->file, &st);
	return !error && (st.st_uid == geteuid() || !st.st_uid);
}

struct symbols *source_symbols(const struct source *source,
			       const struct snap *snap)
{
	struct symbols *symbols = symbols_open(snap, !source->no_symbols);

	if (symbols && !source->no_symbols && !source->symbols &&
	    !is_own(source))
		symbols_withhold(symbols, "the snapshot is another user's "
					  "(--symbols)");
	return symbols;
}
