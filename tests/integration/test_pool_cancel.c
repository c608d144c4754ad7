/* SPDX-License-Identifier: MIT */
/* A cancel of a stream: it is about what was submitted before, and all of that; and what comes after goes on. */
#include "stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* Each has its record, which says whether it was done before. */
START_TEST(cancel_takes_what_was_submitted_before)
{
	enum { COUNT = 2000 };
	int canceled = 0;
	brood_pool *pool = pool_with(reply_late, NULL, BROOD_OPTIONS(.workers = 2));
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	for (int i = 0; i < COUNT; i++) {
		struct brood_result result = must_next(pool);
		ck_assert(result.outcome == BROOD_SUCCESS || result.outcome == BROOD_CANCELED);
		if (result.outcome == BROOD_CANCELED) {
			ck_assert_str_eq(result.failure->type, "Canceled");
			canceled++;
		}
	}
	must_end(pool);
	ck_assert_int_gt(canceled, 0);
	must_submit(pool, 5);
	is_number(must_next(pool), 5);
	brood_pool_free(pool);
}
END_TEST

static int reply_after_a_while(brood_task *task, void *context)
{
	support_sleep(support_scale(0.01));
	return reply_item(task, context);
}

/* Of what is submitted once it has been asked for, a cancel takes nothing; and it takes all that was before, also what has not been
   given to a worker yet. */
