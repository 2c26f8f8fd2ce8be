// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl doctor - what this host offers, and what each missing piece costs.
 *
 * Everything works without the missing pieces, only less well; that is why
 * the cost is said in words, and why nothing here needs root.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd.h"
#include "finding.h"
#include "json.h"
#include "say.h"

#define TEXT_COLUMN 26
#define COLUMNS 79

static const struct {
	const char *item;
	void (*check)(struct finding *finding);
} checks[] = {
	{ "module", check_module },
	{ "kernel", check_kernel },
	{ "module loading", check_loading },
	{ "huge pages", check_huge_pages },
	{ "NUMA nodes", check_nodes },
	{ "PSI", check_pressure },
	{ "cgroup", check_cgroup },
	{ "max_map_count", check_mappings },
	{ "overcommit", check_overcommit },
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const marks[] = {
	[MARK_OK] = "ok",
	[MARK_NOTE] = "note",
	[MARK_MISSING] = "missing",
};

static void set(struct finding *finding, enum mark mark, const char *cost,
		const char *format, va_list args)
{
	finding->mark = mark;
	vsnprintf(finding->found, sizeof(finding->found), format, args);
	snprintf(finding->cost, sizeof(finding->cost), "%s", cost ? cost : "");
}

void finding_ok(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(finding, MARK_OK, NULL, format, args);
	va_end(args);
}

void finding_note(struct finding *finding, const char *cost, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	set(finding, MARK_NOTE, cost, format, args);
	va_end(args);
}

void finding_missing(struct finding *finding, const char *cost,
		     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(finding, MARK_MISSING, cost, format, args);
	va_end(args);
}

/* Words of @text from the text column on; the cursor is at that column. */
static void print_wrapped(const char *text)
{
	int column = TEXT_COLUMN;
	int length;

	for (; *text; text += length + (text[length] == ' ')) {
		length = (int)strcspn(text, " ");
		if (column > TEXT_COLUMN && column + 1 + length > COLUMNS) {
			printf("\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		} else if (column > TEXT_COLUMN) {
			putchar(' ');
			column++;
		}
		printf("%.*s", length, text);
		column += length;
	}
	putchar('\n');
}

static const char *colour(enum mark mark)
{
	const char *refused = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) || (refused && *refused))
		return "";
	switch (mark) {
	case MARK_OK:
		return "\033[32m";
	case MARK_NOTE:
		return "\033[33m";
	default:
		return "\033[31m";
	}
}

static void print_finding(const struct finding *finding)
{
	const char *begin = colour(finding->mark);
	char text[512];

	printf("%s%-9s%s%-17s", begin, marks[finding->mark],
	       *begin ? "\033[0m" : "", finding->item);
	print_wrapped(finding->found);
	if (!finding->cost[0])
		return;
	snprintf(text, sizeof(text), "costs: %s", finding->cost);
	printf("%*s", TEXT_COLUMN, "");
	print_wrapped(text);
}

static void print_text(const struct finding *findings, unsigned int missing)
{
	size_t i;

	for (i = 0; i < N_CHECKS; i++)
		print_finding(&findings[i]);
	if (missing)
		printf("\n%u missing; tmem works without, at the costs above\n",
		       missing);
	else
		puts("\nnothing is missing");
}

static void print_json(const struct finding *findings, unsigned int missing)
{
	struct json_object *root = json_object_make();
	struct json_object *list = json_array_make();
	struct json_object *object;
	size_t i;

	for (i = 0; i < N_CHECKS; i++) {
		object = json_object_make();
		json_put_text(object, "item", findings[i].item);
		json_put_text(object, "mark", marks[findings[i].mark]);
		json_put_text(object, "found", findings[i].found);
		json_put_text(object, "cost", findings[i].cost);
		json_append(list, object);
	}
	json_put_child(root, "items", list);
	json_put_u64(root, "missing", missing);
	json_print(root);
}

int cmd_doctor(int argc, char **argv)
{
	bool json = args_json(argc, argv,
			      "Check what this host offers to tmem, and say "
			      "what each missing piece costs.  Fails if "
			      "something is missing.");
	struct finding findings[N_CHECKS] = { 0 };
	unsigned int missing = 0;
	size_t i;

	for (i = 0; i < N_CHECKS; i++) {
		findings[i].item = checks[i].item;
		checks[i].check(&findings[i]);
		missing += findings[i].mark == MARK_MISSING;
	}
	if (json)
		print_json(findings, missing);
	else
		print_text(findings, missing);
	return missing ? EXIT_FAILED : EXIT_OK;
}
