// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recorded trace, judged: live bytes of each call site at every phase mark,
 * and what the detector says of them, as soon as it says so.
 *
 * The format is that of tools/tmemctl/trace.c.  Merged, the sites that share
 * all native addresses are one: what a library sees that is told nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <analytics/leak.h>

#include "../tmemctl/fields.h"
#include "../tmemctl/lines.h"
#include "leaks.h"
#include "leaks_inject.h"

#define SITES_MAX 65536u

struct place {
	char *frames;
	char *text;
	uint32_t merges; /* sites; 1: itself */
	uint32_t first; /* mark before its first allocation */
	uint64_t bytes;
	uint64_t blocks;
	bool used;
	bool leaking;
	struct tmem_leak_series series;
	struct inject inject[INJECTIONS];
};

struct life {
	uint64_t bytes;
	uint32_t place;
};

struct judge {
	const char *name;
	bool merged;
	struct fields fields;
	struct place *places; /* SITES_MAX */
	uint32_t *place_of; /* SITES_MAX, by the trace's number */
	uint32_t n_places;
	struct life *lives; /* by the block's number */
	uint64_t n_lives, room;
	uint32_t marks;
	struct rng rng;
};

static void frames_cut(struct judge *j, const char **frames, size_t *length)
{
	const char *at = j->fields.at, *end = j->fields.end, *space;

	while (at < end && *at == ' ')
		at++;
	space = memchr(at, ' ', (size_t)(end - at));
	*frames = at;
	*length = (size_t)((space ? space : end) - at);
	j->fields.at = space ? space + 1 : end;
}

static uint32_t place_find(const struct judge *j, const char *frames, size_t n)
{
	uint32_t i;

	for (i = 0; j->merged && i < j->n_places; i++)
		if (!strncmp(j->places[i].frames, frames, n) &&
		    !j->places[i].frames[n])
			break;
	return j->merged ? i : j->n_places;
}

static bool read_site(struct judge *j)
{
	struct place *place;
	const char *frames;
	uint64_t number;
	size_t length;
	uint32_t i;

	if (!fields_number(&j->fields, "the site", &number))
		return false;
	if (number >= SITES_MAX || j->n_places == SITES_MAX)
		return fields_fail(&j->fields, "too many sites");
	frames_cut(j, &frames, &length);
	i = place_find(j, frames, length);
	place = &j->places[i];
	j->place_of[number] = i + 1;
	place->merges++;
	if (i < j->n_places)
		return true;
	j->n_places++;
	place->frames = strndup(frames, length);
	place->text =
		strndup(j->fields.at, (size_t)(j->fields.end - j->fields.at));
	return (place->frames && place->text) ||
	       fields_fail(&j->fields, "no memory");
}

static bool lives_grow(struct judge *j)
{
	uint64_t room = j->room ? j->room * 2 : 65536;
	struct life *lives = realloc(j->lives, room * sizeof(*lives));

	if (!lives)
		return fields_fail(&j->fields, "no memory");
	j->lives = lives;
	j->room = room;
	return true;
}

static bool read_alloc(struct judge *j)
{
	uint64_t block, bytes, align, thread, time, site;
	struct place *place;

	if (!fields_number(&j->fields, "the block", &block) ||
	    !fields_number(&j->fields, "the size", &bytes) ||
	    !fields_number(&j->fields, "the alignment", &align) ||
	    !fields_number(&j->fields, "the thread", &thread) ||
	    !fields_number(&j->fields, "the time", &time) ||
	    !fields_number(&j->fields, "the site", &site))
		return false;
	if (block != j->n_lives || site >= SITES_MAX || !j->place_of[site])
		return fields_fail(&j->fields, "block or site out of order");
	if (j->n_lives == j->room && !lives_grow(j))
		return false;
	place = &j->places[j->place_of[site] - 1];
	if (!place->used)
		place->first = j->marks;
	place->used = true;
	place->bytes += bytes;
	place->blocks++;
	j->lives[j->n_lives++] = (struct life){ bytes, j->place_of[site] };
	return true;
}

static bool read_free(struct judge *j)
{
	struct place *place;
	uint64_t block;

	if (!fields_number(&j->fields, "the block", &block))
		return false;
	if (block >= j->n_lives || !j->lives[block].place)
		return fields_fail(&j->fields, "a free of no block");
	place = &j->places[j->lives[block].place - 1];
	place->bytes -= j->lives[block].bytes;
	place->blocks--;
	inject_free(place->inject, &j->rng, j->lives[block].bytes, j->marks);
	j->lives[block].place = 0;
	return true;
}

