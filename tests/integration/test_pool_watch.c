/* SPDX-License-Identifier: MIT */
/* A pool in a loop of the host's own: brood_pool_fd. */
#include "stream.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* How often the descriptor was readable. */
static unsigned wakes;

static int fd_of(brood_pool *pool)
{
	const int fd = brood_pool_fd(pool);
	ck_assert_int_ge(fd, 3);
	ck_assert_int_eq(brood_pool_fd(pool), fd);
	return fd;
}

static bool readable(int fd, double seconds)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};
	const int count = poll(&item, 1, (int)(seconds * 1000));
	ck_assert_int_ge(count, 0);
	wakes += count > 0;
	return count;
}

/* The loop of a host: sleeps at nothing but the descriptor, and then takes all that there is, or at most so many records. */
static int next_watched(brood_pool *pool, int fd, struct brood_result *result)
{
	int got;
	while ((got = brood_pool_next(pool, result, 0)) == -ETIMEDOUT)
		ck_assert_msg(readable(fd, support_scale(20)), "the descriptor says nothing");
	return got;
}

static struct brood_result next_told(brood_pool *pool, int fd)
{
	struct brood_result result;
	ck_assert_int_eq(next_watched(pool, fd, &result), 1);
	return result;
}

static void end_told(brood_pool *pool, int fd)
{
	struct brood_result result;
	ck_assert_int_eq(next_watched(pool, fd, &result), 0);
}

/* It may have some more to say, of a worker that is kept ready or has ended, but not for long. */
static void must_fall_silent(brood_pool *pool, int fd)
{
	for (int i = 0; readable(fd, 0.2); i++) {
		ck_assert_int_lt(i, 30);
		end_told(pool, fd);
	}
}

static int take_time(brood_task *task, void *context)
{
	support_sleep(*(const double *)context);
	return reply_item(task, NULL);
}

enum way { AT_ONCE, ORDERED, TIGHT, INSIDE, REPORTED, RETRIED, WAYS };

static void count_success(void *context, const struct brood_event *event)
{
	(void)event;
	++*(size_t *)context;
}

/* Items of no time, of little, and of much, by every way in which the host hears of them. */
START_TEST(a_loop_takes_every_record)
{
	static const double times[] = {0, 0.0001, 0.004};
	static const size_t counts[] = {20000, 2000, 100};
	const enum way way = (enum way)(_i % WAYS);
	const size_t count = counts[_i / WAYS];
	double seconds = times[_i / WAYS];
	size_t successes = 0, submitted = 0;
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &successes, .success = count_success};
	brood_pool *pool = pool_with(seconds > 0 ? take_time : reply_item, &seconds, BROOD_OPTIONS(.workers = 2,
				     .window = way == TIGHT ? 4 : 0, .flags = way == ORDERED ? BROOD_ORDERED : way == INSIDE ? BROOD_INSIDE : 0,
				     .reporter = way == REPORTED ? &reporter : NULL, .retries = way == RETRIED));
	const int fd = fd_of(pool);
	bool *seen = calloc(count, sizeof *seen);
	for (size_t taken = 0; taken < count; taken++) {
		while (submitted < count) {
			const int error = submit_number(pool, submitted);
			if (error == -EAGAIN)
				break;
			ck_assert_int_eq(error, 0);
			submitted++;
		}
		const struct brood_result result = next_told(pool, fd);
		if (seen[result.index] || result.outcome != BROOD_SUCCESS || *(const uint64_t *)result.value.data != result.index)
			ck_abort_msg("record %zu is wrong", result.index);
		seen[result.index] = true;
	}
	end_told(pool, fd);
	ck_assert_uint_eq(successes, way == REPORTED ? count : 0);
	free(seen);
	brood_pool_free(pool);
}
END_TEST

/* Who takes one record for each time that the descriptor is readable comes to all of them. */
START_TEST(it_stays_readable_while_there_is_a_record)
{
	enum { COUNT = 500 };
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .flags = _i ? BROOD_INSIDE : 0));
	const int fd = fd_of(pool);
	struct brood_result result;
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	for (size_t taken = 0; taken < COUNT;) {
		ck_assert(readable(fd, support_scale(20)));
		const int got = brood_pool_next(pool, &result, 0);
		ck_assert(got == 1 || got == -ETIMEDOUT);
		taken += got == 1;
	}
	end_told(pool, fd);
	must_fall_silent(pool, fd);
	brood_pool_free(pool);
}
END_TEST

