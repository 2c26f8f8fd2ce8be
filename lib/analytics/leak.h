/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which call site leaks: found by growth of its live bytes over steps, never
 * by the age of a block.  Pure: no clock, no allocation, constant-size state.
 *
 * Within a window of steps only the fewest live bytes count: churn, bursts and
 * batches of any size come and go above that lower envelope, a leak lifts it.
 * Windows of five widths are kept at once, each four times as wide as the one
 * before: a quick leak is seen in narrow ones, a slow leak in wide ones.
 *
 * At each width, with the lows m[0] to m[8] of the last nine windows and
 * d[i] = m[i] - m[i-1], i = 1 to 8, a site is found growing when
 *
 *	8 mean(d)^2 / var(d)  >=  score	(Student's t, squared, of seven
 *					degrees of freedom; one-sided)
 *	d[5]+...+d[8]  >=  steady (d[1]+...+d[4])	(it does not level off)
 *
 * and at the narrowest width, which alone keeps the horizon,
 *
 *	d[1]  >=  mean(d) / 2				(all eight rise)
 *	low of the last quarter window - m[8]  >=  mean(d) / 4	(it goes on)
 *
 * The score is less where a look is worth more: half of it when no low at the
 * narrowest width is below the one before, 0.6 and 0.5 of it at wider widths,
 * at which there are fewer looks.
 *
 * A buffer that is still being filled cannot be told from a leak; hence the
 * horizon: nothing is named before eight windows were seen to grow.  A site
 * that gave growth back, or stopped growing after it was named, must then grow
 * for twice as long as it did.  Documentation/design/leaks.md has the study
 * that the figures of the rule are from, and what they cost.
 */
#ifndef TMEM_ANALYTICS_LEAK_H
#define TMEM_ANALYTICS_LEAK_H

#include <stdbool.h>
#include <stdint.h>

#define TMEM_LEAK_WIDTHS 5u
#define TMEM_LEAK_SHIFT 2u /* from one width to the next: four times */
#define TMEM_LEAK_RATIO (1u << TMEM_LEAK_SHIFT)
#define TMEM_LEAK_RISES 8u
#define TMEM_LEAK_LOWS (TMEM_LEAK_RISES + 1)

/*
 * struct tmem_leak_series - what is kept of one site, from its first step on;
 * all zero at first.  Whoever owns the site orders the calls.
 * @low:        ring of lows for each width
 * @base:       bytes at the first step
 * @open:       fewest bytes since the window was opened, less @base
 * @tail:       fewest bytes in the last quarter of the open window
 * @blocks:     fewest blocks since the window was opened
 * @trough, @trough_step: where the growth that goes on now began
 * @peak, @peak_step: the highest low since
 * @taken_back: the longest growth, in steps, that came to an end
 * @named_step: 0: not named
 */
struct tmem_leak_series {
	float low[TMEM_LEAK_WIDTHS][TMEM_LEAK_LOWS];
	uint32_t steps;
	uint64_t base;
	float open;
	float tail;
	uint32_t blocks;
	uint32_t trough_blocks;
	float trough;
	float peak;
	uint32_t trough_step;
	uint32_t peak_step;
	uint32_t taken_back;
	uint32_t since_step;
	uint32_t named_step;
	uint32_t named_width; /* that the growth was last found at */
	float pace; /* bytes per step when it was named */
	float bytes_per_step;
	float blocks_per_step;
	float score;
};

_Static_assert(sizeof(struct tmem_leak_series) <= 256,
	       "one of these is kept for each site");

/*
 * struct tmem_leak_verdict
 * @leaking:        named, and neither given back nor stopped since
 * @since_step:     the growth began about here
 * @named_at_step:  0 when not @leaking
 * @bytes_per_step: mean growth over the last windows of the width it was
 *                  found in; also told of sites that grow but are not named
 * @blocks_per_step: the same for blocks since @since_step; about 0 when it is
 *                  not their number that grows, but one block's size
 * @score:          t squared of these windows, 0 to 9999
 * Steps are counted by the calls of tmem_leak_step(): the first call is step 1.
 */
struct tmem_leak_verdict {
	bool leaking;
	uint32_t since_step;
	uint32_t named_at_step;
	double bytes_per_step;
	double blocks_per_step;
	double score;
};

/*
 * struct tmem_leak_rule - the figures that the study varies
 * @window: steps in the narrowest window, a multiple of 4
 */
struct tmem_leak_rule {
	uint32_t window;
	float score;
	float steady;
};

extern const struct tmem_leak_rule tmem_leak_rule_default;

/*
 * At each step mark, for every site there is, active or not.  @live_bytes and
 * @live_blocks may be estimates.
 */
void tmem_leak_step(struct tmem_leak_series *series, uint64_t live_bytes,
		    uint64_t live_blocks);

/* The same by another rule; a series keeps to one rule for its whole life. */
void tmem_leak_step_by(struct tmem_leak_series *series,
		       const struct tmem_leak_rule *rule, uint64_t live_bytes,
		       uint64_t live_blocks);

void tmem_leak_judge(const struct tmem_leak_series *series,
		     struct tmem_leak_verdict *verdict);

#endif /* TMEM_ANALYTICS_LEAK_H */
