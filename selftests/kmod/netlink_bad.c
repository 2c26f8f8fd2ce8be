// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that messages which are wrong are refused and change nothing: unknown
 * commands and attributes, attributes of a wrong size, too short, cut off, or
 * twice; and that a family goes on to answer after thousands of random ones.
 */
#include "tmem_test_netlink.h"
#include "tmem_test_sysfs.h"

FIXTURE(bad)
{
	int dev;
	int node;
	int64_t low, target;
	struct kt_nl nl;
	struct kt_nl_msg m;
};

FIXTURE_SETUP(bad)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_nl_open(&self->nl));
	self->node = kt_node_last();
	self->low = kt_sysfs_node(self->node, "pool_low_bytes");
	self->target = kt_sysfs_node(self->node, "pool_target_bytes");
}

FIXTURE_TEARDOWN(bad)
{
	struct kt_nl_msg m;

	/* The family is as alive as before, nothing is changed. */
	kt_nl_begin(&m, self->nl.family, TMEM_CMD_PRESSURE_GET, NLM_F_ACK);
	EXPECT_EQ(0, kt_nl_ask(&self->nl, &m, NULL, NULL));
	EXPECT_EQ(self->low, kt_sysfs_node(self->node, "pool_low_bytes"));
	EXPECT_EQ(self->target, kt_sysfs_node(self->node, "pool_target_bytes"));
	kt_nl_close(&self->nl);
	close(self->dev);
}

static int ask(struct _test_data_bad *self)
{
	return kt_nl_ask(&self->nl, &self->m, NULL, NULL);
}

static void begin(struct _test_data_bad *self, uint8_t cmd, uint16_t flags)
{
	kt_nl_begin(&self->m, self->nl.family, cmd, flags);
}

/* A request that sets what is set already. */
static void begin_set(struct _test_data_bad *self)
{
	begin(self, TMEM_CMD_POOL_SET, NLM_F_ACK);
	kt_nl_put_u32(&self->m, TMEM_A_NODE_ID, (uint32_t)self->node);
}

TEST_F(bad, commands)
{
	for (unsigned int cmd = 0; cmd < 256; cmd++) {
		if (cmd >= TMEM_CMD_ARENA_GET && cmd <= TMEM_CMD_POOL_SET &&
		    cmd != TMEM_CMD_PRESSURE_NTF)
			continue;
		begin(self, (uint8_t)cmd, NLM_F_ACK);
		EXPECT_EQ(-EOPNOTSUPP, ask(self))
		{
			TH_LOG("command %u", cmd);
		}
		begin(self, (uint8_t)cmd, NLM_F_DUMP);
		EXPECT_EQ(-EOPNOTSUPP, ask(self));
	}
}

/* Lists that are not asked for as lists, and the other way round. */
TEST_F(bad, ways_of_asking)
{
	begin(self, TMEM_CMD_ARENA_GET, NLM_F_ACK);
	EXPECT_EQ(-EOPNOTSUPP, ask(self));
	begin(self, TMEM_CMD_NODE_GET, NLM_F_ACK);
	EXPECT_EQ(-EOPNOTSUPP, ask(self));
	begin(self, TMEM_CMD_PRESSURE_GET, NLM_F_DUMP);
	EXPECT_EQ(-EOPNOTSUPP, ask(self));
	begin(self, TMEM_CMD_POOL_SET, NLM_F_DUMP);
	EXPECT_EQ(-EOPNOTSUPP, ask(self));
}

/* An attribute of 4 bytes that the command does not know. */
static void unknown(struct __test_metadata *_metadata,
		    struct _test_data_bad *self, uint8_t cmd, uint16_t flags,
		    uint16_t type)
{
	begin(self, cmd, flags);
	if (cmd == TMEM_CMD_POOL_SET)
		kt_nl_put_u32(&self->m, TMEM_A_NODE_ID, (uint32_t)self->node);
	kt_nl_put_u32(&self->m, type, 1);
	EXPECT_EQ(-EINVAL, ask(self))
	{
		TH_LOG("command %u, attribute %u", cmd, type);
	}
}

