/* SPDX-License-Identifier: MIT */
/* Exchanges: which of many channels can be received from now. */
#include "traffic.h"

#include "channel/channel.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static brood_exchange *new_exchange(unsigned flags)
{
	brood_exchange *exchange;
	GIVES(brood_exchange_new(&exchange, flags), 0);
	return exchange;
}

static brood_channel *start(brood_exchange *exchange, brood_process_fn *function, void *context)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, function, context), 0);
	if (exchange)
		GIVES(brood_exchange_add(exchange, channel), 0);
	return channel;
}

/* The next ready channel, which must come in time. */
static brood_channel *next_ready(brood_exchange *exchange)
{
	brood_channel *channel = NULL;
	double end = support_now() + support_scale(10);
	while (!brood_exchange_ready(exchange, &channel, 1, 1))
		MUST(support_now() < end);
	return channel;
}

/* Lets every channel end by itself. */
static void drain(brood_exchange *exchange)
{
	brood_channel *channel;
	double end = support_now() + support_scale(20);
	while (brood_exchange_active(exchange, NULL, 0)) {
		GIVES(brood_exchange_ready(exchange, &channel, 1, 1), 0);
		MUST(support_now() < end);
	}
}

static int wait_child(brood_channel *channel, void *context)
{
	struct brood_message message;
	(void)context;
	while (brood_receive(channel, &message) == 1)
		;
	return 3;
}

START_TEST(test_arguments)
{
	brood_exchange *exchange, *other;
	brood_channel *one, *two, *out;
	GIVES(brood_exchange_new(NULL, 0), -EINVAL);
	GIVES(brood_exchange_new(&exchange, 4), -EINVAL);
	exchange = new_exchange(0);
	other = new_exchange(BROOD_KEEP_OPEN);
	GIVES(brood_channel_pair(&one, &two), 0);
	GIVES(brood_exchange_add(NULL, one), -EINVAL);
	GIVES(brood_exchange_add(exchange, NULL), -EINVAL);
	GIVES(brood_exchange_remove(exchange, one), -ENOENT);
	GIVES(brood_exchange_add(exchange, one), 0);
	GIVES(brood_exchange_add(exchange, one), -EBUSY);
	GIVES(brood_exchange_add(other, one), -EBUSY);
	GIVES(brood_exchange_remove(other, one), -ENOENT);
	GIVES(brood_exchange_remove(NULL, one), -EINVAL);
	GIVES(brood_exchange_remove(exchange, NULL), -EINVAL);
	GIVES(brood_exchange_ready(NULL, &out, 1, 0), -EINVAL);
	GIVES(brood_exchange_ready(exchange, NULL, 1, 0), -EINVAL);
	GIVES(brood_exchange_ready(exchange, &out, 0, 0), -EINVAL);
	GIVES(brood_exchange_active(NULL, NULL, 0), 0);
	GIVES(brood_exchange_fd(NULL), -1);
	GIVES(brood_exchange_remove(exchange, one), 0);
	GIVES(brood_exchange_add(other, one), 0);
	GIVES(brood_close(two), 0);
	GIVES(brood_exchange_add(exchange, two), -EPIPE);
	brood_channel_free(two);
	brood_exchange_free(other);
	brood_exchange_free(exchange);
	brood_exchange_free(NULL);
}
END_TEST

