/* SPDX-License-Identifier: MIT */
/* What a pool refuses, by each code that the header names, and that nothing has changed then. */
#include "pool.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

static int pull_none(void *context, struct brood_bytes *item)
{
	(void)context, (void)item;
	return 0;
}

static int push_none(void *context, const struct brood_result *result)
{
	(void)context, (void)result;
	return 0;
}

START_TEST(new_refuses_bad_arguments)
{
	brood_pool *pool = (brood_pool *)&pool, *const untouched = pool;
	struct brood_reporter reporters[] = {{.size = 0}, {.size = sizeof(struct brood_reporter) + 1}};
	struct brood_options bad[] = {
		{.size = 0}, {.size = 3}, {.size = sizeof(struct brood_options) + 1}, {.flags = 256}, {.flags = 0x80000000u}, {.workers = -1},
		{.workers = 2001}, {.threads = -1}, {.timeout = (double)NAN}, {.grace = (double)NAN}, {.backoff = -0.1},
		{.backoff = (double)NAN}, {.reporter = &reporters[0]}, {.reporter = &reporters[1]},
	};
	ck_assert_int_eq(brood_pool_new(NULL, reply_index, NULL, NULL), -EINVAL);
	ck_assert_int_eq(brood_pool_new(&pool, NULL, NULL, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (i > 2)
			bad[i].size = sizeof *bad;
		brood_results *results = (brood_results *)&results, *const none = results;
		ck_assert_msg(brood_pool_new(&pool, reply_index, NULL, &bad[i]) == -EINVAL, "options %zu", i);
		ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 1, &bad[i]), -EINVAL);
		ck_assert_ptr_eq(results, none);
	}
	ck_assert_ptr_eq(pool, untouched);
}
END_TEST

START_TEST(options_of_an_older_header_are_taken)
{
	struct brood_options options = {.size = offsetof(struct brood_options, recycle_size), .workers = 1, .value_size = 1};
	brood_pool *pool = pool_with(reply_index, NULL, &options);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	/* What lies behind the size is not looked at. */
	ck_assert_uint_eq(pool_record(pool, 0).value.size, 8);
	brood_pool_free(pool);
}
END_TEST

START_TEST(null_is_einval)
{
	const struct brood_bytes item = {NULL, 5};
	struct brood_result result;
	brood_results *results;
	ck_assert_int_eq(brood_pool_spawn(NULL, 1), -EINVAL);
	ck_assert_int_eq(brood_pool_process(NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(brood_pool_process_array(NULL, NULL, 0, 1), -EINVAL);
	ck_assert_int_eq(brood_pool_submit(NULL, (struct brood_bytes){0}), -EINVAL);
	ck_assert_int_eq(brood_pool_next(NULL, &result, 0), -EINVAL);
	ck_assert_int_eq(brood_pool_stream(NULL, pull_none, push_none, NULL), -EINVAL);
	ck_assert_int_eq(brood_pool_cancel(NULL), -EINVAL);
	ck_assert_int_eq(brood_pool_cleanup(NULL), -EINVAL);
	ck_assert_int_eq(brood_results_get(NULL, 0, &result), -EINVAL);
	ck_assert_int_eq(brood_results_find(NULL, (struct brood_bytes){0}, &result), -EINVAL);
	ck_assert_int_eq(brood_parallelize(NULL, reply_index, NULL, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(brood_parallelize_array(NULL, reply_index, NULL, NULL, 0, 1, NULL), -EINVAL);
	ck_assert_int_eq(brood_parallelize(&results, NULL, NULL, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 1, 1, NULL), -EINVAL);
	ck_assert_int_eq(brood_failsafe(NULL, reply_index, NULL, (struct brood_bytes){0}), -EINVAL);
	ck_assert_int_eq(brood_failsafe(&results, NULL, NULL, (struct brood_bytes){0}), -EINVAL);
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 4, 1), -EINVAL);
	ck_assert_int_eq(brood_pool_submit(pool, item), -EINVAL);
	ck_assert_int_eq(brood_pool_next(pool, NULL, 0), -EINVAL);
	ck_assert_int_eq(brood_pool_stream(pool, NULL, push_none, NULL), -EINVAL);
	ck_assert_int_eq(brood_pool_stream(pool, pull_none, NULL, NULL), -EINVAL);
	ck_assert_int_eq(brood_pool_process_array(pool, "x", 1, 1), 0);
	ck_assert_int_eq(brood_results_get(brood_pool_results(pool), 0, NULL), -EINVAL);
	ck_assert_int_eq(brood_results_find(brood_pool_results(pool), bytes_of("x"), NULL), -EINVAL);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 1);
	brood_pool_free(pool);
}
END_TEST

/* As brood_pool_submit says it of one item. */
START_TEST(item_without_data_is_einval)
{
	const struct brood_bytes items[] = {bytes_of("x"), {NULL, 5}};
	brood_results *results;
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1));
	ck_assert_int_eq(brood_pool_process(pool, items, 2), -EINVAL);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	brood_pool_free(pool);
	ck_assert_int_eq(brood_failsafe(&results, reply_item, NULL, items[1]), -EINVAL);
}
END_TEST

