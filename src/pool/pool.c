/* SPDX-License-Identifier: MIT */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/lineage.h"
#include "pool/crew.h"
#include "pool/events.h"
#include "pool/hire.h"
#include "pool/inside.h"
#include "pool/items.h"
#include "pool/round.h"
#include "pool/stream.h"
#include "pool/watch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WORKERS_LIMIT = 2000, WINDOW = 65536, WINDOW_LIMIT = 1 << 24, WINDOW_BYTES = 64 << 20, WATERMARK = 1024 };

static int copy_options(struct brood_options *to, const struct brood_options *from)
{
	const unsigned flags = BROOD_ORDERED | BROOD_PINNED | BROOD_INSIDE | BROOD_TIMED | BROOD_COSTS | BROOD_PLAIN_STDERR |
			       BROOD_TRACEBACKS | BROOD_UNTRACED;
	*to = (struct brood_options){.size = sizeof *to};
	if (from) {
		if (from->size < offsetof(struct brood_options, reporter) + sizeof from->reporter || from->size > sizeof *to)
			return -EINVAL;
		memcpy(to, from, from->size);
	}
	if (to->workers < 0 || to->workers > WORKERS_LIMIT || to->threads < 0 || to->flags & ~flags || isnan(to->timeout) ||
	    isnan(to->grace) || !(to->backoff >= 0) || to->window > WINDOW_LIMIT || to->window_bytes > SIZE_MAX / 4)
		return -EINVAL;
	size_t window = to->window ? 1 : WINDOW;
	while (window < to->window)
		window *= 2;
	to->window = window;
	to->window_bytes = to->window_bytes ? to->window_bytes : WINDOW_BYTES;
	return 0;
}

static int copy_reporter(struct brood_reporter *to, const struct brood_reporter *from)
{
	if (!from)
		return 0;
	if (from->size < offsetof(struct brood_reporter, init) || from->size > sizeof *to)
		return -EINVAL;
	memcpy(to, from, from->size);
	return 0;
}

