// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * When there is a control socket: what the environment says, and what a fork
 * changes.
 */
#define _GNU_SOURCE
#include "control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tmem/analytics.h>

#include "control/last.h"
#include "control/server.h"
#include "core/log.h"

atomic_bool tmem_control_due;

/* What TMEM_CONTROL says; from the set-up on it does not change. */
static enum { WORD_NONE, WORD_ON, WORD_OFF } control_word;

static int word_read(void)
{
	const char *text = secure_getenv("TMEM_CONTROL");

	if (!text || !*text) {
		control_word = WORD_NONE;
	} else if (!strcmp(text, "on")) {
		control_word = WORD_ON;
	} else if (!strcmp(text, "off")) {
		control_word = WORD_OFF;
	} else {
		tmem_log(TMEM_LOG_ERROR, "TMEM_CONTROL=%s is not on or off",
			 text);
		return -EINVAL;
	}
	return 0;
}

int tmem_control_open(void)
{
	int err = word_read();

	if (!err)
		err = tmem_last_open();
	if (!err)
		atomic_store(&tmem_control_due, control_word != WORD_OFF);
	return err;
}

static bool control_wanted(void)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	return control_word == WORD_ON || (!tmem_analytics_get(&config) &&
					   config.mode != TMEM_ANALYTICS_OFF);
}

void tmem_control_poll_slow(void)
{
	int saved = errno, err;

	if (atomic_exchange(&tmem_control_due, false) && control_wanted()) {
		err = tmem_control_start();
		if (err)
			tmem_log(TMEM_LOG_WARN, "no control socket: %s",
				 strerrordesc_np(-err));
	}
	errno = saved;
}

int tmem_control_name(char *name, size_t size)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err = -ENOTCONN;

	pthread_mutex_lock(&s->worker.lock);
	if (s->worker.life == TMEM_WORKER_RUNNING)
		err = strlen(s->name) < size ? 0 : -ENOSPC;
	if (!err)
		strcpy(name, s->name);
	pthread_mutex_unlock(&s->worker.lock);
	return err;
}

static void control_fork_prepare(void)
{
	tmem_worker_fork_prepare(&tmem_control_server.worker);
}

static void control_fork_parent(void)
{
	tmem_worker_fork_parent(&tmem_control_server.worker);
}

/* The socket and its clients are the parent's. */
static void control_fork_child(void)
{
	tmem_control_thread_forget();
	atomic_store(&tmem_control_due, false);
	tmem_worker_fork_child(&tmem_control_server.worker);
}

/*
 * Before the heap's constructor, as the collector: so that at a fork its locks
 * are taken first, as everywhere.
 */
__attribute__((constructor(1000))) static void control_prepare(void)
{
	pthread_atfork(control_fork_prepare, control_fork_parent,
		       control_fork_child);
}
