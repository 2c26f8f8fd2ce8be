// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Growth of the lower envelope, window by window; the header has the method.
 *
 * The windows need no counters: which of them end at a step follows from the
 * number of steps, and the low of a wide window is that of the last four
 * narrow ones.
 */
#include <analytics/leak.h>

#define LEAK_SCORE_MAX 9999.0

const struct tmem_leak_rule tmem_leak_rule_default = {
	.window = 16,
	.score = 25.0f,
	.steady = 0.75f,
};

/*
 * Wide windows end less often than narrow ones.  The same false alarms in so
 * many steps allow a chance of 4 times as much for each look: from 0.08 % for
 * t^2 = 25 to 0.31 % for 15, and so on; but for less than 12 five blocks,
 * made at any time, would be enough: t^2 = 7 r / (8 - r) if r windows rise.
 */
static const float leak_ease[TMEM_LEAK_WIDTHS] = { 1, 0.6f, 0.5f, 0.5f, 0.5f };

/* What grows at a quarter of the pace it was named for has come to an end. */
#define LEAK_SLOW 4

static float leak_min(float a, float b)
{
	return a < b ? a : b;
}

static uint32_t leak_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Steps that eight windows of a width take. */
static uint32_t leak_span(uint32_t window, uint32_t width)
{
	return TMEM_LEAK_RISES * window << TMEM_LEAK_SHIFT * width;
}

/* The low of window @back before the last; @count windows have ended. */
static float leak_low(const float *ring, uint32_t count, uint32_t back)
{
	return ring[(count - 1 - back) % TMEM_LEAK_LOWS];
}

static void leak_push(float *ring, uint32_t count, float low)
{
	ring[(count - 1) % TMEM_LEAK_LOWS] = low;
}

/* What eight rises of one width say. */
struct leak_growth {
	double mean;
	double score;
	double early; /* sum of the older half */
	double late;
	double first; /* the oldest rise */
	uint32_t falls; /* rises that are none */
	uint32_t width;
	uint32_t span; /* steps */
};

static struct leak_growth leak_measure(const float *ring, uint32_t count)
{
	struct leak_growth growth = { 0 };
	double square = 0, rise = 0, sum, var;
	uint32_t i;

	for (i = 0; i < TMEM_LEAK_RISES; i++) {
		rise = (double)leak_low(ring, count, i) -
		       leak_low(ring, count, i + 1);
		square += rise * rise;
		growth.falls += rise < 0;
		if (i < TMEM_LEAK_RISES / 2)
			growth.late += rise;
		else
			growth.early += rise;
	}
	growth.first = rise;
	sum = growth.early + growth.late;
	growth.mean = sum / TMEM_LEAK_RISES;
	var = (square - sum * growth.mean) / (TMEM_LEAK_RISES - 1);
	if (sum <= 0)
		return growth;
	growth.score = LEAK_SCORE_MAX;
	if (var * LEAK_SCORE_MAX > sum * growth.mean)
		growth.score = sum * growth.mean / var;
	return growth;
}

/* The low of a site that grows is that of its window's first step, @at. */
static void leak_begin(struct tmem_leak_series *series, float low, uint32_t at)
{
	series->trough = low;
	series->trough_step = at;
	series->peak = low;
	series->peak_step = at;
	series->trough_blocks = series->blocks;
	series->blocks_per_step = 0;
	series->named_step = 0;
	series->named_width = 0;
}

/* What grew until now must grow for twice as long to be named. */
static void leak_end(struct tmem_leak_series *series, float low, uint32_t at)
{
	uint32_t length = series->peak_step - series->trough_step;

	series->taken_back = leak_max(series->taken_back, length);
	leak_begin(series, low, at);
}

/*
 * Of a site named for what wide windows show, narrower ones may show a list
 * that comes and goes beside it; what counts is the wide ones' last low.
 */
static float leak_top(const struct tmem_leak_series *series, uint32_t window)
{
	uint32_t width = series->named_width, count;
	float top = series->peak;

	if (!series->named_step || !width)
		return top;
	count = (series->steps / window - 1) >> (TMEM_LEAK_SHIFT * width);
	return leak_min(top, leak_low(series->low[width], count, 0));
}

/* The growth that goes on: back to half of it, or no more, is its end. */
static void leak_follow(struct tmem_leak_series *series, uint32_t window,
			float low)
{
	uint32_t at = series->steps - window + 1, length;
	bool named = series->named_step, back, still;
	float half;

	if (low > series->peak) {
		series->peak = low;
		series->peak_step = at;
		return;
	}
	length = series->peak_step - series->trough_step;
	half = (leak_top(series, window) + series->trough) / 2;
	back = low < series->trough || low < half;
	still = at - series->peak_step >=
		leak_max(leak_span(window, series->named_width), length / 2);
	if (!back && !still)
		return;
	if (back || named)
		leak_end(series, low, at);
	else
		leak_begin(series, low, at);
}

/* As far back from @at as the growth, at its pace, takes to the trough. */
static uint32_t leak_since(const struct tmem_leak_series *series, uint32_t at,
			   float low)
{
	double steps = ((double)low - series->trough) / series->bytes_per_step;

	if (steps <= 0)
		return at;
	if (at < series->trough_step || steps > at - series->trough_step)
		return series->trough_step;
	return at - (uint32_t)steps;
}

