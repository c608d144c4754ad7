/* SPDX-License-Identifier: MIT */
/* Time limits and further attempts. */
#include "pool.h"

#include <signal.h>
#include <stdatomic.h>

/* --- time ---------------------------------------------------------------------------------------------------------- */

enum habit { SPINS, SLEEPS, DEAF, STOPPED, TAKES_LEAVE, HABITS };

static volatile bool on = true;

static void leave_with_four(int number)
{
	(void)number;
	_exit(4);
}

/* Every fourth item never ends. */
static int hang(brood_task *task, void *context)
{
	enum habit habit = *(enum habit *)context;
	if (brood_index(task) % 4 != 1)
		return reply_index(task, NULL);
	if (habit == DEAF)
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_IGN);
	if (habit == TAKES_LEAVE)
		signal(SIGTERM, leave_with_four);
	if (habit == STOPPED)
		raise(SIGSTOP);
	while (on)
		if (habit != SPINS)
			pause();
	return 77;
}

START_TEST(item_whose_time_is_up_is_killed)
{
	enum habit habit = (enum habit)(_i % HABITS);
	bool at_once = _i >= HABITS;
	brood_results *results;
	const double limit = support_scale(0.25);
	double begin = support_now();
	ck_assert_int_eq(brood_parallelize_array(&results, hang, &habit, NULL, 0, 5, BROOD_OPTIONS(.workers = 2, .timeout = limit,
						 .grace = at_once ? -1 : habit == DEAF ? 0.05 : 100)), 0);
	ck_assert_double_lt(support_now() - begin, support_scale(10));
	for (uint64_t i = 0; i < 5; i++) {
		struct brood_result result = record_of(results, i);
		if (i % 4 != 1) {
			value_is(result, i);
			continue;
		}
		ck_assert_int_eq(result.outcome, BROOD_TIMEOUT);
		ck_assert_str_eq(result.failure->type, "Timeout");
		ck_assert_uint_eq(result.attempts, 1);
		ck_assert_double_ge(result.seconds, 0.9 * limit);
		ck_assert_ptr_nonnull(result.status);
		ck_assert_int_eq(result.status->signal, at_once || habit == DEAF ? SIGKILL : habit == TAKES_LEAVE ? 0 : SIGTERM);
		ck_assert_int_eq(result.status->exit_code, habit == TAKES_LEAVE && !at_once ? 4 : 0);
	}
	brood_results_free(results);
}
END_TEST

static int fork_and_hang(brood_task *task, void *context)
{
	atomic_int *pid = context;
	(void)task;
	*pid = fork();
	signal(SIGTERM, SIG_IGN);
	while (on)
		pause();
	return 77;
}

START_TEST(time_limit_is_for_the_group)
{
	atomic_int *pid = shared_memory(sizeof *pid);
	brood_results *results;
	struct brood_result result = run_one(&results, fork_and_hang, pid, BROOD_OPTIONS(.timeout = 0.1, .grace = 0.01));
	ck_assert_int_eq(result.outcome, BROOD_TIMEOUT);
	ck_assert(support_process_gone(*pid, 10));
	brood_results_free(results);
}
END_TEST

/* An item that is done within the grace was too late, and one that is done in time is not. */
enum { SHORT_ONES = 200000, LONG_ONE = SHORT_ONES / 2 + 7 };
#define LONG 0.03

static int spin_once(brood_task *task, void *context)
{
	(void)context;
	const double begin = brood_index(task) == SHORT_ONES + LONG_ONE ? support_now() : 0;
	while (begin > 0 && support_now() - begin < LONG)
		;
	return 0;
}

/* By then the worker looks at many items together, and a tick of the host's tells which of them was long. */
START_TEST(long_item_of_a_second_batch_has_its_time)
{
	brood_pool *pool = pool_with(spin_once, NULL, BROOD_OPTIONS(.workers = 1));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, SHORT_ONES), 0);
	ck_assert_double_gt(pool_record(pool, SHORT_ONES + LONG_ONE).seconds, 0.9 * LONG);
	for (size_t i = 1; i < 32; i++)
		ck_assert_double_lt(pool_record(pool, SHORT_ONES + LONG_ONE - i).seconds, 0.9 * LONG);
	brood_pool_free(pool);
}
END_TEST

