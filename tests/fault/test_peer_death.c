/* SPDX-License-Identifier: MIT */
/* Peers that are killed at any moment: no wait for ever, no acknowledged message lost, and then the end. */
#include "traffic.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* What the child has done, where the host can see it after the child's death. */
struct account {
	size_t most;
	bool polled;
	atomic_uint begun, sent, received;
	char pad[64];
};

static struct account *new_account(void)
{
	struct account *account = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(account != MAP_FAILED);
	return account;
}

static size_t size_of(size_t most, unsigned number)
{
	uint64_t random = number;
	return traffic_below(&random, 4) ? traffic_below(&random, 100) : traffic_below(&random, most);
}

static int send_for_ever(brood_channel *channel, void *context)
{
	struct account *account = context;
	for (unsigned i = 0;; i++) {
		atomic_store(&account->begun, i + 1);
		GIVES(traffic_send(channel, size_of(account->most, i), i), 0);
		atomic_store(&account->sent, i + 1);
	}
	return 0;
}

static int receive_for_ever(brood_channel *channel, void *context)
{
	struct account *account = context;
	for (unsigned i = 0;; i++) {
		traffic_expect(channel, size_of(account->most, i), i);
		atomic_store(&account->received, i + 1);
	}
	return 0;
}

/* Both at once. */
static int do_both(brood_channel *channel, void *context)
{
	struct account *account = context;
	for (unsigned i = 0;; i++) {
		atomic_store(&account->begun, i + 1);
		GIVES(traffic_send(channel, size_of(account->most, i), i), 0);
		atomic_store(&account->sent, i + 1);
		traffic_expect(channel, size_of(account->most, i), i);
		atomic_store(&account->received, i + 1);
	}
	return 0;
}

/* Killed by a timer of its own, so that it falls anywhere. */
static brood_process_fn *victim;

static int timed_child(brood_channel *channel, void *context)
{
	uint64_t random = (uint64_t)getpid();
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value.tv_nsec = 1 + (long)(traffic_below(&random, 3000000) * traffic_slow())};
	MUST(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	MUST(!timer_settime(timer, 0, &when, NULL));
	return victim(channel, context);
}

static brood_channel *start(brood_process_fn *function, struct account *account)
{
	brood_channel *channel;
	victim = function;
	atomic_store(&account->begun, 0);
	atomic_store(&account->sent, 0);
	atomic_store(&account->received, 0);
	GIVES(brood_start(&channel, timed_child, account), 0);
	if (account->polled)
		MUST(brood_channel_fd(channel) >= 0);
	return channel;
}

static void finish(brood_channel *channel)
{
	struct brood_status status;
	GIVES(brood_wait(channel, support_scale(10), &status), 0);
	GIVES(status.signal, SIGKILL);
	brood_channel_free(channel);
}

/* All that the child knows to have been received has been, in order, and at most one more; then the end stays. */
static void receive_all(brood_channel *channel, const struct account *account, unsigned received)
{
	struct brood_message message;
	int result;
	for (;;) {
		/* After an error, which the caller may have seen, there is no descriptor any more. */
		if (account->polled && brood_channel_fd(channel) >= 0)
			MUST(traffic_readable(brood_channel_fd(channel), support_scale(10)));
		result = brood_receive(channel, &message);
		if (result != 1)
			break;
		MUST(message.body.size == size_of(account->most, received) && traffic_matches(message.body, received));
		received++;
	}
	MUST(result == 0 || result == -ECONNRESET);
	GIVES(brood_receive(channel, &message), result);
	MUST(received >= atomic_load(&account->sent) && received <= atomic_load(&account->begun));
	MUST(brood_send(channel, "", 1) < 0);
}

static void run(void (*once)(struct account *), unsigned small, unsigned large)
{
	struct account *account = new_account();
	for (unsigned i = 0; i < traffic_rounds(small); i++) {
		account->most = 300;
		account->polled = i % 2;
		once(account);
	}
	for (unsigned i = 0; i < traffic_rounds(large); i++) {
		account->most = 3 << 20;
		account->polled = i % 2;
		once(account);
	}
	munmap(account, sizeof *account);
}

static void receive_once(struct account *account)
{
	brood_channel *channel = start(send_for_ever, account);
	receive_all(channel, account, 0);
	finish(channel);
}

static void send_once(struct account *account)
{
	brood_channel *channel = start(receive_for_ever, account);
	unsigned sent = 0;
	int result;
	while (!(result = traffic_send(channel, size_of(account->most, sent), sent)))
		sent++;
	GIVES(result, -EPIPE);
	/* What brood_send said to be received has been, as far as the child came to say so. */
	unsigned received = atomic_load(&account->received);
	MUST(received == sent || received + 1 == sent);
	struct brood_message message;
	GIVES(brood_receive(channel, &message), 0);
	finish(channel);
}

static void do_both_once(struct account *account)
{
	brood_channel *channel = start(do_both, account);
	unsigned sent = 0, received = 0;
	while (!traffic_send(channel, size_of(account->most, sent), sent)) {
		struct brood_message message;
		sent++;
		if (brood_receive(channel, &message) != 1)
			break;
		MUST(message.body.size == size_of(account->most, received) && traffic_matches(message.body, received));
		received++;
	}
	receive_all(channel, account, received);
	finish(channel);
}

/* The host sends, and receives nothing until the child is gone: what the child sent has been put by. */
static int send_then_receive(brood_channel *channel, void *context)
{
	struct account *account = context;
	for (unsigned i = 0;; i++) {
		atomic_store(&account->begun, i + 1);
		GIVES(traffic_send(channel, size_of(account->most, i), i), 0);
		atomic_store(&account->sent, i + 1);
	}
	return 0;
}

static void put_by_once(struct account *account)
{
	brood_channel *channel = start(send_then_receive, account);
	unsigned sent = 0;
	int result;
	while (!(result = traffic_send(channel, size_of(account->most, sent), sent)) && sent < 2000)
		sent++;
	if (result)
		GIVES(result, -EPIPE);
	receive_all(channel, account, 0);
	finish(channel);
}

START_TEST(test_while_it_sends)
{
	run(receive_once, 200, 150);
}
END_TEST

START_TEST(test_while_it_receives)
{
	run(send_once, 200, 150);
}
END_TEST

START_TEST(test_while_both)
{
	run(do_both_once, 200, 150);
}
END_TEST

START_TEST(test_while_put_by)
{
	run(put_by_once, 100, 50);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("peer death");
	TCase *tests = support_case(suite, "death", 40);
	tcase_add_test(tests, test_while_it_sends);
	tcase_add_test(tests, test_while_it_receives);
	tcase_add_test(tests, test_while_both);
	tcase_add_test(tests, test_while_put_by);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