START_TEST(test_time_limits)
{
	brood_exchange *exchange = new_exchange(0);
	brood_channel *one, *two, *out;
	/* Nothing is active: at once, whatever the limit. */
	double begin = support_now();
	GIVES(brood_exchange_ready(exchange, &out, 1, -1), 0);
	GIVES(brood_exchange_ready(exchange, &out, 1, 100), 0);
	MUST(support_now() - begin < support_scale(1));
	GIVES(brood_channel_pair(&one, &two), 0);
	GIVES(brood_exchange_add(exchange, one), 0);
	const double limits[] = {0.05, 0.3, 0.001};
	for (int i = 0; i < 3; i++) {
		begin = support_now();
		GIVES(brood_exchange_ready(exchange, &out, 1, limits[i]), 0);
		double took = support_now() - begin;
		MUST(took >= limits[i] && took < limits[i] + support_scale(0.1));
	}
	begin = support_now();
	GIVES(brood_exchange_ready(exchange, &out, 1, 0), 0);
	MUST(support_now() - begin < support_scale(0.02));
	/* Signals do not shorten a limit. */
	support_storm_start(0.002);
	begin = support_now();
	GIVES(brood_exchange_ready(exchange, &out, 1, 0.2), 0);
	MUST(support_now() - begin >= 0.2);
	support_storm_stop();
	brood_exchange_free(exchange);
	brood_channel_free(two);
}
END_TEST

/* It waits for ever, but not longer than until something comes. */
static int late_child(brood_channel *channel, void *context)
{
	support_sleep(*(double *)context);
	GIVES(traffic_send(channel, 9, 9), 0);
	return 0;
}

START_TEST(test_no_limit)
{
	double delay = 0.15;
	brood_exchange *exchange = new_exchange(0);
	brood_channel *channel = start(exchange, late_child, &delay), *out;
	double begin = support_now();
	GIVES(brood_exchange_ready(exchange, &out, 1, -1), 1);
	MUST(out == channel && support_now() - begin > 0.1);
	traffic_expect(channel, 9, 9);
	/* With the last one's end there is nothing to wait for. */
	begin = support_now();
	GIVES(brood_exchange_ready(exchange, &out, 1, 100), 0);
	MUST(support_now() - begin < support_scale(5));
	GIVES(brood_exchange_active(exchange, NULL, 0), 0);
	traffic_ended(channel, 0);
	GIVES(brood_channel_fd(channel), -1);
	brood_exchange_free(exchange);
}
END_TEST

/* Whatever a child did last comes before its end: a message that was whole when it was killed, too. */
static int write_and_die(brood_channel *channel, void *context)
{
	GIVES(traffic_send(channel, *(size_t *)context, 5), 0);
	kill(getpid(), SIGKILL);
	return 0;
}

START_TEST(test_last_message)
{
	brood_exchange *exchange = new_exchange(0);
	for (unsigned i = 0; i < traffic_rounds(60); i++) {
		size_t size = i % 2 ? 40 : 3 << 20;
		brood_channel *channel = start(exchange, write_and_die, &size);
		if (i % 3 == 0)
			support_sleep(0.002);
		MUST(next_ready(exchange) == channel);
		traffic_expect(channel, size, 5);
		drain(exchange);
		struct brood_status status;
		GIVES(brood_wait(channel, support_scale(5), &status), 0);
		GIVES(status.signal, SIGKILL);
		brood_channel_free(channel);
	}
	brood_exchange_free(exchange);
}
END_TEST

/* A peer that is killed while it sends, its message whole in memory, but nobody there to acknowledge it to. It sends
   once it is in the exchange: what had come before would be put by then, and acknowledged. */
static int announce_and_wait(brood_channel *channel, void *context)
{
	support_sleep(0.05);
	(void)traffic_send(channel, *(size_t *)context, 5);
	return 0;
}

START_TEST(test_killed_within_send)
{
	brood_exchange *exchange = new_exchange(0);
	brood_channel *out;
	size_t size = 40;
	brood_channel *channel = start(exchange, announce_and_wait, &size);
	MUST(next_ready(exchange) == channel);
	GIVES(brood_channel_kill(channel, SIGKILL), 0);
	GIVES(brood_wait(channel, -1, NULL), 0);
	GIVES(brood_exchange_ready(exchange, &out, 1, 1), 1);
	traffic_expect(channel, 40, 5);
	drain(exchange);
	brood_channel_free(channel);
	brood_exchange_free(exchange);
}
END_TEST

/* A message that is cut is no clean end, also when what came of it has been taken before, by a send or to make the
   descriptor tell. */
