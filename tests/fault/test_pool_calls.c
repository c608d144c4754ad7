/* SPDX-License-Identifier: MIT */
/* Every call that a pool makes, in the host, the nursery and the workers, fails in turn: all records are there and right, or
   there is a clear error; nothing is leaked, nothing hangs. */
#include "faults.h"
#include "process.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { COUNT = 12, LONG = 100 };

/* Half of the values are short, half are long. */
static int reply_number(brood_task *task, void *context)
{
	char text[LONG];
	size_t index = brood_index(task);
	(void)context;
	memset(text, (int)('a' + index % 26), sizeof text);
	return brood_reply(task, text, index % 2 ? sizeof text : 3);
}

static void check_value(const struct brood_result *result)
{
	const char *value = result->value.data;
	ck_assert_uint_eq(result->value.size, result->index % 2 ? LONG : 3);
	for (size_t i = 0; i < result->value.size; i++)
		ck_assert_int_eq(value[i], (int)('a' + result->index % 26));
}

/* A value, or for the one call that failed a record that says why there is none. */
static bool check_record(const struct brood_result *result)
{
	if (result->outcome == BROOD_SUCCESS)
		check_value(result);
	else
		ck_assert_msg(faults_failed() && (result->outcome == BROOD_FAIL || result->outcome == BROOD_ABORT),
			      "item %zu: outcome %d with %s failing", result->index, (int)result->outcome,
			      faults_failed() ? faults_failed() : "nothing");
	return result->outcome != BROOD_SUCCESS;
}

static void check_results(const brood_results *results, size_t count)
{
	size_t failed = 0;
	ck_assert_uint_eq(brood_results_count(results), count);
	for (size_t i = 0; i < count; i++) {
		struct brood_result result;
		int error = brood_results_get(results, i, &result);
		if (error)
			ck_assert(error == -ENOMEM && faults_failed());
		error = error ? brood_results_get(results, i, &result) : 0;
		ck_assert_int_eq(error, 0);
		ck_assert_uint_eq(result.index, i);
		failed += check_record(&result);
	}
	ck_assert_msg(failed <= 1, "%zu items without a value, with one call failing: %s", failed, faults_failed());
}

static void clear_error(int result)
{
	ck_assert_msg(result < 0 && result > -4096 && faults_failed(), "result %d with %s failing", result,
		      faults_failed() ? faults_failed() : "nothing");
}

static void parallelize(void *context)
{
	const struct brood_options *options = context;
	brood_results *const untouched = (brood_results *)&context;
	brood_results *results = untouched;
	int error = brood_parallelize_array(&results, reply_number, NULL, NULL, 0, COUNT, options);
	if (error) {
		clear_error(error);
		ck_assert_ptr_eq(results, untouched);
		return;
	}
	check_results(results, COUNT);
	brood_results_free(results);
}

static void process(void *context)
{
	brood_pool *pool;
	const struct brood_bytes items[] = {{"one", 3}, {"two", 3}, {"three", 5}};
	int error = brood_pool_new(&pool, reply_number, NULL, context);
	if (error) {
		clear_error(error);
		return;
	}
	error = brood_pool_spawn(pool, 0);
	if (error < 0)
		clear_error(error);
	size_t count = 0;
	for (int i = 0; error >= 0 && i < 3; i++) {
		error = brood_pool_process(pool, items, 3);
		if (error < 0)
			clear_error(error);
		else
			count += 3;
	}
	if (error >= 0)
		check_results(brood_pool_results(pool), count);
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	brood_pool_free(pool);
}

static int submit_all(brood_pool *pool)
{
	int error = 0;
	for (size_t i = 0; !error && i < COUNT; i++)
		error = brood_pool_submit(pool, (struct brood_bytes){"an item that is too long for its slot", 36});
	return error;
}

/* By a host that sleeps in the call, or at the descriptor alone. */
static int next_record(brood_pool *pool, int fd, struct brood_result *result)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};
	int got;
	while ((got = brood_pool_next(pool, result, fd < 0 ? -1 : 0)) == -ETIMEDOUT)
		ck_assert_int_eq(poll(&item, 1, 20000), 1);
	return got;
}

