/* SPDX-License-Identifier: MIT */
/* Values of any size and of one size: replied at once, in pieces, and written in place. */
#include "pool.h"

#include <stdalign.h>

static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 100, 4096, 1000000, 20000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* How a value is made: at once, by pieces of ever more bytes, in place, or half and half. */
enum manner { AT_ONCE, IN_PIECES, IN_PLACE, MIXED, MANNERS };

static int reply_bytes(brood_task *task, size_t index, size_t from, size_t size)
{
	unsigned char *data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	for (size_t at = 0; at < size; at++)
		data[at] = pattern(index, from + at);
	int error = brood_reply(task, data, size);
	free(data);
	return error;
}

static int reserve_bytes(brood_task *task, size_t index, size_t from, size_t size)
{
	unsigned char *data = brood_reply_reserve(task, size);
	if (!data)
		return -ENOMEM;
	for (size_t at = 0; at < size; at++)
		data[at] = pattern(index, from + at);
	return 0;
}

static int reply_sized(brood_task *task, void *context)
{
	enum manner manner = *(enum manner *)context;
	size_t index = brood_index(task), size = sizes[index % SIZES];
	int error = 0;
	if (manner == AT_ONCE)
		return reply_bytes(task, index, 0, size);
	if (manner == IN_PLACE)
		return reserve_bytes(task, index, 0, size);
	for (size_t at = 0, piece = 1; at < size && !error; at += piece, piece += piece / 3 + 1) {
		piece = piece < size - at ? piece : size - at;
		if (manner == MIXED && piece % 2)
			error = reserve_bytes(task, index, at, piece);
		else
			error = reply_bytes(task, index, at, piece);
	}
	return error;
}

START_TEST(value_of_any_size)
{
	enum manner manner = (enum manner)_i;
	brood_pool *pool = pool_with(reply_sized, &manner, BROOD_OPTIONS(.workers = 2));
	for (int round = 0; round < 2; round++)
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, SIZES), 0);
	for (size_t i = 0; i < 2 * SIZES; i++) {
		struct brood_result result = pool_record(pool, i);
		ck_assert_msg(result.outcome == BROOD_SUCCESS, "size %zu: %s", sizes[i % SIZES], result.failure->message);
		ck_assert_uint_eq(result.value.size, sizes[i % SIZES]);
		ck_assert(is_filled(result.value, i));
	}
	brood_pool_free(pool);
}
END_TEST

static int reply_nothing(brood_task *task, void *context)
{
	(void)context;
	return brood_index(task) % 2 ? brood_reply(task, NULL, 0) : 0;
}

START_TEST(no_reply_is_an_empty_value)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_nothing, NULL, NULL, 0, 4, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(record_of(results, i).outcome, BROOD_SUCCESS);
		ck_assert_uint_eq(record_of(results, i).value.size, 0);
	}
	brood_results_free(results);
}
END_TEST

static int reply_bit_by_bit(brood_task *task, void *context)
{
	(void)context;
	for (size_t at = 0; at < 50000; at++) {
		unsigned char byte = pattern(brood_index(task), at);
		int error = brood_reply(task, &byte, 1);
		if (error)
			return error;
	}
	return 0;
}

START_TEST(reply_appends)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_bit_by_bit, NULL, NULL, 0, 6, NULL), 0);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_uint_eq(record_of(results, i).value.size, 50000);
		ck_assert(is_filled(record_of(results, i).value, i));
	}
	brood_results_free(results);
}
END_TEST

static int reserve_aligned(brood_task *task, void *context)
{
	(void)context;
	size_t size = brood_index(task) + 1;
	const unsigned char *data = brood_reply_reserve(task, size);
	size_t alignment = alignof(max_align_t);
	while (alignment > size)
		alignment /= 2;
	return data && !((uintptr_t)data % alignment) ? 0 : 1;
}

/* For a type of one byte, of two, and so on. */
START_TEST(reserve_is_aligned)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reserve_aligned, NULL, NULL, 0, 100, NULL), 0);
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(record_of(results, i).outcome, BROOD_SUCCESS);
	brood_results_free(results);
}
END_TEST

static int reply_half(brood_task *task, void *context)
{
	(void)context;
	if (brood_reply(task, "half", 4))
		return 2;
	return brood_index(task) ? brood_fail(task, 5, "Late", "no value after all") : 7;
}

