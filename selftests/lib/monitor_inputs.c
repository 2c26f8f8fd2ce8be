// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the monitor reads of a host: PSI with all its figures, cgroup,
 * nodes and pools; and that what cannot be read, has vanished or makes no sense
 * is an error or a missing figure, and never a level.
 */
#include "monitor_host.h"

#include "monitor/inputs.h"
#include "monitor/ratio.h"

#define S 1000000000ull
#define NEAR(a, b) ((a) - (b) < 1e-6 && (b) - (a) < 1e-6)

/* --- texts ------------------------------------------------------------------------- */

TEST(psi_all_figures)
{
	struct tmem_psi_file psi;

	ASSERT_EQ(0, tmem_psi_parse(
			     "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n"
			     "full avg10=0.50 avg60=0.60 avg300=0.70 total=2\n",
			     &psi));
	EXPECT_EQ(100U, psi.some.avg10);
	EXPECT_EQ(200U, psi.some.avg60);
	EXPECT_EQ(300U, psi.some.avg300);
	EXPECT_EQ(4U, psi.some.total);
	EXPECT_EQ(50U, psi.full.avg10);
	EXPECT_EQ(70U, psi.full.avg300);
	EXPECT_EQ(2U, psi.full.total);
	EXPECT_EQ(-EINVAL,
		  tmem_psi_parse("some avg10=1.00 avg60=2.00 avg300=3.00 "
				 "total=4\nfull avg10=0.50 rubbish\n",
				 &psi));
}

TEST(psi_meter)
{
	struct tmem_psi_meter m = { 0 };
	struct tmem_psi some = { .avg10 = 100, .total = 1000000 };

	EXPECT_EQ(100U, tmem_psi_meter_look(&m, 10 * S, &some, false));
	some.total += 300000; /* 0.3 s of 1 s */
	EXPECT_EQ(3000U, tmem_psi_meter_look(&m, 11 * S, &some, false));
	EXPECT_EQ(100U, tmem_psi_meter_look(&m, 12 * S, &some, false));
	EXPECT_EQ(500U, tmem_psi_meter_look(&m, 13 * S, &some, true));
	/* More than there was is all of it. */
	some.total += 9000000;
	EXPECT_EQ(10000U, tmem_psi_meter_look(&m, 14 * S, &some, false));
	/* The clock, and the total, go back. */
	EXPECT_EQ(100U, tmem_psi_meter_look(&m, 2 * S, &some, false));
	some.total = 5;
	EXPECT_EQ(100U, tmem_psi_meter_look(&m, 3 * S, &some, false));
	some.total += 100000;
	EXPECT_EQ(1000U, tmem_psi_meter_look(&m, 4 * S, &some, false));
}

TEST(node_text)
{
	uint64_t total, free;

	ASSERT_TRUE(tmem_inputs_node_parse("Node 1 MemTotal:  1000 kB\n"
					   "Node 1 MemFree:   250 kB\n",
					   1, &total, &free));
	EXPECT_EQ(1024000U, total);
	EXPECT_EQ(256000U, free);
	EXPECT_FALSE(tmem_inputs_node_parse("Node 1 MemTotal:  1000 kB\n", 1,
					    &total, &free));
	EXPECT_FALSE(tmem_inputs_node_parse("Node 1 MemTotal:  1000 kB\n"
					    "Node 1 MemFree:   250 kB\n",
					    0, &total, &free));
	EXPECT_FALSE(tmem_inputs_node_parse("Node 1 MemTotal:  100 kB\n"
					    "Node 1 MemFree:   250 kB\n",
					    1, &total, &free));
}

FIXTURE(host)
{
	struct tmem_inputs inputs;
	struct tmem_monitor_sample sample;
};

FIXTURE_SETUP(host)
{
	ASSERT_TRUE(host_make());
	self->inputs.host = host;
}

FIXTURE_TEARDOWN(host)
{
	host_drop();
}

/* --- one look --------------------------------------------------------------------------- */

