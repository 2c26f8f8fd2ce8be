// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the module, for failnth.  A load that failed must leave nothing that
 * the next one, which comes one allocation further, could stumble over; the
 * last one succeeds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failnth.h"

#define IMAGE "/lib/modules/tmem.ko"

static int image = -1, loaded;

static bool there(void)
{
	return !access("/sys/module/tmem", F_OK) || !access("/dev/tmem", F_OK);
}

int fn_module_before(void)
{
	if (there())
		return -EEXIST;
	image = open(IMAGE, O_RDONLY | O_CLOEXEC);
	return image < 0 ? -errno : 0;
}

int fn_module_load(void)
{
	loaded = !syscall(SYS_finit_module, image, "", 0);
	return loaded ? 0 : -errno;
}

static bool unload(void)
{
	return !syscall(SYS_delete_module, "tmem", O_NONBLOCK);
}

const char *fn_module_after(void)
{
	bool was_loaded = loaded;
	const char *wrong = NULL;

	loaded = 0;
	if (was_loaded && !unload())
		wrong = "the module cannot be removed";
	else if (there())
		wrong = was_loaded ? "something stays after the removal" :
				     "a load that failed leaves something";
	close(image);
	image = -1;
	return wrong;
}
