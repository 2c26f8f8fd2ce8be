// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the rule of the pressure level, for the module and the library, which
 * compile the same file (tmem_level.h): the example in it; every setting that
 * sysfs accepts; and, for random figures, settings and times, that the meter
 * says what a second program says that keeps all looks and applies the words
 * of the rule to them.
 *
 * The clock is the test's own.
 */
#include "lib_test.h"

#include "gc/level.h"
#include "tmem_level.h"

#define MS 1000000ull
#define S (1000 * MS)

static const struct tmem_level_settings usual = TMEM_LEVEL_SETTINGS;

static uint32_t look(struct tmem_level_meter *meter,
		     const struct tmem_level_settings *settings, uint64_t now,
		     uint32_t use, uint32_t stall)
{
	const struct tmem_level_figures figures = {
		.now = now,
		.use = use,
		.stall = stall,
		.psi = true,
	};

	return tmem_level_look(meter, settings, &figures);
}

/* What figures amount to without a look before. */
static uint32_t first(const struct tmem_level_settings *settings, uint32_t use,
		      uint32_t stall)
{
	struct tmem_level_meter meter = { 0 };

	return look(&meter, settings, 5 * S, use, stall);
}

/* A meter at a level that may not be left yet. */
static struct tmem_level_meter at_level(uint32_t level, uint64_t now)
{
	return (struct tmem_level_meter){ .level = level, .looked = now };
}

TEST(defaults)
{
	EXPECT_EQ(50U, usual.use[0]);
	EXPECT_EQ(75U, usual.use[1]);
	EXPECT_EQ(90U, usual.use[2]);
	EXPECT_EQ(5U, usual.stall[0]);
	EXPECT_EQ(20U, usual.stall[1]);
	EXPECT_EQ(40U, usual.stall[2]);
	EXPECT_EQ(5U, usual.hysteresis);
	EXPECT_EQ(2000U, usual.hold_ms);
}

/* The table of tmem_level.h, and the drop over several levels. */
TEST(example)
{
	static const struct {
		uint64_t s;
		uint32_t percent;
		uint32_t level;
	} at[] = {
		{ 0, 48, TMEM_LEVEL_LOW },
		{ 1, 76, TMEM_LEVEL_HIGH },
		{ 2, 74, TMEM_LEVEL_HIGH },
		{ 3, 69, TMEM_LEVEL_HIGH },
		{ 4, 71, TMEM_LEVEL_HIGH },
		{ 5, 68, TMEM_LEVEL_HIGH },
		{ 7, 68, TMEM_LEVEL_MEDIUM },
		{ 8, 44, TMEM_LEVEL_MEDIUM },
		{ 10, 44, TMEM_LEVEL_LOW },
		{ 11, 95, TMEM_LEVEL_CRITICAL },
		{ 12, 10, TMEM_LEVEL_CRITICAL },
		{ 14, 10, TMEM_LEVEL_LOW },
	};
	struct tmem_level_meter meter = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		EXPECT_EQ(at[i].level, look(&meter, &usual, at[i].s * S,
					    at[i].percent * 100, 0))
		{
			TH_LOG("at %llu s", (unsigned long long)at[i].s);
		}
	}
}

/* --- thresholds ------------------------------------------------------------- */

static uint32_t level_by(uint32_t figure, uint32_t medium, uint32_t high,
			 uint32_t critical)
{
	if (figure >= critical)
		return TMEM_LEVEL_CRITICAL;
	if (figure >= high)
		return TMEM_LEVEL_HIGH;
	return figure >= medium ? TMEM_LEVEL_MEDIUM : TMEM_LEVEL_LOW;
}

