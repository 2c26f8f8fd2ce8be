// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A store in a memfd, for machines without the module.
 *
 * The file has its full size from the start, without memory, and seals that
 * keep it so: if a peer could cut it off, our next access would be SIGBUS.
 * F_SEAL_FUTURE_WRITE would keep peers from writing to contents, and from
 * adding any: all peers are equal here, so it is not set, and F_SEAL_SEAL keeps
 * one of them from setting it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena/backend.h"
#include "arena/topology.h"
#include "seal/file.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

#define MEMFD_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Some systems refuse files that could be executed, older ones the flag. */
static int memfd_make(const char *name)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

/* Beyond the limit, ftruncate() would be SIGXFSZ. */
static bool memfd_size_allowed(uint64_t size)
{
	struct rlimit limit;

	return size <= INT64_MAX &&
	       (getrlimit(RLIMIT_FSIZE, &limit) ||
		limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

static int memfd_open(struct tmem_file *file, const char *name)
{
	char full[64];
	int err = 0;

	if (!memfd_size_allowed(file->size))
		return -EFBIG;
	snprintf(full, sizeof(full), "tmem-store%s%s", *name ? ":" : "", name);
	file->fd = memfd_make(full);
	if (file->fd < 0)
		return file->fd == -ENFILE ? -EMFILE : file->fd;
	if (ftruncate(file->fd, (off_t)file->size) ||
	    fcntl(file->fd, F_ADD_SEALS, MEMFD_SEALS))
		err = -errno;
	if (err)
		close(file->fd);
	return err;
}

static int memfd_adopt(struct tmem_file *file)
{
	int seals = fcntl(file->fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & MEMFD_SEALS) != MEMFD_SEALS ||
	    fstat(file->fd, &st) || st.st_size < 0)
		return -EINVAL;
	file->size = (uint64_t)st.st_size;
	return 0;
}

static int memfd_attach(struct tmem_file *file, uint64_t ctl_offset)
{
	(void)file;
	return ctl_offset ? -EINVAL : 0;
}

static void memfd_close(struct tmem_file *file)
{
	close(file->fd);
}

static void memfd_claim(struct tmem_file *file, uint64_t offset, uint64_t bytes)
{
	(void)file;
	(void)offset;
	(void)bytes;
}

/* Where the kernel has no huge pages, or cannot place memory, there are none. */
static void memfd_advise(struct tmem_file *file, char *addr, uint64_t bytes)
{
	const struct tmem_topology *topology = tmem_topology_get();
	unsigned long nodes = file->nodes ? file->nodes : topology->nodes;
	int mode = file->numa == TMEM_NUMA_BIND	      ? MPOL_BIND :
		   file->numa == TMEM_NUMA_INTERLEAVE ? MPOL_INTERLEAVE :
							MPOL_PREFERRED;

	if (bytes >= TMEM_SPAN_BYTES)
		(void)madvise(addr, bytes, MADV_HUGEPAGE);
	if (topology->numa && topology->count > 1 &&
	    file->numa != TMEM_NUMA_LOCAL)
		(void)mbind(addr, bytes, mode, &nodes, TMEM_NODES_MAX + 1, 0);
}

/*
 * EFAULT is how the kernel says that a touch would have been SIGBUS.  Kernels
 * before 5.14 cannot be asked; there the file itself is filled.
 */
static int memfd_populate(struct tmem_file *file, char *addr, uint64_t offset,
			  uint64_t bytes)
{
	int err;

	do {
		if (!madvise(addr, bytes, MADV_POPULATE_WRITE))
			return 0;
		err = errno;
	} while (err == EINTR || err == EAGAIN);
	while (err == EINVAL || err == EINTR) {
		if (!fallocate(file->fd, 0, (off_t)offset, (off_t)bytes))
			return 0;
		err = errno == EINVAL ? ENOMEM : errno;
	}
	return -ENOMEM;
}

static void memfd_discard(struct tmem_file *file, uint64_t offset,
			  uint64_t bytes, uint64_t low, uint64_t high)
{
	int err;

	(void)low;
	(void)high;
	do {
		err = fallocate(file->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)offset, (off_t)bytes);
	} while (err && errno == EINTR);
}

const struct tmem_file_ops tmem_file_memfd = {
	.create = memfd_open,
	.adopt = memfd_adopt,
	.attach = memfd_attach,
	.close = memfd_close,
	.claim = memfd_claim,
	.advise = memfd_advise,
	.populate = memfd_populate,
	.discard = memfd_discard,
	.copies = true,
	.align = TMEM_SPAN_BYTES,
};
