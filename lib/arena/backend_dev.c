// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Arenas on /dev/tmem.  A span is an offset of the arena's descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/tmem.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena/backend.h"
#include "arena/device.h"
#include "arena/topology.h"

_Static_assert(TMEM_SPAN_BYTES == TMEM_SPAN_SIZE, "span sizes differ");
_Static_assert((int)TMEM_NUMA_LOCAL == (int)TMEM_POLICY_LOCAL &&
		       (int)TMEM_NUMA_BIND == (int)TMEM_POLICY_BIND &&
		       (int)TMEM_NUMA_PREFERRED == (int)TMEM_POLICY_PREFERRED &&
		       (int)TMEM_NUMA_INTERLEAVE == (int)TMEM_POLICY_INTERLEAVE,
	       "policies differ");

int tmem_backend_dev_probe(void)
{
	struct tmem_query query;
	int fd = tmem_device_open(&query);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int dev_open(struct tmem_arena *arena)
{
	struct tmem_arena_create create = {
		.size = arena->size,
		.policy = (uint32_t)arena->numa,
		.nodes = { arena->nodes },
	};
	struct tmem_query query;
	int device = tmem_device_open(&query), err;
	void *words;

	if (device < 0)
		return device;
	memcpy(create.name, arena->name, sizeof(arena->name));
	err = ioctl(device, TMEM_IOC_ARENA_CREATE, &create) ? -errno : 0;
	close(device);
	if (err)
		return err;
	words = mmap(NULL, create.ctl_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     create.fd, (off_t)create.ctl_offset);
	if (words == MAP_FAILED) {
		err = -errno;
		close(create.fd);
		return err;
	}
	arena->words = words;
	arena->words_bytes = create.ctl_size;
	arena->fd = create.fd;
	arena->features = query.features;
	return 0;
}

static void dev_close(struct tmem_arena *arena)
{
	munmap(arena->words, arena->words_bytes);
	close(arena->fd);
}

static int dev_map(struct tmem_arena *arena, char *addr, uint32_t first,
		   uint32_t count)
{
	void *p = mmap(addr, count * TMEM_SPAN_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, arena->fd,
		       (off_t)(first * TMEM_SPAN_BYTES));

	return p == MAP_FAILED ? -errno : 0;
}

static int dev_move(struct tmem_arena *arena, uint32_t span, char *from,
		    char *to)
{
	int err = -EINVAL;

	if (tmem_arena_has_mremap(arena))
		err = tmem_os_move(from, to, TMEM_SPAN_BYTES);
	/* Where mremap() cannot: the offset can be mapped elsewhere too. */
	if (err == -EINVAL)
		err = dev_map(arena, to, span, 1);
	if (!err) /* it is moved, whatever becomes of the old addresses */
		(void)tmem_os_unreach(from, TMEM_SPAN_BYTES);
	return err;
}

/*
 * The kernel does it in parallel, near the memory, and refuses where a touch
 * would go on with small pages until the memory cgroup is full.  A
 * signal that does not end us is no reason to stop; where signals come faster
 * than spans, dev_populate() does the rest, which no signal interrupts.
 */
static int dev_fill(struct tmem_arena *arena, uint32_t first, uint32_t count)
{
	struct tmem_arena_populate populate = {
		.node = -1,
		.offset = first * TMEM_SPAN_BYTES,
		.length = count * TMEM_SPAN_BYTES,
	};
	uint64_t before;

	if (!count || !(arena->features & TMEM_FEATURE_POPULATE))
		return 0;
	do {
		before = populate.populated;
		if (!ioctl(arena->fd, TMEM_IOC_ARENA_POPULATE, &populate))
			return 0;
		if (errno != EINTR)
			return -errno;
	} while (populate.populated > before);
	return 0;
}

/* EFAULT is how the kernel says that a touch would have been SIGBUS. */
static int dev_populate(struct tmem_arena *arena, char *addr, uint32_t count)
{
	int err;

	(void)arena;
	do {
		err = madvise(addr, count * TMEM_SPAN_BYTES,
			      MADV_POPULATE_WRITE) ?
			      -errno :
			      0;
	} while (err == -EINTR || err == -EAGAIN);
	return err == -EFAULT ? -ENOMEM : err;
}

static int dev_purge(struct tmem_arena *arena, uint32_t first, uint32_t count,
		     uint32_t *purged)
{
	struct tmem_arena_purge purge = {
		.offset = first * TMEM_SPAN_BYTES,
		.length = count * TMEM_SPAN_BYTES,
	};

	if (ioctl(arena->fd, TMEM_IOC_ARENA_PURGE, &purge))
		return -errno;
	*purged += (uint32_t)purge.purged;
	return 0;
}

static int dev_usage(struct tmem_arena *arena, struct tmem_arena_usage *usage)
{
	const struct tmem_topology *topology = tmem_topology_get();
	struct tmem_arena_stat stat = { 0 };
	uint32_t node;

	if (ioctl(arena->fd, TMEM_IOC_ARENA_STAT, &stat))
		return -EIO;
	usage->resident = stat.resident;
	usage->huge_bytes = stat.spans_huge * TMEM_SPAN_BYTES;
	usage->purged = stat.purged;
	usage->recalled = stat.recalled;
	usage->fills = stat.fills;
	usage->fills_pool = stat.fills_pool;
	usage->nodes_exact = 1;
	for (node = 0; node < TMEM_NODES_MAX; node++) {
		struct tmem_arena_node_stat on = { .node = node };

		if (!(topology->nodes & 1ULL << node))
			continue;
		if (ioctl(arena->fd, TMEM_IOC_ARENA_NODE_STAT, &on))
			return -EIO;
		usage->node_bytes[node] =
			on.spans_huge * TMEM_SPAN_BYTES + on.small_bytes;
	}
	return 0;
}

const struct tmem_backend_ops tmem_backend_dev = {
	.name = "dev",
	.open = dev_open,
	.close = dev_close,
	.map = dev_map,
	.move = dev_move,
	.fill = dev_fill,
	.populate = dev_populate,
	.purge = dev_purge,
	.usage = dev_usage,
};