/*
 * Nine lows in a row none of which is below the one before: a chance of 1 in
 * 9! where they are as likely in any order, of 1 in 256 for a random walk.
 */
static double leak_need(const struct tmem_leak_rule *rule,
			const struct leak_growth *growth)
{
	if (growth->width == 0 && !growth->falls)
		return rule->score / 2;
	return rule->score * leak_ease[growth->width];
}

static bool leak_is(const struct tmem_leak_series *series,
		    const struct tmem_leak_rule *rule,
		    const struct leak_growth *growth, float more)
{
	uint32_t span = growth->span;
	uint32_t length = series->steps - series->trough_step;

	return growth->score >= leak_need(rule, growth) &&
	       growth->late >= rule->steady * growth->early &&
	       (growth->width || growth->first >= growth->mean / 2) &&
	       (growth->width || more >= growth->mean / 4) &&
	       leak_max(span, length) >= 2 * series->taken_back;
}

static void leak_name(struct tmem_leak_series *series, uint32_t width,
		      uint32_t at, float low)
{
	series->named_width = width;
	if (series->named_step)
		return;
	series->named_step = series->steps;
	series->pace = series->bytes_per_step;
	series->since_step = leak_since(series, at, low);
}

/* At one width; true: it is found growing. */
static bool leak_look(struct tmem_leak_series *series,
		      const struct tmem_leak_rule *rule,
		      const struct leak_growth *growth, float low, float more)
{
	uint32_t at = series->steps - growth->span / TMEM_LEAK_RISES + 1;
	double pace = growth->mean * TMEM_LEAK_RISES / growth->span;
	bool told = leak_is(series, rule, growth, more);

	if (!told && growth->width == series->named_width &&
	    series->named_step && pace < series->pace / LEAK_SLOW)
		leak_end(series, low, at);
	if (told || (growth->width == 0 && !series->named_step)) {
		series->bytes_per_step = (float)pace;
		series->score = (float)growth->score;
	}
	if (told)
		leak_name(series, growth->width, at, low);
	return told;
}

/* The windows that end now; narrow ones speak first. */
static void leak_widths(struct tmem_leak_series *series,
			const struct tmem_leak_rule *rule, float low,
			float tail)
{
	uint32_t span = rule->window * TMEM_LEAK_RISES, i, width;
	uint32_t count = series->steps / rule->window;
	struct leak_growth growth;
	bool told = false;

	for (width = 0; width < TMEM_LEAK_WIDTHS; width++) {
		float *ring = series->low[width];

		leak_push(ring, count, low);
		if (count >= TMEM_LEAK_LOWS && !told) {
			growth = leak_measure(ring, count);
			growth.width = width;
			growth.span = span;
			told = leak_look(series, rule, &growth, low,
					 tail - low);
		}
		if (count % TMEM_LEAK_RATIO)
			break;
		tail = low;
		for (i = 1; i < TMEM_LEAK_RATIO; i++)
			low = leak_min(low, leak_low(ring, count, i));
		count /= TMEM_LEAK_RATIO;
		span *= TMEM_LEAK_RATIO;
	}
}

/* Like the bytes', the low of the blocks is that of the first step. */
static void leak_blocks(struct tmem_leak_series *series, uint32_t first)
{
	if (first <= series->trough_step)
		return;
	series->blocks_per_step =
		((float)series->blocks - (float)series->trough_blocks) /
		(float)(first - series->trough_step);
}

static void leak_window(struct tmem_leak_series *series,
			const struct tmem_leak_rule *rule)
{
	if (series->steps == rule->window)
		leak_begin(series, series->open, 1);
	leak_follow(series, rule->window, series->open);
	leak_widths(series, rule, series->open, series->tail);
	leak_blocks(series, series->steps - rule->window + 1);
}

void tmem_leak_step_by(struct tmem_leak_series *series,
		       const struct tmem_leak_rule *rule, uint64_t live_bytes,
		       uint64_t live_blocks)
{
	uint32_t at = series->steps % rule->window;
	float live;

	if (series->steps == UINT32_MAX)
		return;
	if (series->steps == 0)
		series->base = live_bytes;
	series->steps++;
	live = live_bytes >= series->base ? (float)(live_bytes - series->base) :
					    -(float)(series->base - live_bytes);
	if (live_blocks > UINT32_MAX)
		live_blocks = UINT32_MAX;
	if (at == 0 || live < series->open)
		series->open = live;
	if (at == 0 || live_blocks < series->blocks)
		series->blocks = (uint32_t)live_blocks;
	if (at == rule->window - rule->window / 4 || live < series->tail)
		series->tail = live;
	if (at + 1 == rule->window)
		leak_window(series, rule);
}

void tmem_leak_step(struct tmem_leak_series *series, uint64_t live_bytes,
		    uint64_t live_blocks)
{
	tmem_leak_step_by(series, &tmem_leak_rule_default, live_bytes,
			  live_blocks);
}

void tmem_leak_judge(const struct tmem_leak_series *series,
		     struct tmem_leak_verdict *verdict)
{
	verdict->leaking = series->named_step;
	verdict->since_step = series->named_step ? series->since_step : 0;
	verdict->named_at_step = series->named_step;
	verdict->bytes_per_step = series->bytes_per_step;
	verdict->blocks_per_step = series->blocks_per_step;
	verdict->score = series->score;
}