START_TEST(failure_has_no_value)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_half, NULL, NULL, 0, 2, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(record_of(results, i).outcome, BROOD_FAIL);
		ck_assert_int_eq(record_of(results, i).failure->code, i ? 5 : 7);
		ck_assert_uint_eq(record_of(results, i).value.size, 0);
	}
	brood_results_free(results);
}
END_TEST

/* --- all values as one array --------------------------------------------------------------------------------------- */

static int reply_some(brood_task *task, void *context)
{
	uint64_t value = ~(uint64_t)brood_index(task);
	int every = *(int *)context;
	if (every && brood_index(task) % (size_t)every == 1)
		return brood_fail(task, 1, "None", "no value for %zu", brood_index(task));
	return brood_reply(task, &value, sizeof value);
}

START_TEST(values_of_8_bytes_are_an_array)
{
	enum { COUNT = 1000 };
	int every = _i;
	brood_pool *pool = pool_with(reply_some, &every, BROOD_OPTIONS(.workers = 2));
	const brood_results *results = brood_pool_results(pool);
	ck_assert_ptr_null(brood_results_values(results, 8));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	const uint64_t *values = brood_results_values(results, sizeof *values);
	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < COUNT; i++) {
		bool failed = every && i % (size_t)every == 1;
		ck_assert_uint_eq(values[i], failed ? 0 : ~(uint64_t)i);
		/* The records are what they were. */
		ck_assert_int_eq(pool_record(pool, i).outcome, failed ? BROOD_FAIL : BROOD_SUCCESS);
		if (failed)
			ck_assert_str_eq(pool_record(pool, i).failure->type, "None");
	}
	ck_assert_ptr_null(brood_results_values(results, 4));
	ck_assert_ptr_null(brood_results_values(results, 0));
	/* Those of several calls are one array too, and it grows. */
	for (size_t more = 1; more < 4; more++) {
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
		values = brood_results_values(results, sizeof *values);
		ck_assert_ptr_nonnull(values);
		ck_assert_uint_eq(values[0], ~(uint64_t)0);
		ck_assert_uint_eq(values[COUNT - 2], ~(uint64_t)(COUNT - 2));
		const size_t last = COUNT + more - 1;
		ck_assert_uint_eq(values[last], every && last % (size_t)every == 1 ? 0 : ~(uint64_t)last);
	}
	ck_assert_ptr_null(brood_results_values(results, 4));
	brood_pool_free(pool);
}
END_TEST

static int reply_seven(brood_task *task, void *context)
{
	(void)context;
	return brood_reply(task, "1234567", brood_index(task) == 3 ? 7 : 8);
}

START_TEST(values_of_other_sizes_are_no_array)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_seven, NULL, NULL, 0, 5, NULL), 0);
	ck_assert_ptr_null(brood_results_values(results, 8));
	ck_assert_ptr_null(brood_results_values(results, 7));
	ck_assert_ptr_null(brood_results_values(NULL, 8));
	brood_results_free(results);
}
END_TEST

enum { SIZE = 24 };

static int reply_up_to(brood_task *task, void *context)
{
	unsigned char data[SIZE + 2];
	size_t size = brood_index(task) % (SIZE + 2);
	(void)context;
	fill(data, brood_index(task), sizeof data);
	int error = brood_reply(task, data, size / 2);
	if (!error)
		error = brood_reply(task, data + size / 2, size - size / 2);
	if (size == SIZE && (brood_reply_reserve(task, 1) || brood_reply(task, "", 1) != -EMSGSIZE || brood_reply(task, "", 0)))
		return 77;
	return error;
}

/* A shorter one is filled up with zeros, and a longer one refused. */
START_TEST(values_of_the_option_s_size)
{
	enum { COUNT = 10 * (SIZE + 2) };
	brood_pool *pool = pool_with(reply_up_to, NULL, BROOD_OPTIONS(.workers = 2, .value_size = SIZE));
	for (int round = 0; round <= _i; round++)
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT / (size_t)(_i + 1)), 0);
	ck_assert_ptr_null(brood_results_values(brood_pool_results(pool), 8));
	const unsigned char *values = brood_results_values(brood_pool_results(pool), SIZE);
	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < COUNT; i++) {
		struct brood_result result = pool_record(pool, i);
		unsigned char expected[SIZE + 2] = {0};
		fill(expected, i, i % (SIZE + 2));
		if (i % (SIZE + 2) > SIZE) {
			ck_assert_int_eq(result.outcome, BROOD_FAIL);
			ck_assert_int_eq(result.failure->code, -EMSGSIZE);
			ck_assert_uint_eq(result.value.size, 0);
		} else {
			ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
			ck_assert_uint_eq(result.value.size, SIZE);
			ck_assert_mem_eq(result.value.data, expected, SIZE);
			ck_assert_mem_eq(values + i * SIZE, expected, SIZE);
		}
	}
	brood_pool_free(pool);
}
END_TEST

