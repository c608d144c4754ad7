/* SPDX-License-Identifier: MIT */
/* A pool from brood_pool_new to brood_pool_free: workers, records that accrue, and what a work function is given. */
#include "pool.h"

#include <signal.h>

START_TEST(new_makes_no_workers)
{
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, NULL), 0);
	ck_assert_int_eq(support_children(), 0);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	brood_pool_free(pool);
	brood_pool_free(NULL);
	brood_results_free(NULL);
}
END_TEST

START_TEST(spawn_says_how_many_there_are)
{
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, NULL), 0);
	ck_assert_int_eq(brood_pool_spawn(pool, 0), brood_processors());
	brood_pool_free(pool);
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, BROOD_OPTIONS(.workers = 3)), 0);
	ck_assert_int_eq(brood_pool_spawn(pool, 0), 3);
	ck_assert_int_eq(brood_pool_spawn(pool, 0), -EALREADY);
	ck_assert_int_eq(brood_pool_spawn(pool, 2), -EALREADY);
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	ck_assert_int_eq(brood_pool_spawn(pool, 5), 5);
	brood_pool_free(pool);
}
END_TEST

START_TEST(every_item_has_a_record)
{
	char words[][8] = {"one", "two", "", "a longe", "x"};
	struct brood_bytes items[5];
	for (int i = 0; i < 5; i++)
		items[i] = bytes_of(words[i]);
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process(pool, items, 5), 0);
	/* The pool has copies. */
	char copies[5][8];
	memcpy(copies, words, sizeof words);
	memset(words, '?', sizeof words);
	memset(items, 0, sizeof items);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 5);
	for (size_t i = 0; i < 5; i++) {
		struct brood_result result = pool_record(pool, i);
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		ck_assert_uint_eq(result.attempts, 1);
		ck_assert(result.worker >= 0 && result.worker < 3);
		ck_assert(!result.failure && !result.status);
		ck_assert_uint_eq(result.item.size, strlen(copies[i]));
		ck_assert_uint_eq(result.value.size, strlen(copies[i]));
		if (result.value.size) {
			ck_assert_mem_eq(result.item.data, copies[i], result.item.size);
			ck_assert_mem_eq(result.value.data, copies[i], result.value.size);
		}
	}
	brood_pool_free(pool);
}
END_TEST

static int reply_both(brood_task *task, void *context)
{
	uint64_t index = brood_index(task);
	int error = brood_reply(task, &index, sizeof index);
	return error ? error : reply_item(task, context);
}

/* Lists, arrays and counts in turn; an item's index goes on from call to call. */
START_TEST(results_accrue)
{
	enum { ROUNDS = 30 };
	brood_pool *pool = pool_with(reply_both, NULL, BROOD_OPTIONS(.workers = 2));
	size_t count = 0;
	for (int round = 0; round < ROUNDS; round++) {
		int numbers[7];
		struct brood_bytes items[7];
		for (int i = 0; i < 7; i++) {
			numbers[i] = 1000 * round + i;
			items[i] = (struct brood_bytes){&numbers[i], sizeof *numbers};
		}
		int error = round % 3 == 0 ? brood_pool_process(pool, items, 7)
			    : round % 3 == 1 ? brood_pool_process_array(pool, numbers, sizeof *numbers, 7)
					     : brood_pool_process_array(pool, NULL, 0, 7);
		ck_assert_int_eq(error, 0);
		count += 7;
		ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), count);
	}
	for (size_t i = 0; i < count; i++) {
		struct brood_result result = pool_record(pool, i);
		size_t round = i / 7, size = round % 3 == 2 ? 0 : sizeof(int);
		int number = (int)(1000 * round + i % 7);
		uint64_t index;
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		ck_assert_uint_eq(result.item.size, size);
		ck_assert_uint_eq(result.value.size, sizeof index + size);
		memcpy(&index, result.value.data, sizeof index);
		ck_assert_uint_eq(index, i);
		if (size) {
			ck_assert_mem_eq(result.item.data, &number, size);
			ck_assert_mem_eq((const char *)result.value.data + sizeof index, &number, size);
		}
	}
	brood_pool_free(pool);
}
END_TEST

START_TEST(no_items_are_done_at_once)
{
	brood_results *results;
	brood_pool *pool = pool_with(reply_index, NULL, NULL);
	ck_assert_int_eq(brood_pool_process(pool, NULL, 0), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 0), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, "", 1, 0), 0);
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	uint64_t zero = 0;
	value_is(pool_record(pool, 0), zero);
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize(&results, reply_index, NULL, NULL, 0, NULL), 0);
	ck_assert_uint_eq(brood_results_count(results), 0);
	brood_results_free(results);
}
END_TEST

