/* SPDX-License-Identifier: MIT */
#include "pool/pool.h"

#include "pool/hire.h"
#include "pool/inside.h"
#include "pool/region.h"

#include <errno.h>
#include <math.h>

/* Everything is on the board before the workers are made, so that they begin with no word from the host. */
static int run(brood_pool *pool, const struct pool_items *items)
{
	const bool inside = pool->options.flags & BROOD_INSIDE;
	pool->total = items->count;
	/* No more workers than items. */
	int workers = pool->options.workers ? pool->options.workers : brood_processors();
	int error = pool_spawn(pool, items->count < (size_t)workers ? (int)items->count : workers);
	if (!error && inside)
		error = inside_begin(pool);
	if (!error)
		error = pool_begin(pool, items, true);
	if (!error)
		atomic_store(&pool->crew.board->last, 1);
	if (!error && !inside)
		error = hire_nursery(pool);
	if (!error)
		batch_prefault(pool->round.batch, pool->round.batch->board.count);
	return error ? error : pool_finish(pool);
}

static int parallelize(brood_results **out, brood_work_fn *function, void *context, const struct pool_items *items,
		       const struct brood_options *options)
{
	brood_pool *pool;
	if (!out || items->count > BATCH_LIMIT)
		return out ? -EOVERFLOW : -EINVAL;
	int error = brood_pool_new(&pool, function, context, options);
	if (error)
		return error;
	if (items->count)
		error = run(pool, items);
	brood_pool_cleanup(pool);
	if (!error) {
		*out = pool->results;
		pool->results = NULL;
	}
	brood_pool_free(pool);
	return error;
}

BROOD_API int brood_parallelize(brood_results **out, brood_work_fn *function, void *context, const struct brood_bytes *items,
				size_t count, const struct brood_options *options)
{
	return parallelize(out, function, context, &(struct pool_items){.list = items, .count = count}, options);
}

BROOD_API int brood_parallelize_array(brood_results **out, brood_work_fn *function, void *context, const void *items,
				      size_t size, size_t count, const struct brood_options *options)
{
	size_t total;
	if (!items && size)
		return -EINVAL;
	if (__builtin_mul_overflow(size, count, &total))
		return -EOVERFLOW;
	return parallelize(out, function, context, &(struct pool_items){.array = items, .size = size, .count = count}, options);
}

BROOD_API int brood_timeout(brood_results **out, brood_work_fn *function, void *context, struct brood_bytes item, double seconds)
{
	if (isnan(seconds) || !(seconds < 0 || seconds > 0) || (item.size && !item.data))
		return -EINVAL;
	return parallelize(out, function, context, &(struct pool_items){.array = item.data, .size = item.size, .count = 1},
			   BROOD_OPTIONS(.workers = 1, .timeout = seconds > 0 ? seconds : 0));
}

BROOD_API int brood_failsafe(brood_results **out, brood_work_fn *function, void *context, struct brood_bytes item)
{
	return brood_timeout(out, function, context, item, -1);
}
