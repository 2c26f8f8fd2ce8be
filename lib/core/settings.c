// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From struct tmem_config and the environment to settings.  A word that is
 * not understood is an error, not a default: whoever wrote it meant something.
 */
#define _GNU_SOURCE
#include "core/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tmem/arena.h>
#include <tmem/optimizer.h>
#include <tmem/pool.h>

#include "core/log.h"

/* Digits only: strtoul() alone would take " +3" too. */
static bool parse_node(const char **text, unsigned int *node)
{
	unsigned long n;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	n = strtoul(*text, &end, 10);
	if (n >= TMEM_NODES_MAX)
		return false;
	*text = end;
	*node = (unsigned int)n;
	return true;
}

/* "0,2-3" */
static bool parse_nodes(const char *text, uint64_t *nodes)
{
	unsigned int first, last;

	*nodes = 0;
	do {
		if (!parse_node(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_node(&text, &last) || last < first)
				return false;
		}
		for (; first <= last; first++)
			*nodes |= 1ULL << first;
	} while (*text == ',' && *++text);
	return !*text && text[-1] != ',';
}

bool tmem_numa_parse(const char *text, enum tmem_numa *numa, uint64_t *nodes)
{
	static const struct {
		const char *name;
		enum tmem_numa numa;
	} names[] = {
		{ "local", TMEM_NUMA_LOCAL },
		{ "bind", TMEM_NUMA_BIND },
		{ "preferred", TMEM_NUMA_PREFERRED },
		{ "interleave", TMEM_NUMA_INTERLEAVE },
	};
	size_t i, len = strcspn(text, ":");

	*nodes = 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len &&
		    !strncmp(names[i].name, text, len))
			break;
	if (i == sizeof(names) / sizeof(names[0]))
		return false;
	*numa = names[i].numa;
	if (text[len] && !parse_nodes(text + len + 1, nodes))
		return false;
	return tmem_numa_valid(*numa, *nodes);
}

bool tmem_numa_valid(enum tmem_numa numa, uint64_t nodes)
{
	switch (numa) {
	case TMEM_NUMA_LOCAL:
		return !nodes;
	case TMEM_NUMA_BIND:
	case TMEM_NUMA_PREFERRED:
		return nodes;
	case TMEM_NUMA_INTERLEAVE:
		return true;
	}
	return false;
}

