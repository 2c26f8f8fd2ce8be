// SPDX-License-Identifier: GPL-2.0-only
/*
 * owner - whose an arena is, and whose arenas are shown.
 */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "owner.h"

/* The inode of /proc/PID/ns/user in the first user namespace, always. */
#define INIT_USER_NS 0xEFFFFFFDU

void owner_user(uint32_t uid, char *name, size_t size)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry)
		snprintf(name, size, "%s", entry->pw_name);
	else
		snprintf(name, size, "%u", uid);
}

void owner_command(uint32_t pid, char *name, size_t size)
{
	char path[64];

	name[0] = 0;
	if (!pid)
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	host_read(path, name, size);
}

bool owner_sees_all(void)
{
	unsigned long long mask;
	struct stat ns;
	char text[32];

	if (!host_key("/proc/self/status", "CapEff:", text, sizeof(text)) ||
	    sscanf(text, "%llx", &mask) != 1 || !(mask >> CAP_SYS_ADMIN & 1))
		return false;
	/* If it cannot be told, there are no namespaces. */
	return stat("/proc/self/ns/user", &ns) || ns.st_ino == INIT_USER_NS;
}
