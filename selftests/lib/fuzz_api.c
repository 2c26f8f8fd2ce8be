// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that no sequence of calls, with any arguments, right or wrong, breaks
 * the heap: bytes are read as calls on a table of blocks, among them pointers
 * that are no blocks.  Blocks keep their contents, each refused pointer is
 * counted, and at the end of each input tmem_check() finds the heap in order.
 *
 * Random inputs, and changed ones of those before.  TMEM_FUZZ_FILE=PATH runs
 * one input instead, - is stdin (AFL).
 * With -DTMEM_FUZZ_TARGET the file is a libFuzzer target: clang -g -O1
 * -fsanitize=fuzzer,address -DTMEM_FUZZ_TARGET ... fuzz_api.c libtmem.a
 */
#include "heap_test.h"

#define SLOTS 48
#define POOLS 4
#define INPUT_MAX 2048
#define LIVE_MAX (40 * LT_MIB)

struct input {
	const uint8_t *at, *end;
};

/* What one input has made. */
struct fuzz {
	struct heap_block block[SLOTS];
	unsigned int pool_of[SLOTS]; /* of the block; POOLS: the default one */
	struct tmem_pool *pool[POOLS];
	char *freed[SLOTS];
	uint64_t tags, bytes;
	const char *wrong;
};

static struct fuzz fuzz;

static unsigned int take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* From one byte to most of the addresses: a width, then its bits. */
static size_t take_size(struct input *in)
{
	unsigned int width = take(in) % 72;
	size_t size = 0, i;

	/* Where sums overflow. */
	if (width == 71)
		return SIZE_MAX - take(in) * 64;

	if (width > 64 || (width > 25 && width < 40))
		width = width % 14 + 2;
	for (i = 0; i < width; i += 8)
		size = size << 8 | take(in);
	return width < 64 ? size & (((size_t)1 << width) - 1) : size;
}

static bool wrong(const char *what)
{
	if (!fuzz.wrong)
		fuzz.wrong = what;
	return false;
}

/* NULL is right for what is absurd, and for nothing else. */
static void block_new(unsigned int slot, unsigned int pool, void *at,
		      size_t size)
{
	if (!at) {
		if (errno != ENOMEM && errno != EINVAL)
			wrong("NULL, but errno says something else");
		if (size < LIVE_MAX && errno == ENOMEM)
			wrong("no memory");
		return;
	}
	if (!heap_block_take(&fuzz.block[slot], at, size, ++fuzz.tags))
		wrong("not what was asked for");
	fuzz.pool_of[slot] = pool;
	fuzz.bytes += fuzz.block[slot].usable;
}

static void block_free(unsigned int slot)
{
	struct heap_block *b = &fuzz.block[slot];

	if (!b->at)
		return;
	fuzz.freed[slot] = b->at;
	fuzz.bytes -= b->usable;
	if (!heap_block_free(b))
		wrong("a block's contents have changed");
}

/* The live ones stay below a limit; absurd sizes are let through. */
static size_t sane(size_t size)
{
	if (size >= (size_t)1 << 40)
		return size;
	size %= LIVE_MAX;
	return fuzz.bytes + size > LIVE_MAX ? size % 4096 : size;
}

static void do_alloc(struct input *in, unsigned int slot)
{
	unsigned int kind = take(in);
	unsigned int pool = kind / 8 % POOLS;
	size_t size = sane(take_size(in));
	size_t align = (size_t)1 << take(in) % 32;
	char *at;

	block_free(slot);
	switch (kind % 8) {
	case 0:
		at = tmem_zalloc(size);
		if (at && !lt_zero(at, tmem_usable_size(at)))
			wrong("tmem_zalloc() gave something");
		block_new(slot, POOLS, at, size);
		return;
	case 1:
	case 2:
		/* Seldom a power of two less one. */
		align -= kind > 250;
		at = tmem_aligned_alloc(align, size);
		if (at && (!align || (uintptr_t)at % align))
			wrong("tmem_aligned_alloc() did not align");
		if (!at && errno == EINVAL)
			return;
		/* Addresses at the greatest alignments may run out. */
		if (at || align < 64 * LT_MIB)
			block_new(slot, POOLS, at, size);
		return;
	case 3:
	case 4:
		if (fuzz.pool[pool]) {
			at = tmem_pool_alloc(fuzz.pool[pool], size);
			block_new(slot, pool, at, size);
			return;
		}
	}
	block_new(slot, POOLS, tmem_alloc(size), size);
}

