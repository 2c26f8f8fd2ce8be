/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of a record. */
#ifndef TMEMCTL_FIELDS_H
#define TMEMCTL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * struct fields - a record, taken apart from left to right.  After the first
 * mistake every call returns false and @error keeps saying what it was.
 */
struct fields {
	const char *at;
	const char *end;
	char error[160];
};

/* fields_fail() - false, always. */
__attribute__((format(printf, 2, 3))) bool fields_fail(struct fields *fields,
						       const char *format, ...);

/* fields_number() - the next field as a number; @name is for the message. */
bool fields_number(struct fields *fields, const char *name, uint64_t *value);

/* fields_end() - true if nothing is left. */
bool fields_end(struct fields *fields);

/* fields_total() - the number behind " @name=" anywhere in the record. */
bool fields_total(struct fields *fields, const char *name, uint64_t *value);

#endif /* TMEMCTL_FIELDS_H */
