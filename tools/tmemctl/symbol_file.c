// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbol_file - what a program or library on the disk knows of its own
 * addresses.
 *
 * A snapshot may be old or from another machine.  A file with another build-id
 * would name wrong functions, so it is not used.
 */
#define _GNU_SOURCE
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol_file.h"
#include "symbol_lines.h"
#include "symbol_table.h"

/*
 * struct symbol_file - from symbol_file_open() to symbol_file_close()
 * @bias:  what libdwfl adds to the file's own addresses
 * @table, @lines: made when the first address is asked for
 */
struct symbol_file {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Elf *elf;
	GElf_Addr bias;
	bool ready;
	struct symbol_table table;
	struct symbol_lines lines;
};

/* Only /usr/lib/debug: "off-line" is a promise (see forget_servers()). */
static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* libdwfl would ask these for debug information. */
static void forget_servers(void)
{
	unsetenv("DEBUGINFOD_URLS");
}

/* Names in a snapshot may be those of pipes and devices. */
static int open_plain(const char *path, char *why, unsigned int bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0) {
		snprintf(why, bytes, "%s", strerror(errno));
		return -1;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	snprintf(why, bytes, "no plain file");
	close(fd);
	return -1;
}

static void hex(char *text, size_t room, const unsigned char *id, ssize_t bytes)
{
	ssize_t i;

	*text = 0;
	for (i = 0; i < bytes && (size_t)(2 * i) + 2 < room; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static bool check_id(Elf *elf, const char *wanted, char *why,
		     unsigned int bytes)
{
	const void *id;
	char text[129];

	hex(text, sizeof(text), id, dwelf_elf_gnu_build_id(elf, &id));
	if (!*wanted || !strcasecmp(text, wanted))
		return true;
	snprintf(why, bytes,
		 "another build than the one that ran "
		 "(build-id %.12s, not %.12s)",
		 *text ? text : "none", wanted);
	return false;
}

struct symbol_file *symbol_file_open(const char *path, const char *build_id,
				     char *why, unsigned int bytes)
{
	struct symbol_file *file;
	int fd = open_plain(path, why, bytes);

	if (fd < 0)
		return NULL;
	forget_servers();
	snprintf(why, bytes, "no memory");
	file = calloc(1, sizeof(*file));
	if (file)
		file->dwfl = dwfl_begin(&callbacks);
	if (file && file->dwfl) {
		/* The descriptor is the module's if there is one. */
		file->module = dwfl_report_offline(file->dwfl, path, path, fd);
		if (!file->module)
			snprintf(why, bytes, "no program or library");
	}
	if (!file || !file->module)
		close(fd);
	if (file && file->module)
		file->elf = dwfl_module_getelf(file->module, &file->bias);
	if (file && file->elf && check_id(file->elf, build_id, why, bytes))
		return file;
	symbol_file_close(file);
	return NULL;
}

void symbol_file_close(struct symbol_file *file)
{
	if (!file)
		return;
	symbol_table_free(&file->table);
	symbol_lines_free(&file->lines);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	free(file);
}

/* Where the linker put what stands at @offset in the file. */
static bool find_address(struct symbol_file *file, uint64_t offset,
			 GElf_Addr *address)
{
	GElf_Phdr header;
	size_t i, n;

	if (elf_getphdrnum(file->elf, &n))
		return false;
	for (i = 0; i < n; i++) {
		if (!gelf_getphdr(file->elf, (int)i, &header) ||
		    header.p_type != PT_LOAD || offset < header.p_offset ||
		    offset - header.p_offset >= header.p_filesz)
			continue;
		*address =
			offset - header.p_offset + header.p_vaddr + file->bias;
		return true;
	}
	return false;
}

/* C++ and Rust; what is neither stays as it is. */
static char *plain_name(const char *name)
{
	char *plain = cplus_demangle(name, DMGL_AUTO | DMGL_ANSI);

	return plain ? plain : strdup(name);
}

static void make_ready(struct symbol_file *file)
{
	if (file->ready)
		return;
	symbol_table_make(&file->table, file->module);
	symbol_lines_make(&file->lines, file->module);
	file->ready = true;
}

struct symbol_found symbol_file_find(struct symbol_file *file, uint64_t offset)
{
	struct symbol_found found = { 0 };
	const char *name, *inlined;
	GElf_Addr address;

	if (!find_address(file, offset, &address))
		return found;
	make_ready(file);
	name = symbol_table_find(&file->table, address);
	if (name)
		found.function = plain_name(name);
	found.source =
		symbol_lines_find(&file->lines, address, &found.line, &inlined);
	if (inlined)
		found.inlined = plain_name(inlined);
	return found;
}
