// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the optimizer learns of whole steps and decides from it, without
 * a heap, a thread or a clock: which opening of a step it waits for, and what
 * it then knows; that numbers that cannot be are left out; the steps of a
 * program that marks none; what each strategy plans, and that none plans
 * anything while memory is short or a limit is reached; and that the adaptive
 * one follows the level both ways, again and again, without flapping.
 */
#include "lib_test.h"

#include <math.h>

#include "optimizer/adapt.h"
#include "optimizer/cadence.h"
#include "optimizer/learn.h"
#include "optimizer/plan.h"

#define MIB 1048576.0

static struct tmem_learn learn;

/* A step of so many MiB, whose openings from @from on are in proportion. */
static struct tmem_demand demand(double mib, unsigned int from)
{
	struct tmem_demand d = { 0 };
	unsigned int i;

	d.want[TMEM_WANT_TIER + 8] = mib * MIB * 0.75;
	d.want[TMEM_WANT_TIER + 5] = mib * MIB * 0.25;
	d.want[TMEM_WANT_BYTES] = mib * MIB;
	d.want[TMEM_WANT_PEAK] = mib * MIB / 2.0;
	d.want[TMEM_WANT_SPANS] = 10.0 + mib / 4.0;
	d.want[TMEM_WANT_NODE] = d.want[TMEM_WANT_SPANS];
	d.want[TMEM_WANT_LARGEST] = mib * MIB / 8.0;
	d.want[TMEM_WANT_NS] = 1e8;
	for (i = 0; i < TMEM_LEARN_OPENINGS; i++)
		d.opening[i] = i < from ? 4096.0 * (i + 1) :
					  mib * MIB * (i + 1) / 64.0;
	return d;
}

static struct tmem_prediction predict(void)
{
	struct tmem_prediction p;

	tmem_learn_predict(&learn, &p);
	return p;
}

TEST(steady_steps_are_foreseen)
{
	struct tmem_demand d = demand(400, 0);
	struct tmem_prediction p;
	unsigned int i;

	learn.window = 20;
	for (i = 0; i < 3; i++) {
		EXPECT_LT(predict().confidence, 0.7);
		ASSERT_EQ(0, tmem_learn_add(&learn, &d));
	}
	for (; i < 100; i++)
		ASSERT_EQ(0, tmem_learn_add(&learn, &d));
	EXPECT_EQ(20U, learn.count);
	p = predict();
	EXPECT_GT(p.confidence, 0.9);
	EXPECT_EQ(TMEM_OPTIMIZER_STEADY, (int)p.pattern);
	EXPECT_EQ(110.0, p.want[TMEM_WANT_SPANS]);
	EXPECT_EQ(400 * MIB, tmem_learn_foreseen(&p, &d));
	/* Nothing is better than that: no opening is waited for. */
	EXPECT_EQ(TMEM_LEARN_OPENINGS, p.opening);
	tmem_learn_open(&learn, &p, 5.0);
	EXPECT_EQ(110.0, p.want[TMEM_WANT_SPANS]);
}

TEST(an_opening_says_what_the_past_does_not)
{
	uint64_t seed = pace_seed();
	struct tmem_prediction p;
	struct tmem_demand d;
	unsigned int from, i;

	for (from = 0; from < TMEM_LEARN_OPENINGS; from++) {
		memset(&learn, 0, sizeof(learn));
		learn.window = 20;
		/* The largest first: far beyond what was is not believed. */
		for (i = 0; i < 20; i++) {
			d = demand(i ? (double)lt_between(&seed, 100, 1600) :
				       1600.0,
				   from);
			ASSERT_EQ(0, tmem_learn_add(&learn, &d));
		}
		p = predict();
		EXPECT_LT(p.confidence, p.opening_confidence);
		EXPECT_EQ(from, p.opening);
		d = demand(777, from);
		tmem_learn_open(&learn, &p, d.opening[p.opening]);
		EXPECT_GT(p.confidence, 0.9);
		EXPECT_LT(fabs(p.want[TMEM_WANT_SPANS] - 204.25), 0.1);
		EXPECT_GT(tmem_learn_foreseen(&p, &d), 776 * MIB);
	}
}

