// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbol_table - the functions of one ELF file, by address.
 *
 * libdwfl looks through all symbols for each address; a library of machine
 * learning has 300,000 of them, and a snapshot thousands of addresses.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "symbol_table.h"

/* struct symbol_range - [@start, @end) is @name's */
struct symbol_range {
	GElf_Addr start;
	GElf_Addr end;
	const char *name;
};

/* Long functions behind short ones: the last that fits is found first. */
static int compare(const void *left, const void *right)
{
	const struct symbol_range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end < b->end ? 1 : a->end > b->end ? -1 : 0;
}

static bool is_code(const GElf_Sym *symbol, GElf_Word section)
{
	unsigned int type = GELF_ST_TYPE(symbol->st_info);

	return section != SHN_UNDEF && symbol->st_value &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC);
}

void symbol_table_make(struct symbol_table *table, Dwfl_Module *module)
{
	int i, count = dwfl_module_getsymtab(module);
	struct symbol_range *range;
	GElf_Word section;
	GElf_Addr address;
	const char *name;
	GElf_Sym symbol;

	table->n = 0;
	table->ranges = count > 0 ? calloc((size_t)count, sizeof(*range)) :
				    NULL;
	for (i = 1; table->ranges && i < count; i++) {
		name = dwfl_module_getsym_info(module, i, &symbol, &address,
					       &section, NULL, NULL);
		if (!name || !*name || !is_code(&symbol, section))
			continue;
		range = &table->ranges[table->n++];
		range->start = address;
		/* Assembler says no sizes. */
		range->end = address + (symbol.st_size ? symbol.st_size : 1);
		range->name = name;
	}
	if (table->n)
		qsort(table->ranges, table->n, sizeof(*range), compare);
}

void symbol_table_free(struct symbol_table *table)
{
	free(table->ranges);
	table->ranges = NULL;
}

/* How far back a function is looked for that others lie in. */
#define NESTED 16

const char *symbol_table_find(const struct symbol_table *table,
			      GElf_Addr address)
{
	size_t low = 0, high = table->n, middle, i;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (table->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (i = 1; i <= low && i <= NESTED; i++)
		if (address < table->ranges[low - i].end)
			return table->ranges[low - i].name;
	return NULL;
}