/* The figures around a threshold, as use and as stall: how many are wrong. */
static unsigned int wrong_around(const uint32_t *t, uint32_t percent)
{
	const struct tmem_level_settings by_use = { .use = { t[0], t[1], t[2] },
						    .stall = { 100, 100,
							       100 } },
					 by_stall = { .use = { 100, 100, 100 },
						      .stall = { t[0], t[1],
								 t[2] } };
	uint32_t from = percent ? percent * 100 - 1 : 0;
	unsigned int wrong = 0;

	for (uint32_t f = from; f <= percent * 100 + 1 && f <= 10000; f++) {
		uint32_t want = level_by(f, t[0] * 100, t[1] * 100, t[2] * 100);

		wrong += first(&by_use, f, 0) != want;
		wrong += first(&by_stall, 0, f) != want;
	}
	return wrong;
}

/* All that ascend, with 0, which sysfs does not accept, and 100. */
TEST(all_thresholds)
{
	unsigned int wrong = 0;

	for (uint32_t a = 0; a <= 100; a++)
		for (uint32_t b = a; b <= 100; b++)
			for (uint32_t c = b; c <= 100; c++) {
				const uint32_t t[] = { a, b, c };

				for (size_t i = 0; i < ARRAY_SIZE(t); i++)
					wrong += wrong_around(t, t[i]);
			}
	EXPECT_EQ(0U, wrong);
}

TEST(every_figure)
{
	for (uint32_t f = 0; f <= 10000; f++) {
		ASSERT_EQ(level_by(f, 5000, 7500, 9000), first(&usual, f, 0));
		ASSERT_EQ(level_by(f, 500, 2000, 4000), first(&usual, 0, f));
	}
}

/* The worse of the two, each of which is said, too. */
TEST(the_worse_figure_counts)
{
	static const uint32_t use[] = { 0, 5000, 7500, 9000 };
	static const uint32_t stall[] = { 0, 500, 2000, 4000 };

	for (uint32_t u = 0; u < 4; u++) {
		for (uint32_t s = 0; s < 4; s++) {
			struct tmem_level_meter meter = { 0 };

			EXPECT_EQ(u > s ? u : s,
				  look(&meter, &usual, S, use[u], stall[s]));
			EXPECT_EQ(u, meter.use_level);
			EXPECT_EQ(s, meter.stall_level);
		}
	}
}

/* A threshold of 0 is always reached; with all at 100 %, only by 100 %. */
TEST(thresholds_at_the_ends)
{
	static const struct tmem_level_settings
		zero = { .use = { 0, 0, 0 }, .stall = { 0, 0, 0 } },
		full = { .use = { 100, 100, 100 }, .stall = { 100, 100, 100 } };
	struct tmem_level_meter meter = { 0 };

	EXPECT_EQ(3U, first(&zero, 0, 0));
	EXPECT_EQ(0U, first(&full, 9999, 9999));
	EXPECT_EQ(3U, first(&full, 10000, 0));
	EXPECT_EQ(3U, first(&full, 0, 10000));
	/* At its threshold a level that may be left is entered again. */
	EXPECT_EQ(3U, look(&meter, &zero, 1 * S, 0, 0));
	EXPECT_EQ(3U, look(&meter, &zero, 2 * S, 0, 0));
	/* Lower settings are in force at the next look. */
	EXPECT_EQ(0U, look(&meter, &full, 3 * S, 0, 0));
}

/* --- hysteresis --------------------------------------------------------------- */

/* The largest figure that lets the level go, by the words of the rule. */
static int calm_use(int threshold, int hysteresis)
{
	int at = threshold * 100 - hysteresis * 100;

	return at < 0 ? 0 : at;
}

static int calm_stall(int threshold, int hysteresis)
{
	int half = threshold * 100 / 2, at = (threshold - hysteresis) * 100;

	return at < half ? threshold * 100 - half : at;
}

/* Whether a meter at MEDIUM is left at once when the hold is 0. */
static bool left(uint32_t threshold, uint32_t hysteresis, int use, int stall)
{
	const struct tmem_level_settings settings = {
		.use = { threshold, 100, 100 },
		.stall = { threshold, 100, 100 },
		.hysteresis = hysteresis,
	};
	struct tmem_level_meter meter = at_level(TMEM_LEVEL_MEDIUM, S);

	return !look(&meter, &settings, 2 * S, (uint32_t)use, (uint32_t)stall);
}