static int abort_or_leave(brood_task *task, void *context)
{
	(void)task;
	if (*(bool *)context)
		abort();
	exit(3);
}

/* What takes longer than the limit is to find out where; if another took the processor for as long, it is tried again. */
START_TEST(who_has_ended_is_not_too_late)
{
	bool aborts = _i;
	for (int tries = 0; tries < 20; tries++) {
		brood_results *results;
		ck_assert_int_eq(brood_timeout(&results, abort_or_leave, &aborts, bytes_of("x"), 0.03), 0);
		struct brood_result result = record_of(results, 0);
		const bool right = result.outcome == BROOD_ABORT;
		if (right) {
			ck_assert_str_eq(result.failure->type, aborts ? "SIGABRT" : "Exit");
			ck_assert_int_eq(result.status->signal, aborts ? SIGABRT : 0);
			ck_assert_int_eq(result.status->exit_code, aborts ? 0 : 3);
			ck_assert_double_lt(result.seconds, 0.03);
		}
		brood_results_free(results);
		if (right)
			return;
	}
	ck_abort_msg("each time it took too long");
}
END_TEST

static int sleep_as_item_says(brood_task *task, void *context)
{
	double seconds;
	(void)context;
	memcpy(&seconds, brood_item(task).data, sizeof seconds);
	support_sleep(seconds);
	return reply_index(task, NULL);
}

/* How often each item was begun. */
static atomic_int *begun;

/* Even items outlast their SIGTERM for a while, and end well; odd ones die of themselves when they are begun for the first time. */
static int outlast(brood_task *task, void *context)
{
	const size_t index = brood_index(task);
	const int before = begun[index]++;
	(void)context;
	if (index % 2 == 0) {
		signal(SIGTERM, SIG_IGN);
		support_sleep(support_scale(0.1));
		signal(SIGTERM, SIG_DFL);
	} else if (!before) {
		_exit(3);
	}
	return reply_index(task, NULL);
}

static void leave_it(int number)
{
	(void)number;
}

static void died_of_itself(struct brood_result result)
{
	ck_assert_int_eq(result.outcome, BROOD_ABORT);
	ck_assert_int_eq(result.failure->code, 3);
	ck_assert_uint_eq(result.attempts, 1);
	ck_assert_int_eq(begun[result.index], 1);
}

/* It was to be killed for an item that it then has done: nobody else pays for that. */
START_TEST(who_outlasts_its_limit_begins_no_other_item)
{
	enum { COUNT = 4 };
	begun = shared_memory(COUNT * sizeof *begun);
	brood_pool *pool = pool_with(outlast, NULL, BROOD_OPTIONS(.workers = 1 + _i / 2, .timeout = support_scale(0.05),
				     .grace = support_scale(0.2), .flags = _i % 2 ? BROOD_UNTRACED : 0));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	for (size_t i = 0; i < COUNT; i++) {
		const struct brood_result result = pool_record(pool, i);
		if (i % 2)
			died_of_itself(result);
		else
			ck_assert(result.outcome == BROOD_SUCCESS || result.outcome == BROOD_TIMEOUT);
	}
	brood_pool_free(pool);
}
END_TEST

START_TEST(who_outlasts_a_cancel_begins_no_other_item)
{
	enum { ROUNDS = 5 };
	begun = shared_memory(2 * ROUNDS * sizeof *begun);
	brood_pool *pool = pool_with(outlast, NULL, BROOD_OPTIONS(.workers = 2, .grace = support_scale(0.2)));
	for (size_t i = 0; i < ROUNDS; i++) {
		struct brood_result result;
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
		ck_assert_int_eq(brood_pool_next(pool, &result, 0.01), -ETIMEDOUT);
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
		for (int got = 0; got < 2; got++) {
			ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
			if (result.index % 2)
				died_of_itself(result);
		}
	}
	brood_pool_free(pool);
}
END_TEST

static atomic_int *end_steps;

