// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap_in - taking a JSON document apart.
 *
 * Snapshots come from other programs, and lie about on disks.  Whoever reads
 * one asks for member after member without looking at each answer; the first
 * mistake is said with its place, and all that follows is empty.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "snap_in.h"

/* Nanoseconds since 1970 need more than 60 bits. */
#define COUNT_MAX (1ULL << 62)

void snap_in_fail(struct snap_in *in, const char *format, ...)
{
	char what[256];
	va_list args;

	if (in->failed)
		return;
	in->failed = true;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	say("%s: %s", in->name, what);
}

void snap_in_at(struct snap_in *in, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(in->where, sizeof(in->where), format, args);
	va_end(args);
}

/* NULL: it is missing, or something was wrong before. */
static struct json_object *member(struct snap_in *in,
				  struct json_object *object, const char *key)
{
	struct json_object *value;

	if (in->failed)
		return NULL;
	if (json_object_object_get_ex(object, key, &value) && value)
		return value;
	snap_in_fail(in, "%s%s is missing", in->where, key);
	return NULL;
}

static uint64_t count(struct snap_in *in, struct json_object *value,
		      const char *key)
{
	uint64_t n;

	if (!value)
		return 0;
	if (!json_object_is_type(value, json_type_int)) {
		snap_in_fail(in, "%s%s is no whole number", in->where, key);
		return 0;
	}
	if (json_object_get_int64(value) < 0) {
		snap_in_fail(in, "%s%s is negative", in->where, key);
		return 0;
	}
	n = json_object_get_uint64(value);
	if (n <= COUNT_MAX)
		return n;
	snap_in_fail(in, "%s%s is absurd: %llu", in->where, key,
		     (unsigned long long)n);
	return 0;
}

static bool is_text(struct snap_in *in, struct json_object *value,
		    const char *key)
{
	const char *text;

	if (!value)
		return false;
	if (!json_object_is_type(value, json_type_string)) {
		snap_in_fail(in, "%s%s is no text", in->where, key);
		return false;
	}
	text = json_object_get_string(value);
	if (strlen(text) == (size_t)json_object_get_string_len(value))
		return true;
	snap_in_fail(in, "%s%s holds a zero byte", in->where, key);
	return false;
}

/* "0x" and at most 16 digits. */
static uint64_t address(struct snap_in *in, struct json_object *value,
			const char *key)
{
	const char *text;
	size_t length;

	if (!is_text(in, value, key))
		return 0;
	text = json_object_get_string(value);
	length = strlen(text);
	if (length > 2 && length <= 18 && !memcmp(text, "0x", 2) &&
	    strspn(text + 2, "0123456789abcdefABCDEF") == length - 2)
		return strtoull(text, NULL, 16);
	snap_in_fail(in, "%s%s is no address: '%.24s'", in->where, key, text);
	return 0;
}

uint64_t snap_in_count(struct snap_in *in, struct json_object *object,
		       const char *key)
{
	return count(in, member(in, object, key), key);
}

double snap_in_number(struct snap_in *in, struct json_object *object,
		      const char *key)
{
	struct json_object *value = member(in, object, key);
	double number;

	if (!value)
		return 0;
	number = json_object_get_double(value);
	if ((json_object_is_type(value, json_type_double) ||
	     json_object_is_type(value, json_type_int)) &&
	    isfinite(number) && fabs(number) <= (double)COUNT_MAX)
		return number;
	snap_in_fail(in, "%s%s is no number, or absurd", in->where, key);
	return 0;
}

bool snap_in_bool(struct snap_in *in, struct json_object *object,
		  const char *key)
{
	struct json_object *value = member(in, object, key);

	if (value && !json_object_is_type(value, json_type_boolean))
		snap_in_fail(in, "%s%s is neither true nor false", in->where,
			     key);
	return value && json_object_get_boolean(value);
}

const char *snap_in_text(struct snap_in *in, struct json_object *object,
			 const char *key)
{
	struct json_object *value = member(in, object, key);

	return is_text(in, value, key) ? json_object_get_string(value) : "";
}

uint64_t snap_in_address(struct snap_in *in, struct json_object *object,
			 const char *key)
{
	return address(in, member(in, object, key), key);
}

struct json_object *snap_in_object(struct snap_in *in,
				   struct json_object *object, const char *key)
{
	struct json_object *value = member(in, object, key);

	if (value && !json_object_is_type(value, json_type_object))
		snap_in_fail(in, "%s%s is no object", in->where, key);
	return in->failed ? NULL : value;
}

struct json_object *snap_in_array(struct snap_in *in,
				  struct json_object *object, const char *key,
				  size_t most, size_t *n)
{
	struct json_object *value = member(in, object, key);

	*n = 0;
	if (!value)
		return NULL;
	if (!json_object_is_type(value, json_type_array)) {
		snap_in_fail(in, "%s%s is no array", in->where, key);
		return NULL;
	}
	*n = json_object_array_length(value);
	if (*n <= most)
		return value;
	snap_in_fail(in, "%s%s is absurd: %zu elements", in->where, key, *n);
	*n = 0;
	return NULL;
}

struct json_object *snap_in_item(struct snap_in *in, struct json_object *array,
				 size_t i)
{
	struct json_object *value;

	if (in->failed)
		return NULL;
	value = json_object_array_get_idx(array, i);
	if (value && json_object_is_type(value, json_type_object))
		return value;
	snap_in_fail(in, "%.*s is no object", (int)strlen(in->where) - 1,
		     in->where);
	return NULL;
}

static struct json_object *
element(struct snap_in *in, struct json_object *array, size_t i, char key[24])
{
	struct json_object *value;

	if (in->failed)
		return NULL;
	snprintf(key, 24, "[%zu]", i);
	value = json_object_array_get_idx(array, i);
	if (!value)
		snap_in_fail(in, "%s%s is missing", in->where, key);
	return value;
}

uint64_t snap_in_item_count(struct snap_in *in, struct json_object *array,
			    size_t i)
{
	char key[24];
	struct json_object *value = element(in, array, i, key);

	return count(in, value, key);
}

uint64_t snap_in_item_address(struct snap_in *in, struct json_object *array,
			      size_t i)
{
	char key[24];
	struct json_object *value = element(in, array, i, key);

	return address(in, value, key);
}

void *snap_in_make(struct snap_in *in, size_t n, size_t bytes)
{
	void *memory = calloc(n ? n : 1, bytes);

	if (!memory)
		snap_in_fail(in, "no memory for %zu elements", n);
	return memory;
}