START_TEST(many_items_are_each_done_once)
{
	enum { COUNT = 200000 };
	brood_results *results;
	const size_t count = (size_t)rounds(COUNT);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, count, NULL), 0);
	const uint64_t *values = brood_results_values(results, sizeof *values);
	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(values[i], i);
	brood_results_free(results);
}
END_TEST

START_TEST(equal_items_have_records_of_their_own)
{
	const struct brood_bytes items[] = {bytes_of("same"), bytes_of("other"), bytes_of("same"), bytes_of("same")};
	brood_pool *pool = pool_with(reply_index, NULL, NULL);
	ck_assert_int_eq(brood_pool_process(pool, items, 4), 0);
	for (uint64_t i = 0; i < 4; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
}
END_TEST

START_TEST(find_gives_the_first_item_with_these_bytes)
{
	const struct brood_bytes items[] = {bytes_of("b"), bytes_of("a"), bytes_of(""), bytes_of("a"), {"a\0b", 3}, {"a\0c", 3}};
	static const size_t first[] = {0, 1, 2, 1, 4, 5};
	struct brood_result result = {.index = 99};
	brood_pool *pool = pool_with(reply_index, NULL, NULL);
	const brood_results *results = brood_pool_results(pool);
	ck_assert_int_eq(brood_results_find(results, items[0], &result), -ENOENT);
	ck_assert_int_eq(brood_pool_process(pool, items, 6), 0);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(brood_results_find(results, items[i], &result), 0);
		ck_assert_uint_eq(result.index, first[i]);
		value_is(result, (uint64_t){first[i]});
	}
	ck_assert_int_eq(brood_results_find(results, bytes_of("c"), &result), -ENOENT);
	ck_assert_uint_eq(result.index, 5);
	/* What was looked for before it was there is found once it is. */
	char numbers[1000][4];
	for (int i = 0; i < 1000; i++)
		snprintf(numbers[i], sizeof numbers[i], "%03d", i);
	ck_assert_int_eq(brood_results_find(results, bytes_of("777"), &result), -ENOENT);
	ck_assert_int_eq(brood_pool_process_array(pool, numbers, sizeof *numbers, 1000), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, numbers, sizeof *numbers, 1000), 0);
	for (size_t i = 0; i < 1000; i++) {
		ck_assert_int_eq(brood_results_find(results, (struct brood_bytes){numbers[i], sizeof *numbers}, &result), 0);
		ck_assert_uint_eq(result.index, 6 + i);
	}
	brood_pool_free(pool);
}
END_TEST

/* --- workers ------------------------------------------------------------------------------------------------------- */

static int moment;

static int reply_moment(brood_task *task, void *context)
{
	if (brood_index(task) == 1 && brood_attempt(task) == 1)
		abort();
	return *(int *)context != moment ? -1 : brood_reply(task, &moment, sizeof moment);
}

/* Also those that replace others; and after a cleanup those of a later moment. */
START_TEST(workers_see_the_memory_of_the_spawn)
{
	int seen = 0;
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_moment, &seen, BROOD_OPTIONS(.workers = 1, .retries = 1)), 0);
	for (int round = 1; round <= 3; round++) {
		seen = moment = round;
		ck_assert_int_eq(brood_pool_spawn(pool, 0), 1);
		seen = moment = 100 + round;
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), 0);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		ck_assert_int_eq(support_children(), 0);
		/* Results stay. */
		ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 3 * (size_t)round);
		for (int i = 0; i < 3 * round; i++)
			value_is(pool_record(pool, (size_t)i), (int){1 + i / 3});
	}
	ck_assert_uint_eq(pool_record(pool, 1).attempts, 2);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), -ESRCH);
	brood_pool_free(pool);
}
END_TEST

/* The parts of the region that each line has are of a gigabyte, where there are addresses. */
START_TEST(spawned_any_number_of_times)
{
	enum { SPAWNS = 330 };
	const bool inside = _i;
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_item, NULL, BROOD_OPTIONS(.workers = 2, .flags = inside ? BROOD_INSIDE : 0)), 0);
	for (uint64_t round = 0; round < SPAWNS; round++) {
		const uint64_t item[] = {round, ~round, round};
		ck_assert_int_eq(brood_pool_spawn(pool, 0), inside ? 1 : 2);
		ck_assert_int_eq(brood_pool_process_array(pool, item, sizeof item, 1), 0);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	}
	for (uint64_t i = 0; i < SPAWNS; i++) {
		const uint64_t item[] = {i, ~i, i};
		value_is(pool_record(pool, i), item);
	}
	brood_pool_free(pool);
}
END_TEST