static void end_slowly(void *context)
{
	(void)context;
	end_steps[0]++;
	support_sleep(support_scale(0.5));
	end_steps[1]++;
}

/* It leaves in good order. */
START_TEST(who_outlasts_its_limit_ends_as_others_do)
{
	begun = shared_memory(sizeof *begun);
	end_steps = shared_memory(2 * sizeof *end_steps);
	brood_pool *pool = pool_with(outlast, NULL, BROOD_OPTIONS(.workers = 1, .timeout = support_scale(0.05), .grace = support_scale(0.2),
				     .worker_end = end_slowly, .flags = BROOD_UNTRACED));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	ck_assert_int_eq(pool_record(pool, 0).outcome, BROOD_SUCCESS);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	support_sleep(support_scale(1));
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	ck_assert_int_ge(end_steps[0], 1);
	ck_assert_int_eq(end_steps[1], end_steps[0]);
	brood_pool_free(pool);
}
END_TEST

/* One item for each worker that there is, the first of which crashes, so that the one that is kept ready gets the last. */
static int outlast_if_asked(brood_task *task, void *context)
{
	double seconds;
	memcpy(&seconds, brood_item(task).data, sizeof seconds);
	(void)context;
	begun[brood_index(task)]++;
	signal(SIGTERM, leave_it);
	for (const double end = support_now() + (seconds < 0 ? 0.05 : seconds); support_now() < end;)
		support_sleep(0.001);
	if (seconds < 0)
		raise(SIGSEGV);
	return 0;
}

/* The nursery has put it in a dead one's place, which the host does not know yet when it cancels. */
START_TEST(a_spare_that_outlasts_a_cancel_begins_no_other_item)
{
	static const double items[] = {0.1, 0.1, 0.065, -1, 0.12, 0.3, 0.3, 0.3, 0.3};
	enum { FIRST = 2, TOGETHER = 3, ITEMS = sizeof items / sizeof *items };
	begun = shared_memory(ITEMS * sizeof *begun);
	brood_pool *pool = pool_with(outlast_if_asked, NULL, BROOD_OPTIONS(.workers = 2, .grace = 0.3, .flags = BROOD_TRACEBACKS));
	struct brood_result result;
	size_t next = 0, taken = 0;
	while (next < FIRST)
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&items[next++], sizeof *items}), 0);
	while (brood_pool_next(pool, &result, -1) == 1)
		taken++;
	while (next < FIRST + TOGETHER)
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&items[next++], sizeof *items}), 0);
	while (!begun[FIRST + TOGETHER - 1])
		taken += brood_pool_next(pool, &result, 0) == 1;
	support_sleep(0.02);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	taken += brood_pool_next(pool, &result, 0) == 1;
	while (next < ITEMS)
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&items[next++], sizeof *items}), 0);
	while (brood_pool_next(pool, &result, -1) == 1) {
		ck_assert_int_eq(begun[result.index], (int)result.attempts);
		taken++;
	}
	ck_assert_uint_eq(taken, ITEMS);
	brood_pool_free(pool);
}
END_TEST

