/* SPDX-License-Identifier: GPL-2.0-only */
/* What a replay found, as text or as JSON. */
#ifndef TMEMCTL_REPLAY_REPORT_H
#define TMEMCTL_REPLAY_REPORT_H

#include "replay.h"

/*
 * struct report - a replay that passed
 * @rss_before: resident bytes of the process before the library was set up
 * @stats:      of the library at the end, after tmem_trim(0), nothing alive
 * @optimizer:  at the end, before that
 */
struct report {
	const char *path;
	const struct trace *trace;
	const struct replay_config *config;
	const char *policy;
	const char *strategy;
	const char *backend;
	uint64_t rss_before;
	const struct replay_repeat *repeats;
	struct tmem_stats stats;
	struct tmem_optimizer_stats optimizer;
};

/* The word of --touch for it. */
const char *report_touch(enum replay_touch touch);

void report_text(const struct report *report);
void report_json(const struct report *report);

#endif /* TMEMCTL_REPLAY_REPORT_H */
