/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file behind a store: a memfd, or an arena of /dev/tmem.
 */
#ifndef TMEM_SEAL_FILE_H
#define TMEM_SEAL_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/seal.h>

struct tmem_file;

struct tmem_file_ops {
	/* Make the file, of file->size bytes without memory.  0 or -errno. */
	int (*create)(struct tmem_file *file, const char *name);

	/*
	 * Take a descriptor from somebody else, which is file->fd: its size,
	 * and that it can never be cut off.  0, -EINVAL: it is no such file.
	 */
	int (*adopt)(struct tmem_file *file);

	/* What the maker found out and an adopter cannot.  0 or -errno. */
	int (*attach)(struct tmem_file *file, uint64_t ctl_offset);

	void (*close)(struct tmem_file *file);

	/*
	 * A range is in use from now on.  Calls of claim() and discard() of all
	 * processes come one after the other.
	 */
	void (*claim)(struct tmem_file *file, uint64_t offset, uint64_t bytes);

	/* A mapping for large contents: how its memory shall be.  Or NULL. */
	void (*advise)(struct tmem_file *file, char *addr, uint64_t bytes);

	/*
	 * Memory behind a range that is claimed and mapped at addr for writing.
	 * 0 or -ENOMEM.
	 */
	int (*populate)(struct tmem_file *file, char *addr, uint64_t offset,
			uint64_t bytes);

	/*
	 * Give the memory of a range back, or what of it can be: [low, high)
	 * around it is not in use either.
	 */
	void (*discard)(struct tmem_file *file, uint64_t offset, uint64_t bytes,
			uint64_t low, uint64_t high);

	bool copies; /* private mappings are to be had */
	bool spans; /* discard() gives whole spans back, or nothing */
	uint64_t align; /* of large contents in the file */
};

/* From tmem_file_create() or _open() to _close(). */
struct tmem_file {
	const struct tmem_file_ops *ops;
	int fd;
	uint64_t size;
	enum tmem_numa numa;
	uint64_t nodes;

	_Atomic(uint32_t) *words; /* backend dev: control words */
	uint64_t ctl_offset, ctl_bytes;
};

/* ops, size, numa and nodes are set.  0 or -errno. */
int tmem_file_create(struct tmem_file *file, const char *name);

/* Makes a descriptor of its own.  0, -EINVAL, or -errno. */
int tmem_file_open(struct tmem_file *file, int fd);

void tmem_file_close(struct tmem_file *file);

extern const struct tmem_file_ops tmem_file_memfd;
extern const struct tmem_file_ops tmem_file_dev;

#endif /* TMEM_SEAL_FILE_H */
