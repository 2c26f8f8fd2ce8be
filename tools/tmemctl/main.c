// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl - the command line of tmem.
 *
 * This file only finds the sub-command; each lives in its own cmd_*.c.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "say.h"

struct command {
	const char *name;
	const char *title; /* argv[0] for it */
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "replay", "tmemctl replay",
	  "replay a trace of tensor allocations through libtmem", cmd_replay },
	{ "status", "tmemctl status",
	  "show the module, the pressure, the nodes and the backend in use",
	  cmd_status },
	{ "arenas", "tmemctl arenas", "list the arenas and what they hold",
	  cmd_arenas },
	{ "watch", "tmemctl watch", "print each change of the memory pressure",
	  cmd_watch },
	{ "pool", "tmemctl pool", "show and size the pools of zeroed spans",
	  cmd_pool },
	{ "snapshot", "tmemctl snapshot",
	  "take or read a snapshot, write it for this or other tools",
	  cmd_snapshot },
	{ "leaks", "tmemctl leaks", "name the call sites that leak",
	  cmd_leaks },
	{ "hotspots", "tmemctl hotspots",
	  "show the call sites that allocate or hold the most", cmd_hotspots },
	{ "report", "tmemctl report",
	  "report on a program's memory: health, advice, pictures",
	  cmd_report },
	{ "diff", "tmemctl diff", "compare two snapshots, site by site",
	  cmd_diff },
	{ "doctor", "tmemctl doctor",
	  "check what this host offers, and what is missing", cmd_doctor },
	{ "top", "tmemctl top", "show what a running program's memory does",
	  cmd_top },
	{ "record", "tmemctl record",
	  "run a program and keep a snapshot of its memory", cmd_record },
	{ "version", "tmemctl version",
	  "show the versions of tool, library and module", cmd_version },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	size_t i;

	puts("Usage: tmemctl COMMAND [OPTION...] [ARG]\n");
	for (i = 0; i < N_COMMANDS; i++)
		printf("  %-10s%s\n", commands[i].name, commands[i].summary);
	printf("  %-10s%s\n", "help", "show this, or the help of one command");
	puts("\n'tmemctl COMMAND --help' lists the options.  "
	     "Manual: tmemctl(8).");
}

static int run(const struct command *command, int argc, char **argv)
{
	argv[0] = (char *)command->title;
	return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
	const struct command *command;
	char *args[] = { NULL, "--help", NULL };

	if (argc < 3) {
		print_help();
		return EXIT_OK;
	}
	command = find(argv[2]);
	if (!command || argc > 3) {
		say("no command '%s'; 'tmemctl help' lists them",
		    argv[command ? 3 : 2]);
		return EXIT_WRONG_USAGE;
	}
	return run(command, 2, args);
}

static int is_one_of(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

int main(int argc, char **argv)
{
	const struct command *command;
	int status;

	if (argc < 2) {
		say("which command? 'tmemctl help' lists them");
		return EXIT_WRONG_USAGE;
	}
	command = find(argv[1]);
	if (command)
		status = run(command, argc - 1, argv + 1);
	else if (is_one_of(argv[1], "-V", "--version"))
		status = run(find("version"), argc - 1, argv + 1);
	else if (is_one_of(argv[1], "-h", "--help") || !strcmp(argv[1], "help"))
		status = help(argc, argv);
	else {
		say("no command '%s'; 'tmemctl help' lists them", argv[1]);
		return EXIT_WRONG_USAGE;
	}
	if (fflush(stdout) || ferror(stdout)) {
		say("cannot write to standard output");
		return EXIT_FAILED;
	}
	return status;
}
