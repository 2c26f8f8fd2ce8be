// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the monitor understands what a service manager asks for by
 * MEMORY_PRESSURE_WATCH and MEMORY_PRESSURE_WRITE: base64, to the byte; a FIFO,
 * a socket, a file; /dev/null; and that a manager that hangs up, sends for ever,
 * or names nonsense does not keep the monitor busy.
 */
#include "lib_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "monitor/psi.h"
#include "monitor/watch.h"

static long decode(const char *text, const char *want)
{
	unsigned char to[64];
	long n = tmem_base64_decode(text, to, sizeof(to));

	return n >= 0 && memcmp(to, want, (size_t)n) ? -2 : n;
}

TEST(base64)
{
	EXPECT_EQ(20, decode("c29tZSAyMDAwMDAgMjAwMDAwMAA=",
			     "some 200000 2000000\0"));
	EXPECT_EQ(0, decode("", ""));
	EXPECT_EQ(1, decode("Zg==", "f"));
	EXPECT_EQ(2, decode("Zm8=", "fo"));
	EXPECT_EQ(3, decode("Zm9v", "foo"));
	EXPECT_EQ(6, decode("Zm9v\nYmFy", "foobar"));
	EXPECT_EQ(2, decode("Zm8", "fo"));
	EXPECT_EQ(3, decode("+/+/", "\xfb\xff\xbf"));
	EXPECT_EQ(-1, decode("Z", ""));
	EXPECT_EQ(-1, decode("Zg=", ""));
	EXPECT_EQ(-1, decode("Zg===", ""));
	EXPECT_EQ(-1, decode("Zg==Zg==", ""));
	EXPECT_EQ(-1, decode("Zg=g", ""));
	EXPECT_EQ(-1, decode("Zm9v-", ""));
	EXPECT_EQ(-1, decode("\xff\xff\xff\xff", ""));
	EXPECT_EQ(-1, tmem_base64_decode("Zm9v", (unsigned char[2]){ 0 }, 2));
}

TEST(base64_of_anything)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	uint64_t seed = pace_seed();
	unsigned char in[100], out[100];
	unsigned int run;
	char text[200];
	size_t n, i, k;

	for (run = 0; run < 1000; run++) {
		n = lt_between(&seed, 0, sizeof(in));
		memset(text, 0, sizeof(text));
		for (i = 0; i < n; i++)
			in[i] = (unsigned char)lt_random(&seed);
		for (i = 0, k = 0; i < n; i += 3) {
			uint32_t word = (uint32_t)in[i] << 16 |
					(i + 1 < n ? in[i + 1] << 8 : 0) |
					(i + 2 < n ? in[i + 2] : 0);

			text[k++] = digits[word >> 18];
			text[k++] = digits[word >> 12 & 63];
			text[k++] = i + 1 < n ? digits[word >> 6 & 63] : '=';
			text[k++] = i + 2 < n ? digits[word & 63] : '=';
		}
		ASSERT_EQ((long)n, tmem_base64_decode(text, out, sizeof(out)));
		ASSERT_EQ(0, memcmp(in, out, n));
	}
}

FIXTURE(watch)
{
	struct tmem_watch w;
	char path[64];
};

FIXTURE_SETUP(watch)
{
	snprintf(self->path, sizeof(self->path), "/tmp/tmem-watch-%d",
		 (int)getpid());
	unlink(self->path);
	self->w.file.fd = -1;
}

FIXTURE_TEARDOWN(watch)
{
	tmem_watch_close(&self->w);
	unlink(self->path);
}

/* What poll() says of it, as the monitor's thread asks. */
static short polled(const struct tmem_watch *w)
{
	struct pollfd p = { .fd = w->file.fd, .events = w->events };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

TEST_F(watch, nothing_asked)
{
	EXPECT_EQ(0, tmem_watch_open(&self->w, NULL, NULL));
	EXPECT_FALSE(self->w.off);
	EXPECT_FALSE(self->w.asked);
	EXPECT_EQ(-1, self->w.file.fd);
}

TEST_F(watch, asked_not_to)
{
	EXPECT_EQ(0, tmem_watch_open(&self->w, "/dev/null", "Zm9v"));
	EXPECT_TRUE(self->w.off);
	EXPECT_EQ(-1, self->w.file.fd);
	EXPECT_EQ(0, tmem_watch_open(&self->w, "", NULL));
	EXPECT_TRUE(self->w.off);
}

TEST_F(watch, nonsense)
{
	EXPECT_EQ(-EINVAL, tmem_watch_open(&self->w, "here", NULL));
	EXPECT_EQ(-ENOENT, tmem_watch_open(&self->w, self->path, NULL));
	EXPECT_EQ(-EINVAL, tmem_watch_open(&self->w, "/tmp", NULL));
	EXPECT_EQ(-EINVAL, tmem_watch_open(&self->w, "/dev/zero", NULL));
	ASSERT_EQ(0, mkfifo(self->path, 0600));
	EXPECT_EQ(-EINVAL, tmem_watch_open(&self->w, self->path, "?"));
	EXPECT_EQ(-1, self->w.file.fd);
	EXPECT_TRUE(self->w.asked);
}

TEST_F(watch, fifo)
{
	int end;

	ASSERT_EQ(0, mkfifo(self->path, 0600));
	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path, "Zm9v"));
	EXPECT_EQ(POLLIN, self->w.events);
	/* What was to be written does not come back as an event. */
	EXPECT_EQ(0, polled(&self->w));
	end = open(self->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(end, 0);
	ASSERT_EQ(3, write(end, "abc", 3));
	EXPECT_TRUE(tmem_watch_fired(&self->w, polled(&self->w)));
	/* It was taken away: one event, not one for ever. */
	EXPECT_EQ(0, polled(&self->w));
	/* The manager goes, and comes back. */
	close(end);
	EXPECT_EQ(0, polled(&self->w));
	end = open(self->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_EQ(1, write(end, "d", 1));
	EXPECT_TRUE(tmem_watch_fired(&self->w, polled(&self->w)));
	close(end);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 2))
		return -1;
	return fd;
}

