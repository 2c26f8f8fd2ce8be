// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the score of a real process follows what happens to it: pressure
 * from a look where no monitor runs and from the monitor where it does, a rise
 * that only the monitor sees; that figures which cannot be had are left out;
 * that asking sets nothing up, may be done by many threads at once and in the
 * child of a fork, and that the snapshot says the same.
 */
#include "advice_test.h"

#include <math.h>

#include "manager/health.h"

FIXTURE(health)
{
	struct tmem_monitor_config config;
};

FIXTURE_SETUP(health)
{
	unsetenv("TMEM_ANALYTICS");
	setenv("TMEM_GC", "off", 1);
	self->config = (struct tmem_monitor_config)TMEM_MONITOR_CONFIG_INIT;
	self->config.interval_ms = 10;
	self->config.tense_ms = 10;
	ASSERT_TRUE(advice_host());
}

FIXTURE_TEARDOWN(health)
{
	EXPECT_EQ(0, tmem_monitor_stop());
	host_drop();
}

TEST_F(health, without_a_monitor)
{
	struct tmem_health health = health_now();

	EXPECT_STREQ("none", tmem_backend_name());
	EXPECT_EQ(3U, health.terms);
	EXPECT_EQ(2U | 8U, health.unknown);
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_TRUE(fabs(health.score - 0.88) < 1e-6);
	ASSERT_TRUE(host_use(90));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "pressure") > 0.359);
	EXPECT_GE(TMEM_HEALTH_MODERATE, health.band);
	/* Neither is held to be none. */
	ASSERT_TRUE(host_file("/proc/meminfo", "MemTotal: nan kB\n"));
	ASSERT_TRUE(host_file("/proc/pressure/memory", "some\n"));
	ASSERT_TRUE(host_file(HOST_GROUP "/memory.pressure", NULL));
	health = health_now();
	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the module still has a figure");
	EXPECT_EQ(1U | 2U | 8U, health.unknown);
	EXPECT_TRUE(penalty(&health, "pressure") == -1);
	EXPECT_TRUE(fabs(health.score - 1) < 1e-9);
}

static uint64_t looks(void)
{
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;

	tmem_monitor_stats_get(&stats);
	return stats.looks;
}

/* The monitor has seen the host as it is now. */
static bool looked(void)
{
	uint64_t before = looks();

	/* One look may have been under way. */
	return PACE_UNTIL(looks() >= before + 2);
}

/*
 * Two percent more at a time, from 10 to 70: the most that the trend took
 * off the score, or -1.  How steep that is depends on when the monitor looks.
 */
static double rise(void)
{
	struct tmem_health health;
	double most = 0, trend;
	unsigned int use;

	for (use = 10; use <= 70; use += 2) {
		if (!host_use(use) || !looked())
			return -1;
		health = health_now();
		trend = penalty(&health, "trend");
		most = trend > most ? trend : most;
	}
	return most;
}

static double trend_now(void)
{
	struct tmem_health health = health_now();

	return penalty(&health, "trend");
}

/* The monitor believes in a rise, sooner or later. */
TEST_F(health, a_rise)
{
	struct tmem_health health;
	double most = 0;

	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the module's figures are its own");
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	EXPECT_TRUE(PACE_UNTIL((most = rise()) < 0 || most > 0.1));
	health = health_now();
	printf("# the trend took off %.3f at most, score %.3f at the end\n",
	       most, health.score);
	EXPECT_EQ(8U, health.unknown);
	EXPECT_TRUE(penalty(&health, "pressure") > 0.2);
	EXPECT_TRUE(most > 0.1);
	EXPECT_TRUE(most <= 0.3);
	/* It stays there: that is no rise. */
	EXPECT_TRUE(PACE_UNTIL(trend_now() == 0));
	ASSERT_EQ(0, tmem_monitor_stop());
	health = health_now();
	EXPECT_NE(0U, health.unknown & 2);
}

static uint64_t clock_ns = 1000000000000;

static uint64_t clock_look(void)
{
	return clock_ns;
}

/* From worse to better the band waits, from better to worse it does not. */
TEST_F(health, the_band_waits)
{
	if (lt_backend() == TMEM_BACKEND_DEV)
		SKIP(return, "the module's figures are its own");
	atomic_store(&tmem_health_clock, clock_look);
	ASSERT_TRUE(host_use(20));
	EXPECT_EQ(TMEM_HEALTH_NORMAL, health_now().band);
	ASSERT_TRUE(host_use(90));
	EXPECT_EQ(TMEM_HEALTH_MODERATE, health_now().band);
	ASSERT_TRUE(host_use(20));
	EXPECT_EQ(TMEM_HEALTH_MODERATE, health_now().band);
	clock_ns += TMEM_HEALTH_HOLD_NS - 1;
	EXPECT_EQ(TMEM_HEALTH_MODERATE, health_now().band);
	clock_ns++;
	EXPECT_EQ(TMEM_HEALTH_NORMAL, health_now().band);
}

