// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often the monitor's prediction was right: on the memory of recorded
 * programs, and on series made up for it.
 *
 * Of a trace two series are made, both against a limit at which its peak is
 * 95 %: the bytes alive, which rise and fall with every step of training, and
 * the bytes that a heap holds for them, the most alive at once in the last 300
 * s: that is what a machine, a cgroup, or max_bytes sees.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monitor/ratio.h"
#include "monitor/trend.h"
#include "reaction.h"

#define WINDOW 20u
#define CONFIDENCE 0.7
#define HELD_S 300.0

void series_score(const struct series *series, unsigned int window,
		  double horizon_s, double confidence, struct series_score *to)
{
	struct tmem_monitor_point *points =
		calloc(series->count, sizeof(*points));
	size_t ahead = (size_t)(horizon_s / series->step_s + 0.5), i;

	memset(to, 0, sizeof(*to));
	for (i = 0; points && i < series->count; i++) {
		points[i].time_ns =
			(uint64_t)((double)(i + 1) * series->step_s * 1e9);
		points[i].ratio = (float)series->ratio[i];
	}
	for (i = TMEM_TREND_FEW; points && i + ahead < series->count; i++) {
		unsigned int n = i + 1 < window ? (unsigned int)i + 1 : window;
		double came = series->ratio[i + ahead], said, error;
		enum tmem_level a = TMEM_LEVEL_LOW, b = TMEM_LEVEL_LOW;
		struct tmem_trend trend;
		bool sure;

		tmem_trend_draw(&trend, points + i + 1 - n, n);
		said = tmem_trend_predict(&trend, horizon_s, confidence);
		sure = tmem_trend_sure(&trend, confidence);
		error = said > came ? said - came : came - said;
		tmem_level_of(said, &a);
		tmem_level_of(came, &b);
		to->scored++;
		to->hits += error <= TMEM_TREND_HIT;
		to->sure += sure;
		to->sure_hits += sure && error <= TMEM_TREND_HIT;
		to->levels += a == b;
		error = series->ratio[i] - came;
		to->still_hits += error <= TMEM_TREND_HIT &&
				  error >= -TMEM_TREND_HIT;
		to->error += said > came ? said - came : came - said;
	}
	free(points);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void score_print(const char *name, const char *kind,
			const struct series_score *s)
{
	printf("  %-14s %-6s %6" PRIu64 " %7.1f %% %7.1f %% %7.1f %% %6" PRIu64
	       " %6.1f %% %8.3f\n",
	       name, kind, s->scored, percent(s->hits, s->scored),
	       percent(s->levels, s->scored), percent(s->still_hits, s->scored),
	       s->sure, percent(s->sure_hits, s->sure),
	       s->scored ? s->error / (double)s->scored : 0.0);
}

static void head_print(void)
{
	printf("  %-14s %-6s %6s %9s %9s %9s %6s %8s %8s\n", "series", "of",
	       "asked", "hit", "level", "as now", "sure", "hit", "error");
}

/* --- traces -------------------------------------------------------------------- */

/* When, and bytes alive then. */
struct moment {
	double s;
	double bytes;
};

struct moments {
	struct moment *list;
	size_t count, room;
	uint64_t *size; /* of each block, by its number */
	size_t sizes;
	double live, peak;
};

static void *grown(void *list, size_t *room, size_t need, size_t each)
{
	size_t wanted = need * 2 + 1024;

	if (need < *room)
		return list;
	list = realloc(list, wanted * each);
	if (!list)
		exit(1);
	memset((char *)list + *room * each, 0, (wanted - *room) * each);
	*room = wanted;
	return list;
}

static void moment_add(struct moments *m, uint64_t ns, double bytes)
{
	m->live += bytes;
	m->peak = m->live > m->peak ? m->live : m->peak;
	m->list = grown(m->list, &m->room, m->count, sizeof(*m->list));
	m->list[m->count++] = (struct moment){ (double)ns / 1e9, m->live };
}

static void moments_read(struct moments *m)
{
	uint64_t id, bytes, ns;
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "a %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64,
			   &id, &bytes, &ns) == 3) {
			m->size =
				grown(m->size, &m->sizes, id, sizeof(*m->size));
			m->size[id] = bytes;
			moment_add(m, ns, (double)bytes);
		} else if (sscanf(line, "f %" SCNu64 " %*u %" SCNu64, &id,
				  &ns) == 2 &&
			   id < m->sizes) {
			moment_add(m, ns, -(double)m->size[id]);
		}
	}
}

