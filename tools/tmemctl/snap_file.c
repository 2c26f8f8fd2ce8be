// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap_file - the text of a snapshot, and its JSON.
 *
 * It may come through a pipe, from a process that dies in the middle, or be no
 * snapshot at all: nothing is believed of its length.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snap_file.h"

#define BLANKS " \t\r\n"

/* It is no use to read 256 MiB of something else. */
static bool looks_right(struct snap_in *in, const char *text, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes && text[i] && strchr(BLANKS, text[i]); i++)
		;
	if (i < bytes && text[i] != '{')
		snap_in_fail(in, "is no snapshot: it does not begin with '{'");
	return !in->failed;
}

static bool has_room(struct snap_in *in, char **text, size_t *room, size_t used)
{
	char *larger;

	if (used < *room)
		return true;
	if (used >= SNAP_FILE_MAX) {
		snap_in_fail(in, "is no snapshot: larger than %lu MiB",
			     SNAP_FILE_MAX >> 20);
		return false;
	}
	*room = *room ? *room * 2 : 1 << 16;
	larger = realloc(*text, *room);
	if (larger)
		*text = larger;
	else
		snap_in_fail(in, "no memory to read it");
	return larger;
}

char *snap_file_read(struct snap_in *in, FILE *file, size_t *bytes)
{
	char *text = NULL;
	size_t room = 0, used = 0, n;

	while (has_room(in, &text, &room, used)) {
		errno = 0;
		n = fread(text + used, 1, room - used, file);
		used += n;
		if (!looks_right(in, text, used))
			break;
		if (ferror(file))
			snap_in_fail(in, "cannot be read: %s", strerror(errno));
		if (ferror(file) || feof(file))
			break;
	}
	if (!in->failed && !used)
		snap_in_fail(in, "is empty");
	if (!in->failed) {
		*bytes = used;
		return text;
	}
	free(text);
	return NULL;
}

static void explain(struct snap_in *in, struct json_tokener *tokener)
{
	enum json_tokener_error error = json_tokener_get_error(tokener);

	if (error == json_tokener_continue)
		snap_in_fail(in, "is cut off: the JSON does not end");
	else
		snap_in_fail(in, "is no JSON: byte %zu: %s",
			     json_tokener_get_parse_end(tokener),
			     json_tokener_error_desc(error));
}

static bool only_blanks(const char *text, size_t bytes)
{
	while (bytes && *text && strchr(BLANKS, *text))
		text++, bytes--;
	return !bytes;
}

struct json_object *snap_file_parse(struct snap_in *in, const char *text,
				    size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	size_t end;

	if (!tokener) {
		snap_in_fail(in, "no memory to read it");
		return NULL;
	}
	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
				 JSON_TOKENER_ALLOW_TRAILING_CHARS);
	root = json_tokener_parse_ex(tokener, text, (int)bytes);
	end = json_tokener_get_parse_end(tokener);
	if (!root)
		explain(in, tokener);
	else if (!json_object_is_type(root, json_type_object))
		snap_in_fail(in, "is no snapshot: no JSON object");
	else if (!only_blanks(text + end, bytes - end))
		snap_in_fail(in, "something follows the snapshot");
	json_tokener_free(tokener);
	if (!in->failed)
		return root;
	json_object_put(root);
	return NULL;
}