TEST_F(watch, socket)
{
	int listener = listen_at(self->path), end;
	char got[8] = "";

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path, "Zm9v"));
	end = accept(listener, NULL, NULL);
	ASSERT_GE(end, 0);
	ASSERT_EQ(3, read(end, got, sizeof(got)));
	EXPECT_STREQ("foo", got);
	ASSERT_EQ(1, write(end, "x", 1));
	EXPECT_TRUE(tmem_watch_fired(&self->w, polled(&self->w)));
	EXPECT_EQ(0, polled(&self->w));
	/* Its last word counts, and then it is not polled any more. */
	ASSERT_EQ(1, write(end, "y", 1));
	close(end);
	EXPECT_TRUE(tmem_watch_fired(&self->w, polled(&self->w)));
	EXPECT_EQ(-1, self->w.file.fd);
	close(listener);
	EXPECT_EQ(-ECONNREFUSED, tmem_watch_open(&self->w, self->path, NULL));
}

/* A peer that hangs up without a word says nothing. */
TEST_F(watch, socket_hangs_up)
{
	int listener = listen_at(self->path), end;

	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path, NULL));
	end = accept(listener, NULL, NULL);
	close(end);
	close(listener);
	EXPECT_FALSE(tmem_watch_fired(&self->w, polled(&self->w)));
	EXPECT_EQ(-1, self->w.file.fd);
}

/* However much is there, the call comes back. */
TEST_F(watch, socket_floods)
{
	static char rubbish[65536];
	int listener = listen_at(self->path), end, i;

	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path, NULL));
	end = accept(listener, NULL, NULL);
	ASSERT_EQ(0, fcntl(end, F_SETFL, O_NONBLOCK));
	for (i = 0; i < 100 && write(end, rubbish, sizeof(rubbish)) > 0; i++)
		;
	EXPECT_TRUE(tmem_watch_fired(&self->w, polled(&self->w)));
	EXPECT_GE(self->w.file.fd, 0);
	close(end);
	close(listener);
}

/* A regular file that is no PSI takes what is written, and is always quiet. */
TEST_F(watch, file)
{
	char got[32] = "";
	int fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path,
				     "c29tZSAyMDAwMDAgMjAwMDAwMAA="));
	EXPECT_EQ(POLLPRI, self->w.events);
	ASSERT_EQ(20, read(fd, got, sizeof(got)));
	EXPECT_STREQ("some 200000 2000000", got);
	EXPECT_FALSE(tmem_watch_fired(&self->w, polled(&self->w)));
	close(fd);
}

TEST_F(watch, the_kernels_own)
{
	int err;

	if (access("/proc/pressure/memory", W_OK))
		SKIP(return, "/proc/pressure/memory is not to be written");
	err = tmem_watch_open(&self->w, "/proc/pressure/memory",
			      "c29tZSAyMDAwMDAgMjAwMDAwMAA=");
	if (err == -EOPNOTSUPP || err == -EPERM || err == -EINVAL)
		SKIP(return, "this kernel gives no trigger: %d", err);
	ASSERT_EQ(0, err);
	EXPECT_EQ(POLLPRI, self->w.events);
	EXPECT_EQ(0, polled(&self->w) & ~POLLPRI);
	EXPECT_TRUE(tmem_watch_fired(&self->w, POLLPRI));
	EXPECT_GE(self->w.file.fd, 0);
	/* The group has gone: that is no event, and it will say so for ever. */
	EXPECT_FALSE(tmem_watch_fired(&self->w, POLLPRI | POLLERR));
	EXPECT_EQ(-1, self->w.file.fd);
}

/* Its number is another file's by now: forgotten, neither read nor closed. */
TEST_F(watch, a_number_that_is_not_ours)
{
	int theirs, ends[2];
	char byte = '?';

	ASSERT_EQ(0, mkfifo(self->path, 0600));
	ASSERT_EQ(0, tmem_watch_open(&self->w, self->path, NULL));
	theirs = self->w.file.fd;
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(1, write(ends[1], "!", 1));
	close(ends[1]);
	ASSERT_EQ(theirs, dup2(ends[0], theirs));
	EXPECT_FALSE(tmem_watch_fired(&self->w, POLLIN | POLLHUP));
	EXPECT_EQ(-1, self->w.file.fd);
	EXPECT_EQ(1, read(theirs, &byte, 1));
	EXPECT_EQ('!', byte);
	close(theirs);
	close(ends[0]);
}

TEST_HARNESS_MAIN