START_TEST(time_limit_is_for_each_item)
{
	double items[20], limit = support_scale(0.5);
	for (int i = 0; i < 20; i++)
		items[i] = limit / 10;
	brood_pool *pool = pool_with(sleep_as_item_says, NULL, BROOD_OPTIONS(.workers = 2, .timeout = limit));
	ck_assert_int_eq(brood_pool_process_array(pool, items, sizeof *items, 20), 0);
	for (uint64_t i = 0; i < 20; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
}
END_TEST

START_TEST(timeout_tells_four_ends_apart)
{
	static const double seconds[] = {0, 1000};
	brood_results *results;
	enum habit habit = SLEEPS;
	struct brood_bytes quick = {&seconds[0], sizeof *seconds}, slow = {&seconds[1], sizeof *seconds};
	double begin = support_now();
	ck_assert_int_eq(brood_timeout(&results, sleep_as_item_says, NULL, slow, 0.1), 0);
	ck_assert_double_ge(support_now() - begin, 0.1);
	ck_assert_int_eq(record_of(results, 0).outcome, BROOD_TIMEOUT);
	ck_assert_ptr_eq(record_of(results, 0).item.data, seconds + 1);
	brood_results_free(results);
	ck_assert_int_eq(brood_timeout(&results, sleep_as_item_says, NULL, quick, -1), 0);
	value_is(record_of(results, 0), (uint64_t){0});
	brood_results_free(results);
	ck_assert_int_eq(brood_timeout(&results, sleep_as_item_says, NULL, quick, 1e9), 0);
	value_is(record_of(results, 0), (uint64_t){0});
	brood_results_free(results);
	/* Item 0 does not hang; and no item is one too. */
	ck_assert_int_eq(brood_failsafe(&results, hang, &habit, (struct brood_bytes){0}), 0);
	value_is(record_of(results, 0), (uint64_t){0});
	brood_results_free(results);
	ck_assert_int_eq(support_children(), 0);
}
END_TEST

START_TEST(times_are_those_of_the_last_attempt)
{
	const double items[] = {0.02, 0, 0.04};
	double before = support_now();
	brood_pool *pool = pool_with(sleep_as_item_says, NULL, BROOD_OPTIONS(.workers = 1, .flags = _i ? BROOD_TIMED : 0));
	ck_assert_int_eq(brood_pool_process_array(pool, items, sizeof *items, 3), 0);
	double after = support_now(), end = before;
	for (size_t i = 0; i < 3; i++) {
		struct brood_result result = pool_record(pool, i);
		ck_assert_double_ge(result.started, before);
		ck_assert_double_ge(result.seconds, items[i] * 0.999);
		ck_assert_double_le(result.started + result.seconds, after);
		if (_i) {
			ck_assert_double_ge(result.started, end - 1e-6);
			ck_assert_double_gt(result.seconds, 0);
		}
		end = result.started + result.seconds;
	}
	brood_pool_free(pool);
}
END_TEST

/* --- further attempts ---------------------------------------------------------------------------------------------- */

enum trouble { FAILS, ABORTS, HANGS, TROUBLES };

/* Item 0 is in trouble until the attempt after the third; item 1 always; the rest never. */
static int be_in_trouble(brood_task *task, void *context)
{
	enum trouble trouble = *(enum trouble *)context;
	unsigned attempt = brood_attempt(task);
	if (brood_index(task) > 1 || (brood_index(task) == 0 && attempt == 4))
		return brood_reply(task, &attempt, sizeof attempt);
	if (trouble == ABORTS)
		raise(SIGKILL);
	while (trouble == HANGS)
		pause();
	return brood_fail(task, (int)attempt, "Trouble", "attempt %u", attempt);
}

START_TEST(item_is_tried_again)
{
	static const enum brood_outcome outcomes[] = {BROOD_FAIL, BROOD_ABORT, BROOD_TIMEOUT};
	enum trouble trouble = (enum trouble)_i;
	brood_pool *pool = pool_with(be_in_trouble, &trouble, BROOD_OPTIONS(.workers = 2, .retries = 4, .grace = -1,
				     .timeout = trouble == HANGS ? support_scale(0.3) : 0));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
	struct brood_result result = pool_record(pool, 0);
	value_is(result, (unsigned){4});
	ck_assert_uint_eq(result.attempts, 4);
	result = pool_record(pool, 1);
	ck_assert_int_eq(result.outcome, outcomes[trouble]);
	ck_assert_uint_eq(result.attempts, 5);
	if (trouble == FAILS)
		ck_assert_str_eq(result.failure->message, "attempt 5");
	for (size_t i = 2; i < 10; i++) {
		value_is(pool_record(pool, i), (unsigned){1});
		ck_assert_uint_eq(pool_record(pool, i).attempts, 1);
	}
	brood_pool_free(pool);
}
END_TEST

static int note_time(brood_task *task, void *context)
{
	double *times = *(double **)context;
	times[brood_attempt(task) - 1] = support_now();
	return brood_attempt(task) < 4;
}

START_TEST(backoff_is_doubled)
{
	double *times = shared_memory(4 * sizeof *times);
	brood_results *results;
	struct brood_result result = run_one(&results, note_time, &times,
					     BROOD_OPTIONS(.retries = 3, .backoff = 0.05, .flags = _i ? BROOD_INSIDE : 0));
	ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
	ck_assert_uint_eq(result.attempts, 4);
	for (int i = 0; i < 3; i++)
		ck_assert_double_ge(times[i + 1] - times[i], 0.049 * (1 << i));
	ck_assert_double_lt(times[3] - times[0], support_scale(10));
	brood_results_free(results);
}
END_TEST

static int succeed_late(brood_task *task, void *context)
{
	const unsigned attempt = brood_attempt(task);
	(void)context;
	return attempt < 290 ? 1 : brood_reply(task, &attempt, sizeof attempt);
}

START_TEST(attempts_are_counted_on)
{
	const unsigned last = 290;
	brood_results *results;
	struct brood_result result = run_one(&results, succeed_late, NULL,
					     BROOD_OPTIONS(.workers = 1, .retries = 300, .flags = _i ? BROOD_INSIDE : 0));
	value_is(result, last);
	ck_assert_uint_eq(result.attempts, last);
	brood_results_free(results);
}
END_TEST

struct wait {
	brood_pool *pool;
	double begun_at;
	int begins;
};

static void count_begin(void *context, const struct brood_event *event)
{
	struct wait *wait = context;
	ck_assert_int_ge(event->worker, 0);
	wait->begun_at = event->time;
	wait->begins++;
}

/* Once it waits for its second attempt. */
static void cancel_after_begin(void *context, const struct brood_event *event)
{
	struct wait *wait = context;
	if (wait->begins && event->time > wait->begun_at + 0.1)
		ck_assert_int_eq(brood_pool_cancel(wait->pool), 0);
}

static int die_or_fail(brood_task *task, void *dies)
{
	(void)task;
	if (*(bool *)dies)
		_exit(3);
	return 1;
}

/* No other attempt has begun, and the record is of the one that has. */
START_TEST(cancel_before_the_next_attempt)
{
	bool dies = _i == 2;
	struct wait wait = {0};
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &wait, .begin = count_begin, .tick = cancel_after_begin};
	const double before = support_now();
	brood_pool *pool = wait.pool = pool_with(die_or_fail, &dies, BROOD_OPTIONS(.workers = 1, .retries = 1, .backoff = 1000,
						  .reporter = &reporter, .flags = _i == 1 ? BROOD_INSIDE : 0));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	const struct brood_result result = pool_record(pool, 0);
	ck_assert_int_eq(wait.begins, 1);
	ck_assert_int_eq(result.outcome, BROOD_CANCELED);
	ck_assert_uint_eq(result.attempts, 1);
	ck_assert_int_ge(result.worker, 0);
	ck_assert_double_ge(result.started, before);
	brood_pool_free(pool);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool limits");
	TCase *time = support_case(suite, "time", 30);
	tcase_add_loop_test(time, item_whose_time_is_up_is_killed, 0, 2 * HABITS);
	tcase_add_test(time, time_limit_is_for_the_group);
	tcase_add_loop_test(time, who_outlasts_its_limit_begins_no_other_item, 0, 4);
	tcase_add_test(time, who_outlasts_a_cancel_begins_no_other_item);
	tcase_add_loop_test(time, a_spare_that_outlasts_a_cancel_begins_no_other_item, 0, 4);
	tcase_add_test(time, who_outlasts_its_limit_ends_as_others_do);
	tcase_add_test(time, time_limit_is_for_each_item);
	tcase_add_test(time, timeout_tells_four_ends_apart);
	tcase_add_test(time, long_item_of_a_second_batch_has_its_time);
	tcase_add_loop_test(time, who_has_ended_is_not_too_late, 0, 2);
	tcase_add_loop_test(time, times_are_those_of_the_last_attempt, 0, 2);
	TCase *again = support_case(suite, "again", 30);
	tcase_add_loop_test(again, item_is_tried_again, 0, TROUBLES);
	tcase_add_loop_test(again, backoff_is_doubled, 0, 2);
	tcase_add_loop_test(again, attempts_are_counted_on, 0, 2);
	tcase_add_loop_test(again, cancel_before_the_next_attempt, 0, 3);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
