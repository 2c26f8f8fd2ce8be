// SPDX-License-Identifier: GPL-2.0-only
/*
 * story - call sites and marks of a trace, kept for the library's analytics.
 *
 * A frame of a trace is "module+0xoffset".  The library wants addresses: each
 * module gets a terabyte of its own, so that sites are apart where their
 * frames are, and the offset can be read from them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "story.h"

#define MODULE_SHIFT 40

void story_begin(struct story *story)
{
	*story = (struct story){
		.events.item = sizeof(uint32_t),
		.sites.item = sizeof(struct story_site),
		.marks.item = sizeof(struct story_mark),
		.modules.item = sizeof(uint32_t),
		.text.item = 1,
	};
}

void story_end(struct story *story)
{
	vec_free(&story->events);
	vec_free(&story->sites);
	vec_free(&story->marks);
	vec_free(&story->modules);
	vec_free(&story->text);
}

/* Keeps a copy, with a zero at its end. */
static bool text_add(struct story *story, const char *from, const char *to,
		     uint32_t *at)
{
	char *byte;

	*at = (uint32_t)story->text.used;
	for (; from <= to; from++) {
		byte = vec_add(&story->text);
		if (!byte)
			return false;
		*byte = from < to ? *from : '\0';
	}
	return true;
}

/* The module's number, from 1 on; 0: no memory. */
static uint64_t module_number(struct story *story, const char *from,
			      const char *to)
{
	const uint32_t *modules = story->modules.data;
	size_t length = (size_t)(to - from), i;
	uint32_t *module, at;

	for (i = 0; i < story->modules.used; i++) {
		const char *name = story_text(story, modules[i]);

		if (!strncmp(name, from, length) && !name[length])
			return i + 1;
	}
	if (!text_add(story, from, to, &at))
		return 0;
	module = vec_add(&story->modules);
	if (!module)
		return 0;
	*module = at;
	return story->modules.used;
}

/* "libc10.so+0x12;libtorch.so+0x34", or "-": none. */
static bool frames_parse(struct story *story, struct story_site *site,
			 const char *text, const char *end)
{
	const char *plus, *next;
	uint64_t module;

	for (; text < end && site->depth < STORY_FRAMES; text = next + 1) {
		next = memchr(text, ';', (size_t)(end - text));
		next = next ? next : end;
		plus = memchr(text, '+', (size_t)(next - text));
		if (!plus)
			continue;
		module = module_number(story, text, plus);
		if (!module)
			return false;
		site->frames[site->depth++] = module << MODULE_SHIFT |
					      strtoull(plus + 1, NULL, 16);
	}
	return true;
}

/*
 * The Python lines, inner and outer, or one if they are the same; the symbol
 * where there is none.
 */
static void label_find(const char **from, const char **to)
{
	const char *symbol = *from, *lines;
	size_t length;

	lines = memchr(symbol, ' ', (size_t)(*to - symbol));
	if (!lines)
		return;
	lines++;
	length = (size_t)(*to - lines);
	if (length == 3 && !memcmp(lines, "- -", 3)) {
		*to = lines - 1;
		return;
	}
	*from = lines;
	if (length % 2 && lines[length / 2] == ' ' &&
	    !memcmp(lines, lines + length / 2 + 1, length / 2))
		*to = lines + length / 2;
}

long story_site(struct story *story, const char *text, const char *end)
{
	struct story_site site = { .depth = 0 }, *kept;
	const char *rest;

	while (text < end && *text == ' ')
		text++;
	for (rest = text; rest < end && *rest != ' ';)
		rest++;
	if (!frames_parse(story, &site, text, rest))
		return -1;
	text = rest < end ? rest + 1 : end;
	label_find(&text, &end);
	if (!text_add(story, text, end, &site.label))
		return -1;
	kept = vec_add(&story->sites);
	if (!kept)
		return -1;
	*kept = site;
	return (long)story->sites.used - 1;
}

bool story_event(struct story *story, uint32_t site)
{
	uint32_t *event = vec_add(&story->events);

	if (event)
		*event = site;
	return event;
}

bool story_mark(struct story *story, const char *text, const char *end)
{
	struct story_mark mark = { .event = (uint32_t)story->events.used };
	struct story_mark *kept;

	while (text < end && *text == ' ')
		text++;
	if (!text_add(story, text, end, &mark.name))
		return false;
	kept = vec_add(&story->marks);
	if (kept)
		*kept = mark;
	return kept;
}
