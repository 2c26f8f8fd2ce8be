/* SPDX-License-Identifier: GPL-2.0-only */
/* The snapshots of a program that tmemctl record runs. */
#ifndef TMEMCTL_RECORD_H
#define TMEMCTL_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * struct record - from record_open() to record_close() or record_drop()
 * @file:   where the snapshot shall be
 * @plain:  that is a plain file, or none yet: it is replaced as a whole
 * @folder: of our own; the library leaves its last snapshots there
 * @last:   how these are called, for TMEM_SNAPSHOT
 * @asked_ns: when @file was written; 0: not yet
 * @others: processes that it started, which left snapshots; the last is @only
 * @failed: it could not be written, and that was said
 */
struct record {
	const char *file;
	pid_t pid;
	bool plain;
	bool failed;
	uint64_t asked_ns;
	unsigned int others;
	pid_t only;
	char folder[PATH_MAX];
	char last[PATH_MAX + 8];
};

/* record_open() - false if nothing can be kept there, and it was said. */
bool record_open(struct record *record);
void record_drop(struct record *record);

/* record_ask() - the program for a snapshot, and keep it. */
void record_ask(struct record *record);

/* record_interval() - as soon as it answers, or has ended; for 2 s. */
void record_interval(struct record *record, const char *interval);

/*
 * record_close() - it has ended: keep what it left.  True if there is a
 * snapshot in @file; it was said if that is not the last one.
 */
bool record_close(struct record *record);

#endif /* TMEMCTL_RECORD_H */
