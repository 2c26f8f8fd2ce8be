/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON for programs: json-c with its errors handled in one place. */
#ifndef TMEMCTL_JSON_H
#define TMEMCTL_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One object is put together and printed at the end.  Running out of memory
 * for it ends the program: nothing sensible could be printed.
 */
struct json_object *json_object_make(void);
struct json_object *json_array_make(void);

/* Add a member.  @value of json_put_child() belongs to @object afterwards. */
void json_put_u64(struct json_object *object, const char *key, uint64_t value);
void json_put_i64(struct json_object *object, const char *key, int64_t value);
void json_put_number(struct json_object *object, const char *key, double value);
void json_put_bool(struct json_object *object, const char *key, bool value);
void json_put_text(struct json_object *object, const char *key,
		   const char *value);
void json_put_child(struct json_object *object, const char *key,
		    struct json_object *value);
void json_put_null(struct json_object *object, const char *key);

/* Add an element, which belongs to @array afterwards. */
void json_append(struct json_object *array, struct json_object *value);
void json_append_u64(struct json_object *array, uint64_t value);
void json_append_text(struct json_object *array, const char *value);

/* json_print() - on stdout, and free it. */
void json_print(struct json_object *object);

/*
 * json_print_line() - the same in one line, which is out when it returns.
 * False if it could not be written.
 */
bool json_print_line(struct json_object *object);

#endif /* TMEMCTL_JSON_H */
