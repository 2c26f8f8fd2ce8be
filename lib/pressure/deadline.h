/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for a descriptor until a moment, however often one has to look.
 */
#ifndef TMEM_PRESSURE_DEADLINE_H
#define TMEM_PRESSURE_DEADLINE_H

#include <stdint.h>

/* CLOCK_MONOTONIC, milliseconds; negative: never. */
typedef int64_t tmem_deadline;

/* That many milliseconds from now; negative: never. */
tmem_deadline tmem_deadline_in(int timeout_ms);

/* Returns 1 (there is something to read), 0 (time is up), or -errno. */
int tmem_deadline_poll(int fd, tmem_deadline deadline);

#endif /* TMEM_PRESSURE_DEADLINE_H */
