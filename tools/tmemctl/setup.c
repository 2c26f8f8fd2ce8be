// SPDX-License-Identifier: GPL-2.0-only
/*
 * setup - the library, set up as the command line asks.
 *
 * An option beats the environment, the environment beats the default; and
 * what tmem_init() answers with an error number becomes a line that says
 * what to do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "nodes.h"
#include "say.h"
#include "setup.h"
#include "units.h"

#define KEPT_MAX 8

/* The library's messages; @lock protects everything.  Lives for ever. */
static struct {
	pthread_mutex_t lock;
	unsigned int count;
	char lines[KEPT_MAX][256];
	char last[256];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void keep(void *ctx, enum tmem_log_level level, const char *line)
{
	(void)ctx;
	if (level > TMEM_LOG_WARN)
		return;
	pthread_mutex_lock(&kept.lock);
	snprintf(kept.last, sizeof(kept.last), "%s", line);
	if (kept.count < KEPT_MAX)
		snprintf(kept.lines[kept.count], sizeof(kept.lines[0]), "%s",
			 line);
	kept.count++;
	pthread_mutex_unlock(&kept.lock);
}

void setup_listen(void)
{
	tmem_set_log(keep, NULL);
}

const char *setup_last_word(void)
{
	return kept.last;
}

void setup_warnings(void)
{
	unsigned int i;

	for (i = 0; i < kept.count && i < KEPT_MAX; i++)
		say("libtmem: %s", kept.lines[i]);
	if (kept.count > KEPT_MAX)
		say("libtmem: and %u more messages", kept.count - KEPT_MAX);
}

bool setup_backend(struct setup *setup, const char *word)
{
	static const char *const words[] = {
		[TMEM_BACKEND_AUTO] = "auto",
		[TMEM_BACKEND_DEV] = "dev",
		[TMEM_BACKEND_ANON] = "anon",
	};
	unsigned int i;

	setup->peer = !strcmp(word, "malloc");
	if (setup->peer)
		return true;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], word))
			continue;
		setup->config.backend = i;
		/* "auto" is the field's 0, which the environment may fill. */
		unsetenv("TMEM_BACKEND");
		return true;
	}
	return false;
}

static bool policy_kind(const char *word, size_t length, enum tmem_numa *numa)
{
	static const char *const words[] = {
		[TMEM_NUMA_LOCAL] = "local",
		[TMEM_NUMA_BIND] = "bind",
		[TMEM_NUMA_PREFERRED] = "preferred",
		[TMEM_NUMA_INTERLEAVE] = "interleave",
	};
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == length &&
		    !memcmp(words[i], word, length)) {
			*numa = i;
			return true;
		}
	}
	return false;
}

bool setup_numa(struct setup *setup, const char *word)
{
	const char *colon = strchrnul(word, ':');
	enum tmem_numa numa;
	uint64_t nodes = 0;

	if (!policy_kind(word, (size_t)(colon - word), &numa))
		return false;
	if (*colon ? !nodes_parse(colon + 1, &nodes) :
		     numa == TMEM_NUMA_BIND || numa == TMEM_NUMA_PREFERRED)
		return false;
	if (*colon && numa == TMEM_NUMA_LOCAL)
		return false;
	setup->config.numa = numa;
	setup->config.nodes = nodes;
	setup->policy = word;
	unsetenv("TMEM_NUMA");
	return true;
}

bool setup_strategy(struct setup *setup, const char *word)
{
	const char *name;
	unsigned int i;

	for (i = 0; (name = tmem_strategy_name((enum tmem_strategy)i)); i++) {
		if (strcmp(name, word))
			continue;
		setup->config.strategy = (enum tmem_strategy)i;
		setup->strategy = name;
		/* "adaptive" is 0, as "auto" above. */
		unsetenv("TMEM_STRATEGY");
		return true;
	}
	return false;
}

bool setup_max_bytes(struct setup *setup, const char *word)
{
	uint64_t bytes;

	if (!units_parse(word, &bytes) || (bytes && bytes < TMEM_SPAN_BYTES))
		return false;
	setup->config.max_bytes = bytes;
	unsetenv("TMEM_MAX_BYTES");
	return true;
}

static void explain_invalid(const struct setup *setup)
{
	uint64_t here = nodes_allowed();
	uint64_t strange = setup->config.nodes & ~here;
	char list[256];

	if (strange) {
		nodes_format(here, list, sizeof(list));
		say("node %d does not exist, or may not be used; nodes here: %s",
		    __builtin_ctzll(strange), list);
	} else if (kept.last[0]) {
		say("libtmem refuses the settings: %s", kept.last);
	} else {
		say("libtmem refuses the settings; look at the options and "
		    "at the variables TMEM_*");
	}
}

static void explain_device(int error)
{
	struct device device;

	device_query(&device);
	if (!device.usable)
		say("%s", device.reason);
	else
		say("/dev/tmem cannot be used: %s", strerror(-error));
}

static void explain(const struct setup *setup, int error)
{
	switch (error) {
	case -EINVAL:
		explain_invalid(setup);
		break;
	case -ENODEV:
	case -EACCES:
	case -EPROTO:
		explain_device(error);
		break;
	default:
		say("libtmem cannot be set up: %s%s%s", strerror(-error),
		    kept.last[0] ? ": " : "", kept.last);
	}
}

int setup_library(struct setup *setup)
{
	const char *numa = getenv("TMEM_NUMA");
	const char *strategy = getenv("TMEM_STRATEGY");
	int error;

	if (setup->peer)
		return 0;
	if (numa && *numa)
		setup->policy = numa;
	if (strategy && *strategy)
		setup->strategy = strategy;
	setup_listen();
	error = tmem_init(&setup->config);
	if (error)
		explain(setup, error);
	return error ? -1 : 0;
}
