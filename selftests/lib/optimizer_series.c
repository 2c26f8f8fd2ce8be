// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the optimizer foresees of a row of numbers, on rows whose
 * continuation is known: constant, periodic, growing, bursty, at random, a
 * step, falling, all zero, and as large as numbers get; that its confidence is
 * how often it will be right, on thousands of rows with noise; and that it is
 * not below the two simplest forecasts where these are as good.
 */
#include "lib_test.h"

#include <math.h>

#include "optimizer/series.h"

#define N 20u

static double noise(uint64_t *seed)
{
	return (double)(lt_random(seed) >> 11) / 0x1p53;
}

static struct tmem_forecast next(const double *y, unsigned int n)
{
	struct tmem_forecast f;

	tmem_series_next(y, n, tmem_series_period(y, n), &f);
	return f;
}

static enum tmem_optimizer_pattern pattern(const double *y, unsigned int n)
{
	return tmem_series_pattern(y, n, tmem_series_period(y, n));
}

TEST(constant)
{
	double y[N];
	struct tmem_forecast f;
	unsigned int i;

	for (i = 0; i < N; i++)
		y[i] = 185e6;
	f = next(y, N);
	EXPECT_EQ(185e6, f.value);
	EXPECT_EQ(1.0, f.fit);
	EXPECT_EQ(TMEM_EXPERT_LAST, (int)f.expert);
	EXPECT_EQ(TMEM_OPTIMIZER_STEADY, (int)pattern(y, N));
	EXPECT_EQ(0U, tmem_series_period(y, N));
	for (i = 0; i < N; i++)
		y[i] = 0.0;
	f = next(y, N);
	EXPECT_EQ(0.0, f.value);
	EXPECT_EQ(1.0, f.fit);
	EXPECT_EQ(TMEM_OPTIMIZER_STEADY, (int)pattern(y, N));
}

TEST(few_numbers_say_little)
{
	const double y[] = { 7.0, 7.0, 7.0 };
	struct tmem_forecast f = next(y, 0);

	EXPECT_EQ(0.0, f.value);
	EXPECT_EQ(0U, f.tests);
	f = next(y, 1);
	EXPECT_EQ(7.0, f.value);
	EXPECT_EQ(0.0, tmem_series_confidence(f.fit, f.tests));
	f = next(y, 3);
	EXPECT_LT(tmem_series_confidence(f.fit, f.tests), 0.7);
	EXPECT_EQ(TMEM_OPTIMIZER_UNKNOWN, (int)pattern(y, 3));
}

TEST(periodic)
{
	double y[N];
	struct tmem_forecast f;
	unsigned int period, i;

	for (period = 2; period <= N / 2; period++) {
		for (i = 0; i < N; i++)
			y[i] = i % period ? 100.0 : 40.0;
		EXPECT_EQ(period, tmem_series_period(y, N));
		f = next(y, N);
		EXPECT_EQ(N % period ? 100.0 : 40.0, f.value);
		EXPECT_EQ(1.0, f.fit);
		EXPECT_EQ(TMEM_OPTIMIZER_PERIODIC, (int)pattern(y, N));
	}
}

TEST(growing)
{
	double y[N];
	struct tmem_forecast f;
	unsigned int i;

	for (i = 0; i < N; i++)
		y[i] = 100.0 + 10.0 * i;
	f = next(y, N);
	EXPECT_EQ(TMEM_EXPERT_LINE, (int)f.expert);
	EXPECT_LT(fabs(f.value - 300.0), 1e-6);
	EXPECT_EQ(TMEM_OPTIMIZER_GROWING, (int)pattern(y, N));
	/* Downwards: foreseen as well, never below nothing, but no growth. */
	for (i = 0; i < N; i++)
		y[i] = 205.0 - 10.0 * i;
	f = next(y, N);
	EXPECT_LT(fabs(f.value - 5.0), 1e-6);
	EXPECT_NE(TMEM_OPTIMIZER_GROWING, (int)pattern(y, N));
	y[N - 1] = 0.0;
	EXPECT_GE(tmem_series_expert(TMEM_EXPERT_LINE, y, N, 0), 0.0);
}

/* What rose once does not grow. */
TEST(a_step_is_no_growth)
{
	double y[N];
	unsigned int i, at;

	for (at = 2; at < N - 2; at++) {
		for (i = 0; i < N; i++)
			y[i] = i < at ? 100.0 : 200.0;
		EXPECT_NE(TMEM_OPTIMIZER_GROWING, (int)pattern(y, N));
		EXPECT_EQ(200.0, next(y, N).value);
	}
}

TEST(bursty)
{
	double y[N];
	unsigned int i;

	for (i = 0; i < N; i++)
		y[i] = 100.0;
	y[3] = y[7] = y[8] = y[16] = 900.0;
	EXPECT_EQ(TMEM_OPTIMIZER_BURSTY, (int)pattern(y, N));
}

TEST(random_rows_are_not_trusted)
{
	uint64_t seed = pace_seed();
	unsigned int round, i, sure = 0, named = 0;
	double y[N];

	for (round = 0; round < 1000; round++) {
		struct tmem_forecast f;

		for (i = 0; i < N; i++)
			y[i] = noise(&seed) * 1e9;
		f = next(y, N);
		sure += tmem_series_confidence(f.fit, f.tests) >= 0.7;
		named += pattern(y, N) == TMEM_OPTIMIZER_RANDOM;
	}
	printf("# of 1000: trusted %u, called random %u\n", sure, named);
	EXPECT_LE(sure, 20U);
	EXPECT_GE(named, 900U);
}

