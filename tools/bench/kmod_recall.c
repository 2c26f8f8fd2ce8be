// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recall of 256 MiB: process A has them idle, this process asks for them.  Three
 * ways to ask: reclaim of A's memory cgroup (memory.reclaim), the module's
 * debugfs file, and an allocation in a cgroup that is full.
 *
 * When memory is free is seen by a thread that reads the module's counter all
 * the time; that it is free is checked against the kernel's own figures.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "bench.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP CGROUP_ROOT "/tmem-bench"
#define PURGED BENCH_SYSFS "/recall/purged"
#define SHRINK "/sys/kernel/debug/tmem/shrink"

/* --- process A -------------------------------------------------------------- */

/* Fills the arena as a member of the cgroup, lets it go, and waits. */
struct idler {
	struct bench_arena arena;
	pid_t pid;
};

static void idler_main(struct bench *b, struct bench_arena *a, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bench_write(CGROUP "/cgroup.procs", "0") ||
	    bench_run_on_node(b->node))
		_exit(1);
	bench_touch(a->data, a->size);
	bench_arena_idle(a);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int idler_start(struct bench *b, struct idler *idler)
{
	int fd[2];
	char word;

	bench_write(CGROUP_ROOT "/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return bench_skip(b, "no memory cgroup: %s", strerror(errno));
	bench_write(CGROUP "/memory.max", "max");
	if (pipe(fd))
		return bench_skip(b, "pipe: %s", strerror(errno));
	if (bench_arena_make(b, &idler->arena, TMEM_POLICY_BIND)) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	idler->pid = fork();
	if (!idler->pid)
		idler_main(b, &idler->arena, fd[1]);
	close(fd[1]);
	if (read(fd[0], &word, 1) != 1)
		bench_skip(b, "the idle process failed");
	else
		b->why[0] = 0;
	close(fd[0]);
	return b->why[0] ? -1 : 0;
}

static void idler_stop(struct idler *idler)
{
	if (idler->pid > 0) {
		kill(idler->pid, SIGKILL);
		waitpid(idler->pid, NULL, 0);
	}
	bench_arena_free(&idler->arena);
	for (int i = 0; rmdir(CGROUP) && errno == EBUSY && i < 100; i++)
		bench_sleep_ms(10);
}

/* --- watching ---------------------------------------------------------------- */

/* Times since the request. */
struct watch {
	int fd;
	int node; /* it runs on another node's CPU than the request */
	uint64_t before;
	bool stop;
	double begin;
	double first;
	double all;
	pthread_t thread;
};

static uint64_t counter(int fd)
{
	char text[32] = { 0 };

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ?
		       strtoull(text, NULL, 10) :
		       0;
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	uint64_t n;

	bench_run_on_node(w->node);
	while (!w->all && !__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		n = counter(w->fd) - w->before;
		if (n && !w->first)
			w->first = bench_now() - w->begin;
		if (n >= BENCH_SPANS)
			w->all = bench_now() - w->begin;
	}
	return NULL;
}

static int watch_start(struct bench *b, struct watch *w)
{
	*w = (struct watch){ .fd = open(PURGED, O_RDONLY | O_CLOEXEC),
			     .node = b->node + 1 < (int)b->nodes ? b->node + 1 :
								   0 };
	if (w->fd < 0)
		return bench_skip(b, PURGED ": %s", strerror(errno));
	w->before = counter(w->fd);
	w->begin = bench_now();
	if (pthread_create(&w->thread, NULL, watch_main, w))
		return bench_skip(b, "no thread");
	/* It shall be running when the request is made. */
	bench_sleep_ms(20);
	w->begin = bench_now();
	return 0;
}

static void watch_stop(struct watch *w)
{
	bench_sleep_ms(5);
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
	close(w->fd);
}

/* --- asking ------------------------------------------------------------------ */

static int ask_cgroup(struct bench *b)
{
	int err = bench_write(CGROUP "/memory.reclaim", "256M");

	/* EAGAIN: a little of it was not found. */
	return err && err != -EAGAIN ?
		       bench_skip(b, "memory.reclaim: %s", strerror(-err)) :
		       0;
}

static int ask_debugfs(struct bench *b)
{
	int err = bench_write_number(SHRINK, BENCH_SPANS);

	return err ? bench_skip(b, SHRINK ": %s", strerror(-err)) : 0;
}

/* The last recall, of which two cases show a time each. */
static struct watch last;

static int recall(struct bench *b, int (*ask)(struct bench *b))
{
	struct idler idler = { .pid = 0 };
	uint64_t free_before, freed = 0;
	int err = idler_start(b, &idler);

	last = (struct watch){ 0 };
	if (!err) {
		free_before = bench_free_bytes(b->node);
		err = watch_start(b, &last);
		if (!err) {
			err = ask(b);
			watch_stop(&last);
		}
		freed = bench_free_bytes(b->node) - free_before;
	}
	if (!err &&
	    (!last.all || (int64_t)freed < (int64_t)BENCH_BYTES * 9 / 10))
		err = bench_skip(b, "only %lld MiB were freed",
				 (long long)(int64_t)freed >> 20);
	if (idler.arena.size)
		idler_stop(&idler);
	return err;
}

static int recall_cgroup(struct bench *b, struct bench_sample *s)
{
	int err = recall(b, ask_cgroup);

	s->ns = last.all;
	return err;
}

static int recall_debugfs(struct bench *b, struct bench_sample *s)
{
	int err = recall(b, ask_debugfs);

	s->ns = last.all;
	return err;
}

static int recall_first(struct bench *b, struct bench_sample *s)
{
	s->ns = last.first;
	return last.all ? 0 : bench_skip(b, "see the line before");
}

/* --- allocating -------------------------------------------------------------- */

static double timed_allocation(void)
{
	double begin;
	void *p = mmap(NULL, BENCH_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	madvise(p, BENCH_BYTES, MADV_NOHUGEPAGE);
	begin = bench_now();
	bench_touch(p, BENCH_BYTES);
	begin = bench_now() - begin;
	munmap(p, BENCH_BYTES);
	return begin;
}

static int allocate_free(struct bench *b, struct bench_sample *s)
{
	s->ns = timed_allocation();
	return s->ns ? 0 : bench_skip(b, "no memory");
}

/* This process joins A's group, whose limit is what A has and a little. */
static int allocate_recall(struct bench *b, struct bench_sample *s)
{
	struct idler idler = { .pid = 0 };
	int err = idler_start(b, &idler);

	if (!err) {
		bench_write_number(CGROUP "/memory.max",
				   BENCH_BYTES + 24 * BENCH_MIB);
		err = bench_write(CGROUP "/cgroup.procs", "0");
		if (err)
			err = bench_skip(b, "cgroup.procs: %s", strerror(-err));
	}
	if (!err) {
		s->ns = timed_allocation();
		bench_write(CGROUP_ROOT "/cgroup.procs", "0");
	}
	if (idler.arena.size)
		idler_stop(&idler);
	return err;
}

#define RECALL "recall of 256 MiB idle in another process"
#define ALLOCATE "allocate 256 MiB (4 KiB pages)"

const struct bench_case bench_recall_cases[] = {
	{ RECALL, "memory.reclaim, all freed", "recall_cgroup", "ms",
	  recall_cgroup },
	{ RECALL, "memory.reclaim, first span", "recall_cgroup_first", "ms",
	  recall_first },
	{ RECALL, "debugfs, all freed", "recall_debugfs", "ms",
	  recall_debugfs },
	{ RECALL, "debugfs, first span", "recall_debugfs_first", "ms",
	  recall_first },
	{ ALLOCATE, "memory is free", "allocate_free", "ms", allocate_free },
	{ ALLOCATE, "memory.max, idle spans recalled", "allocate_recall", "ms",
	  allocate_recall },
	{ 0 },
};
