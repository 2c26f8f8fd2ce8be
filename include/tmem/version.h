/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/version.h - which libtmem a program was built with, and runs with.
 */
#ifndef TMEM_VERSION_H
#define TMEM_VERSION_H

#define TMEM_VERSION_MAJOR 0
#define TMEM_VERSION_MINOR 1
#define TMEM_VERSION_PATCH 0
#define TMEM_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * tmem_version() - the version of the library that is running, for example
 * "0.1.0".  A constant; thread-safe.  Compare with TMEM_VERSION, the version
 * the program was built with.
 */
const char *tmem_version(void);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_VERSION_H */