static int reply_place(brood_task *task, void *context)
{
	pid_t place[] = {getpid(), getpgrp(), getppid()};
	(void)context;
	return brood_reply(task, place, sizeof place);
}

START_TEST(workers_lead_groups_and_end_with_the_cleanup)
{
	enum { COUNT = 40 };
	pid_t pids[COUNT];
	brood_pool *pool = pool_with(reply_place, NULL, BROOD_OPTIONS(.workers = 3));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	for (size_t i = 0; i < COUNT; i++) {
		pid_t place[3];
		struct brood_result result = pool_record(pool, i);
		ck_assert_uint_eq(result.value.size, sizeof place);
		memcpy(place, result.value.data, sizeof place);
		ck_assert_int_eq(place[0], place[1]);
		ck_assert_int_ne(place[0], getpid());
		ck_assert_int_ne(place[2], getpid());
		pids[i] = place[0];
		ck_assert(support_process_alive(pids[i]));
	}
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert(!support_process_alive(pids[i]));
	brood_pool_free(pool);
}
END_TEST

static int reply_seed(brood_task *task, void *context)
{
	uint64_t seed = brood_seed(task);
	(void)context;
	if (brood_index(task) % 7 == 3 && brood_attempt(task) == 1)
		return brood_fail(task, 1, "Again", "%llu", (unsigned long long)seed);
	return brood_reply(task, &seed, sizeof seed);
}

START_TEST(seed_is_made_of_the_option_and_the_index_alone)
{
	enum { COUNT = 500 };
	static const int workers[] = {1, 3, 2, 2};
	static const uint64_t seeds[] = {0, 0, 42, 42};
	brood_results *results[4];
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(brood_parallelize_array(&results[i], reply_seed, NULL, NULL, 0, COUNT,
			BROOD_OPTIONS(.workers = workers[i], .seed = seeds[i], .retries = 1, .flags = i == 3 ? BROOD_INSIDE : 0)), 0);
	const uint64_t *values[4];
	for (int i = 0; i < 4; i++) {
		values[i] = brood_results_values(results[i], sizeof(uint64_t));
		ck_assert_ptr_nonnull(values[i]);
	}
	ck_assert_mem_eq(values[0], values[1], COUNT * sizeof(uint64_t));
	ck_assert_mem_eq(values[2], values[3], COUNT * sizeof(uint64_t));
	for (int i = 0; i < COUNT; i++) {
		ck_assert_uint_ne(values[0][i], values[2][i]);
		for (int j = 0; j < i; j++)
			ck_assert(values[0][i] != values[0][j] && values[2][i] != values[2][j]);
	}
	for (int i = 0; i < 4; i++)
		brood_results_free(results[i]);
}
END_TEST

/* The results of brood_parallelize stand for themselves, and their items are the caller's own. */
START_TEST(parallelize_copies_no_items)
{
	const int numbers[] = {5, 6, 7};
	const struct brood_bytes items[] = {bytes_of("first"), bytes_of("second")};
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_item, NULL, numbers, sizeof *numbers, 3, NULL), 0);
	ck_assert_int_eq(support_children(), 0);
	for (size_t i = 0; i < 3; i++) {
		value_is(record_of(results, i), numbers[i]);
		ck_assert_ptr_eq(record_of(results, i).item.data, &numbers[i]);
	}
	brood_results_free(results);
	ck_assert_int_eq(brood_parallelize(&results, reply_item, NULL, items, 2, BROOD_OPTIONS(.workers = 1)), 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_ptr_eq(record_of(results, i).item.data, items[i].data);
		ck_assert_uint_eq(record_of(results, i).value.size, items[i].size);
	}
	brood_results_free(results);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_test(all, new_makes_no_workers);
	tcase_add_test(all, spawn_says_how_many_there_are);
	tcase_add_test(all, every_item_has_a_record);
	tcase_add_test(all, results_accrue);
	tcase_add_test(all, no_items_are_done_at_once);
	tcase_add_test(all, many_items_are_each_done_once);
	tcase_add_test(all, equal_items_have_records_of_their_own);
	tcase_add_test(all, find_gives_the_first_item_with_these_bytes);
	TCase *workers = support_case(suite, "workers", 30);
	tcase_add_test(workers, workers_see_the_memory_of_the_spawn);
	tcase_add_loop_test(workers, spawned_any_number_of_times, 0, 2);
	tcase_add_test(workers, workers_lead_groups_and_end_with_the_cleanup);
	tcase_add_test(workers, seed_is_made_of_the_option_and_the_index_alone);
	tcase_add_test(workers, parallelize_copies_no_items);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