bool tmem_bytes_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned long long n;
	unsigned int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (errno || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

static bool parse_strategy(const char *text, enum tmem_strategy *strategy)
{
	unsigned int i;
	const char *name;

	for (i = 0; (name = tmem_strategy_name((enum tmem_strategy)i)); i++) {
		if (strcmp(name, text))
			continue;
		*strategy = (enum tmem_strategy)i;
		return true;
	}
	return false;
}

static bool parse_fork(const char *text, enum tmem_fork *to)
{
	if (!strcmp(text, "readonly"))
		*to = TMEM_FORK_READONLY;
	else if (!strcmp(text, "none"))
		*to = TMEM_FORK_NONE;
	else
		return false;
	return true;
}

static bool parse_debug(const char *text, uint32_t *debug)
{
	if (strcmp(text, "guard"))
		return false;
	*debug = TMEM_DEBUG_GUARD;
	return true;
}

static bool parse_backend(const char *text, enum tmem_backend *backend)
{
	if (!strcmp(text, "auto"))
		*backend = TMEM_BACKEND_AUTO;
	else if (!strcmp(text, "dev"))
		*backend = TMEM_BACKEND_DEV;
	else if (!strcmp(text, "anon"))
		*backend = TMEM_BACKEND_ANON;
	else
		return false;
	return true;
}

static bool valid_backend(enum tmem_backend backend)
{
	return backend == TMEM_BACKEND_AUTO || backend == TMEM_BACKEND_DEV ||
	       backend == TMEM_BACKEND_ANON;
}

bool tmem_struct_get(void *to, size_t size, const void *from)
{
	size_t theirs;

	memcpy(&theirs, from, sizeof(theirs));
	if (theirs < sizeof(theirs) || theirs > 4096)
		return false;
	memset(to, 0, size);
	memcpy(to, from, theirs < size ? theirs : size);
	return true;
}

bool tmem_struct_put(void *to, const void *from, size_t size)
{
	size_t theirs;

	memcpy(&theirs, to, sizeof(theirs));
	if (theirs < sizeof(theirs) || theirs > 4096)
		return false;
	if (size > theirs)
		size = theirs;
	memcpy((char *)to + sizeof(theirs), (const char *)from + sizeof(theirs),
	       size - sizeof(theirs));
	return true;
}

static const char *env(const char *name)
{
	const char *text = secure_getenv(name);

	return text && *text ? text : NULL;
}

/* The rest of the environment, for fields that are 0. */
static int settings_env(struct tmem_config *c)
{
	const char *strategy = env("TMEM_STRATEGY"), *text = env("TMEM_FORK");
	const char *max = env("TMEM_MAX_BYTES"), *gc = env("TMEM_GC");

	if (!c->strategy && strategy &&
	    !parse_strategy(strategy, &c->strategy)) {
		tmem_log(
			TMEM_LOG_ERROR,
			"TMEM_STRATEGY=%s is not adaptive, first-fit, best-fit, size-class or numa-aware",
			strategy);
		return -EINVAL;
	}
	if (!c->fork && text && !parse_fork(text, &c->fork)) {
		tmem_log(TMEM_LOG_ERROR, "TMEM_FORK=%s is not readonly or none",
			 text);
		return -EINVAL;
	}
	if (gc && strcmp(gc, "on") && strcmp(gc, "off")) {
		tmem_log(TMEM_LOG_ERROR, "TMEM_GC=%s is not on or off", gc);
		return -EINVAL;
	}
	if (!c->gc_off && gc)
		c->gc_off = !strcmp(gc, "off");
	if (!c->max_bytes && max && !tmem_bytes_parse(max, &c->max_bytes)) {
		tmem_log(
			TMEM_LOG_ERROR,
			"TMEM_MAX_BYTES=%s is not a number of bytes, like 512M",
			max);
		return -EINVAL;
	}
	if (!tmem_strategy_name(c->strategy) ||
	    (c->fork != TMEM_FORK_READONLY && c->fork != TMEM_FORK_NONE)) {
		tmem_log(TMEM_LOG_ERROR,
			 "tmem_config: unknown strategy or fork choice");
		return -EINVAL;
	}
	if (c->max_bytes && c->max_bytes < TMEM_SPAN_BYTES) {
		tmem_log(TMEM_LOG_ERROR, "max_bytes is less than 2 MiB");
		return -EINVAL;
	}
	return 0;
}

static int settings_monitor(bool *on)
{
	const char *monitor = env("TMEM_MONITOR");

	*on = monitor && !strcmp(monitor, "on");
	if (!monitor || *on || !strcmp(monitor, "off"))
		return 0;
	tmem_log(TMEM_LOG_ERROR, "TMEM_MONITOR=%s is not on or off", monitor);
	return -EINVAL;
}

static int settings_optimizer(unsigned int *strategy)
{
	const char *text = env("TMEM_OPTIMIZER"), *name;
	unsigned int i;

	*strategy = 0;
	if (!text || !strcmp(text, "off"))
		return 0;
	for (i = 0; (name = tmem_optimizer_strategy_name(
			     (enum tmem_optimizer_strategy)i));
	     i++) {
		if (strcmp(name, text))
			continue;
		*strategy = i + 1;
		return 0;
	}
	tmem_log(
		TMEM_LOG_ERROR,
		"TMEM_OPTIMIZER=%s is not off, balanced, memory-first, speed-first or adaptive",
		text);
	return -EINVAL;
}

static int settings_debug(struct tmem_config *c)
{
	const char *debug = env("TMEM_DEBUG");

	if (!c->debug && debug && !parse_debug(debug, &c->debug)) {
		tmem_log(TMEM_LOG_ERROR, "TMEM_DEBUG=%s is not guard", debug);
		return -EINVAL;
	}
	if (c->debug & ~(uint32_t)TMEM_DEBUG_GUARD) {
		tmem_log(TMEM_LOG_ERROR, "tmem_config: unknown debug flags");
		return -EINVAL;
	}
	return 0;
}

static int settings_analytics(enum tmem_settings_analytics *analytics)
{
	static const char *const words[] = {
		[TMEM_SETTINGS_ANALYTICS_OFF] = "off",
		[TMEM_SETTINGS_ANALYTICS_ON] = "on",
		[TMEM_SETTINGS_ANALYTICS_ALL] = "all",
	};
	const char *text = env("TMEM_ANALYTICS");
	unsigned int i;

	*analytics = TMEM_SETTINGS_ANALYTICS_OFF;
	if (!text)
		return 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], text))
			continue;
		*analytics = (enum tmem_settings_analytics)i;
		return 0;
	}
	tmem_log(TMEM_LOG_ERROR, "TMEM_ANALYTICS=%s is not off, on or all",
		 text);
	return -EINVAL;
}

int tmem_settings_make(struct tmem_settings *settings,
		       const struct tmem_config *config)
{
	const char *backend = env("TMEM_BACKEND"), *numa = env("TMEM_NUMA");
	struct tmem_config c = TMEM_CONFIG_INIT;
	enum tmem_settings_analytics analytics;
	unsigned int optimizer;
	bool monitor;

	if (config && !tmem_struct_get(&c, sizeof(c), config)) {
		tmem_log(TMEM_LOG_ERROR, "tmem_config.struct_size is not set");
		return -EINVAL;
	}
	if (!c.backend && backend && !parse_backend(backend, &c.backend)) {
		tmem_log(TMEM_LOG_ERROR,
			 "TMEM_BACKEND=%s is not dev, anon or auto", backend);
		return -EINVAL;
	}
	if (!c.numa && !c.nodes && numa &&
	    !tmem_numa_parse(numa, &c.numa, &c.nodes)) {
		tmem_log(
			TMEM_LOG_ERROR,
			"TMEM_NUMA=%s is not local, interleave[:NODES], bind:NODES or preferred:NODES",
			numa);
		return -EINVAL;
	}
	if (!valid_backend(c.backend) || !tmem_numa_valid(c.numa, c.nodes)) {
		tmem_log(
			TMEM_LOG_ERROR,
			"tmem_config: unknown backend, or a node policy that does not go with its nodes");
		return -EINVAL;
	}
	if (settings_env(&c) || settings_debug(&c) ||
	    settings_analytics(&analytics) || settings_monitor(&monitor) ||
	    settings_optimizer(&optimizer))
		return -EINVAL;
	*settings = (struct tmem_settings){
		.backend = c.backend,
		.numa = c.numa,
		.nodes = c.nodes,
		.strategy = c.strategy,
		.fork = c.fork,
		.gc_off = c.gc_off,
		.monitor = monitor,
		.optimizer = optimizer,
		.debug = c.debug,
		.analytics = analytics,
		.max_bytes = c.max_bytes,
	};
	return 0;
}