static int reply_then_fail(brood_task *task, void *context)
{
	(void)context;
	if (brood_reply(task, "leftover", 8))
		return 2;
	if (brood_index(task) % 3 == 1)
		return 9;
	if (brood_index(task) % 3 == 2)
		abort();
	return 0;
}

static int reply_large(brood_task *task, void *context)
{
	const size_t size = *(const size_t *)context;
	unsigned char *data = brood_reply_reserve(task, size);
	for (size_t at = 0; data && at < size; at++)
		data[at] = pattern(brood_index(task), at);
	return data ? 0 : -ENOMEM;
}

/* Some tens of MiB, in values that end where no page does; of two calls, so that the second begins in the midst of one. */
START_TEST(arrays_of_many_pages)
{
	static size_t value_sizes[] = {8, 24, 3001, 700000, 3000000};
	const size_t size = value_sizes[_i], count = ((size_t)12 << 20) / size;
	brood_pool *pool = pool_with(reply_large, &value_sizes[_i],
				     BROOD_OPTIONS(.workers = 2, .value_size = size == 8 ? 0 : size));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, count), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, count / 2 + 1), 0);
	const unsigned char *values = brood_results_values(brood_pool_results(pool), size);
	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < count + count / 2 + 1; i++)
		ck_assert(is_filled((struct brood_bytes){values + i * size, size}, i));
	brood_pool_free(pool);
}
END_TEST

START_TEST(values_are_zeros_where_an_item_has_none)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_then_fail, NULL, NULL, 0, 9,
						 BROOD_OPTIONS(.value_size = (size_t)_i)), 0);
	const char *values = brood_results_values(results, 8);
	ck_assert_ptr_nonnull(values);
	for (size_t i = 0; i < 9; i++)
		ck_assert_mem_eq(values + 8 * i, i % 3 ? "\0\0\0\0\0\0\0\0" : "leftover", 8);
	brood_results_free(results);
}
END_TEST

static int reply_too_much(brood_task *task, void *context)
{
	(void)context;
	if (brood_reply_reserve(task, (size_t)1 << 60) || brood_reply_reserve(task, SIZE_MAX))
		return 1;
	if (brood_reply(task, "begin", 5) || brood_reply_reserve(task, SIZE_MAX - 2))
		return 2;
	if (brood_reply(task, "", (size_t)1 << 60) != -ENOMEM)
		return 3;
	return brood_reply(task, " end", 4);
}

/* And the value is as it was. */
START_TEST(reply_without_memory_is_refused)
{
	brood_results *results;
	struct brood_result result = run_one(&results, reply_too_much, NULL, NULL);
	ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
	ck_assert_uint_eq(result.value.size, 9);
	ck_assert_mem_eq(result.value.data, "begin end", 9);
	brood_results_free(results);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool values");
	TCase *any = support_case(suite, "any size", 60);
	tcase_add_loop_test(any, value_of_any_size, 0, MANNERS);
	tcase_add_test(any, no_reply_is_an_empty_value);
	tcase_add_test(any, reply_appends);
	tcase_add_test(any, reserve_is_aligned);
	tcase_add_test(any, failure_has_no_value);
	tcase_add_test(any, reply_without_memory_is_refused);
	TCase *array = support_case(suite, "array", 30);
	tcase_add_loop_test(array, values_of_8_bytes_are_an_array, 0, 4);
	tcase_add_test(array, values_of_other_sizes_are_no_array);
	tcase_add_loop_test(array, values_of_the_option_s_size, 0, 2);
	tcase_add_loop_test(array, arrays_of_many_pages, 0, 5);
	tcase_add_loop_test(array, values_are_zeros_where_an_item_has_none, 0, 1);
	tcase_add_loop_test(array, values_are_zeros_where_an_item_has_none, 8, 9);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
