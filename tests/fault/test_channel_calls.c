/* SPDX-License-Identifier: MIT */
/* Each system call and allocation of channels and exchanges fails in turn: a clear answer, nothing left over, no hang. */
#include "traffic.h"

#include "faults.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNTOUCHED ((brood_channel *)0x5a5a)

/* A signal mask cannot fail to be set. */
static unsigned each(void (*scenario)(void *context), void *context)
{
	return faults_each_plan(scenario, context, &(const struct faults_plan){.except = "pthread_sigmask"});
}

/* An error that is said, and not a wrong answer. */
static bool clear(int result)
{
	return result == -ENOMEM || result == -EMFILE || result == -EAGAIN || result == -EPIPE || result == -ECONNRESET ||
	       result == -ENOSPC || result == -EINTR || result == -EPERM || result == -ENOBUFS || result == -ENOSYS ||
	       result == -EINVAL || result == -EIO;
}

static void expect(int result, int wanted)
{
	if (result != wanted && !(faults_failed() && clear(result)))
		ck_abort_msg("with %s failing: %d in place of %d", faults_failed() ? faults_failed() : "nothing", result, wanted);
}

/* Not the end, for as long as the peer is there. */
static int receive(brood_channel *channel, struct brood_message *message)
{
	memset(message, 0x5a, sizeof *message);
	struct brood_message before = *message;
	int result = brood_receive(channel, message);
	MUST(result == 1 || !memcmp(message, &before, sizeof before));
	return result;
}

static int echo_child(brood_channel *channel, void *context)
{
	struct brood_message message;
	(void)context;
	while (brood_receive(channel, &message) == 1) {
		if (message.body.size == 3)
			return brood_raise(channel, 3, "Three", "of %zu", message.body.size);
		if (brood_send(channel, message.body.data, message.body.size))
			return 1;
	}
	return 0;
}

static brood_channel *start(void)
{
	brood_channel *channel = UNTOUCHED;
	int result = brood_start(&channel, echo_child, NULL);
	expect(result, 0);
	if (!result)
		return channel;
	MUST(channel == UNTOUCHED);
	return NULL;
}

/* The child may be told so by the end alone, and by a kill if that failed too. */
static void finish(brood_channel *channel)
{
	int result = brood_close(channel);
	MUST(result == 0);
	struct brood_status status = {.pid = -1};
	result = brood_wait(channel, support_scale(2), &status);
	MUST(result == 0 || status.pid == -1);
	if (result) {
		expect(result, 0);
		brood_channel_kill(channel, SIGKILL);
		brood_wait(channel, support_scale(2), NULL);
	}
	brood_channel_free(channel);
	brood_reap();
}

static void converse(void *context)
{
	(void)context;
	struct brood_message message;
	brood_channel *channel = start();
	if (!channel)
		return;
	int result = 0;
	const size_t sizes[] = {10, 5000, 2 << 20};
	for (int i = 0; i < 3 && !result; i++) {
		result = traffic_send(channel, sizes[i], 1);
		expect(result, 0);
		if (result)
			break;
		if (i == 1)
			(void)brood_channel_fd(channel);
		result = receive(channel, &message);
		/* The echo itself may have failed on the other side, and the child ended. */
		if (result == 0 && faults_failed())
			break;
		expect(result, 1);
		if (result == 1)
			MUST(message.body.size == sizes[i] && traffic_matches(message.body, 1));
		result = result == 1 ? 0 : result;
	}
	finish(channel);
}

START_TEST(test_conversation)
{
	MUST(each(converse, NULL) > 10);
}
END_TEST

static void raise_and_receive(void *context)
{
	(void)context;
	struct brood_message message;
	brood_channel *channel = start();
	if (!channel)
		return;
	int result = brood_send(channel, "abc", 3);
	expect(result, 0);
	if (!result) {
		result = receive(channel, &message);
		if (result || !faults_failed())
			expect(result, 1);
		if (result == 1)
			MUST(message.failure && message.failure->code == 3 && !strcmp(message.failure->message, "of 3"));
	}
	finish(channel);
}

START_TEST(test_failure)
{
	MUST(each(raise_and_receive, NULL) > 10);
}
END_TEST

