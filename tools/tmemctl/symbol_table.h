/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions of one ELF file, by address. */
#ifndef TMEMCTL_SYMBOL_TABLE_H
#define TMEMCTL_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>

struct symbol_table {
	struct symbol_range *ranges;
	size_t n;
};

/* symbol_table_make() - from all that @module has; empty if it has none. */
void symbol_table_make(struct symbol_table *table, Dwfl_Module *module);
void symbol_table_free(struct symbol_table *table);

/* symbol_table_find() - the name as the linker knows it, or NULL. */
const char *symbol_table_find(const struct symbol_table *table,
			      GElf_Addr address);

#endif /* TMEMCTL_SYMBOL_TABLE_H */
