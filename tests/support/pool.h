/* SPDX-License-Identifier: MIT */
/* What the tests of pools share beyond process.h. */
#ifndef BROOD_TESTS_POOL_H
#define BROOD_TESTS_POOL_H

#include "process.h"

#include <errno.h>
#include <sys/mman.h>

/* Zeroed memory that workers share with the test. */
static inline void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(memory != MAP_FAILED);
	return memory;
}

/* A pool with workers. */
static inline brood_pool *pool_with(brood_work_fn *function, void *context, const struct brood_options *options)
{
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, function, context, options), 0);
	ck_assert_int_ge(brood_pool_spawn(pool, 0), 1);
	return pool;
}

static inline struct brood_result record_of(const brood_results *results, size_t index)
{
	struct brood_result result;
	ck_assert_int_eq(brood_results_get(results, index, &result), 0);
	ck_assert_uint_eq(result.index, index);
	return result;
}

static inline struct brood_result pool_record(const brood_pool *pool, size_t index)
{
	return record_of(brood_pool_results(pool), index);
}

/* The record of the only item that is given to a pool of one worker with this function; the results are to be freed. */
static inline struct brood_result run_one(brood_results **results, brood_work_fn *function, void *context,
					  const struct brood_options *options)
{
	ck_assert_int_eq(brood_parallelize_array(results, function, context, NULL, 0, 1, options), 0);
	ck_assert_uint_eq(brood_results_count(*results), 1);
	return record_of(*results, 0);
}

static inline struct brood_bytes bytes_of(const char *text)
{
	return (struct brood_bytes){text, strlen(text)};
}

/* A success with this object as its value. */
#define value_is(result, object) \
	do { \
		ck_assert_int_eq((result).outcome, BROOD_SUCCESS); \
		ck_assert_ptr_null((result).failure); \
		ck_assert_ptr_null((result).status); \
		ck_assert_uint_eq((result).value.size, sizeof(object)); \
		ck_assert_mem_eq((result).value.data, &(object), sizeof(object)); \
	} while (0)

/* --- work functions ------------------------------------------------------------------------------------------------ */

static inline int reply_index(brood_task *task, void *context)
{
	uint64_t index = brood_index(task);
	(void)context;
	return brood_reply(task, &index, sizeof index);
}

static inline int reply_item(brood_task *task, void *context)
{
	struct brood_bytes item = brood_item(task);
	(void)context;
	return brood_reply(task, item.data, item.size);
}

static inline int reply_pid(brood_task *task, void *context)
{
	pid_t pid = getpid();
	(void)context;
	return brood_reply(task, &pid, sizeof pid);
}

/* What a byte of a large value is, so that one from elsewhere is noticed. */
static inline unsigned char pattern(size_t index, size_t at)
{
	return (unsigned char)(index * 31 + at * 7 + at / 251);
}

static inline void fill(unsigned char *data, size_t index, size_t size)
{
	for (size_t at = 0; at < size; at++)
		data[at] = pattern(index, at);
}

static inline bool is_filled(struct brood_bytes bytes, size_t index)
{
	const unsigned char *data = bytes.data;
	for (size_t at = 0; at < bytes.size; at++)
		if (data[at] != pattern(index, at))
			return false;
	return true;
}

#endif
