/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem.h - libtmem, all of it.  One header per part:
 */
#ifndef TMEM_H
#define TMEM_H

#include <tmem/version.h> /* what runs here */
#include <tmem/config.h> /* set-up and log */
#include <tmem/arena.h> /* spans of 2 MiB, placed and shared */
#include <tmem/pool.h> /* allocate and free */
#include <tmem/manager.h> /* the same, counted in elements */

#endif /* TMEM_H */
