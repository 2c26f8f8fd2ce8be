// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the machine's files say that no other part of the library asks for.
 * What is not there is not known: no rule says anything of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/text.h"
#include "manager/advice.h"
#include "monitor/cgroup.h"

#define PATH_BYTES (TMEM_CGROUP_PATH + 64)

static bool read_at(const char *host, const char *path, char *text, size_t size)
{
	char full[PATH_BYTES];

	return snprintf(full, sizeof(full), "%s%s", host, path) <
		       (int)sizeof(full) &&
	       !tmem_text_read(full, text, size);
}

/* The bracketed word of "always [madvise] never". */
static void read_choice(const char *host, const char *path, char *word,
			size_t size)
{
	char text[128], *open, *close;

	if (!read_at(host, path, text, sizeof(text)))
		return;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (!close || (size_t)(close - open) > size)
		return;
	memcpy(word, open + 1, (size_t)(close - open) - 1);
}

static bool read_number(const char *host, const char *path, uint64_t *number)
{
	char text[64];
	const char *at = text;

	return read_at(host, path, text, sizeof(text)) &&
	       tmem_text_number(&at, number);
}

static bool count_line(char *text, void *arg)
{
	(void)text;
	++*(uint64_t *)arg;
	return true;
}

/* "VmSwap:\t   123 kB", with a tab, as nowhere else. */
static bool find_swap(const char *text, uint64_t *bytes)
{
	static const char name[] = "VmSwap:";
	const char *at = strstr(text, name);
	uint64_t kib;

	if (!at)
		return false;
	at += strlen(name);
	at += strspn(at, " \t");
	if (!tmem_text_number(&at, &kib) || !tmem_text_word(&at, " kB") ||
	    kib > UINT64_MAX / 1024)
		return false;
	*bytes = kib * 1024;
	return true;
}

static void look_process(struct tmem_advice_host *to, const char *host)
{
	char text[TMEM_TEXT_BYTES], path[PATH_BYTES];
	uint64_t maps = 0;

	if (read_at(host, "/proc/self/status", text, sizeof(text)))
		find_swap(text, &to->swapped);
	if (snprintf(path, sizeof(path), "%s/proc/self/maps", host) <
		    (int)sizeof(path) &&
	    !tmem_text_lines(path, count_line, &maps))
		to->maps = maps;
}

/*
 * Nothing in it means anything to a shell: groups are named by anybody, and the
 * command will be copied to one.
 */
static bool path_is_plain(const char *path)
{
	return !path[strspn(path, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789/_.@:-")];
}

/* That file of the group says so much. */
static bool limit_is(const char *dir, const char *file, uint64_t limit,
		     char *path, size_t size)
{
	char text[64];
	uint64_t bytes;

	return snprintf(path, size, "%s/%s", dir, file) < (int)size &&
	       path_is_plain(path) &&
	       !tmem_text_read(path, text, sizeof(text)) &&
	       tmem_cgroup_limit_parse(text, &bytes) && bytes == limit;
}

/* From our group up to the mount's top: whose limit it is. */
static void look_limit(struct tmem_advice_host *to, char *dir, uint32_t top,
		       uint64_t limit)
{
	const size_t size = sizeof(to->limit_file);
	char *slash;

	while (limit != UINT64_MAX && strlen(dir) >= top) {
		if (limit_is(dir, "memory.max", limit, to->limit_file, size) ||
		    limit_is(dir, "memory.high", limit, to->limit_file, size))
			return;
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	to->limit_file[0] = '\0';
}

static void look_cgroup(struct tmem_advice_host *to, const char *host,
			uint64_t limit)
{
	struct tmem_cgroup group = { .state = TMEM_CGROUP_SEEN_NOT };
	const size_t size = sizeof(to->swap_file);
	char text[64];
	uint64_t swap;

	tmem_cgroup_find(&group, host);
	if (group.state != TMEM_CGROUP_SEEN_V2)
		return;
	if (snprintf(to->swap_file, size, "%s/memory.swap.max", group.dir) >=
		    (int)size ||
	    !path_is_plain(to->swap_file) ||
	    tmem_text_read(to->swap_file, text, sizeof(text)) ||
	    !tmem_cgroup_limit_parse(text, &swap) || !swap)
		to->swap_file[0] = '\0';
	look_limit(to, group.dir, group.top, limit);
}

void tmem_advice_host_look(struct tmem_advice_host *to, const char *host,
			   uint64_t cgroup_limit)
{
	char path[PATH_BYTES];

	memset(to, 0, sizeof(*to));
	read_choice(host, "/sys/kernel/mm/transparent_hugepage/enabled",
		    to->thp, sizeof(to->thp));
	read_choice(host, "/sys/kernel/mm/transparent_hugepage/defrag",
		    to->thp_defrag, sizeof(to->thp_defrag));
	to->thp_denied = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
	snprintf(path, sizeof(path), "%s/dev/tmem", host);
	to->device = access(path, R_OK | W_OK) ? -errno : 0;
	read_number(host, "/proc/sys/vm/max_map_count", &to->max_maps);
	if (!read_number(host, "/proc/sys/vm/swappiness", &to->swappiness))
		to->swappiness = UINT64_MAX;
	look_process(to, host);
	look_cgroup(to, host, cgroup_limit);
}
