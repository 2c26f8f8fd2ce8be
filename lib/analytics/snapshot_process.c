// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The process around the heap: what code is loaded, and which threads live.
 */
#define _GNU_SOURCE
#include "analytics/snapshot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "analytics/modules.h"
#include "analytics/proc.h"

void tmem_snapshot_modules(struct tmem_json *json)
{
	struct tmem_segment *modules;
	uint32_t n, i;

	modules = tmem_modules_get(&n);
	tmem_json_begin(json, "modules", '[');
	for (i = 0; i < n; i++) {
		const struct tmem_segment *m = &modules[i];

		tmem_json_begin(json, NULL, '{');
		tmem_json_hex(json, "base", m->base);
		tmem_json_hex(json, "end", m->end);
		tmem_json_number(json, "offset", m->offset);
		tmem_json_text(json, "path", m->path);
		tmem_json_bytes(json, "build_id", m->build_id,
				m->build_id_size);
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
	if (modules)
		tmem_modules_put(modules);
}

struct thread_name {
	char text[64];
};

static bool name_line(void *ctx, const char *text)
{
	struct thread_name *name = ctx;

	strncpy(name->text, text, sizeof(name->text) - 1);
	return false;
}

static void thread_write(struct tmem_json *json, const char *id)
{
	static const char prefix[] = "/proc/self/task/";
	struct thread_name name = { .text = "" };
	char path[64], *end;

	if (*id < '0' || *id > '9' || strlen(id) > 10)
		return;
	end = stpcpy(stpcpy(path, prefix), id);
	strcpy(end, "/comm");
	tmem_proc_lines(path, name_line, &name);
	tmem_json_begin(json, NULL, '{');
	tmem_json_number(json, "id", strtoul(id, NULL, 10));
	tmem_json_text(json, "name", name.text);
	tmem_json_end(json, '}');
}

/* As the kernel gives it (getdents64(2)). */
struct task_entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

void tmem_snapshot_threads(struct tmem_json *json)
{
	_Alignas(8) char buffer[2048];
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long got, at;

	tmem_json_begin(json, "threads", '[');
	while (fd >= 0 && (got = syscall(SYS_getdents64, fd, buffer,
					 sizeof(buffer))) > 0) {
		for (at = 0; at < got;) {
			struct task_entry *entry = (void *)(buffer + at);

			thread_write(json, entry->name);
			at += entry->reclen;
		}
	}
	if (fd >= 0)
		close(fd);
	tmem_json_end(json, ']');
}
