// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/pressure.h says of lists and pools, on the real module: an
 * arena is listed as it is, to its user and to root only; a list can be ended
 * anywhere and any length of it arrives whole; pools are sized by root only,
 * and what is wrong is said in words.
 *
 * Needs TMEM_BACKEND=dev and root, as in the VM; elsewhere only the kernel's
 * own controller is there to be asked.
 */
#include "lib_test.h"

#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/tmem.h>

#include "pressure/netlink_socket.h"

#define SPANS 8
#define NOBODY 65534

/* --- the way of asking, without the module ----------------------------------- */

static int count_families(const struct nlmsghdr *nlh, void *data)
{
	struct tmem_nl_family family;
	int *left = data;

	if (tmem_nl_parse_family(nlh, "notify", &family))
		return -EPROTO;
	return --*left ? 0 : 88;
}

static int ask_controller(struct mnl_socket *socket, const char *name,
			  int stop_at, struct tmem_nl_answer *answer)
{
	static char buffer[TMEM_NL_ANSWER_BYTES] __attribute__((aligned(8)));
	static uint32_t seq;
	struct tmem_nl_request request;
	struct nlmsghdr *nlh = tmem_nl_begin(&request, GENL_ID_CTRL,
					     CTRL_CMD_GETFAMILY, 1,
					     name ? NLM_F_ACK : NLM_F_DUMP);

	*answer = (struct tmem_nl_answer){
		.type = GENL_ID_CTRL,
		.message = count_families,
		.data = &stop_at,
	};
	nlh->nlmsg_seq = ++seq;
	if (name)
		mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	return tmem_nl_ask(socket, nlh, answer, buffer);
}