static void place_say(const struct judge *j, const struct place *place,
		      const struct tmem_leak_verdict *verdict)
{
	const char *user = strrchr(place->text, ' ');

	printf("  mark %u: %s %s", j->marks,
	       verdict->leaking ? "leaks:" : "leaks no more:",
	       user ? user + 1 : place->text);
	if (place->merges > 1)
		printf(" and %u more that share all addresses",
		       place->merges - 1);
	if (verdict->leaking)
		printf("\n    named after %u steps, growing since its step %u, "
		       "%.0f bytes and %.2f blocks a step, t^2 %.0f",
		       verdict->named_at_step, verdict->since_step,
		       verdict->bytes_per_step, verdict->blocks_per_step,
		       verdict->score);
	printf("\n");
}

static void read_mark(struct judge *j)
{
	struct tmem_leak_verdict verdict;
	struct place *place;
	uint32_t i;

	j->marks++;
	for (i = 0; i < j->n_places; i++) {
		place = &j->places[i];
		if (!place->used)
			continue;
		tmem_leak_step(&place->series, place->bytes, place->blocks);
		inject_mark(place->inject, place->bytes, place->blocks,
			    j->marks);
		tmem_leak_judge(&place->series, &verdict);
		if (verdict.leaking != place->leaking)
			place_say(j, place, &verdict);
		place->leaking = verdict.leaking;
	}
}

static bool read_line(struct judge *j, const char *line, size_t length)
{
	j->fields = (struct fields){ .at = line + 1, .end = line + length };
	switch (length ? *line : '#') {
	case 's':
		return read_site(j);
	case 'a':
		return read_alloc(j);
	case 'f':
		return read_free(j);
	case 'm':
		read_mark(j);
		return true;
	case '#':
		return true;
	}
	return fields_fail(&j->fields, "an unknown record");
}

static int judge_lines(struct judge *j, struct lines *lines)
{
	const char *line;
	size_t length;
	int more;

	while ((more = lines_next(lines, &line, &length)) > 0) {
		if (read_line(j, line, length))
			continue;
		fprintf(stderr, "leaks: %s:%lu: %s\n", j->name,
			lines_number(lines), j->fields.error);
		return -1;
	}
	if (more < 0)
		fprintf(stderr, "leaks: %s: %s\n", j->name, lines_error(lines));
	return more;
}

/* Those that were named as they are say nothing. */
static const struct inject *place_injected(const void *sites, uint32_t at)
{
	const struct place *place = (const struct place *)sites + at;

	return place->leaking ? NULL : place->inject;
}

static void judge_sum(const struct judge *j)
{
	struct tmem_leak_verdict verdict;
	uint32_t i, leaking = 0;

	for (i = 0; i < j->n_places; i++) {
		if (!j->places[i].leaking)
			continue;
		leaking++;
		tmem_leak_judge(&j->places[i].series, &verdict);
		printf("  at the end: %.0f bytes a step, %llu bytes alive\n",
		       verdict.bytes_per_step,
		       (unsigned long long)j->places[i].bytes);
	}
	printf("  %u marks, %u %s: %u leaking\n", j->marks, j->n_places,
	       j->merged ? "groups" : "sites", leaking);
	inject_sum(place_injected, j->places, j->n_places, j->marks);
}

static void judge_free(struct judge *j)
{
	uint32_t i;

	for (i = 0; i < j->n_places; i++) {
		free(j->places[i].frames);
		free(j->places[i].text);
	}
	free(j->places);
	free(j->place_of);
	free(j->lives);
}

int trace_judge(const char *path, bool merged)
{
	const char *slash = strrchr(path, '/');
	struct judge judge = {
		.name = slash ? slash + 1 : path,
		.merged = merged,
		.places = calloc(SITES_MAX, sizeof(struct place)),
		.place_of = calloc(SITES_MAX, sizeof(uint32_t)),
	};
	struct lines *lines = lines_open(path);
	int err = -1;

	if (!lines || !judge.places || !judge.place_of) {
		perror(path);
	} else {
		printf("%s%s\n", judge.name,
		       merged ? ", by native addresses alone" : "");
		err = judge_lines(&judge, lines);
		if (!err)
			judge_sum(&judge);
	}
	if (lines)
		lines_close(lines);
	judge_free(&judge);
	return err;
}
