/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a snapshot, and its JSON. */
#ifndef TMEMCTL_SNAP_FILE_H
#define TMEMCTL_SNAP_FILE_H

#include <json-c/json.h>
#include <stdio.h>

#include "snap_in.h"

/* More than this is no snapshot. */
#define SNAP_FILE_MAX (256UL << 20)

/*
 * snap_file_read() - all of @file.  NULL if that failed, and was said.  To be
 * given to free().
 */
char *snap_file_read(struct snap_in *in, FILE *file, size_t *bytes);

/* snap_file_parse() - the one JSON object in it; NULL likewise. */
struct json_object *snap_file_parse(struct snap_in *in, const char *text,
				    size_t bytes);

#endif /* TMEMCTL_SNAP_FILE_H */
