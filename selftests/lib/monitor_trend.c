// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the past in figures that can be worked out by hand; the line through
 * series whose slope and r^2 are known, its prediction and its score; that what
 * is no number is not taken, and that a clock that goes back is no time.
 */
#include "lib_test.h"

#include "monitor/monitor.h"
#include "monitor/ratio.h"

#define S 1000000000ull
#define NEAR(a, b) ((a) - (b) < 1e-6 && (b) - (a) < 1e-6)

static double not_a_number(void)
{
	return strtod("nan", NULL);
}

/* --- the past ------------------------------------------------------------------------ */

static struct tmem_monitor_point point_at(double s, double ratio)
{
	enum tmem_level level = TMEM_LEVEL_LOW;

	tmem_level_of(ratio, &level);
	return (struct tmem_monitor_point){
		.time_ns = 1000 * S + (uint64_t)(s * 1e9),
		.ratio = (float)ratio,
		.level = (uint16_t)level,
	};
}

TEST(history)
{
	struct tmem_monitor_history h = TMEM_MONITOR_HISTORY_INIT;
	static const double ratio[] = { 0.2, 0.6, 0.95, 0.8 };
	static const double at[] = { 0, 1, 3, 6 };
	struct tmem_monitor_point p;
	struct tmem_ring ring;
	unsigned int i;

	ASSERT_EQ(0, tmem_ring_open(&ring, 1000));
	EXPECT_FALSE(tmem_ring_sum(&ring, &h));
	for (i = 0; i < 4; i++) {
		p = point_at(at[i], ratio[i]);
		ASSERT_TRUE(tmem_ring_add(&ring, &p));
	}
	ASSERT_TRUE(tmem_ring_sum(&ring, &h));
	EXPECT_EQ(4U, h.samples);
	EXPECT_EQ(1000U, h.capacity);
	EXPECT_TRUE(NEAR(h.min, 0.2));
	EXPECT_TRUE(NEAR(h.max, 0.95));
	/* (0.2 * 1 + 0.6 * 2 + 0.95 * 3) / 6 */
	EXPECT_TRUE(NEAR(h.mean, 4.25 / 6));
	EXPECT_EQ(1 * S, h.level_ns[TMEM_LEVEL_LOW]);
	EXPECT_EQ(2 * S, h.level_ns[TMEM_LEVEL_MEDIUM]);
	EXPECT_EQ(0U, h.level_ns[TMEM_LEVEL_HIGH]);
	EXPECT_EQ(3 * S, h.level_ns[TMEM_LEVEL_CRITICAL]);
	EXPECT_EQ(1000 * S, h.first_ns);
	EXPECT_EQ(1006 * S, h.last_ns);
	tmem_ring_close(&ring);
}

TEST(history_that_is_full)
{
	struct tmem_monitor_history h = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor_point p, last[3];
	struct tmem_ring ring;
	unsigned int i;

	ASSERT_EQ(0, tmem_ring_open(&ring, 1000));
	for (i = 0; i < 2500; i++) {
		p = point_at(i, i / 2500.0);
		ASSERT_TRUE(tmem_ring_add(&ring, &p));
	}
	ASSERT_TRUE(tmem_ring_sum(&ring, &h));
	EXPECT_EQ(1000U, h.samples);
	EXPECT_TRUE(NEAR(h.min, 1500 / 2500.0));
	EXPECT_TRUE(NEAR(h.max, 2499 / 2500.0));
	ASSERT_EQ(3U, tmem_ring_last(&ring, last, 3));
	EXPECT_EQ((1000 + 2497) * S, last[0].time_ns);
	EXPECT_EQ((1000 + 2499) * S, last[2].time_ns);
	tmem_ring_close(&ring);
}

TEST(history_takes_no_rubbish)
{
	struct tmem_monitor_history h = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor_point p = point_at(0, 0.5);
	struct tmem_ring ring;

	ASSERT_EQ(0, tmem_ring_open(&ring, 1000));
	p.ratio = (float)not_a_number();
	EXPECT_FALSE(tmem_ring_add(&ring, &p));
	p.ratio = -0.1f;
	EXPECT_FALSE(tmem_ring_add(&ring, &p));
	EXPECT_FALSE(tmem_ring_sum(&ring, &h));
	/* A clock that goes back: samples count, the time between does not. */
	p = point_at(10, 0.1);
	ASSERT_TRUE(tmem_ring_add(&ring, &p));
	p = point_at(5, 0.3);
	ASSERT_TRUE(tmem_ring_add(&ring, &p));
	p = point_at(6, 0.3);
	ASSERT_TRUE(tmem_ring_add(&ring, &p));
	ASSERT_TRUE(tmem_ring_sum(&ring, &h));
	EXPECT_EQ(1 * S, h.level_ns[TMEM_LEVEL_LOW]);
	EXPECT_TRUE(NEAR(h.mean, 0.3));
	tmem_ring_close(&ring);
}