/* A host that was told by the timer alone would take a tenth of a second for each. */
START_TEST(a_record_is_told_when_it_is_there)
{
	double seconds = 0.002;
	brood_pool *pool = pool_with(take_time, &seconds, BROOD_OPTIONS(.workers = 2));
	const int fd = fd_of(pool);
	const double begin = support_now();
	for (uint64_t i = 0; i < 20; i++) {
		must_submit(pool, i);
		ck_assert_uint_eq(next_told(pool, fd).index, i);
	}
	ck_assert_double_lt(support_now() - begin, support_scale(1));
	end_told(pool, fd);
	brood_pool_free(pool);
}
END_TEST

/* Ten items of 50 ms in two workers are a quarter of a second, in which a host that was told of nothing else has little to do. */
START_TEST(a_loop_sleeps_while_nothing_happens)
{
	enum { COUNT = 10 };
	double seconds = 0.05;
	brood_pool *pool = pool_with(take_time, &seconds, BROOD_OPTIONS(.workers = 2, .timeout = 10));
	const int fd = fd_of(pool);
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	wakes = 0;
	for (int i = 0; i < COUNT; i++)
		next_told(pool, fd);
	end_told(pool, fd);
	ck_assert_uint_lt(wakes, 100);
	must_fall_silent(pool, fd);
	must_submit(pool, 7);
	ck_assert(readable(fd, support_scale(5)));
	ck_assert_uint_eq(next_told(pool, fd).index, COUNT);
	brood_pool_free(pool);
}
END_TEST

/* The item says how long it takes; negative: for ever. */
static int take_as_long(brood_task *task, void *context)
{
	double seconds;
	memcpy(&seconds, brood_item(task).data, sizeof seconds);
	while (seconds < 0)
		pause();
	support_sleep(seconds);
	return reply_item(task, context);
}

static void must_submit_seconds(brood_pool *pool, double seconds)
{
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&seconds, sizeof seconds}), 0);
}

enum before_sleep { IDLE, WITHIN, AFTER_BATCH, NO_NURSERY, WITH_LIMIT, BEFORE_SLEEPS };

/* The host submits as the last thing before it sleeps, and has made no call of brood_pool_next since. */
START_TEST(what_is_submitted_before_the_sleep_is_told)
{
	const enum before_sleep way = (enum before_sleep)_i;
	brood_pool *pool = pool_with(take_as_long, NULL, BROOD_OPTIONS(.workers = 1, .flags = way == WITHIN ? BROOD_INSIDE : 0,
				     .timeout = way == WITH_LIMIT ? 0.2 : 0, .grace = -1));
	const int fd = fd_of(pool);
	struct brood_result result;
	must_submit_seconds(pool, 0);
	next_told(pool, fd);
	must_fall_silent(pool, fd);
	if (way == AFTER_BATCH) {
		static const double none[1000];
		ck_assert_int_eq(brood_pool_process_array(pool, none, sizeof *none, 1000), 0);
	} else if (way == NO_NURSERY) {
		const pid_t nursery = support_child_named("brood-nursery");
		ck_assert_int_eq(kill(nursery, SIGKILL), 0);
		ck_assert(readable(fd, support_scale(10)));
		must_fall_silent(pool, fd);
	}
	must_submit_seconds(pool, way == WITH_LIMIT ? -1 : 0);
	int got = -ETIMEDOUT;
	while (got == -ETIMEDOUT) {
		ck_assert(readable(fd, support_scale(10)));
		got = brood_pool_next(pool, &result, 0);
	}
	ck_assert_int_eq(got, 1);
	ck_assert_int_eq(result.outcome, way == WITH_LIMIT ? BROOD_TIMEOUT : BROOD_SUCCESS);
	brood_pool_free(pool);
}
END_TEST

/* That there was no room for an item is no news either. */
START_TEST(a_full_window_is_silent)
{
	brood_pool *pool = pool_with(take_as_long, NULL, BROOD_OPTIONS(.workers = 1, .window = 2, .flags = _i ? BROOD_ORDERED : 0));
	const int fd = fd_of(pool);
	struct brood_result result;
	must_submit_seconds(pool, support_scale(0.5));
	must_submit_seconds(pool, 0);
	int told = 0;
	for (int i = 0; i < 100; i++) {
		const double seconds = 0;
		while (readable(fd, 0) && told++ < 1000)
			ck_assert_int_eq(brood_pool_next(pool, &result, 0), -ETIMEDOUT);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&seconds, sizeof seconds}), -EAGAIN);
		support_sleep(0.001);
	}
	ck_assert_int_lt(told, 50);
	brood_pool_free(pool);
}
END_TEST

