/* SPDX-License-Identifier: MIT */
/* BROOD_INSIDE: what is promised of a pool is true with no processes, but for crashes and limits. */
#include "pool.h"

#include <time.h>

enum { COUNT = 500 };

static const unsigned flags[] = {0, BROOD_INSIDE};

/* Successes of every size, failures of every kind, and items that succeed only when they are tried again. */
static int do_this_and_that(brood_task *task, void *context)
{
	struct brood_bytes item = brood_item(task);
	size_t index = brood_index(task), size = index % 60;
	unsigned attempt = brood_attempt(task);
	(void)context;
	if (item.size != sizeof size || memcmp(item.data, &index, sizeof index))
		return 99;
	if (index % 9 == 4)
		return brood_fail(task, (int)index, "Odd", "item %zu, attempt %u", index, attempt);
	if (index % 9 == 5)
		return -3;
	if (index % 9 == 6 && attempt < 3)
		return brood_fail(task, 1, "Again", "attempt %u", attempt);
	unsigned char *data = brood_reply_reserve(task, size);
	fill(data, index, size);
	uint64_t seed = brood_seed(task);
	return brood_reply(task, &seed, index % 2 ? sizeof seed : 0);
}

static void must_be_alike(const struct brood_result *one, const struct brood_result *other)
{
	ck_assert_int_eq(one->outcome, other->outcome);
	ck_assert_uint_eq(one->index, other->index);
	ck_assert_uint_eq(one->attempts, other->attempts);
	ck_assert_uint_eq(one->item.size, other->item.size);
	ck_assert_mem_eq(one->item.data, other->item.data, one->item.size);
	ck_assert_uint_eq(one->value.size, other->value.size);
	if (one->value.size)
		ck_assert_mem_eq(one->value.data, other->value.data, one->value.size);
	ck_assert_int_eq(one->failure != NULL, other->failure != NULL);
	if (one->failure) {
		ck_assert_str_eq(one->failure->type, other->failure->type);
		ck_assert_str_eq(one->failure->message, other->failure->message);
		ck_assert_int_eq(one->failure->code, other->failure->code);
	}
	ck_assert(!one->status && !other->status);
}

static size_t numbers[COUNT];

static void make_numbers(void)
{
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = i;
}

START_TEST(records_are_the_same)
{
	brood_pool *pools[2];
	make_numbers();
	for (int i = 0; i < 2; i++) {
		pools[i] = pool_with(do_this_and_that, NULL,
				     BROOD_OPTIONS(.workers = 2, .retries = (unsigned)_i, .seed = 7, .flags = flags[i]));
		ck_assert_int_eq(brood_pool_process_array(pools[i], numbers, sizeof *numbers, 100), 0);
		ck_assert_int_eq(brood_pool_process_array(pools[i], numbers + 100, sizeof *numbers, COUNT - 100), 0);
	}
	for (size_t i = 0; i < COUNT; i++) {
		struct brood_result one = pool_record(pools[0], i), other = pool_record(pools[1], i);
		must_be_alike(&one, &other);
	}
	for (int i = 0; i < 2; i++)
		brood_pool_free(pools[i]);
}
END_TEST

START_TEST(streams_are_the_same)
{
	brood_pool *pools[2];
	make_numbers();
	for (int i = 0; i < 2; i++)
		pools[i] = pool_with(do_this_and_that, NULL, BROOD_OPTIONS(.workers = 2, .retries = 2, .window = 32, .seed = 7,
				     .flags = flags[i] | BROOD_ORDERED));
	size_t submitted[2] = {0, 0};
	for (size_t taken = 0; taken < COUNT; taken++) {
		struct brood_result results[2];
		for (int i = 0; i < 2; i++) {
			while (submitted[i] < COUNT &&
			       !brood_pool_submit(pools[i], (struct brood_bytes){&numbers[submitted[i]], sizeof *numbers}))
				submitted[i]++;
			ck_assert_int_eq(brood_pool_next(pools[i], &results[i], -1), 1);
		}
		must_be_alike(&results[0], &results[1]);
	}
	for (int i = 0; i < 2; i++) {
		struct brood_result result;
		ck_assert_int_eq(brood_pool_next(pools[i], &result, -1), 0);
		brood_pool_free(pools[i]);
	}
}
END_TEST