TEST_F(bad, attributes)
{
	const uint16_t types[] = { TMEM_A_NODE_MAX + 1, TMEM_A_ARENA_MAX + 1,
				   100, 0x3fff };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		unknown(_metadata, self, TMEM_CMD_ARENA_GET, NLM_F_DUMP,
			types[i]);
		unknown(_metadata, self, TMEM_CMD_NODE_GET, NLM_F_DUMP,
			types[i]);
		unknown(_metadata, self, TMEM_CMD_PRESSURE_GET, NLM_F_ACK,
			types[i]);
		unknown(_metadata, self, TMEM_CMD_POOL_SET, NLM_F_ACK,
			types[i]);
	}
	/* Known, but not something that one may set. */
	unknown(_metadata, self, TMEM_CMD_POOL_SET, NLM_F_ACK,
		TMEM_A_NODE_OFF_NODE);
	begin_set(self);
	kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL, 0);
	EXPECT_GT(0, ask(self));
}

TEST_F(bad, sizes_of_attributes)
{
	const uint64_t zeroes[4] = { 0 };

	for (size_t len = 0; len <= sizeof(zeroes); len++) {
		begin(self, TMEM_CMD_POOL_SET, NLM_F_ACK);
		kt_nl_put(&self->m, TMEM_A_NODE_ID, zeroes, len);
		kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL_LOW, 1);
		/* Never 0: the value itself is wrong. */
		EXPECT_GT(0, ask(self));
		if (len == sizeof(uint64_t))
			continue;
		begin_set(self);
		kt_nl_put(&self->m, TMEM_A_NODE_POOL_TARGET, zeroes, len);
		EXPECT_GT(0, ask(self))
		{
			TH_LOG("%zu bytes", len);
		}
	}
}

TEST_F(bad, what_is_missing)
{
	begin(self, TMEM_CMD_POOL_SET, NLM_F_ACK);
	EXPECT_EQ(-EINVAL, ask(self));
	printf("# nothing: %s\n", self->nl.error);
	EXPECT_NE(0, self->nl.error[0]);
	begin(self, TMEM_CMD_POOL_SET, NLM_F_ACK);
	kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL_LOW, 0);
	EXPECT_EQ(-EINVAL, ask(self));
	printf("# no node: %s\n", self->nl.error);
	EXPECT_NE(0, self->nl.error[0]);
	begin_set(self);
	EXPECT_EQ(-EINVAL, ask(self));
	printf("# no value: %s\n", self->nl.error);
	EXPECT_NE(0, self->nl.error[0]);
}

TEST_F(bad, messages_cut_off)
{
	struct nlattr *a;

	/* Not even the family's own header. */
	begin(self, TMEM_CMD_PRESSURE_GET, NLM_F_ACK);
	for (uint32_t len = 0; len < GENL_HDRLEN; len++) {
		self->m.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
		EXPECT_EQ(-EINVAL, ask(self));
	}
	/* An attribute that says that it is longer than the message. */
	begin_set(self);
	a = (void *)(self->m.bytes + NLMSG_LENGTH(GENL_HDRLEN));
	a->nla_len = 64;
	EXPECT_EQ(-EINVAL, ask(self));
	a->nla_len = NLA_HDRLEN - 1;
	EXPECT_EQ(-EINVAL, ask(self));
	/* Bytes behind the last attribute. */
	begin_set(self);
	kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL_TARGET,
		      (uint64_t)self->target);
	self->m.h.nlmsg_len += 3;
	EXPECT_EQ(-EINVAL, ask(self));
}

/* Without a reservation: any answer, or none, but the family lives. */
TEST_F(bad, at_random)
{
	uint64_t seed = pace_seed();

	fcntl(self->nl.fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 4000; i++) {
		uint64_t r = kt_random(&seed);

		begin(self, (uint8_t)(r % 7), 0);
		if (r >> 8 & 1)
			self->m.h.nlmsg_flags |= NLM_F_ACK;
		if (r >> 9 & 1)
			self->m.h.nlmsg_flags |= NLM_F_DUMP;
		for (unsigned int k = 0; k < (r >> 16) % 5; k++) {
			uint64_t value[8] = { kt_random(&seed) };

			kt_nl_put(&self->m, (uint16_t)(kt_random(&seed) % 24),
				  value, kt_random(&seed) % sizeof(value));
		}
		/* A pool is never really set: the target is no whole span. */
		kt_nl_put_u64(&self->m, TMEM_A_NODE_POOL_TARGET, 1);
		kt_nl_send(&self->nl, &self->m);
		while (recv(self->nl.fd, self->nl.buf, sizeof(self->nl.buf),
			    0) > 0)
			;
	}
	fcntl(self->nl.fd, F_SETFL, 0);
	self->nl.seq += 100000; /* what still comes is not the answer */
}

TEST_HARNESS_MAIN
