/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for a snapshot's addresses. */
#ifndef TMEMCTL_SYMBOL_H
#define TMEMCTL_SYMBOL_H

#include "snap.h"

/*
 * struct symbol - what is known of a return address
 * @function: NULL: not known
 * @inlined:  the function, which the compiler put into @function, that @file
 *            and @line are of; or NULL
 * @file:     of the source, with @line; NULL: not known
 * @module:   base name of the program or library; NULL: none was mapped there
 * @path:     its whole name
 * @offset:   in that file; the address itself without a module
 */
struct symbol {
	uint64_t address;
	const char *function;
	const char *inlined;
	const char *file;
	int line;
	const char *module;
	const char *path;
	uint64_t offset;
};

struct symbols;

/*
 * symbols_open() - for the addresses of @snap.  Without @names no file is
 * looked into, and only modules and offsets are known.  To be closed before
 * the snapshot is freed.  NULL: no memory, said.
 */
struct symbols *symbols_open(const struct snap *snap, bool names);

/* symbols_withhold() - look into no file; the reports have @why. */
void symbols_withhold(struct symbols *symbols, const char *why);
void symbols_close(struct symbols *symbols);

/*
 * symbols_find() - never NULL; lives as long as @symbols.  Only the first time
 * files are opened.
 */
const struct symbol *symbols_find(struct symbols *symbols, uint64_t address);

/* struct symbol_text - by value, so that several fit in one printf() */
struct symbol_text {
	char text[512];
};

/* "function", "module+0x1234" or "0x1234"; printable, in one line. */
struct symbol_text symbol_name(const struct symbol *symbol);

/*
 * The same with " at file.c:12" behind it, if that is known; of an inlined
 * function "that at file.c:12 in function".
 */
struct symbol_text symbol_place(const struct symbol *symbol);

/*
 * symbols_trouble() - say, in one line on standard error, which files were not
 * used because they are not those that ran, or cannot be read.
 */
void symbols_trouble(const struct symbols *symbols);

/* symbols_note() - the same as lines of a report, on standard output. */
void symbols_note(const struct symbols *symbols);

/* symbols_list() - the same for programs: an array of path and reason. */
struct json_object *symbols_list(const struct symbols *symbols);

#endif /* TMEMCTL_SYMBOL_H */
