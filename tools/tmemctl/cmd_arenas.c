// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl arenas - who holds tensor memory, how much, and how much of it the
 * kernel may take back.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "host.h"
#include "json.h"
#include "link.h"
#include "nodes.h"
#include "owner.h"
#include "pages.h"
#include "say.h"
#include "table.h"
#include "units.h"

enum order {
	ORDER_ID,
	ORDER_SIZE,
	ORDER_RESIDENT,
	ORDER_IDLE,
};

static const char *const order_names[] = {
	[ORDER_ID] = "id",
	[ORDER_SIZE] = "size",
	[ORDER_RESIDENT] = "resident",
	[ORDER_IDLE] = "idle",
};

#define N_ORDERS (sizeof(order_names) / sizeof(order_names[0]))

/* struct wishes - the command line */
struct wishes {
	bool json;
	enum order order;
};

/*
 * struct arenas - what the module listed
 * @all:   not only the caller's
 * @list:  struct tmem_arena_info
 * @total: their sums
 */
struct arenas {
	bool all;
	struct vec list;
	struct tmem_arena_info total;
};

static const char *policy_name(uint32_t policy)
{
	static const char *const names[] = {
		[TMEM_POLICY_LOCAL] = "local",
		[TMEM_POLICY_BIND] = "bind",
		[TMEM_POLICY_PREFERRED] = "preferred",
		[TMEM_POLICY_INTERLEAVE] = "interleave",
	};

	return policy < sizeof(names) / sizeof(names[0]) ? names[policy] : "?";
}

static void add_up(struct tmem_arena_info *total,
		   const struct tmem_arena_info *info)
{
	total->size += info->size;
	total->resident += info->resident;
	total->idle += info->idle;
	total->fills += info->fills;
	total->fills_pool += info->fills_pool;
	total->purged += info->purged;
	total->recalled += info->recalled;
}

#define NO_MEMORY 1 /* no -errno */