TEST(periodic_and_growing_steps)
{
	struct tmem_prediction p;
	struct tmem_demand d;
	unsigned int i;

	learn.window = 20;
	for (i = 0; i < 20; i++) {
		d = demand(i % 4 ? 100 : 500, TMEM_LEARN_OPENINGS);
		ASSERT_EQ(0, tmem_learn_add(&learn, &d));
	}
	p = predict();
	EXPECT_EQ(TMEM_OPTIMIZER_PERIODIC, (int)p.pattern);
	EXPECT_EQ(4U, p.period);
	EXPECT_EQ(135.0, p.want[TMEM_WANT_SPANS]);
	for (i = 0; i < 20; i++) {
		d = demand(100 + 20 * i, TMEM_LEARN_OPENINGS);
		ASSERT_EQ(0, tmem_learn_add(&learn, &d));
	}
	p = predict();
	EXPECT_EQ(TMEM_OPTIMIZER_GROWING, (int)p.pattern);
	EXPECT_LT(fabs(p.want[TMEM_WANT_SPANS] - 135.0), 1e-6);
}

TEST(numbers_that_cannot_be_are_left_out)
{
	static const double wrong[] = { NAN, INFINITY, -INFINITY, -1.0, 1e300 };
	struct tmem_demand d, good = demand(100, 0);
	struct tmem_prediction p;
	unsigned int i;

	learn.window = 8;
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, tmem_learn_add(&learn, &good));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		d = good;
		d.want[TMEM_WANT_PEAK] = wrong[i];
		EXPECT_EQ(-EINVAL, tmem_learn_add(&learn, &d));
		d = good;
		d.opening[3] = wrong[i];
		EXPECT_EQ(-EINVAL, tmem_learn_add(&learn, &d));
	}
	p = predict();
	EXPECT_EQ(35.0, p.want[TMEM_WANT_SPANS]);
	p.opening = 0;
	tmem_learn_open(&learn, &p, NAN);
	EXPECT_EQ(35.0, p.want[TMEM_WANT_SPANS]);
	/* A smaller window forgets the oldest. */
	for (i = 0; i < 4; i++) {
		d = demand(200, 0);
		ASSERT_EQ(0, tmem_learn_add(&learn, &d));
	}
	tmem_learn_window(&learn, 4);
	p = predict();
	EXPECT_EQ(TMEM_OPTIMIZER_STEADY, (int)p.pattern);
	EXPECT_EQ(60.0, p.want[TMEM_WANT_SPANS]);
}

/* --- steps without marks -------------------------------------------------------- */

/* Requests of a step: up to a peak and down again, somewhat uneven. */
static double in_use(uint64_t request, unsigned int step)
{
	double at = (double)(request % step) / step;

	return 100.0 + 400.0 * (at < 0.6 ? at / 0.6 : (1.0 - at) / 0.4) +
	       20.0 * sin(40.0 * at);
}

static unsigned int steps_found(unsigned int step, double wide, uint64_t *seed,
				struct tmem_cadence *c)
{
	unsigned int request, steps = 0;

	memset(c, 0, sizeof(*c));
	for (request = 0; request < 100 * step + 20000; request++) {
		double noisy =
			1.0 +
			wide * ((double)(lt_random(seed) % 1000) / 500.0 - 1.0);

		switch (tmem_cadence_add(c, in_use(request, step) * noisy)) {
		case TMEM_CADENCE_FULL:
			tmem_cadence_settle(c, tmem_cadence_lag(c->sample,
								c->count));
			break;
		case TMEM_CADENCE_STEP:
			steps++;
			break;
		default:
			break;
		}
	}
	return steps;
}