struct own {
	int starts, ends;
	brood_pool *pool;
	size_t cancel_at, begun, begins, successes, aborts;
};

static int start_here(void *context)
{
	((struct own *)context)->starts++;
	return 0;
}

static void end_here(void *context)
{
	((struct own *)context)->ends++;
}

static int work_here(brood_task *task, void *context)
{
	struct own *own = context;
	ck_assert_int_eq(own->starts, own->ends + 1);
	if (own->begun++ == own->cancel_at)
		ck_assert_int_eq(brood_pool_cancel(own->pool), 0);
	return reply_pid(task, NULL);
}

START_TEST(items_are_run_by_the_host_itself)
{
	struct own own = {.cancel_at = SIZE_MAX};
	brood_results *results;
	const pid_t pid = getpid();
	ck_assert_int_eq(brood_pool_new(&own.pool, work_here, &own, BROOD_OPTIONS(.workers = 5, .timeout = 1e-9, .memory_limit = 1,
					.flags = BROOD_INSIDE, .worker_start = start_here, .worker_end = end_here)), 0);
	for (int round = 1; round <= 2; round++) {
		ck_assert_int_eq(brood_pool_spawn(own.pool, 0), 1);
		ck_assert_int_eq(support_children(), 0);
		ck_assert_int_eq(brood_pool_spawn(own.pool, 0), -EALREADY);
		ck_assert_int_eq(brood_pool_process_array(own.pool, NULL, 0, 10), 0);
		ck_assert_int_eq(own.starts, round);
		ck_assert_int_eq(brood_pool_cleanup(own.pool), 0);
		ck_assert_int_eq(own.ends, round);
	}
	for (size_t i = 0; i < 20; i++)
		value_is(pool_record(own.pool, i), pid);
	brood_pool_free(own.pool);
	ck_assert_int_eq(own.ends, 2);
	struct brood_result result = run_one(&results, reply_pid, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE));
	value_is(result, pid);
	brood_results_free(results);
}
END_TEST

START_TEST(cancel_from_the_work)
{
	struct own own = {.cancel_at = 10, .starts = 1};
	ck_assert_int_eq(brood_pool_new(&own.pool, work_here, &own, BROOD_OPTIONS(.flags = BROOD_INSIDE)), 0);
	ck_assert_int_eq(brood_pool_spawn(own.pool, 0), 1);
	ck_assert_int_eq(brood_pool_process_array(own.pool, NULL, 0, 100), 0);
	ck_assert_uint_eq(own.begun, 11);
	for (size_t i = 0; i < 100; i++) {
		struct brood_result result = pool_record(own.pool, i);
		ck_assert_int_eq(result.outcome, i <= 10 ? BROOD_SUCCESS : BROOD_CANCELED);
		ck_assert_uint_eq(result.attempts, i <= 10);
	}
	ck_assert_int_eq(brood_pool_process_array(own.pool, NULL, 0, 5), 0);
	ck_assert_int_eq(pool_record(own.pool, 104).outcome, BROOD_SUCCESS);
	brood_pool_free(own.pool);
}
END_TEST

static brood_pool *inner;
static int refusals;

/* Where there are workers, a call with their copy of the pool is refused as well. */
static void try_all_calls(void)
{
	struct brood_result result;
	const uint64_t number = 0;
	ck_assert_int_eq(brood_pool_process_array(inner, NULL, 0, 2), -EBUSY);
	ck_assert_int_eq(brood_pool_submit(inner, (struct brood_bytes){&number, sizeof number}), -EBUSY);
	ck_assert_int_eq(brood_pool_submit(inner, (struct brood_bytes){0}), -EBUSY);
	ck_assert_int_eq(brood_pool_next(inner, &result, 0), -EBUSY);
	ck_assert_int_eq(brood_pool_spawn(inner, 0), -EBUSY);
	ck_assert_int_eq(brood_pool_cleanup(inner), -EBUSY);
	brood_pool_free(inner);
	refusals++;
}