START_TEST(test_cut_message)
{
	char *data = calloc(1, 2 * LINE_CHUNK);
	for (int keep = 0; keep < 2; keep++) {
		brood_exchange *exchange = new_exchange(keep ? BROOD_KEEP_OPEN : 0);
		brood_channel *channel, *peer, *out;
		struct brood_message message;
		GIVES(brood_channel_pair(&channel, &peer), 0);
		line_announce(&peer->line, &(struct frame){.kind = FRAME_DATA, .length = 2 * LINE_CHUNK}, data);
		GIVES(brood_exchange_add(exchange, channel), 0);
		GIVES(channel->line.incoming.body.size, LINE_CHUNK);
		GIVES(brood_exchange_ready(exchange, &out, 1, 0), 0);
		GIVES(brood_close(peer), 0);
		GIVES(brood_exchange_ready(exchange, &out, 1, 1), 1);
		GIVES(brood_receive(channel, &message), -ECONNRESET);
		GIVES(brood_exchange_active(exchange, NULL, 0), 0);
		GIVES(brood_exchange_ready(exchange, &out, 1, -1), 0);
		brood_exchange_free(exchange);
		brood_channel_free(peer);
	}
	free(data);
}
END_TEST

static void *chatter(void *context)
{
	while (!brood_send(context, "again", 5))
		;
	return NULL;
}

/* Channels that are always ready do not hide another, even when one is asked for at a time. */
START_TEST(test_fair)
{
	traffic_ready_threads();
	enum { COUNT = 8 };
	brood_exchange *exchange = new_exchange(0);
	brood_channel *mine[COUNT], *theirs[COUNT], *out;
	pthread_t threads[COUNT];
	for (int i = 0; i < COUNT; i++) {
		GIVES(brood_channel_pair(&mine[i], &theirs[i]), 0);
		GIVES(brood_exchange_add(exchange, mine[i]), 0);
		MUST(!pthread_create(&threads[i], NULL, chatter, theirs[i]));
		MUST(traffic_readable(brood_channel_fd(mine[i]), support_scale(5)));
	}
	/* Only the last one is ever received from. */
	for (unsigned round = 0; round < traffic_rounds(500); round++) {
		MUST(traffic_readable(brood_channel_fd(mine[COUNT - 1]), support_scale(5)));
		int calls = 0;
		do {
			GIVES(brood_exchange_ready(exchange, &out, 1, 5), 1);
			MUST(++calls <= 2 * COUNT);
		} while (out != mine[COUNT - 1]);
		struct brood_message message;
		GIVES(brood_receive(out, &message), 1);
	}
	brood_exchange_free(exchange);
	for (int i = 0; i < COUNT; i++) {
		pthread_join(threads[i], NULL);
		brood_channel_free(theirs[i]);
	}
}
END_TEST

/* All that are ready come, once each, in any portions, while none is received from. */
START_TEST(test_portions)
{
	enum { COUNT = 10 };
	brood_exchange *exchange = new_exchange(0);
	brood_channel *mine[COUNT], *out[COUNT];
	double none = 0;
	for (int i = 0; i < COUNT; i++)
		mine[i] = start(exchange, late_child, &none);
	support_sleep(support_scale(0.1));
	unsigned seen[COUNT] = {0};
	for (int round = 0; round < COUNT; round++) {
		int count = brood_exchange_ready(exchange, out, 3, 5);
		GIVES(count, 3);
		for (int i = 0; i < count; i++)
			for (int who = 0; who < COUNT; who++)
				seen[who] += mine[who] == out[i];
	}
	for (int i = 0; i < COUNT; i++)
		GIVES(seen[i], 3);
	GIVES(brood_exchange_active(exchange, NULL, 0), COUNT);
	GIVES(brood_exchange_active(exchange, out, 4), COUNT);
	GIVES(brood_exchange_ready(exchange, out, COUNT, 5), COUNT);
	brood_exchange_free(exchange);
	GIVES(brood_waitall(support_scale(10)), 0);
}
END_TEST

