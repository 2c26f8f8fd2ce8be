// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the score is what the formula says, with the worked numbers of
 * Documentation/design/health.md; that it never rises when a figure that means
 * trouble does, stays within 0 and 1, and is refused where a figure is no
 * number; that what is not known takes nothing off and is said; and that the
 * band gets worse at once, better after two seconds, and does not flap.
 */
#include "lib_test.h"

#include <math.h>

#include "manager/health.h"

#define SECOND 1000000000ull
#define NEAR(a, b) (fabs((a) - (b)) < 1e-9)

static struct tmem_health made(const struct tmem_health_inputs *in)
{
	struct tmem_health health = TMEM_HEALTH_INIT;

	if (tmem_health_of(in, &health))
		memset(&health, 0xff, sizeof(health));
	return health;
}

static const struct tmem_health_term *term_of(const struct tmem_health *health,
					      const char *name)
{
	uint32_t i;

	for (i = 0; i < health->terms; i++)
		if (!strcmp(health->term[i].name, name))
			return &health->term[i];
	return NULL;
}

/* The table of the design page. */
TEST(worked_numbers)
{
	const double mib = 1 << 20;
	static const char *const names[] = { "pressure", "trend",
					     "fragmentation", "leak",
					     "failures" };
	const struct {
		struct tmem_health_inputs in;
		double penalty[5], score;
		enum tmem_health_band band;
	} rows[] = {
		{ { .pressure = 0 }, { 0 }, 1, TMEM_HEALTH_NORMAL },
		{ { .pressure = 0.5 }, { 0.2 }, 0.8, TMEM_HEALTH_NORMAL },
		{ { .pressure = 1 }, { 0.4 }, 0.6, TMEM_HEALTH_MODERATE },
		{ { .pressure = 0.8, .rise = 0.1, .confidence = 0.9 },
		  { 0.32, 0.135 },
		  0.545,
		  TMEM_HEALTH_WARNING },
		{ { .pressure = 0.8, .rise = -0.1, .confidence = 0.9 },
		  { 0.32 },
		  0.68,
		  TMEM_HEALTH_MODERATE },
		{ { .pressure = 0.3,
		    .held = 1024 * mib,
		    .between = 102.4 * mib },
		  { 0.12, 0, 0.0275 },
		  0.8525,
		  TMEM_HEALTH_NORMAL },
		{ { .pressure = 0.35, .leaks = 1, .live = 100, .leaked = 20 },
		  { 0.14, 0, 0, 0.08 },
		  0.78,
		  TMEM_HEALTH_MODERATE },
		{ { .pressure = 0.95,
		    .rise = 0.05,
		    .confidence = 1,
		    .failures = 3 },
		  { 0.38, 0.3, 0, 0, 0.225 },
		  0.095,
		  TMEM_HEALTH_CRITICAL },
	};
	const struct tmem_health_term *term;
	struct tmem_health health;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		health = made(&rows[i].in);
		printf("# row %zu: %.4f\n", i, health.score);
		EXPECT_TRUE(NEAR(health.score, rows[i].score));
		EXPECT_EQ(rows[i].band,
			  tmem_health_band_of(health.score + 1e-9));
		ASSERT_EQ(5U, health.terms);
		EXPECT_EQ(0U, health.unknown);
		for (k = 0; k < 5; k++) {
			term = term_of(&health, names[k]);
			ASSERT_NE(NULL, term);
			EXPECT_TRUE(NEAR(term->penalty, rows[i].penalty[k]));
		}
	}
}

/* Figures, and whether more of one means trouble. */
static const struct {
	size_t at;
	bool trouble;
	double scale;
} figures[] = {
#define FIGURE(name, trouble, scale)                                      \
	{                                                                 \
		offsetof(struct tmem_health_inputs, name), trouble, scale \
	}
	FIGURE(pressure, true, 1),   FIGURE(rise, true, 1),
	FIGURE(confidence, true, 1), FIGURE(held, false, 1e10),
	FIGURE(between, true, 1e10), FIGURE(inside, true, 1e10),
	FIGURE(leaks, true, 5),	     FIGURE(live, false, 1e10),
	FIGURE(leaked, true, 1e10),  FIGURE(failures, true, 10),
};

