// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of failnth: one line of the table each, at the end.  What several
 * need, an arena with memory and a device, is made before the call and undone
 * after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/tmem.h>

#include "failnth.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SPANS 4
#define SIZE (SPANS * TMEM_SPAN_SIZE)
#define RW (PROT_READ | PROT_WRITE)

static int dev = -1, arena = -1, trigger = -1, opened = -1;
static off_t ctl_offset;
static size_t ctl_size;
static void *mapped = MAP_FAILED, *data = MAP_FAILED;
static uint32_t *ctl = MAP_FAILED;
static size_t mapped_size;

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* --- what is there before a call, and gone after it ------------------------ */

static int have_device(void)
{
	dev = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	return result(dev);
}

static int create(void)
{
	struct tmem_arena_create req = {
		.size = SIZE,
		.name = "failnth",
		.fd = -1,
	};
	int ret = result(ioctl(dev, TMEM_IOC_ARENA_CREATE, &req));

	if (ret)
		return ret;
	arena = req.fd;
	ctl_offset = req.ctl_offset;
	ctl_size = req.ctl_size;
	return 0;
}

static int have_arena(void)
{
	int ret = have_device();

	return ret ? ret : create();
}

static int have_mapping(void)
{
	int ret = have_arena();

	if (ret)
		return ret;
	data = mmap(NULL, SIZE, RW, MAP_SHARED, arena, 0);
	ctl = mmap(NULL, ctl_size, RW, MAP_SHARED, arena, ctl_offset);
	return data == MAP_FAILED || ctl == MAP_FAILED ? -errno : 0;
}

static int have_memory(void)
{
	int ret = have_mapping();

	return ret ? ret : result(madvise(data, SIZE, MADV_POPULATE_WRITE));
}

static int have_idle_memory(void)
{
	int i, ret = have_memory();

	for (i = 0; !ret && i < SPANS; i++)
		ctl[i] = TMEM_SPAN_IDLE;
	return ret;
}

static int have_trigger(void)
{
	static const char text[] = "some 150000 1000000";
	int ret = have_device();

	if (ret)
		return ret;
	trigger = open("/proc/pressure/memory", O_RDWR | O_CLOEXEC);
	if (trigger < 0)
		return -errno;
	return result(write(trigger, text, sizeof(text)));
}

static void put_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static const char *all_gone(void)
{
	if (mapped != MAP_FAILED)
		munmap(mapped, mapped_size);
	if (data != MAP_FAILED)
		munmap(data, SIZE);
	if (ctl != MAP_FAILED)
		munmap(ctl, ctl_size);
	mapped = data = ctl = MAP_FAILED;
	put_fd(&opened);
	put_fd(&trigger);
	put_fd(&arena);
	put_fd(&dev);
	return NULL;
}

/* Whatever failed, the arena must still serve, zeroed where it was not used. */
static const char *still_serves(void)
{
	const char *wrong = NULL;
	size_t i;

	if (madvise(data, SIZE, MADV_POPULATE_WRITE)) {
		wrong = "the arena cannot be filled afterwards";
	} else {
		for (i = 0; i < SIZE; i += 4096)
			if (((volatile char *)data)[i])
				wrong = "a page is not zeroed";
	}
	all_gone();
	return wrong;
}

/* --- the calls -------------------------------------------------------------- */

static int nothing(void)
{
	return 0;
}

static int call_open(void)
{
	opened = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	return result(opened);
}

static int call_query(void)
{
	struct tmem_query q = { .flags = 0 };

	return result(ioctl(dev, TMEM_IOC_QUERY, &q));
}

static int map(int fd, size_t size, int prot, off_t offset)
{
	mapped_size = size;
	mapped = mmap(NULL, size, prot, MAP_SHARED, fd, offset);
	return mapped == MAP_FAILED ? -errno : 0;
}

static int call_mmap_data(void)
{
	return map(arena, SIZE, RW, 0);
}

static int call_mmap_ctl(void)
{
	return map(arena, ctl_size, RW, ctl_offset);
}

static int call_mmap_status(void)
{
	return map(dev, 4096, PROT_READ, 0);
}