BROOD_API int brood_pool_new(brood_pool **out, brood_work_fn *function, void *context, const struct brood_options *options)
{
	if (!out || !function)
		return -EINVAL;
	brood_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return -ENOMEM;
	pool->generation = lineage_join();
	pool->function = function;
	pool->context = context;
	pool->alarm = -1;
	pool->watch = (struct watch){.fd = -1, .timer = -1};
	int error = copy_options(&pool->options, options);
	if (!error)
		error = copy_reporter(&pool->reporter, pool->options.reporter);
	if (!error)
		error = region_new(&pool->region);
	if (!error)
		error = results_new(&pool->results, pool->region);
	if (!error) {
		pool->alarm = lineage_adopt(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		error = pool->alarm < 0 ? pool->alarm : 0;
	}
	if (error) {
		brood_pool_free(pool);
		return error;
	}
	*out = pool;
	return 0;
}

static bool foreign(const brood_pool *pool)
{
	return pool->generation != lineage_generation();
}

static int check_owner(const brood_pool *pool)
{
	if (!pool)
		return -EINVAL;
	return foreign(pool) ? -EPERM : 0;
}

/* Of any pool, whether or not it has workers. */
static int check_caller(const brood_pool *pool)
{
	int error = check_owner(pool);
	return error ? error : pool->calling ? -EBUSY : 0;
}

void pool_silence(const brood_pool *pool)
{
	uint64_t count;
	while (read(pool->alarm, &count, sizeof count) > 0) {}
}

int pool_check(const brood_pool *pool)
{
	int error = check_caller(pool);
	if (!error && !pool->spawned)
		error = -ESRCH;
	return error ? error : pool->crew.broken;
}

int pool_spawn(brood_pool *pool, int workers)
{
	events_fire(pool, pool->reporter.init, (struct brood_event){.worker = -1});
	if (pool->options.flags & BROOD_INSIDE)
		workers = 1;
	else if (!workers)
		workers = pool->options.workers ? pool->options.workers : brood_processors();
	pool->spawned = true;
	return crew_new(pool, workers < WORKERS_LIMIT ? workers : WORKERS_LIMIT);
}

BROOD_API int brood_pool_spawn(brood_pool *pool, int workers)
{
	int error = pool_check(pool);
	if (error != -ESRCH)
		return error ? error : -EALREADY;
	if (workers < 0 || workers > WORKERS_LIMIT)
		return -EINVAL;
	error = pool_spawn(pool, workers);
	if (!error)
		error = pool->options.flags & BROOD_INSIDE ? inside_begin(pool) : hire_nursery(pool);
	int result = error ? error : pool->options.flags & BROOD_INSIDE ? 1 : crew_gather(pool);
	if (result < 0)
		brood_pool_cleanup(pool);
	return result;
}

static int set_items(brood_pool *pool, struct batch *batch, const struct pool_items *items, bool inherited)
{
	if (items->list && !inherited)
		return items_copy_list(pool->region, &batch->board, items->list, items->count);
	if (items->array && !inherited)
		return items_copy_array(pool->region, &batch->board, items->array, items->size, items->count);
	batch->board.kind = items->list ? BOARD_LIST : items->array ? BOARD_ARRAY : BOARD_COUNT;
	batch->board.inherited = items->list ? (const void *)items->list : items->array;
	batch->board.stride = items->size;
	return 0;
}

bool pool_reports(const brood_pool *pool)
{
	const struct brood_reporter *reporter = &pool->reporter;
	return reporter->begin || reporter->success || reporter->fail || reporter->abort;
}

int pool_begin(brood_pool *pool, const struct pool_items *items, bool inherited)
{
	struct round *round = &pool->round;
	struct batch *batch = results_room(pool->results);
	if (!batch)
		return -ENOMEM;
	const uint64_t array = results_array(pool->results, items->count, batch_stride(pool->options.value_size));
	const size_t top = pool->region->top;
	/* Before its last number is looked at. */
	stream_close(pool);
	const struct batch_plan plan = {.first = pool->results->count, .base = pool->next_number, .count = (uint32_t)items->count,
					.slots = (uint32_t)items->count, .value_size = pool->options.value_size, .array = array,
					.costs = pool->options.flags & BROOD_COSTS};
	int error = batch_new(batch, pool->region, &plan);
	if (error)
		return error;
	uint64_t *seen = NULL;
	if ((pool->options.retries || pool_reports(pool)) && !(seen = calloc(items->count / 64 + 1, sizeof *seen)))
		error = -ENOMEM;
	/* Last, since memory that has been written to must not be given back: it is taken for zero. */
	if (!error)
		error = set_items(pool, batch, items, inherited);
	if (error) {
		free(seen);
		batch_free(batch);
		pool->region->top = top;
		return error;
	}
	batch->began = clock_now();
	batch->board.watermark = seen ? WATERMARK : 0;
	batch->board.failures = pool->options.retries > 0;
	results_add(pool->results);
	pool->next_number += (uint32_t)items->count;
	*round = (struct round){.batch = batch, .records = &pool->results->records, .high = items->count, .seen = seen,
		.reported = pool_reports(pool)};
	crew_post(pool);
	if (pool->options.flags & BROOD_INSIDE)
		return 0;
	error = crew_give(pool, (struct board_range){batch->board.base, batch->board.base + batch->board.count});
	/* It is among the results by now. */
	if (error) {
		pool->crew.broken = error;
		free(seen);
		*round = (struct round){0};
	}
	return error;
}

/* What the next look says: whether all is done, or the look failed. */
static bool is_finished(brood_pool *pool)
{
	int error = round_look(pool);
	if (error)
		pool->crew.broken = error;
	return error || pool->round.low == pool->round.high;
}

int pool_finish(brood_pool *pool)
{
	int error = 0;
	while (!is_finished(pool) && !error)
		error = pool->options.flags & BROOD_INSIDE ? inside_step(pool, INFINITY) : crew_step(pool, INFINITY, is_finished);
	/* Workers may still have what they were given, so that nothing new can be begun. */
	if (error)
		pool->crew.broken = error;
	else if (pool->round.batch)
		pool->round.batch->over = true;
	free(pool->round.seen);
	pool->round = (struct round){0};
	return pool->crew.broken;
}

static int process(brood_pool *pool, struct pool_items items)
{
	int error = pool_check(pool);
	if (!error && stream_busy(pool))
		error = -EBUSY;
	/* What was canceled came before. */
	if (!error)
		atomic_store(&pool->canceled, false);
	if (!error)
		pool->total = pool->results->count + items.count;
	while (!error && items.count) {
		struct pool_items some = items;
		some.count = items.count < BATCH_LIMIT ? items.count : BATCH_LIMIT;
		error = pool_begin(pool, &some, false);
		if (!error)
			error = pool_finish(pool);
		items.count -= some.count;
		if (items.list)
			items.list += some.count;
		if (items.array)
			items.array = (const char *)items.array + some.count * items.size;
	}
	return error;
}

BROOD_API int brood_pool_process(brood_pool *pool, const struct brood_bytes *items, size_t count)
{
	return process(pool, (struct pool_items){.list = items, .count = count});
}

BROOD_API int brood_pool_process_array(brood_pool *pool, const void *items, size_t size, size_t count)
{
	size_t total;
	if (!items && size)
		return -EINVAL;
	if (__builtin_mul_overflow(size, count, &total))
		return -EOVERFLOW;
	return process(pool, (struct pool_items){.array = items, .size = size, .count = count});
}

BROOD_API int brood_pool_cancel(brood_pool *pool)
{
	int error = check_owner(pool);
	if (error)
		return error;
	int saved = errno;
	atomic_fetch_add(&pool->cancels, 1);
	atomic_store(&pool->canceled, true);
	uint64_t one = 1;
	/* Full, it is readable all the same. */
	ssize_t size = write(pool->alarm, &one, sizeof one);
	(void)size;
	errno = saved;
	return 0;
}

BROOD_API int brood_pool_cleanup(brood_pool *pool)
{
	int error = check_caller(pool);
	if (error || !pool->spawned)
		return error;
	inside_end(pool);
	crew_free(pool);
	stream_end(pool);
	pool->spawned = false;
	atomic_store(&pool->canceled, false);
	watch_rest(pool);
	events_fire(pool, pool->reporter.cleanup, (struct brood_event){.worker = -1});
	return 0;
}

BROOD_API const brood_results *brood_pool_results(const brood_pool *pool)
{
	return pool ? pool->results : NULL;
}

BROOD_API void brood_pool_free(brood_pool *pool)
{
	if (!pool || (!foreign(pool) && pool->calling))
		return;
	if (foreign(pool)) {
		crew_forget(pool);
	} else {
		brood_pool_cleanup(pool);
		watch_close(pool);
		lineage_close(pool->alarm);
	}
	stream_free(pool);
	brood_results_free(pool->results);
	/* Where it is a copy, this may be the worker whose item lies there. */
	if (!foreign(pool))
		region_free(pool->region);
	free(pool->left);
	free(pool);
}
