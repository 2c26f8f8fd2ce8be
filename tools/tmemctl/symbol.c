// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbol - names for a snapshot's addresses.
 *
 * The program only wrote addresses down, and which files were mapped where.
 * Each file is opened once, each address looked up once.
 */
#define _GNU_SOURCE
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "say.h"
#include "symbol.h"
#include "symbol_file.h"

/* struct image - a file that is, or was, looked into; @why: it is not used */
struct image {
	const char *path;
	const char *build_id;
	struct symbol_file *file;
	char why[96];
};

/*
 * struct symbols - from symbols_open() to symbols_close()
 * @found:  a tree of struct symbol, by address
 * @images: one for each file, in the order of their first use
 * @why:    no file is looked into, which is to be said; or NULL
 * @none:   what is found when there is no memory for more
 */
struct symbols {
	const struct snap *snap;
	bool names;
	const char *why;
	void *found;
	struct image *images;
	size_t n_images;
	struct symbol none;
};

struct symbols *symbols_open(const struct snap *snap, bool names)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (symbols)
		symbols->images =
			calloc(snap->n_modules + 1, sizeof(*symbols->images));
	if (symbols && symbols->images) {
		symbols->snap = snap;
		symbols->names = names;
		return symbols;
	}
	free(symbols);
	say("no memory for symbols");
	return NULL;
}

void symbols_withhold(struct symbols *symbols, const char *why)
{
	symbols->names = false;
	symbols->why = why;
}

static void free_symbol(void *item)
{
	struct symbol *symbol = item;

	free((char *)symbol->function);
	free((char *)symbol->inlined);
	free(symbol);
}

void symbols_close(struct symbols *symbols)
{
	size_t i;

	if (!symbols)
		return;
	tdestroy(symbols->found, free_symbol);
	for (i = 0; i < symbols->n_images; i++)
		symbol_file_close(symbols->images[i].file);
	free(symbols->images);
	free(symbols);
}

/* Several modules may be of one file.  There is room for each. */
static struct image *find_image(struct symbols *symbols,
				const struct snap_module *module)
{
	struct image *image;
	size_t i;

	for (i = 0; i < symbols->n_images; i++) {
		image = &symbols->images[i];
		if (!strcmp(image->path, module->path) &&
		    !strcmp(image->build_id, module->build_id))
			return image;
	}
	image = &symbols->images[symbols->n_images++];
	image->path = module->path;
	image->build_id = module->build_id;
	/* "[vdso]" and what has no name are no files. */
	if (*module->path == '/')
		image->file = symbol_file_open(module->path, module->build_id,
					       image->why, sizeof(image->why));
	return image;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* A return address is that of the instruction behind the call. */
static void fill(struct symbols *symbols, struct symbol *symbol)
{
	uint64_t call = symbol->address ? symbol->address - 1 : 0;
	const struct snap_module *module = snap_module(symbols->snap, call);
	struct symbol_found found;
	struct image *image;

	symbol->offset = symbol->address;
	if (!module || !*module->path)
		return;
	symbol->module = base_name(module->path);
	symbol->path = module->path;
	symbol->offset = symbol->address - module->base + module->offset;
	if (!symbols->names)
		return;
	image = find_image(symbols, module);
	if (!image->file)
		return;
	found = symbol_file_find(image->file, symbol->offset - 1);
	symbol->function = found.function;
	symbol->inlined = found.inlined;
	symbol->file = found.source;
	symbol->line = found.line;
}

static int compare(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

const struct symbol *symbols_find(struct symbols *symbols, uint64_t address)
{
	struct symbol key = { .address = address }, *symbol, **node;

	node = tfind(&key, &symbols->found, compare);
	if (node)
		return *node;
	symbol = calloc(1, sizeof(*symbol));
	if (symbol)
		symbol->address = address;
	if (symbol && tsearch(symbol, &symbols->found, compare)) {
		fill(symbols, symbol);
		return symbol;
	}
	free(symbol);
	symbols->none = key;
	symbols->none.offset = address;
	return &symbols->none;
}

/* --- text ----------------------------------------------------------------- */

struct symbol_text symbol_name(const struct symbol *symbol)
{
	unsigned long long offset = symbol->offset;
	struct symbol_text t;

	if (symbol->function)
		snprintf(t.text, sizeof(t.text), "%s", symbol->function);
	else if (symbol->module)
		snprintf(t.text, sizeof(t.text), "%s+0x%llx", symbol->module,
			 offset);
	else
		snprintf(t.text, sizeof(t.text), "0x%llx", offset);
	say_printable(t.text);
	return t;
}

/* As far as there is room. */
__attribute__((format(printf, 2, 3))) static void
append(struct symbol_text *t, const char *format, ...)
{
	size_t used = strlen(t->text);
	va_list args;

	va_start(args, format);
	vsnprintf(t->text + used, sizeof(t->text) - used, format, args);
	va_end(args);
}

struct symbol_text symbol_place(const struct symbol *symbol)
{
	struct symbol_text t = { "" };

	append(&t, "%s",
	       symbol->inlined ? symbol->inlined : symbol_name(symbol).text);
	if (symbol->file)
		append(&t, " at %s:%d", base_name(symbol->file), symbol->line);
	else if (symbol->function && symbol->module)
		append(&t, " in %s", symbol->module);
	if (symbol->inlined)
		append(&t, " in %s", symbol_name(symbol).text);
	say_printable(t.text);
	return t;
}

/* --- files that were not used --------------------------------------------- */

void symbols_trouble(const struct symbols *symbols)
{
	const struct image *image, *first = NULL;
	size_t i, n = 0;

	if (symbols->why)
		say("no symbols: %s", symbols->why);
	for (i = 0; i < symbols->n_images; i++) {
		image = &symbols->images[i];
		if (!*image->why || image->file)
			continue;
		first = first ? first : image;
		n++;
	}
	if (n == 1)
		say("no symbols of %s: %s", first->path, first->why);
	else if (n)
		say("no symbols of %s: %s; nor of %zu other files", first->path,
		    first->why, n - 1);
}

void symbols_note(const struct symbols *symbols)
{
	const struct image *image;
	char line[512];
	size_t i;

	if (symbols->why)
		printf("no symbols: %s\n", symbols->why);
	for (i = 0; i < symbols->n_images; i++) {
		image = &symbols->images[i];
		if (!*image->why || image->file)
			continue;
		snprintf(line, sizeof(line), "no symbols of %s: %s",
			 image->path, image->why);
		say_printable(line);
		puts(line);
	}
}

struct json_object *symbols_list(const struct symbols *symbols)
{
	struct json_object *array = json_array_make(), *item;
	const struct image *image;
	size_t i;

	if (symbols->why) {
		item = json_object_make();
		json_put_null(item, "path");
		json_put_text(item, "reason", symbols->why);
		json_append(array, item);
	}
	for (i = 0; i < symbols->n_images; i++) {
		image = &symbols->images[i];
		if (!*image->why || image->file)
			continue;
		item = json_object_make();
		json_put_text(item, "path", image->path);
		json_put_text(item, "reason", image->why);
		json_append(array, item);
	}
	return array;
}
