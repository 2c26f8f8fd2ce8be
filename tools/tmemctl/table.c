// SPDX-License-Identifier: GPL-2.0-only
/*
 * table - text in columns that are as wide as what stands in them.
 *
 * Names of processes and arenas come from anybody, so nothing that a terminal
 * would obey leaves here.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "table.h"

struct row {
	unsigned int used;
	char cell[TABLE_COLUMNS][TABLE_CELL];
};

static struct row *row_at(const struct table *table, size_t i)
{
	return (struct row *)table->rows.data + i;
}

void table_row(struct table *table)
{
	if (vec_add(&table->rows))
		return;
	say("no memory for the table");
	exit(EXIT_FAILED);
}

void table_put(struct table *table, const char *format, ...)
{
	struct row *row = row_at(table, table->rows.used - 1);
	char *cell = row->cell[row->used++];
	va_list args;

	va_start(args, format);
	vsnprintf(cell, TABLE_CELL, format, args);
	va_end(args);
	for (; *cell; cell++)
		if (*cell < ' ' || *cell > '~')
			*cell = '?';
}

void table_begin(struct table *table, const char *heading)
{
	int length;

	memset(table, 0, sizeof(*table));
	table->rows.item = sizeof(struct row);
	table_row(table);
	for (; *heading; heading += length + (heading[length] == ' ')) {
		table->left[table->columns] = *heading == '<';
		heading += *heading == '<';
		length = (int)strcspn(heading, " ");
		table_put(table, "%.*s", length, heading);
		table->columns++;
	}
}

static int width(const struct table *table, unsigned int column)
{
	size_t i, length, most = 0;

	for (i = 0; i < table->rows.used; i++) {
		length = strlen(row_at(table, i)->cell[column]);
		most = length > most ? length : most;
	}
	return (int)most;
}

static void print_row(const struct row *row, const bool *left,
		      const int *widths)
{
	unsigned int i;

	for (i = 0; i < row->used; i++) {
		if (i)
			fputs("  ", stdout);
		/* No blanks at the end of a line. */
		if (left[i] && i + 1 == row->used)
			fputs(row->cell[i], stdout);
		else
			printf("%*s", left[i] ? -widths[i] : widths[i],
			       row->cell[i]);
	}
	putchar('\n');
}

void table_print(struct table *table)
{
	int widths[TABLE_COLUMNS];
	unsigned int i;

	for (i = 0; i < table->columns; i++)
		widths[i] = width(table, i);
	for (i = 0; i < table->rows.used; i++)
		print_row(row_at(table, i), table->left, widths);
	vec_free(&table->rows);
}
