// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers are made by hand: what stdio has for that may allocate, and looks at
 * the locale.
 */
#include "analytics/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "arena/backend.h"

#define BUFFER_BYTES ((size_t)64 << 10)

static const char digits[] = "0123456789abcdef";

int tmem_json_open(struct tmem_json *json, int fd)
{
	*json = (struct tmem_json){
		.buffer = tmem_os_table(BUFFER_BYTES),
		.fd = fd,
	};
	return json->buffer ? 0 : -ENOMEM;
}

static void json_flush(struct tmem_json *json)
{
	size_t done = 0;
	ssize_t n;

	while (done < json->used && !json->error) {
		n = write(json->fd, json->buffer + done, json->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (!n)
			json->error = -EIO;
		else if (errno != EINTR)
			json->error = -errno;
	}
	json->used = 0;
}

int tmem_json_close(struct tmem_json *json)
{
	json_flush(json);
	tmem_os_table_free(json->buffer, BUFFER_BYTES);
	return json->error;
}

static void json_byte(struct tmem_json *json, char byte)
{
	if (json->used == BUFFER_BYTES)
		json_flush(json);
	json->buffer[json->used++] = byte;
}

static void json_raw(struct tmem_json *json, const char *text)
{
	while (*text)
		json_byte(json, *text++);
}

/* Before each member or element. */
static void json_key(struct tmem_json *json, const char *key)
{
	if (json->comma)
		json_byte(json, ',');
	json->comma = true;
	if (!key)
		return;
	json_byte(json, '"');
	json_raw(json, key);
	json_raw(json, "\":");
}

void tmem_json_begin(struct tmem_json *json, const char *key, char bracket)
{
	json_key(json, key);
	json_byte(json, bracket);
	json->comma = false;
}

void tmem_json_end(struct tmem_json *json, char bracket)
{
	json_byte(json, bracket);
	json->comma = true;
}

static void json_digits(struct tmem_json *json, uint64_t value, uint64_t base,
			unsigned int least)
{
	char text[24];
	unsigned int n = 0;

	do {
		text[n++] = digits[value % base];
		value /= base;
	} while (value || n < least);
	while (n)
		json_byte(json, text[--n]);
}

void tmem_json_number(struct tmem_json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_digits(json, value, 10, 1);
}

/* Six decimals; what is no number is null. */
void tmem_json_real(struct tmem_json *json, const char *key, double value)
{
	uint64_t whole, rest;

	json_key(json, key);
	if (!(fabs(value) < 1e18)) {
		json_raw(json, "null");
		return;
	}
	if (value < 0)
		json_byte(json, '-');
	value = fabs(value);
	whole = (uint64_t)value;
	rest = (uint64_t)((value - (double)whole) * 1e6 + 0.5);
	if (rest == 1000000) {
		whole++;
		rest = 0;
	}
	json_digits(json, whole, 10, 1);
	json_byte(json, '.');
	json_digits(json, rest, 10, 6);
}

void tmem_json_bool(struct tmem_json *json, const char *key, bool value)
{
	json_key(json, key);
	json_raw(json, value ? "true" : "false");
}

void tmem_json_hex(struct tmem_json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_raw(json, "\"0x");
	json_digits(json, value, 16, 1);
	json_byte(json, '"');
}

/* Bytes of the UTF-8 character that is there, or 0. */
static unsigned int utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int n, i;
	uint32_t c;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	return n;
}

static void json_escape(struct tmem_json *json, unsigned char c)
{
	if (c == '"' || c == '\\') {
		json_byte(json, '\\');
		json_byte(json, (char)c);
	} else if (c < ' ' || c == 0x7f) {
		json_raw(json, "\\u");
		json_digits(json, c, 16, 4);
	} else {
		json_byte(json, (char)c);
	}
}

void tmem_json_text(struct tmem_json *json, const char *key, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned int n;

	json_key(json, key);
	json_byte(json, '"');
	while (*s) {
		n = utf8_length(s);
		if (!n) {
			json_raw(json, "\\ufffd");
			s++;
		} else if (n == 1) {
			json_escape(json, *s++);
		} else {
			while (n--)
				json_byte(json, (char)*s++);
		}
	}
	json_byte(json, '"');
}

void tmem_json_bytes(struct tmem_json *json, const char *key,
		     const unsigned char *bytes, size_t size)
{
	size_t i;

	json_key(json, key);
	json_byte(json, '"');
	for (i = 0; i < size; i++)
		json_digits(json, bytes[i], 16, 2);
	json_byte(json, '"');
}
