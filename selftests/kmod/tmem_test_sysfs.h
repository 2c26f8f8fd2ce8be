/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: the module's files in sysfs, and settings that
 * are put back.
 *
 * A test changes a setting through its knobs only.  They remember each step
 * and go the same way backwards, so that rules between settings (thresholds
 * ascend) hold on the way back as they held on the way there.
 */
#ifndef TMEM_TEST_SYSFS_H
#define TMEM_TEST_SYSFS_H

#include "tmem_test_mem.h"

#define KT_SYSFS "/sys/class/misc/tmem"

/* The text of a file without its newline; its length, or -errno. */
static inline int kt_sysfs_read(const char *file, char *text, size_t size)
{
	char path[128];
	ssize_t got;
	int fd, err;

	text[0] = 0;
	snprintf(path, sizeof(path), KT_SYSFS "/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	err = errno;
	close(fd);
	if (got < 0)
		return -err;
	if (got && text[got - 1] == '\n')
		got--;
	text[got] = 0;
	return (int)got;
}

/* Exactly these bytes in one write; 0 or -errno. */
static inline int kt_sysfs_write_bytes(const char *file, const void *bytes,
				       size_t len)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), KT_SYSFS "/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, bytes, len) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int kt_sysfs_write(const char *file, const char *text)
{
	return kt_sysfs_write_bytes(file, text, strlen(text));
}

/* A file that holds one whole number, or -1. */
static inline int64_t kt_sysfs_number(const char *file)
{
	char text[64], *end;
	long long value;

	if (kt_sysfs_read(file, text, sizeof(text)) <= 0)
		return -1;
	value = strtoll(text, &end, 10);
	return *end ? -1 : value;
}

/* The same of a node. */
static inline int64_t kt_sysfs_node(int node, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "node%d/%s", node, file);
	return kt_sysfs_number(path);
}

#define KT_KNOBS 256

struct kt_knobs {
	unsigned int nr;
	struct {
		char file[40];
		char was[24];
	} step[KT_KNOBS];
};

/* Sets a file and remembers what it held. */
static inline int kt_knob(struct kt_knobs *k, const char *file,
			  const char *text)
{
	char was[64];
	int ret = kt_sysfs_read(file, was, sizeof(was));

	if (ret < 0)
		return ret;
	if (!strcmp(was, text))
		return 0;
	if (k->nr == KT_KNOBS)
		return -ENOSPC;
	ret = kt_sysfs_write(file, text);
	if (ret)
		return ret;
	snprintf(k->step[k->nr].file, sizeof(k->step[0].file), "%s", file);
	snprintf(k->step[k->nr].was, sizeof(k->step[0].was), "%.23s", was);
	k->nr++;
	return 0;
}

static inline int kt_knob_number(struct kt_knobs *k, const char *file,
				 uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return kt_knob(k, file, text);
}

/* Back to what it was; how many could not be set. */
static inline unsigned int kt_knobs_restore(struct kt_knobs *k)
{
	unsigned int bad = 0;

	while (k->nr) {
		k->nr--;
		bad += kt_sysfs_write(k->step[k->nr].file,
				      k->step[k->nr].was) != 0;
	}
	return bad;
}

#endif /* TMEM_TEST_SYSFS_H */