START_TEST(cancel_divides_what_is_before_from_what_is_after)
{
	enum { BEFORE = 60, AFTER = 20 };
	const unsigned flags = _i ? BROOD_INSIDE : 0;
	brood_pool *pool = pool_with(reply_after_a_while, NULL, BROOD_OPTIONS(.workers = 1, .flags = flags));
	for (uint64_t i = 0; i < BEFORE; i++)
		must_submit(pool, i);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	for (uint64_t i = BEFORE; i < BEFORE + AFTER; i++)
		must_submit(pool, i);
	size_t begun = 0;
	for (int i = 0; i < BEFORE + AFTER; i++) {
		struct brood_result result = must_next(pool);
		if (result.outcome == BROOD_SUCCESS)
			is_number(result, result.index);
		if (result.index >= BEFORE)
			ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		else
			begun += result.outcome != BROOD_CANCELED;
	}
	/* One may have been under way; it is ended, or done. */
	ck_assert_uint_le(begun, 1);
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

enum { QUICK = 2000, SLOW = 30 };

static int reply_slowly_at_last(brood_task *task, void *context)
{
	return brood_index(task) < QUICK ? reply_item(task, context) : reply_after_a_while(task, context);
}

/* Also where there are records to be given, so that nothing is waited for. */
START_TEST(cancel_takes_what_has_been_kept_back)
{
	brood_pool *pool = pool_with(reply_slowly_at_last, NULL, BROOD_OPTIONS(.workers = 1));
	for (uint64_t i = 0; i < QUICK; i++)
		must_submit(pool, i);
	must_next(pool);
	support_sleep(support_scale(0.1));
	must_next(pool);
	for (uint64_t i = 0; i < SLOW; i++)
		must_submit(pool, i);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	size_t begun = 0;
	for (int i = 2; i < QUICK + SLOW; i++) {
		struct brood_result result = must_next(pool);
		begun += result.index >= QUICK && result.outcome != BROOD_CANCELED;
	}
	/* Some may have been begun before the host looked for the cancel. */
	ck_assert_uint_le(begun, SLOW / 4);
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST


/* Nor does another cancel, while the first one has not been carried out, leave out what was submitted between them. */
START_TEST(each_cancel_takes_what_was_submitted_before_it)
{
	enum { EACH = 3, CANCELS = 4 };
	const unsigned flags = _i ? BROOD_INSIDE : 0;
	brood_pool *pool = pool_with(reply_after_a_while, NULL, BROOD_OPTIONS(.workers = 1, .flags = flags));
	for (uint64_t i = 0; i < EACH * CANCELS; i++) {
		must_submit(pool, i);
		if (i % EACH == EACH - 1)
			ck_assert_int_eq(brood_pool_cancel(pool), 0);
	}
	must_submit(pool, EACH * CANCELS);
	size_t begun = 0;
	for (int i = 0; i < EACH * CANCELS; i++)
		begun += must_next(pool).outcome != BROOD_CANCELED;
	ck_assert_uint_le(begun, 1);
	is_number(must_next(pool), EACH * CANCELS);
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

struct moment {
	brood_pool *pool;
	bool armed;
	double canceled_at;
};

static void cancel_once(void *context, const struct brood_event *event)
{
	struct moment *moment = context;
	(void)event;
	if (!moment->armed)
		return;
	moment->armed = false;
	moment->canceled_at = support_now();
	ck_assert_int_eq(brood_pool_cancel(moment->pool), 0);
}

static int reply_now(brood_task *task, void *context)
{
	const double now = support_now();
	(void)context;
	return brood_reply(task, &now, sizeof now);
}

/* From a callback in the middle of a call, when some items have not been given to workers yet. */
START_TEST(cancel_within_a_call_takes_what_is_kept_back)
{
	enum { MANY = 60000, MORE = 700 };
	struct moment moment = {0};
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &moment, .tick = cancel_once};
	brood_pool *pool = moment.pool = pool_with(reply_now, NULL, BROOD_OPTIONS(.workers = 2, .reporter = &reporter));
	struct brood_result result;
	size_t late = 0, canceled = 0;
	for (uint64_t i = 0; i < MANY; i++)
		must_submit(pool, i);
	must_next(pool);
	for (uint64_t i = 0; i < MORE; i++) {
		must_next(pool);
		must_submit(pool, i);
	}
	/* All that has been given is done by then. */
	support_sleep(support_scale(0.1));
	moment.armed = true;
	while (brood_pool_next(pool, &result, -1) > 0) {
		canceled += result.outcome == BROOD_CANCELED;
		late += result.outcome == BROOD_SUCCESS && moment.canceled_at > 0 && *(const double *)result.value.data > moment.canceled_at;
	}
	ck_assert(!moment.armed);
	ck_assert_uint_gt(canceled, 0);
	ck_assert_uint_eq(late, 0);
	brood_pool_free(pool);
}
END_TEST

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* Ends well-behaved when it is told to, or fails at once; each attempt is counted. */
static int fail_politely(brood_task *task, void *context)
{
	atomic_int *runs = context;
	const bool waits = *(const uint64_t *)brood_item(task).data;
	runs[brood_index(task)]++;
	interrupted = 0;
	signal(SIGTERM, interrupt);
	for (int i = 0; waits && !interrupted && i < 10000; i++)
		support_sleep(0.001);
	return brood_fail(task, 7, "Interrupted", "by %d", 15);
}

static void *cancel_soon(void *pool)
{
	support_sleep(support_scale(0.1));
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	return NULL;
}

static int crash_soon(brood_task *task, void *context)
{
	atomic_int *runs = context;
	runs[brood_index(task)]++;
	support_sleep(0.02);
	abort();
}

/* Nor where its worker has died, of which nobody is told before its traceback has been made. */
START_TEST(cancel_lets_no_crash_be_tried_again)
{
	atomic_int *runs = shared_memory(sizeof *runs);
	for (int i = 0; i < 6; i++) {
		struct brood_result result;
		brood_pool *pool = pool_with(crash_soon, (void *)(uintptr_t)runs, BROOD_OPTIONS(.workers = 1, .retries = 3));
		*runs = 0;
		must_submit(pool, 0);
		ck_assert_int_eq(brood_pool_next(pool, &result, 0), -ETIMEDOUT);
		while (!*runs)
			support_sleep(0.001);
		/* In the middle of it, the first of which takes longest, or after. */
		support_sleep(0.025 + 0.005 * i);
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
		result = must_next(pool);
		ck_assert_int_eq(result.outcome, BROOD_CANCELED);
		ck_assert_uint_eq(result.attempts, 1);
		ck_assert_int_eq(*runs, 1);
		brood_pool_free(pool);
	}
}
END_TEST

/* Not even where the item fails for it, or has failed before anybody looked. */
START_TEST(cancel_lets_nothing_be_tried_again)
{
	enum { COUNT = 100 };
	atomic_int *runs = shared_memory(COUNT * sizeof *runs);
	brood_pool *pool = pool_with(fail_politely, (void *)(uintptr_t)runs, BROOD_OPTIONS(.workers = 2, .retries = 3, .grace = 20));
	const uint64_t waits = (uint64_t)_i;
	if (waits) {
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, pool), 0);
		ck_assert_int_eq(brood_pool_process_array(pool, &waits, sizeof waits, 1), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(pool_record(pool, 0).outcome, BROOD_CANCELED);
		ck_assert_uint_eq(pool_record(pool, 0).attempts, 1);
		ck_assert_int_eq(runs[0], 1);
	} else {
		struct brood_result result;
		for (size_t i = 0; i < COUNT; i++)
			must_submit(pool, 0);
		ck_assert_int_eq(brood_pool_next(pool, &result, 0), -ETIMEDOUT);
		support_sleep(support_scale(0.1));
		size_t before = 0, after = 0;
		for (size_t i = 0; i < COUNT; i++)
			before += (size_t)runs[i];
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
		for (size_t i = 0; i < COUNT; i++) {
			result = must_next(pool);
			ck_assert_int_eq(result.outcome, BROOD_CANCELED);
			ck_assert_int_eq(runs[result.index], (int)result.attempts);
			after += result.attempts;
		}
		ck_assert_uint_eq(after, before);
	}
	brood_pool_free(pool);
}
END_TEST

static int ignore_the_end(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
	return 0;
}

/* The grace is from the first one on. */
START_TEST(cancels_one_after_the_other_put_nothing_off)
{
	brood_pool *pool = pool_with(ignore_the_end, NULL, BROOD_OPTIONS(.workers = 1, .grace = 0.2));
	struct brood_result result;
	must_submit(pool, 0);
	ck_assert_int_eq(brood_pool_next(pool, &result, 0.1), -ETIMEDOUT);
	const double begin = support_now();
	int got = -ETIMEDOUT;
	while (got == -ETIMEDOUT && support_now() - begin < support_scale(10)) {
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
		got = brood_pool_next(pool, &result, 0.05);
	}
	ck_assert_int_eq(got, 1);
	ck_assert_int_eq(result.outcome, BROOD_CANCELED);
	brood_pool_free(pool);
}
END_TEST

static atomic_bool stop;

static void *cancel_often(void *pool)
{
	unsigned random = 1;
	while (!stop) {
		support_sleep(0.0005 * (1 + rand_r(&random) % 20));
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
	}
	return NULL;
}

static int fail_at_times(brood_task *task, void *context)
{
	const uint64_t number = *(const uint64_t *)brood_item(task).data;
	if (number % 997 == 0 && brood_attempt(task) == 1)
		_exit(1);
	if (number % 499 == 0 && brood_attempt(task) == 1)
		return 1;
	if (number % 5003 == 0)
		raise(SIGKILL);
	return reply_item(task, context);
}

/* At whatever moment they come, no item is left lying, and none told twice. */
START_TEST(cancels_at_any_time_stop_nothing)
{
	static const size_t windows[] = {2, 64, 0};
	const size_t count = (size_t)rounds(40000);
	bool *seen = calloc(count, sizeof *seen);
	brood_pool *pool = pool_with(fail_at_times, NULL, BROOD_OPTIONS(.workers = 3, .retries = 1, .window = windows[_i / 2],
				     .flags = _i % 2 ? BROOD_ORDERED : 0));
	pthread_t thread;
	stop = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_often, pool), 0);
	uint64_t submitted = 0, taken = 0;
	unsigned random = 7;
	while (taken < count) {
		/* Now all that fit, now a few, and now and then everything is taken before the next. */
		const uint64_t most = submitted + (uint64_t)rand_r(&random) % 300, end = most < count ? most : count;
		while (submitted < end && !submit_number(pool, submitted))
			submitted++;
		const bool all = rand_r(&random) % 8 == 0;
		struct brood_result result;
		int got;
		while ((got = brood_pool_next(pool, &result, all || rand_r(&random) % 2 ? -1 : 0)) == 1) {
			if (seen[result.index] || result.index >= submitted || *(const uint64_t *)result.item.data != result.index)
				ck_abort_msg("record %zu is wrong", result.index);
			if (result.outcome == BROOD_SUCCESS && *(const uint64_t *)result.value.data != result.index)
				ck_abort_msg("value %zu is wrong", result.index);
			seen[result.index] = true;
			taken++;
			if (!all && rand_r(&random) % 4 == 0)
				break;
		}
		ck_assert(got == 1 || got == 0 || got == -ETIMEDOUT);
	}
	stop = true;
	pthread_join(thread, NULL);
	must_end(pool);
	free(seen);
	brood_pool_free(pool);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool_cancel");
	TCase *tests = support_case(suite, "cancel", 60);
	tcase_add_test(tests, cancel_takes_what_was_submitted_before);
	tcase_add_loop_test(tests, cancel_divides_what_is_before_from_what_is_after, 0, 2);
	tcase_add_test(tests, cancel_takes_what_has_been_kept_back);
	tcase_add_loop_test(tests, each_cancel_takes_what_was_submitted_before_it, 0, 2);
	tcase_add_test(tests, cancel_within_a_call_takes_what_is_kept_back);
	tcase_add_loop_test(tests, cancel_lets_nothing_be_tried_again, 0, 2);
	tcase_add_test(tests, cancel_lets_no_crash_be_tried_again);
	tcase_add_test(tests, cancels_one_after_the_other_put_nothing_off);
	tcase_add_loop_test(tests, cancels_at_any_time_stop_nothing, 0, 6);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
