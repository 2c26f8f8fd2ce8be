// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One arena per node rather than one for all: so a span's node is known from
 * its name, memory goes back to the node it came from, and a node's idle spans
 * are found without a search.
 *
 * Each arena is as large as its node's memory.  It takes addresses and a few
 * bytes of tables for a span, no memory.
 */
#define _GNU_SOURCE
#include "arena/supply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arena/backend.h"
#include "arena/topology.h"
#include "core/log.h"

/*
 * returned[] is a stack of spans that were used and given back; it has room
 * for all.  Spans from fresh on have never been used.
 */
struct supply_node {
	struct tmem_arena *arena;
	uint32_t fresh;
	uint32_t *returned;
	uint32_t returned_count;
};

static struct {
	struct supply_node node[TMEM_NODES_MAX];
	struct tmem_settings settings;
	bool must_populate;
	uint64_t nodes; /* that the policy may use */
	unsigned int turn; /* of TMEM_NUMA_INTERLEAVE */
} supply;

/* Anonymous memory can be swapped out: there can be more of it than RAM. */
static uint64_t supply_node_bytes(unsigned int node, enum tmem_backend backend)
{
	uint64_t bytes = tmem_topology_get()->bytes[node];

	if (backend == TMEM_BACKEND_ANON)
		bytes += tmem_os_swap_bytes();
	return bytes / TMEM_SPAN_BYTES * TMEM_SPAN_BYTES;
}

static int supply_node_open(unsigned int node, enum tmem_backend backend)
{
	struct supply_node *n = &supply.node[node];
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "pool-%u", node);
	config.size = supply_node_bytes(node, backend);
	config.backend = backend;
	config.numa = supply.settings.numa == TMEM_NUMA_BIND ?
			      TMEM_NUMA_BIND :
			      TMEM_NUMA_PREFERRED;
	config.nodes = 1ULL << node;
	config.name = name;
	err = tmem_arena_create(&config, &n->arena);
	if (err)
		return err;
	n->returned = tmem_os_table(tmem_arena_spans(n->arena) *
				    sizeof(*n->returned));
	return n->returned ? 0 : -ENOMEM;
}

static void supply_drop(void (*drop)(struct tmem_arena *arena))
{
	unsigned int i;

	for (i = 0; i < TMEM_NODES_MAX; i++) {
		struct supply_node *n = &supply.node[i];

		if (!n->arena)
			continue;
		tmem_os_table_free(n->returned, tmem_arena_spans(n->arena) *
							sizeof(*n->returned));
		drop(n->arena);
	}
	memset(&supply, 0, sizeof(supply));
}

void tmem_supply_close(void)
{
	supply_drop(tmem_arena_destroy);
}

void tmem_supply_abandon(void)
{
	supply_drop(tmem_arena_abandon);
}

static int supply_open_as(const struct tmem_settings *settings,
			  enum tmem_backend backend)
{
	const struct tmem_topology *topology = tmem_topology_get();
	unsigned int node;
	int err = 0;

	supply.settings = *settings;
	supply.nodes = settings->nodes ? settings->nodes : topology->nodes;
	supply.must_populate = backend == TMEM_BACKEND_DEV;
	for (node = 0; !err && node < TMEM_NODES_MAX; node++) {
		uint64_t used = settings->numa == TMEM_NUMA_BIND ?
					supply.nodes :
					topology->nodes;

		if (used & 1ULL << node)
			err = supply_node_open(node, backend);
	}
	if (err)
		tmem_supply_close();
	return err;
}

static const char *supply_why(int err)
{
	switch (err) {
	case -ENODEV:
		return "it is not there (module not loaded)";
	case -EACCES:
	case -EPERM:
		return "it may not be opened (its owner, its group or root may)";
	default:
		return strerrordesc_np(-err);
	}
}