static int take(const struct tmem_arena_info *info, void *data)
{
	struct arenas *arenas = data;
	struct tmem_arena_info *copy = vec_add(&arenas->list);
	char *c;

	if (!copy)
		return NO_MEMORY;
	*copy = *info;
	/* It goes to a terminal, and into JSON. */
	copy->name[sizeof(copy->name) - 1] = 0;
	for (c = copy->name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	add_up(&arenas->total, info);
	return 0;
}

/* Large figures first, and what is the same by age. */
static int compare(const void *left, const void *right, void *data)
{
	const struct tmem_arena_info *a = left, *b = right;
	const enum order *order = data;
	uint64_t x = 0, y = 0;

	switch (*order) {
	case ORDER_SIZE:
		x = a->size, y = b->size;
		break;
	case ORDER_RESIDENT:
		x = a->resident, y = b->resident;
		break;
	case ORDER_IDLE:
		x = a->idle, y = b->idle;
		break;
	case ORDER_ID:
		break;
	}
	if (x != y)
		return x < y ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static bool list(struct arenas *arenas, enum order order)
{
	struct tmem_netlink *netlink = link_open();
	int error;

	if (!netlink)
		return false;
	memset(arenas, 0, sizeof(*arenas));
	arenas->list.item = sizeof(struct tmem_arena_info);
	arenas->all = owner_sees_all();
	error = tmem_netlink_arenas(netlink, take, arenas);
	tmem_netlink_close(netlink);
	if (error == NO_MEMORY)
		say("no memory for the list of arenas");
	else if (error)
		link_failed("cannot list the arenas", error);
	if (error)
		return false;
	if (arenas->list.used)
		qsort_r(arenas->list.data, arenas->list.used, arenas->list.item,
			compare, &order);
	return true;
}

/* --- text ----------------------------------------------------------------- */

static void put_policy(struct table *table, const struct tmem_arena_info *info)
{
	char nodes[TABLE_CELL];

	nodes_format_words(info->nodes, TMEM_NODE_WORDS, nodes, sizeof(nodes));
	if (strcmp(nodes, "none"))
		table_put(table, "%s:%s", policy_name(info->policy), nodes);
	else
		table_put(table, "%s", policy_name(info->policy));
}

/* From the size on the same in a row and in the total. */
static void put_figures(struct table *table, const struct tmem_arena_info *info)
{
	table_put(table, "%s", units_bytes(info->size).text);
	table_put(table, "%s", units_bytes(info->resident).text);
	table_put(table, "%s", units_bytes(info->idle).text);
	table_put(table, "%s", units_count(info->fills).text);
	if (info->fills)
		table_put(table, "%.0f %%",
			  100.0 * (double)info->fills_pool /
				  (double)info->fills);
	else
		table_put(table, "-");
	table_put(table, "%s", units_count(info->purged).text);
	table_put(table, "%s", units_count(info->recalled).text);
}

static void put_arena(struct table *table, const struct tmem_arena_info *info)
{
	char command[32], user[64];

	owner_command(info->pid, command, sizeof(command));
	owner_user(info->uid, user, sizeof(user));
	table_row(table);
	table_put(table, "%llu", (unsigned long long)info->id);
	if (info->pid)
		table_put(table, "%u", info->pid);
	else
		table_put(table, "-");
	table_put(table, "%s", *command ? command : "-");
	table_put(table, "%s", user);
	table_put(table, "%s", *info->name ? info->name : "-");
	put_policy(table, info);
	put_figures(table, info);
}

/* For who wonders where the others are. */
static void print_restriction(const struct arenas *arenas)
{
	uint64_t everybody;
	char user[64];

	if (arenas->all)
		return;
	owner_user(geteuid(), user, sizeof(user));
	if (host_number("/sys/class/misc/tmem/arenas", &everybody))
		printf("Only those of user %s are shown, of %llu in all; root "
		       "sees everybody's.\n",
		       user, (unsigned long long)everybody);
	else
		printf("Only those of user %s are shown; root sees "
		       "everybody's.\n",
		       user);
}

static void print_text(const struct arenas *arenas)
{
	const struct tmem_arena_info *info = arenas->list.data;
	struct table table;
	size_t i;

	if (arenas->list.used) {
		table_begin(&table, "id pid <command <user <name <policy size "
				    "resident idle fills pool purged recalled");
		for (i = 0; i < arenas->list.used; i++)
			put_arena(&table, &info[i]);
		table_row(&table);
		table_put(&table, "total");
		for (i = 1; i < 6; i++)
			table_put(&table, "%s", "");
		put_figures(&table, &arenas->total);
		table_print(&table);
	} else {
		puts("no arenas");
	}
	print_restriction(arenas);
}

/* --- JSON ----------------------------------------------------------------- */

static struct json_object *nodes_array(const uint64_t *words)
{
	struct json_object *array = json_array_make();
	unsigned int node;

	for (node = 0; node < TMEM_MAX_NODES; node++)
		if (words[node / 64] >> node % 64 & 1)
			json_append_u64(array, node);
	return array;
}

static void put_sums(struct json_object *object,
		     const struct tmem_arena_info *info)
{
	json_put_u64(object, "size_bytes", info->size);
	json_put_u64(object, "resident_bytes", info->resident);
	json_put_u64(object, "idle_bytes", info->idle);
	json_put_u64(object, "fills", info->fills);
	json_put_u64(object, "fills_pool", info->fills_pool);
	json_put_u64(object, "purged", info->purged);
	json_put_u64(object, "recalled", info->recalled);
}

static struct json_object *arena_object(const struct tmem_arena_info *info)
{
	struct json_object *object = json_object_make();
	char text[64];

	json_put_u64(object, "id", info->id);
	json_put_u64(object, "pid", info->pid);
	owner_command(info->pid, text, sizeof(text));
	json_put_text(object, "command", text);
	json_put_u64(object, "uid", info->uid);
	owner_user(info->uid, text, sizeof(text));
	json_put_text(object, "user", text);
	json_put_text(object, "name", info->name);
	json_put_text(object, "policy", policy_name(info->policy));
	json_put_child(object, "nodes", nodes_array(info->nodes));
	put_sums(object, info);
	json_put_u64(object, "fills_small", info->fills_small);
	json_put_u64(object, "fills_off_node", info->fills_off_node);
	json_put_u64(object, "fills_failed", info->fills_failed);
	json_put_u64(object, "fills_limited", info->fills_limited);
	return object;
}

static void print_json(const struct arenas *arenas)
{
	const struct tmem_arena_info *info = arenas->list.data;
	struct json_object *root = json_object_make();
	struct json_object *array = json_array_make();
	struct json_object *total = json_object_make();
	size_t i;

	for (i = 0; i < arenas->list.used; i++)
		json_append(array, arena_object(&info[i]));
	put_sums(total, &arenas->total);
	json_put_bool(root, "all", arenas->all);
	json_put_child(root, "arenas", array);
	json_put_child(root, "total", total);
	json_print(root);
}

/* --- command line --------------------------------------------------------- */

static enum order parse_order(const struct argp_state *state, const char *word)
{
	unsigned int i;

	for (i = 0; i < N_ORDERS; i++)
		if (!strcmp(order_names[i], word))
			return i;
	args_wrong(state, "--sort: '%s' is not id, size, resident or idle",
		   word);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wishes *wishes = state->input;

	switch (key) {
	case 'j':
		wishes->json = true;
		return 0;
	case 's':
		wishes->order = parse_order(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		args_wrong(state, "'%s' is one word too many", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print one JSON object", 0 },
	{ "sort", 's', "WHAT", 0,
	  "By id (the default), or the largest first: size, resident or idle",
	  0 },
	{ 0 },
};

int cmd_arenas(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the arenas: yours, or everybody's for root.",
	};
	struct wishes wishes = { 0 };
	struct arenas arenas;

	args_parse(&argp, argc, argv, &wishes);
	if (!list(&arenas, wishes.order))
		return EXIT_FAILED;
	if (wishes.json)
		print_json(&arenas);
	else
		print_text(&arenas);
	vec_free(&arenas.list);
	return EXIT_OK;
}
