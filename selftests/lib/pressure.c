// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/pressure.h says, on the real module: the level is the same
 * by every way that there is, a change of it reaches all who wait, waits do not
 * end before their time, lists show an arena as it is and to those only who may see it, pools
 * are sized by root only.  Without the module: that everything says so.
 *
 * Needs TMEM_BACKEND=dev and root, as in the VM; elsewhere most is skipped.
 */
#include "pressure_knobs.h"
#include "task_state.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

FIXTURE(module)
{
	struct tmem_pressure *p;
	struct tmem_netlink *n;
	struct knobs knobs;
};

static const char *why_not(void)
{
	if (lt_backend() != TMEM_BACKEND_DEV)
		return "TMEM_BACKEND is not dev";
	if (access("/dev/tmem", R_OK | W_OK))
		return "/dev/tmem cannot be opened";
	return geteuid() ? "not root" : NULL;
}

FIXTURE_SETUP(module)
{
	memset(self, 0, sizeof(*self));
	if (why_not())
		SKIP(return, "%s", why_not());
	ASSERT_EQ(0, tmem_pressure_open(&self->p));
	ASSERT_EQ(0, tmem_netlink_open(&self->n));
	ASSERT_TRUE(knobs_save(&self->knobs));
}

FIXTURE_TEARDOWN(module)
{
	if (!self->p)
		return;
	EXPECT_TRUE(knobs_restore(&self->knobs));
	tmem_netlink_close(self->n);
	tmem_pressure_close(self->p);
}

TEST(no_module)
{
	struct tmem_pressure *p = NULL;
	struct tmem_netlink *n = NULL;

	if (!access("/sys/module/tmem", F_OK) || !access("/dev/tmem", F_OK))
		SKIP(return, "the module is loaded");
	EXPECT_EQ(-ENODEV, tmem_pressure_open(&p));
	EXPECT_EQ(-ENODEV, tmem_netlink_open(&n));
	EXPECT_EQ(NULL, p);
	EXPECT_EQ(NULL, n);
}

/* --- the level, by every way ------------------------------------------------ */

static enum tmem_level level_of(const char *word)
{
	unsigned int level = 0;

	while (level < 4 &&
	       strcmp(word, tmem_level_name((enum tmem_level)level)))
		level++;
	return (enum tmem_level)level;
}

/* It may change between two looks: then look again. */
TEST_F(module, all_agree)
{
	struct tmem_pressure_event e = { 0 };
	struct tmem_status status = { 0 };
	enum tmem_level level;
	char word[32] = "";
	int i;

	for (i = 0; i < 10; i++) {
		level = tmem_pressure_level(self->p);
		ASSERT_LT(0, tmem_pressure_snapshot(self->p, &status,
						    sizeof(status)));
		ASSERT_EQ(0, tmem_netlink_pressure(self->n, &e));
		ASSERT_TRUE(knob_read("pressure/level", word, sizeof(word)));
		if (level == tmem_pressure_level(self->p))
			break;
	}
	EXPECT_EQ(level, status.level);
	EXPECT_EQ(level, e.level);
	EXPECT_EQ(level, e.previous);
	EXPECT_EQ(level, level_of(word));
	EXPECT_EQ(status.changes, e.changes);
	EXPECT_EQ(status.psi_on, e.psi_on);
	EXPECT_EQ(status.since, e.time);
	EXPECT_GE(status.total, e.available);
	EXPECT_LT(0U, e.available);
	EXPECT_GE(10000U, e.use);
	EXPECT_TRUE(knob_read("pressure/psi", word, sizeof(word)));
	EXPECT_STREQ(e.psi_on ? "on" : "off", word);
}

TEST_F(module, snapshot_has_the_nodes)
{
	union {
		struct tmem_status status;
		char bytes[65536];
	} *got = malloc(sizeof(*got));
	uint64_t total = 0, pool = 0;
	uint32_t i;
	int n;

	ASSERT_NE(NULL, got);
	n = tmem_pressure_snapshot(self->p, &got->status, sizeof(*got));
	ASSERT_LT(0, n);
	EXPECT_EQ(got->status.size, (uint32_t)n);
	EXPECT_EQ(sizeof(got->status) +
			  got->status.nr_nodes * sizeof(got->status.nodes[0]),
		  (size_t)n);
	for (i = 0; i < got->status.nr_nodes; i++) {
		total += got->status.nodes[i].total;
		pool += got->status.nodes[i].pool;
		EXPECT_LE(got->status.nodes[i].free,
			  got->status.nodes[i].total);
	}
	EXPECT_EQ(got->status.total, total);
	EXPECT_EQ(got->status.pool, pool);
	EXPECT_EQ(0U, got->status.seq % 2);
	free(got);
}

