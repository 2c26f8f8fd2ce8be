/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a trace tells beside its events: from which call site each allocation
 * came, and where the steps of the program ended.
 */
#ifndef TMEMCTL_STORY_H
#define TMEMCTL_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pages.h"

#define STORY_FRAMES 4

/*
 * struct story_site - a call site of the trace
 * @frames: module number << 40 | offset in the module, nearest first
 * @label:  offset in story.text
 */
struct story_site {
	uint64_t frames[STORY_FRAMES];
	uint32_t depth;
	uint32_t label;
};

/* struct story_mark - before the event @event; @name as label above */
struct story_mark {
	uint32_t event;
	uint32_t name;
};

/*
 * struct story - from story_begin() to story_end()
 * @events: for each event, 1 + its element of @sites; 0: it is a free
 * @sites, @marks, @text: struct story_site, struct story_mark, char
 * @modules: offsets in @text
 */
struct story {
	struct vec events;
	struct vec sites;
	struct vec marks;
	struct vec modules;
	struct vec text;
};

void story_begin(struct story *story);
void story_end(struct story *story);

/*
 * story_site() - a site record, the text behind its number.  Its element of
 * story.sites, or -1: no memory.
 */
long story_site(struct story *story, const char *text, const char *end);

/* These are false without memory. */
bool story_event(struct story *story, uint32_t site);
bool story_mark(struct story *story, const char *text, const char *end);

static inline const char *story_text(const struct story *story, uint32_t at)
{
	return (const char *)story->text.data + at;
}

#endif /* TMEMCTL_STORY_H */