/* Nor does a short item wait for a long one, where there is another worker. */
START_TEST(what_is_kept_back_is_given_out)
{
	brood_pool *pool = pool_with(take_as_long, NULL, BROOD_OPTIONS(.workers = 2));
	const int fd = fd_of(pool);
	must_submit_seconds(pool, 0);
	next_told(pool, fd);
	must_fall_silent(pool, fd);
	const double begin = support_now();
	must_submit_seconds(pool, support_scale(3));
	must_submit_seconds(pool, 0);
	ck_assert(readable(fd, support_scale(10)));
	ck_assert_uint_eq(next_told(pool, fd).index, 2);
	ck_assert_double_lt(support_now() - begin, support_scale(2));
	brood_pool_free(pool);
}
END_TEST

static void note_worker(void *context, const struct brood_event *event)
{
	*(pid_t *)context = event->pid;
}

/* Before the first item, or after a batch, there is no round for what a worker leaves behind. */
START_TEST(a_worker_dies_when_there_is_nothing)
{
	pid_t worker = 0;
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &worker, .spawn = note_worker};
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1, .reporter = _i / 2 ? NULL : &reporter));
	const int fd = fd_of(pool);
	if (_i % 2)
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
	const pid_t victim = _i / 2 ? support_child_named("brood-nursery") : worker;
	ck_assert_int_gt(victim, 0);
	ck_assert_int_eq(kill(victim, SIGKILL), 0);
	support_sleep(0.1);
	must_fall_silent(pool, fd);
	must_submit(pool, 1);
	ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
	brood_pool_free(pool);
}
END_TEST

START_TEST(without_workers_it_says_nothing)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .flags = _i % 2 ? BROOD_INSIDE : 0));
	const int fd = fd_of(pool);
	must_submit(pool, 0);
	if (_i / 2)
		ck_assert_int_eq(brood_pool_cancel(pool), 0);
	else
		next_told(pool, fd);
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	ck_assert(!readable(fd, 0.3));
	ck_assert_int_ge(brood_pool_spawn(pool, 0), 1);
	must_submit(pool, 0);
	ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
	brood_pool_free(pool);
}
END_TEST

static int misbehave(brood_task *task, void *context)
{
	(void)context;
	switch (brood_index(task) % 8) {
	case 1:
		raise(SIGKILL);
		break;
	case 3:
		if (brood_attempt(task) < 3)
			return 1;
		break;
	case 5:
		for (;;)
			pause();
	case 6:
		return brood_fail(task, 6, "Six", "the sixth");
	default:
		break;
	}
	return reply_item(task, NULL);
}

START_TEST(what_fails_is_told_too)
{
	enum { COUNT = 32 };
	brood_pool *pool = pool_with(misbehave, NULL, BROOD_OPTIONS(.workers = 2, .timeout = 0.05, .grace = -1, .retries = 2,
				     .backoff = 0.02));
	const int fd = fd_of(pool);
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	size_t outcomes[BROOD_CANCELED + 1] = {0};
	for (int i = 0; i < COUNT; i++) {
		const struct brood_result result = next_told(pool, fd);
		const size_t kind = result.index % 8;
		ck_assert_int_eq(result.outcome, kind == 1 ? BROOD_ABORT : kind == 5 ? BROOD_TIMEOUT : kind == 6 ? BROOD_FAIL : BROOD_SUCCESS);
		ck_assert_uint_eq(result.attempts, kind == 1 || kind == 3 || kind == 5 || kind == 6 ? 3 : 1);
		outcomes[result.outcome]++;
	}
	end_told(pool, fd);
	ck_assert_uint_eq(outcomes[BROOD_SUCCESS], COUNT * 5 / 8);
	brood_pool_free(pool);
}
END_TEST

static void *cancel_soon(void *pool)
{
	support_sleep(0.05);
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	return NULL;
}

