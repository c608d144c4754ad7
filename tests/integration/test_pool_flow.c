/* SPDX-License-Identifier: MIT */
/* brood_pool_stream: items pulled from a source, and records pushed to a sink. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum { COUNT = 5000, NEVER = -1 };

struct flow {
	brood_pool *pool;
	pthread_t thread;
	uint64_t number; /* the item that was pulled last; its bytes are used anew for each */
	int pulled, pushed, total;
	int give_up_pull, give_up_push, use_pull, cancel_pull; /* at which of them to do so; NEVER */
	int canceled, aborted;
	bool ordered;
	bool *seen;
};

static void must_be_busy(struct flow *flow)
{
	struct brood_result result;
	ck_assert_int_eq(brood_pool_process(flow->pool, NULL, 1), -EBUSY);
	ck_assert_int_eq(brood_pool_process_array(flow->pool, NULL, 0, 1), -EBUSY);
	ck_assert_int_eq(brood_pool_submit(flow->pool, (struct brood_bytes){0}), -EBUSY);
	ck_assert_int_eq(brood_pool_next(flow->pool, &result, 0), -EBUSY);
	ck_assert_int_eq(brood_pool_spawn(flow->pool, 1), -EBUSY);
	ck_assert_int_eq(brood_pool_cleanup(flow->pool), -EBUSY);
}

static int pull(void *context, struct brood_bytes *item)
{
	struct flow *flow = context;
	ck_assert(pthread_equal(flow->thread, pthread_self()));
	if (flow->use_pull == flow->pulled)
		must_be_busy(flow);
	if (flow->cancel_pull == flow->pulled)
		ck_assert_int_eq(brood_pool_cancel(flow->pool), 0);
	if (flow->give_up_pull == flow->pulled)
		return -1234;
	if (flow->pulled == flow->total)
		return 0;
	flow->number = ~(uint64_t)flow->pulled++;
	*item = (struct brood_bytes){&flow->number, sizeof flow->number};
	return 1;
}

static int push(void *context, const struct brood_result *result)
{
	struct flow *flow = context;
	ck_assert(pthread_equal(flow->thread, pthread_self()));
	ck_assert_int_lt(flow->pushed, flow->pulled);
	if (flow->use_pull == flow->pushed)
		must_be_busy(flow);
	uint64_t number;
	ck_assert_uint_eq(result->item.size, sizeof number);
	memcpy(&number, result->item.data, sizeof number);
	size_t place = (size_t)~number;
	ck_assert_uint_lt(place, COUNT);
	ck_assert(!flow->seen[place]);
	flow->seen[place] = true;
	if (flow->ordered)
		ck_assert_int_eq((int)place, flow->pushed);
	if (result->outcome == BROOD_CANCELED)
		flow->canceled++;
	else if (result->outcome == BROOD_ABORT)
		flow->aborted++;
	else
		value_is(*result, number);
	return flow->pushed++ == flow->give_up_push ? -4321 : 0;
}

static struct flow begin_flow(brood_pool *pool, bool *seen)
{
	memset(seen, 0, COUNT * sizeof *seen);
	return (struct flow){.pool = pool, .thread = pthread_self(), .total = COUNT, .give_up_pull = NEVER, .give_up_push = NEVER,
		.use_pull = NEVER, .cancel_pull = NEVER, .seen = seen};
}

static bool seen[COUNT];

START_TEST(each_item_is_pushed_once)
{
	static const size_t windows[] = {0, 1, 2, 64};
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .window = windows[_i % 4],
				     .flags = _i / 4 ? BROOD_ORDERED : 0));
	struct flow flow = begin_flow(pool, seen);
	flow.ordered = _i / 4;
	flow.use_pull = 100;
	flow.total = windows[_i % 4] && windows[_i % 4] < 64 ? 500 : COUNT;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pulled, flow.total);
	ck_assert_int_eq(flow.pushed, flow.total);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	/* And again; and none at all. */
	flow = begin_flow(pool, seen);
	flow.total = 10;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pushed, 10);
	flow = begin_flow(pool, seen);
	flow.total = 0;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pushed, 0);
	brood_pool_free(pool);
}
END_TEST

