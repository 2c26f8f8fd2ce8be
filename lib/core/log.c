// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The library's one voice.  It never prints by itself: a program's output is
 * the program's.
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic(tmem_log_fn) log_fn;
static _Atomic(void *) log_ctx;

void tmem_set_log(tmem_log_fn fn, void *ctx)
{
	atomic_store(&log_ctx, ctx);
	atomic_store(&log_fn, fn);
}

void tmem_log(enum tmem_log_level level, const char *fmt, ...)
{
	tmem_log_fn fn = atomic_load(&log_fn);
	char line[256], *p;
	va_list args;

	if (!fn)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* Words of the environment may hold anything; a line is a line. */
	for (p = line; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
	fn(atomic_load(&log_ctx), level, line);
}