/* A child that closed its channel but lives on blocks nobody, and its status comes when it ends. */
static int close_and_live(brood_channel *channel, void *context)
{
	brood_close(channel);
	support_sleep(*(double *)context);
	return 9;
}

START_TEST(test_lives_on)
{
	double delay = support_scale(0.3);
	brood_exchange *exchange = new_exchange(0);
	brood_channel *channel = start(exchange, close_and_live, &delay), *idle = start(exchange, wait_child, NULL), *out;
	double begin = support_now();
	while (brood_exchange_active(exchange, NULL, 0) > 1)
		GIVES(brood_exchange_ready(exchange, &out, 1, 0.01), 0);
	MUST(support_now() - begin < delay / 2);
	GIVES(brood_wait(channel, 0, NULL), -ETIMEDOUT);
	GIVES(brood_channel_fd(channel), -1);
	GIVES(brood_send(channel, "x", 1), -EPIPE);
	/* Waited for in the background: no zombie of it is left for long, with nobody asking for its status. */
	begin = support_now();
	int children = support_children();
	while (support_children() == children) {
		GIVES(brood_exchange_ready(exchange, &out, 1, 0.01), 0);
		MUST(support_now() - begin < support_scale(5));
	}
	struct brood_status status;
	GIVES(brood_wait(channel, 0, &status), 0);
	GIVES(status.exit_code, 9);
	GIVES(brood_close(idle), 0);
	GIVES(brood_exchange_active(exchange, NULL, 0), 0);
	traffic_ended(idle, 3);
	brood_exchange_free(exchange);
}
END_TEST

/* One that ends does not end the waiting for the others, and is given only where that was asked for. */
START_TEST(test_give_ended)
{
	for (int given = 0; given < 2; given++) {
		double delay = support_scale(0.2), none = 0;
		brood_exchange *exchange = new_exchange(given ? BROOD_GIVE_ENDED : 0);
		brood_channel *slow = start(exchange, late_child, &delay), *fast = start(exchange, late_child, &none);
		struct brood_message message;
		MUST(next_ready(exchange) == fast);
		traffic_expect(fast, 9, 9);
		if (given) {
			MUST(next_ready(exchange) == fast);
			GIVES(brood_receive(fast, &message), 0);
			GIVES(brood_exchange_active(exchange, NULL, 0), 1);
		}
		brood_channel *out;
		GIVES(brood_exchange_ready(exchange, &out, 1, support_scale(10)), 1);
		MUST(out == slow);
		traffic_expect(slow, 9, 9);
		GIVES(brood_exchange_ready(exchange, &out, 1, support_scale(10)), given);
		MUST(!given || out == slow);
		GIVES(brood_exchange_ready(exchange, &out, 1, support_scale(10)), 0);
		brood_exchange_free(exchange);
		GIVES(brood_waitall(support_scale(5)), 0);
	}
}
END_TEST

START_TEST(test_keep_open)
{
	double none = 0;
	brood_exchange *exchange = new_exchange(BROOD_KEEP_OPEN);
	brood_channel *channel = start(exchange, late_child, &none);
	struct brood_message message;
	MUST(next_ready(exchange) == channel);
	traffic_expect(channel, 9, 9);
	drain(exchange);
	MUST(brood_channel_fd(channel) >= 0);
	GIVES(brood_receive(channel, &message), 0);
	traffic_ended(channel, 0);
	GIVES(brood_exchange_remove(exchange, channel), 0);
	GIVES(brood_exchange_remove(exchange, channel), -ENOENT);
	GIVES(brood_exchange_add(exchange, channel), 0);
	GIVES(brood_exchange_active(exchange, NULL, 0), 1);
	drain(exchange);
	GIVES(brood_close(channel), 0);
	brood_exchange_free(exchange);
}
END_TEST