/* @held: the most in the last 300 s, else what is alive at each step. */
static void series_make(const struct moments *m, bool held, double step_s,
			struct series *to)
{
	double from = m->list[0].s, limit = m->peak / 0.95, most = 0.0;
	double most_s = from;
	size_t at = 0, i;

	to->step_s = step_s;
	to->count = (size_t)((m->list[m->count - 1].s - from) / step_s) + 1;
	to->ratio = calloc(to->count, sizeof(*to->ratio));
	for (i = 0; to->ratio && i < to->count; i++) {
		double now = from + (double)i * step_s;

		for (; at + 1 < m->count && m->list[at + 1].s <= now; at++) {
			if (m->list[at].bytes < most &&
			    m->list[at].s - most_s < HELD_S)
				continue;
			most = m->list[at].bytes;
			most_s = m->list[at].s;
		}
		to->ratio[i] = (held && most > m->list[at].bytes ?
					most :
					m->list[at].bytes) /
			       limit;
	}
}

int reaction_predict(int argc, char **argv)
{
	double step_s = argc > 2 ? atof(argv[2]) / 1000 : 0.1;
	double horizon_s = argc > 3 ? atof(argv[3]) / 1000 : 0.5;
	const char *name = argc > 1 ? argv[1] : "trace";
	struct moments moments = { 0 };
	struct series_score score;
	struct series series;
	int held;

	moments_read(&moments);
	if (!moments.count || step_s <= 0.0 || horizon_s < step_s) {
		fprintf(stderr, "reaction: no trace, or no such step\n");
		return 1;
	}
	for (held = 0; held < 2; held++) {
		series_make(&moments, held, step_s, &series);
		series_score(&series, WINDOW, horizon_s, CONFIDENCE, &score);
		score_print(name, held ? "held" : "alive", &score);
		free(series.ratio);
	}
	free(moments.list);
	free(moments.size);
	return 0;
}

/* --- made up ------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* Evenly spread from -1 to 1. */
static double noise(uint64_t *state)
{
	return (double)(random_next(state) >> 11) / (double)(1ull << 52) - 1.0;
}

enum shape { CONSTANT, RISE, FALL, STEP, NOISE, RISE_NOISE, SAW, SHAPES };

static const char *const shape_names[SHAPES] = {
	"constant",	 "rise",       "fall",	   "step",
	"noise at 0.50", "rise + 2 %", "sawtooth",
};

static double shape_at(enum shape shape, double t, double slope,
		       uint64_t *state)
{
	switch (shape) {
	case RISE:
		return 0.1 + slope * t;
	case FALL:
		return 0.95 - slope * t;
	case STEP:
		return t < 30.0 ? 0.3 : 0.8;
	case NOISE:
		return 0.5 + 0.02 * noise(state);
	case RISE_NOISE:
		return 0.1 + slope * t + 0.02 * noise(state);
	case SAW:
		return 0.4 + 0.04 * (t / 7 - (double)(int)(t / 7)) * 10;
	default:
		return 0.6;
	}
}

/* 100 programs of each shape, of 65 s at 0.5 s; 10 s ahead. */
#define COUNT 130u

int reaction_synthetic(int argc, char **argv)
{
	uint64_t state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	struct series_score sum, one;
	double ratio[COUNT];
	struct series series = { ratio, COUNT, 0.5 };
	unsigned int shape, run, i;

	printf("seed %" PRIu64 "\n", state);
	head_print();
	for (shape = 0; shape < SHAPES; shape++) {
		memset(&sum, 0, sizeof(sum));
		for (run = 0; run < 100; run++) {
			double slope = 0.01 + 0.003 * noise(&state);

			for (i = 0; i < COUNT; i++) {
				double y = shape_at((enum shape)shape, i * 0.5,
						    slope, &state);

				ratio[i] = y < 0.0 ? 0.0 : y > 1.0 ? 1.0 : y;
			}
			series_score(&series, WINDOW, 10.0, CONFIDENCE, &one);
			sum.scored += one.scored;
			sum.hits += one.hits;
			sum.sure += one.sure;
			sum.sure_hits += one.sure_hits;
			sum.still_hits += one.still_hits;
			sum.levels += one.levels;
			sum.error += one.error;
		}
		score_print(shape_names[shape], "", &sum);
	}
	return 0;
}
