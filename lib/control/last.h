/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last snapshot, of a program that ends: TMEM_SNAPSHOT names a file.
 */
#ifndef TMEM_CONTROL_LAST_H
#define TMEM_CONTROL_LAST_H

#include <stdatomic.h>
#include <stdint.h>

/* What is waited for at exit(); tests have less. */
extern _Atomic(uint32_t) tmem_last_patience_ms;

/* When the library is set up: reads TMEM_SNAPSHOT.  0 or -EINVAL. */
int tmem_last_open(void);

#endif /* TMEM_CONTROL_LAST_H */
