/* SPDX-License-Identifier: GPL-2.0-only */
/* What tmemctl status shows, in either form. */
#ifndef TMEMCTL_STATUS_H
#define TMEMCTL_STATUS_H

#include <stdint.h>

#include "device.h"
#include "view.h"

/*
 * struct status - what is shown
 * @backend: that a program with this environment gets: "dev", "anon", or
 *           "none" if the library cannot be set up
 * @why:     one line
 */
struct status {
	struct device device;
	struct view view;
	uint64_t nodes;
	uint64_t allowed;
	const char *backend;
	char why[320];
};

void status_print_json(const struct status *status);

#endif /* TMEMCTL_STATUS_H */