/* The first of the items below a hundred takes long, so that something is under way. */
static int take_time(brood_task *task, void *context)
{
	if (brood_index(task) % 100 == 0)
		support_sleep(0.003);
	return reply_item(task, context);
}

/* Of what was canceled no record is pushed; and the pool can be used as before. */
START_TEST(giving_up_cancels_the_rest)
{
	static const int at[] = {0, 1, 150, 1500};
	brood_pool *pool = pool_with(take_time, NULL, BROOD_OPTIONS(.workers = 2, .window = 256, .grace = -1));
	for (int round = 0; round < 3; round++) {
		bool source = (_i / 4 + round) % 2;
		struct flow flow = begin_flow(pool, seen);
		*(source ? &flow.give_up_pull : &flow.give_up_push) = at[_i % 4];
		ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), source ? -1234 : -4321);
		ck_assert_int_eq(flow.canceled, 0);
		ck_assert_int_eq(source ? flow.pulled : flow.pushed, source ? at[_i % 4] : at[_i % 4] + 1);
		struct brood_result result;
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 0);
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), 0);
		ck_assert_int_eq(pool_record(pool, 3 * (size_t)round).outcome, BROOD_SUCCESS);
	}
	brood_pool_free(pool);
}
END_TEST

/* Nothing more is pulled, and what has been has its record. */
START_TEST(cancel_ends_the_stream)
{
	brood_pool *pool = pool_with(take_time, NULL, BROOD_OPTIONS(.workers = 2, .window = 512, .grace = -1));
	struct flow flow = begin_flow(pool, seen);
	flow.cancel_pull = 2000;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), -ECANCELED);
	ck_assert_int_eq(flow.pulled, 2001);
	ck_assert_int_eq(flow.pushed, 2001);
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 0);
	flow = begin_flow(pool, seen);
	flow.total = 100;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pushed, 100);
	ck_assert_int_eq(flow.canceled, 0);
	brood_pool_free(pool);
}
END_TEST

struct last {
	brood_pool *pool;
	int pulled, canceled;
};

/* The second item comes with a cancel, and would take for ever. */
static int pull_last(void *context, struct brood_bytes *item)
{
	struct last *last = context;
	if (last->pulled++)
		ck_assert_int_eq(brood_pool_cancel(last->pool), 0);
	*item = (struct brood_bytes){"", 1};
	return last->pulled <= 2;
}

static int push_last(void *context, const struct brood_result *result)
{
	struct last *last = context;
	last->canceled += result->outcome == BROOD_CANCELED;
	return 0;
}

static int wait_for_ever(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	for (;;)
		pause();
	return 0;
}

START_TEST(what_the_source_gives_with_a_cancel_is_canceled)
{
	struct last last = {.pool = pool_with(wait_for_ever, NULL, BROOD_OPTIONS(.workers = 2, .grace = -1))};
	ck_assert_int_eq(brood_pool_stream(last.pool, pull_last, push_last, &last), -ECANCELED);
	ck_assert_int_eq(last.pulled, 2);
	ck_assert_int_eq(last.canceled, 2);
	brood_pool_free(last.pool);
}
END_TEST

static brood_pool *alarmed;

static void cancel_alarmed(int number)
{
	(void)number;
	brood_pool_cancel(alarmed);
}

static int wait_long(brood_task *task, void *context)
{
	(void)context;
	if (brood_index(task) > 20)
		sleep(1000);
	return reply_item(task, context);
}