static double *figure(struct tmem_health_inputs *in, size_t i)
{
	return (double *)(void *)((char *)in + figures[i].at);
}

/* Mostly within what can be, with the ends; now and then far beyond. */
static double random_share(uint64_t *random)
{
	switch (lt_random(random) % 16) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return -(double)(lt_random(random) % 1000);
	case 3:
		return (double)lt_random(random);
	default:
		return (double)(lt_random(random) >> 11) / 0x1p53;
	}
}

static void random_inputs(uint64_t *random, struct tmem_health_inputs *in)
{
	size_t i;

	memset(in, 0, sizeof(*in));
	for (i = 0; i < ARRAY_SIZE(figures); i++)
		*figure(in, i) = random_share(random) * figures[i].scale;
	if (lt_random(random) % 4 == 0)
		in->unknown = lt_random(random) % 32;
}

TEST(monotone)
{
	uint64_t random = pace_seed();
	struct tmem_health_inputs in, more;
	double before, after;
	unsigned int n, falls = 0;
	size_t i;

	for (n = 0; n < LT_COUNT(30000, 3000); n++) {
		random_inputs(&random, &in);
		for (i = 0; i < ARRAY_SIZE(figures); i++) {
			more = in;
			*figure(&more, i) +=
				fabs(random_share(&random)) * figures[i].scale;
			before = made(&in).score;
			after = made(&more).score;
			falls += after < before;
			/* More of it is no better, or no worse. */
			if (!figures[i].trouble) {
				before = -before;
				after = -after;
			}
			ASSERT_TRUE(after <= before + 1e-12);
		}
	}
	/* It was not the same all the time. */
	EXPECT_LT(n, falls);
}

TEST(bounded_and_shown)
{
	uint64_t random = pace_seed();
	struct tmem_health_inputs in;
	struct tmem_health health;
	double sum;
	uint32_t n, i;

	for (n = 0; n < LT_COUNT(30000, 3000); n++) {
		random_inputs(&random, &in);
		health = made(&in);
		ASSERT_TRUE(health.score >= 0 && health.score <= 1);
		ASSERT_EQ(5U - (uint32_t)__builtin_popcount(in.unknown),
			  health.terms);
		for (i = 0, sum = 1; i < health.terms; i++) {
			const struct tmem_health_term *t = &health.term[i];

			ASSERT_TRUE(t->value >= 0 && t->value <= 1);
			ASSERT_TRUE(NEAR(t->penalty, t->value * t->weight));
			sum -= t->penalty;
		}
		ASSERT_TRUE(NEAR(health.score, sum > 0 ? sum : 0));
	}
}

TEST(no_number_is_no_score)
{
	const double bad[] = { NAN, -NAN, INFINITY, -INFINITY };
	struct tmem_health health = TMEM_HEALTH_INIT;
	struct tmem_health_inputs in;
	size_t i, k;

	health.score = 77;
	for (i = 0; i < ARRAY_SIZE(figures); i++) {
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			memset(&in, 0, sizeof(in));
			*figure(&in, i) = bad[k];
			EXPECT_EQ(-EINVAL, tmem_health_of(&in, &health));
			EXPECT_TRUE(NEAR(77, health.score));
			/* Figures that are unknown may be anything. */
			in.unknown = 31;
			EXPECT_EQ(0U, made(&in).terms);
		}
	}
	EXPECT_EQ(sizeof(health), health.struct_size);
}

