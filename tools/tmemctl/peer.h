/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking a running program that uses the library. */
#ifndef TMEMCTL_PEER_H
#define TMEMCTL_PEER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define PEER_PATIENCE_MS 10000

/*
 * peer_ask() - put a request (Documentation/design/control.md) to a process.
 *
 * The answer is in *answer then, at its beginning, to be given to fclose();
 * all of it, or none.  Waits PEER_PATIENCE_MS for an answer to begin, and as long
 * for its end: the process may be stopped, or play with us.  Returns 0, or
 * -errno, and one line was said: -ESRCH (no such process, or it ended
 * meanwhile), -ENOENT (it does not listen), -EACCES (it is another user's),
 * -ENONET (of another network namespace), -EPROTO (another version),
 * -ETIMEDOUT, or the errno that it answered.
 */
int peer_ask(pid_t pid, const char *request, FILE **answer);

/* The same without a word, but into @why of @size bytes. */
int peer_try(pid_t pid, const char *request, unsigned int patience_ms,
	     FILE **answer, char *why, size_t size);

/*
 * peer_snapshot() - its snapshot, as it comes; with @records one element for
 * each live block, too.  NULL if it cannot be had: one line says why.
 */
FILE *peer_snapshot(pid_t pid, bool records);

#endif /* TMEMCTL_PEER_H */