TEST_F(module, wait_times_out)
{
	struct tmem_pressure_event heard;
	struct tmem_event event;
	uint64_t from;
	int got;

	EXPECT_EQ(-EINVAL, tmem_netlink_wait(self->n, 0, &heard));
	EXPECT_EQ(-EINVAL, tmem_netlink_fd(self->n));
	ASSERT_EQ(0, tmem_netlink_subscribe(self->n));
	EXPECT_EQ(-EALREADY, tmem_netlink_subscribe(self->n));
	EXPECT_TRUE(fcntl(tmem_netlink_fd(self->n), F_GETFD) & FD_CLOEXEC);
	/* An event that comes by itself is none of this test's. */
	do {
		from = pace_now_ns();
		got = tmem_pressure_wait(self->p, 50, &event);
	} while (got == 1);
	EXPECT_EQ(0, got);
	EXPECT_LE(50000000U, pace_now_ns() - from);
	do {
		from = pace_now_ns();
		got = tmem_netlink_wait(self->n, 50, &heard);
	} while (got == 1);
	EXPECT_EQ(0, got);
	EXPECT_LE(50000000U, pace_now_ns() - from);
}

/* --- events ----------------------------------------------------------------- */

#define HANG (PACE_HANG_S / 2 * 1000) /* ms */

/*
 * The level is low, by orders, and everything about it has been read: a write
 * to a knob returns when the events of the look that it caused are there.
 */
static bool calm_down(struct tmem_pressure *p, struct tmem_netlink *n)
{
	struct tmem_pressure_event heard;
	struct tmem_event event;

	if (!PACE_UNTIL(knobs_calm() &&
			tmem_pressure_level(p) == TMEM_LEVEL_LOW))
		return false;
	while (tmem_pressure_wait(p, 0, &event) == 1)
		;
	while (n && tmem_netlink_wait(n, 0, &heard) == 1)
		;
	return true;
}

TEST_F(module, change_reaches_all)
{
	struct tmem_pressure_event heard = { 0 };
	struct tmem_event event = { 0 };
	struct pollfd fds[2];
	struct tmem_status status;
	uint64_t changes;

	ASSERT_EQ(0, tmem_netlink_subscribe(self->n));
	if (!calm_down(self->p, self->n))
		SKIP(return, "the level does not become low here");
	ASSERT_LT(0, tmem_pressure_snapshot(self->p, &status, sizeof(status)));
	changes = status.changes;
	fds[0] = (struct pollfd){ .fd = tmem_pressure_fd(self->p),
				  .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = tmem_netlink_fd(self->n),
				  .events = POLLIN };
	EXPECT_EQ(0, poll(fds, 2, 0));

	ASSERT_TRUE(knobs_alarm());
	EXPECT_EQ(1, poll(&fds[0], 1, HANG));
	EXPECT_EQ(1, poll(&fds[1], 1, HANG));
	ASSERT_EQ(1, tmem_pressure_wait(self->p, HANG, &event));
	EXPECT_EQ((uint32_t)TMEM_EVENT_LEVEL, event.type);
	EXPECT_LE((uint32_t)TMEM_LEVEL_MEDIUM, event.level);
	EXPECT_LE(1U, event.count);
	EXPECT_EQ(0U, event.cookie);
	ASSERT_EQ(1, tmem_netlink_wait(self->n, HANG, &heard));
	EXPECT_LE(TMEM_LEVEL_MEDIUM, heard.level);
	EXPECT_EQ(TMEM_LEVEL_LOW, heard.previous);
	EXPECT_EQ(changes + 1, heard.changes);
	EXPECT_LE(TMEM_LEVEL_MEDIUM, tmem_pressure_level(self->p));
	ASSERT_LT(0, tmem_pressure_snapshot(self->p, &status, sizeof(status)));
	EXPECT_LE(changes + 1, status.changes);
}

