// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that arenas and pools live through the loss of hardware: all CPUs of a
 * node go and come back while its memory is filled, populated and pooled; and
 * its memory is taken offline, block by block: then what arenas hold there
 * moves elsewhere, contents and all, or the block stays, and the pool lets go
 * of it.  Everything is put back.
 */
#include "tmem_test_recall.h"

#include <dirent.h>
#include <linux/kernel-page-flags.h>

#define CPU_DIR "/sys/devices/system/cpu"
#define MEMORY_DIR "/sys/devices/system/memory"
#define SPANS ((size_t)24)
#define PAGES (KT_SPAN / KT_PAGE)
#define POOL ((uint64_t)12) /* spans */
#define ROUNDS 5
#define BLOCKS 64

FIXTURE(hotplug)
{
	int dev, node;
	uint64_t cpus, total, free_before;
	struct kt_knobs knobs;
	bool *stop;
	uint64_t *fills; /* of the two processes that fill it all the time */
};

static int set_cpus(uint64_t cpus, bool online)
{
	char path[64];
	int ret = 0;

	for (int cpu = 0; cpu < 64 && !ret; cpu++) {
		if (!(cpus >> cpu & 1))
			continue;
		snprintf(path, sizeof(path), CPU_DIR "/cpu%d/online", cpu);
		ret = kt_write_file(path, online ? "1" : "0");
	}
	return ret;
}

/* The last node that does not have CPU 0, which stays. */
static int find_node(uint64_t *cpus)
{
	char path[64];
	int found = -1;

	for_each_node(node, kt_nodes()) {
		uint64_t mask;

		snprintf(path, sizeof(path), KT_NODE_DIR "/node%d/cpulist",
			 node);
		mask = kt_list_mask(path);
		if (mask & 1 || !mask)
			continue;
		found = node;
		*cpus = mask;
	}
	return found;
}

static int pool_set(struct kt_knobs *knobs, int node, uint64_t spans)
{
	char file[40];
	int ret;

	snprintf(file, sizeof(file), "node%d/pool_low_bytes", node);
	ret = kt_knob(knobs, file, "0");
	snprintf(file, sizeof(file), "node%d/pool_target_bytes", node);
	ret = ret ? ret : kt_knob_number(knobs, file, spans * KT_SPAN);
	snprintf(file, sizeof(file), "node%d/pool_low_bytes", node);
	return ret ? ret : kt_knob_number(knobs, file, spans * KT_SPAN);
}

FIXTURE_SETUP(hotplug)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->node = find_node(&self->cpus);
	if (self->node < 0)
		SKIP(return, "no node with memory and CPUs but CPU 0");
	self->total = kt_node_total(self->node);
	self->free_before = kt_free(-1);
	self->stop = kt_shared(sizeof(*self->stop));
	ASSERT_TRUE(self->stop != NULL);
	self->fills = kt_shared(2 * sizeof(*self->fills));
	ASSERT_TRUE(self->fills != NULL);
	ASSERT_EQ(0, pool_set(&self->knobs, self->node, POOL));
}

FIXTURE_TEARDOWN(hotplug)
{
	EXPECT_EQ(0, set_cpus(self->cpus, true));
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	EXPECT_EQ(self->total, kt_node_total(self->node));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

static int populate(const struct kt_arena *a, uint32_t workers)
{
	struct tmem_arena_populate req = {
		.node = -1,
		.length = a->size,
		.workers = workers,
	};

	return kt_ioctl(a->fd, TMEM_IOC_ARENA_POPULATE, &req);
}

static size_t off_node(const struct kt_arena *a, int node)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++) {
		/* To have it mapped. */
		__atomic_load_n(kt_span(a, i), __ATOMIC_RELAXED);
		n += kt_page_node(kt_span(a, i)) != node;
	}
	return n;
}