static int call_touch(void)
{
	return result(madvise(data, SIZE, MADV_POPULATE_WRITE));
}

static int call_stat(void)
{
	struct tmem_arena_stat st = { .flags = 0 };

	return result(ioctl(arena, TMEM_IOC_ARENA_STAT, &st));
}

static int call_node_stat(void)
{
	struct tmem_arena_node_stat st = { .node = 1 };

	return result(ioctl(arena, TMEM_IOC_ARENA_NODE_STAT, &st));
}

static int call_purge(void)
{
	struct tmem_arena_purge p = { .length = SIZE };

	return result(ioctl(arena, TMEM_IOC_ARENA_PURGE, &p));
}

static int call_populate(void)
{
	struct tmem_arena_populate p = { .length = SIZE, .node = -1 };

	return result(ioctl(arena, TMEM_IOC_ARENA_POPULATE, &p));
}

static int call_trigger(void)
{
	struct tmem_trigger t = { .fd = trigger, .cookie = 1 };

	return result(ioctl(dev, TMEM_IOC_TRIGGER_ADD, &t));
}

static int call_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return result(pid);
}

/* --- what an older module cannot do ----------------------------------------- */

static const char *without_feature(uint64_t feature, const char *why)
{
	struct tmem_query q = { .flags = 0 };
	int fd = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	bool there = fd >= 0 && !ioctl(fd, TMEM_IOC_QUERY, &q) &&
		     (q.features & feature);

	close(fd);
	return there ? NULL : why;
}

static const char *without_populate(void)
{
	return without_feature(TMEM_FEATURE_POPULATE,
			       "the module has no POPULATE");
}

static const char *without_pressure(void)
{
	return without_feature(TMEM_FEATURE_PRESSURE,
			       "the module tells no pressure");
}

/* name, before, call, after, why this module cannot */
const struct fn_call fn_calls[] = {
	{ "insmod", fn_module_before, fn_module_load, fn_module_after, NULL },
	{ "open", nothing, call_open, all_gone, NULL },
	{ "query", have_device, call_query, all_gone, NULL },
	{ "create", have_device, create, all_gone, NULL },
	{ "mmap data", have_arena, call_mmap_data, all_gone, NULL },
	{ "mmap control words", have_arena, call_mmap_ctl, all_gone, NULL },
	{ "mmap status page", have_device, call_mmap_status, all_gone,
	  without_pressure },
	{ "first touch", have_mapping, call_touch, still_serves, NULL },
	{ "fork", have_memory, call_fork, all_gone, NULL },
	{ "arena stat", have_memory, call_stat, all_gone, NULL },
	{ "node stat", have_memory, call_node_stat, all_gone, NULL },
	{ "purge", have_idle_memory, call_purge, still_serves, NULL },
	{ "populate", have_mapping, call_populate, still_serves,
	  without_populate },
	{ "trigger", have_trigger, call_trigger, all_gone, without_pressure },
	{ "netlink: dump arenas", fn_netlink_open, fn_netlink_dump_arenas,
	  fn_netlink_close, fn_netlink_without },
	{ "netlink: dump nodes", fn_netlink_open, fn_netlink_dump_nodes,
	  fn_netlink_close, fn_netlink_without },
	{ "netlink: pressure", fn_netlink_open, fn_netlink_pressure,
	  fn_netlink_close, fn_netlink_without },
};

const size_t fn_nr_calls = sizeof(fn_calls) / sizeof(fn_calls[0]);

/* --- what must not grow ------------------------------------------------------ */

void fn_state_read(struct fn_state *state)
{
	struct tmem_query q = { .flags = 0 };
	int fd = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	FILE *file;

	memset(state, 0, sizeof(*state));
	state->next_fd = fd;
	if (fd < 0 || ioctl(fd, TMEM_IOC_QUERY, &q))
		return; /* not loaded, which "insmod" looks after itself */
	state->arenas = q.arenas;
	close(fd);
	file = fopen("/sys/module/tmem/refcnt", "r");
	if (!file)
		return;
	if (fscanf(file, "%ld", &state->references) != 1)
		state->references = -1;
	fclose(file);
}