TEST(unknown_is_left_out)
{
	struct tmem_health_inputs in = {
		.pressure = 1, .rise = 1, .confidence = 1, .failures = 1
	};
	struct tmem_health health;
	unsigned int kind;

	for (kind = 0; kind < TMEM_HEALTH_KINDS; kind++) {
		in.unknown = 1u << kind;
		health = made(&in);
		EXPECT_EQ(1u << kind, health.unknown);
		EXPECT_EQ(4U, health.terms);
		EXPECT_EQ(NULL, term_of(&health, tmem_health_term_name(kind)));
	}
	EXPECT_STREQ("?", tmem_health_term_name(TMEM_HEALTH_KINDS));
	/* Bits of nothing are not passed on. */
	in.unknown = 0xffffffe0u;
	EXPECT_EQ(0U, made(&in).unknown);
}

TEST(band_edges)
{
	static const char *const names[] = { "critical", "warning", "moderate",
					     "normal" };
	static const double edge[] = { 0.3, 0.6, 0.8 };
	uint32_t i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, tmem_health_band_of(edge[i] - 1e-9));
		EXPECT_EQ(i + 1, tmem_health_band_of(edge[i]));
	}
	EXPECT_EQ(TMEM_HEALTH_CRITICAL, tmem_health_band_of(0));
	EXPECT_EQ(TMEM_HEALTH_NORMAL, tmem_health_band_of(1));
	for (i = 0; i < 4; i++)
		EXPECT_STREQ(names[i], tmem_health_band_name(i));
	EXPECT_STREQ("?", tmem_health_band_name(4));
}

/* Noise of as much as the margin around each boundary, ten looks a second. */
TEST(band_does_not_flap)
{
	static const double edge[] = { 0.3, 0.6, 0.8 };
	uint64_t random = pace_seed(), now = SECOND;
	unsigned int i, n, changes, plain_changes;
	enum tmem_health_band band, last, plain, plain_last;
	double score;

	for (i = 0; i < ARRAY_SIZE(edge); i++) {
		struct tmem_health_band_state state = { 0 };

		last = tmem_health_band_next(&state, edge[i] + 0.01, now);
		plain_last = last;
		for (n = changes = plain_changes = 0; n < 20000; n++) {
			score = edge[i] - 0.0199 +
				0.0398 * (double)(lt_random(&random) >> 11) /
					0x1p53;
			now += SECOND / 10;
			band = tmem_health_band_next(&state, score, now);
			plain = tmem_health_band_of(score);
			changes += band != last;
			plain_changes += plain != plain_last;
			last = band;
			plain_last = plain;
		}
		printf("# around %.1f: %u changes, %u without hysteresis\n",
		       edge[i], changes, plain_changes);
		EXPECT_EQ(1U, changes);
		EXPECT_LT(5000U, plain_changes);
	}
}

/* Slow waves: longer than the hold, lower than the margin. */
TEST(band_does_not_follow_waves)
{
	static const double edge[] = { 0.3, 0.6, 0.8 };
	unsigned int i, n, changes;
	enum tmem_health_band band, last;
	uint64_t now = SECOND;

	for (i = 0; i < ARRAY_SIZE(edge); i++) {
		struct tmem_health_band_state state = { 0 };

		last = tmem_health_band_next(&state, edge[i] + 0.01, now);
		for (n = changes = 0; n < 2000; n++) {
			now += SECOND / 10;
			band = tmem_health_band_next(
				&state,
				edge[i] + (n / 100 % 2 ? 0.019 : -0.019), now);
			changes += band != last;
			last = band;
		}
		EXPECT_EQ(1U, changes);
		/* A higher one counts. */
		for (n = 0; n < 30; n++) {
			now += SECOND / 10;
			band = tmem_health_band_next(&state, edge[i] + 0.021,
						     now);
		}
		EXPECT_EQ(last + 1, band);
	}
}

