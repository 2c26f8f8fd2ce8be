// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the library makes of whatever module answers, by a module that is
 * made up (fake_device.h): each side names its ABI, a misfit is an error and
 * one line in the log that names both versions, parallel populating is asked
 * for only where the module has it and goes on after signals, and callers built
 * with an older struct tmem_arena_usage are served.
 */
#include "fake_device.h"

#define SPANS 8

FIXTURE(handshake)
{
	struct lt_log log;
};

FIXTURE_SETUP(handshake)
{
	unsetenv("TMEM_BACKEND");
	ASSERT_TRUE(fake_start());
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(handshake)
{
}

static int make_arena(enum tmem_backend backend, struct tmem_arena **a)
{
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;

	config.size = SPANS * LT_SPAN;
	config.backend = backend;
	return tmem_arena_create(&config, a);
}

TEST_F(handshake, fits)
{
	struct tmem_arena *a;

	ASSERT_EQ(0, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_STREQ("dev", tmem_arena_backend(a));
	EXPECT_EQ((uint32_t)TMEM_ABI_VERSION, fake.caller_abi);
	tmem_arena_destroy(a);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

/* It was told our ABI and did not mind. */
TEST_F(handshake, newer_module_that_serves_us)
{
	struct tmem_arena *a;

	fake.query.abi_version = TMEM_ABI_VERSION + 1;
	ASSERT_EQ(0, make_arena(TMEM_BACKEND_DEV, &a));
	tmem_arena_destroy(a);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

/* One line that has all of these in it. */
static bool heard_both(struct lt_log *log, const char *module, const char *mend)
{
	char ours[64];

	snprintf(ours, sizeof(ours), "libtmem %s (ABI %d)", TMEM_VERSION,
		 TMEM_ABI_VERSION);
	return strstr(log->last, ours) && strstr(log->last, mend) &&
	       lt_heard(log, TMEM_LOG_WARN, module);
}

TEST_F(handshake, older_module)
{
	struct tmem_pressure *pressure;
	struct tmem_arena *a;

	fake.query.abi_version = TMEM_ABI_VERSION - 1;
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_TRUE(heard_both(&self->log, "module 9.8.7 (ABI ",
			       "install a newer module"));
	EXPECT_EQ(-EPROTO, tmem_pressure_open(&pressure));
	EXPECT_TRUE(heard_both(&self->log, "module 9.8.7 (ABI ", "rmmod"));
}

TEST_F(handshake, module_that_refuses_us)
{
	struct tmem_arena *a;

	fake.query_errno = EPROTONOSUPPORT;
	fake.sysfs_version = "10.11.12\n";
	fake.sysfs_abi = "77\n";
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_TRUE(heard_both(&self->log, "module 10.11.12 (ABI 77)",
			       "install a newer libtmem"));
	fake.sysfs_version = NULL;
	fake.sysfs_abi = NULL;
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_TRUE(heard_both(&self->log, "(ABI unknown)", "do not fit"));
	/* From before a caller could name its ABI. */
	fake.query_errno = E2BIG;
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_TRUE(heard_both(&self->log, "do not fit", "newer module"));
}

TEST_F(handshake, something_else_answers)
{
	struct tmem_arena *a;

	fake.query_errno = ENOTTY;
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_WARN, "/dev/tmem"));
	fake.query_errno = 0;
	fake.query.span_shift = 12;
	EXPECT_EQ(-EPROTO, make_arena(TMEM_BACKEND_DEV, &a));
	EXPECT_EQ(1U, atomic_load(&self->log.lines));
}

/* A program that may use either goes on, and is told once. */
TEST_F(handshake, auto_falls_back)
{
	struct tmem_arena *a;

	fake.query.abi_version = TMEM_ABI_VERSION - 1;
	ASSERT_EQ(0, make_arena(TMEM_BACKEND_AUTO, &a));
	EXPECT_STREQ("anon", tmem_arena_backend(a));
	tmem_arena_destroy(a);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_WARN, "do not fit"));
	EXPECT_EQ(0, tmem_init(NULL));
	EXPECT_STREQ("anon", tmem_backend_name());
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_WARN, "do not fit"));
}

TEST_F(handshake, init_says_it_once)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	config.backend = TMEM_BACKEND_DEV;
	fake.query.abi_version = TMEM_ABI_VERSION - 1;
	EXPECT_EQ(-EPROTO, tmem_init(&config));
	EXPECT_TRUE(heard_both(&self->log, "9.8.7", "do not fit"));
}

TEST_F(handshake, errors_of_open)
{
	static const struct {
		int from, to;
	} errors[] = {
		{ ENOENT, -ENODEV }, { ENXIO, -ENODEV },  { ENODEV, -ENODEV },
		{ EACCES, -EACCES }, { EPERM, -EACCES },  { EMFILE, -EMFILE },
		{ ENFILE, -EMFILE }, { ENOMEM, -ENOMEM },
	};
	struct tmem_pressure *pressure;
	struct tmem_arena *a;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake.open_errno = errors[i].from;
		EXPECT_EQ(errors[i].to, make_arena(TMEM_BACKEND_DEV, &a));
		EXPECT_EQ(errors[i].to, tmem_pressure_open(&pressure));
	}
}

