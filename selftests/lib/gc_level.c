// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the pressure level is found without the module: figures are read
 * exactly or refused, never guessed; a file that cannot be read is an error and
 * no level; and a descriptor that is gone is not closed a second time.  (The
 * rule from figures to a level is level.c's.)
 */
#include "lib_test.h"

#include <fcntl.h>

#include "gc/figures.h"
#include "gc/policy.h"
#include "gc/source.h"

/* --- texts -------------------------------------------------------------------- */

TEST(psi_text)
{
	struct tmem_psi_file psi;

	ASSERT_EQ(0, tmem_psi_parse(
			     "some avg10=12.34 avg60=0.00 avg300=100.00 "
			     "total=987654321012\n"
			     "full avg10=1.00 avg60=0.00 avg300=0.00 total=1\n",
			     &psi));
	EXPECT_EQ(1234U, psi.some.avg10);
	EXPECT_EQ(987654321012U, psi.some.total);
	EXPECT_EQ(100U, psi.full.avg10);
	EXPECT_EQ(1U, psi.full.total);
}

static bool psi_refused(const char *text)
{
	struct tmem_psi_file psi;

	if (tmem_psi_parse(text, &psi) == -EINVAL)
		return true;
	printf("# taken: %s\n", text);
	return false;
}

TEST(psi_text_that_is_none)
{
	static const char *const bad[] = {
		"",
		"some",
		"some avg10=",
		"some avg10=nan avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=-1.00 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=1,00 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=1.0 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=1.000 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=100.01 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=1e1 avg60=0.00 avg300=0.00 total=0\n",
		"some avg10=1.00 avg60=inf avg300=0.00 total=0\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=1",
		"some avg10=1.00 avg60=0.00 avg300=0.00\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=0x10\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=99999999999999999999\n",
		"full avg10=1.00 avg60=0.00 avg300=0.00 total=1\n",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_TRUE(psi_refused(bad[i]));
}

TEST(meminfo_text)
{
	struct tmem_gc_use use;

	ASSERT_EQ(0, tmem_gc_use_parse("MemTotal:       1000 kB\n"
				       "MemFree:        1 kB\n"
				       "MemAvailable:    250 kB\n",
				       &use));
	EXPECT_EQ(7500U, use.use);
	ASSERT_EQ(0, tmem_gc_use_parse("MemAvailable: 3 kB\nMemTotal: 3 kB\n",
				       &use));
	EXPECT_EQ(0U, use.use);
	ASSERT_EQ(0, tmem_gc_use_parse("MemAvailable: 0 kB\nMemTotal: 3 kB\n",
				       &use));
	EXPECT_EQ(10000U, use.use);
}

static bool use_refused(const char *text)
{
	struct tmem_gc_use use;

	if (tmem_gc_use_parse(text, &use) == -EINVAL)
		return true;
	printf("# taken: %s\n", text);
	return false;
}

TEST(meminfo_text_that_is_none)
{
	static const char *const bad[] = {
		"",
		"MemTotal: 1000 kB\n",
		"MemAvailable: 1000 kB\n",
		"MemTotal: 1000 kB\nMemAvailable: 1001 kB\n",
		"MemTotal: 0 kB\nMemAvailable: 0 kB\n",
		"MemTotal: 1000 kB\nMemAvailable: -5 kB\n",
		"MemTotal: 1000 kB\nMemAvailable: 5 MB\n",
		"MemTotal: 1000 kB\nMemAvailable: 5 kB",
		"MemTotal: 1000 kB\nXMemAvailable: 5 kB\n",
		"MemTotal: 1000 kB\nMemAvailableX: 5 kB\n",
		"MemTotal: 18446744073709551615 kB\nMemAvailable: 5 kB\n",
		"MemTotal: 99999999999999999999 kB\nMemAvailable: 5 kB\n",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_TRUE(use_refused(bad[i]));
}

TEST(this_machine)
{
	struct tmem_psi_file psi;
	struct tmem_gc_use use;
	int err = tmem_psi_read("/proc/pressure/memory", &psi);

	EXPECT_EQ(0, tmem_gc_use_read("/proc/meminfo", &use));
	EXPECT_GT(use.total_kib, use.available_kib);
	EXPECT_LE(use.use, 10000U);
	/* A kernel without PSI has no such file, or does not let it be read. */
	EXPECT_TRUE(!err || err == -ENOENT || err == -EOPNOTSUPP);
	EXPECT_EQ(-ENOENT, tmem_gc_use_read("/proc/no-such-file", &use));
	EXPECT_EQ(-EISDIR, tmem_gc_use_read("/proc", &use));
}

#define S 1000000000ull

/* --- the source ------------------------------------------------------------------ */

#define CALM "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n"
#define STALL "some avg10=25.00 avg60=0.00 avg300=0.00 total=1000\n"
#define ROOM "MemTotal: 1000 kB\nMemAvailable: 900 kB\n"
#define TIGHT "MemTotal: 1000 kB\nMemAvailable: 50 kB\n"

FIXTURE(source)
{
	char psi[64], meminfo[64];
	struct tmem_source s;
	struct tmem_source_look look;
	uint64_t now;
};

FIXTURE_SETUP(source)
{
	snprintf(self->psi, sizeof(self->psi), "/tmp/tmem-gc-psi-%d",
		 (int)getpid());
	snprintf(self->meminfo, sizeof(self->meminfo), "/tmp/tmem-gc-mem-%d",
		 (int)getpid());
	self->now = 100 * S;
	self->s = (struct tmem_source){
		.fd = -1,
		.psi_path = self->psi,
		.meminfo_path = self->meminfo,
	};
}

FIXTURE_TEARDOWN(source)
{
	unlink(self->psi);
	unlink(self->meminfo);
}

/* NULL: there is no such file. */
static bool file_set(const char *path, const char *text)
{
	int fd;
	bool ok;

	unlink(path);
	if (!text)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

#define LOOK(psi_text, meminfo_text)                                \
	do {                                                        \
		ASSERT_TRUE(file_set(self->psi, psi_text));         \
		ASSERT_TRUE(file_set(self->meminfo, meminfo_text)); \
		tmem_source_files.look(&self->s, self->now, false,  \
				       &self->look);                \
		self->now += 10 * S;                                \
	} while (0)

TEST_F(source, both_files)
{
	LOOK(CALM, ROOM);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)self->look.level);
	EXPECT_EQ(TMEM_GC_SOURCE_PSI, (int)self->look.source);
	EXPECT_EQ(0U, self->look.errors);
	LOOK(CALM, TIGHT);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)self->look.level);
	EXPECT_EQ(250U, self->s.poll_ms);
	LOOK(STALL, ROOM);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)self->look.level);
	LOOK(STALL, ROOM);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)self->look.level);
}

