// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that every file of the module in sysfs is there, has one value in the
 * form that is documented, can be written by root only, gives back what was
 * written, and keeps its value when what is written is wrong.
 */
#include "tmem_test_sysfs.h"

#include <ctype.h>
#include <grp.h>
#include <sys/stat.h>

enum kind {
	COUNT, /* a whole number */
	BYTES, /* likewise, of bytes */
	LIMIT, /* likewise, or "max" */
	PERCENT, /* two decimals */
	THRESHOLD, /* 1..100 */
	POINTS, /* 0..50 */
	MILLISECONDS, /* 0..600000 */
	LEVEL,
	ON_OFF,
	VERSION,
};

static const struct file {
	const char *name;
	enum kind kind;
	bool rw;
	const char *usual; /* the default, if there is one */
} files[] = {
	{ "version", VERSION, false, NULL },
	{ "abi_version", COUNT, false, "1" },
	{ "max_bytes", LIMIT, true, "max" },
	{ "max_user_bytes", LIMIT, true, "max" },
	{ "arenas", COUNT, false, "0" },
	{ "resident_bytes", BYTES, false, "0" },
	{ "recall/scanned", COUNT, false, NULL },
	{ "recall/purged", COUNT, false, NULL },
	{ "recall/busy", COUNT, false, NULL },
	{ "recall/pinned", COUNT, false, NULL },
	{ "recall/absent", COUNT, false, NULL },
	{ "recall/oom_calls", COUNT, false, NULL },
	{ "recall/oom_purged", COUNT, false, NULL },
	{ "pressure/level", LEVEL, false, NULL },
	{ "pressure/changes", COUNT, false, NULL },
	{ "pressure/psi", ON_OFF, false, NULL },
	{ "pressure/use", PERCENT, false, NULL },
	{ "pressure/stall", PERCENT, false, NULL },
	{ "pressure/use_medium", THRESHOLD, true, "50" },
	{ "pressure/use_high", THRESHOLD, true, "75" },
	{ "pressure/use_critical", THRESHOLD, true, "90" },
	{ "pressure/stall_medium", THRESHOLD, true, "5" },
	{ "pressure/stall_high", THRESHOLD, true, "20" },
	{ "pressure/stall_critical", THRESHOLD, true, "40" },
	{ "pressure/hysteresis", POINTS, true, "5" },
	{ "pressure/hold_ms", MILLISECONDS, true, "2000" },
};

static const struct file node_files[] = {
	{ "pool_bytes", BYTES, false, NULL },
	{ "arena_bytes", BYTES, false, "0" },
	{ "pool_low_bytes", BYTES, true, NULL },
	{ "pool_target_bytes", BYTES, true, NULL },
	{ "pool_refilled", COUNT, false, NULL },
	{ "pool_taken", COUNT, false, NULL },
	{ "pool_missed", COUNT, false, NULL },
	{ "pool_shrunk", COUNT, false, NULL },
	{ "off_node", COUNT, false, NULL },
};

/* All there are, with the folders of the nodes. */
struct entry {
	char name[48];
	const struct file *file;
};

static size_t all(struct entry *e)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++, n++) {
		snprintf(e[n].name, sizeof(e[n].name), "%s", files[i].name);
		e[n].file = &files[i];
	}
	for_each_node(node, kt_nodes()) {
		for (size_t i = 0; i < ARRAY_SIZE(node_files); i++, n++) {
			snprintf(e[n].name, sizeof(e[n].name), "node%d/%s",
				 node, node_files[i].name);
			e[n].file = &node_files[i];
		}
	}
	return n;
}

FIXTURE(sysfs)
{
	struct entry e[1024];
	size_t nr;
	struct kt_knobs knobs;
};

FIXTURE_SETUP(sysfs)
{
	self->nr = all(self->e);
}

FIXTURE_TEARDOWN(sysfs)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
}

static bool number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n && !text[n] && (n == 1 || text[0] != '0');
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static bool percent(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n && n <= 3 && text[n] == '.' && isdigit(text[n + 1]) &&
	       isdigit(text[n + 2]) && !text[n + 3] && atoi(text) <= 100;
}

static bool version(const char *text)
{
	unsigned int a, b, c;
	int end = 0;

	return sscanf(text, "%u.%u.%u%n", &a, &b, &c, &end) == 3 && !text[end];
}

static bool formed(const char *text, enum kind kind)
{
	static const char *const levels[] = { "low", "medium", "high",
					      "critical", NULL };
	static const char *const on_off[] = { "on", "off", NULL };

	switch (kind) {
	case COUNT:
	case BYTES:
		return number(text);
	case LIMIT:
		return number(text) || !strcmp(text, "max");
	case THRESHOLD:
		return number(text) && atoi(text) >= 1 && atoi(text) <= 100;
	case POINTS:
		return number(text) && atoi(text) <= 50;
	case MILLISECONDS:
		return number(text) && atoi(text) <= 600000;
	case PERCENT:
		return percent(text);
	case LEVEL:
		return one_of(text, levels);
	case ON_OFF:
		return one_of(text, on_off);
	default:
		return version(text);
	}
}

