// SPDX-License-Identifier: GPL-2.0-only
/*
 * record - the snapshots of a program, kept in one file.
 *
 * Each replaces the one before when it is complete.  What cannot be replaced,
 * a pipe or a device, gets the last one only.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "peer.h"
#include "record.h"
#include "say.h"

static bool cannot_write(struct record *record, const char *name, int error)
{
	if (!record->failed)
		say("cannot write %s: %s", name, strerror(error));
	record->failed = true;
	return false;
}

bool record_open(struct record *record)
{
	const char *tmp = getenv("TMPDIR");
	struct stat file;
	char beside[PATH_MAX - 16];

	record->plain = lstat(record->file, &file) || S_ISREG(file.st_mode);
	if (record->plain)
		snprintf(beside, sizeof(beside), "%s", record->file);
	else
		snprintf(beside, sizeof(beside), "%s/tmem",
			 tmp && *tmp ? tmp : "/tmp");
	snprintf(record->folder, sizeof(record->folder), "%s.XXXXXX", beside);
	if (!mkdtemp(record->folder) ||
	    !realpath(record->folder, record->last)) {
		say("cannot write beside %s: %s", beside, strerror(errno));
		return false;
	}
	/* The library would put the process there. */
	if (strstr(record->last, "%p")) {
		rmdir(record->last);
		say("cannot write beside %s: %%p stands for a process", beside);
		return false;
	}
	/* The program may change its folder. */
	strcpy(record->folder, record->last);
	strcat(record->last, "/%p");
	return true;
}

/* Every file that the folder has. */
static void each_file(struct record *record,
		      void (*fn)(struct record *record, const char *path,
				 const char *name))
{
	DIR *folder = opendir(record->folder);
	char path[PATH_MAX + 300];
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", record->folder,
			 entry->d_name);
		fn(record, path, entry->d_name);
	}
	if (folder)
		closedir(folder);
}

static void remove_file(struct record *record, const char *path,
			const char *name)
{
	(void)record;
	(void)name;
	unlink(path);
}

void record_drop(struct record *record)
{
	each_file(record, remove_file);
	rmdir(record->folder);
}

/* --- while it runs ---------------------------------------------------------- */

static bool copy(FILE *from, FILE *to)
{
	char piece[65536];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), from)))
		if (fwrite(piece, n, 1, to) != 1)
			return false;
	return !ferror(from) && !fflush(to);
}

/* What is in @from, to that name; closes @from. */
static bool keep(struct record *record, FILE *from, const char *name)
{
	FILE *to = fopen(name, "we");
	bool done = to && copy(from, to);
	int error = errno;

	/* Some file systems say only now that they are full. */
	if (to && fclose(to) && done) {
		done = false;
		error = errno;
	}
	fclose(from);
	return done || cannot_write(record, record->file, error);
}

void record_ask(struct record *record)
{
	char beside[PATH_MAX + 8], why[320];
	FILE *answer;

	if (!record->plain ||
	    peer_try(record->pid, "snapshot", PEER_PATIENCE_MS, &answer, why,
		     sizeof(why)))
		return;
	snprintf(beside, sizeof(beside), "%s/.now", record->folder);
	if (!keep(record, answer, beside)) {
		unlink(beside);
		return;
	}
	if (rename(beside, record->file)) {
		cannot_write(record, record->file, errno);
		return;
	}
	record->asked_ns = clock_ns();
	record->failed = false;
}

static bool has_ended(const struct record *record)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)record->pid, &info,
		      WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

void record_interval(struct record *record, const char *interval)
{
	uint64_t end = clock_ns() + 2000000000;
	char request[64], why[320];
	FILE *answer;
	int err;

	snprintf(request, sizeof(request), "analytics interval %s", interval);
	while (clock_ns() < end && !has_ended(record)) {
		err = peer_try(record->pid, request, PEER_PATIENCE_MS, &answer,
			       why, sizeof(why));
		if (!err)
			fclose(answer);
		if (err != -ENOENT)
			return;
		usleep(2000);
	}
}

/* --- at its end ------------------------------------------------------------- */

/* Of a process that it started: beside, with its number. */
static void keep_other(struct record *record, const char *path,
		       const char *name)
{
	char other[PATH_MAX + 300];

	snprintf(other, sizeof(other), "%s.%s", record->file, name);
	if (!record->plain)
		say("the snapshot of process %s is not kept", name);
	else if (rename(path, other))
		cannot_write(record, other, errno);
	else
		say("process %s left a snapshot: %s", name, other);
	record->others++;
}

static void count_other(struct record *record, const char *path,
			const char *name)
{
	(void)path;
	record->others++;
	record->only = (pid_t)strtol(name, NULL, 10);
}

/*
 * Where a shell or the like started the one process that has something to
 * say, it is that one's.
 */
static pid_t whose(struct record *record)
{
	char path[PATH_MAX + 16];
	pid_t pid = record->pid;

	snprintf(path, sizeof(path), "%s/%d", record->folder, (int)pid);
	if (!access(path, F_OK))
		return pid;
	each_file(record, count_other);
	if (record->others == 1)
		pid = record->only;
	record->others = 0;
	return pid;
}

static bool keep_last(struct record *record)
{
	char path[PATH_MAX + 16];
	FILE *last;

	snprintf(path, sizeof(path), "%s/%d", record->folder,
		 (int)whose(record));
	if (record->plain)
		return !rename(path, record->file) ||
		       (errno != ENOENT &&
			cannot_write(record, record->file, errno));
	last = fopen(path, "re");
	if (!last)
		return false;
	unlink(path);
	return keep(record, last, record->file);
}

static void no_last(const struct record *record)
{
	if (record->asked_ns)
		say("the program left no snapshot at its end: %s is of %.1f s "
		    "before",
		    record->file,
		    (double)(clock_ns() - record->asked_ns) / 1e9);
	else
		say("no snapshot: the program was killed, or does not use "
		    "libtmem, or the disk is full");
}

bool record_close(struct record *record)
{
	bool kept = keep_last(record);

	each_file(record, keep_other);
	if (!kept && !record->failed && !record->others)
		no_last(record);
	record_drop(record);
	return kept || record->asked_ns || record->others;
}