/* Filled, and looked at, and given back; by a touch or by populate. */
static int fill_for_ever(const struct _test_data_hotplug *self, bool touch)
{
	int dev = self->dev, node = self->node;

	struct tmem_arena_purge out;
	struct kt_arena a;

	if (kt_arena_init(&a, dev, SPANS * KT_SPAN, TMEM_POLICY_BIND,
			  1ULL << node))
		return 1;
	for (uint64_t n = 0; !kt_flagged(self->stop); n++) {
		if (!touch && populate(&a, n % 3))
			return 2;
		for (size_t i = 0; i < SPANS; i++)
			if (kt_nonzero(kt_span(&a, i), KT_PAGE))
				return 3;
		kt_fill(a.data, a.size, n);
		if (off_node(&a, node))
			return 4;
		if (kt_bad(a.data, a.size, n))
			return 5;
		for (size_t i = 0; i < SPANS; i++)
			kt_idle(&a, i);
		if (kt_purge(&a, 0, SPANS, &out))
			return 6;
		for (size_t i = 0; i < SPANS; i++) {
			/* One that a flush of all CPUs still held. */
			if (kt_word(&a, i) != TMEM_SPAN_PURGED)
				memset(kt_span(&a, i), 0, KT_SPAN);
			kt_word_set(&a, i, TMEM_SPAN_BUSY);
		}
		kt_add(&self->fills[touch], 1);
	}
	return kt_stat(&a).fills_failed ? 7 : 0;
}

/* Waits until both processes have filled it twice more, or ended. */
static bool fill_more(const struct _test_data_hotplug *self, const pid_t *pid)
{
	bool good = true;

	for (int i = 0; i < 2; i++) {
		uint64_t enough = kt_count(&self->fills[i]) + 2;

		good = good && PACE_UNTIL(kt_count(&self->fills[i]) >= enough ||
					  kt_ended(pid[i]));
	}
	return good;
}

TEST_F(hotplug, cpus_of_a_node)
{
	struct kt_arena a;
	pid_t pid[2];
	int ret;

	ret = set_cpus(self->cpus, false);
	if (ret)
		SKIP(return, "CPUs cannot be taken offline: %s",
			   strerror(-ret));
	ASSERT_EQ(0, set_cpus(self->cpus, true));
	for (int i = 0; i < 2; i++) {
		pid[i] = kt_fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			_exit(fill_for_ever(self, i));
	}
	for (int round = 0; round < ROUNDS; round++) {
		EXPECT_TRUE(fill_more(self, pid));
		ASSERT_EQ(0, set_cpus(self->cpus, false));
		EXPECT_TRUE(fill_more(self, pid));
		/* The node has no CPU; its memory is as good as before. */
		ASSERT_EQ(0,
			  kt_arena_init(&a, self->dev, SPANS * KT_SPAN,
					TMEM_POLICY_BIND, 1ULL << self->node));
		EXPECT_EQ(0, populate(&a, 0));
		EXPECT_EQ(a.size, kt_stat(&a).resident);
		EXPECT_EQ(0U, off_node(&a, self->node));
		kt_arena_fini(&a);
		ASSERT_EQ(0, set_cpus(self->cpus, true));
	}
	kt_flag(self->stop);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, kt_wait(pid[i]));
	}
	EXPECT_TRUE(kt_pool_holds(self->node, POOL));
	/* The pool is refilled without a CPU of the node, too. */
	ASSERT_EQ(0, set_cpus(self->cpus, false));
	ASSERT_EQ(0, pool_set(&self->knobs, self->node, POOL / 2));
	ASSERT_EQ(0, pool_set(&self->knobs, self->node, POOL));
	EXPECT_TRUE(kt_pool_holds(self->node, POOL));
}

/*
 * No page in it has failed.  Linux does not put such a block online again, and
 * the fuzzer, which may have run before, makes memory fail.
 */
static bool block_is_sound(int block)
{
	const uint64_t failed = 1ULL << KPF_HWPOISON;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	FILE *f = fopen(MEMORY_DIR "/block_size_bytes", "re");
	uint64_t flags[512], seen = 0;
	unsigned long size = 0;
	ssize_t got = 0;
	off_t at, end;

	if (f && fscanf(f, "%lx", &size) != 1)
		size = 0;
	if (f)
		fclose(f);
	at = (off_t)(size / KT_PAGE * sizeof(*flags)) * block;
	end = at + (off_t)(size / KT_PAGE * sizeof(*flags));
	for (; fd >= 0 && at < end; at += got) {
		got = pread(fd, flags, sizeof(flags), at);
		if (got <= 0)
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(*flags); i++)
			seen |= flags[i];
	}
	if (fd >= 0)
		close(fd);
	return !(seen & failed);
}

