// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The score and the advice, as they are while the snapshot is written.
 */
#include <tmem/health.h>

#include "analytics/snapshot.h"

void tmem_snapshot_health(struct tmem_json *json)
{
	struct tmem_health health = TMEM_HEALTH_INIT;
	uint32_t i;

	/* A figure that is no number is no score. */
	if (tmem_health_get(&health))
		return;
	tmem_json_begin(json, "health", '{');
	tmem_json_real(json, "score", health.score);
	tmem_json_text(json, "band", tmem_health_band_name(health.band));
	tmem_json_begin(json, "terms", '[');
	for (i = 0; i < health.terms; i++) {
		tmem_json_begin(json, NULL, '{');
		tmem_json_text(json, "name", health.term[i].name);
		tmem_json_real(json, "value", health.term[i].value);
		tmem_json_real(json, "weight", health.term[i].weight);
		tmem_json_real(json, "penalty", health.term[i].penalty);
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
	tmem_json_begin(json, "unknown", '[');
	for (i = 0; i < TMEM_HEALTH_TERMS_MAX; i++)
		if (health.unknown >> i & 1)
			tmem_json_text(json, NULL, tmem_health_term_name(i));
	tmem_json_end(json, ']');
	tmem_json_end(json, '}');
}

void tmem_snapshot_advice(struct tmem_json *json)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	int i, n = tmem_advice_get(advice, TMEM_ADVICE_MAX);

	tmem_json_begin(json, "advice", '[');
	for (i = 0; i < n; i++) {
		tmem_json_begin(json, NULL, '{');
		tmem_json_text(json, "id", advice[i].id);
		tmem_json_real(json, "severity", advice[i].severity);
		tmem_json_text(json, "text", advice[i].text);
		tmem_json_text(json, "command", advice[i].command);
		tmem_json_end(json, '}');
	}
	tmem_json_end(json, ']');
}
