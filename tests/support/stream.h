/* SPDX-License-Identifier: MIT */
/* What the tests of streams share beyond pool.h. */
#ifndef BROOD_TESTS_STREAM_H
#define BROOD_TESTS_STREAM_H

#include "pool.h"

static inline int submit_number(brood_pool *pool, uint64_t number)
{
	return brood_pool_submit(pool, (struct brood_bytes){&number, sizeof number});
}

static inline void must_submit(brood_pool *pool, uint64_t number)
{
	ck_assert_int_eq(submit_number(pool, number), 0);
}

static inline struct brood_result must_next(brood_pool *pool)
{
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	return result;
}

static inline void must_end(brood_pool *pool)
{
	struct brood_result result = {.index = 99};
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 0);
	ck_assert_int_eq(brood_pool_next(pool, &result, 0), 0);
	ck_assert_uint_eq(result.index, 99);
}

/* The item and its value are the number itself. */
static inline void is_number(struct brood_result result, uint64_t number)
{
	value_is(result, number);
	ck_assert_uint_eq(result.item.size, sizeof number);
	ck_assert_mem_eq(result.item.data, &number, sizeof number);
}

/* Every 50th takes its time. */
static inline int reply_late(brood_task *task, void *context)
{
	if (brood_index(task) % 50 == 0)
		support_sleep(0.005);
	return reply_item(task, context);
}

#endif
