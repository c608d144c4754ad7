/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "base/clock.h"

#include <errno.h>

/* The least time between two looks where nobody waits. */
#define LOOK 0.001

struct flow {
	brood_source_fn *source;
	brood_sink_fn *sink;
	void *context;
	struct brood_bytes item;
	/* Not beside what is asked for with it: to read as one what has just been written as two was a fifth of the time for an item. */
	bool has_item;
	unsigned cancels; /* calls of brood_pool_cancel before */
	bool ended, canceled;
	double looked;
};

static int call_source(brood_pool *pool, struct flow *flow)
{
	pool->calling = true;
	int result = flow->source(flow->context, &flow->item);
	pool->calling = false;
	flow->has_item = result > 0;
	flow->ended |= !result;
	return result < 0 ? result : 0;
}

static void heed_cancel(const brood_pool *pool, struct flow *flow)
{
	flow->canceled |= atomic_load_explicit(&pool->cancels, memory_order_relaxed) != flow->cancels;
	flow->ended |= flow->canceled;
}

/* Takes an item from the source, where there is room for it. 1: it did. */
static int pull(brood_pool *pool, struct flow *flow)
{
	int error = flow->has_item || flow->ended ? 0 : call_source(pool, flow);
	if (error || !flow->has_item)
		return error;
	error = brood_pool_submit(pool, flow->item);
	if (error == -EAGAIN)
		return 0;
	flow->has_item = false;
	heed_cancel(pool, flow);
	/* One that the source had given before, or was about to give, has a record as all others. */
	if (!error && flow->canceled)
		brood_pool_cancel(pool);
	return error ? error : 1;
}

/* Gives a record to the sink. 1: it did; 0: all have been given, or the time was up. */
static int push(brood_pool *pool, struct flow *flow, double timeout)
{
	struct brood_result result;
	int count = brood_pool_next(pool, &result, timeout);
	if (count <= 0)
		return count == -ETIMEDOUT ? 0 : count;
	pool->calling = true;
	int error = flow->sink(flow->context, &result);
	pool->calling = false;
	return error < 0 ? error : 1;
}

static int give_up(brood_pool *pool, int error)
{
	struct brood_result result;
	brood_pool_cancel(pool);
	while (brood_pool_next(pool, &result, -1) > 0)
		;
	return error;
}

/* Whether something may have been done that nobody has looked at for a while. */
static bool due_look(brood_pool *pool, struct flow *flow)
{
	if (stream_ready(pool))
		return true;
	double now = clock_now();
	if (now - flow->looked < LOOK)
		return false;
	flow->looked = now;
	return true;
}

BROOD_API int brood_pool_stream(brood_pool *pool, brood_source_fn *source, brood_sink_fn *sink, void *context)
{
	int error = source && sink ? pool_check(pool) : -EINVAL;
	if (error)
		return error;
	if (stream_busy(pool))
		return -EBUSY;
	struct flow flow = {.source = source, .sink = sink, .context = context, .cancels = atomic_load(&pool->cancels)};
	for (;;) {
		heed_cancel(pool, &flow);
		int result = pull(pool, &flow);
		if (result < 0)
			return give_up(pool, result);
		if (result && !due_look(pool, &flow))
			continue;
		int pushed = push(pool, &flow, result ? 0 : -1);
		if (pushed < 0)
			return give_up(pool, pushed);
		if (!result && !pushed && flow.ended && !flow.has_item)
			return flow.canceled ? -ECANCELED : 0;
	}
}