TEST(band_up_and_down)
{
	struct tmem_health_band_state state = { 0 };
	uint64_t now = 5 * SECOND;

	/* The first one is taken as it is. */
	EXPECT_EQ(TMEM_HEALTH_NORMAL, tmem_health_band_next(&state, 0.9, now));
	/* Worse: at once, over several bands, too. */
	now += 1;
	EXPECT_EQ(TMEM_HEALTH_CRITICAL,
		  tmem_health_band_next(&state, 0.29, now));
	/* Better: after two seconds. */
	now += SECOND;
	EXPECT_EQ(TMEM_HEALTH_CRITICAL,
		  tmem_health_band_next(&state, 0.95, now));
	now += SECOND - 1;
	EXPECT_EQ(TMEM_HEALTH_CRITICAL,
		  tmem_health_band_next(&state, 0.95, now));
	now += 1;
	EXPECT_EQ(TMEM_HEALTH_NORMAL, tmem_health_band_next(&state, 0.95, now));
	/* To the worst that it was in this time. */
	EXPECT_EQ(TMEM_HEALTH_CRITICAL,
		  tmem_health_band_next(&state, 0.1, ++now));
	now += SECOND;
	EXPECT_EQ(TMEM_HEALTH_CRITICAL, tmem_health_band_next(&state, 1, now));
	EXPECT_EQ(TMEM_HEALTH_CRITICAL,
		  tmem_health_band_next(&state, 0.65, now));
	now += SECOND;
	EXPECT_EQ(TMEM_HEALTH_MODERATE, tmem_health_band_next(&state, 1, now));
	/* Who looks once in a minute is not held up. */
	EXPECT_EQ(TMEM_HEALTH_WARNING,
		  tmem_health_band_next(&state, 0.5, ++now));
	now += 60 * SECOND;
	EXPECT_EQ(TMEM_HEALTH_NORMAL, tmem_health_band_next(&state, 0.9, now));
	/* A clock that goes back is no reason to be better, nor to wait. */
	EXPECT_EQ(TMEM_HEALTH_WARNING, tmem_health_band_next(&state, 0.5, now));
	EXPECT_EQ(TMEM_HEALTH_WARNING,
		  tmem_health_band_next(&state, 0.9, SECOND));
	EXPECT_EQ(TMEM_HEALTH_NORMAL,
		  tmem_health_band_next(&state, 0.9, 3 * SECOND));
}

TEST(failures_are_forgotten)
{
	struct tmem_health_memory often = { 0 }, once = { 0 };
	uint64_t now = SECOND, end = 61 * SECOND;

	EXPECT_TRUE(NEAR(4, tmem_health_remember(&once, 4, now)));
	tmem_health_remember(&often, 4, now);
	/* Half in a minute, however often it is asked. */
	EXPECT_TRUE(NEAR(2, tmem_health_remember(&once, 4, end)));
	for (; now < end; now += SECOND / 4)
		tmem_health_remember(&often, 4, now);
	EXPECT_TRUE(NEAR(2, tmem_health_remember(&often, 4, end)));
	EXPECT_TRUE(NEAR(5, tmem_health_remember(&often, 7, end)));
	/* The clock goes back: nothing is forgotten, nothing comes again. */
	EXPECT_TRUE(NEAR(5, tmem_health_remember(&often, 7, 1)));
	/* Counted from 0 again, as in the child of a fork. */
	EXPECT_TRUE(NEAR(6, tmem_health_remember(&often, 1, end)));
}

TEST(struct_size)
{
	const size_t bad[] = { 0, 1, sizeof(size_t) - 1, SIZE_MAX };
	struct tmem_health health = TMEM_HEALTH_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		health.struct_size = bad[i];
		EXPECT_EQ(-EINVAL, tmem_health_get(&health));
	}
	/* An older program gets what it knows. */
	health.struct_size = offsetof(struct tmem_health, terms);
	health.terms = 77;
	health.score = 77;
	EXPECT_EQ(0, tmem_health_get(&health));
	EXPECT_TRUE(health.score >= 0 && health.score <= 1);
	EXPECT_EQ(77U, health.terms);
}

TEST_HARNESS_MAIN
