// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what happens when something else than memory runs out: mappings
 * (vm.max_map_count) that the program has used up itself, addresses
 * (RLIMIT_AS), data (RLIMIT_DATA), descriptors, and calls that a sandbox does
 * not allow.  While there is memory, a request is served as long as that can
 * be done; if not it is refused with ENOMEM, and nothing is lost.
 */
#include "heap_test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define LIVE 48

/* Random calls that may be refused. */
struct churn {
	struct heap_block block[LIVE];
	uint64_t random;
	unsigned int served, refused, wrong;
};

static void churn_alloc(struct churn *c, struct heap_block *b, size_t max)
{
	size_t size = heap_size(&c->random, max);
	char *at = tmem_alloc(size);

	if (!at) {
		c->refused++;
		c->wrong += errno != ENOMEM;
		return;
	}
	c->served++;
	c->wrong += !heap_block_take(b, at, size, lt_random(&c->random));
}

static void churn_run(struct churn *c, unsigned int steps, size_t max)
{
	struct heap_block *b;

	for (; steps; steps--) {
		b = &c->block[lt_random(&c->random) % LIVE];
		if (b->at)
			c->wrong += !heap_block_free(b);
		else
			churn_alloc(c, b, max);
	}
}

static void churn_end(struct churn *c)
{
	size_t i;

	for (i = 0; i < LIVE; i++)
		c->wrong += !heap_block_free(&c->block[i]);
	printf("# %u served, %u refused\n", c->served, c->refused);
}

FIXTURE(exhaust)
{
	struct churn churn;
};

FIXTURE_SETUP(exhaust)
{
	self->churn.random = pace_seed();
	ASSERT_EQ(0, heap_init());
}

FIXTURE_TEARDOWN(exhaust)
{
	churn_end(&self->churn);
	EXPECT_EQ(0U, self->churn.wrong);
	EXPECT_EQ(0, tmem_check());
	EXPECT_TRUE(heap_whole(300));
	EXPECT_TRUE(heap_empty());
}

/*
 * The program leaves us a few mappings.  The heap has memory enough, so nothing
 * is refused, however the sizes come.
 */
TEST_F(exhaust, few_mappings)
{
	unsigned int i, before;
	struct lt_maps maps;

	churn_run(&self->churn, 200, 12 * LT_MIB);
	if (!lt_maps_eat(&maps))
		SKIP(return, "mappings cannot be used up here");
	for (i = 0; i < 100; i++)
		lt_maps_give(&maps);
	before = self->churn.refused;
	churn_run(&self->churn, 3000, 12 * LT_MIB);
	EXPECT_EQ(before, self->churn.refused);
	EXPECT_EQ(0, tmem_check());
	lt_maps_free(&maps);
}

/* It leaves none.  What is idle can be used still, and nothing breaks. */
TEST_F(exhaust, no_mappings)
{
	struct lt_maps maps;
	char *warm, *again;

	churn_run(&self->churn, 200, 12 * LT_MIB);
	warm = lt_filled(6 * LT_MIB, 1);
	ASSERT_NE(NULL, warm);
	if (!lt_maps_eat(&maps)) {
		tmem_free(warm);
		SKIP(return, "mappings cannot be used up here");
	}
	tmem_free(warm);
	again = tmem_alloc(6 * LT_MIB);
	EXPECT_NE(NULL, again);
	churn_run(&self->churn, 3000, 12 * LT_MIB);
	EXPECT_EQ(0, tmem_check());
	tmem_trim(0);
	lt_maps_free(&maps);
	tmem_free(again);
	/* And with mappings to be had it is as before. */
	self->churn.refused = 0;
	churn_run(&self->churn, 500, 12 * LT_MIB);
	EXPECT_EQ(0U, self->churn.refused);
}

static bool limited(int what, rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit(what, &limit))
		return false;
	limit.rlim_cur = bytes;
	return !setrlimit(what, &limit);
}

/* Bytes that a line of /proc/self/status tells. */
static size_t status_bytes(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	size_t kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoull(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib * LT_KIB;
}

/* A limit that leaves little more than there is; then it is taken away. */
TEST_F(exhaust, addresses_and_data)
{
	static const struct {
		int what;
		const char *name;
	} limits[] = { { RLIMIT_AS, "VmSize" }, { RLIMIT_DATA, "VmData" } };
	size_t i;

	if (LT_SANITIZER)
		SKIP(return, "a sanitizer needs more of both");
	churn_run(&self->churn, 100, 4 * LT_MIB);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		ASSERT_TRUE(limited(limits[i].what,
				    status_bytes(limits[i].name) + 4 * LT_MIB));
		churn_run(&self->churn, 1000, 12 * LT_MIB);
		EXPECT_EQ(0, tmem_check());
		ASSERT_TRUE(limited(limits[i].what, RLIM_INFINITY));
	}
	self->churn.refused = 0;
	churn_run(&self->churn, 500, 12 * LT_MIB);
	EXPECT_EQ(0U, self->churn.refused);
}

