/* SPDX-License-Identifier: MIT */
#include "pool/inside.h"

#include "base/clock.h"
#include "pool/arena.h"
#include "pool/backlog.h"
#include "pool/events.h"
#include "pool/order.h"
#include "pool/round.h"
#include "pool/watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <unistd.h>

/* The worker rings for memory, which is then given at once. */
static void ring(void *context)
{
	brood_pool *pool = context;
	arena_answer(pool);
	atomic_store(&pool->crew.board->asleep, BOARD_PARKED);
}

int inside_begin(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	crew->plan.ring = ring;
	crew->plan.ring_context = pool;
	crew->plan.timed = true;
	/* The mark is the host's, which is to stay as it was. */
	crew->plan.resets_peak = false;
	crew->mates[0].pid = getpid();
	atomic_store(&crew->board->asleep, BOARD_PARKED);
	pool->calling = true;
	const int started = crew->plan.start ? crew->plan.start(pool->context) : 0;
	pool->calling = false;
	if (started)
		return -ECHILD;
	worker_begin(&pool->inside, &crew->plan, 0);
	return 0;
}

void inside_end(brood_pool *pool)
{
	pool->calling = true;
	if (pool->inside.plan && pool->crew.plan.end)
		pool->crew.plan.end(pool->context);
	pool->calling = false;
	pool->inside = (struct worker){0};
}

static int run(brood_pool *pool, uint64_t place)
{
	round_begun(pool, place, 0, clock_now());
	worker_ready(&pool->inside);
	/* A worker's copy of the pool is of no use to it either. */
	pool->calling = true;
	worker_do(&pool->inside, round_number(pool, place));
	pool->calling = false;
	return round_see(pool, place);
}

static void cancel(brood_pool *pool)
{
	struct round *round = &pool->round;
	for (uint64_t place = round->low; place < round->high; place++)
		batch_cancel(round->batch, round_slot(pool, place));
	round->inside = round->high;
	round->unseen = true;
	pool->backlog.count = 0;
	pool_silence(pool);
	pool->crew.canceling = false;
}

static bool is_canceled(const brood_pool *pool)
{
	return pool->crew.canceling || pool_is_canceled(pool);
}

/* The item of the backlog that has been due first, or is before the deadline. */
static bool take_pending(brood_pool *pool, double deadline, uint64_t *place)
{
	struct backlog *backlog = &pool->backlog;
	struct pending *first = backlog->entries;
	for (size_t i = 1; i < backlog->count; i++)
		if (backlog->entries[i].due < first->due)
			first = &backlog->entries[i];
	if (!backlog->count)
		return false;
	int wait = clock_poll_timeout(first->due);
	if (wait > 0 && pool->round.inside < pool->round.high)
		return false;
	while (wait > 0 && !is_canceled(pool)) {
		struct pollfd alarm = {.fd = pool->alarm, .events = POLLIN};
		const double now = clock_now();
		if (now >= deadline)
			return false;
		if (poll(&alarm, 1, clock_poll_timeout(fmin(fmin(first->due, deadline), events_tick(pool, now)))) > 0 && !is_canceled(pool))
			pool_silence(pool);
		wait = clock_poll_timeout(first->due);
	}
	bool found = !is_canceled(pool) && round_place(pool, first->range.begin, place);
	if (++first->range.begin == first->range.end)
		*first = backlog->entries[--backlog->count];
	return found;
}

int inside_step(brood_pool *pool, double deadline)
{
	struct round *round = &pool->round;
	uint64_t place;
	events_tick(pool, clock_now());
	if (take_pending(pool, deadline, &place))
		return run(pool, place);
	order_heed_cancel(pool);
	if (pool->crew.canceling)
		cancel(pool);
	else if (round->inside < round->high)
		return run(pool, round->inside++);
	return 0;
}

int inside_watch(brood_pool *pool, bool (*awake)(brood_pool *))
{
	const struct round *round = &pool->round;
	pool_silence(pool);
	if (awake(pool) || (round->low < round->high && is_canceled(pool)))
		return 1;
	const double now = clock_now();
	watch_cool(pool, round->inside < round->high ? now : fmin(backlog_due(&pool->backlog), events_tick(pool, now)));
	return 0;
}
