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

int tmem_settings_make(struct tmem_settings *settings,
		       const struct tmem_config *config)
{
	const char *backend = env("TMEM_BACKEND"), *numa = env("TMEM_NUMA");
	struct tmem_config c = TMEM_CONFIG_INIT;

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
	*settings = (struct tmem_settings){
		.backend = c.backend,
		.numa = c.numa,
		.nodes = c.nodes,
	};
	return 0;
}
