// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a real stall raises the level, and that all who are told of it
 * agree: the status page, poll() and read() of the device, netlink, sysfs and
 * the tracepoint see the same level and the same number of changes.  How long
 * each takes is printed: after a stall, and after a threshold is crossed.
 */
#include "tmem_test_channels.h"

FIXTURE(pressure)
{
	int dev;
	size_t size;
	const struct tmem_status *page;
	struct kt_knobs knobs;
	struct kt_nl nl;
	struct kt_stall stall;
	struct channel c[CHANNELS];
	bool stop;
	uint64_t changes; /* when the channels were opened */
};

FIXTURE_SETUP(pressure)
{
	static bool (*const look[])(struct channel *) = {
		[DEVICE] = look_device,	   [NETLINK] = look_netlink,
		[PAGE] = look_page,	   [SYSFS] = look_sysfs,
		[TRACEPOINT] = look_trace,
	};
	static const char *const names[] = { "device", "netlink", "page",
					     "sysfs", "tracepoint" };

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->size = kt_status_size(self->dev);
	self->page = kt_status_map(self->dev);
	ASSERT_TRUE(self->page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 9000));
	kt_sleep_ms(100);
	ASSERT_EQ(0, kt_nl_open(&self->nl));
	ASSERT_EQ(0, kt_nl_join(&self->nl));
	ASSERT_EQ(0, kt_stall_init(&self->stall, "p"));
	for (int i = 0; i < CHANNELS; i++)
		self->c[i] = (struct channel){ .name = names[i],
					       .look = look[i],
					       .nl = &self->nl,
					       .page = self->page,
					       .stop = &self->stop };
	self->c[DEVICE].fd = kt_open_events();
	self->c[SYSFS].fd = open_sysfs();
	self->c[TRACEPOINT].fd = open_trace();
	self->changes = self->page->changes;
	for (int i = 0; i < CHANNELS; i++) {
		ASSERT_LE(0, self->c[i].fd)
		{
			TH_LOG("%s: %d", names[i], self->c[i].fd);
		}
		ASSERT_EQ(0, pthread_create(&self->c[i].id, NULL, watch,
					    &self->c[i]));
	}
}

FIXTURE_TEARDOWN(pressure)
{
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < CHANNELS; i++)
		if (self->c[i].id)
			pthread_join(self->c[i].id, NULL);
	EXPECT_EQ(0, kt_stall_fini(&self->stall));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	close(self->c[DEVICE].fd);
	close(self->c[SYSFS].fd);
	close(self->c[TRACEPOINT].fd);
	kt_write_file(KT_TRACE "/events/tmem/tmem_pressure/enable", "0");
	rmdir(KT_TRACE);
	kt_nl_close(&self->nl);
	munmap((void *)self->page, self->size);
	close(self->dev);
}

/* From now on the next event of each is its first. */
static void arm(struct _test_data_pressure *self)
{
	for (int i = 0; i < CHANNELS; i++)
		__atomic_store_n(&self->c[i].first, 0, __ATOMIC_RELEASE);
}

/* Each has been told; how long that took. */
static bool told(struct _test_data_pressure *self, const uint64_t *since,
		 int round)
{
	uint64_t until = kt_now() + 10000000000U, first;

	for (int i = 0; i < CHANNELS; i++) {
		do {
			first = __atomic_load_n(&self->c[i].first,
						__ATOMIC_ACQUIRE);
			if (!first)
				kt_sleep_ms(1);
		} while (!first && kt_now() < until);
		if (!first) {
			printf("# %s was not told\n", self->c[i].name);
			return false;
		}
		self->c[i].delay[round] = first - *since;
	}
	return true;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_delays(struct _test_data_pressure *self, const char *since,
			 uint64_t minus)
{
	for (int i = 0; i < CHANNELS; i++) {
		uint64_t *d = self->c[i].delay;

		qsort(d, KT_ROUNDS, sizeof(*d), ascending);
		printf("# %s: %-10s median %6.1f ms, least %6.1f, most %6.1f\n",
		       since, self->c[i].name,
		       ((double)d[KT_ROUNDS / 2] - (double)minus) / 1e6,
		       ((double)d[0] - (double)minus) / 1e6,
		       ((double)d[KT_ROUNDS - 1] - (double)minus) / 1e6);
	}
}

/* Whoever counts has counted the same, and knows the level of now. */
static void all_agree(struct __test_metadata *_metadata,
		      struct _test_data_pressure *self)
{
	uint64_t changes;
	uint32_t level;

	/* It comes to rest: avg10 goes down slowly, and the level with it. */
	ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 98, 99, 100));
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_LOW));
	ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 9000));
	kt_sleep_ms(200);
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < CHANNELS; i++) {
		pthread_join(self->c[i].id, NULL);
		self->c[i].id = 0;
	}
	changes = self->page->changes - self->changes;
	level = kt_level(self->page);
	EXPECT_LT(0U, changes);
	for (int i = 0; i < CHANNELS; i++) {
		const struct channel *c = &self->c[i];

		EXPECT_EQ(level, c->level)
		{
			TH_LOG("%s", c->name);
		}
		EXPECT_EQ(0U, c->breaks)
		{
			TH_LOG("%s", c->name);
		}
		if (i == PAGE)
			continue;
		/* A file of sysfs says that something changed, not how often. */
		if (i == SYSFS) {
			EXPECT_GE(changes, c->events);
			EXPECT_LT(0U, c->events);
			continue;
		}
		EXPECT_EQ(changes, c->events)
		{
			TH_LOG("%s", c->name);
		}
	}
	EXPECT_EQ(self->page->changes,
		  (uint64_t)kt_sysfs_number("pressure/changes"));
}

