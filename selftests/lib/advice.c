// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves of each piece of advice, on made-up figures, that it is given in its
 * situation, with the figures that caused it and the command that helps, and
 * not where the situation is not, nor where what it says is in force; that a
 * process in which nothing is wrong hears nothing; and that advice is ranked,
 * whole, and each only once, whatever the figures.
 */
#include "advice_cases.h"

#include <math.h>

static const struct tmem_advice *
advice_find(const struct tmem_advice_inputs *in, const char *id,
	    struct tmem_advice advice[TMEM_ADVICE_MAX])
{
	uint32_t i, n = tmem_advice_of(in, advice);

	for (i = 0; i < n; i++)
		if (!strcmp(advice[i].id, id))
			return &advice[i];
	return NULL;
}

TEST(nothing_is_wrong)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct tmem_advice_inputs in = calm();
	struct tmem_advice_inputs empty = { .max_bytes = UINT64_MAX };

	EXPECT_EQ(0U, tmem_advice_of(&in, advice));
	empty.sample.cgroup_limit = empty.sample.pool_limit = UINT64_MAX;
	EXPECT_EQ(0U, tmem_advice_of(&empty, advice));
}

TEST(each_in_its_situation)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	const struct tmem_advice *found;
	const struct advice_case *c;
	struct tmem_advice_inputs in;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c = &cases[i];
		in = calm();
		c->in(&in);
		found = advice_find(&in, c->id, advice);
		ASSERT_NE(NULL, found)
		{
			TH_LOG("%s, case %zu", c->id, i);
		}
		EXPECT_STREQ(c->command, found->command);
		EXPECT_NE(NULL, strstr(found->text, c->figures))
		{
			TH_LOG("'%s' lacks '%s'", found->text, c->figures);
		}
		EXPECT_TRUE(found->severity > 0 && found->severity <= 1);
		/* Its situation ends, or it is in force. */
		c->out(&in);
		EXPECT_EQ(NULL, advice_find(&in, c->id, advice))
		{
			TH_LOG("%s, case %zu, is still there", c->id, i);
		}
	}
}

/* Each rule has a test. */
TEST(each_has_its_case)
{
	const struct tmem_advice_rule *const tables[] = {
		tmem_advice_limits,
		tmem_advice_waste,
		tmem_advice_pages,
		tmem_advice_program,
	};
	const struct tmem_advice_rule *rule;
	unsigned int rules = 0;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (rule = tables[i]; rule->id; rule++, rules++) {
			for (k = 0; k < ARRAY_SIZE(cases); k++)
				if (!strcmp(cases[k].id, rule->id))
					break;
			EXPECT_LT(k, ARRAY_SIZE(cases))
			{
				TH_LOG("%s", rule->id);
			}
			EXPECT_GT(sizeof(((struct tmem_advice *)0)->id),
				  strlen(rule->id));
		}
	}
	printf("# %u rules, %zu cases\n", rules, ARRAY_SIZE(cases));
	EXPECT_GE(TMEM_ADVICE_MAX, rules);
}

/* Any situations together. */
TEST(ranked_and_whole)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	uint64_t random = pace_seed();
	struct tmem_advice_inputs in;
	uint32_t round, i, k, n, most = 0;

	for (round = 0; round < LT_COUNT(20000, 2000); round++) {
		in = calm();
		for (i = lt_random(&random) % 16; i; i--)
			cases[lt_random(&random) % ARRAY_SIZE(cases)].in(&in);
		if (lt_random(&random) % 8 == 0)
			in.sample.ratio = NAN;
		n = tmem_advice_of(&in, advice);
		most = n > most ? n : most;
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(advice[i].severity >= 0 &&
				    advice[i].severity <= 1);
			if (i)
				ASSERT_TRUE(advice[i].severity <=
					    advice[i - 1].severity);
			for (k = 0; k < i; k++)
				ASSERT_STRNE(advice[k].id, advice[i].id);
			/* Neither is cut. */
			ASSERT_LT(10U, strlen(advice[i].text));
			ASSERT_GT(sizeof(advice[i].text) - 1,
				  strlen(advice[i].text));
			ASSERT_LT(5U, strlen(advice[i].command));
			ASSERT_GT(sizeof(advice[i].command) - 1,
				  strlen(advice[i].command));
		}
	}
	printf("# at most %u at once\n", most);
	EXPECT_LT(8U, most);
}

TEST(the_largest_figures_fit)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct tmem_advice_inputs in;
	uint32_t i, n, round;
	size_t k;

	for (round = 0; round < ARRAY_SIZE(cases); round++) {
		memset(&in, 0xff, sizeof(in));
		in.dev = in.guard = in.interleave = false;
		in.asked = in.monitor = round & 1;
		memset(&in.env, round & 1, sizeof(in.env));
		in.strategy = TMEM_STRATEGY_SIZE_CLASS;
		in.n_nodes = 1;
		in.nodes[0].total /= 2;
		in.host = calm().host;
		memset(in.host.limit_file, 'x', sizeof(in.host.limit_file) - 1);
		memset(in.host.swap_file, 'x', sizeof(in.host.swap_file) - 1);
		memset(in.worst_name, 'x', sizeof(in.worst_name));
		in.worst_name[sizeof(in.worst_name) - 1] = '\0';
		in.sample.ratio = in.worst.bytes_per_step = 1e300;
		cases[round].in(&in);
		n = tmem_advice_of(&in, advice);
		for (i = 0; i < n; i++) {
			k = strlen(advice[i].text);
			ASSERT_GT(sizeof(advice[i].text) - 1, k)
			{
				TH_LOG("%s: %s", advice[i].id, advice[i].text);
			}
			k = strlen(advice[i].command);
			ASSERT_GT(sizeof(advice[i].command) - 1, k)
			{
				TH_LOG("%s: %s", advice[i].id,
				       advice[i].command);
			}
		}
	}
}

TEST(sizes)
{
	EXPECT_STREQ("0 B", tmem_advice_bytes(0).text);
	EXPECT_STREQ("1023 B", tmem_advice_bytes(1023).text);
	EXPECT_STREQ("1.0 KiB", tmem_advice_bytes(1024).text);
	EXPECT_STREQ("1.9 KiB", tmem_advice_bytes(2047).text);
	EXPECT_STREQ("2.0 MiB", tmem_advice_bytes(2 * MIB).text);
	EXPECT_STREQ("16383.9 PiB", tmem_advice_bytes(UINT64_MAX).text);
	EXPECT_EQ(0U, tmem_advice_ratio(NAN));
	EXPECT_EQ(0U, tmem_advice_ratio(-1e300));
	EXPECT_EQ(100U, tmem_advice_ratio(INFINITY));
	EXPECT_EQ(25U, tmem_advice_ratio(0.25));
	EXPECT_EQ(0U, tmem_advice_percent(5, 0));
	EXPECT_EQ(99U, tmem_advice_percent(999, 1000));
	EXPECT_EQ(100U, tmem_advice_percent(1001, 1000));
	EXPECT_EQ(50U, tmem_advice_percent(UINT64_MAX / 2, UINT64_MAX));
}

TEST_HARNESS_MAIN