START_TEST(without_workers_is_esrch)
{
	brood_pool *pool;
	struct brood_result result = {.index = 99};
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, NULL), 0);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(brood_pool_process(pool, NULL, 1), -ESRCH);
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), -ESRCH);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), -ESRCH);
		ck_assert_int_eq(brood_pool_stream(pool, pull_none, push_none, NULL), -ESRCH);
		ck_assert_int_eq(brood_pool_spawn(pool, -1), -EINVAL);
		ck_assert_int_eq(brood_pool_spawn(pool, 2001), -EINVAL);
		ck_assert_int_eq(support_children(), 0);
		ck_assert_int_eq(brood_pool_spawn(pool, 1), 1);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	}
	ck_assert_uint_eq(result.index, 99);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	brood_pool_free(pool);
}
END_TEST

START_TEST(index_past_the_end_is_erange)
{
	struct brood_result result = {.index = 99};
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 1));
	const brood_results *results = brood_pool_results(pool);
	ck_assert_int_eq(brood_results_get(results, 0, &result), -ERANGE);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 2), 0);
	ck_assert_int_eq(brood_results_get(results, 2, &result), -ERANGE);
	ck_assert_int_eq(brood_results_get(results, SIZE_MAX, &result), -ERANGE);
	ck_assert_uint_eq(result.index, 99);
	brood_pool_free(pool);
}
END_TEST

/* Nothing has been begun, and the pool goes on. */
START_TEST(too_much_is_refused)
{
	const struct brood_bytes huge[] = {{"", SIZE_MAX / 2}, {"", SIZE_MAX / 2}, {"", SIZE_MAX / 2}}, large = {"", (size_t)1 << 50};
	brood_results *results;
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 1));
	ck_assert_int_eq(brood_pool_process(pool, huge, 3), -EOVERFLOW);
	ck_assert_int_eq(brood_pool_process(pool, &large, 1), -ENOMEM);
	ck_assert_int_eq(brood_pool_process_array(pool, "", SIZE_MAX / 2, 3), -EOVERFLOW);
	ck_assert_int_eq(brood_pool_process_array(pool, "", (size_t)1 << 50, 1), -ENOMEM);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 5), 0);
	for (uint64_t i = 0; i < 5; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, "", SIZE_MAX / 2, 3, NULL), -EOVERFLOW);
}
END_TEST

START_TEST(no_time_is_einval)
{
	brood_results *results = (brood_results *)&results, *const none = results;
	ck_assert_int_eq(brood_timeout(&results, reply_index, NULL, (struct brood_bytes){0}, 0), -EINVAL);
	ck_assert_int_eq(brood_timeout(&results, reply_index, NULL, (struct brood_bytes){0}, (double)NAN), -EINVAL);
	ck_assert_int_eq(brood_timeout(NULL, reply_index, NULL, (struct brood_bytes){0}, 1), -EINVAL);
	ck_assert_ptr_eq(results, none);
}
END_TEST

/* --- forks --------------------------------------------------------------------------------------------------------- */

/* In a process that was forked: an exit code that says which call did not answer -EPERM. */
static int use_copy(brood_pool *pool)
{
	struct brood_result result;
	int answers[] = {
		brood_pool_spawn(pool, 1), brood_pool_process(pool, NULL, 1), brood_pool_process_array(pool, NULL, 0, 1),
		brood_pool_submit(pool, (struct brood_bytes){0}), brood_pool_next(pool, &result, 0),
		brood_pool_stream(pool, pull_none, push_none, NULL), brood_pool_cancel(pool), brood_pool_cleanup(pool),
	};
	for (int i = 0; i < (int)(sizeof answers / sizeof *answers); i++)
		if (answers[i] != -EPERM)
			return 10 + i;
	return 0;
}

