/* SPDX-License-Identifier: GPL-2.0-only */
/* The source lines of one ELF file, by address. */
#ifndef TMEMCTL_SYMBOL_LINES_H
#define TMEMCTL_SYMBOL_LINES_H

#include <elfutils/libdwfl.h>

struct symbol_lines {
	struct symbol_unit *units;
	size_t n;
	size_t room;
};

/* symbol_lines_make() - of all compilation units; empty without any. */
void symbol_lines_make(struct symbol_lines *lines, Dwfl_Module *module);
void symbol_lines_free(struct symbol_lines *lines);

/*
 * symbol_lines_find() - file and line of @address, which is one of libdwfl's.
 * @inlined: the function that this is of, as the linker would know it, if the
 *           compiler put it into another; or NULL
 * NULL: not known.
 */
const char *symbol_lines_find(const struct symbol_lines *lines,
			      GElf_Addr address, int *line,
			      const char **inlined);

#endif /* TMEMCTL_SYMBOL_LINES_H */