/* No descriptor is to be had once the library is set up. */
TEST_F(exhaust, descriptors)
{
	ASSERT_TRUE(limited(RLIMIT_NOFILE, 0));
	churn_run(&self->churn, 1000, 12 * LT_MIB);
	EXPECT_EQ(0U, self->churn.refused);
	tmem_trim(0);
	ASSERT_TRUE(limited(RLIMIT_NOFILE, 256));
}

/* Nor before: then anonymous memory does, or it is said that it cannot be. */
static int no_descriptor(void *arg)
{
	struct heap_block b;
	void *at;

	(void)arg;
	if (!limited(RLIMIT_NOFILE, 0))
		return 10;
	errno = 0;
	at = tmem_alloc(5 * LT_MIB);
	if (!at && errno != EMFILE && errno != ENOMEM && errno != ENODEV &&
	    errno != EACCES) {
		printf("# errno %d\n", errno);
		return 11;
	}
	if (at &&
	    (!heap_block_take(&b, at, 5 * LT_MIB, 1) || !heap_block_free(&b)))
		return 12;
	if (!limited(RLIMIT_NOFILE, 256))
		return 10;
	at = tmem_alloc(5 * LT_MIB);
	tmem_free(at);
	return at ? 0 : 13;
}

TEST(descriptors_before)
{
	EXPECT_EQ(0, lt_child(no_descriptor, NULL));
}

/* From now on this call fails in this process. */
static bool forbidden(unsigned int call, unsigned int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void *thread_run(void *arg)
{
	void **block = arg;
	unsigned int i;

	for (i = 0; i < 200; i++)
		tmem_free(tmem_alloc(i * 100));
	*block = tmem_alloc(1000);
	return heap_whole(200) ? NULL : (void *)1;
}

static int in_a_grandchild(void *arg)
{
	(void)arg;
	return heap_whole(100) ? 0 : 20;
}

struct ban {
	unsigned int call, err;
};

/* Everything that a process does, without the call. */
static int without(void *arg)
{
	const struct ban *ban = arg;
	struct churn churn = { .random = 1 };
	void *end = NULL, *block;
	pthread_t id;

	if (!forbidden(ban->call, ban->err))
		return 10;
	if (heap_init())
		return 11;
	churn_run(&churn, 1000, 12 * LT_MIB);
	if (churn.refused || churn.wrong)
		return 12;
	if (pthread_create(&id, NULL, thread_run, &block))
		return 13;
	pthread_join(id, &end);
	tmem_free(block);
	if (end || lt_child(in_a_grandchild, NULL))
		return 14;
	churn_end(&churn);
	if (churn.wrong || !heap_whole(300))
		return 15;
	return heap_empty() ? 0 : 16;
}

FIXTURE(sandbox)
{
	struct ban ban;
};

FIXTURE_VARIANT(sandbox)
{
	unsigned int call, err;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(sandbox, membarrier) { SYS_membarrier, ENOSYS };
FIXTURE_VARIANT_ADD(sandbox, membarrier_eperm) { SYS_membarrier, EPERM };
FIXTURE_VARIANT_ADD(sandbox, getcpu) { SYS_getcpu, ENOSYS };
FIXTURE_VARIANT_ADD(sandbox, mbind) { SYS_mbind, EPERM };
FIXTURE_VARIANT_ADD(sandbox, move_pages) { SYS_move_pages, EPERM };
FIXTURE_VARIANT_ADD(sandbox, get_mempolicy) { SYS_get_mempolicy, EPERM };
FIXTURE_VARIANT_ADD(sandbox, mincore) { SYS_mincore, ENOSYS };
FIXTURE_VARIANT_ADD(sandbox, mremap) { SYS_mremap, ENOSYS };
FIXTURE_VARIANT_ADD(sandbox, tgkill) { SYS_tgkill, EPERM };
FIXTURE_VARIANT_ADD(sandbox, eventfd) { SYS_eventfd2, EPERM };
/* clang-format on */

FIXTURE_SETUP(sandbox)
{
	self->ban = (struct ban){ variant->call, variant->err };
}

FIXTURE_TEARDOWN(sandbox)
{
}

TEST_F(sandbox, it_goes_on)
{
	if (LT_SANITIZER)
		SKIP(return, "a sanitizer makes such calls itself");
	EXPECT_EQ(0, lt_child(without, &self->ban));
}

TEST_HARNESS_MAIN