static int free_copy(brood_channel *channel, void *context)
{
	(void)channel;
	int code = use_copy(context);
	brood_pool_free(context);
	return code;
}

/* Whoever forked; and the pool of the host goes on as if nothing had been. */
START_TEST(copy_in_a_child_is_eperm)
{
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 2));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
	pid_t pid = fork();
	if (!pid) {
		int code = use_copy(pool);
		brood_pool_free(pool);
		_exit(code);
	}
	int status = support_join(pid, 10);
	ck_assert_int_eq(status, 0);
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, free_copy, pool), 0);
	ended(channel, 0, 0);
	struct brood_result result;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
	brood_pool_free(pool);
}
END_TEST

struct views {
	brood_pool *own, *other;
};

static int use_copies(brood_task *task, void *context)
{
	const struct views *views = context;
	int code = use_copy(views->own);
	if (!code)
		code = use_copy(views->other);
	return code ? code : reply_index(task, NULL);
}

/* In a worker: its own pool, and another of the host. */
START_TEST(copy_in_a_worker_is_eperm)
{
	struct views views = {.other = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 1))};
	ck_assert_int_eq(brood_pool_new(&views.own, use_copies, &views, BROOD_OPTIONS(.workers = 2)), 0);
	ck_assert_int_eq(brood_pool_spawn(views.own, 0), 2);
	ck_assert_int_eq(brood_pool_process_array(views.own, NULL, 0, 4), 0);
	for (uint64_t i = 0; i < 4; i++)
		value_is(pool_record(views.own, i), i);
	ck_assert_int_eq(brood_pool_process_array(views.other, NULL, 0, 4), 0);
	brood_pool_free(views.own);
	brood_pool_free(views.other);
}
END_TEST

enum { MANY = 50 };

static atomic_int *done;

static int sleep_or_not(brood_task *task, void *context)
{
	(void)context;
	if (brood_index(task) == 0)
		support_sleep(60);
	atomic_fetch_add(done, 1);
	return 0;
}

/* When all that can be has been done. */
static void *cancel_soon(void *context)
{
	while (atomic_load(done) < MANY - 1)
		support_sleep(0.001);
	support_sleep(0.05);
	brood_pool_cancel(context);
	return NULL;
}

/* From another thread, while the call is under way; what had been done stays done. */
START_TEST(cancel_from_a_thread)
{
	done = shared_memory(sizeof *done);
	brood_pool *pool = pool_with(sleep_or_not, NULL, BROOD_OPTIONS(.workers = 2));
	for (size_t round = 0; round < 3; round++) {
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, pool), 0);
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, round ? 2 : MANY), 0);
		pthread_join(thread, NULL);
	}
	struct brood_result first = pool_record(pool, 0), last = pool_record(pool, MANY - 1);
	ck_assert_int_eq(first.outcome, BROOD_CANCELED);
	ck_assert_str_eq(first.failure->type, "Canceled");
	ck_assert_uint_eq(first.attempts, 1);
	ck_assert_int_eq(last.outcome, BROOD_SUCCESS);
	brood_pool_free(pool);
	munmap(done, sizeof *done);
}
END_TEST

/* Nothing has been submitted before, so that the next call is whole. */
START_TEST(cancel_without_work_cancels_nothing)
{
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 2, .flags = _i ? BROOD_INSIDE : 0));
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
	for (uint64_t i = 0; i < 10; i++)
		value_is(pool_record(pool, i), i);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
	brood_pool_free(pool);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool use");
	TCase *bad = support_case(suite, "bad use", 20);
	tcase_add_test(bad, new_refuses_bad_arguments);
	tcase_add_test(bad, options_of_an_older_header_are_taken);
	tcase_add_test(bad, null_is_einval);
	tcase_add_test(bad, item_without_data_is_einval);
	tcase_add_test(bad, without_workers_is_esrch);
	tcase_add_test(bad, index_past_the_end_is_erange);
	tcase_add_test(bad, too_much_is_refused);
	tcase_add_test(bad, no_time_is_einval);
	TCase *forks = support_case(suite, "forks", 20);
	tcase_add_test(forks, copy_in_a_child_is_eperm);
	tcase_add_test(forks, copy_in_a_worker_is_eperm);
	TCase *cancel = support_case(suite, "cancel", 20);
	tcase_add_test(cancel, cancel_from_a_thread);
	tcase_add_loop_test(cancel, cancel_without_work_cancels_nothing, 0, 2);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