#define LOOK(at_ns)                                                           \
	do {                                                                  \
		self->sample =                                                \
			(struct tmem_monitor_sample)TMEM_MONITOR_SAMPLE_INIT; \
		tmem_inputs_look(&self->inputs, at_ns,                        \
				 (struct tmem_inputs_fired){ 0 },             \
				 &self->sample);                              \
		tmem_sample_judge(&self->sample);                             \
	} while (0)

TEST_F(host, look)
{
	LOOK(10 * S);
	EXPECT_EQ(0U, self->sample.errors);
	EXPECT_EQ(1u << TMEM_RESOURCE_SYSTEM | 1u << TMEM_RESOURCE_STALL |
			  1u << TMEM_RESOURCE_CGROUP_STALL,
		  self->sample.have);
	EXPECT_EQ(TMEM_RESOURCE_SYSTEM, (int)self->sample.limiting);
	EXPECT_TRUE(NEAR(self->sample.ratio, 0.3));
	EXPECT_EQ(1024000000U, self->sample.total);
	EXPECT_EQ(TMEM_CGROUP_SEEN_V2, (int)self->sample.cgroup_state);
	EXPECT_EQ(UINT64_MAX, self->sample.cgroup_limit);
	EXPECT_EQ(100U, self->sample.some.total);
	EXPECT_EQ(10U, self->sample.cgroup_full.total);
}

TEST_F(host, look_at_the_cgroup)
{
	ASSERT_TRUE(host_group(HOST_GROUP, "800000\n", "1000000\n", "max\n"));
	LOOK(10 * S);
	EXPECT_EQ(TMEM_RESOURCE_CGROUP, (int)self->sample.limiting);
	EXPECT_TRUE(NEAR(self->sample.ratio, 0.8));
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)self->sample.level);
	ASSERT_TRUE(
		host_file(HOST_GROUP "/memory.pressure",
			  "some avg10=50.00 avg60=0.00 avg300=0.00 total=100\n"
			  "full avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"));
	LOOK(10 * S);
	EXPECT_EQ(TMEM_RESOURCE_CGROUP_STALL, (int)self->sample.limiting);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)self->sample.level);
	/* A limit of nothing is reached. */
	ASSERT_TRUE(host_group(HOST_GROUP, "0\n", "0\n", "max\n"));
	LOOK(11 * S);
	EXPECT_TRUE(NEAR(self->sample.ratios[TMEM_RESOURCE_CGROUP], 1.0));
}

/* Its node has 25 % free. */
TEST_F(host, look_at_nodes)
{
	LOOK(10 * S);
	if (!self->sample.node_total)
		SKIP(return, "this process may not use node 0");
	EXPECT_EQ(0U, self->sample.node);
	EXPECT_EQ(256000000U, self->sample.node_free);
}

TEST_F(host, no_psi)
{
	ASSERT_TRUE(host_file("/proc/pressure/memory", NULL));
	ASSERT_TRUE(host_file(HOST_GROUP "/memory.pressure", NULL));
	LOOK(10 * S);
	EXPECT_EQ(0U, self->sample.errors);
	EXPECT_EQ(1u << TMEM_RESOURCE_SYSTEM, self->sample.have);
	EXPECT_TRUE(NEAR(self->sample.ratio, 0.3));
}

/* Each file gone, or of rubbish: an error or no figure, and the others count. */
TEST_F(host, files_that_vanish)
{
	ASSERT_TRUE(host_file("/proc/meminfo", NULL));
	LOOK(10 * S);
	EXPECT_EQ(1u << TMEM_RESOURCE_SYSTEM, self->sample.errors);
	EXPECT_EQ((uint32_t)ENOENT, self->sample.error);
	EXPECT_EQ(TMEM_RESOURCE_STALL, (int)self->sample.limiting);
	ASSERT_TRUE(host_file("/proc/pressure/memory", "some rubbish\n"));
	ASSERT_TRUE(host_file("/proc/self/cgroup", NULL));
	LOOK(11 * S);
	EXPECT_EQ(1u << TMEM_RESOURCE_SYSTEM | 1u << TMEM_RESOURCE_STALL |
			  1u << TMEM_RESOURCE_CGROUP,
		  self->sample.errors);
	EXPECT_EQ(0U, self->sample.have);
	EXPECT_EQ(TMEM_RESOURCE_NONE, self->sample.limiting);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)self->sample.level);
}