TEST(steps_are_found)
{
	static const unsigned int step[] = { 32, 75, 227, 361, 1000, 4096 };
	uint64_t seed = pace_seed();
	struct tmem_cadence c;
	unsigned int i, steps;

	for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		double times;

		steps = steps_found(step[i], 0.05, &seed, &c);
		/* A whole number of steps, nearly. */
		times = round((double)c.step / step[i]);
		printf("# %u requests: found %llu, %u steps\n", step[i],
		       (unsigned long long)c.step, steps);
		EXPECT_GE(steps, 30U);
		EXPECT_GE(times, 1.0);
		EXPECT_LE(times, 4.0);
		EXPECT_LT(fabs((double)c.step - times * step[i]),
			  0.05 * times * step[i]);
	}
}

TEST(no_steps_in_noise)
{
	uint64_t seed = pace_seed();
	struct tmem_cadence c = { 0 };
	unsigned int i, found = 0;

	for (i = 0; i < 200000; i++) {
		double use = (double)(lt_random(&seed) % 1000000);

		if (tmem_cadence_add(&c, use) == TMEM_CADENCE_FULL)
			tmem_cadence_settle(&c, tmem_cadence_lag(c.sample,
								 c.count));
		found += c.step != 0;
	}
	EXPECT_EQ(0U, found);
	EXPECT_EQ(TMEM_CADENCE_NOTHING, (int)tmem_cadence_add(&c, NAN));
	EXPECT_EQ(TMEM_CADENCE_NOTHING, (int)tmem_cadence_add(&c, INFINITY));
	for (i = 0; i < 10000; i++)
		if (tmem_cadence_add(&c, 5.0) == TMEM_CADENCE_FULL)
			tmem_cadence_settle(&c, tmem_cadence_lag(c.sample,
								 c.count));
	EXPECT_EQ(0U, c.step);
}

/* --- plans -------------------------------------------------------------------- */

static struct tmem_prediction foreseen(double spans, double confidence)
{
	struct tmem_prediction p = { .confidence = confidence };

	p.want[TMEM_WANT_SPANS] = spans;
	p.want[TMEM_WANT_NODE] = spans * 0.75;
	p.want[TMEM_WANT_NODE + 1] = spans * 0.25;
	p.want[TMEM_WANT_LARGEST] = 8 * MIB;
	return p;
}

static struct tmem_plan_state state(uint64_t busy, uint64_t idle)
{
	struct tmem_plan_state s = { .busy = busy, .idle = idle };

	s.node_busy[0] = busy;
	s.node_idle[0] = idle;
	s.room = UINT32_MAX;
	return s;
}

static struct tmem_plan plan(enum tmem_optimizer_strategy strategy,
			     const struct tmem_prediction *p,
			     const struct tmem_plan_state *s, double recent)
{
	struct tmem_plan_ask ask = {
		.row = tmem_plan_row(strategy),
		.prediction = p,
		.recent = recent,
		.factor = 1.2,
		.confidence = 0.7,
	};
	struct tmem_plan made;

	tmem_plan_make(&made, &ask, s);
	return made;
}