/* The numbers of the node's blocks of memory that are online, and sound. */
static size_t find_blocks(int node, int *blocks)
{
	char path[96], state[16] = "";
	struct dirent *e;
	size_t n = 0;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), KT_NODE_DIR "/node%d", node);
	d = opendir(path);
	while (d && (e = readdir(d)) && n < BLOCKS) {
		if (sscanf(e->d_name, "memory%d", &blocks[n]) != 1)
			continue;
		snprintf(path, sizeof(path), MEMORY_DIR "/memory%d/state",
			 blocks[n]);
		f = fopen(path, "re");
		if (f && fscanf(f, "%15s", state) == 1 &&
		    !strcmp(state, "online") && block_is_sound(blocks[n]))
			n++;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}

static int set_block(int block, const char *state)
{
	char path[64];

	snprintf(path, sizeof(path), MEMORY_DIR "/memory%d/state", block);
	return kt_write_file(path, state);
}

/*
 * In a child, because the kernel tries for ever when a page cannot be moved,
 * until a signal comes.  0, or the error.
 */
static int take_offline(int block)
{
	pid_t pid = kt_fork();
	int status;

	if (pid < 0)
		return -EAGAIN;
	if (!pid)
		_exit(-set_block(block, "offline"));
	if (PACE_UNTIL(waitpid(pid, &status, WNOHANG) == pid))
		return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	kill(pid, SIGKILL);
	kt_wait(pid);
	return -ETIMEDOUT;
}

/*
 * Online for what can be moved only: the pool and an arena take their memory
 * from there first.  Nothing may keep such a block from going again.
 */
static void movable_and_back(struct __test_metadata *_metadata,
			     struct _test_data_hotplug *self, int block)
{
	struct kt_arena a;

	EXPECT_EQ(0, set_block(block, "online_movable"));
	EXPECT_EQ(0, pool_set(&self->knobs, self->node, 0));
	EXPECT_EQ(0, pool_set(&self->knobs, self->node, POOL));
	EXPECT_TRUE(kt_pool_holds(self->node, POOL));
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << self->node));
	kt_fill(a.data, a.size, 3);
	EXPECT_EQ(0, take_offline(block));
	EXPECT_EQ(0U, kt_bad(a.data, a.size, 3));
	kt_arena_fini(&a);
}

TEST_F(hotplug, memory_of_a_node)
{
	int blocks[BLOCKS], ret = 0;
	size_t n = find_blocks(self->node, blocks), gone = 0, stayed = 0;
	size_t big = self->total / 4 / KT_SPAN;
	struct kt_arena a;
	bool late = false;

	if (!n)
		SKIP(return, "this kernel has no blocks of memory to offline");
	EXPECT_TRUE(kt_pool_holds(self->node, POOL));
	ASSERT_EQ(0, kt_arena_init(&a, self->dev, big * KT_SPAN,
				   TMEM_POLICY_BIND, 1ULL << self->node));
	kt_fill(a.data, a.size, 9);
	ASSERT_EQ(0U, off_node(&a, self->node));
	for (size_t i = 0; i < n && !late; i++) {
		ret = take_offline(blocks[i]);
		late = ret == -ETIMEDOUT;
		/* Something in it cannot be moved; or it has holes. */
		EXPECT_TRUE(!ret || ret == -EBUSY || ret == -EINVAL)
		{
			TH_LOG("memory%d: %s", blocks[i], strerror(-ret));
		}
		if (ret) {
			stayed++;
			continue;
		}
		gone++;
		EXPECT_EQ(0U, kt_bad(a.data, a.size, 9));
		movable_and_back(_metadata, self, blocks[i]);
		EXPECT_EQ(0U, kt_bad(a.data, a.size, 9));
		EXPECT_EQ(0, set_block(blocks[i], "online"));
	}
	printf("# node %d: %zu blocks went and came back, %zu stayed;"
	       " %zu of %zu spans are elsewhere now\n",
	       self->node, gone, stayed, off_node(&a, self->node), a.spans);
	EXPECT_EQ(a.size, kt_stat(&a).resident);
	EXPECT_EQ((int64_t)a.size, kt_sysfs_number("resident_bytes"));
	kt_arena_fini(&a);
	if (!gone)
		SKIP(return, "each block holds memory that cannot be moved");
}

TEST_HARNESS_MAIN
