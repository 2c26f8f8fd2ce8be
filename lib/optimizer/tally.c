// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bytes by tier are what the pool counts anyway, exactly; here are the large
 * requests, of which there are some hundreds in a step.
 */
#include "optimizer/tally.h"

#include <string.h>

#include "arena/spans.h"
#include "pool/pages.h"
#include "pool/tier.h"

static struct {
	uint64_t large; /* requests of this step */
	double bytes, largest, peak, spans;
	double node[TMEM_LEARN_NODES]; /* of the bytes */
	double opening[TMEM_LEARN_OPENINGS];
	unsigned int awaited;
	bool marked; /* the program marks its steps */
	bool step, search, opened;
	uint64_t start_ns;
	uint64_t tier[TMEM_TIERS]; /* bytes when the step began */
	struct tmem_cadence cadence;
	struct tmem_demand pending[TMEM_TALLY_PENDING];
	unsigned int demands;
} tally = { .awaited = TMEM_LEARN_OPENINGS };

static void step_begin(const struct tmem_tier_count *tier, uint64_t now_ns)
{
	unsigned int i;

	for (i = 0; i < TMEM_TIERS; i++)
		tally.tier[i] = tier[i].alloc_bytes;
	tally.start_ns = now_ns;
	tally.large = 0;
	tally.bytes = tally.largest = 0.0;
	tally.peak = (double)(tmem_pages_used() * TMEM_PAGE_BYTES);
	tally.awaited = TMEM_LEARN_OPENINGS;
	tally.opened = false;
	tally.spans = (double)tmem_spans_stats.busy;
	memset(tally.node, 0, sizeof(tally.node));
}

void tmem_tally_start(const struct tmem_tier_count *tier, uint64_t now_ns)
{
	memset(&tally, 0, sizeof(tally));
	step_begin(tier, now_ns);
}

/* 1, 2, 4 ... requests. */
static bool note_opening(void)
{
	unsigned int i;

	if (tally.large & (tally.large - 1) ||
	    tally.large >= 1u << TMEM_LEARN_OPENINGS)
		return false;
	i = (unsigned int)__builtin_ctzll(tally.large);
	tally.opening[i] = tally.bytes;
	if (i != tally.awaited)
		return false;
	tally.opened = true;
	return true;
}

bool tmem_tally_note(size_t bytes, unsigned int node)
{
	double used = (double)(tmem_pages_used() * TMEM_PAGE_BYTES);
	double spans = (double)tmem_spans_stats.busy;
	bool news;

	tally.large++;
	tally.bytes += (double)bytes;
	if (tally.largest < (double)bytes)
		tally.largest = (double)bytes;
	if (tally.peak < used)
		tally.peak = used;
	if (tally.spans < spans)
		tally.spans = spans;
	if (node >= TMEM_LEARN_NODES)
		node = TMEM_LEARN_NODES - 1;
	tally.node[node] += (double)bytes;
	news = note_opening();
	if (tally.marked)
		return news;
	switch (tmem_cadence_add(&tally.cadence, used)) {
	case TMEM_CADENCE_STEP:
		tally.step = true;
		return true;
	case TMEM_CADENCE_FULL:
		news |= !tally.search;
		tally.search = true;
		return news;
	default:
		return news;
	}
}

static void demand_bytes(struct tmem_demand *d,
			 const struct tmem_tier_count *tier)
{
	unsigned int i;

	for (i = 0; i < TMEM_TIERS; i++) {
		uint64_t now = tier[i].alloc_bytes, before = tally.tier[i];

		/* In the child of a fork counts may begin anew. */
		d->want[TMEM_WANT_TIER + i] =
			(double)(now >= before ? now - before : now);
		d->want[TMEM_WANT_BYTES] += d->want[TMEM_WANT_TIER + i];
	}
}

static void demand_make(struct tmem_demand *d,
			const struct tmem_tier_count *tier, uint64_t now_ns)
{
	unsigned int i;

	*d = (struct tmem_demand){ 0 };
	demand_bytes(d, tier);
	d->want[TMEM_WANT_PEAK] = tally.peak;
	d->want[TMEM_WANT_SPANS] = tally.spans;
	d->want[TMEM_WANT_LARGEST] = tally.largest;
	if (now_ns > tally.start_ns)
		d->want[TMEM_WANT_NS] = (double)(now_ns - tally.start_ns);
	/* As the bytes were, the spans are shared out. */
	for (i = 0; i < TMEM_LEARN_NODES && tally.bytes > 0.0; i++)
		d->want[TMEM_WANT_NODE + i] =
			tally.spans * tally.node[i] / tally.bytes;
	for (i = 0; i < TMEM_LEARN_OPENINGS; i++)
		d->opening[i] = tally.large >= 1u << i ? tally.opening[i] :
							 tally.bytes;
}

void tmem_tally_end(const struct tmem_tier_count *tier, uint64_t now_ns,
		    bool marked)
{
	/* Who begins to mark has ended what was only found. */
	bool whole = !marked || tally.marked || !tally.cadence.step;

	tally.step = false;
	tally.marked |= marked;
	/* The oldest is of least interest. */
	if (tally.demands == TMEM_TALLY_PENDING) {
		memmove(&tally.pending[0], &tally.pending[1],
			(TMEM_TALLY_PENDING - 1) * sizeof(tally.pending[0]));
		tally.demands--;
	}
	if (whole)
		demand_make(&tally.pending[tally.demands++], tier, now_ns);
	step_begin(tier, now_ns);
}

void tmem_tally_await(unsigned int opening)
{
	tally.awaited = opening;
	tally.opened = opening < TMEM_LEARN_OPENINGS &&
		       tally.large >= 1u << opening;
}

void tmem_tally_take(struct tmem_tally_news *news)
{
	news->demands = tally.demands;
	memcpy(news->demand, tally.pending,
	       tally.demands * sizeof(tally.pending[0]));
	tally.demands = 0;
	news->opening = tally.opened ? tally.opening[tally.awaited] : -1.0;
	if (tally.opened)
		tally.awaited = TMEM_LEARN_OPENINGS;
	tally.opened = false;
	news->step = tally.step;
	news->search = tally.search;
	news->marked = tally.marked;
}

void tmem_tally_samples(float to[TMEM_CADENCE_SAMPLES])
{
	memcpy(to, tally.cadence.sample, sizeof(tally.cadence.sample));
}

void tmem_tally_settle(unsigned int lag)
{
	tmem_cadence_settle(&tally.cadence, lag);
	tally.search = false;
}
