// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbol_lines - the source lines of one ELF file, by address.
 *
 * libdwfl finds a compilation unit by a section that clang does not write, so
 * the units are listed here by their own ranges.
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

#include "symbol_lines.h"

/* struct symbol_unit - code at [@start, @end), less the bias, is @unit's */
struct symbol_unit {
	GElf_Addr start;
	GElf_Addr end;
	GElf_Addr bias;
	Dwarf_Die unit;
};

static int compare(const void *left, const void *right)
{
	const struct symbol_unit *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static bool add(struct symbol_lines *lines, const struct symbol_unit *unit)
{
	struct symbol_unit *larger;

	if (lines->n == lines->room) {
		lines->room = lines->room ? lines->room * 2 : 256;
		larger = reallocarray(lines->units, lines->room,
				      sizeof(*larger));
		if (!larger)
			return false;
		lines->units = larger;
	}
	lines->units[lines->n++] = *unit;
	return true;
}

static bool add_ranges(struct symbol_lines *lines, Dwarf_Die *die,
		       GElf_Addr bias)
{
	struct symbol_unit unit = { .bias = bias, .unit = *die };
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		unit.start = start + bias;
		unit.end = end + bias;
		if (start < end && !add(lines, &unit))
			return false;
	}
	return true;
}

void symbol_lines_make(struct symbol_lines *lines, Dwfl_Module *module)
{
	Dwarf_Die *die = NULL;
	Dwarf_Addr bias;

	lines->units = NULL;
	lines->n = lines->room = 0;
	do {
		die = dwfl_module_nextcu(module, die, &bias);
	} while (die && add_ranges(lines, die, bias));
	if (lines->n)
		qsort(lines->units, lines->n, sizeof(*lines->units), compare);
}

void symbol_lines_free(struct symbol_lines *lines)
{
	free(lines->units);
	lines->units = NULL;
	lines->n = 0;
}

static struct symbol_unit *find(const struct symbol_lines *lines,
				GElf_Addr address)
{
	size_t low = 0, high = lines->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (lines->units[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= lines->units[low - 1].end)
		return NULL;
	return &lines->units[low - 1];
}

static const char *linker_name(Dwarf_Die *function)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : dwarf_diename(function);
}

/* The innermost function around it, if that is not one of the linker's. */
static const char *find_inlined(struct symbol_unit *unit, GElf_Addr address)
{
	const char *name = NULL;
	Dwarf_Die *scopes = NULL;
	int i, n, tag = 0;

	n = dwarf_getscopes(&unit->unit, address - unit->bias, &scopes);
	for (i = 0; i < n; i++) {
		tag = dwarf_tag(&scopes[i]);
		if (tag == DW_TAG_inlined_subroutine ||
		    tag == DW_TAG_subprogram)
			break;
	}
	if (i < n && tag == DW_TAG_inlined_subroutine)
		name = linker_name(&scopes[i]);
	free(scopes);
	return name;
}

const char *symbol_lines_find(const struct symbol_lines *lines,
			      GElf_Addr address, int *line,
			      const char **inlined)
{
	struct symbol_unit *unit = find(lines, address);
	Dwarf_Line *found;
	const char *file;

	*inlined = NULL;
	*line = 0;
	if (!unit)
		return NULL;
	found = dwarf_getsrc_die(&unit->unit, address - unit->bias);
	file = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
	if (file)
		dwarf_lineno(found, line);
	*inlined = find_inlined(unit, address);
	return file;
}
