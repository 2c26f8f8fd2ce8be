// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What can be asked for, one line each.  A word that is not understood, or one
 * too many, is an error: whoever wrote it meant something.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tmem/analytics.h>
#include <tmem/pool.h>
#include <tmem/version.h>
#include <unistd.h>

#include "control/server.h"
#include "core/settings.h"

/* --- figures ----------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} stats_fields[] = {
#define FIELD(name)                                      \
	{                                                \
#name, offsetof(struct tmem_stats, name) \
	}
	FIELD(allocs),	    FIELD(frees),	    FIELD(failures),
	FIELD(reused),	    FIELD(misuse),	    FIELD(live_blocks),
	FIELD(live_bytes),  FIELD(peak_live_bytes), FIELD(spans_busy),
	FIELD(spans_idle),  FIELD(spans_filled),    FIELD(spans_purged),
	FIELD(spans_lost),  FIELD(metadata_bytes),  FIELD(waste_bytes),
	FIELD(free_bytes),  FIELD(chunks),	    FIELD(held_bytes),
	FIELD(spans_moved),
#undef FIELD
};

static void request_stats(struct tmem_control_answer *answer, char *rest)
{
	struct tmem_stats stats = TMEM_STATS_INIT;
	uint64_t value;
	size_t i;

	(void)rest;
	tmem_stats_get(&stats);
	tmem_control_answer_add(answer, "{\"pid\":%d,\"backend\":\"%s\"",
				(int)getpid(), tmem_backend_name());
	for (i = 0; i < sizeof(stats_fields) / sizeof(stats_fields[0]); i++) {
		memcpy(&value, (char *)&stats + stats_fields[i].offset,
		       sizeof(value));
		tmem_control_answer_add(answer, ",\"%s\":%llu",
					stats_fields[i].name,
					(unsigned long long)value);
	}
	tmem_control_answer_add(answer, "}\n");
	tmem_control_answer_end(answer);
}

static void request_version(struct tmem_control_answer *answer, char *rest)
{
	(void)rest;
	tmem_control_answer_add(answer, "{\"pid\":%d,\"library\":\"%s\"}\n",
				(int)getpid(), tmem_version());
	tmem_control_answer_end(answer);
}

static void request_snapshot(struct tmem_control_answer *answer, char *flag)
{
	if (*flag && strcmp(flag, "records"))
		tmem_control_answer_fail(answer, EINVAL,
					 "a snapshot has no such flag");
	else
		tmem_control_answer_take(answer, tmem_snapshot_write,
					 *flag ? TMEM_SNAPSHOT_RECORDS : 0);
}

/* --- what is changed ------------------------------------------------------------ */

/* false: no such word. */
static bool analytics_word(struct tmem_analytics_config *config,
			   const char *word, const char *number)
{
	if (!strcmp(word, "interval"))
		return tmem_bytes_parse(number, &config->interval_bytes);
	config->mode = strcmp(word, "off") ? TMEM_ANALYTICS_ON :
					     TMEM_ANALYTICS_OFF;
	if (!strcmp(word, "all"))
		config->interval_bytes = 0;
	return !*number && (!strcmp(word, "on") || !strcmp(word, "off") ||
			    !strcmp(word, "all"));
}

static void request_analytics(struct tmem_control_answer *answer, char *word)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	char *number = strchr(word, ' ');
	int err;

	if (number)
		*number++ = '\0';
	err = tmem_analytics_get(&config);
	if (!err && !analytics_word(&config, word, number ? number : ""))
		err = -EINVAL;
	if (!err)
		err = tmem_analytics_set(&config);
	if (!err)
		err = tmem_analytics_get(&config);
	if (err) {
		tmem_control_answer_fail(
			answer, -err,
			err == -EINVAL ?
				"analytics can be on, off, all or interval BYTES" :
				"analytics cannot be switched");
		return;
	}
	tmem_control_answer_add(
		answer, "{\"mode\":\"%s\",\"interval_bytes\":%llu}\n",
		config.mode == TMEM_ANALYTICS_OFF ? "off" : "on",
		(unsigned long long)config.interval_bytes);
	tmem_control_answer_end(answer);
}

/* The name may have blanks. */
static void request_mark(struct tmem_control_answer *answer, char *name)
{
	int err = tmem_step_mark(*name ? name : NULL);

	if (err)
		tmem_control_answer_fail(answer, -err, "no step was marked");
	else
		tmem_control_answer_end(answer);
}

/* --- which -------------------------------------------------------------------- */

static const struct {
	const char *word;
	bool more; /* may follow */
	void (*fn)(struct tmem_control_answer *answer, char *rest);
} requests[] = {
	{ "stats", false, request_stats },
	{ "version", false, request_version },
	{ "snapshot", true, request_snapshot },
	{ "analytics", true, request_analytics },
	{ "mark", true, request_mark },
};

void tmem_control_request(struct tmem_control_answer *answer, char *line)
{
	size_t i, length = strcspn(line, " ");
	bool more = line[length];

	line[length] = '\0';
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(requests[i].word, line) ||
		    (more && !requests[i].more))
			continue;
		requests[i].fn(answer, line + length + more);
		return;
	}
	tmem_control_answer_fail(answer, EINVAL, "no such request");
}