TEST(each_strategy_plans_its_own)
{
	struct tmem_prediction p = foreseen(100, 0.9);
	struct tmem_plan_state s = state(20, 30);
	struct tmem_plan made;

	made = plan(TMEM_OPTIMIZER_BALANCED, &p, &s, 150);
	/*
	 * The heap holds 1/16 more than it uses; and a third of the way from
	 * 0.7 to 1 it is not sure of: 1/15 more.
	 */
	EXPECT_EQ(114U, made.hold);
	EXPECT_EQ(25U, made.fetch[0]);
	EXPECT_EQ(25U, made.fetch[1]);
	EXPECT_EQ(0U, made.trim);
	EXPECT_EQ(8 * LT_MIB, made.largest);
	made = plan(TMEM_OPTIMIZER_SPEED_FIRST, &p, &s, 150);
	EXPECT_EQ(160U, made.hold);
	EXPECT_EQ(100U, made.fetch[0] + made.fetch[1]);
	made = plan(TMEM_OPTIMIZER_SPEED_FIRST, &p, &s, 0);
	EXPECT_EQ(114U, made.hold);
	EXPECT_EQ(57U, made.fetch[0] + made.fetch[1]);
	EXPECT_EQ(107U, made.target);
	p.confidence = 0.7;
	EXPECT_EQ(128U, plan(TMEM_OPTIMIZER_BALANCED, &p, &s, 0).hold);
	p.confidence = 1.0;
	EXPECT_EQ(107U, plan(TMEM_OPTIMIZER_BALANCED, &p, &s, 0).hold);
	p.confidence = 0.9;
	EXPECT_EQ(0U, made.trim);
	made = plan(TMEM_OPTIMIZER_MEMORY_FIRST, &p, &s, 150);
	EXPECT_EQ(107U, made.hold);
	EXPECT_EQ(50U, made.fetch[0] + made.fetch[1]);
	EXPECT_EQ(0U, made.trim);
	s = state(20, 180);
	made = plan(TMEM_OPTIMIZER_MEMORY_FIRST, &p, &s, 150);
	EXPECT_EQ(93U, made.trim);
	EXPECT_EQ(0U, made.fetch[0]);
	/* What is busy cannot go, and what the heap holds for it stays. */
	s = state(190, 10);
	EXPECT_EQ(10U, plan(TMEM_OPTIMIZER_MEMORY_FIRST, &p, &s, 150).trim);
	s = state(100, 6);
	EXPECT_EQ(0U, plan(TMEM_OPTIMIZER_MEMORY_FIRST, &p, &s, 150).trim);
	s = state(20, 180);
	EXPECT_EQ(0U, plan(TMEM_OPTIMIZER_BALANCED, &p, &s, 150).trim);
	EXPECT_EQ(0U, plan(TMEM_OPTIMIZER_SPEED_FIRST, &p, &s, 150).trim);
}

static bool nothing(const struct tmem_plan *made)
{
	return !made->trim && !made->fetch[0] && !made->fetch[1] &&
	       !made->largest;
}

TEST(no_plan_without_confidence_room_or_calm)
{
	struct tmem_prediction sure = foreseen(100, 0.7);
	struct tmem_prediction unsure = foreseen(100, 0.69);
	struct tmem_plan_state s = state(20, 180), few = state(20, 30);
	unsigned int strategy;
	struct tmem_plan made;

	for (strategy = 0; strategy < TMEM_OPTIMIZER_ADAPTIVE; strategy++) {
		made = plan(strategy, &unsure, &s, 90);
		EXPECT_TRUE(nothing(&made));
		made = plan(strategy, &unsure, &few, 90);
		EXPECT_TRUE(nothing(&made));
		few.level = TMEM_LEVEL_HIGH;
		made = plan(strategy, &sure, &few, 90);
		EXPECT_EQ(0U, made.hold);
		EXPECT_TRUE(nothing(&made));
		few.level = TMEM_LEVEL_CRITICAL;
		made = plan(strategy, &sure, &few, 90);
		EXPECT_EQ(0U, made.hold);
		EXPECT_TRUE(nothing(&made));
		few.level = TMEM_LEVEL_MEDIUM;
		few.room = 7;
		made = plan(strategy, &sure, &few, 90);
		EXPECT_EQ(7U, made.fetch[0] + made.fetch[1]);
		few.room = 0;
		made = plan(strategy, &sure, &few, 90);
		EXPECT_EQ(0U, made.fetch[0] + made.fetch[1]);
		few.room = UINT32_MAX;
		few.level = TMEM_LEVEL_LOW;
	}
	/* Keeping what was needed lately takes no confidence. */
	EXPECT_EQ(0U, plan(TMEM_OPTIMIZER_BALANCED, &unsure, &s, 90).hold);
	EXPECT_NE(0U, plan(TMEM_OPTIMIZER_SPEED_FIRST, &unsure, &s, 90).hold);
	/* Giving back is no less right while memory is short. */
	s.level = TMEM_LEVEL_CRITICAL;
	EXPECT_EQ(93U, plan(TMEM_OPTIMIZER_MEMORY_FIRST, &sure, &s, 90).trim);
	/* Numbers that no heap has. */
	sure = foreseen(0x1p62, 0.9);
	made = plan(TMEM_OPTIMIZER_SPEED_FIRST, &sure, &s, 0x1p62);
	EXPECT_TRUE(nothing(&made));
	sure = foreseen(0.0, 1.0);
	s.level = TMEM_LEVEL_LOW;
	made = plan(TMEM_OPTIMIZER_MEMORY_FIRST, &sure, &s, 0.0);
	EXPECT_EQ(180U, made.trim);
}

