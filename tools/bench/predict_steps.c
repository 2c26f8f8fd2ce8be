// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a recorded program, as the heap would tell them to the optimizer:
 * large requests are those above 32 KiB, and spans what the bytes alive would
 * fill without a gap.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimizer/cadence.h"
#include "pool/tier.h"
#include "predict.h"

#define LARGE 32768u
#define SPAN 2097152.0

/* The step that is being made. */
struct making {
	struct predict_steps *steps;
	size_t room;
	struct tmem_demand demand;
	double live, peak;
	size_t large;
	double bytes; /* of the large ones */
	uint64_t *sizes, *last; /* of this step, of the one before */
	size_t n_sizes, n_last;
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Bytes in sizes that the step before had as often. */
static double sizes_repeated(struct making *m)
{
	size_t i = 0, j = 0;
	double bytes = 0.0;

	qsort(m->sizes, m->n_sizes, sizeof(*m->sizes), by_size);
	while (i < m->n_sizes && j < m->n_last) {
		if (m->sizes[i] == m->last[j]) {
			bytes += (double)m->sizes[i];
			i++;
			j++;
		} else if (m->sizes[i] < m->last[j]) {
			i++;
		} else {
			j++;
		}
	}
	return bytes;
}

static bool step_room(struct making *m)
{
	struct predict_steps *s = m->steps;
	size_t room = m->room ? 2 * m->room : 64;
	struct tmem_demand *list;
	double *repeated;

	if (s->count < m->room)
		return true;
	list = realloc(s->list, room * sizeof(*list));
	if (list)
		s->list = list;
	repeated = realloc(s->repeated, room * sizeof(*repeated));
	if (repeated)
		s->repeated = repeated;
	m->room = room;
	return list && repeated;
}

static bool step_end(struct making *m)
{
	struct tmem_demand *d = &m->demand;
	uint64_t *sizes = m->last;
	unsigned int i;

	if (!step_room(m))
		return false;
	d->want[TMEM_WANT_PEAK] = m->peak;
	d->want[TMEM_WANT_SPANS] = ceil(m->peak / SPAN);
	d->want[TMEM_WANT_NODE] = d->want[TMEM_WANT_SPANS];
	for (i = 0; i < TMEM_LEARN_OPENINGS; i++)
		if (m->large < 1u << i)
			d->opening[i] = m->bytes;
	m->steps->repeated[m->steps->count] = sizes_repeated(m);
	m->steps->list[m->steps->count++] = *d;
	m->last = m->sizes;
	m->n_last = m->n_sizes;
	m->sizes = sizes;
	m->n_sizes = 0;
	*d = (struct tmem_demand){ 0 };
	m->peak = m->live;
	m->large = 0;
	m->bytes = 0.0;
	return true;
}

static void step_alloc(struct making *m, uint64_t bytes)
{
	struct tmem_demand *d = &m->demand;
	double size = (double)bytes;

	m->live += size;
	m->peak = m->live > m->peak ? m->live : m->peak;
	m->sizes[m->n_sizes++] = bytes;
	d->want[TMEM_WANT_TIER + tmem_tier_of_bytes(bytes)] += size;
	d->want[TMEM_WANT_BYTES] += size;
	if (bytes <= LARGE)
		return;
	m->bytes += size;
	if (size > d->want[TMEM_WANT_LARGEST])
		d->want[TMEM_WANT_LARGEST] = size;
	m->large++;
	if (!(m->large & (m->large - 1)) &&
	    m->large < 1u << TMEM_LEARN_OPENINGS)
		d->opening[__builtin_ctzll(m->large)] = m->bytes;
}

/* true: a step that nobody marked has ended. */
static bool cadence_ends(struct tmem_cadence *c, double in_use)
{
	switch (tmem_cadence_add(c, in_use)) {
	case TMEM_CADENCE_FULL:
		tmem_cadence_settle(c, tmem_cadence_lag(c->sample, c->count));
		return false;
	case TMEM_CADENCE_STEP:
		return true;
	default:
		return false;
	}
}

static bool steps_fill(const struct trace *trace, bool marked, struct making *m)
{
	const struct story_mark *marks = trace->story.marks.data;
	struct tmem_cadence cadence = { 0 };
	size_t i, mark = 0;

	for (i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];

		for (; mark < trace->story.marks.used && marks[mark].event <= i;
		     mark++)
			if (marked &&
			    !strncmp(story_text(&trace->story,
						marks[mark].name),
				     "step", 4) &&
			    !step_end(m))
				return false;
		if (op->is_free) {
			m->live -= (double)op->bytes;
			continue;
		}
		step_alloc(m, op->bytes);
		if (!marked && op->bytes > LARGE &&
		    cadence_ends(&cadence, m->live) && !step_end(m))
			return false;
	}
	return true;
}

bool predict_steps_make(const struct trace *trace, bool marked,
			struct predict_steps *steps)
{
	struct making m = { .steps = steps };
	bool right;

	memset(steps, 0, sizeof(*steps));
	m.sizes = calloc(trace->events + 1, sizeof(*m.sizes));
	m.last = calloc(trace->events + 1, sizeof(*m.last));
	right = m.sizes && m.last && steps_fill(trace, marked, &m);
	free(m.sizes);
	free(m.last);
	return right;
}

void predict_steps_free(struct predict_steps *steps)
{
	free(steps->list);
	free(steps->repeated);
}
