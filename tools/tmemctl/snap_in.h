/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking a JSON document apart, with one complaint about the first mistake. */
#ifndef TMEMCTL_SNAP_IN_H
#define TMEMCTL_SNAP_IN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * struct snap_in - a document being read
 * @name:   the file, for messages
 * @where:  the part of it, as in "sites[3]."
 * @failed: something was said; what the calls return then is 0, "" or NULL
 */
struct snap_in {
	const char *name;
	char where[64];
	bool failed;
};

/* snap_in_fail() - say what is wrong; the first time only. */
__attribute__((format(printf, 2, 3))) void
snap_in_fail(struct snap_in *in, const char *format, ...);

/* snap_in_at() - the members asked for from here on are of that part. */
__attribute__((format(printf, 2, 3))) void snap_in_at(struct snap_in *in,
						      const char *format, ...);

/* A member that must be there and of that type; numbers up to 2^62. */
uint64_t snap_in_count(struct snap_in *in, struct json_object *object,
		       const char *key);
double snap_in_number(struct snap_in *in, struct json_object *object,
		      const char *key);
bool snap_in_bool(struct snap_in *in, struct json_object *object,
		  const char *key);
const char *snap_in_text(struct snap_in *in, struct json_object *object,
			 const char *key);
uint64_t snap_in_address(struct snap_in *in, struct json_object *object,
			 const char *key);
struct json_object *snap_in_object(struct snap_in *in,
				   struct json_object *object, const char *key);

/* snap_in_array() - an array of at most @most elements; @n is how many. */
struct json_object *snap_in_array(struct snap_in *in,
				  struct json_object *object, const char *key,
				  size_t most, size_t *n);

/* Elements of an array. */
struct json_object *snap_in_item(struct snap_in *in, struct json_object *array,
				 size_t i);
uint64_t snap_in_item_count(struct snap_in *in, struct json_object *array,
			    size_t i);
uint64_t snap_in_item_address(struct snap_in *in, struct json_object *array,
			      size_t i);

/* snap_in_make() - zeroed memory for @n things; not NULL unless it failed. */
void *snap_in_make(struct snap_in *in, size_t n, size_t bytes);

#endif /* TMEMCTL_SNAP_IN_H */