START_TEST(a_cancel_wakes_the_loop)
{
	enum { COUNT = 6 };
	double seconds = 1000;
	brood_pool *pool = pool_with(take_time, &seconds, BROOD_OPTIONS(.workers = 2, .grace = -1));
	const int fd = fd_of(pool);
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, pool), 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_CANCELED);
	end_told(pool, fd);
	pthread_join(thread, NULL);
	/* One that finds nothing to cancel is heard once. */
	ck_assert_int_eq(brood_pool_cancel(pool), 0);
	end_told(pool, fd);
	must_fall_silent(pool, fd);
	brood_pool_free(pool);
}
END_TEST

/* What dies while nobody works is seen to, and then forgotten. */
START_TEST(a_death_at_rest_is_no_news_for_long)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2));
	const int fd = fd_of(pool);
	must_submit(pool, 0);
	const struct brood_result result = next_told(pool, fd);
	ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
	end_told(pool, fd);
	const pid_t nursery = support_child_named("brood-nursery");
	ck_assert_int_gt(nursery, 0);
	ck_assert_int_eq(kill(nursery, SIGKILL), 0);
	must_fall_silent(pool, fd);
	must_submit(pool, 1);
	ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
	end_told(pool, fd);
	brood_pool_free(pool);
}
END_TEST

START_TEST(it_is_the_same_for_all_workers_that_a_pool_has)
{
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_item, NULL, NULL), 0);
	const int fd = fd_of(pool);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_int_eq(brood_pool_spawn(pool, 2), 2);
		ck_assert(readable(fd, support_scale(5)));
		end_told(pool, fd);
		for (int batch = 0; batch < 2; batch++) {
			ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
			end_told(pool, fd);
			must_submit(pool, i);
			ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
			end_told(pool, fd);
		}
		/* Left in the middle. */
		must_submit(pool, i);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		ck_assert_int_eq(fd_of(pool), fd);
	}
	brood_pool_free(pool);
}
END_TEST

static void is_refused(void *pool)
{
	ck_assert_int_eq(brood_pool_fd(pool), -EPERM);
}

START_TEST(a_forked_child_has_no_part_in_it)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2));
	const int fd = fd_of(pool);
	for (uint64_t i = 0; i < 5; i++) {
		must_submit(pool, i);
		support_join_ok(support_fork(is_refused, pool, 10), 10);
		ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
		end_told(pool, fd);
	}
	brood_pool_free(pool);
	ck_assert_int_eq(brood_pool_fd(NULL), -EINVAL);
}
END_TEST

START_TEST(without_descriptors_the_pool_goes_on)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2));
	struct rlimit before, none;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	/* Of the two that it takes there is none, and one. */
	for (int left = 0; left < 2; left++) {
		const int lowest = dup(2);
		ck_assert_int_ge(lowest, 0);
		close(lowest);
		none = (struct rlimit){(rlim_t)(lowest + left), before.rlim_max};
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
		ck_assert_int_eq(brood_pool_fd(pool), -EMFILE);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	}
	must_submit(pool, 0);
	const int fd = fd_of(pool);
	ck_assert_int_eq(next_told(pool, fd).outcome, BROOD_SUCCESS);
	end_told(pool, fd);
	brood_pool_free(pool);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool_watch");
	TCase *tests = support_case(suite, "watch", 60);
	tcase_add_loop_test(tests, a_loop_takes_every_record, 0, 3 * WAYS);
	tcase_add_loop_test(tests, it_stays_readable_while_there_is_a_record, 0, 2);
	tcase_add_test(tests, a_record_is_told_when_it_is_there);
	tcase_add_test(tests, a_loop_sleeps_while_nothing_happens);
	tcase_add_loop_test(tests, what_is_submitted_before_the_sleep_is_told, 0, BEFORE_SLEEPS);
	tcase_add_test(tests, what_is_kept_back_is_given_out);
	tcase_add_loop_test(tests, a_full_window_is_silent, 0, 2);
	tcase_add_loop_test(tests, a_worker_dies_when_there_is_nothing, 0, 4);
	tcase_add_loop_test(tests, without_workers_it_says_nothing, 0, 4);
	tcase_add_test(tests, what_fails_is_told_too);
	tcase_add_test(tests, a_cancel_wakes_the_loop);
	tcase_add_test(tests, a_death_at_rest_is_no_news_for_long);
	tcase_add_test(tests, it_is_the_same_for_all_workers_that_a_pool_has);
	tcase_add_test(tests, a_forked_child_has_no_part_in_it);
	tcase_add_test(tests, without_descriptors_the_pool_goes_on);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
