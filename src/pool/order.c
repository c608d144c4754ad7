/* SPDX-License-Identifier: MIT */
#include "pool/order.h"

#include "pool/backlog.h"
#include "pool/handout.h"
#include "pool/mate.h"
#include "pool/round.h"
#include "pool/stream.h"

#include <signal.h>

/* To move items takes less than a microsecond: whoever seems to do so for so long has been stopped, or has written over its line. */
#define STANDSTILL 1.0

void order_strip(brood_pool *pool)
{
	const struct crew *crew = &pool->crew;
	struct board_range held[2];
	for (uint32_t i = 0; i < crew->lines; i++)
		board_strip(&crew->board->line[i], held);
}

void order_condemn(brood_pool *pool, double now)
{
	uint64_t place;
	for (uint32_t i = 0; i < pool->crew.lines; i++)
		if (pool->crew.mates[i].state != MATE_ABSENT && mate_running(pool, i, &place))
			mate_condemn(pool, i, BROOD_CANCELED, now);
}

static void end_movers(brood_pool *pool, double now)
{
	const struct crew *crew = &pool->crew;
	uint64_t place;
	for (uint32_t i = 0; i < crew->lines; i++) {
		if (!crew->living[i] || !atomic_load(&crew->board->line[i].moving) || crew->mates[i].condemned)
			continue;
		if (crew->canceling && mate_running(pool, i, &place))
			mate_condemn(pool, i, BROOD_CANCELED, now);
		else
			nursery_signal(crew->nursery, (int)i, SIGKILL);
	}
}

/* Stops workers from moving items; true once they do. They stand until thaw. */
static bool freeze(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	if (!atomic_exchange(&crew->board->frozen, 1))
		crew->frozen_at = now;
	if (board_still(crew->board, crew->lines, crew->living))
		return true;
	if (now - crew->frozen_at >= STANDSTILL) {
		crew->frozen_at = now;
		end_movers(pool, now);
	}
	return false;
}

static void thaw(brood_pool *pool)
{
	atomic_store(&pool->crew.board->frozen, 0);
	for (uint32_t i = 0; i < pool->crew.lines; i++)
		handout_wake(pool, i);
}

/* Finds what a worker that died in moving has lost. */
static int seek(brood_pool *pool, double now)
{
	/* Until it has been done, so that the workers do not stand for ever. */
	pool->crew.seek = true;
	if (!freeze(pool, now))
		return 0;
	pool->crew.seek = false;
	int error = round_seek(pool);
	thaw(pool);
	return error;
}

/* All that nobody has begun becomes canceled, and who has begun something is killed. */
static int cancel(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	struct round *round = &pool->round;
	order_strip(pool);
	if (!freeze(pool, now))
		return 0;
	order_strip(pool);
	/* What has failed meanwhile would be tried again after this. */
	const int error = round_look(pool);
	backlog_clear(&pool->backlog);
	crew->seek = false;
	order_condemn(pool, now);
	for (uint64_t place = round->low; place < round->high; place++)
		if (round_pending(pool, place) && !mates_run(pool, place))
			batch_cancel(round->batch, round_slot(pool, place));
	crew->canceling = false;
	thaw(pool);
	return error;
}

void order_heed_cancel(brood_pool *pool)
{
	if (!pool_is_canceled(pool) || !atomic_exchange(&pool->canceled, false))
		return;
	if (stream_is_open(pool))
		stream_withdraw(pool);
	pool->crew.canceling = round_unfinished(pool);
}

/* Though there are items to be done. */
static bool are_all_idle(brood_pool *pool)
{
	return round_unfinished(pool) && !pool->backlog.count && handout_idle(pool);
}

int order_settle(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	order_heed_cancel(pool);
	if (crew->canceling && round_unfinished(pool))
		return cancel(pool, now);
	crew->canceling = false;
	if (!crew->seek && are_all_idle(pool)) {
		/* A host that is busy with other things has maybe not seen that all is done. */
		int error = round_look(pool);
		if (error)
			return error;
		crew->seek = are_all_idle(pool);
	}
	if (round_unfinished(pool) && crew->seek)
		return seek(pool, now);
	if (atomic_load(&crew->board->frozen))
		thaw(pool);
	return 0;
}
