// SPDX-License-Identifier: GPL-2.0-only
/*
 * json - json-c with its errors handled in one place.
 *
 * Numbers have three digits after the point: the clock is not better, and
 * json-c's own 17 digits are unreadable.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "say.h"

static struct json_object *must(struct json_object *object)
{
	if (object)
		return object;
	say("no memory for the JSON report");
	exit(EXIT_FAILED);
}

struct json_object *json_object_make(void)
{
	return must(json_object_new_object());
}

struct json_object *json_array_make(void)
{
	return must(json_object_new_array());
}

void json_put_child(struct json_object *object, const char *key,
		    struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		must(NULL);
}

void json_put_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_put_child(object, key, must(json_object_new_uint64(value)));
}

void json_put_i64(struct json_object *object, const char *key, int64_t value)
{
	json_put_child(object, key, must(json_object_new_int64(value)));
}

void json_put_number(struct json_object *object, const char *key, double value)
{
	/* JSON knows neither "not a number" nor infinity. */
	struct json_object *number =
		must(json_object_new_double(isfinite(value) ? value : 0));

	json_object_set_serializer(number, json_object_double_to_json_string,
				   (void *)"%.3f", NULL);
	json_put_child(object, key, number);
}

void json_put_bool(struct json_object *object, const char *key, bool value)
{
	json_put_child(object, key, must(json_object_new_boolean(value)));
}

void json_put_text(struct json_object *object, const char *key,
		   const char *value)
{
	json_put_child(object, key, must(json_object_new_string(value)));
}

void json_put_null(struct json_object *object, const char *key)
{
	json_put_child(object, key, NULL);
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		must(NULL);
}

void json_append_u64(struct json_object *array, uint64_t value)
{
	json_append(array, must(json_object_new_uint64(value)));
}

void json_append_text(struct json_object *array, const char *value)
{
	json_append(array, must(json_object_new_string(value)));
}

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

bool json_print_line(struct json_object *object)
{
	puts(json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return !fflush(stdout) && !ferror(stdout);
}