struct crowd {
	atomic_bool end;
	atomic_uint looks;
};

static void *ask(void *arg)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct crowd *crowd = arg;
	struct tmem_health health;

	while (!atomic_load(&crowd->end)) {
		health = health_now();
		if (!(health.score >= 0 && health.score <= 1) ||
		    tmem_advice_get(advice, TMEM_ADVICE_MAX) < 0)
			return arg;
		atomic_fetch_add(&crowd->looks, 1);
	}
	return NULL;
}

static void *work(void *arg)
{
	struct crowd *crowd = arg;
	uint64_t random = 7;
	void *block[64] = { NULL };
	size_t i;

	while (!atomic_load(&crowd->end)) {
		i = lt_random(&random) % 64;
		tmem_free(block[i]);
		block[i] = tmem_alloc(lt_between(&random, 1, 300000));
	}
	for (i = 0; i < 64; i++)
		tmem_free(block[i]);
	return NULL;
}

static int child(void *arg)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct tmem_health health;
	unsigned int i;

	(void)arg;
	for (i = 0; i < LT_COUNT(5, 1); i++) {
		health = health_now();
		if (!(health.score >= 0 && health.score <= 1) ||
		    tmem_advice_get(advice, TMEM_ADVICE_MAX) < 0)
			return 1;
	}
	return 0;
}

TEST_F(health, many_ask)
{
	struct crowd crowd = { .end = false };
	pthread_t thread[6];
	void *bad;
	size_t i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL,
					    i % 2 ? work : ask, &crowd));
	/* Under TSan the kernel takes 0.2 s for smaps. */
	for (i = 0; i < LT_COUNT(8, 2); i++)
		EXPECT_TRUE(LT_EXITED(lt_child(child, NULL), 0));
	/* No thread sees a monitor that is half started. */
	for (i = 0; i < LT_COUNT(30, 5); i++) {
		EXPECT_EQ(0, tmem_monitor_start(NULL));
		sched_yield();
		EXPECT_EQ(0, tmem_monitor_stop());
	}
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&crowd.looks) >= LT_COUNT(20, 4)));
	atomic_store(&crowd.end, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		pthread_join(thread[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
	printf("# %u looks\n", atomic_load(&crowd.looks));
}

/* No descriptor is left, so no file can be read: nothing is made up. */
TEST_F(health, no_descriptors)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct rlimit limit, before;
	struct tmem_health health;

	ASSERT_EQ(0, lt_init());
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	health = health_now();
	EXPECT_EQ(1U | 2U | 8U, health.unknown);
	EXPECT_TRUE(fabs(health.score - 1) < 1e-9);
	EXPECT_EQ(0, tmem_advice_get(advice, TMEM_ADVICE_MAX));
	setrlimit(RLIMIT_NOFILE, &before);
}

/* The number behind a key, from some place on. */
static double number_at(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;

	return at ? strtod(at + strlen(key), NULL) : NAN;
}

TEST_F(health, in_the_snapshot)
{
	char path[] = "/tmp/health-XXXXXX", text[65536], want[64];
	int fd = mkstemp(path);
	struct tmem_health health;
	const char *part;
	uint32_t i;
	ssize_t n;

	ASSERT_LE(0, fd);
	unlink(path);
	ASSERT_EQ(0, lt_init());
	tmem_free((char *)path); /* misuse: there is advice */
	ASSERT_EQ(0, tmem_snapshot_write(fd, 0));
	n = pread(fd, text, sizeof(text) - 1, 0);
	ASSERT_LT(0, n);
	text[n] = '\0';
	close(fd);
	part = strstr(text, "\"health\":{");
	ASSERT_NE(NULL, part);
	health = health_now();
	if (lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_TRUE(fabs(number_at(part, "\"score\":") - health.score) <
			    1e-5);
	for (i = 0; i < health.terms; i++) {
		snprintf(want, sizeof(want),
			 "{\"name\":\"%s\",\"value\":", health.term[i].name);
		EXPECT_NE(NULL, strstr(part, want));
	}
	EXPECT_NE(NULL, strstr(part, "\"unknown\":[\"trend\",\"leak\"]"));
	EXPECT_NE(NULL, strstr(text, "\"advice\":[{\"id\":\"misuse\","));
	EXPECT_NE(NULL, strstr(text, "\"command\":\"TMEM_DEBUG=guard\""));
}

TEST_HARNESS_MAIN
