// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the limits of bytes, of the module and of each user: no more is held,
 * idle spans go before a fill is refused, but none for another user's limit; a
 * fill that is refused ends in an error or SIGBUS, and is counted.
 * What is there already stays.  Only root sets a limit, and only to what makes
 * sense.
 */
#include "tmem_test_recall.h"

#include <pthread.h>
#include <sys/stat.h>

#define LIMIT ((size_t)16) /* spans */
#define SPANS (2 * LIMIT)
#define SEED 808
#define PAGES (KT_SPAN / KT_PAGE)
#define NOBODY 65534
#define SOMEBODY 1000

static const char *const limit_files[] = { "max_bytes", "max_user_bytes" };

FIXTURE(limits)
{
	int dev;
	uint64_t free_before;
	struct kt_knobs knobs;
	struct kt_arena a;
};

/* Pools count as well: without them the figures are exact. */
FIXTURE_SETUP(limits)
{
	char file[40];

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	for_each_node(node, kt_nodes()) {
		snprintf(file, sizeof(file), "node%d/pool_low_bytes", node);
		ASSERT_EQ(0, kt_knob(&self->knobs, file, "0"));
		snprintf(file, sizeof(file), "node%d/pool_target_bytes", node);
		ASSERT_EQ(0, kt_knob(&self->knobs, file, "0"));
	}
	for_each_node(node, kt_nodes())
		ASSERT_TRUE(kt_pool_holds(node, 0));
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_LOCAL, 0));
}

FIXTURE_TEARDOWN(limits)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0, kt_sysfs_number("resident_bytes"));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

static int populate(const struct kt_arena *a, size_t first, size_t count,
		    uint64_t *populated)
{
	struct tmem_arena_populate req = {
		.node = -1,
		.offset = first * KT_SPAN,
		.length = count * KT_SPAN,
	};
	int ret = kt_ioctl(a->fd, TMEM_IOC_ARENA_POPULATE, &req);

	*populated = req.populated;
	return ret;
}

static struct tmem_query query(int dev)
{
	struct tmem_query q = { 0 };

	if (kt_ioctl(dev, TMEM_IOC_QUERY, &q))
		memset(&q, 0xff, sizeof(q));
	return q;
}

TEST_F(limits, files)
{
	char path[64], text[64];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(limit_files); i++) {
		snprintf(path, sizeof(path), KT_SYSFS "/%s", limit_files[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0644U, st.st_mode & 07777U);
		EXPECT_EQ(0U, st.st_uid);
		EXPECT_LT(0, kt_sysfs_read(limit_files[i], text, sizeof(text)));
		EXPECT_STREQ("max", text);
		EXPECT_EQ(0,
			  kt_knob(&self->knobs, limit_files[i], "1073741824"));
		EXPECT_EQ(1073741824, kt_sysfs_number(limit_files[i]));
		EXPECT_EQ(0, kt_knob(&self->knobs, limit_files[i], "0"));
		EXPECT_EQ(0, kt_sysfs_number(limit_files[i]));
		EXPECT_EQ(0, kt_knob(&self->knobs, limit_files[i], "max"));
	}
	EXPECT_EQ(UINT64_MAX, query(self->dev).user_max_bytes);
}

TEST_F(limits, bad_values)
{
	const char *const bad[] = {
		"-1",	   "-4096",   "4095",  "4097",
		"1",	   "x",	      "4k",    "4096x",
		"1.5",	   "maximum", "max 1", "\n",
		"0x10000", "1e9",     " ",     "99999999999999999999999"
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(limit_files); i++) {
		ASSERT_EQ(0, kt_knob(&self->knobs, limit_files[i], "8388608"));
		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			EXPECT_EQ(-EINVAL,
				  kt_sysfs_write(limit_files[i], bad[k]))
			{
				TH_LOG("%s: '%s'", limit_files[i], bad[k]);
			}
			kt_sysfs_read(limit_files[i], text, sizeof(text));
			EXPECT_STREQ("8388608", text);
		}
	}
}

TEST_F(limits, not_for_everybody)
{
	pid_t pid = kt_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		for (size_t i = 0; i < ARRAY_SIZE(limit_files); i++)
			if (kt_sysfs_write(limit_files[i], "max") != -EACCES)
				_exit(2);
		_exit(0);
	}
	EXPECT_EQ(0, kt_wait(pid));
}