static void do_realloc(struct input *in, unsigned int slot)
{
	struct heap_block old = fuzz.block[slot];
	unsigned int pool = old.at ? fuzz.pool_of[slot] : POOLS;
	size_t size = sane(take_size(in)), least;
	char *at = tmem_realloc(old.at, size);

	least = size < old.usable ? size : old.usable;
	if (!at && old.at) {
		if (!heap_block_kept(&old))
			wrong("a failed tmem_realloc() changed the block");
		if (size < LIVE_MAX)
			wrong("no memory to grow");
		return;
	}
	if (old.at && !lt_kept_to(at, old.usable, least, old.tag))
		wrong("tmem_realloc() lost contents");
	fuzz.bytes -= old.at ? old.usable : 0;
	fuzz.block[slot].at = NULL;
	block_new(slot, pool, at, size);
}

static void do_pool(struct input *in)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	unsigned int kind = take(in), pool = kind % POOLS, i;

	config.strategy = (enum tmem_strategy)(kind / POOLS % 5);
	config.name = kind > 200 ? "fuzz" : NULL;
	for (i = 0; i < SLOTS; i++)
		if (fuzz.block[i].at && fuzz.pool_of[i] == pool) {
			if (!heap_block_kept(&fuzz.block[i]))
				wrong("a pool's block has changed");
			fuzz.bytes -= fuzz.block[i].usable;
			fuzz.freed[i] = fuzz.block[i].at;
			fuzz.block[i].at = NULL;
		}
	tmem_pool_destroy(fuzz.pool[pool]);
	fuzz.pool[pool] = kind & 128 ? tmem_pool_create(&config) : NULL;
}

static bool is_block(const char *ptr)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (fuzz.block[i].at == ptr)
			return true;
	return !ptr;
}

/* Something that was a block, lies in one, beside one, or nowhere. */
static char *bad_pointer(struct input *in, unsigned int slot)
{
	size_t far = take_size(in);

	switch (take(in) % 4) {
	case 0:
		return fuzz.freed[slot];
	case 1:
		return fuzz.block[slot].at ?
			       fuzz.block[slot].at +
				       far % fuzz.block[slot].usable :
			       NULL;
	case 2:
		return (char *)((uintptr_t)fuzz.block[slot].at + far);
	}
	return (char *)far;
}

static void do_misuse(struct input *in, unsigned int slot)
{
	char *ptr = bad_pointer(in, slot);
	uint64_t before = lt_stats().misuse;

	if (is_block(ptr))
		return;
	errno = ENOTTY;
	switch (take(in) % 4) {
	case 0:
		before++;
		if (tmem_realloc(ptr, 100) || errno != EINVAL)
			wrong("tmem_realloc() took what is no block");
		break;
	case 1:
		if (tmem_usable_size(ptr))
			wrong("tmem_usable_size() of what is no block");
		break;
	default:
		before++;
		tmem_free(ptr);
		if (errno != ENOTTY)
			wrong("tmem_free() changed errno");
	}
	if (lt_stats().misuse != before)
		wrong("misuse was not counted");
}

static void step(struct input *in)
{
	unsigned int op = take(in), slot = take(in) % SLOTS;

	if (op < 110)
		do_alloc(in, slot);
	else if (op < 180)
		block_free(slot);
	else if (op < 210)
		do_realloc(in, slot);
	else if (op < 235)
		do_misuse(in, slot);
	else if (op < 244)
		do_pool(in);
	else if (op < 248)
		tmem_trim(take_size(in));
	else if (op < 250 && tmem_check())
		wrong("tmem_check() found something");
}