/* Steady but for some percent, periodic but for some, growing but for some. */
static double made(unsigned int kind, unsigned int i, double wide,
		   uint64_t *seed)
{
	double base = kind == 0 ? 100.0 :
		      kind == 1 ? (i % 5 ? 100.0 : 400.0) :
				  100.0 + 20.0 * i;

	return base * (1.0 + wide * (2.0 * noise(seed) - 1.0));
}

TEST(noise_costs_as_much_as_it_is)
{
	static const enum tmem_optimizer_pattern want[] = {
		TMEM_OPTIMIZER_STEADY,
		TMEM_OPTIMIZER_PERIODIC,
		TMEM_OPTIMIZER_GROWING,
	};
	uint64_t seed = pace_seed();
	unsigned int kind, round, i, right, rounds = LT_COUNT(500, 50);
	double y[N + 1];

	for (kind = 0; kind < 3; kind++) {
		double said = 0.0, came = 0.0;

		right = 0;
		for (round = 0; round < rounds; round++) {
			struct tmem_forecast f;

			for (i = 0; i <= N; i++)
				y[i] = made(kind, i, 0.05, &seed);
			f = next(y, N);
			right += pattern(y, N) == want[kind];
			said += tmem_series_confidence(f.fit, f.tests) / rounds;
			came += fmin(f.value, y[N]) / fmax(f.value, y[N]) /
				rounds;
		}
		printf("# kind %u: named %u of %u; said %.3f, came %.3f\n",
		       kind, right, rounds, said, came);
		EXPECT_GE(right, rounds * 9 / 10);
		EXPECT_GT(came, 0.9);
		/* It promises no more than it keeps, and not much less. */
		EXPECT_LT(said, came + 0.02);
		EXPECT_GT(said, came - 0.1);
	}
}

/* Over many rows of each kind it is about as good as the better baseline. */
TEST(not_worse_than_the_simplest)
{
	uint64_t seed = pace_seed();
	double least[3] = { 0.0 }, most[3] = { 0.0 }, y[60];
	unsigned int round, i, k, rounds = LT_COUNT(200, 20);

	for (round = 0; round < rounds; round++) {
		unsigned int kind = round % 4;

		for (i = 0; i < 60; i++)
			y[i] = kind == 3 ? 1.0 + noise(&seed) * 99.0 :
					   made(kind, i, 0.05, &seed);
		for (i = N; i < 60; i++) {
			double f[3] = {
				next(y + i - N, N).value,
				y[i - 1],
				tmem_series_expert(TMEM_EXPERT_MEAN, y + i - N,
						   N, 0),
			};

			for (k = 0; k < 3; k++) {
				least[k] += fmin(f[k], y[i]);
				most[k] += fmax(f[k], y[i]);
			}
		}
	}
	printf("# fit: learned %.3f, last %.3f, mean %.3f\n",
	       least[0] / most[0], least[1] / most[1], least[2] / most[2]);
	EXPECT_GT(least[0] / most[0], least[1] / most[1]);
	EXPECT_GT(least[0] / most[0], least[2] / most[2]);
}

TEST(numbers_as_large_as_they_get)
{
	const double huge[] = { 0x1p62, 0.0, 0x1p62, 1.0,    0x1p62,
				0x1p62, 0.0, 0.0,    0x1p62, 1e-300 };
	double x[10];
	unsigned int n, i;

	for (i = 0; i < 10; i++)
		x[i] = huge[9 - i];
	for (n = 0; n <= 10; n++) {
		struct tmem_forecast f = next(huge, n);
		unsigned int tests;

		EXPECT_TRUE(isfinite(f.value) && f.value >= 0.0);
		EXPECT_TRUE(f.fit >= 0.0 && f.fit <= 1.0);
		EXPECT_LE((int)pattern(huge, n), TMEM_OPTIMIZER_RANDOM);
		EXPECT_TRUE(isfinite(tmem_series_regress(x, huge, n, 0x1p62)));
		EXPECT_TRUE(tmem_series_regress_fit(x, huge, n, &tests) <= 1.0);
	}
}

TEST(lines_through_pairs)
{
	double x[N], y[N];
	unsigned int i, tests;

	for (i = 0; i < N; i++) {
		x[i] = 3.0 + (i * 7) % N;
		y[i] = 50.0 + 12.0 * x[i];
	}
	EXPECT_LT(fabs(tmem_series_regress(x, y, N, 10.0) - 170.0), 1e-6);
	EXPECT_GT(tmem_series_regress_fit(x, y, N, &tests), 0.999);
	EXPECT_EQ(N - 3, tests);
	/* Not below nothing, and not beyond twice what has been. */
	EXPECT_EQ(0.0, tmem_series_regress(x, y, N, -1e9));
	EXPECT_EQ(2.0 * (50.0 + 12.0 * 22.0),
		  tmem_series_regress(x, y, N, 1e12));
	/* All alike: the mean. */
	for (i = 0; i < N; i++) {
		x[i] = 1.0 / 3.0;
		y[i] = i;
	}
	EXPECT_LT(fabs(tmem_series_regress(x, y, N, 5.0) - 9.5), 1e-9);
}

TEST_HARNESS_MAIN
