// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_health - how well the program's memory does, and what to do about it,
 * as the library's manager says.
 *
 * Libraries before the manager wrote neither; that is said, and no mistake.
 */
#include <stdlib.h>

#include "report.h"

#define TERMS_MAX 64
#define ADVICE_MAX 256

/* What is between 0 and 1, or the snapshot is not sound. */
static double read_share(struct snap_in *in, struct json_object *object,
			 const char *key)
{
	double share = snap_in_number(in, object, key);

	if (share < 0 || share > 1)
		snap_in_fail(in, "%s%s is not from 0 to 1: %g", in->where, key,
			     share);
	return share;
}

static void read_terms(struct snap_in *in, struct json_object *array, size_t n,
		       struct report_health *health)
{
	struct json_object *item;
	struct report_term *term;
	size_t i;

	for (i = 0; i < n && !in->failed; i++) {
		term = &health->terms[i];
		snap_in_at(in, "health.terms[%zu].", i);
		item = snap_in_item(in, array, i);
		term->name = snap_in_text(in, item, "name");
		term->value = snap_in_number(in, item, "value");
		term->weight = snap_in_number(in, item, "weight");
		term->penalty = snap_in_number(in, item, "penalty");
	}
	snap_in_at(in, "%s", "");
	health->n = n;
}

static void read_unknown(struct snap_in *in, struct json_object *part,
			 struct report_health *health)
{
	struct json_object *array, *item;
	size_t i, n;

	if (in->failed || !json_object_object_get_ex(part, "unknown", NULL))
		return;
	array = snap_in_array(in, part, "unknown", REPORT_UNKNOWN, &n);
	for (i = 0; i < n; i++) {
		item = json_object_array_get_idx(array, i);
		if (!json_object_is_type(item, json_type_string)) {
			snap_in_fail(in, "health.unknown[%zu] is no text", i);
			return;
		}
		health->unknown[i] = json_object_get_string(item);
	}
	health->n_unknown = n;
}

static void read_health(struct snap_in *in, struct report *report)
{
	struct report_health *health = &report->health;
	struct json_object *part, *array;
	size_t n;

	part = snap_in_object(in, report->snap->root, "health");
	snap_in_at(in, "health.");
	health->score = read_share(in, part, "score");
	health->band = snap_in_text(in, part, "band");
	array = snap_in_array(in, part, "terms", TERMS_MAX, &n);
	health->terms = snap_in_make(in, n, sizeof(*health->terms));
	read_unknown(in, part, health);
	read_terms(in, array, n, health);
}

/* The most urgent first; of equal ones as the library had them. */
static void rank(struct report_advice *advice, size_t n)
{
	struct report_advice one;
	size_t i, j;

	for (i = 1; i < n; i++) {
		one = advice[i];
		for (j = i; j && advice[j - 1].severity < one.severity; j--)
			advice[j] = advice[j - 1];
		advice[j] = one;
	}
}

static void read_advice(struct snap_in *in, struct report *report)
{
	struct json_object *array, *item;
	struct report_advice *advice;
	size_t i, n;

	array = snap_in_array(in, report->snap->root, "advice", ADVICE_MAX, &n);
	report->advice = snap_in_make(in, n, sizeof(*advice));
	for (i = 0; i < n && !in->failed; i++) {
		advice = &report->advice[i];
		snap_in_at(in, "advice[%zu].", i);
		item = snap_in_item(in, array, i);
		advice->id = snap_in_text(in, item, "id");
		advice->severity = read_share(in, item, "severity");
		advice->text = snap_in_text(in, item, "text");
		advice->command = snap_in_text(in, item, "command");
	}
	snap_in_at(in, "%s", "");
	if (in->failed)
		return;
	report->n_advice = n;
	rank(report->advice, n);
}

void report_health_read(struct snap_in *in, struct report *report)
{
	struct json_object *root = report->snap->root;

	if (json_object_object_get_ex(root, "health", NULL))
		read_health(in, report);
	if (!in->failed && json_object_object_get_ex(root, "advice", NULL))
		read_advice(in, report);
}
