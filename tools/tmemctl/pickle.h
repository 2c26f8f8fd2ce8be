/* SPDX-License-Identifier: GPL-2.0-only */
/* Python's pickle format, protocol 2, as far as data needs it. */
#ifndef TMEMCTL_PICKLE_H
#define TMEMCTL_PICKLE_H

#include <stdint.h>
#include <stdio.h>

void pickle_begin(FILE *out);
void pickle_end(FILE *out);

void pickle_dict(FILE *out); /* empty; then, for each member: */
void pickle_key(FILE *out, const char *key); /* and its value, and */
void pickle_put(FILE *out); /* into the dict */

void pickle_list(FILE *out); /* empty; then, for each element, its value and */
void pickle_append(FILE *out); /* into the list */

void pickle_text(FILE *out, const char *text);
void pickle_bool(FILE *out, int value);
void pickle_number(FILE *out, uint64_t number); /* below 2^63 */

/* Remember what was written last, and write it again. */
void pickle_keep(FILE *out, uint32_t slot);
void pickle_again(FILE *out, uint32_t slot);

/* Both at once. */
void pickle_put_text(FILE *out, const char *key, const char *text);
void pickle_put_number(FILE *out, const char *key, uint64_t number);

#endif /* TMEMCTL_PICKLE_H */
