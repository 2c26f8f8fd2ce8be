// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that samples are estimates of the whole.  Over many streams of random
 * numbers, the mean of a site's estimates lies within a few of its standard
 * errors of the truth, and the error that is reported is the one that there is:
 * for small and large blocks, at fixed intervals, through doublings, and where
 * the table is full.
 *
 * The bars are of five standard errors.  With the fixed seed, a clock of its own
 * and one thread, each run draws the same numbers.
 */
#include "analytics_test.h"

#include <math.h>

#include "analytics/events.h"
#include "analytics/sampler.h"

/* Mean of what a sampler says of blocks of one size. */
static double mean_weight(uint64_t interval, size_t bytes, unsigned int n,
			  double *error)
{
	struct tmem_sampler sampler = { .interval = TMEM_SAMPLER_FRESH };
	double chance = tmem_sampler_chance(interval, bytes), sum = 0;
	unsigned int i;

	atomic_store(&tmem_sampler_interval, interval);
	tmem_sampler_reset(&sampler);
	for (i = 0; i < n; i++) {
		sampler.left -= (int64_t)bytes;
		if (sampler.left < 0)
			sum += tmem_sampler_look(&sampler, bytes);
		else if (bytes >= interval)
			sum += tmem_sampler_look(&sampler, bytes);
	}
	*error = sqrt((1 - chance) / chance / n);
	return sum / n;
}

TEST(sampler_is_unbiased)
{
	static const uint64_t intervals[] = { 0, 1000, 32768, 65536, 524288 };
	static const size_t sizes[] = { 64, 1000, 32768, 300000, 524288 };
	unsigned int i, k;

	tmem_sampler_seed(pace_seed());
	atomic_store(&tmem_analytics_on, true);
	for (i = 0; i < ARRAY_SIZE(intervals); i++) {
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			double error,
				mean = mean_weight(intervals[i], sizes[k],
						   LT_COUNT(1000000, 100000),
						   &error);

			if (fabs(mean - 1) > 5 * error + 1e-9)
				printf("# interval %llu, %zu bytes: mean %f, error %f\n",
				       (unsigned long long)intervals[i],
				       sizes[k], mean, error);
			EXPECT_LE(fabs(mean - 1), 5 * error + 1e-9);
		}
	}
}

/* A gap drawn before a doubling is used after it. */
TEST(doubling_is_unbiased)
{
	unsigned int n = LT_COUNT(200000, 20000), i, k;
	double sum = 0, chance = tmem_sampler_chance(160000, 5000);

	tmem_sampler_seed(pace_seed());
	atomic_store(&tmem_analytics_on, true);
	for (i = 0; i < n; i++) {
		struct tmem_sampler sampler = { .random = 0 };

		atomic_store(&tmem_sampler_interval, 40000);
		tmem_sampler_reset(&sampler);
		for (k = 0; k < 4; k++) {
			sampler.left -= 5000;
			if (sampler.left < 0)
				tmem_sampler_look(&sampler, 5000);
			atomic_store(&tmem_sampler_interval,
				     (uint64_t)80000 << (k > 0));
		}
		sampler.left -= 5000;
		if (sampler.left < 0)
			sum += tmem_sampler_look(&sampler, 5000);
	}
	EXPECT_LE(fabs(sum / n - 1), 5 * sqrt((1 - chance) / chance / n));
}

#define BLOCKS 400

/* One program, seen by many samplers: z = (mean - truth) / error of the mean. */
struct program {
	uint64_t interval;
	bool doubled; /* by hand, half way */
	bool paced; /* all in no time: doubled again and again */
};

struct sums {
	double z, z2, bytes, blocks, variance;
};

static void double_interval(void)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	tmem_analytics_get(&config);
	config.interval_bytes *= 2;
	tmem_analytics_set(&config);
}

