/* SPDX-License-Identifier: MIT */
/* Two sides that send at once: both complete, and nothing is lost. */
#include "traffic.h"

#include <errno.h>
#include <unistd.h>

/* What one side does: sends so many of a size, then receives as many. */
struct burst {
	unsigned count;
	size_t size;
	bool polled;
};

static void do_burst(brood_channel *channel, const struct burst *burst, uint64_t mine, uint64_t peers)
{
	if (burst->polled)
		MUST(brood_channel_fd(channel) >= 0);
	for (unsigned i = 0; i < burst->count; i++)
		GIVES(traffic_send(channel, burst->size, mine + i), 0);
	for (unsigned i = 0; i < burst->count; i++)
		traffic_expect(channel, burst->size, peers + i);
}

static int burst_child(brood_channel *channel, void *context)
{
	do_burst(channel, context, 1, 1000000);
	return 0;
}

static void run_burst(struct burst burst)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, burst_child, &burst), 0);
	do_burst(channel, &burst, 1000000, 1);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}

START_TEST(test_one_each)
{
	for (unsigned i = 0; i < traffic_rounds(100); i++)
		run_burst((struct burst){.count = 1, .size = i % 150, .polled = i % 2});
}
END_TEST

/* Far more than a socket's buffer has room for single bytes. */
START_TEST(test_many_in_a_row)
{
	for (int polled = 0; polled < 2; polled++)
		for (unsigned cores = 2; cores > 0; cores--)
			if (traffic_pin(cores))
				run_burst((struct burst){.count = traffic_rounds(5000), .size = 8, .polled = polled});
}
END_TEST

START_TEST(test_large_both_ways)
{
	run_burst((struct burst){.count = 2, .size = (size_t)(64u << 20) / traffic_slow()});
	run_burst((struct burst){.count = 2, .size = (size_t)(64u << 20) / traffic_slow(), .polled = true});
}
END_TEST

/* One side is within one huge message while the other sends thousands of small ones. */
static int small_child(brood_channel *channel, void *context)
{
	const struct burst *burst = context;
	if (burst->polled)
		MUST(brood_channel_fd(channel) >= 0);
	for (unsigned i = 0; i < burst->count; i++)
		GIVES(traffic_send(channel, 8, i), 0);
	traffic_expect(channel, burst->size, 7);
	return 0;
}

START_TEST(test_large_against_small)
{
	for (int polled = 0; polled < 2; polled++) {
		struct burst burst = {.count = traffic_rounds(5000), .size = 32u << 20, .polled = polled};
		brood_channel *channel;
		GIVES(brood_start(&channel, small_child, &burst), 0);
		if (polled)
			MUST(brood_channel_fd(channel) >= 0);
		GIVES(traffic_send(channel, burst.size, 7), 0);
		for (unsigned i = 0; i < burst.count; i++)
			traffic_expect(channel, 8, i);
		traffic_ended(channel, 0);
		brood_channel_free(channel);
	}
}
END_TEST

/* A view of a received message stays what it was while this side sends, and puts by what comes. */
static int view_child(brood_channel *channel, void *context)
{
	(void)context;
	for (unsigned i = 0; i < 100; i++)
		GIVES(traffic_send(channel, 5000, i), 0);
	for (unsigned i = 0; i < 99; i++)
		traffic_expect(channel, 70000, i);
	return 0;
}

START_TEST(test_view_while_sending)
{
	brood_channel *channel;
	struct brood_message message;
	GIVES(brood_start(&channel, view_child, NULL), 0);
	GIVES(brood_receive(channel, &message), 1);
	for (unsigned i = 0; i < 99; i++) {
		GIVES(traffic_send(channel, 70000, i), 0);
		MUST(message.body.size == 5000 && traffic_matches(message.body, 0));
	}
	for (unsigned i = 1; i < 100; i++)
		traffic_expect(channel, 5000, i);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}
END_TEST

/*
 * Both only send, for ever. One of them is told that there is no room, or that the other has left; then each still
 * receives all that it put by: what the other side's successful sends add up to.
 */
