// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl pool - the pools of zeroed spans: how full they are, and how large
 * they are to be.
 *
 * The module decides what sizes are right and answers EINVAL to all others.
 * The same rules stand here only to say which one is broken, and to change no
 * node if one of several cannot be changed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "link.h"
#include "pools.h"
#include "say.h"
#include "setup.h"
#include "table.h"
#include "units.h"

#define ALL_NODES UINT32_MAX

/*
 * struct wishes - the command line
 * @low, @target: bytes, or TMEM_POOL_KEEP
 * @node_given:   --node was there
 */
struct wishes {
	bool json;
	bool set;
	bool node_given;
	uint32_t node;
	uint64_t low;
	uint64_t target;
};

/* --- rules ---------------------------------------------------------------- */

/* Says which rule the wishes break on that node.  True if none. */
static bool fits(const struct wishes *wishes, const struct tmem_node_info *info)
{
	bool keep_low = wishes->low == TMEM_POOL_KEEP;
	bool keep_target = wishes->target == TMEM_POOL_KEEP;
	uint64_t low = keep_low ? info->pool_low : wishes->low;
	uint64_t target = keep_target ? info->pool_target : wishes->target;

	if (!keep_target && target > info->total / 2)
		say("node %u: a target of %s is above half of the node's "
		    "memory (%s)",
		    info->node, units_bytes(target).text,
		    units_bytes(info->total).text);
	else if (low > target)
		say("node %u: low (%s%s) is above the target (%s%s)",
		    info->node, units_bytes(low).text,
		    keep_low ? ", as it is" : "", units_bytes(target).text,
		    keep_target ? ", as it is" : "");
	else
		return true;
	return false;
}

static bool is_meant(const struct wishes *wishes, uint32_t node)
{
	return wishes->node == ALL_NODES || wishes->node == node;
}

static bool check(const struct wishes *wishes, const struct pools *pools)
{
	const struct tmem_node_info *info = pools->list.data;
	size_t i;

	if (wishes->node != ALL_NODES && !pools_find(pools, wishes->node)) {
		say("node %u does not exist, or has no memory", wishes->node);
		return false;
	}
	for (i = 0; i < pools->list.used; i++)
		if (is_meant(wishes, info[i].node) && !fits(wishes, &info[i]))
			return false;
	return true;
}

/* --- setting -------------------------------------------------------------- */

static void refused(uint32_t node, int error, bool first)
{
	const char *word = setup_last_word();
	const char *rest = first ? "" : "; the nodes before it were set";

	if (error == -EPERM)
		say("node %u: needs CAP_SYS_ADMIN; run as root%s", node, rest);
	else if (error == -EINVAL)
		say("node %u: %s%s", node,
		    *word ? word : "the module refuses these sizes", rest);
	else
		say("node %u: %s%s", node, strerror(-error), rest);
}

static bool set(struct tmem_netlink *netlink, const struct wishes *wishes,
		const struct pools *pools)
{
	const struct tmem_node_info *info = pools->list.data;
	bool first = true;
	size_t i;
	int error;

	if (!check(wishes, pools))
		return false;
	for (i = 0; i < pools->list.used; i++) {
		if (!is_meant(wishes, info[i].node))
			continue;
		error = tmem_netlink_pool_set(netlink, info[i].node,
					      wishes->low, wishes->target);
		if (error) {
			refused(info[i].node, error, first);
			return false;
		}
		first = false;
	}
	return true;
}

/* --- showing -------------------------------------------------------------- */

static void put_node(struct table *table, const struct tmem_node_info *info)
{
	table_row(table);
	table_put(table, "%u", info->node);
	table_put(table, "%s", units_bytes(info->pool).text);
	table_put(table, "%s", units_bytes(info->pool_low).text);
	table_put(table, "%s", units_bytes(info->pool_target).text);
	table_put(table, "%s", units_count(info->pool_refilled).text);
	table_put(table, "%s", units_count(info->pool_taken).text);
	table_put(table, "%s", units_count(info->pool_missed).text);
	table_put(table, "%s", units_count(info->pool_shrunk).text);
	table_put(table, "%s", units_count(info->off_node).text);
}

static void print_text(const struct pools *pools)
{
	const struct tmem_node_info *info = pools->list.data;
	struct table table;
	size_t i;

	table_begin(&table, "node pool low target refilled taken missed "
			    "shrunk off-node");
	for (i = 0; i < pools->list.used; i++)
		put_node(&table, &info[i]);
	table_print(&table);
}