TEST_F(pressure, a_stall_is_told)
{
	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	/* avg10 goes down slowly; what counts is the way up. */
	for (int round = 0; round < KT_ROUNDS; round++) {
		ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 98, 99, 100));
		ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 9000));
		/* Above what avg10 still holds of the last round. */
		kt_sleep_ms(300);
		ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 60, 99, 100));
		kt_sleep_ms(1200);
		ASSERT_EQ(TMEM_LEVEL_LOW, (int)kt_level(self->page));
		arm(self);
		ASSERT_EQ(0, kt_stall_start(&self->stall));
		ASSERT_TRUE(told(self, &self->stall.at->started, round));
		EXPECT_LE((uint32_t)TMEM_LEVEL_MEDIUM, kt_level(self->page));
		EXPECT_LE(6000U, self->page->stall);
		kt_stall_stop(&self->stall);
	}
	print_delays(self, "from the start of a stall", 0);
	/* 600 ms of stall in 1 s is what the threshold waits for. */
	print_delays(self, "from the threshold (60 % of 1 s)", 600000000);
	EXPECT_GT(2000000000U, self->c[DEVICE].delay[KT_ROUNDS / 2]);
	all_agree(_metadata, self);
}

/* With the thresholds that it comes with: 5 %, 20 %, 40 %. */
TEST_F(pressure, a_stall_by_default)
{
	if (!kt_psi_on())
		SKIP(return, "no PSI; see psi_off");
	for (int round = 0; round < KT_ROUNDS; round++) {
		ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 98, 99, 100));
		/* The rest of the last round is to be below MEDIUM. */
		for (int i = 0; i < 60 && self->page->some.avg10 > 300; i++)
			kt_sleep_ms(500);
		ASSERT_EQ(0, kt_thresholds(&self->knobs, "stall", 5, 20, 40));
		ASSERT_TRUE(kt_level_wait(self->page, TMEM_LEVEL_LOW, 9000));
		kt_sleep_ms(1100); /* a window of nothing */
		arm(self);
		ASSERT_EQ(0, kt_stall_start(&self->stall));
		ASSERT_TRUE(told(self, &self->stall.at->started, round));
		EXPECT_TRUE(
			kt_level_wait(self->page, TMEM_LEVEL_CRITICAL, 3000));
		kt_stall_stop(&self->stall);
	}
	print_delays(self, "from the start of a stall, by default", 0);
	/* 50 ms of stall, and the kernel looks ten times a second. */
	EXPECT_GT(1000000000U, self->c[DEVICE].delay[KT_ROUNDS / 2]);
	all_agree(_metadata, self);
}

TEST_F(pressure, a_threshold_is_crossed)
{
	for (int round = 0; round < KT_ROUNDS; round++) {
		uint64_t since;

		ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page,
					  TMEM_LEVEL_LOW));
		kt_sleep_ms(100);
		arm(self);
		since = kt_now();
		ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_MEDIUM));
		ASSERT_TRUE(told(self, &since, round));
	}
	print_delays(self, "from a write to use_medium", 0);
	/* Up and down through all levels. */
	for (uint32_t i = 0; i < 12; i++) {
		ASSERT_TRUE(kt_steer_wait(&self->knobs, self->page, i % 4));
	}
	all_agree(_metadata, self);
}

TEST_HARNESS_MAIN
