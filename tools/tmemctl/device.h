/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module behind /dev/tmem says of itself. */
#ifndef TMEMCTL_DEVICE_H
#define TMEMCTL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * struct device - what /dev/tmem answers
 * @answers: the module answered; the fields below mean something
 * @usable:  and this tool and its library can work with it
 * @reason:  if not usable: one line, why not and what to do
 * @nodes:   nodes with memory that the caller may use, the first 64
 * @arenas:  those that the caller may know of
 * @user_bytes, @user_max: bytes that the caller's user holds, and the most
 *           that it may; UINT64_MAX: no limit
 */
struct device {
	bool answers;
	bool usable;
	char reason[160];
	char version[24];
	uint32_t abi;
	uint64_t arenas;
	uint64_t max_arena;
	uint64_t nodes;
	uint64_t features;
	uint64_t user_bytes;
	uint64_t user_max;
};

/* device_query() - fill *device.  Opens /dev/tmem and closes it again. */
void device_query(struct device *device);

#endif /* TMEMCTL_DEVICE_H */