static void run_stream(const struct brood_options *options, bool watched)
{
	brood_pool *pool;
	int error = brood_pool_new(&pool, reply_number, NULL, options);
	if (!error) {
		const int fd = watched ? brood_pool_fd(pool) : -1;
		if (watched && fd < 0)
			clear_error(fd);
		error = brood_pool_spawn(pool, 0);
		error = error < 0 ? error : submit_all(pool);
		size_t taken = 0, failed = 0;
		struct brood_result result;
		while (!error && (error = next_record(pool, fd, &result)) > 0) {
			failed += check_record(&result);
			taken++;
			error = 0;
		}
		if (!error)
			ck_assert(taken == COUNT && failed <= 1);
		brood_pool_free(pool);
	}
	if (error)
		clear_error(error);
}

static void stream(void *context)
{
	run_stream(context, false);
}

static void watched(void *context)
{
	run_stream(context, true);
}

/* As a scenario's context, which it only reads. */
static void *options_of(const struct brood_options *options)
{
	static struct brood_options copies[16];
	static size_t used;
	copies[used % 16] = *options;
	return &copies[used++ % 16];
}

START_TEST(each_call_of_parallelize)
{
	support_watch_mappings();
	ck_assert_uint_gt(faults_each_plan(parallelize, options_of(BROOD_OPTIONS(.workers = 2)), &(struct faults_plan){.mappings = true}), 40);
}
END_TEST

START_TEST(each_call_with_limits)
{
	faults_each(parallelize, options_of(BROOD_OPTIONS(.workers = 2, .timeout = 60, .retries = 1, .recycle_after = 3,
						       .memory_limit = (size_t)1 << 30, .recycle_size = (size_t)1 << 30, .threads = 1,
						       .flags = BROOD_PINNED | BROOD_COSTS)));
}
END_TEST

START_TEST(each_call_of_process)
{
	ck_assert_uint_gt(faults_each(process, options_of(BROOD_OPTIONS(.workers = 2))), 40);
}
END_TEST

START_TEST(each_call_of_a_stream)
{
	ck_assert_uint_gt(faults_each(stream, options_of(BROOD_OPTIONS(.workers = 2, .window = 16))), 40);
}
END_TEST

START_TEST(each_call_of_a_watched_stream)
{
	/* The other calls are those of a stream. */
	const struct faults_plan plan = {.only = "timerfd_create timerfd_settime epoll_create1 epoll_ctl ppoll"};
	ck_assert_uint_gt(faults_each_plan(watched, options_of(BROOD_OPTIONS(.workers = 2, .window = 16)), &plan), 8);
	faults_each_plan(watched, options_of(BROOD_OPTIONS(.flags = BROOD_INSIDE)), &plan);
}
END_TEST

START_TEST(each_call_inside)
{
	faults_each(parallelize, options_of(BROOD_OPTIONS(.flags = BROOD_INSIDE)));
	faults_each(stream, options_of(BROOD_OPTIONS(.flags = BROOD_INSIDE | BROOD_COSTS)));
}
END_TEST

/* From the nth fork on there are no more processes. */
START_TEST(no_more_processes)
{
	const struct faults_plan plan = {.from = true, .only = "fork clone syscall"};
	ck_assert_uint_gt(faults_each_plan(parallelize, options_of(BROOD_OPTIONS(.workers = 3)), &plan), 1);
	ck_assert_uint_gt(faults_each_plan(process, options_of(BROOD_OPTIONS(.workers = 3)), &plan), 1);
}
END_TEST

/* From some moment on there is no memory. */
START_TEST(no_more_memory)
{
	const struct faults_plan plan = {.from = true, .only = "malloc calloc realloc mmap"};
	faults_each_plan(parallelize, options_of(BROOD_OPTIONS(.workers = 2)), &plan);
	faults_each_plan(stream, options_of(BROOD_OPTIONS(.workers = 2, .window = 16)), &plan);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool calls");
	TCase *calls = support_case(suite, "calls", 100);
	tcase_add_test(calls, each_call_of_parallelize);
	tcase_add_test(calls, each_call_with_limits);
	tcase_add_test(calls, each_call_of_process);
	tcase_add_test(calls, each_call_of_a_stream);
	tcase_add_test(calls, each_call_of_a_watched_stream);
	tcase_add_test(calls, each_call_inside);
	tcase_add_test(calls, no_more_processes);
	tcase_add_test(calls, no_more_memory);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
