/* SPDX-License-Identifier: GPL-2.0-only */
/* Text in columns. */
#ifndef TMEMCTL_TABLE_H
#define TMEMCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "pages.h"

#define TABLE_COLUMNS 16
#define TABLE_CELL 48 /* longer text is cut off */

/*
 * struct table - rows that are printed at once, when the widths are known.
 * From table_begin() to table_print().
 */
struct table {
	struct vec rows;
	unsigned int columns;
	bool left[TABLE_COLUMNS];
};

/*
 * table_begin() - a table with that heading: words, separated by blanks.  A
 * word that begins with '<' heads a column of text, aligned left, and is
 * printed without it.
 */
void table_begin(struct table *table, const char *heading);

/* table_row() - the cells put from here on stand in a new row. */
void table_row(struct table *table);

/* table_put() - the next cell of the row.  Odd bytes become '?'. */
__attribute__((format(printf, 2, 3))) void table_put(struct table *table,
						     const char *format, ...);

/* table_print() - on stdout, and free it. */
void table_print(struct table *table);

#endif /* TMEMCTL_TABLE_H */
