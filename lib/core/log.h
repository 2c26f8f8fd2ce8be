/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library has to say goes to the caller's callback, or nowhere.
 */
#ifndef TMEM_CORE_LOG_H
#define TMEM_CORE_LOG_H

#include <tmem/config.h>

/* One line, no newline, cut at 255 characters.  Does not allocate. */
__attribute__((format(printf, 2, 3))) void tmem_log(enum tmem_log_level level,
						    const char *fmt, ...);

#endif /* TMEM_CORE_LOG_H */