TEST_F(source, no_psi)
{
	LOOK(NULL, TIGHT);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)self->look.level);
	EXPECT_EQ(TMEM_GC_SOURCE_MEMINFO, (int)self->look.source);
	EXPECT_EQ(1U, self->look.errors);
	EXPECT_EQ(ENOENT, self->look.err);
}

TEST_F(source, no_meminfo)
{
	LOOK(STALL, "nonsense");
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)self->look.level);
	EXPECT_EQ(TMEM_GC_SOURCE_PSI, (int)self->look.source);
	EXPECT_EQ(EINVAL, self->look.err);
}

/* What cannot be read is no level: neither the last one, nor the worst. */
TEST_F(source, nothing)
{
	LOOK(STALL, TIGHT);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)self->look.level);
	LOOK(NULL, NULL);
	EXPECT_EQ(TMEM_GC_SOURCE_NONE, (int)self->look.source);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)self->look.level);
	EXPECT_EQ(2U, self->look.errors);
	LOOK("some avg10=nan avg60=0.00 avg300=0.00 total=0\n", "");
	EXPECT_EQ(TMEM_GC_SOURCE_NONE, (int)self->look.source);
	EXPECT_EQ(EINVAL, self->look.err);
	LOOK(CALM, ROOM);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)self->look.level);
	EXPECT_EQ(0U, self->look.errors);
}

