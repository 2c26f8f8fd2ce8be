// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a snapshot is whole or an error: what cannot be written is said
 * (a full disk, a closed descriptor, a reader that has gone), names of any bytes
 * are UTF-8 in it, text is balanced, it is written while a file of /proc cannot
 * be opened, and its last moment is that at which it was asked for.
 * selftests/tool/snapshot.sh compares it with its schema.
 */
#include "analytics_test.h"

#include <fcntl.h>
#include <poll.h>

#include "analytics/json.h"
#include "monitor/monitor.h"
#include "monitor_host.h"

static size_t snapshot_read(char *text, size_t size, unsigned int flags)
{
	char path[] = "/tmp/snapshot-XXXXXX";
	int fd = mkstemp(path);
	ssize_t n = -1;

	if (fd < 0)
		return 0;
	unlink(path);
	if (!tmem_snapshot_write(fd, flags))
		n = pread(fd, text, size - 1, 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Brackets outside of strings close what was opened. */
static bool balanced(const char *p)
{
	char stack[32];
	unsigned int depth = 0;
	bool text = false;

	for (; *p; p++) {
		if (text && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			text = !text;
		else if (!text && (*p == '{' || *p == '[') && depth < 32)
			stack[depth++] = *p == '{' ? '}' : ']';
		else if (!text && (*p == '}' || *p == ']') &&
			 (!depth || stack[--depth] != *p))
			return false;
	}
	return !depth && !text;
}

static char text[1 << 20];

TEST(whole)
{
	void *block;

	ASSERT_EQ(0, an_init(0, 0));
	tmem_tag_push("tag \"quoted\" \\ \n");
	block = an_alloc("bytes \xff\xc3\xa9 \xed\xa0\x80", 5000);
	tmem_tag_pop();
	tmem_step_mark("step \x01");
	ASSERT_LT(1000U,
		  snapshot_read(text, sizeof(text), TMEM_SNAPSHOT_RECORDS));
	EXPECT_TRUE(balanced(text));
	EXPECT_NE(NULL,
		  strstr(text, "{\"format\":\"tmem-snapshot\",\"version\":1,"));
	EXPECT_NE(NULL, strstr(text, "\"tag \\\"quoted\\\" \\\\ \\u000a\""));
	EXPECT_NE(NULL,
		  strstr(text,
			 "\"bytes \\ufffd\xc3\xa9 \\ufffd\\ufffd\\ufffd\""));
	EXPECT_NE(NULL, strstr(text, "\"last\":\"step \\u0001\""));
	EXPECT_NE(NULL, strstr(text, "\"records\":[{\"address\":\"0x"));
	EXPECT_NE(NULL, strstr(text, "\"pattern\":\"short-lived\""));
	tmem_free(block);
}

/* Before anything was allocated, and with the analytics off. */
TEST(nothing)
{
	ASSERT_LT(100U, snapshot_read(text, sizeof(text), 0));
	EXPECT_TRUE(balanced(text));
	EXPECT_NE(NULL, strstr(text, "\"mode\":\"off\""));
	EXPECT_NE(NULL, strstr(text, "\"sites\":[]"));
}

/* The level in force when a snapshot was taken, or -1. */
static int level_shown(void)
{
	const char *at = snapshot_read(text, sizeof(text), 0) ? text : "";
	int level = -1;

	while ((at = strstr(at, "\"level\":")))
		level = atoi(at += strlen("\"level\":"));
	return level;
}

/*
 * A process that does nothing notices nothing; its snapshot has the level of
 * the moment, not that of the last look.
 */
TEST(pressure_of_now)
{
	static const struct tmem_monitor_config slow = {
		.struct_size = sizeof(slow),
		.interval_ms = 3600000,
	};
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	void *block;

	ASSERT_TRUE(host_make());
	tmem_monitor_use(host);
	ASSERT_EQ(0, tmem_monitor_start(&slow));
	ASSERT_EQ(0, an_init(0, 0));
	block = an_alloc("idle", LT_MIB);
	ASSERT_TRUE(PACE_UNTIL(!tmem_monitor_sample_get(&sample)));
	EXPECT_EQ(TMEM_LEVEL_LOW, level_shown());
	EXPECT_NE(NULL, strstr(text, "\"nodes\":[["));
	ASSERT_TRUE(host_use(95));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, level_shown());
	ASSERT_TRUE(host_use(60));
	EXPECT_EQ(TMEM_LEVEL_MEDIUM, level_shown());
	tmem_monitor_stop();
	tmem_free(block);
	host_drop();
}

TEST(refused)
{
	int full = open("/dev/full", O_WRONLY), ends[2];

	ASSERT_EQ(0, an_init(0, 0));
	tmem_free(an_alloc("a", 100));
	if (full >= 0)
		EXPECT_EQ(-ENOSPC, tmem_snapshot_write(full, 0));
	close(full);
	EXPECT_EQ(-EBADF, tmem_snapshot_write(-1, 0));
	ASSERT_EQ(0, pipe(ends));
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	EXPECT_EQ(-EPIPE, tmem_snapshot_write(ends[1], 0));
	close(ends[1]);
	/* errno is the caller's. */
	errno = 77;
	EXPECT_EQ(-EBADF, tmem_snapshot_write(-1, 0));
	EXPECT_EQ(77, errno);
}

/* The reader sees the end of it. */
static void *snapshot_into(void *arg)
{
	int fd = *(int *)arg, err = tmem_snapshot_write(fd, 1);

	close(fd);
	return (void *)(intptr_t)err;
}

static bool pipe_full(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return !poll(&p, 1, 0);
}

/* A slow reader delays no other thread: allocation goes on meanwhile. */

TEST(slow_reader)
{
	static void *block[5000];
	char buffer[4096];
	pthread_t thread;
	unsigned int i;
	int ends[2];
	void *status;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < ARRAY_SIZE(block); i++)
		block[i] = an_alloc("held", 100);
	ASSERT_EQ(0, pipe(ends));
	pthread_create(&thread, NULL, snapshot_into, &ends[1]);
	ASSERT_TRUE(PACE_UNTIL(pipe_full(ends[1])));
	for (i = 0; i < ARRAY_SIZE(block); i++)
		tmem_free(block[i]);
	for (i = 0; i < 1000; i++)
		tmem_free(an_alloc("while", 100));
	tmem_step_mark("while");
	EXPECT_EQ(1000U, an_site("", "while").frees);
	/* It ends once all is read. */
	while (read(ends[0], buffer, sizeof(buffer)) > 0)
		;
	pthread_join(thread, &status);
	EXPECT_EQ(NULL, status);
}

/* No descriptor is left: what needs one is empty, the rest is there. */
TEST(no_descriptors)
{
	struct rlimit limit;
	char path[] = "/tmp/snapshot-XXXXXX";
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	unlink(path);
	ASSERT_EQ(0, an_init(0, 0));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	tmem_free(tmem_alloc(1000));
	EXPECT_EQ(0, tmem_snapshot_write(fd, 0));
	text[pread(fd, text, sizeof(text) - 1, 0)] = '\0';
	EXPECT_TRUE(balanced(text));
	EXPECT_NE(NULL, strstr(text, "\"threads\":[]"));
	close(fd);
}

TEST(numbers)
{
	static const double reals[] = { 0, -1.5, 1e17, 0.9999999, 1e300 };
	static const char want[] =
		"[0.000000,-1.500000,100000000000000000.000000,1.000000,null,null,18446744073709551615]";
	struct tmem_json json;
	char got[256];
	unsigned int i;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, tmem_json_open(&json, ends[1]));
	tmem_json_begin(&json, NULL, '[');
	for (i = 0; i < ARRAY_SIZE(reals); i++)
		tmem_json_real(&json, NULL, reals[i]);
	tmem_json_real(&json, NULL, __builtin_nan(""));
	tmem_json_number(&json, NULL, UINT64_MAX);
	tmem_json_end(&json, ']');
	EXPECT_EQ(0, tmem_json_close(&json));
	got[read(ends[0], got, sizeof(got) - 1)] = '\0';
	EXPECT_STREQ(want, got);
}

TEST_HARNESS_MAIN
