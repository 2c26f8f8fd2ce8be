// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl version - which tool, library and module work together here.
 */
#include <stdio.h>
#include <tmem/version.h>

#include "args.h"
#include "cmd.h"
#include "device.h"
#include "say.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		args_wrong(state, "'%s' is one word too many", arg);
	return ARGP_ERR_UNKNOWN;
}

int cmd_version(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse,
		.doc = "Show the versions of tool, library and module.",
	};
	struct device device;

	args_parse(&argp, argc, argv, NULL);
	device_query(&device);
	printf("tmemctl  %s\n", TMEM_VERSION);
	printf("libtmem  %s\n", tmem_version());
	if (device.answers)
		printf("module   %s, ABI %u\n", device.version, device.abi);
	else
		printf("module   none: %s\n", device.reason);
	return EXIT_OK;
}
