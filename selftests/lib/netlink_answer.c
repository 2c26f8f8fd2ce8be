// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the library finds the end of an answer to a netlink request: its
 * own among others', whole, ended early, and with the error that it tells, in
 * numbers and in words.  No kernel is needed.
 */
#include "netlink_message.h"

struct count {
	unsigned int calls, stop_at;
};

static int count_message(const struct nlmsghdr *nlh, void *data)
{
	struct count *count = data;

	return ++count->calls == count->stop_at ? 55 : 0;
}

static struct tmem_nl_answer answer_for(struct count *count)
{
	return (struct tmem_nl_answer){
		.seq = 7,
		.portid = 1234,
		.type = FAMILY,
		.message = count_message,
		.data = count,
	};
}

/* A message of that type behind what is there; its number, if it ends. */
static size_t add(union room *room, size_t at, uint16_t type, int number)
{
	struct nlmsghdr *nlh = begin((union room *)&room->bytes[at], 0);
	int *payload = mnl_nlmsg_get_payload(nlh);

	nlh->nlmsg_type = type;
	*payload = number;
	return at + NLMSG_ALIGN(nlh->nlmsg_len);
}

static struct nlmsghdr *at(union room *room, size_t offset)
{
	return (struct nlmsghdr *)&room->bytes[offset];
}

TEST(answer_of_several)
{
	struct count count = { 0 };
	struct tmem_nl_answer answer = answer_for(&count);
	union room room;
	size_t first, n;

	first = add(&room, 0, FAMILY, 0);
	n = add(&room, first, FAMILY, 0);
	EXPECT_FALSE(tmem_nl_answered(&answer, &room, n));
	EXPECT_EQ(2U, count.calls);
	/* Cut short: the part that is whole counts. */
	EXPECT_FALSE(tmem_nl_answered(&answer, &room, n - 4));
	EXPECT_EQ(3U, count.calls);
	n = add(&room, n, NLMSG_DONE, 0);
	EXPECT_TRUE(tmem_nl_answered(&answer, &room, n));
	EXPECT_EQ(5U, count.calls);
	EXPECT_EQ(0, answer.err);
}

TEST(answer_stopped)
{
	struct count count = { .stop_at = 2 };
	struct tmem_nl_answer answer = answer_for(&count);
	union room room;
	size_t n = 0, i;

	for (i = 0; i < 5; i++)
		n = add(&room, n, FAMILY, 0);
	n = add(&room, n, NLMSG_DONE, 0);
	EXPECT_TRUE(tmem_nl_answered(&answer, &room, n));
	EXPECT_EQ(2U, count.calls);
	EXPECT_EQ(55, answer.stopped);
}

/* An old answer, another's, another family's: not ours. */
TEST(answer_of_others)
{
	struct count count = { 0 };
	struct tmem_nl_answer answer = answer_for(&count);
	size_t a, b, c, n;
	union room room;

	a = add(&room, 0, FAMILY + 1, 0);
	b = add(&room, a, FAMILY, 0);
	c = add(&room, b, NLMSG_DONE, -5);
	n = add(&room, c, NLMSG_ERROR, -5);
	at(&room, a)->nlmsg_seq = 6;
	at(&room, b)->nlmsg_seq = 8;
	at(&room, c)->nlmsg_pid = 1;
	EXPECT_FALSE(tmem_nl_answered(&answer, &room, n));
	EXPECT_EQ(0U, count.calls);
	EXPECT_EQ(0, answer.err);
}

TEST(answer_of_one_number)
{
	static const struct {
		int number, err;
	} numbers[] = {
		{ 0, 0 },
		{ -EPERM, -EPERM },
		{ -4095, -4095 },
		{ 1, -EPROTO },
		{ -4096, -EPROTO },
		{ INT_MIN, -EPROTO },
		{ INT_MAX, -EPROTO },
	};
	struct tmem_nl_answer answer;
	union room room;
	size_t n, i;

	for (i = 0; i < 2 * sizeof(numbers) / sizeof(numbers[0]); i++) {
		n = add(&room, 0, i % 2 ? NLMSG_DONE : NLMSG_ERROR,
			numbers[i / 2].number);
		answer = answer_for(NULL);
		EXPECT_TRUE(tmem_nl_answered(&answer, &room, n));
		EXPECT_EQ(numbers[i / 2].err, answer.err);
	}
	/* An error without a number, a list's end without one. */
	room.nlh.nlmsg_len = NLMSG_HDRLEN;
	room.nlh.nlmsg_type = NLMSG_ERROR;
	answer = answer_for(NULL);
	EXPECT_TRUE(tmem_nl_answered(&answer, &room, NLMSG_HDRLEN));
	EXPECT_EQ(-EPROTO, answer.err);
	room.nlh.nlmsg_type = NLMSG_DONE;
	answer = answer_for(NULL);
	EXPECT_TRUE(tmem_nl_answered(&answer, &room, NLMSG_HDRLEN));
	EXPECT_EQ(0, answer.err);
}

TEST(errors_in_words)
{
	struct tmem_nl_answer answer;
	unsigned int capped;
	union room room;
	size_t words;

	for (capped = 0; capped < 2; capped++) {
		for (words = 0; words < 300; words++) {
			put_error(&room, capped, words);
			answer = answer_for(NULL);
			ASSERT_TRUE(tmem_nl_answered(&answer, &room,
						     room.nlh.nlmsg_len));
			ASSERT_EQ(-EINVAL, answer.err);
			ASSERT_EQ(words < 127 ? words : 127,
				  strlen(answer.why));
		}
	}
}

TEST_HARNESS_MAIN