static void run_input(const uint8_t *data, size_t bytes)
{
	struct input in = { data, data + bytes };
	unsigned int i;

	memset(&fuzz, 0, sizeof(fuzz));
	while (in.at < in.end && !fuzz.wrong)
		step(&in);
	for (i = 0; i < SLOTS; i++)
		block_free(i);
	for (i = 0; i < POOLS; i++)
		tmem_pool_destroy(fuzz.pool[i]);
	if (tmem_check())
		wrong("tmem_check() found something");
	if (lt_stats().live_blocks || lt_stats().live_bytes)
		wrong("something is left");
}

#ifdef TMEM_FUZZ_TARGET

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	run_input(data, bytes);
	if (fuzz.wrong) {
		fprintf(stderr, "%s\n", fuzz.wrong);
		abort();
	}
	return 0;
}

#else

/* Bytes with much of a kind, as random bytes alone have not. */
static size_t make_input(uint64_t *random, uint8_t *data, size_t before)
{
	size_t bytes = lt_between(random, 1, INPUT_MAX), i, n, from;

	if (before && lt_random(random) % 2) {
		/* The one before, changed here and there. */
		for (n = lt_between(random, 1, 30); n; n--)
			data[lt_random(random) % before] =
				(uint8_t)lt_random(random);
		return before;
	}
	for (i = 0; i < bytes; i++)
		data[i] = (uint8_t)lt_random(random);
	for (n = lt_random(random) % 4; n; n--) {
		from = lt_random(random) % bytes;
		memset(data + from, data[from],
		       lt_random(random) % (bytes - from));
	}
	return bytes;
}

/* For TMEM_FUZZ_FILE. */
static void keep_input(const uint8_t *data, size_t bytes)
{
	char name[] = "/tmp/tmem-fuzz-XXXXXX";
	int fd = mkstemp(name);

	if (fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes)
		printf("# the input is in %s\n", name);
	if (fd >= 0)
		close(fd);
}

FIXTURE(fuzz)
{
	int unused;
};

FIXTURE_SETUP(fuzz)
{
	self->unused = 0;
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F(fuzz, random_inputs)
{
	bool dev = lt_backend() == TMEM_BACKEND_DEV;
	uint64_t random = pace_seed();
	static uint8_t data[INPUT_MAX];
	size_t bytes = 0, inputs = 0;

	if (getenv("TMEM_FUZZ_FILE"))
		SKIP(return, "TMEM_FUZZ_FILE is set");
	ASSERT_EQ(0, heap_init());
	PACE_ROUNDS(dev ? 40 : HEAP_COUNT(300, 100)) {
		bytes = make_input(&random, data, bytes);
		run_input(data, bytes);
		inputs++;
		if (fuzz.wrong)
			break;
	}
	if (fuzz.wrong)
		keep_input(data, bytes);
	EXPECT_EQ(NULL, fuzz.wrong) TH_LOG("input %zu: %s", inputs, fuzz.wrong);
	EXPECT_TRUE(heap_empty());
	TH_LOG("%zu inputs, %llu blocks, %llu pointers refused", inputs,
	       (unsigned long long)lt_stats().allocs,
	       (unsigned long long)lt_stats().misuse);
	EXPECT_LT(0U, lt_stats().misuse);
}

TEST(one_input)
{
	const char *name = getenv("TMEM_FUZZ_FILE");
	static uint8_t data[1 << 20];
	FILE *f;

	if (!name)
		SKIP(return, "TMEM_FUZZ_FILE is not set");
	f = strcmp(name, "-") ? fopen(name, "re") : stdin;
	ASSERT_NE(NULL, f);
	ASSERT_EQ(0, heap_init());
	run_input(data, fread(data, 1, sizeof(data), f));
	ASSERT_EQ(NULL, fuzz.wrong) TH_LOG("%s", fuzz.wrong);
}

TEST_HARNESS_MAIN

#endif