/* --- the adaptive strategy ------------------------------------------------------ */

#define S 1000000000ull

struct adapted {
	struct tmem_adapt adapt;
	enum tmem_optimizer_strategy strategy;
	unsigned int switches;
	uint64_t now_ns;
};

/* At that level for so long, looked at every 100 ms. */
static void pass(struct adapted *a, enum tmem_level level, uint64_t ns)
{
	uint64_t end = a->now_ns + ns;

	for (; a->now_ns < end; a->now_ns += S / 10) {
		enum tmem_optimizer_strategy before = a->strategy;

		a->strategy = tmem_adapt_look(&a->adapt, level, a->now_ns);
		a->switches += a->strategy != before;
	}
}

TEST(adaptive_follows_both_ways_again_and_again)
{
	struct adapted a = { .strategy = TMEM_OPTIMIZER_SPEED_FIRST };
	unsigned int round;

	for (round = 0; round < 10; round++) {
		pass(&a, TMEM_LEVEL_LOW, 20 * S);
		EXPECT_EQ(TMEM_OPTIMIZER_SPEED_FIRST, (int)a.strategy);
		pass(&a, TMEM_LEVEL_MEDIUM, S / 10);
		EXPECT_EQ(TMEM_OPTIMIZER_BALANCED, (int)a.strategy);
		pass(&a, TMEM_LEVEL_HIGH, S / 10);
		EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST, (int)a.strategy);
		pass(&a, TMEM_LEVEL_CRITICAL, 3 * S);
		EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST, (int)a.strategy);
		/* Better by a stage, each after five seconds. */
		pass(&a, TMEM_LEVEL_LOW, 5 * S);
		EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST, (int)a.strategy);
		pass(&a, TMEM_LEVEL_LOW, 3 * S);
		EXPECT_EQ(TMEM_OPTIMIZER_BALANCED, (int)a.strategy);
		pass(&a, TMEM_LEVEL_LOW, 3 * S);
		EXPECT_EQ(TMEM_OPTIMIZER_SPEED_FIRST, (int)a.strategy);
	}
	EXPECT_EQ(40U, a.switches);
}

TEST(adaptive_does_not_flap)
{
	struct adapted a = { .strategy = TMEM_OPTIMIZER_SPEED_FIRST };
	unsigned int i;

	/* A level that changes every second: once up, and there it stays. */
	for (i = 0; i < 300; i++)
		pass(&a, i % 2 ? TMEM_LEVEL_LOW : TMEM_LEVEL_HIGH, S);
	EXPECT_EQ(1U, a.switches);
	EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST, (int)a.strategy);
	/* Between medium and low it comes down to medium, and no further. */
	for (i = 0; i < 300; i++)
		pass(&a, i % 2 ? TMEM_LEVEL_LOW : TMEM_LEVEL_MEDIUM, S);
	EXPECT_EQ(2U, a.switches);
	EXPECT_EQ(TMEM_OPTIMIZER_BALANCED, (int)a.strategy);
	/* A clock that goes back begins the five seconds anew. */
	pass(&a, TMEM_LEVEL_LOW, 4 * S);
	a.now_ns = 0;
	pass(&a, TMEM_LEVEL_LOW, 4 * S);
	EXPECT_EQ(2U, a.switches);
	pass(&a, TMEM_LEVEL_LOW, 2 * S);
	EXPECT_EQ(TMEM_OPTIMIZER_SPEED_FIRST, (int)a.strategy);
}

TEST_HARNESS_MAIN