static unsigned send_until_refused(brood_channel *channel, int *error)
{
	unsigned count = 0;
	while (!(*error = brood_send(channel, &count, sizeof count)))
		count++;
	return count;
}

static unsigned count_put_by(brood_channel *channel)
{
	struct brood_message message;
	unsigned count = 0, number;
	while (brood_receive(channel, &message) == 1) {
		MUST(message.body.size == sizeof number);
		memcpy(&number, message.body.data, sizeof number);
		GIVES(number, count);
		count++;
	}
	return count;
}

struct account {
	unsigned sent, received;
	int error;
};

static int refused_child(brood_channel *channel, void *context)
{
	struct account account;
	account.sent = send_until_refused(channel, &account.error);
	account.received = count_put_by(channel);
	MUST(write(*(int *)context, &account, sizeof account) == (ssize_t)sizeof account);
	return 0;
}

START_TEST(test_no_room)
{
	int pipes[2];
	struct account mine, theirs;
	brood_channel *channel;
	MUST(!pipe(pipes));
	GIVES(brood_start(&channel, refused_child, &pipes[1]), 0);
	mine.sent = send_until_refused(channel, &mine.error);
	mine.received = count_put_by(channel);
	MUST(read(pipes[0], &theirs, sizeof theirs) == (ssize_t)sizeof theirs);
	MUST(mine.error == -ENOBUFS || mine.error == -EPIPE);
	MUST(theirs.error == -ENOBUFS || theirs.error == -EPIPE);
	MUST(mine.error == -ENOBUFS || theirs.error == -ENOBUFS);
	/* The message whose send found no room may have been put by on the other side at that very time. */
	MUST(mine.received == theirs.sent || (theirs.error == -ENOBUFS && mine.received == theirs.sent + 1));
	MUST(theirs.received == mine.sent || (mine.error == -ENOBUFS && theirs.received == mine.sent + 1));
	MUST(mine.received >= 65536 || theirs.received >= 65536);
	/* The answer stays. */
	GIVES(brood_send(channel, "", 1), mine.error);
	struct brood_message message, untouched;
	memset(&message, 0x5a, sizeof message);
	untouched = message;
	GIVES(brood_receive(channel, &message), mine.error == -ENOBUFS ? -ENOBUFS : 0);
	MUST(!memcmp(&message, &untouched, sizeof message));
	traffic_ended(channel, 0);
	brood_channel_free(channel);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

/* Failures among the messages keep their place. */
static void send_mixed(brood_channel *channel, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (i % 3 == 1)
			GIVES(brood_raise(channel, (int)i, "Odd", "the %uth", i), i);
		else
			GIVES(traffic_send(channel, i * 37 % 3000, i), 0);
}

static void expect_mixed(brood_channel *channel, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i % 3 != 1) {
			traffic_expect(channel, i * 37 % 3000, i);
			continue;
		}
		struct brood_message message;
		char text[32];
		snprintf(text, sizeof text, "the %uth", i);
		GIVES(brood_receive(channel, &message), 1);
		MUST(message.failure && !message.body.size);
		ck_assert_str_eq(message.failure->type, "Odd");
		ck_assert_str_eq(message.failure->message, text);
		GIVES(message.failure->code, i);
	}
}

static int mixed_child(brood_channel *channel, void *context)
{
	unsigned count = *(unsigned *)context;
	send_mixed(channel, count);
	expect_mixed(channel, count);
	return 0;
}

START_TEST(test_mixed_with_failures)
{
	unsigned count = traffic_rounds(400);
	brood_channel *channel;
	GIVES(brood_start(&channel, mixed_child, &count), 0);
	send_mixed(channel, count);
	expect_mixed(channel, count);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("both send");
	TCase *tests = support_case(suite, "both", 20);
	tcase_add_test(tests, test_one_each);
	tcase_add_test(tests, test_many_in_a_row);
	tcase_add_test(tests, test_large_both_ways);
	tcase_add_test(tests, test_large_against_small);
	tcase_add_test(tests, test_view_while_sending);
	tcase_add_test(tests, test_no_room);
	tcase_add_test(tests, test_mixed_with_failures);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