TEST_F(limits, of_the_module)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_purge out;
	uint64_t populated;

	ASSERT_EQ(0,
		  kt_knob_number(&self->knobs, "max_bytes", LIMIT * KT_SPAN));
	kt_fill(a->data, LIMIT * KT_SPAN, SEED);
	EXPECT_EQ((int64_t)(LIMIT * KT_SPAN),
		  kt_sysfs_number("resident_bytes"));
	EXPECT_EQ(0U, kt_stat(a).fills_limited);

	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT), true));
	EXPECT_EQ(1U, kt_stat(a).fills_limited);
	EXPECT_EQ(1U, kt_stat(a).fills_failed);
	EXPECT_EQ(-ENOMEM, populate(a, LIMIT - 2, 4, &populated));
	EXPECT_EQ(2 * KT_SPAN, populated);
	EXPECT_LE(2U, kt_stat(a).fills_limited);
	EXPECT_EQ(-1, madvise(kt_span(a, LIMIT), KT_SPAN, MADV_POPULATE_WRITE));
	EXPECT_TRUE(errno == EFAULT || errno == ENOMEM);
	EXPECT_EQ(0U, kt_bad(a->data, LIMIT * KT_SPAN, SEED));
	EXPECT_EQ(0U, kt_stat(a).purged);

	/* What is given back can be had again, by others too. */
	kt_idle(a, 0);
	ASSERT_EQ(0, kt_purge(a, 0, 1, &out));
	EXPECT_EQ(0, kt_touch(kt_span(a, LIMIT + 3), true));
	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT + 4), true));
	ASSERT_EQ(0, kt_knob(&self->knobs, "max_bytes", "max"));
	EXPECT_EQ(0, kt_touch(kt_span(a, LIMIT + 4), true));
}

TEST_F(limits, idle_spans_go_first)
{
	struct kt_arena *a = &self->a;
	uint64_t populated;

	ASSERT_EQ(0,
		  kt_knob_number(&self->knobs, "max_bytes", LIMIT * KT_SPAN));
	kt_fill(a->data, LIMIT * KT_SPAN, SEED);
	for (uint32_t i = 0; i < 6; i++)
		kt_word_set(a, i,
			    TMEM_SPAN_IDLE | (kt_idle_word() - 10 * (6 - i)));
	for (size_t i = 0; i < 4; i++) {
		EXPECT_EQ(0, kt_touch(kt_span(a, LIMIT + i), true));
		EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, i));
	}
	EXPECT_EQ(4U, kt_stat(a).recalled);
	EXPECT_EQ(0U, kt_stat(a).fills_failed);
	EXPECT_EQ(0, populate(a, LIMIT + 4, 2, &populated));
	EXPECT_EQ(6U, kt_stat(a).recalled);
	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT + 6), true));
	EXPECT_EQ(1U, kt_stat(a).fills_limited);
	EXPECT_EQ(0U, kt_bad(kt_span(a, 6), (LIMIT - 6) * KT_SPAN,
			     SEED + 6 * PAGES));
	EXPECT_EQ((int64_t)(LIMIT * KT_SPAN),
		  kt_sysfs_number("resident_bytes"));
}

/* What is there stays; nothing is added. */
TEST_F(limits, lowered_below_use)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_purge out;

	kt_fill(a->data, LIMIT * KT_SPAN, SEED);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, "max_bytes",
				    LIMIT / 2 * KT_SPAN));
	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT), true));
	EXPECT_EQ(0U, kt_bad(a->data, LIMIT * KT_SPAN, SEED));
	EXPECT_EQ(LIMIT * KT_SPAN, kt_stat(a).resident);
	for (size_t i = 0; i < LIMIT / 2; i++)
		kt_idle(a, i);
	ASSERT_EQ(0, kt_purge(a, 0, LIMIT / 2, &out));
	EXPECT_EQ(LIMIT / 2, out.purged);
	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT), true));
	kt_idle(a, LIMIT - 1);
	EXPECT_EQ(0, kt_touch(kt_span(a, LIMIT), true));
	EXPECT_EQ(TMEM_SPAN_PURGED, kt_word(a, LIMIT - 1));
	ASSERT_EQ(0, kt_knob(&self->knobs, "max_bytes", "0"));
	EXPECT_EQ(SIGBUS, kt_touch(kt_span(a, LIMIT + 1), true));
	EXPECT_EQ(0U, kt_bad(kt_span(a, LIMIT / 2), KT_SPAN,
			     SEED + LIMIT / 2 * PAGES));
}