/* At most as many points as the threshold has, for the stall half as many. */
TEST(all_hystereses)
{
	unsigned int wrong = 0;

	for (int t = 1; t <= 100; t++) {
		for (int h = 0; h <= 50; h++) {
			int use = calm_use(t, h), stall = calm_stall(t, h);

			/* At the threshold itself it is entered again. */
			wrong += left(t, h, use, 0) != (use < t * 100);
			wrong += left(t, h, 0, stall) != (stall < t * 100);
			wrong += left(t, h, use + 1, 0);
			wrong += left(t, h, 0, stall + 1);
			wrong += !left(t, h, 0, 0);
		}
	}
	EXPECT_EQ(0U, wrong);
	/* By the defaults: 2.5 of 5 points, and 5 of 20. */
	EXPECT_EQ(250, calm_stall(5, 5));
	EXPECT_EQ(1500, calm_stall(20, 5));
}

/* On the way up the hysteresis does not count. */
TEST(between_the_two_the_level_is_what_it_was)
{
	struct tmem_level_meter up = { 0 }, down = { 0 };

	EXPECT_EQ(1U, look(&down, &usual, 0, 5000, 0));
	for (uint64_t s = 1; s < 1000; s++) {
		ASSERT_EQ(0U, look(&up, &usual, s * S, 4999, 0));
		ASSERT_EQ(1U, look(&down, &usual, s * S, 4501, 0));
		ASSERT_EQ(0U, down.use_level);
	}
}

/* Both figures have to be low. */
TEST(one_figure_keeps_the_level)
{
	struct tmem_level_meter meter = { 0 };

	EXPECT_EQ(2U, look(&meter, &usual, 0 * S, 7500, 0));
	EXPECT_EQ(2U, look(&meter, &usual, 1 * S, 0, 1501));
	EXPECT_EQ(2U, look(&meter, &usual, 9 * S, 0, 1501));
	EXPECT_EQ(2U, look(&meter, &usual, 10 * S, 0, 1500));
	EXPECT_EQ(1U, look(&meter, &usual, 12 * S, 0, 1500));
}

/* --- hold ----------------------------------------------------------------------- */

/* To the nanosecond, for every hold that sysfs accepts. */
TEST(all_holds)
{
	struct tmem_level_settings settings = usual;
	unsigned int wrong = 0;

	for (uint32_t ms = 0; ms <= 600000; ms++) {
		struct tmem_level_meter meter = at_level(2, 7 * S);
		uint64_t until = 8 * S + ms * MS;

		settings.hold_ms = ms;
		wrong += look(&meter, &settings, 8 * S, 0, 0) != (ms ? 2 : 0);
		if (ms)
			wrong += look(&meter, &settings, until - 1, 0, 0) != 2;
		wrong += look(&meter, &settings, until, 0, 0) != 0;
		/* On the way up it does not count. */
		wrong += look(&meter, &settings, until, 10000, 0) != 3;
	}
	EXPECT_EQ(0U, wrong);
}

/* How long the level has been up does not count, nor do two halves. */
TEST(interrupted_hold_begins_anew)
{
	struct tmem_level_meter meter = { 0 };

	look(&meter, &usual, 0, 5000, 0);
	look(&meter, &usual, 100 * S, 5000, 0);
	EXPECT_EQ(1U, look(&meter, &usual, 101 * S, 0, 0));
	EXPECT_EQ(1U, look(&meter, &usual, 103 * S - 1, 0, 0));
	EXPECT_EQ(1U, look(&meter, &usual, 103 * S, 4501, 0));
	EXPECT_EQ(1U, look(&meter, &usual, 104 * S, 0, 0));
	EXPECT_EQ(1U, look(&meter, &usual, 106 * S - 1, 0, 0));
	EXPECT_EQ(0U, look(&meter, &usual, 106 * S, 0, 0));
}