static int call_the_pool(brood_task *task, void *context)
{
	try_all_calls();
	return reply_index(task, context);
}

static int start_with_calls(void *context)
{
	(void)context;
	try_all_calls();
	return 0;
}

static void end_with_calls(void *context)
{
	start_with_calls(context);
}

START_TEST(the_work_calls_with_the_pool_in_vain)
{
	ck_assert_int_eq(brood_pool_new(&inner, call_the_pool, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE, .worker_start = start_with_calls,
			 .worker_end = end_with_calls)), 0);
	refusals = 0;
	ck_assert_int_eq(brood_pool_spawn(inner, 0), 1);
	ck_assert_int_eq(brood_pool_process_array(inner, NULL, 0, 3), 0);
	for (uint64_t i = 0; i < 3; i++)
		value_is(pool_record(inner, i), i);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(brood_pool_submit(inner, (struct brood_bytes){&i, sizeof i}), 0);
	struct brood_result result;
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_int_eq(brood_pool_next(inner, &result, -1), 1);
		value_is(result, i);
	}
	ck_assert_int_eq(brood_pool_cleanup(inner), 0);
	ck_assert_int_eq(refusals, 8);
	brood_pool_free(inner);
}
END_TEST

static int refuse_to_start(void *context)
{
	(void)context;
	return 1;
}

START_TEST(start_that_fails_is_echild)
{
	brood_pool *pool;
	brood_results *results = (brood_results *)&results, *const none = results;
	const struct brood_options *options = BROOD_OPTIONS(.flags = BROOD_INSIDE, .worker_start = refuse_to_start);
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, options), 0);
	int error = brood_pool_spawn(pool, 0);
	ck_assert(error == -ECHILD || (error == 1 && brood_pool_process_array(pool, NULL, 0, 1) == -ECHILD));
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 1, options), -ECHILD);
	ck_assert_ptr_eq(results, none);
}
END_TEST

static void count_begin(void *context, const struct brood_event *event)
{
	struct own *own = context;
	ck_assert_uint_eq(event->index, own->begins++);
}

static void count_success(void *context, const struct brood_event *event)
{
	struct own *own = context;
	ck_assert_uint_eq(event->index, own->successes++);
	ck_assert_uint_eq(own->begins, own->successes);
	ck_assert_int_eq(brood_pool_process(own->pool, NULL, 1), -EBUSY);
	if (own->successes == own->cancel_at)
		ck_assert_int_eq(brood_pool_cancel(own->pool), 0);
}

static void count_abort(void *context, const struct brood_event *event)
{
	struct own *own = context;
	ck_assert_int_eq(event->result->outcome, BROOD_CANCELED);
	own->aborts++;
}

START_TEST(reporter_is_told)
{
	struct own own = {.cancel_at = 20};
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &own, .begin = count_begin, .success = count_success,
						.abort = count_abort};
	ck_assert_int_eq(brood_pool_new(&own.pool, reply_index, NULL,
					BROOD_OPTIONS(.flags = BROOD_INSIDE, .reporter = &reporter)), 0);
	ck_assert_int_eq(brood_pool_spawn(own.pool, 0), 1);
	ck_assert_int_eq(brood_pool_process_array(own.pool, NULL, 0, 50), 0);
	ck_assert_uint_ge(own.successes, 20);
	ck_assert_uint_eq(own.successes + own.aborts, 50);
	ck_assert_uint_eq(own.begins, own.successes);
	brood_pool_free(own.pool);
}
END_TEST

static int reply_megabytes(brood_task *task, void *context)
{
	const size_t size = 3000000;
	(void)context;
	unsigned char *data = brood_reply_reserve(task, size);
	if (!data)
		return 1;
	fill(data, brood_index(task), size);
	return 0;
}

