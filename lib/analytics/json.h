/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON text to a descriptor, through a buffer of its own, without a stream and
 * without malloc().  After the first error nothing more is written.
 */
#ifndef TMEM_ANALYTICS_JSON_H
#define TMEM_ANALYTICS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From tmem_json_open() to tmem_json_close(). */
struct tmem_json {
	char *buffer;
	size_t used;
	int fd;
	int error; /* 0 or -errno */
	bool comma; /* before what comes next */
};

/* 0 or -ENOMEM. */
int tmem_json_open(struct tmem_json *json, int fd);

/* What is left is written.  0, or the first error. */
int tmem_json_close(struct tmem_json *json);

/*
 * Members of an object; or, with @key NULL, elements of an array.  Keys are
 * written as they are.
 */
void tmem_json_begin(struct tmem_json *json, const char *key, char bracket);
void tmem_json_end(struct tmem_json *json, char bracket);
void tmem_json_number(struct tmem_json *json, const char *key, uint64_t value);
void tmem_json_real(struct tmem_json *json, const char *key, double value);
void tmem_json_bool(struct tmem_json *json, const char *key, bool value);
void tmem_json_hex(struct tmem_json *json, const char *key, uint64_t value);

/* Any bytes; what is no UTF-8 becomes U+FFFD. */
void tmem_json_text(struct tmem_json *json, const char *key, const char *text);

/* The bytes as hexadecimal digits. */
void tmem_json_bytes(struct tmem_json *json, const char *key,
		     const unsigned char *bytes, size_t size);

#endif /* TMEM_ANALYTICS_JSON_H */