/* Each level has its own threshold, and its own time. */
TEST(level_by_level)
{
	struct tmem_level_meter meter = { 0 };

	EXPECT_EQ(3U, look(&meter, &usual, 0 * S, 9500, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 1 * S, 8500, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 2 * S, 7000, 0));
	EXPECT_EQ(2U, look(&meter, &usual, 3 * S, 4500, 0));
	EXPECT_EQ(1U, look(&meter, &usual, 4 * S, 4500, 0));
	EXPECT_EQ(0U, look(&meter, &usual, 5 * S, 4500, 0));
}

/* From each level to each, by one look up, and by one hold down. */
TEST(over_several_levels)
{
	static const uint32_t use[] = { 0, 5000, 7500, 9000 };

	for (uint32_t from = 0; from < 4; from++) {
		for (uint32_t to = 0; to < 4; to++) {
			struct tmem_level_meter meter = { 0 };

			EXPECT_EQ(from, look(&meter, &usual, S, use[from], 0));
			EXPECT_EQ(from > to ? from : to,
				  look(&meter, &usual, 2 * S, use[to], 0));
			EXPECT_EQ(to, look(&meter, &usual, 4 * S, use[to], 0));
		}
	}
}

TEST(clock_jumps)
{
	struct tmem_level_meter meter = { 0 };

	/* Forward is time that has passed. */
	look(&meter, &usual, 10 * S, 9500, 0);
	EXPECT_EQ(3U, look(&meter, &usual, 11 * S, 0, 0));
	EXPECT_EQ(0U, look(&meter, &usual, UINT64_MAX, 0, 0));
	/* Back begins the hold anew, at 0, too. */
	EXPECT_EQ(3U, look(&meter, &usual, UINT64_MAX, 9500, 0));
	EXPECT_EQ(3U, look(&meter, &usual, UINT64_MAX, 0, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 100 * S, 0, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 101 * S, 0, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 0, 0, 0));
	EXPECT_EQ(3U, look(&meter, &usual, 2 * S - 1, 0, 0));
	EXPECT_EQ(0U, look(&meter, &usual, 2 * S, 0, 0));
	/* While it stands still, the hold lasts. */
	look(&meter, &usual, 3 * S, 9500, 0);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(3U, look(&meter, &usual, 3 * S, 0, 0));
	}
}

/* --- reclaim ---------------------------------------------------------------------- */

static uint32_t reclaim(struct tmem_level_meter *meter, uint32_t hold_ms,
			uint64_t now, bool psi, enum tmem_reclaimer who,
			uint64_t at)
{
	struct tmem_level_settings settings = usual;
	struct tmem_level_figures figures = { .now = now, .psi = psi };

	settings.hold_ms = hold_ms;
	figures.reclaim_at[who] = at;
	return tmem_level_look(meter, &settings, &figures);
}