int tmem_supply_open(const struct tmem_settings *settings)
{
	const struct tmem_topology *topology = tmem_topology_get();
	int err = 0;

	if (settings->nodes & ~topology->nodes) {
		tmem_log(
			TMEM_LOG_ERROR,
			"node policy: the machine has no memory on node %d that may be used",
			__builtin_ctzll(settings->nodes & ~topology->nodes));
		return -EINVAL;
	}
	if (settings->backend != TMEM_BACKEND_ANON) {
		err = tmem_backend_dev_probe();
		if (!err)
			err = supply_open_as(settings, TMEM_BACKEND_DEV);
		if (!err)
			return 0;
		/* -EPROTO was said already, by those who know both versions. */
		if (err != -EPROTO)
			tmem_log(settings->backend == TMEM_BACKEND_DEV ?
					 TMEM_LOG_ERROR :
					 TMEM_LOG_INFO,
				 "/dev/tmem cannot be used: %s",
				 supply_why(err));
		if (settings->backend == TMEM_BACKEND_DEV)
			return err;
	}
	return supply_open_as(settings, TMEM_BACKEND_ANON);
}

uint32_t tmem_supply_spans(void)
{
	uint32_t spans = 0;
	unsigned int i;

	for (i = 0; i < TMEM_NODES_MAX; i++)
		if (supply.node[i].arena)
			spans += tmem_arena_spans(supply.node[i].arena);
	return spans;
}

bool tmem_supply_must_populate(void)
{
	return supply.must_populate;
}

struct tmem_arena *tmem_supply_arena(tmem_span_id id)
{
	return supply.node[tmem_span_node(id)].arena;
}

struct tmem_arena *tmem_supply_node_arena(unsigned int node)
{
	return supply.node[node].arena;
}

bool tmem_supply_interleaves(void)
{
	return supply.settings.numa == TMEM_NUMA_INTERLEAVE;
}

unsigned int tmem_supply_wanted(void)
{
	unsigned int here = tmem_topology_here(), i, count;
	const uint8_t *order;

	if (supply.settings.numa == TMEM_NUMA_INTERLEAVE) {
		do
			supply.turn = (supply.turn + 1) % TMEM_NODES_MAX;
		while (!(supply.nodes & 1ULL << supply.turn));
		return supply.turn;
	}
	if (supply.settings.numa == TMEM_NUMA_LOCAL)
		return here;
	order = tmem_supply_order(here, &count);
	for (i = 0; i < count; i++)
		if (supply.nodes & 1ULL << order[i])
			return order[i];
	return here;
}

const uint8_t *tmem_supply_order(unsigned int node, unsigned int *count)
{
	const struct tmem_topology *topology = tmem_topology_get();

	*count = topology->count;
	return topology->order[node];
}

uint32_t tmem_supply_take(unsigned int node, uint32_t want, tmem_span_id *first)
{
	struct supply_node *n = &supply.node[node];
	uint32_t index, got = 0;

	if (!n->arena || !want)
		return 0;
	if (n->returned_count) {
		index = n->returned[--n->returned_count];
		for (got = 1; got < want && n->returned_count; got++)
			if (n->returned[n->returned_count - 1] == index + got)
				n->returned_count--;
			else
				break;
	} else {
		index = n->fresh;
		got = tmem_arena_spans(n->arena) - index;
		if (got > want)
			got = want;
		n->fresh += got;
	}
	*first = node << TMEM_SPAN_ID_SHIFT | index;
	return got;
}

void tmem_supply_give(tmem_span_id first, uint32_t count)
{
	struct supply_node *n = &supply.node[tmem_span_node(first)];

	/* Backwards, so that they come off the stack in a row. */
	while (count--)
		n->returned[n->returned_count++] =
			tmem_span_index(first) + count;
}

size_t tmem_supply_metadata(void)
{
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < TMEM_NODES_MAX; i++)
		if (supply.node[i].arena)
			bytes += supply.node[i].fresh *
				 (sizeof(uint32_t) * 2 + sizeof(char *));
	return bytes;
}