/* --- the trend ----------------------------------------------------------------------- */

#define N 20

static struct tmem_monitor_point points[N];

static struct tmem_trend trend_of(double (*f)(double t), unsigned int n)
{
	struct tmem_trend trend;
	unsigned int i;

	for (i = 0; i < n; i++)
		points[i] = point_at(i * 0.5, f(i * 0.5));
	tmem_trend_draw(&trend, points, n);
	return trend;
}

static double rising(double t)
{
	return 0.2 + 0.03 * t;
}

static double falling(double t)
{
	return 0.9 - 0.04 * t;
}

static double constant(double t)
{
	return 0.1 + 0 * t;
}

static double step(double t)
{
	return t < 4.9 ? 0.2 : 0.8;
}

static double zigzag(double t)
{
	return (unsigned int)(t * 2) % 2 ? 0.6 : 0.4;
}

TEST(trend_rising)
{
	struct tmem_trend t = trend_of(rising, N);

	EXPECT_TRUE(NEAR(t.slope, 0.03));
	EXPECT_TRUE(NEAR(t.r2, 1.0));
	EXPECT_TRUE(NEAR(t.last, 0.485));
	EXPECT_TRUE(tmem_trend_sure(&t, 0.7));
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 10, 0.7), 0.785));
	/* There is no more than all. */
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 1000, 0.7), 1.0));
	EXPECT_TRUE(NEAR(tmem_trend_at(&t, 1000), 30.485));
}

TEST(trend_falling)
{
	struct tmem_trend t = trend_of(falling, N);

	EXPECT_TRUE(NEAR(t.slope, -0.04));
	EXPECT_TRUE(NEAR(t.r2, 1.0));
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 10, 0.7), 0.12));
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 100, 0.7), 0.0));
}

/* 0.1 is no number of a computer's: its mean may differ by a bit. */
TEST(trend_constant)
{
	struct tmem_trend t = trend_of(constant, N);

	EXPECT_TRUE(t.slope == 0.0);
	EXPECT_TRUE(t.r2 == 0.0);
	EXPECT_FALSE(tmem_trend_sure(&t, 0.0));
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 10, 0.7), 0.1));
}

/* sum(ty)^2 / (sum(tt) sum(yy)) of a step in the middle is 3/4 n^2/(n^2-1). */
TEST(trend_step)
{
	struct tmem_trend t = trend_of(step, N);

	EXPECT_TRUE(NEAR(t.r2, 0.75 * 400.0 / 399.0));
	EXPECT_GT(t.slope, 0.0);
	/* It is no trend: what has risen will not rise so again. */
	EXPECT_FALSE(tmem_trend_sure(&t, 0.7));
	EXPECT_TRUE(NEAR(tmem_trend_predict(&t, 10, 0.7), 0.8));
}

/* Up and down: r^2 is 3 / (n^2 - 1), and nobody believes it. */
TEST(trend_zigzag)
{
	struct tmem_trend t = trend_of(zigzag, N);

	EXPECT_TRUE(NEAR(t.r2, 3.0 / 399.0));
	EXPECT_FALSE(tmem_trend_sure(&t, 0.1));
}

TEST(trend_of_noise)
{
	uint64_t seed = pace_seed();
	struct tmem_trend t;
	double worst = 0.0;
	unsigned int i, run;

	for (run = 0; run < 200; run++) {
		for (i = 0; i < N; i++)
			points[i] = point_at(
				i, 0.2 + 0.02 * i +
					   0.002 *
						   (double)(lt_random(&seed) %
							    1000) /
						   1000);
		tmem_trend_draw(&t, points, N);
		ASSERT_TRUE(t.r2 > 0.99 && t.r2 <= 1.0);
		if (worst < t.slope - 0.02)
			worst = t.slope - 0.02;
		if (worst < 0.02 - t.slope)
			worst = 0.02 - t.slope;
	}
	/* 0.002 of noise over 19 s cannot bend it by more. */
	EXPECT_LT(worst, 0.0002);
}