static void collect(void *context)
{
	brood_exchange *exchange = (brood_exchange *)UNTOUCHED;
	int result = brood_exchange_new(&exchange, *(unsigned *)context);
	expect(result, 0);
	if (result) {
		MUST(exchange == (brood_exchange *)UNTOUCHED);
		return;
	}
	unsigned sent = 0;
	for (int i = 0; i < 3; i++) {
		brood_channel *channel = start();
		if (!channel)
			continue;
		result = brood_exchange_add(exchange, channel);
		expect(result, 0);
		if (result) {
			finish(channel);
			continue;
		}
		sent += !brood_send(channel, "hello", 5);
	}
	double end = support_now() + support_scale(3);
	while (sent && brood_exchange_active(exchange, NULL, 0) && support_now() < end) {
		brood_channel *out = UNTOUCHED;
		struct brood_message message;
		result = brood_exchange_ready(exchange, &out, 1, support_scale(0.2));
		if (result != 1) {
			expect(result, 0);
			MUST(out == UNTOUCHED);
			/* Whom the failure hit, that one's echo does not come. */
			if (faults_failed())
				break;
			continue;
		}
		result = receive(out, &message);
		if (result || !faults_failed())
			expect(result, 1);
		if (result == 1)
			sent--;
		if (result <= 0)
			MUST(!brood_close(out));
	}
	MUST(faults_failed() || !sent);
	brood_exchange_free(exchange);
	MUST(!brood_waitall(support_scale(3)) || faults_failed());
	brood_waitall(support_scale(3));
}

START_TEST(test_exchange)
{
	for (unsigned flags = 0; flags <= BROOD_KEEP_OPEN; flags++)
		MUST(each(collect, &flags) > 20);
}
END_TEST

/* Both send, so that messages are put by, in one process, with threads' ends. */
static int put_by_child(brood_channel *channel, void *context)
{
	(void)context;
	for (unsigned i = 0; i < 6; i++)
		if (traffic_send(channel, i * 40, i))
			return 1;
	for (unsigned i = 0; i < 6; i++) {
		struct brood_message message;
		if (brood_receive(channel, &message) != 1)
			return 1;
	}
	return 0;
}

static void both_send(void *context)
{
	brood_channel *channel = UNTOUCHED;
	int result = brood_start(&channel, put_by_child, NULL);
	expect(result, 0);
	if (result)
		return;
	if (*(bool *)context)
		(void)brood_channel_fd(channel);
	for (unsigned i = 0; i < 6 && !result; i++) {
		result = traffic_send(channel, i * 40, i);
		expect(result, 0);
	}
	for (unsigned i = 0; i < 6 && !result; i++) {
		struct brood_message message;
		result = receive(channel, &message);
		if (!result && faults_failed())
			break;
		expect(result, 1);
		if (result == 1)
			MUST(message.body.size == i * 40 && traffic_matches(message.body, i));
		result = result == 1 ? 0 : result;
	}
	finish(channel);
}

START_TEST(test_both_send)
{
	for (int poll = 0; poll < 2; poll++) {
		bool polled = poll;
		MUST(each(both_send, &polled) > 10);
	}
}
END_TEST

static void pair(void *context)
{
	(void)context;
	brood_channel *one = UNTOUCHED, *two = UNTOUCHED;
	int result = brood_channel_pair(&one, &two);
	expect(result, 0);
	if (result) {
		MUST(one == UNTOUCHED && two == UNTOUCHED);
		return;
	}
	brood_channel_free(one);
	brood_channel_free(two);
}

START_TEST(test_pair)
{
	MUST(each(pair, NULL) > 4);
}
END_TEST

/* One byte at a time, where bytes go through descriptors at all. */
START_TEST(test_short)
{
	faults_short(1);
	faults_fail(0, 0);
	converse(NULL);
	faults_off();
	faults_short(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("channel calls");
	TCase *tests = support_case(suite, "calls", 60);
	tcase_add_test(tests, test_conversation);
	tcase_add_test(tests, test_failure);
	tcase_add_test(tests, test_exchange);
	tcase_add_test(tests, test_both_send);
	tcase_add_test(tests, test_pair);
	tcase_add_test(tests, test_short);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
