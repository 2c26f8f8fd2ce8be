/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of tags, sites and steps: each once, by number, for ever.
 */
#ifndef TMEM_ANALYTICS_NAMES_H
#define TMEM_ANALYTICS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define TMEM_NAMES_MAX 4096u
#define TMEM_NAME_BYTES 128u /* with the zero at the end */

/* Room for the table.  0 or -ENOMEM; again: nothing. */
int tmem_names_open(void);

/*
 * The number of a name, from 1 on; 0 for NULL and "".  One that finds no room is
 * "(other)", which is the last.  The analytics lock is held.
 */
uint32_t tmem_names_get(const char *text);

/* As long as the process lives; "" for 0.  Needs no lock. */
const char *tmem_names_text(uint32_t name);

/* The highest number given out so far. */
uint32_t tmem_names_count(void);

size_t tmem_names_metadata(void);

#endif /* TMEM_ANALYTICS_NAMES_H */