static void print_json(const struct pools *pools)
{
	const struct tmem_node_info *info = pools->list.data;
	struct json_object *root = json_object_make();
	struct json_object *array = json_array_make();
	struct json_object *object;
	size_t i;

	for (i = 0; i < pools->list.used; i++) {
		object = json_object_make();
		json_put_u64(object, "node", info[i].node);
		json_put_u64(object, "total_bytes", info[i].total);
		json_put_u64(object, "free_bytes", info[i].free);
		pools_put(object, &info[i]);
		json_append(array, object);
	}
	json_put_child(root, "nodes", array);
	json_print(root);
}

static bool ask(struct tmem_netlink *netlink, struct pools *pools)
{
	int error = pools_ask(netlink, pools);

	if (error)
		link_failed("cannot list the nodes", error);
	return !error;
}

static bool work(struct tmem_netlink *netlink, const struct wishes *wishes)
{
	struct pools pools;
	bool done;

	if (!ask(netlink, &pools))
		return false;
	if (wishes->set) {
		done = set(netlink, wishes, &pools);
		pools_free(&pools);
		/* What is in force now, not what was wished for. */
		if (!done || !ask(netlink, &pools))
			return false;
	}
	if (wishes->json)
		print_json(&pools);
	else
		print_text(&pools);
	pools_free(&pools);
	return true;
}

/* --- command line --------------------------------------------------------- */

static uint64_t parse_size(const struct argp_state *state, const char *option,
			   const char *arg)
{
	uint64_t bytes;

	if (!units_parse(arg, &bytes))
		args_wrong(state, "%s: '%s' is no size, as in 64M or 2GiB",
			   option, arg);
	if (bytes % TMEM_SPAN_SIZE)
		args_wrong(state, "%s: '%s' is no multiple of 2 MiB", option,
			   arg);
	return bytes;
}

static void parse_node(const struct argp_state *state, struct wishes *wishes,
		       const char *arg)
{
	wishes->node_given = true;
	if (!strcmp(arg, "all"))
		wishes->node = ALL_NODES;
	else
		wishes->node = (uint32_t)args_count(state, "--node", arg, 0,
						    TMEM_MAX_NODES - 1);
}

static void parse_word(const struct argp_state *state, struct wishes *wishes,
		       const char *arg)
{
	if (wishes->set)
		args_wrong(state, "'%s' is one word too many", arg);
	if (strcmp(arg, "set"))
		args_wrong(state, "'%s' is not 'set'", arg);
	wishes->set = true;
}

static void check_wishes(const struct argp_state *state,
			 const struct wishes *wishes)
{
	bool sizes = wishes->low != TMEM_POOL_KEEP ||
		     wishes->target != TMEM_POOL_KEEP;

	if (wishes->set && !sizes)
		args_wrong(state, "set what? --low, --target or both");
	if (!wishes->set && (sizes || wishes->node_given))
		args_wrong(state, "--node, --low and --target go with 'set'");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'j':
		wishes->json = true;
		return 0;
	case 'l':
		wishes->low = parse_size(state, "--low", arg);
		return 0;
	case 'n':
		parse_node(state, wishes, arg);
		return 0;
	case 't':
		wishes->target = parse_size(state, "--target", arg);
		return 0;
	case ARGP_KEY_ARG:
		parse_word(state, wishes, arg);
		return 0;
	case ARGP_KEY_END:
		check_wishes(state, wishes);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	{ "low", 'l', "SIZE", 0, "Refill a pool that holds less", 0 },
	{ "node", 'n', "N", 0, "Set the pool of this node, or of 'all'", 0 },
	{ "target", 't', "SIZE", 0, "Refill a pool up to this", 0 },
	{ 0 },
};

int cmd_pool(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[set]",
		.doc = "Show the pools of zeroed spans, or set their sizes and "
		       "show them then.  Setting is for root.  Sizes are "
		       "multiples of 2 MiB, as in 64M or 2GiB.",
	};
	struct wishes wishes = {
		.node = ALL_NODES,
		.low = TMEM_POOL_KEEP,
		.target = TMEM_POOL_KEEP,
	};
	struct tmem_netlink *netlink;
	bool done;

	args_parse(&argp, argc, argv, &wishes);
	netlink = link_open();
	if (!netlink)
		return EXIT_FAILED;
	done = work(netlink, &wishes);
	tmem_netlink_close(netlink);
	return done ? EXIT_OK : EXIT_FAILED;
}
