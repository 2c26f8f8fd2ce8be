/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads that replay a trace of several threads. */
#ifndef TMEMCTL_CREW_H
#define TMEMCTL_CREW_H

#include "replay_state.h"

/*
 * crew_create() - one thread per thread of the trace, waiting.  NULL with
 * errno.  The replay's crew, to be given to crew_destroy().
 */
struct crew *crew_create(struct replay *replay);
void crew_destroy(struct crew *crew);

/*
 * crew_replay() - replay the whole trace.  *from and *to are set to the
 * moments at which it began and ended.
 */
void crew_replay(struct crew *crew, struct cost *from, struct cost *to);

/* crew_drop() - each thread frees what it allocated and is still alive. */
void crew_drop(struct crew *crew);

#endif /* TMEMCTL_CREW_H */
