// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A store in an arena of /dev/tmem: huge pages, on the nodes of its policy.
 *
 * Spans in use are BUSY.  One without contents is made idle and purged at once;
 * should somebody hold its pages, the kernel takes it when it needs memory.
 * Large contents are not aligned here, since the rest of a span would be
 * memory: their neighbours use it, and what they fill is mapped huge all the
 * same, because views lie at addresses that fit.
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
#include "seal/file.h"

static int dev_attach(struct tmem_file *file, uint64_t ctl_offset)
{
	uint64_t bytes = file->size / TMEM_SPAN_SIZE * sizeof(*file->words);
	void *words;

	/* Behind the data, or a peer has us write into contents. */
	bytes = (bytes + 4095) & ~4095ULL;
	if (ctl_offset < file->size || ctl_offset % 4096 ||
	    ctl_offset > INT64_MAX)
		return -EINVAL;
	words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd,
		     (off_t)ctl_offset);
	if (words == MAP_FAILED)
		return -errno;
	file->words = words;
	file->ctl_offset = ctl_offset;
	file->ctl_bytes = bytes;
	return 0;
}

static int dev_create(struct tmem_file *file, const char *name)
{
	struct tmem_arena_create create = {
		.size = file->size,
		.policy = (uint32_t)file->numa,
		.nodes = { file->nodes },
	};
	struct tmem_query query;
	int device = tmem_device_open(&query), err;

	if (device < 0)
		return device;
	strncpy(create.name, *name ? name : "store", sizeof(create.name) - 1);
	err = ioctl(device, TMEM_IOC_ARENA_CREATE, &create) ? -errno : 0;
	close(device);
	if (err)
		return err;
	file->fd = create.fd;
	err = dev_attach(file, create.ctl_offset);
	if (err)
		close(file->fd);
	return err;
}

/* An arena has its size for ever. */
static int dev_adopt(struct tmem_file *file)
{
	struct tmem_arena_stat stat = { 0 };

	if (ioctl(file->fd, TMEM_IOC_ARENA_STAT, &stat) || !stat.size ||
	    stat.size % TMEM_SPAN_SIZE)
		return -EINVAL;
	file->size = stat.size;
	return 0;
}

static void dev_close(struct tmem_file *file)
{
	if (file->words)
		munmap(file->words, file->ctl_bytes);
	close(file->fd);
}

static void dev_claim(struct tmem_file *file, uint64_t offset, uint64_t bytes)
{
	uint64_t span = offset / TMEM_SPAN_SIZE;
	uint64_t last = (offset + bytes - 1) / TMEM_SPAN_SIZE;
	uint32_t seen;

	for (; span <= last; span++) {
		seen = atomic_load(&file->words[span]);
		while (seen != TMEM_SPAN_BUSY &&
		       !atomic_compare_exchange_weak(&file->words[span], &seen,
						     TMEM_SPAN_BUSY))
			;
	}
}

/* In parallel, where the memory is; see lib/arena/backend_dev.c. */
static int dev_fill(struct tmem_file *file, uint64_t first, uint64_t last)
{
	struct tmem_arena_populate populate = {
		.node = -1,
		.offset = first * TMEM_SPAN_SIZE,
		.length = (last + 1 - first) * TMEM_SPAN_SIZE,
	};
	uint64_t before;

	do {
		before = populate.populated;
		if (!ioctl(file->fd, TMEM_IOC_ARENA_POPULATE, &populate))
			return 0;
		if (errno != EINTR)
			return errno == ENOTTY ? 0 : -ENOMEM;
	} while (populate.populated > before);
	return 0;
}

static int dev_populate(struct tmem_file *file, char *addr, uint64_t offset,
			uint64_t bytes)
{
	int err = dev_fill(file, offset / TMEM_SPAN_SIZE,
			   (offset + bytes - 1) / TMEM_SPAN_SIZE);

	while (!err && madvise(addr, bytes, MADV_POPULATE_WRITE))
		if (errno != EINTR && errno != EAGAIN)
			err = -ENOMEM;
	return err;
}

static void dev_discard(struct tmem_file *file, uint64_t offset, uint64_t bytes,
			uint64_t low, uint64_t high)
{
	struct tmem_arena_purge purge = { 0 };
	uint64_t first = offset / TMEM_SPAN_SIZE, i;
	uint64_t end = (offset + bytes - 1) / TMEM_SPAN_SIZE + 1;

	if (first * TMEM_SPAN_SIZE < low)
		first++;
	if (end * TMEM_SPAN_SIZE > high)
		end--;
	if (first >= end)
		return;
	for (i = first; i < end; i++)
		atomic_store_explicit(&file->words[i], tmem_arena_idle_word(),
				      memory_order_release);
	purge.offset = first * TMEM_SPAN_SIZE;
	purge.length = (end - first) * TMEM_SPAN_SIZE;
	/* If it fails they stay idle, which is as good as given back. */
	(void)ioctl(file->fd, TMEM_IOC_ARENA_PURGE, &purge);
}

const struct tmem_file_ops tmem_file_dev = {
	.create = dev_create,
	.adopt = dev_adopt,
	.attach = dev_attach,
	.close = dev_close,
	.claim = dev_claim,
	.populate = dev_populate,
	.discard = dev_discard,
	.copies = false,
	.spans = true,
	.align = 4096,
};