/* Removed and added again, closed, freed: in every order, and what stays goes on. */
START_TEST(test_coming_and_going)
{
	traffic_ready_threads();
	enum { COUNT = 12 };
	uint64_t random = 7;
	brood_exchange *exchange = new_exchange(0);
	brood_channel *mine[COUNT], *theirs[COUNT], *out[COUNT];
	bool inside[COUNT], open[COUNT], waiting[COUNT] = {0};
	pthread_t threads[COUNT];
	for (int i = 0; i < COUNT; i++) {
		GIVES(brood_channel_pair(&mine[i], &theirs[i]), 0);
		inside[i] = false;
		open[i] = true;
	}
	for (unsigned round = 0; round < traffic_rounds(4000); round++) {
		size_t i = traffic_below(&random, COUNT), expected = 0;
		switch (traffic_below(&random, 6)) {
		case 0:
			if (!inside[i])
				GIVES(brood_exchange_add(exchange, mine[i]), open[i] ? 0 : -EPIPE);
			inside[i] |= open[i];
			break;
		case 1:
			GIVES(brood_exchange_remove(exchange, mine[i]), inside[i] ? 0 : -ENOENT);
			inside[i] = false;
			break;
		case 2:
			if (open[i] && !waiting[i])
				MUST(!pthread_create(&threads[i], NULL, chatter, theirs[i]));
			waiting[i] |= open[i];
			break;
		case 3:
			if (traffic_below(&random, 10))
				break;
			GIVES(brood_close(mine[i]), 0);
			open[i] = false;
			break;
		case 4:
			if (open[i])
				break;
			if (waiting[i])
				pthread_join(threads[i], NULL);
			brood_channel_free(mine[i]);
			brood_channel_free(theirs[i]);
			GIVES(brood_channel_pair(&mine[i], &theirs[i]), 0);
			inside[i] = waiting[i] = false;
			open[i] = true;
			break;
		default:
			for (int count = brood_exchange_ready(exchange, out, 1 + (size_t)i, 0); count > 0; count--) {
				struct brood_message message;
				GIVES(brood_receive(out[count - 1], &message), 1);
			}
		}
		for (size_t k = 0; k < COUNT; k++)
			expected += inside[k] && open[k];
		GIVES(brood_exchange_active(exchange, out, COUNT), expected);
	}
	for (int i = 0; i < COUNT; i++) {
		brood_close(mine[i]);
		if (waiting[i])
			pthread_join(threads[i], NULL);
		brood_channel_free(theirs[i]);
		if (!inside[i])
			brood_channel_free(mine[i]);
	}
	brood_exchange_free(exchange);
}
END_TEST

/* One descriptor for another event loop: readable if and only if there is something to do. */
START_TEST(test_foreign_loop)
{
	brood_exchange *exchange = new_exchange(0);
	brood_channel *channels[4], *out[4];
	struct brood_message message;
	double delay[4];
	int loop = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	MUST(!epoll_ctl(loop, EPOLL_CTL_ADD, brood_exchange_fd(exchange), &event));
	for (int i = 0; i < 4; i++) {
		delay[i] = 0.05 * i;
		channels[i] = start(exchange, late_child, &delay[i]);
	}
	unsigned received = 0;
	while (brood_exchange_active(exchange, NULL, 0)) {
		GIVES(epoll_wait(loop, &event, 1, 10000), 1);
		int count = brood_exchange_ready(exchange, out, 4, 0);
		MUST(count >= 0);
		for (int i = 0; i < count; i++, received++)
			GIVES(brood_receive(out[i], &message), 1);
	}
	GIVES(received, 4);
	GIVES(epoll_wait(loop, &event, 1, 20), 0);
	for (int i = 0; i < 4; i++)
		traffic_ended(channels[i], 0);
	close(loop);
	brood_exchange_free(exchange);
}
END_TEST