/* A user, in a child: takes all that it may and is refused more. */
static int be_user(int dev, uid_t uid)
{
	struct kt_arena a;
	struct tmem_query q;
	uint64_t populated;

	if (setgid(uid) || setuid(uid) || query(dev).user_bytes ||
	    kt_arena_init(&a, dev, SPANS * KT_SPAN, TMEM_POLICY_LOCAL, 0))
		return 1;
	kt_fill(a.data, LIMIT * KT_SPAN, uid);
	q = query(dev);
	if (q.user_bytes != LIMIT * KT_SPAN ||
	    q.user_max_bytes != LIMIT * KT_SPAN)
		return 2;
	if (kt_touch(kt_span(&a, LIMIT), true) != SIGBUS ||
	    kt_stat(&a).fills_limited != 1)
		return 3;
	if (populate(&a, 0, SPANS, &populated) != -ENOMEM ||
	    populated != LIMIT * KT_SPAN)
		return 4;
	/* Its own idle spans, and no more of them than needed. */
	kt_idle(&a, 2);
	kt_idle(&a, 3);
	if (kt_touch(kt_span(&a, LIMIT), true) || kt_stat(&a).recalled != 1)
		return 5;
	if (kt_bad(a.data, 2 * KT_SPAN, uid))
		return 6;
	return 0;
}

TEST_F(limits, of_each_user)
{
	const uid_t uids[] = { NOBODY, SOMEBODY, 0 };
	struct kt_recall before = kt_recall();
	struct kt_arena *a = &self->a;
	pid_t pid;

	/* Another user's idle spans, older than all others. */
	kt_fill(a->data, 4 * KT_SPAN, SEED);
	ASSERT_EQ(0, kt_knob_number(&self->knobs, "max_user_bytes",
				    LIMIT * KT_SPAN));
	for (size_t i = 0; i < 4; i++)
		kt_word_set(a, i, TMEM_SPAN_IDLE | (kt_idle_word() - 1000));
	for (size_t i = 0; i < 2; i++) {
		pid = kt_fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(be_user(self->dev, uids[i]));
		EXPECT_EQ(0, kt_wait(pid));
	}
	EXPECT_EQ(0U, kt_stat(a).purged);
	EXPECT_EQ(2, kt_recall_since(&before).purged);
	EXPECT_EQ(4 * KT_SPAN, query(self->dev).user_bytes);
	EXPECT_EQ(4 * KT_SPAN, kt_stat(a).resident);
}

/* It counts for who has made the arena, whoever touches it. */
TEST_F(limits, who_pays)
{
	struct kt_arena *a = &self->a;
	pid_t pid = kt_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		kt_fill(a->data, 4 * KT_SPAN, SEED);
		_exit(query(self->dev).user_bytes ? 2 : 0);
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(4 * KT_SPAN, query(self->dev).user_bytes);
	kt_arena_fini(a);
	EXPECT_EQ(0U, query(self->dev).user_bytes);
}

struct rush {
	pthread_t id;
	const struct kt_arena *a;
	size_t first;
	bool done;
};

static void *populate_a_part(void *arg)
{
	struct rush *r = arg;
	uint64_t populated;

	for (size_t i = 0; i < SPANS / 4; i++)
		populate(r->a, r->first + i, 1, &populated);
	kt_flag(&r->done);
	return NULL;
}

/* Many at once do not get over it, and do not stay below it. */
TEST_F(limits, exact)
{
	struct kt_arena *a = &self->a;
	struct rush r[4] = { 0 };
	int64_t most = 0, now;

	ASSERT_EQ(0,
		  kt_knob_number(&self->knobs, "max_bytes", LIMIT * KT_SPAN));
	for (size_t t = 0; t < 4; t++) {
		r[t] = (struct rush){ .a = a, .first = t * SPANS / 4 };
		ASSERT_EQ(0, pthread_create(&r[t].id, NULL, populate_a_part,
					    &r[t]));
	}
	for (size_t t = 0; t < 4; t++) {
		while (!kt_flagged(&r[t].done)) {
			now = kt_sysfs_number("resident_bytes");
			most = now > most ? now : most;
		}
		pthread_join(r[t].id, NULL);
	}
	EXPECT_GE((int64_t)(LIMIT * KT_SPAN), most);
	EXPECT_EQ(LIMIT * KT_SPAN, kt_stat(a).resident);
	EXPECT_EQ(SPANS - LIMIT, kt_stat(a).fills_limited);
}

TEST_HARNESS_MAIN