static bool program_run(const struct program *p, struct sums *sums)
{
	struct tmem_analytics_stats before;
	static void *block[BLOCKS];
	struct tmem_site_info site;
	uint64_t truth = lt_stats().live_bytes;
	unsigned int i;
	static unsigned int run;
	char label[32];

	if (an_init(p->interval, 0))
		return false;
	before = an_stats();
	snprintf(label, sizeof(label), "run %u", run++);
	for (i = 0; i < BLOCKS; i++) {
		block[i] = an_alloc(label, i % 50 ? 500 + 20 * i : 300000);
		if (i == BLOCKS / 2 && p->doubled)
			double_interval();
	}
	for (i = 1; i < BLOCKS; i += 3) {
		tmem_free(block[i]);
		block[i] = NULL;
	}
	truth = lt_stats().live_bytes - truth;
	site = an_site("", label);
	for (i = 0; i < BLOCKS; i++)
		tmem_free(block[i]);
	sums->bytes += (double)site.live_bytes - (double)truth;
	sums->variance += (double)site.error_bytes * (double)site.error_bytes;
	sums->z2 += ((double)site.live_bytes - (double)truth) *
		    ((double)site.live_bytes - (double)truth);
	site = an_site("", label);
	return !site.live_bytes && an_stats().records == before.records;
}

/* Estimates are right in the mean, and vary as they say they do. */
static bool program_is_unbiased(const struct program *p, unsigned int runs)
{
	struct sums sums = { .z = 0 };
	double bias, error, ratio;
	unsigned int i;

	for (i = 0; i < runs; i++)
		if (!program_run(p, &sums))
			return false;
	bias = sums.bytes / runs;
	error = sqrt(sums.z2) / runs;
	ratio = sums.variance / sums.z2;
	printf("# interval %llu: bias %.0f bytes, standard error of it %.0f, reported / real variance %.2f\n",
	       (unsigned long long)p->interval, bias, error, ratio);
	return fabs(bias) < 5 * error && ratio > 0.5 && ratio < 2;
}

TEST(sites_are_unbiased)
{
	static const struct program programs[] = {
		{ .interval = 20000 },
		{ .interval = 512 * LT_KIB },
		{ .interval = 40000, .doubled = true },
		{ .interval = 20000, .paced = true },
	};
	unsigned int i;

	if (heap_valgrind())
		SKIP(return, "too slow in valgrind");
	tmem_sampler_seed(pace_seed());
	ASSERT_EQ(0, heap_init());
	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		if (programs[i].paced)
			an_clock_stop();
		else
			an_clock_steps();
		EXPECT_TRUE(
			program_is_unbiased(&programs[i], LT_COUNT(200, 100)));
	}
}

#define MANY 6000

/* A full table: records go, estimates stay right in the mean. */
TEST(thinning_is_unbiased)
{
	unsigned int runs = HEAP_COUNT(60, 40), run, i;
	static void *block[MANY];
	double bias = 0, square = 0, reported = 0;

	an_clock_steps();
	tmem_sampler_seed(pace_seed());
	ASSERT_EQ(0, heap_init());
	for (run = 0; run < runs; run++) {
		struct tmem_site_info site;
		uint64_t truth = lt_stats().live_bytes;
		double off;
		char label[32];

		ASSERT_EQ(0, an_init(0, 1024));
		snprintf(label, sizeof(label), "thin %u", run);
		for (i = 0; i < MANY; i++)
			block[i] = an_alloc(label, 64 + i);
		for (i = 0; i < MANY; i += 2) {
			tmem_free(block[i]);
			block[i] = NULL;
		}
		EXPECT_GE(1024U, an_stats().records);
		EXPECT_LT(0U, an_stats().records_dropped);
		truth = lt_stats().live_bytes - truth;
		site = an_site("", label);
		off = (double)site.live_bytes - (double)truth;
		bias += off / runs;
		square += off * off;
		reported += (double)site.error_bytes * (double)site.error_bytes;
		for (i = 0; i < MANY; i++)
			tmem_free(block[i]);
		site = an_site("", label);
		EXPECT_EQ(0U, site.live_bytes);
		EXPECT_EQ(0U, site.error_bytes);
		EXPECT_LE(llabs((long long)(site.allocs - site.frees)), 1);
	}
	printf("# bias %.0f bytes, standard error of it %.0f, reported / real variance %.2f\n",
	       bias, sqrt(square) / runs, reported / square);
	EXPECT_LT(fabs(bias), 5 * sqrt(square) / runs);
	/* When to thin depends on how many there are: that makes it less. */
	EXPECT_LT(0.5, reported / square);
	EXPECT_GT(4.0, reported / square);
	EXPECT_EQ(0U, an_stats().records);
}