TEST_F(sysfs, every_file)
{
	char path[128], text[256];
	struct stat st;

	for (size_t i = 0; i < self->nr; i++) {
		const struct entry *e = &self->e[i];

		snprintf(path, sizeof(path), KT_SYSFS "/%s", e->name);
		EXPECT_EQ(0, stat(path, &st))
		{
			TH_LOG("%s is not there", path);
		}
		EXPECT_EQ(e->file->rw ? 0644U : 0444U, st.st_mode & 07777)
		{
			TH_LOG("%s", path);
		}
		EXPECT_EQ(0U, st.st_uid);
		EXPECT_LT(0, kt_sysfs_read(e->name, text, sizeof(text)));
		EXPECT_TRUE(formed(text, e->file->kind))
		{
			TH_LOG("%s: '%s'", path, text);
		}
		if (e->file->usual) {
			EXPECT_STREQ(e->file->usual, text)
			{
				TH_LOG("%s", path);
			}
		}
	}
}

/* Nodes that have no memory have no folder; the nodes' files add up. */
TEST_F(sysfs, nodes)
{
	char path[64];

	for (int node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), KT_SYSFS "/node%d", node);
		EXPECT_EQ((int)(kt_nodes() >> node & 1),
			  access(path, F_OK) == 0)
		{
			TH_LOG("%s", path);
		}
	}
}

TEST_F(sysfs, totals)
{
	int dev = kt_open();
	struct kt_arena a;
	int64_t sum = 0;

	ASSERT_EQ(0, kt_arena_init(&a, dev, 6 * KT_SPAN, TMEM_POLICY_INTERLEAVE,
				   0));
	for (size_t i = 0; i < 4; i++)
		kt_span(&a, i)[0] = 1;
	EXPECT_EQ(1, kt_sysfs_number("arenas"));
	EXPECT_EQ((int64_t)(4 * KT_SPAN), kt_sysfs_number("resident_bytes"));
	for_each_node(node, kt_nodes())
		sum += kt_sysfs_node(node, "arena_bytes");
	EXPECT_EQ((int64_t)(4 * KT_SPAN), sum);
	kt_arena_fini(&a);
	EXPECT_EQ(0, kt_sysfs_number("arenas"));
	EXPECT_EQ(0, kt_sysfs_number("resident_bytes"));
	close(dev);
}

/* Values that are right for a file and that it does not hold now. */
static const char *other_value(enum kind kind, const char *now)
{
	static const char *const values[][3] = {
		[LIMIT] = { "1073741824", "1073745920", NULL },
		[POINTS] = { "0", "50", "7" },
		[MILLISECONDS] = { "600000", "1", "2000" },
		[BYTES] = { "0", NULL, NULL },
	};

	for (size_t i = 0; i < 3 && values[kind][i]; i++)
		if (strcmp(values[kind][i], now))
			return values[kind][i];
	return NULL;
}

TEST_F(sysfs, round_trip)
{
	const unsigned int steps[][3] = { { 10, 20, 30 },
					  { 98, 99, 100 },
					  { 1, 2, 3 } };
	char text[64];

	for (size_t i = 0; i < self->nr; i++) {
		const struct entry *e = &self->e[i];
		const char *want;

		if (!e->file->rw || e->file->kind == THRESHOLD ||
		    e->file->kind == BYTES)
			continue;
		kt_sysfs_read(e->name, text, sizeof(text));
		want = other_value(e->file->kind, text);
		ASSERT_EQ(0, kt_knob(&self->knobs, e->name, want))
		{
			TH_LOG("%s", e->name);
		}
		kt_sysfs_read(e->name, text, sizeof(text));
		EXPECT_STREQ(want, text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(0, kt_knob_number(&self->knobs,
					    "pressure/use_critical", 100));
		ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/use_high",
					    99));
		ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/use_medium",
					    steps[i][0]));
		ASSERT_EQ(0, kt_knob_number(&self->knobs, "pressure/use_high",
					    steps[i][1]));
		ASSERT_EQ(0,
			  kt_knob_number(&self->knobs, "pressure/use_critical",
					 steps[i][2]));
		EXPECT_EQ(steps[i][0], kt_sysfs_number("pressure/use_medium"));
		EXPECT_EQ(steps[i][1], kt_sysfs_number("pressure/use_high"));
		EXPECT_EQ(steps[i][2],
			  kt_sysfs_number("pressure/use_critical"));
	}
}

TEST_HARNESS_MAIN
