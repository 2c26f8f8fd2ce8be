// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_list - what tmemctl top shows if no process is named: those that answer,
 * and for each what it holds.  One that ends meanwhile is left out.  Those that
 * are stopped, or pretend to be, take up a few seconds of the user's, all together.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pages.h"
#include "peer.h"
#include "peer_find.h"
#include "top_list.h"
#include "units.h"

#define EACH_MS 1000
#define ALL_NS 3000000000ull

struct process {
	pid_t pid;
	uid_t uid;
	uint64_t live;
	uint64_t held;
	uint64_t blocks;
	char comm[32];
};

/* struct list - @silent: how many did not answer; none is asked after @end_ns */
struct list {
	struct vec all;
	unsigned int silent;
	uint64_t end_ns;
};

static void comm_read(struct process *process)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)process->pid);
	file = fopen(path, "re");
	if (!file || !fgets(process->comm, sizeof(process->comm), file))
		strcpy(process->comm, "?");
	process->comm[strcspn(process->comm, "\n")] = '\0';
	if (file)
		fclose(file);
}

static uint64_t count(struct json_object *stats, const char *name)
{
	return json_object_get_uint64(json_object_object_get(stats, name));
}

/* 0 or -errno. */
static int stats_read(struct process *process)
{
	char why[320], text[8192];
	struct json_object *stats;
	FILE *answer;
	size_t n;
	int err;

	err = peer_try(process->pid, "stats", EACH_MS, &answer, why,
		       sizeof(why));
	if (err)
		return err;
	n = fread(text, 1, sizeof(text) - 1, answer);
	text[n] = '\0';
	fclose(answer);
	stats = json_tokener_parse(text);
	process->live = count(stats, "live_bytes");
	process->held = count(stats, "held_bytes");
	process->blocks = count(stats, "live_blocks");
	json_object_put(stats);
	return 0;
}

static void process_add(pid_t pid, uid_t uid, void *arg)
{
	struct process process = { .pid = pid, .uid = uid }, *to;
	struct list *list = arg;
	size_t i;
	int err;

	for (i = 0; i < list->all.used; i++)
		if (((struct process *)list->all.data)[i].pid == pid)
			return;
	err = clock_ns() < list->end_ns ? stats_read(&process) : -ETIMEDOUT;
	list->silent += err == -ETIMEDOUT;
	if (err)
		return;
	comm_read(&process);
	to = vec_add(&list->all);
	if (to)
		*to = process;
}

static int by_held(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	if (x->held != y->held)
		return x->held < y->held ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

void top_list_show(struct top_text *text)
{
	struct list list = {
		.all = { .item = sizeof(struct process) },
		.end_ns = clock_ns() + ALL_NS,
	};
	int err = peer_list(process_add, &list);
	const struct process *p;
	size_t i;

	top_text_clear(text);
	if (err)
		top_text_add(text, TOP_WARNING, "/proc/net/unix: %s",
			     strerror(-err));
	if (!list.all.used && !list.silent)
		top_text_add(text, TOP_PLAIN,
			     "no process answers: start one with "
			     "TMEM_CONTROL=on");
	if (list.all.used) {
		qsort(list.all.data, list.all.used, list.all.item, by_held);
		top_text_add(text, TOP_HEADING, "%8s%8s%13s%13s%14s  %s", "PID",
			     "USER", "LIVE", "HELD", "BLOCKS", "COMMAND");
	}
	for (i = 0; i < list.all.used; i++) {
		p = (const struct process *)list.all.data + i;
		top_text_add(text, TOP_PLAIN, "%8d%8u%13s%13s%14s  %s",
			     (int)p->pid, p->uid, units_bytes(p->live).text,
			     units_bytes(p->held).text,
			     units_count(p->blocks).text, p->comm);
	}
	if (list.silent)
		top_text_add(text, TOP_WARNING,
			     "%u more do not answer: stopped, or busy",
			     list.silent);
	vec_free(&list.all);
}