FIXTURE(fill)
{
	struct tmem_arena *a;
	char *at;
};

static unsigned int resident_spans(const char *at)
{
	unsigned char pages[LT_SPAN / 4096];
	unsigned int i, n = 0;

	for (i = 0; i < SPANS; i++)
		if (!mincore((void *)(uintptr_t)(at + i * LT_SPAN), LT_SPAN,
			     pages))
			n += pages[0] & pages[LT_SPAN / 4096 - 1] & 1;
	return n;
}

FIXTURE_SETUP(fill)
{
	unsetenv("TMEM_BACKEND");
	ASSERT_TRUE(fake_start());
	self->a = NULL;
	ASSERT_EQ(0, make_arena(TMEM_BACKEND_DEV, &self->a));
	self->at = tmem_arena_map(self->a, NULL, 0, SPANS);
	ASSERT_NE(NULL, self->at);
}

FIXTURE_TEARDOWN(fill)
{
	tmem_arena_destroy(self->a);
}

TEST_F(fill, many_by_one_call)
{
	EXPECT_EQ(0, tmem_arena_populate(self->a, 2, 5));
	EXPECT_EQ(1U, fake.populates);
	EXPECT_EQ(0U, fake.populate.flags);
	EXPECT_EQ(-1, fake.populate.node);
	EXPECT_EQ(0U, fake.populate.workers);
	EXPECT_EQ(2 * LT_SPAN, fake.populate.offset);
	EXPECT_EQ(5 * LT_SPAN, fake.populate.length);
	/* The fake one did nothing; mapping them did. */
	EXPECT_EQ(5U, resident_spans(self->at));
}

/* One too: a touch would fill a cgroup to the brim with small pages. */
TEST_F(fill, one_and_none)
{
	EXPECT_EQ(0, tmem_arena_populate(self->a, 3, 1));
	EXPECT_EQ(1U, fake.populates);
	EXPECT_EQ(0, tmem_arena_populate(self->a, 3, 0));
	EXPECT_EQ(1U, fake.populates);
	EXPECT_EQ(1U, resident_spans(self->at));
}

TEST_F(fill, module_that_cannot)
{
	struct tmem_arena *b;

	fake.query.features &= ~TMEM_FEATURE_POPULATE;
	ASSERT_EQ(0, make_arena(TMEM_BACKEND_DEV, &b));
	ASSERT_NE(NULL, tmem_arena_map(b, NULL, 0, SPANS));
	EXPECT_EQ(0, tmem_arena_populate(b, 0, SPANS));
	EXPECT_EQ(0U, fake.populates);
	tmem_arena_destroy(b);
}

TEST_F(fill, no_memory)
{
	fake.populate_errno = ENOMEM;
	fake.populate_calls_left = 1;
	EXPECT_EQ(-ENOMEM, tmem_arena_populate(self->a, 0, SPANS));
	EXPECT_EQ(1U, fake.populates);
	EXPECT_EQ(0U, resident_spans(self->at));
}

TEST_F(fill, goes_on_after_signals)
{
	fake.populate_errno = EINTR;
	fake.populate_calls_left = 3;
	fake.populate_step = LT_SPAN;
	EXPECT_EQ(0, tmem_arena_populate(self->a, 0, SPANS));
	EXPECT_EQ(4U, fake.populates);
	EXPECT_EQ(SPANS, resident_spans(self->at));
}

/* Signals that come faster than it can work do not keep us for ever. */
TEST_F(fill, ends_where_signals_never_do)
{
	fake.populate_errno = EINTR;
	fake.populate_calls_left = UINT_MAX;
	EXPECT_EQ(0, tmem_arena_populate(self->a, 0, SPANS));
	EXPECT_EQ(SPANS, resident_spans(self->at));
	EXPECT_LE(fake.populates, 2U);
}

TEST_F(fill, usage_old_and_new)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;

	fake.stat.resident = 6 * LT_SPAN;
	fake.stat.purged = 11;
	fake.stat.recalled = 12;
	fake.stat.fills = 13;
	fake.stat.fills_pool = 14;
	EXPECT_EQ(0, tmem_arena_usage(self->a, &usage));
	EXPECT_EQ(6 * LT_SPAN, usage.resident);
	EXPECT_EQ(11U, usage.purged);
	EXPECT_EQ(12U, usage.recalled);
	EXPECT_EQ(13U, usage.fills);
	EXPECT_EQ(14U, usage.fills_pool);

	/* As it was before these fields were there. */
	memset(&usage, 0x55, sizeof(usage));
	usage.struct_size = offsetof(struct tmem_arena_usage, recalled);
	EXPECT_EQ(0, tmem_arena_usage(self->a, &usage));
	EXPECT_EQ(11U, usage.purged);
	EXPECT_EQ(offsetof(struct tmem_arena_usage, recalled),
		  usage.struct_size);
	EXPECT_EQ(0x5555555555555555U, usage.recalled);
	EXPECT_EQ(0x5555555555555555U, usage.fills);
	EXPECT_EQ(0x5555555555555555U, usage.fills_pool);
}

TEST_HARNESS_MAIN
