// SPDX-License-Identifier: GPL-2.0-only
/*
 * fields - the words of a record.
 *
 * strtoull() takes signs, blanks, and reads past the end of a line; a trace
 * from elsewhere must not get that far.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

bool fields_fail(struct fields *fields, const char *format, ...)
{
	va_list args;

	if (fields->error[0])
		return false;
	va_start(args, format);
	vsnprintf(fields->error, sizeof(fields->error), format, args);
	va_end(args);
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool digits(struct fields *fields, const char *name, uint64_t *value)
{
	*value = 0;
	for (; fields->at < fields->end && is_digit(*fields->at); fields->at++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *fields->at - '0', value))
			return fields_fail(fields, "%s is too large", name);
	return true;
}

bool fields_number(struct fields *fields, const char *name, uint64_t *value)
{
	if (fields->error[0])
		return false;
	if (fields->at < fields->end && *fields->at == ' ')
		fields->at++;
	if (fields->at == fields->end)
		return fields_fail(fields, "%s is missing", name);
	if (fields->end - fields->at > 1 && fields->at[0] == '-' &&
	    is_digit(fields->at[1]))
		return fields_fail(fields, "%s is negative", name);
	if (!is_digit(*fields->at))
		return fields_fail(fields, "%s is no number", name);
	if (!digits(fields, name, value))
		return false;
	if (fields->at < fields->end && *fields->at != ' ')
		return fields_fail(fields, "%s is no number", name);
	return true;
}

bool fields_end(struct fields *fields)
{
	if (!fields->error[0] && fields->at < fields->end)
		return fields_fail(fields, "something follows the last field");
	return !fields->error[0];
}

bool fields_total(struct fields *fields, const char *name, uint64_t *value)
{
	struct fields tail = { .end = fields->end };
	char key[32];
	int length = snprintf(key, sizeof(key), " %s=", name);

	tail.at = memmem(fields->at, (size_t)(fields->end - fields->at), key,
			 (size_t)length);
	if (!tail.at)
		return fields_fail(fields, "the footer has no %s=", name);
	tail.at += length;
	if (!fields_number(&tail, name, value))
		return fields_fail(fields, "the footer's %s", tail.error);
	return true;
}