/* Bytes at random in every file: nothing is taken that is no ratio. */
TEST_F(host, files_of_rubbish)
{
	static const char *const files[] = {
		"/proc/meminfo",
		"/proc/pressure/memory",
		"/proc/self/cgroup",
		"/proc/self/mountinfo",
		HOST_GROUP "/memory.current",
		HOST_GROUP "/memory.max",
		HOST_GROUP "/memory.high",
		HOST_GROUP "/memory.stat",
		HOST_GROUP "/memory.pressure",
	};
	static const char words[] = "some full avg10=9.99 total=1 0::/user "
				    "max MemTotal: 99999999999999999999 kB\n"
				    " - cgroup2 nan -1 MemAvailable: 1 kB\n";
	uint64_t seed = pace_seed();
	char text[512];
	unsigned int run, i;
	size_t n, k;

	for (run = 0; run < LT_COUNT(500, 100); run++) {
		i = (unsigned int)lt_between(&seed, 0, 8);
		n = lt_between(&seed, 0, sizeof(text) - 1);
		for (k = 0; k < n; k++)
			text[k] = lt_random(&seed) % 4 ?
					  words[(k + run) % sizeof(words)] :
					  (char)lt_between(&seed, 1, 255);
		text[n] = '\0';
		ASSERT_TRUE(host_file(files[i], text));
		LOOK((10 + run) * S);
		ASSERT_TRUE(self->sample.ratio >= 0.0 &&
			    self->sample.ratio <= 1.0);
		ASSERT_LE(self->sample.level, (uint32_t)TMEM_LEVEL_CRITICAL);
	}
}

/* --- pools ---------------------------------------------------------------------------- */

TEST_F(host, look_at_pools)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *pool;
	void *block;

	ASSERT_EQ(0, lt_init());
	LOOK(10 * S);
	EXPECT_FALSE(self->sample.have >> TMEM_RESOURCE_POOL & 1);
	EXPECT_EQ(UINT64_MAX, self->sample.pool_limit);
	config.max_bytes = 10 * LT_SPAN;
	pool = tmem_pool_create(&config);
	ASSERT_NE(NULL, pool);
	block = tmem_pool_alloc(pool, 8 * LT_SPAN);
	ASSERT_NE(NULL, block);
	LOOK(11 * S);
	EXPECT_TRUE(NEAR(self->sample.ratios[TMEM_RESOURCE_POOL], 0.8));
	EXPECT_EQ(8 * LT_SPAN, self->sample.pool_bytes);
	EXPECT_EQ(10 * LT_SPAN, self->sample.pool_limit);
	EXPECT_EQ(TMEM_RESOURCE_POOL, (int)self->sample.limiting);
	tmem_free(block);
	tmem_pool_destroy(pool);
}

/* --- this machine --------------------------------------------------------------------- */

TEST(this_machine)
{
	struct tmem_monitor_sample s = TMEM_MONITOR_SAMPLE_INIT;

	ASSERT_EQ(0, tmem_monitor_look(&s));
	printf("# ratio %.3f of %s, have %#x, errors %#x, cgroup %u\n", s.ratio,
	       tmem_resource_name(s.limiting), s.have, s.errors,
	       s.cgroup_state);
	EXPECT_EQ(0U, s.errors);
	EXPECT_TRUE(s.have & 1u << TMEM_RESOURCE_SYSTEM);
	EXPECT_GT(s.total, s.available);
	s.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_monitor_look(&s));
}

TEST_HARNESS_MAIN
