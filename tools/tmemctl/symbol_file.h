/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program or library on the disk knows of its own addresses. */
#ifndef TMEMCTL_SYMBOL_FILE_H
#define TMEMCTL_SYMBOL_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct symbol_file;

/*
 * symbol_file_open() - the file at @path, if its build-id is @build_id
 * (hexadecimal; "": any).  NULL if it cannot be used, and @why says why.
 */
struct symbol_file *symbol_file_open(const char *path, const char *build_id,
				     char *why, unsigned int bytes);
void symbol_file_close(struct symbol_file *file);

/*
 * struct symbol_found - NULL and 0: not known
 * @function: the linker's; to be freed
 * @inlined:  the one in it that @source and @line are of, or NULL; likewise
 */
struct symbol_found {
	char *function;
	char *inlined;
	const char *source;
	int line;
};

/* symbol_file_find() - of the byte at @offset in the file. */
struct symbol_found symbol_file_find(struct symbol_file *file, uint64_t offset);

#endif /* TMEMCTL_SYMBOL_FILE_H */