/* Very many samples in no time: fewer are taken, until there is time again. */
TEST(pace)
{
	unsigned int i;

	ASSERT_EQ(0, an_init(65536, 0));
	an_clock_stop();
	for (i = 0; i < 200; i++)
		tmem_free(an_alloc("fast", 100000));
	EXPECT_LT(65536U, an_stats().interval_bytes);
	for (i = 0; i < 20000 && an_stats().interval_bytes > 65536; i++) {
		an_clock_add(2);
		tmem_free(an_alloc("slow", 1000000));
	}
	EXPECT_EQ(65536U, an_stats().interval_bytes);
	/* Not where every block was asked for. */
	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 200; i++)
		tmem_free(an_alloc("all", 100));
	EXPECT_EQ(0U, an_stats().interval_bytes);
	EXPECT_EQ(200U, an_site("", "all").allocs);
}

/* How often a word of eight letters occurs in a file. */
static unsigned int words(int fd, const char *word)
{
	FILE *f = fdopen(fd, "r");
	char seen[9] = "........";
	unsigned int n = 0;
	int c;

	if (!f)
		return 0;
	rewind(f);
	while ((c = fgetc(f)) != EOF) {
		memmove(seen, seen + 1, 7);
		seen[7] = (char)c;
		n += !strcmp(seen, word);
	}
	fclose(f);
	return n;
}

/* 100 000 live blocks, all known, and each in the report. */
#define RECORDS 100000

static void *many[RECORDS];

TEST(hundred_thousand)
{
	unsigned int n = LT_COUNT(RECORDS, 10000), i;
	int fd = memfd_create("records", MFD_CLOEXEC);

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < n; i++)
		many[i] = an_alloc("many", 64 + i % 1000);
	EXPECT_EQ(n, an_stats().records);
	EXPECT_EQ(0U, an_stats().records_dropped);
	EXPECT_EQ(n, an_site("", "many").live_blocks);
	EXPECT_EQ(lt_stats().live_bytes, an_site("", "many").live_bytes);
	EXPECT_EQ(0, tmem_snapshot_write(fd, TMEM_SNAPSHOT_RECORDS));
	EXPECT_EQ(n, words(fd, "address\""));
	for (i = 0; i < n; i++)
		tmem_free(many[i]);
	EXPECT_EQ(0U, an_stats().records);
}

/* More sites than there is room for: one stands for the rest. */
TEST(sites_full)
{
	unsigned int n = 9000, i;
	uint64_t frame;
	struct tmem_site_info other = TMEM_SITE_INIT;
	void *block;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < n; i++) {
		frame = 4096 + i;
		tmem_site_push(&frame, 1, NULL);
		block = tmem_alloc(64);
		tmem_site_pop();
		if (i % 2)
			tmem_free(block);
	}
	EXPECT_EQ(8192U, an_stats().sites);
	EXPECT_EQ(n - 8191, an_stats().sites_lost);
	EXPECT_EQ(0, tmem_site_get(8192, &other));
	EXPECT_STREQ("other", other.label);
	EXPECT_EQ(n - 8191, other.allocs);
}

TEST_HARNESS_MAIN