/* avg10 is slow: 3 of the 10 s between two looks were waited. */
TEST_F(source, stall_since_the_last_look)
{
	LOOK(CALM, ROOM);
	LOOK("some avg10=0.00 avg60=0.00 avg300=0.00 total=3001000\n", ROOM);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)self->look.level);
	/* A total that went back is another machine's: nothing follows. */
	self->s.meter = (struct tmem_level_meter){ 0 };
	LOOK(CALM, ROOM);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)self->look.level);
}

/* That the trigger fired is something by itself. */
TEST_F(source, trigger_fired)
{
	ASSERT_TRUE(file_set(self->psi, CALM));
	ASSERT_TRUE(file_set(self->meminfo, ROOM));
	tmem_source_files.look(&self->s, self->now, true, &self->look);
	EXPECT_EQ(TMEM_LEVEL_MEDIUM, (int)self->look.level);
}

static unsigned int fds_open(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST_F(source, open_and_close)
{
	unsigned int before = fds_open(), i;

	for (i = 0; i < 50; i++) {
		/* A trigger goes where the kernel expects one. */
		ASSERT_TRUE(file_set(self->psi, CALM));
		tmem_source_files.open(&self->s);
		EXPECT_TRUE(self->s.open);
		EXPECT_GE(self->s.fd, 0);
		EXPECT_GT(self->s.poll_ms, 0U);
		tmem_source_files.close(&self->s);
		EXPECT_FALSE(self->s.open);
		EXPECT_EQ(before, fds_open());
	}
	ASSERT_TRUE(file_set(self->psi, NULL));
	tmem_source_files.open(&self->s);
	EXPECT_EQ(-1, self->s.fd);
	EXPECT_TRUE(self->s.open);
	tmem_source_files.close(&self->s);
	EXPECT_EQ(before, fds_open());
}

/* Somebody closed the descriptor, and the number is another file's now. */
TEST_F(source, a_number_that_is_not_ours)
{
	int theirs;

	ASSERT_TRUE(file_set(self->psi, CALM));
	tmem_source_files.open(&self->s);
	EXPECT_FALSE(tmem_source_lost(&self->s));
	ASSERT_EQ(0, close(self->s.fd));
	EXPECT_TRUE(tmem_source_lost(&self->s));
	theirs = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(self->s.fd, theirs);
	EXPECT_TRUE(tmem_source_lost(&self->s));
	tmem_source_files.deaf(&self->s, true);
	EXPECT_EQ(-1, self->s.fd);
	EXPECT_EQ(0, fcntl(theirs, F_GETFD) & ~FD_CLOEXEC);
	tmem_source_files.close(&self->s);
	EXPECT_EQ(0, close(theirs));
}

/* The one that programs get: it has a level, wherever it is from. */
TEST_F(source, the_real_one)
{
	struct tmem_source s = {
		.fd = -1,
		.psi_path = "/proc/pressure/memory",
		.meminfo_path = "/proc/meminfo",
	};

	tmem_source_real.open(&s);
	tmem_source_real.look(&s, self->now, false, &self->look);
	printf("# level %s from source %d, %u errors\n",
	       tmem_level_name(self->look.level), (int)self->look.source,
	       self->look.errors);
	EXPECT_NE(TMEM_GC_SOURCE_NONE, (int)self->look.source);
	if (lt_backend() == TMEM_BACKEND_DEV)
		EXPECT_EQ(TMEM_GC_SOURCE_MODULE, (int)self->look.source);
	EXPECT_LE((int)self->look.level, (int)TMEM_LEVEL_CRITICAL);
	tmem_source_real.close(&s);
	EXPECT_FALSE(s.open);
}

TEST_HARNESS_MAIN
