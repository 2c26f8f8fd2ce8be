// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl status - the module, the nodes, and the backend in use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tmem.h>

#include "args.h"
#include "cmd.h"
#include "device.h"
#include "json.h"
#include "nodes.h"
#include "say.h"
#include "setup.h"
#include "units.h"

/*
 * struct status - what is shown
 * @backend: that a program with this environment gets: "dev", "anon", or
 *           "none" if the library cannot be set up
 * @why:     one line
 */
struct status {
	struct device device;
	uint64_t nodes;
	uint64_t allowed;
	const char *backend;
	char why[320];
};

/* Asked of the library itself, so that it cannot be wrong. */
static void find_backend(struct status *status)
{
	const char *wish = getenv("TMEM_BACKEND");
	int error;

	setup_listen();
	error = tmem_init(NULL);
	status->backend = error ? "none" : tmem_backend_name();
	if (error)
		snprintf(status->why, sizeof(status->why),
			 "the library cannot be set up: %s",
			 *setup_last_word() ? setup_last_word() :
					      strerror(-error));
	else if (wish && *wish && strcmp(wish, "auto"))
		snprintf(status->why, sizeof(status->why),
			 "TMEM_BACKEND asks for it");
	else if (!strcmp(status->backend, "dev"))
		snprintf(status->why, sizeof(status->why),
			 "/dev/tmem can be used");
	else
		snprintf(status->why, sizeof(status->why),
			 "/dev/tmem cannot be used");
}

static void find_status(struct status *status)
{
	/* Before the library makes an arena of its own. */
	device_query(&status->device);
	status->nodes = nodes_with_memory();
	status->allowed = nodes_allowed();
	find_backend(status);
}

static void print_node(const struct status *status, unsigned int node)
{
	uint64_t total, unused;
	char name[24];

	snprintf(name, sizeof(name), "node %u", node);
	if (!nodes_memory(node, &total, &unused)) {
		printf("%-10smemory unknown: the kernel does not say\n", name);
		return;
	}
	printf("%-10s%s, %s free%s\n", name, units_bytes(total).text,
	       units_bytes(unused).text,
	       status->allowed >> node & 1 ? "" : " (not for this process)");
}

static void print_text(const struct status *status)
{
	const struct device *device = &status->device;
	unsigned int node;

	if (device->answers) {
		printf("%-10s%s, ABI %u%s\n", "module", device->version,
		       device->abi, device->usable ? "" : ", not usable");
		printf("%-10s%llu alive, the largest may have %s\n", "arenas",
		       (unsigned long long)device->arenas,
		       units_bytes(device->max_arena).text);
	} else {
		printf("%-10snone\n", "module");
	}
	printf("%-10s%s: %s\n", "backend", status->backend, status->why);
	for (node = 0; node < NODES_MAX; node++)
		if (status->nodes >> node & 1)
			print_node(status, node);
}

static struct json_object *device_object(const struct device *device)
{
	struct json_object *object = json_object_make();

	json_put_bool(object, "usable", device->usable);
	json_put_text(object, "reason", device->reason);
	if (!device->answers)
		return object;
	json_put_text(object, "module_version", device->version);
	json_put_u64(object, "abi", device->abi);
	json_put_u64(object, "arenas", device->arenas);
	json_put_u64(object, "max_arena_bytes", device->max_arena);
	return object;
}

static struct json_object *nodes_array(const struct status *status)
{
	struct json_object *list = json_array_make();
	struct json_object *object;
	uint64_t total, unused;
	unsigned int node;

	for (node = 0; node < NODES_MAX; node++) {
		if (!(status->nodes >> node & 1))
			continue;
		object = json_object_make();
		json_put_u64(object, "node", node);
		json_put_bool(object, "allowed", status->allowed >> node & 1);
		if (nodes_memory(node, &total, &unused)) {
			json_put_u64(object, "total_bytes", total);
			json_put_u64(object, "free_bytes", unused);
		}
		json_append(list, object);
	}
	return list;
}

static void print_json(const struct status *status)
{
	struct json_object *root = json_object_make();

	json_put_child(root, "device", device_object(&status->device));
	json_put_text(root, "backend", status->backend);
	json_put_text(root, "why", status->why);
	json_put_child(root, "nodes", nodes_array(status));
	json_print(root);
}

int cmd_status(int argc, char **argv)
{
	bool json = args_json(argc, argv,
			      "Show the module, the memory of the nodes, and "
			      "the backend that a program would use.  Fails if "
			      "/dev/tmem cannot be used.");
	struct status status;

	find_status(&status);
	if (json)
		print_json(&status);
	else
		print_text(&status);
	if (status.device.usable)
		return EXIT_OK;
	say("%s", status.device.reason);
	return EXIT_FAILED;
}