TEST(reclaim_is_a_lower_bound)
{
	static const struct {
		enum tmem_reclaimer who;
		uint32_t without_psi, with_psi;
	} each[] = {
		{ TMEM_RECLAIM_KSWAPD, TMEM_LEVEL_MEDIUM, TMEM_LEVEL_LOW },
		{ TMEM_RECLAIM_DIRECT, TMEM_LEVEL_HIGH, TMEM_LEVEL_LOW },
		{ TMEM_RECLAIM_OOM, TMEM_LEVEL_CRITICAL, TMEM_LEVEL_CRITICAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
		for (int psi = 0; psi < 2; psi++) {
			struct tmem_level_meter m = { 0 };
			uint32_t want = psi ? each[i].with_psi :
					      each[i].without_psi;

			EXPECT_EQ(want, reclaim(&m, 2000, 10 * S, psi,
						each[i].who, 10 * S));
			EXPECT_EQ(want, m.stall_level);
			EXPECT_EQ(0U, m.use_level);
			EXPECT_EQ(want, reclaim(&m, 2000, 12 * S - 1, psi,
						each[i].who, 10 * S));
			/* Its hold and the level's are over together. */
			EXPECT_EQ(0U, reclaim(&m, 2000, 12 * S, psi,
					      each[i].who, 10 * S));
			/* 0 is never. */
			EXPECT_EQ(0U,
				  reclaim(&m, 2000, 1, psi, each[i].who, 0));
		}
	}
}

/* Whatever the hold: what was since the last look is seen by this one. */
TEST(reclaim_is_seen_once_at_least)
{
	for (int psi = 0; psi < 2; psi++) {
		struct tmem_level_meter m = { 0 };

		reclaim(&m, 0, 10 * S, psi, TMEM_RECLAIM_OOM, 0);
		EXPECT_EQ(3U, reclaim(&m, 0, 12 * S, psi, TMEM_RECLAIM_OOM,
				      11 * S));
		EXPECT_EQ(0U, reclaim(&m, 0, 13 * S, psi, TMEM_RECLAIM_OOM,
				      11 * S));
		/* After the time of the look was taken, by a hair. */
		EXPECT_EQ(3U, reclaim(&m, 0, 14 * S, psi, TMEM_RECLAIM_OOM,
				      14 * S + 1));
		EXPECT_EQ(3U, reclaim(&m, 0, 15 * S, psi, TMEM_RECLAIM_OOM,
				      14 * S + 1));
		EXPECT_EQ(0U, reclaim(&m, 0, 16 * S, psi, TMEM_RECLAIM_OOM,
				      14 * S + 1));
	}
}

TEST(worst_reclaimer_counts)
{
	struct tmem_level_meter m = { .looked = 9 * S };
	struct tmem_level_figures f = {
		.now = 10 * S,
		.reclaim_at = { 10 * S, 9 * S, 7 * S },
	};

	EXPECT_EQ(2U, tmem_level_look(&m, &usual, &f));
	f.reclaim_at[TMEM_RECLAIM_OOM] = 8 * S + 1;
	EXPECT_EQ(3U, tmem_level_look(&m, &usual, &f));
	/* A worse figure counts more. */
	m = (struct tmem_level_meter){ .looked = 10 * S };
	f = (struct tmem_level_figures){
		.now = 11 * S,
		.stall = 2000,
		.psi = true,
		.reclaim_at = { 11 * S, 11 * S, 0 },
	};
	EXPECT_EQ(2U, tmem_level_look(&m, &usual, &f));
	EXPECT_EQ(2U, m.stall_level);
}

/* --- the rule in other words -------------------------------------------------------- */

#define LOOKS 60

/* All looks that there were, with the settings of each. */
struct record {
	size_t nr;
	uint32_t level;
	struct tmem_level_settings settings[LOOKS];
	struct tmem_level_figures figures[LOOKS];
};

static bool calm(const struct record *r, size_t i, uint32_t level)
{
	const struct tmem_level_settings *s = &r->settings[i];

	return (int)r->figures[i].use <=
		       calm_use((int)s->use[level - 1], (int)s->hysteresis) &&
	       (int)r->figures[i].stall <=
		       calm_stall((int)s->stall[level - 1], (int)s->hysteresis);
}

/* Low enough at all looks of at least hold_ms up to now. */
static bool may_leave(const struct record *r, uint32_t level)
{
	size_t i = r->nr, last = r->nr - 1;
	uint64_t now = r->figures[last].now;

	while (i && calm(r, i - 1, level))
		i--;
	return i < r->nr &&
	       now - r->figures[i].now >= r->settings[last].hold_ms * MS;
}

static uint32_t bound(const struct record *r)
{
	const struct tmem_level_figures *f = &r->figures[r->nr - 1];
	uint64_t before = r->nr > 1 ? f[-1].now : 0;
	uint64_t hold = r->settings[r->nr - 1].hold_ms * MS;
	uint32_t level = TMEM_LEVEL_LOW;

	for (uint32_t i = f->psi ? TMEM_RECLAIM_OOM : 0; i < 3; i++) {
		uint64_t at = f->reclaim_at[i];

		if (at && (f->now < at + hold || at > before))
			level = i + 1;
	}
	return level;
}

static uint32_t by_the_record(struct record *r)
{
	const struct tmem_level_settings *s = &r->settings[r->nr - 1];
	const struct tmem_level_figures *f = &r->figures[r->nr - 1];
	uint32_t use = level_by(f->use, s->use[0] * 100, s->use[1] * 100,
				s->use[2] * 100);
	uint32_t stall = level_by(f->stall, s->stall[0] * 100,
				  s->stall[1] * 100, s->stall[2] * 100);
	uint32_t least = bound(r);

	while (r->level && may_leave(r, r->level))
		r->level--;
	least = use > least ? use : least;
	least = stall > least ? stall : least;
	r->level = r->level > least ? r->level : least;
	return r->level;
}

static uint32_t below(uint64_t *seed, uint32_t limit)
{
	return (uint32_t)(lt_random(seed) % limit);
}

static void random_thresholds(uint64_t *seed, uint32_t *t)
{
	t[0] = 1 + below(seed, 100);
	t[1] = t[0] + below(seed, 101 - t[0]);
	t[2] = t[1] + below(seed, 101 - t[1]);
}

static void random_settings(uint64_t *seed, struct tmem_level_settings *s)
{
	random_thresholds(seed, s->use);
	random_thresholds(seed, s->stall);
	s->hysteresis = below(seed, 51);
	s->hold_ms = below(seed, 4) ? below(seed, 4000) : 0;
}

/* Close to a threshold, or anywhere; whole percents often. */
static uint32_t random_figure(uint64_t *seed, const uint32_t *t)
{
	switch (below(seed, 4)) {
	case 0:
		return t[below(seed, 3)] * 100 - below(seed, 2);
	case 1:
		return below(seed, 10001);
	default:
		return below(seed, 30) * 100;
	}
}

static void random_look(uint64_t *seed, struct record *r, uint64_t *now)
{
	struct tmem_level_settings *s = &r->settings[r->nr];
	struct tmem_level_figures *f = &r->figures[r->nr];

	if (!r->nr || !below(seed, 20))
		random_settings(seed, s);
	else
		*s = s[-1];
	*f = r->nr ? f[-1] : (struct tmem_level_figures){ .psi = false };
	f->psi = below(seed, 4) != 0;
	*now += below(seed, 1000) * MS;
	f->now = *now;
	f->use = random_figure(seed, s->use);
	f->stall = random_figure(seed, s->stall);
	if (!below(seed, 10))
		f->reclaim_at[below(seed, 3)] = *now - below(seed, 3000) * MS;
	r->nr++;
}

TEST(as_the_words_say)
{
	uint64_t seed = pace_seed(), looks = 0, level[4] = { 0 };

	PACE_ROUNDS(5000) {
		struct tmem_level_meter meter = { 0 };
		struct record r = { 0 };
		uint64_t now = 10 * S;

		while (r.nr < LOOKS) {
			random_look(&seed, &r, &now);
			ASSERT_EQ(by_the_record(&r),
				  tmem_level_look(&meter, &r.settings[r.nr - 1],
						  &r.figures[r.nr - 1]))
			{
				TH_LOG("look %zu", r.nr);
			}
			level[meter.level]++;
			looks++;
		}
	}
	for (size_t i = 0; i < 4; i++) {
		EXPECT_LT(looks / 100, level[i]);
	}
}

/* --- the library -------------------------------------------------------------------- */

/* The library's meter is the rule with the defaults, and with a stall known. */
TEST(of_the_library)
{
	struct tmem_level_meter rule = { 0 }, library = { 0 };
	uint64_t seed = pace_seed(), now = 0;

	for (int i = 0; i < 100000; i++) {
		uint32_t use = random_figure(&seed, usual.use);
		uint32_t stall = random_figure(&seed, usual.stall) / 2;

		now += below(&seed, 1000) * MS;
		ASSERT_EQ(look(&rule, &usual, now, use, stall),
			  (uint32_t)tmem_gc_meter_look(&library, now, use,
						       stall));
	}
}

TEST_HARNESS_MAIN