/* Once the thread that waits for it sleeps. */
static void *alarm_later(void *arg)
{
	bool sleeps = PACE_UNTIL(task_state(*(pid_t *)arg) == 'S');

	return knobs_alarm() && sleeps ? NULL : arg;
}

TEST_F(module, wait_for_a_level)
{
	pid_t waiter = gettid();
	pthread_t thread;
	void *failed;

	if (!calm_down(self->p, NULL))
		SKIP(return, "the level does not become low here");
	EXPECT_EQ(1, tmem_pressure_wait_level(self->p, TMEM_LEVEL_LOW, 0));
	EXPECT_EQ(0, tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, alarm_later, &waiter));
	EXPECT_EQ(1,
		  tmem_pressure_wait_level(self->p, TMEM_LEVEL_MEDIUM, HANG));
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
}

/* A listener with little room is told that it missed some, and goes on. */
TEST_F(module, lost_events_are_said)
{
	struct tmem_pressure_event heard;
	bool lost = false;
	int small = 1, i, got;

	ASSERT_EQ(0, tmem_netlink_subscribe(self->n));
	if (!calm_down(self->p, self->n))
		SKIP(return, "the level does not become low here");
	ASSERT_EQ(0, setsockopt(tmem_netlink_fd(self->n), SOL_SOCKET, SO_RCVBUF,
				&small, sizeof(small)));
	for (i = 0; i < 12; i++) {
		ASSERT_TRUE(knobs_alarm());
		ASSERT_EQ(1, tmem_pressure_wait_level(self->p,
						      TMEM_LEVEL_MEDIUM, HANG));
		if (!calm_down(self->p, NULL))
			SKIP(return, "the level stays up by itself");
	}
	do {
		got = tmem_netlink_wait(self->n, 0, &heard);
		lost |= got == -ENOBUFS;
	} while (got == 1 || got == -ENOBUFS);
	EXPECT_EQ(0, got);
	EXPECT_TRUE(lost);
	ASSERT_TRUE(knobs_alarm());
	EXPECT_EQ(1, tmem_netlink_wait(self->n, HANG, &heard));
}

TEST_F(module, triggers)
{
	static const char wish[] = "some 500000 2000000";
	int fd = open("/proc/pressure/memory", O_RDWR | O_CLOEXEC), ends[2];

	if (fd < 0 || write(fd, wish, sizeof(wish)) < 0)
		SKIP(return, "the kernel counts no stalls (no PSI)");
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-EINVAL, tmem_pressure_add_trigger(self->p, ends[0], 5));
	EXPECT_EQ(-EBADF, tmem_pressure_add_trigger(self->p, -1, 5));
	EXPECT_EQ(0, tmem_pressure_add_trigger(self->p, fd, 5));
	EXPECT_EQ(-EEXIST, tmem_pressure_add_trigger(self->p, fd, 5));
	close(fd);
	EXPECT_EQ(-ENOENT, tmem_pressure_remove_trigger(self->p, 6));
	EXPECT_EQ(0, tmem_pressure_remove_trigger(self->p, 5));
	EXPECT_EQ(-ENOENT, tmem_pressure_remove_trigger(self->p, 5));
}

/*
 * The module goes while somebody listens.  A netlink handle does not hold it;
 * the device's would.  It comes back from where the VM has it.
 */
#define MODULE_FILE "/lib/modules/tmem.ko"

TEST_F(module, removal_is_heard)
{
	struct tmem_pressure_event heard;
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC), waited, asked, back;

	if (fd < 0)
		SKIP(return, "no " MODULE_FILE " to load again");
	ASSERT_EQ(0, tmem_netlink_subscribe(self->n));
	tmem_pressure_close(self->p);
	self->p = NULL;
	if (syscall(SYS_delete_module, "tmem", O_NONBLOCK))
		SKIP(return, "the module is in use: %s", strerror(errno));
	do {
		waited = tmem_netlink_wait(self->n, HANG, &heard);
	} while (waited == 1);
	asked = tmem_netlink_pressure(self->n, &heard);
	back = (int)syscall(SYS_finit_module, fd, "", 0);
	EXPECT_EQ(-ENODEV, waited);
	EXPECT_EQ(-ENODEV, asked);
	EXPECT_EQ(-ENODEV, tmem_netlink_wait(self->n, 0, &heard));
	EXPECT_EQ(0, back);
	tmem_netlink_close(self->n);
}

TEST_HARNESS_MAIN
