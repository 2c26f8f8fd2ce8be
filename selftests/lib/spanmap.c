// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture of the spans that a snapshot has: a cell for each span, as full
 * as the span is; idle ones empty; and still no more than 2048 cells where
 * there are more spans.
 */
#include "lib_test.h"

#define CELLS 2048

struct picture {
	uint64_t per_cell;
	char fill[CELLS + 2];
};

/* The text of a snapshot; a failure is an empty one. */
static char *take_snapshot(void)
{
	char *text = calloc(1, 16 * LT_MIB);
	FILE *file = tmpfile();

	if (file && text && !tmem_snapshot_write(fileno(file), 0)) {
		rewind(file);
		text[fread(text, 1, 16 * LT_MIB - 1, file)] = '\0';
	}
	if (file)
		fclose(file);
	return text;
}

/* The first node's. */
static struct picture take_picture(void)
{
	struct picture picture = { 0 };
	char *text = take_snapshot();
	const char *at = text ? strstr(text, "\"spans_per_cell\":") : NULL;

	if (!at || sscanf(at, "\"spans_per_cell\":%lu,\"fill\":\"%2049[0-8]\"",
			  &picture.per_cell, picture.fill) < 1)
		picture.per_cell = 0;
	free(text);
	return picture;
}

static unsigned int count(const char *fill, char cell)
{
	unsigned int n = 0;

	for (; *fill; fill++)
		n += *fill == cell;
	return n;
}

FIXTURE(spanmap)
{
	int unused;
};

/* All of it on one node: the one of this processor. */
FIXTURE_SETUP(spanmap)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	setenv("TMEM_GC", "off", 1);
	setenv("TMEM_NUMA", "local", 1);
}

FIXTURE_TEARDOWN(spanmap)
{
}

TEST_F(spanmap, full_half_and_idle)
{
	void *whole = tmem_alloc(4 * LT_SPAN);
	void *half = tmem_alloc(LT_SPAN / 2);
	void *little = tmem_alloc(64 * LT_KIB);
	struct picture picture;
	struct tmem_stats stats;

	ASSERT_NE(NULL, whole);
	ASSERT_NE(NULL, half);
	ASSERT_NE(NULL, little);
	picture = take_picture();
	stats = lt_stats();
	EXPECT_EQ(1U, picture.per_cell);
	EXPECT_EQ(stats.spans_busy + stats.spans_idle, strlen(picture.fill));
	EXPECT_EQ(4U, count(picture.fill, '8'));
	/* 1088 KiB of 2 MiB are more than four eighths. */
	EXPECT_EQ(1U, count(picture.fill, '5'));
	tmem_free(half);
	EXPECT_EQ(1U, count(take_picture().fill, '1'));
	tmem_free(whole);
	tmem_free(little);
	picture = take_picture();
	stats = lt_stats();
	EXPECT_EQ(0U, stats.spans_busy);
	EXPECT_EQ(stats.spans_idle, count(picture.fill, '0'));
}

/* Nothing is touched, so it takes no memory; /dev/tmem would fill it. */
TEST_F(spanmap, more_spans_than_cells)
{
	const char *backend = getenv("TMEM_BACKEND");
	struct picture picture;
	void *large;

	if (!backend || strcmp(backend, "anon"))
		SKIP(return, "5 GiB without touching them: TMEM_BACKEND=anon");
	large = tmem_alloc(5 * LT_GIB);
	if (!large)
		SKIP(return, "no address space for 5 GiB");
	picture = take_picture();
	EXPECT_EQ(2U, picture.per_cell);
	EXPECT_EQ(2560U / 2, strlen(picture.fill));
	EXPECT_EQ(2560U / 2, count(picture.fill, '8'));
	tmem_free(large);
}

TEST_HARNESS_MAIN