TEST(trend_of_few)
{
	struct tmem_trend t;

	tmem_trend_draw(&t, points, 0);
	EXPECT_EQ(0U, t.samples);
	EXPECT_TRUE(t.r2 == 0.0 && t.slope == 0.0);
	t = trend_of(rising, 1);
	EXPECT_TRUE(t.r2 == 0.0 && t.slope == 0.0 && NEAR(t.last, 0.2));
	/* A line through two points is always right, and says nothing. */
	t = trend_of(rising, 2);
	EXPECT_TRUE(NEAR(t.r2, 1.0));
	EXPECT_FALSE(tmem_trend_sure(&t, 0.7));
	t = trend_of(rising, TMEM_TREND_FEW);
	EXPECT_TRUE(tmem_trend_sure(&t, 0.7));
}

TEST(trend_after_a_clock_that_went_back)
{
	struct tmem_trend t;
	unsigned int i;

	for (i = 0; i < N; i++)
		points[i] = i < 10 ? point_at(1000 + i, 0.9 - 0.05 * i) :
				     point_at(i, 0.02 * i);
	tmem_trend_draw(&t, points, N);
	EXPECT_EQ(10U, t.samples);
	EXPECT_TRUE(NEAR(t.slope, 0.02));
	/* It stands still: one sample, no line. */
	for (i = 0; i < N; i++)
		points[i] = point_at(5, 0.1 + 0.01 * i);
	tmem_trend_draw(&t, points, N);
	EXPECT_EQ(1U, t.samples);
	EXPECT_TRUE(t.slope == 0.0 && t.r2 == 0.0);
}

/* After a year of uptime a nanosecond clock is large. */
TEST(trend_late)
{
	struct tmem_trend t = trend_of(rising, N);
	unsigned int i;

	for (i = 0; i < N; i++)
		points[i].time_ns += 365 * 86400 * S;
	tmem_trend_draw(&t, points, N);
	EXPECT_TRUE(NEAR(t.slope, 0.03));
	EXPECT_TRUE(NEAR(t.r2, 1.0));
}

TEST(score)
{
	struct tmem_score score = { 0 };

	tmem_score_predict(&score, 10 * S, 0.50, 0.30, true);
	tmem_score_predict(&score, 11 * S, 0.90, 0.60, false);
	tmem_score_came(&score, 5 * S, 0.3, 9 * S, 0.4);
	EXPECT_EQ(0U, score.scored);
	/* At 10 s it was 0.48, between 0.4 and 0.56. */
	tmem_score_came(&score, 9 * S, 0.4, 11 * S, 0.56);
	EXPECT_EQ(2U, score.scored);
	EXPECT_EQ(1U, score.hits);
	EXPECT_EQ(1U, score.sure_scored);
	EXPECT_EQ(1U, score.sure_hits);
	EXPECT_EQ(1U, score.still_hits);
	EXPECT_TRUE(score.error_sum - 0.36 < 1e-6 &&
		    0.36 - score.error_sum < 1e-6);
	EXPECT_EQ(0U, score.count);
}

TEST(score_when_the_clock_jumps)
{
	struct tmem_score score = { 0 };
	unsigned int i;

	/* Nobody looked when its time came. */
	tmem_score_predict(&score, 10 * S, 0.5, 0.5, true);
	tmem_score_came(&score, 20 * S, 0.5, 21 * S, 0.5);
	EXPECT_EQ(0U, score.scored);
	EXPECT_EQ(0U, score.count);
	tmem_score_predict(&score, 30 * S, 0.5, 0.5, true);
	tmem_score_came(&score, 21 * S, 0.5, 3 * S, 0.5);
	EXPECT_EQ(0U, score.count);
	/* More than it can keep: no harm. */
	for (i = 0; i < 1000; i++)
		tmem_score_predict(&score, (40 + i) * S, 0.5, 0.5, true);
	EXPECT_EQ(TMEM_TREND_PENDING, score.count);
	tmem_score_came(&score, 39 * S, 0.5, 5000 * S, 0.5);
	EXPECT_EQ(TMEM_TREND_PENDING, score.hits);
}

TEST_HARNESS_MAIN