TEST(controller)
{
	struct tmem_nl_answer answer;
	struct mnl_socket *socket;
	char byte[4];
	int i;

	if (tmem_nl_open(&socket))
		SKIP(return, "no generic netlink here");
	EXPECT_TRUE(fcntl(mnl_socket_get_fd(socket), F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(-EAGAIN, tmem_nl_receive(socket, byte, sizeof(byte)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, ask_controller(socket, NULL, 0, &answer));
		EXPECT_EQ(0, answer.stopped);
		/* Ended early: nothing of it is left for the next. */
		EXPECT_EQ(0, ask_controller(socket, NULL, 1, &answer));
		EXPECT_EQ(88, answer.stopped);
		EXPECT_EQ(0, ask_controller(socket, "nlctrl", 1, &answer));
		EXPECT_EQ(88, answer.stopped);
		EXPECT_EQ(-ENOENT,
			  ask_controller(socket, "tmem-none", 0, &answer));
		EXPECT_EQ(0, answer.stopped);
		EXPECT_EQ(-EAGAIN, tmem_nl_receive(socket, byte, sizeof(byte)));
	}
	mnl_socket_close(socket);
}

/* --- the module --------------------------------------------------------------- */

FIXTURE(netlink)
{
	struct tmem_netlink *n;
	struct lt_log log;
};

static const char *why_not(void)
{
	if (lt_backend() != TMEM_BACKEND_DEV)
		return "TMEM_BACKEND is not dev";
	if (access("/dev/tmem", R_OK | W_OK))
		return "/dev/tmem cannot be opened";
	return geteuid() ? "not root" : NULL;
}

FIXTURE_SETUP(netlink)
{
	self->n = NULL;
	if (why_not())
		SKIP(return, "%s", why_not());
	lt_listen(&self->log);
	ASSERT_EQ(0, tmem_netlink_open(&self->n));
}

FIXTURE_TEARDOWN(netlink)
{
	tmem_netlink_close(self->n);
}

static struct tmem_arena *make_arena(const char *name, uint32_t spans)
{
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;
	struct tmem_arena *a = NULL;

	config.size = spans * LT_SPAN;
	config.backend = TMEM_BACKEND_DEV;
	config.numa = TMEM_NUMA_INTERLEAVE;
	config.name = name;
	return tmem_arena_create(&config, &a) ? NULL : a;
}

/* --- arenas ----------------------------------------------------------------- */

struct search {
	const char *name;
	uint32_t pid;
	unsigned int found, all;
	struct tmem_arena_info info;
};

static int look(const struct tmem_arena_info *info, void *data)
{
	struct search *search = data;

	search->all++;
	if (strcmp(info->name, search->name) || info->pid != search->pid)
		return 0;
	search->found++;
	search->info = *info;
	return 0;
}

static struct search search_for(const char *name)
{
	return (struct search){ .name = name, .pid = (uint32_t)getpid() };
}

TEST_F(netlink, arena_as_it_is)
{
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;
	struct tmem_arena *a = make_arena("list-one", SPANS);
	struct search s = search_for("list-one");
	uint32_t purged = 0;

	ASSERT_NE(NULL, a);
	ASSERT_EQ(0, tmem_netlink_arenas(self->n, look, &s));
	ASSERT_EQ(1U, s.found);
	EXPECT_NE(0U, s.info.id);
	EXPECT_EQ(0U, s.info.uid);
	EXPECT_EQ((uint32_t)TMEM_POLICY_INTERLEAVE, s.info.policy);
	EXPECT_EQ(SPANS * LT_SPAN, s.info.size);
	EXPECT_EQ(0U, s.info.resident);
	EXPECT_EQ(0U, s.info.idle);
	EXPECT_EQ(0U, s.info.fills);

	ASSERT_NE(NULL, tmem_arena_map(a, NULL, 0, SPANS));
	ASSERT_EQ(0, tmem_arena_populate(a, 0, 5));
	tmem_arena_release(a, 1);
	tmem_arena_release(a, 3);
	tmem_arena_release(a, 7); /* which holds nothing */
	s = search_for("list-one");
	ASSERT_EQ(0, tmem_netlink_arenas(self->n, look, &s));
	ASSERT_EQ(1U, s.found);
	EXPECT_EQ(5 * LT_SPAN, s.info.resident);
	EXPECT_EQ(2 * LT_SPAN, s.info.idle);
	ASSERT_EQ(0, tmem_arena_usage(a, &usage));
	EXPECT_EQ(usage.fills, s.info.fills);
	EXPECT_EQ(usage.fills_pool, s.info.fills_pool);
	EXPECT_LE(s.info.fills_pool, s.info.fills);
	EXPECT_EQ(0U, usage.recalled);

	EXPECT_EQ(0, tmem_arena_purge(a, 0, SPANS, &purged));
	EXPECT_EQ(2U, purged);
	s = search_for("list-one");
	ASSERT_EQ(0, tmem_netlink_arenas(self->n, look, &s));
	EXPECT_EQ(2U, s.info.purged);
	EXPECT_EQ(0U, s.info.recalled);
	EXPECT_EQ(3 * LT_SPAN, s.info.resident);
	EXPECT_EQ(0U, s.info.idle);

	tmem_arena_destroy(a);
	s = search_for("list-one");
	ASSERT_EQ(0, tmem_netlink_arenas(self->n, look, &s));
	EXPECT_EQ(0U, s.found);
}

#define MANY 600 /* more than one datagram's worth */

struct stopper {
	struct tmem_netlink *n;
	unsigned int left;
	int nested;
};

static int stop_after(const struct tmem_arena_info *info, void *data)
{
	struct stopper *stopper = data;
	struct tmem_pressure_event event;

	stopper->nested = tmem_netlink_pressure(stopper->n, &event);
	return --stopper->left ? 0 : 77;
}

TEST_F(netlink, long_list)
{
	struct tmem_arena *arenas[MANY];
	struct stopper stopper = { .n = self->n };
	struct tmem_pressure_event event;
	struct search s = search_for("many");
	unsigned int i, stop;

	for (i = 0; i < MANY; i++) {
		arenas[i] = make_arena("many", 1);
		ASSERT_NE(NULL, arenas[i]);
	}
	EXPECT_EQ(0, tmem_netlink_arenas(self->n, look, &s));
	EXPECT_EQ(MANY, s.found);
	/* Ended anywhere, the handle is good for the next question. */
	for (stop = 1; stop <= MANY; stop += MANY / 3 - 1) {
		stopper.left = stop;
		EXPECT_EQ(77,
			  tmem_netlink_arenas(self->n, stop_after, &stopper));
		EXPECT_EQ(0U, stopper.left);
		EXPECT_EQ(-EBUSY, stopper.nested);
		EXPECT_EQ(0, tmem_netlink_pressure(self->n, &event));
	}
	for (i = 0; i < MANY; i++)
		tmem_arena_destroy(arenas[i]);
}

/* As another user: what root has is not seen, and root's handle is no help. */
static int as_nobody(void *arg)
{
	struct tmem_netlink *inherited = arg, *own;
	struct search s = search_for("roots");
	struct tmem_pressure_event event;
	int bad = 0;

	s.pid = (uint32_t)getppid();
	if (setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return 100;
	if (tmem_netlink_open(&own))
		return 101;
	bad |= tmem_netlink_arenas(own, look, &s) || s.all;
	bad |= (tmem_netlink_arenas(inherited, look, &s) || s.all) << 1;
	bad |= (tmem_netlink_pressure(own, &event) != 0) << 2;
	bad |= (tmem_netlink_pool_set(own, 0, 0, 0) != -EPERM) << 3;
	bad |= (tmem_netlink_pool_set(inherited, 0, 0, 0) != -EPERM) << 4;
	bad |= (tmem_netlink_subscribe(own) != 0) << 5;
	tmem_netlink_close(own);
	return bad;
}

TEST_F(netlink, others_see_nothing)
{
	struct tmem_arena *a = make_arena("roots", 1);
	int status;

	ASSERT_NE(NULL, a);
	status = lt_child(as_nobody, self->n);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	tmem_arena_destroy(a);
}

/* --- nodes ------------------------------------------------------------------ */

struct nodes {
	unsigned int count;
	struct tmem_node_info node[TMEM_NODES_MAX];
};

static int take_node(const struct tmem_node_info *info, void *data)
{
	struct nodes *nodes = data;

	if (nodes->count == TMEM_NODES_MAX)
		return -E2BIG;
	nodes->node[nodes->count++] = *info;
	return 0;
}

TEST_F(netlink, nodes_as_they_are)
{
	struct nodes before = { 0 }, after = { 0 };
	struct tmem_arena *a = make_arena("nodes", SPANS);
	uint64_t grown = 0;
	unsigned int i;

	ASSERT_NE(NULL, a);
	ASSERT_EQ(0, tmem_netlink_nodes(self->n, take_node, &before));
	ASSERT_LE(1U, before.count);
	ASSERT_NE(NULL, tmem_arena_map(a, NULL, 0, SPANS));
	ASSERT_EQ(0, tmem_arena_populate(a, 0, SPANS));
	ASSERT_EQ(0, tmem_netlink_nodes(self->n, take_node, &after));
	ASSERT_EQ(before.count, after.count);
	for (i = 0; i < after.count; i++) {
		grown += after.node[i].arenas - before.node[i].arenas;
		EXPECT_LT(0U, after.node[i].total);
		EXPECT_LE(after.node[i].free, after.node[i].total);
		EXPECT_LE(after.node[i].pool_low, after.node[i].pool_target);
		EXPECT_LE(after.node[i].pool, after.node[i].total / 2);
	}
	EXPECT_EQ(SPANS * LT_SPAN, grown);
	tmem_arena_destroy(a);
}

static struct tmem_node_info node_now(struct tmem_netlink *n, uint32_t node)
{
	struct nodes nodes = { 0 };
	unsigned int i;

	tmem_netlink_nodes(n, take_node, &nodes);
	for (i = 0; i < nodes.count; i++)
		if (nodes.node[i].node == node)
			return nodes.node[i];
	return (struct tmem_node_info){ .node = UINT32_MAX };
}

TEST_F(netlink, pool_set)
{
	struct tmem_node_info was = node_now(self->n, 0), now;

	ASSERT_EQ(0U, was.node);
	EXPECT_EQ(0,
		  tmem_netlink_pool_set(self->n, 0, 2 * LT_SPAN, 4 * LT_SPAN));
	now = node_now(self->n, 0);
	EXPECT_EQ(2 * LT_SPAN, now.pool_low);
	EXPECT_EQ(4 * LT_SPAN, now.pool_target);
	EXPECT_EQ(0, tmem_netlink_pool_set(self->n, 0, TMEM_POOL_KEEP,
					   3 * LT_SPAN));
	now = node_now(self->n, 0);
	EXPECT_EQ(2 * LT_SPAN, now.pool_low);
	EXPECT_EQ(3 * LT_SPAN, now.pool_target);
	EXPECT_EQ(0,
		  tmem_netlink_pool_set(self->n, 0, LT_SPAN, TMEM_POOL_KEEP));
	now = node_now(self->n, 0);
	EXPECT_EQ(LT_SPAN, now.pool_low);
	EXPECT_EQ(3 * LT_SPAN, now.pool_target);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	EXPECT_EQ(0, tmem_netlink_pool_set(self->n, 0, was.pool_low,
					   was.pool_target));
}

/* Refused, with the module's words in the log, and as it was. */
TEST_F(netlink, pool_set_wrong)
{
	struct tmem_node_info was = node_now(self->n, 0), now;
	const struct {
		uint32_t node;
		uint64_t low, target;
	} wrong[] = {
		{ 999, 0, LT_SPAN },
		{ UINT32_MAX, 0, LT_SPAN },
		{ 0, 2 * LT_SPAN, LT_SPAN },
		{ 0, 0, LT_SPAN + 4096 },
		{ 0, 1, LT_SPAN },
		{ 0, 0, was.total / LT_SPAN * LT_SPAN },
		{ 0, 0, UINT64_MAX - LT_SPAN + 1 },
		{ 0, TMEM_POOL_KEEP, TMEM_POOL_KEEP },
	};
	size_t i;

	ASSERT_EQ(0U, was.node);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		EXPECT_EQ(-EINVAL,
			  tmem_netlink_pool_set(self->n, wrong[i].node,
						wrong[i].low, wrong[i].target));
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_WARN, "says: "));
	}
	now = node_now(self->n, 0);
	EXPECT_EQ(was.pool_low, now.pool_low);
	EXPECT_EQ(was.pool_target, now.pool_target);
}

TEST_HARNESS_MAIN