/* After a fork the child's copies are nobody's: they answer so, and can be freed. */
START_TEST(test_after_fork)
{
	brood_exchange *exchange = new_exchange(0);
	brood_channel *channel = start(exchange, wait_child, NULL), *out = NULL;
	pid_t pid = fork();
	MUST(pid >= 0);
	if (!pid) {
		MUST(brood_exchange_ready(exchange, &out, 1, 0) == -EPERM && !out);
		MUST(brood_exchange_add(exchange, channel) == -EPERM);
		MUST(brood_exchange_remove(exchange, channel) == -EPERM);
		MUST(brood_exchange_active(exchange, NULL, 0) == 0);
		MUST(brood_exchange_fd(exchange) == -1);
		brood_exchange_free(exchange);
		brood_channel_free(channel);
		_exit(0);
	}
	support_join_ok(pid, 10);
	GIVES(brood_exchange_ready(exchange, &out, 1, 0), 0);
	GIVES(brood_exchange_active(exchange, NULL, 0), 1);
	brood_exchange_free(exchange);
	GIVES(brood_waitall(support_scale(10)), 0);
}
END_TEST

static void *send_to_all(void *context)
{
	brood_channel **theirs = context;
	while (*theirs)
		GIVES(brood_send(*theirs++, &theirs, sizeof theirs), 0);
	return NULL;
}

START_TEST(test_ten_thousand)
{
	traffic_ready_threads();
	size_t count = traffic_slow() < 10 ? 10000 : 500;
	struct rlimit limit, higher = {.rlim_cur = 30000, .rlim_max = 30000};
	if (setrlimit(RLIMIT_NOFILE, &higher)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		/* Each channel takes two, since both ends are here. */
		if (count > (limit.rlim_cur - 100) / 2)
			count = (limit.rlim_cur - 100) / 2;
		if (count < 9000 && traffic_slow() < 10)
			support_skip("only %lu descriptors may be open", (unsigned long)limit.rlim_cur);
	}
	brood_exchange *exchange = new_exchange(0);
	brood_channel **mine = calloc(count, sizeof *mine), **theirs = calloc(count + 1, sizeof *theirs), *out[64];
	pthread_t thread;
	for (size_t i = 0; i < count; i++) {
		GIVES(brood_channel_pair(&mine[i], &theirs[i]), 0);
		GIVES(brood_exchange_add(exchange, mine[i]), 0);
	}
	GIVES(brood_exchange_active(exchange, NULL, 0), count);
	MUST(!pthread_create(&thread, NULL, send_to_all, theirs));
	for (size_t received = 0; received < count;) {
		int ready = brood_exchange_ready(exchange, out, 64, support_scale(10));
		MUST(ready > 0);
		for (int i = 0; i < ready; i++, received++) {
			struct brood_message message;
			MUST(brood_receive(out[i], &message) == 1 && message.body.size == sizeof theirs);
		}
	}
	pthread_join(thread, NULL);
	GIVES(brood_exchange_ready(exchange, out, 64, 0), 0);
	for (size_t i = 0; i < count; i++)
		brood_channel_free(theirs[i]);
	drain(exchange);
	brood_exchange_free(exchange);
	free(mine);
	free(theirs);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tests = support_case(suite, "exchange", 20);
	tcase_add_test(tests, test_arguments);
	tcase_add_test(tests, test_time_limits);
	tcase_add_test(tests, test_no_limit);
	tcase_add_test(tests, test_last_message);
	tcase_add_test(tests, test_killed_within_send);
	tcase_add_test(tests, test_cut_message);
	tcase_add_test(tests, test_fair);
	tcase_add_test(tests, test_portions);
	tcase_add_test(tests, test_lives_on);
	tcase_add_test(tests, test_give_ended);
	tcase_add_test(tests, test_keep_open);
	tcase_add_test(tests, test_coming_and_going);
	tcase_add_test(tests, test_foreign_loop);
	tcase_add_test(tests, test_after_fork);
	tcase_add_test(tests, test_ten_thousand);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
