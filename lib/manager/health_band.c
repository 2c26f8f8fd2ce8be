// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What must not jump with each look: the band of a score, and how many failures
 * there were lately.
 *
 * The band gets worse at once.  It gets better to where the score, less the
 * margin, was at each look since the last one at which it was no better, if that
 * look is two seconds ago.  Who looks once in a minute is not held up by that.
 * The same rule as of the monitor's level: 0.05 of pressure is 0.02 of score.
 *
 * Failures are forgotten by half in each minute: n(t) = n(0) 2^(-t / 60 s).
 * One refused request takes 0.15 off at first, 0.1 after a minute, 0.03 after
 * three and a half.
 */
#include <math.h>

#include "manager/health.h"

enum tmem_health_band tmem_health_band_of(double score)
{
	if (score >= 0.8)
		return TMEM_HEALTH_NORMAL;
	if (score >= 0.6)
		return TMEM_HEALTH_MODERATE;
	return score >= 0.3 ? TMEM_HEALTH_WARNING : TMEM_HEALTH_CRITICAL;
}

const char *tmem_health_band_name(uint32_t band)
{
	static const char *const names[] = { "critical", "warning", "moderate",
					     "normal" };

	return band <= TMEM_HEALTH_NORMAL ? names[band] : "?";
}

/* No wait for a better one has begun. */
static void band_settle(struct tmem_health_band_state *state,
			enum tmem_health_band band, uint64_t now_ns)
{
	state->band = band;
	state->better = TMEM_HEALTH_NORMAL;
	state->since_ns = now_ns;
}

enum tmem_health_band
tmem_health_band_next(struct tmem_health_band_state *state, double score,
		      uint64_t now_ns)
{
	enum tmem_health_band plain = tmem_health_band_of(score);
	enum tmem_health_band sure =
		tmem_health_band_of(score - TMEM_HEALTH_MARGIN);

	/* A clock that went back begins anew. */
	if (!state->any || plain < state->band || now_ns < state->since_ns) {
		band_settle(state,
			    state->any && plain > state->band ? state->band :
								plain,
			    now_ns);
		state->any = true;
		return state->band;
	}
	if (sure <= state->band) {
		band_settle(state, state->band, now_ns);
		return state->band;
	}
	if (sure < state->better)
		state->better = sure;
	if (now_ns - state->since_ns >= TMEM_HEALTH_HOLD_NS)
		band_settle(state, state->better, now_ns);
	return state->band;
}

double tmem_health_remember(struct tmem_health_memory *memory,
			    uint64_t failures, uint64_t now_ns)
{
	if (now_ns > memory->at_ns && memory->lately > 0)
		memory->lately *= exp2(-(double)(now_ns - memory->at_ns) /
				       TMEM_HEALTH_FORGET_NS);
	if (now_ns > memory->at_ns)
		memory->at_ns = now_ns;
	/* In the child of a fork they may be counted from 0 again. */
	if (failures < memory->seen)
		memory->seen = 0;
	memory->lately += (double)(failures - memory->seen);
	memory->seen = failures;
	return memory->lately;
}