START_TEST(large_values)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_megabytes, NULL, NULL, 0, 10, BROOD_OPTIONS(.flags = BROOD_INSIDE)), 0);
	for (size_t i = 0; i < 10; i++) {
		ck_assert_uint_eq(record_of(results, i).value.size, 3000000);
		ck_assert(is_filled(record_of(results, i).value, i));
	}
	brood_results_free(results);
	brood_pool *pool = pool_with(reply_megabytes, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE, .window = 2));
	for (size_t i = 0; i < 10; i++) {
		struct brood_result result;
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
		ck_assert(result.value.size == 3000000 && is_filled(result.value, i));
	}
	brood_pool_free(pool);
}
END_TEST

static int fail_at_first(brood_task *task, void *context)
{
	return brood_attempt(task) > 1 ? reply_index(task, context) : brood_fail(task, 1, "First", "an attempt");
}

static double processor_seconds(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Nothing runs while an attempt is waited for, so that there is nothing to overstay the time with; and the wait is none that
   takes a processor, also after a cancel. */
START_TEST(who_only_asks_gets_on)
{
	enum { ITEMS = 10 };
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE));
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, 0), 0);
	for (uint64_t i = 0; i < ITEMS; i++)
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&i, sizeof i}), 0);
	for (uint64_t i = 0; i < ITEMS; i++) {
		ck_assert_int_eq(brood_pool_next(pool, &result, 0), 1);
		value_is(result, i);
	}
	ck_assert_int_eq(brood_pool_next(pool, &result, 0), 0);
	brood_pool_free(pool);
}
END_TEST

START_TEST(a_wait_for_an_attempt_ends_in_time)
{
	const double backoff = support_scale(0.4);
	struct brood_result result;
	brood_pool *pool = pool_with(fail_at_first, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE, .retries = 1, .backoff = backoff));
	for (int cancel = 1; cancel >= 0; cancel--) {
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
		const double begin = support_now(), used = processor_seconds();
		ck_assert_int_eq(brood_pool_next(pool, &result, backoff / 8), -ETIMEDOUT);
		ck_assert_double_lt(support_now() - begin, backoff / 2);
		if (cancel)
			ck_assert_int_eq(brood_pool_cancel(pool), 0);
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
		ck_assert_int_eq(result.outcome, cancel ? BROOD_CANCELED : BROOD_SUCCESS);
		ck_assert_double_lt(processor_seconds() - used, backoff / 4);
	}
	brood_pool_free(pool);
}
END_TEST

static double stream_seconds(size_t window)
{
	enum { ITEMS = 20000 };
	struct timespec begin, end;
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.flags = BROOD_INSIDE, .window = window));
	struct brood_result result;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (size_t submitted = 0, taken = 0; taken < ITEMS; taken++) {
		while (submitted < ITEMS && !brood_pool_submit(pool, (struct brood_bytes){0}))
			submitted++;
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
		const uint64_t index = taken;
		value_is(result, index);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	brood_pool_free(pool);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
}

/* For each item the whole window was looked through: sixty times as long as with a small one. */
START_TEST(large_window_costs_nothing)
{
	const double small = stream_seconds(64), large = stream_seconds(65536);
	ck_assert_msg(large < 10 * small, "%g s with a small window, %g s with a large one", small, large);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool inside");
	TCase *all = support_case(suite, "all", 20);
	tcase_add_loop_test(all, records_are_the_same, 0, 4);
	tcase_add_test(all, streams_are_the_same);
	tcase_add_test(all, items_are_run_by_the_host_itself);
	tcase_add_test(all, cancel_from_the_work);
	tcase_add_test(all, the_work_calls_with_the_pool_in_vain);
	tcase_add_test(all, start_that_fails_is_echild);
	tcase_add_test(all, reporter_is_told);
	tcase_add_test(all, large_values);
	tcase_add_test(all, who_only_asks_gets_on);
	tcase_add_test(all, a_wait_for_an_attempt_ends_in_time);
	tcase_add_test(all, large_window_costs_nothing);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
