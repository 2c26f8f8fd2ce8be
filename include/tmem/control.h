/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/control.h - questions from outside, while the program runs.
 *
 * A process that has the library set up can be asked for its figures by
 * tmemctl(8) and others, through a socket: a thread ("tmem-ctl") sleeps until
 * somebody of the same user, or root, connects.  It is there if TMEM_CONTROL
 * is "on", or is not set and analytics was on when the library was set up; or
 * when a program asks for it here.  Documentation/design/control.md has the
 * protocol.  With TMEM_SNAPSHOT=FILE a program leaves a snapshot (tmem/analytics.h)
 * when it ends; %p in the name is its process.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.
 */
#ifndef TMEM_CONTROL_H
#define TMEM_CONTROL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_CONTROL_NAME_MAX 32 /* bytes of a name, with its end */

/*
 * tmem_control_start() - answer from now on, whatever TMEM_CONTROL says.
 *
 * Idempotent.  The child of a fork() answers to nobody until it calls this;
 * its name is its own then.
 * Returns 0, or what socket(2), bind(2), listen(2) or pthread_create(3) says;
 * -EADDRINUSE: others have taken all names for this process.
 */
int tmem_control_start(void);

/*
 * tmem_control_stop() - answer no more.  When it returns the thread has ended,
 * and who was being answered is cut off.  Takes up to 50 ms, or as long as
 * what is being put together at the moment.
 */
void tmem_control_stop(void);

/*
 * tmem_control_name() - the socket's name, in the abstract namespace of
 * unix(7) and without its leading zero byte: "tmem/1234".
 * @name:  where it goes
 * @size:  bytes there; TMEM_CONTROL_NAME_MAX are enough
 *
 * Returns 0, or -ENOTCONN (nobody listens), -ENOSPC (@size).
 */
int tmem_control_name(char *name, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_CONTROL_H */