START_TEST(cancel_from_a_handler_ends_the_stream)
{
	alarmed = pool_with(wait_long, NULL, BROOD_OPTIONS(.workers = 2, .window = 64, .grace = -1));
	struct flow flow = begin_flow(alarmed, seen);
	signal(SIGALRM, cancel_alarmed);
	const struct itimerval soon = {.it_value.tv_usec = 50000};
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	ck_assert_int_eq(brood_pool_stream(alarmed, pull, push, &flow), -ECANCELED);
	ck_assert_int_lt(flow.pulled, COUNT);
	ck_assert_int_eq(flow.pushed, flow.pulled);
	ck_assert_int_ge(flow.canceled, 2);
	brood_pool_free(alarmed);
}
END_TEST

START_TEST(stream_while_results_are_left_is_ebusy)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2));
	struct flow flow = begin_flow(pool, seen);
	struct brood_result result;
	ck_assert_int_eq(brood_pool_submit(pool, bytes_of("x")), 0);
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), -EBUSY);
	ck_assert_int_eq(flow.pulled, 0);
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pushed, COUNT);
	brood_pool_free(pool);
}
END_TEST

static int die_often(brood_task *task, void *context)
{
	if (brood_index(task) % 50 == 5)
		raise(SIGKILL);
	return reply_item(task, context);
}

START_TEST(records_of_items_that_ended_badly_are_pushed)
{
	brood_pool *pool = pool_with(die_often, NULL, BROOD_OPTIONS(.workers = 2, .window = 128));
	struct flow flow = begin_flow(pool, seen);
	flow.total = 1000;
	ck_assert_int_eq(brood_pool_stream(pool, pull, push, &flow), 0);
	ck_assert_int_eq(flow.pushed, 1000);
	ck_assert_int_eq(flow.aborted, 1000 / 50);
	brood_pool_free(pool);
}
END_TEST

static int too_large(void *context, struct brood_bytes *item)
{
	static const char data[101];
	*item = (struct brood_bytes){data, (*(int *)context)++ < 5 ? 100 : 101};
	return 1;
}

static int count_push(void *context, const struct brood_result *result)
{
	(void)context;
	return result->outcome == BROOD_SUCCESS ? 0 : -77;
}

START_TEST(item_that_is_too_large_ends_the_stream)
{
	int pulled = 0;
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1, .window_bytes = 100));
	ck_assert_int_eq(brood_pool_stream(pool, too_large, count_push, &pulled), -EMSGSIZE);
	ck_assert_int_eq(pulled, 6);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	brood_pool_free(pool);
}
END_TEST

static int sink_that_refuses(void *context, const struct brood_result *result)
{
	(void)context, (void)result;
	return -ETIMEDOUT;
}

static int source_that_refuses(void *context, struct brood_bytes *item)
{
	(void)context, (void)item;
	return -EAGAIN;
}

/* Whatever number it is. */
START_TEST(giving_up_returns_the_number_that_was_said)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1));
	struct flow flow = begin_flow(pool, seen);
	ck_assert_int_eq(brood_pool_stream(pool, pull, sink_that_refuses, &flow), -ETIMEDOUT);
	flow = begin_flow(pool, seen);
	ck_assert_int_eq(brood_pool_stream(pool, source_that_refuses, push, &flow), -EAGAIN);
	ck_assert_int_eq(flow.pushed, 0);
	brood_pool_free(pool);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool flow");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_loop_test(all, each_item_is_pushed_once, 0, 8);
	tcase_add_loop_test(all, giving_up_cancels_the_rest, 0, 8);
	tcase_add_test(all, cancel_ends_the_stream);
	tcase_add_test(all, cancel_from_a_handler_ends_the_stream);
	tcase_add_test(all, what_the_source_gives_with_a_cancel_is_canceled);
	tcase_add_test(all, stream_while_results_are_left_is_ebusy);
	tcase_add_test(all, records_of_items_that_ended_badly_are_pushed);
	tcase_add_test(all, item_that_is_too_large_ends_the_stream);
	tcase_add_test(all, giving_up_returns_the_number_that_was_said);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
