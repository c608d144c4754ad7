/* SPDX-License-Identifier: MIT */
#include "pool/round.h"

#include "base/clock.h"
#include "pool/backlog.h"
#include "pool/bits.h"
#include "pool/cause.h"
#include "pool/events.h"
#include "pool/items.h"
#include "pool/mate.h"
#include "pool/stream.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool round_place(const brood_pool *pool, uint32_t number, uint64_t *place)
{
	const struct round *round = &pool->round;
	if (!round->batch)
		return false;
	uint32_t distance = number - round->batch->board.base - (uint32_t)round->low;
	if (distance >= round->high - round->low)
		return false;
	*place = round->low + distance;
	return true;
}

bool round_pending(const brood_pool *pool, uint64_t place)
{
	return (batch_state(pool->round.batch, round_slot(pool, place)) & STATE_KIND) == STATE_PENDING;
}

static int set_failure(const brood_pool *pool, struct record *record, const struct verdict *verdict)
{
	struct cause cause;
	cause_find(&cause, verdict, pool->options.memory_limit);
	const struct brood_failure failure = {.type = cause.type, .message = cause.message, .traceback = cause.traceback,
		.output = cause.output, .code = verdict->status->exit_code,
		.signal = verdict->status->signal};
	return record_fail(record, &failure, (const size_t[]){strlen(cause.type), strlen(cause.message), strlen(cause.traceback),
			   cause.output_size});
}

static int try_again(brood_pool *pool, struct record *record, uint64_t place)
{
	/* One that only its nursery's death has interrupted has no attempt behind it, and need not wait. */
	double wait = record->attempts ? pool->options.backoff * exp2(fmin(record->attempts - 1, 60)) : 0;
	uint32_t number = round_number(pool, place);
	int error = backlog_add(&pool->backlog, (struct board_range){number, number + 1}, wait > 0 ? clock_now() + wait : 0);
	if (error)
		return error;
	record->begun = false;
	batch_set_attempts(pool->round.batch, round_slot(pool, place), record->attempts);
	batch_forget_cost(pool->round.batch, round_slot(pool, place));
	if (pool->crew.board)
		atomic_store(&pool->crew.board->retried, 1);
	return 0;
}

int round_judge(brood_pool *pool, uint64_t place, const struct verdict *verdict)
{
	struct record *record = record_make(pool->round.records, round_index(pool, place));
	if (!record)
		return -ENOMEM;
	/* An item that only happened to be under way gets more tries than one that kills its worker. */
	if (verdict->orphaned && ++record->orphaned <= 2)
		return try_again(pool, record, place);
	record->attempts++;
	round_begun(pool, place, verdict->worker, verdict->started);
	record->worker = verdict->worker;
	record->started = verdict->started;
	record->ended = verdict->ended;
	const bool more = verdict->outcome != BROOD_CANCELED && record->attempts <= pool->options.retries;
	if (more && !verdict->last)
		return try_again(pool, record, place);
	struct verdict final = *verdict;
	final.outcome = more ? BROOD_CANCELED : verdict->outcome;
	int error = set_failure(pool, record, &final);
	if (error)
		return error;
	record->outcome = final.outcome;
	record->has_status = true;
	record->status = *verdict->status;
	record->has_cost = verdict->cost != NULL;
	if (verdict->cost)
		record->cost = *verdict->cost;
	batch_set_state(pool->round.batch, round_slot(pool, place), STATE_DECIDED);
	return 0;
}

void round_begun(brood_pool *pool, uint64_t place, int worker, double when)
{
	if (!pool->reporter.begin)
		return;
	size_t index = round_index(pool, place);
	struct record *record = record_make(pool->round.records, index);
	if (record && record->begun)
		return;
	if (record)
		record->begun = true;
	const struct batch *batch = pool->round.batch;
	events_fire(pool, pool->reporter.begin,
		(struct brood_event){.index = index, .worker = worker, .time = when,
			.pid = worker >= 0 && pool->crew.mates ? pool->crew.mates[worker].pid : 0,
			.item = items_at(batch->region, &batch->board, round_slot(pool, place))});
}

/* The item has its outcome: it is told, once. */
static int report_done(brood_pool *pool, uint64_t place)
{
	const struct brood_reporter *reporter = &pool->reporter;
	struct brood_result result;
	int error = batch_outcome(pool->round.batch, pool->round.records, round_slot(pool, place), round_index(pool, place), &result);
	if (error)
		return error;
	/* Of one that was canceled, while it waited to be tried again, nothing has begun. */
	if (result.attempts && (batch_state(pool->round.batch, round_slot(pool, place)) & STATE_KIND) != STATE_CANCELED)
		round_begun(pool, place, result.worker, result.started);
	struct brood_event event = {.index = result.index, .worker = result.worker, .item = result.item, .result = &result,
		.status = result.status, .time = result.started + result.seconds};
	if (result.worker >= 0 && pool->crew.mates)
		event.pid = result.status ? result.status->pid : pool->crew.mates[result.worker].pid;
	events_fire(pool, result.outcome == BROOD_SUCCESS ? reporter->success
			  : result.outcome == BROOD_FAIL ? reporter->fail : reporter->abort, event);
	return 0;
}

static void note_times(const struct batch *batch, uint32_t slot, uint32_t state, struct record *record)
{
	struct brood_result times = {.started = batch->began};
	if (state & STATE_TIMED)
		batch_read_times(batch, slot, &times);
	record->started = times.started;
	record->ended = times.started + times.seconds;
}

/* An item whose state is not pending. 1: it is done; 0: it is tried again. */
static int see(brood_pool *pool, uint64_t place, uint32_t state)
{
	if ((state & STATE_KIND) == STATE_FAILURE && pool->options.retries) {
		struct record *record = record_make(pool->round.records, round_index(pool, place));
		if (!record)
			return -ENOMEM;
		const bool ended = mate_is_canceled(pool, state / STATE_LINE, round_number(pool, place));
		const bool again = !ended && record->attempts < pool->options.retries;
		if (ended || again) {
			record->attempts++;
			record->worker = batch_worker(pool->round.batch, state);
			note_times(pool->round.batch, round_slot(pool, place), state, record);
			round_begun(pool, place, record->worker, record->started);
		}
		if (ended)
			batch_set_state(pool->round.batch, round_slot(pool, place), STATE_CANCELED);
		if (again) {
			mate_failed(pool, state / STATE_LINE, round_number(pool, place));
			batch_set_state(pool->round.batch, round_slot(pool, place), STATE_PENDING);
			return try_again(pool, record, place);
		}
	}
	bits_set(pool->round.seen, round_slot(pool, place));
	pool->round.done++;
	if (pool->round.streaming)
		stream_done(pool, (struct run){place, place + 1});
	int error = pool->round.reported ? report_done(pool, place) : 0;
	return error ? error : 1;
}

static void skip_done(brood_pool *pool)
{
	struct round *round = &pool->round;
	if (!round->seen) {
		round->low = batch_first_pending(round->batch, (uint32_t)round->low, (uint32_t)round->high);
	} else if (!round->streaming) {
		while (round->low < round->high && bits_test(round->seen, round_slot(pool, round->low)))
			round->low++;
	}
}

/* Looks at each item by itself. */
static int look_each(brood_pool *pool)
{
	const struct round *round = &pool->round;
	for (uint64_t place = round->low; place < round->high;) {
		uint32_t slot = round_slot(pool, place);
		if (!(slot % 64) && round->high - place >= 64 && round->seen[slot / 64] == UINT64_MAX) {
			place += 64;
			continue;
		}
		uint32_t state = batch_state(round->batch, slot);
		if ((state & STATE_KIND) != STATE_PENDING && !bits_test(round->seen, slot)) {
			int result = see(pool, place, state);
			if (result < 0)
				return result;
		}
		place++;
	}
	return 0;
}

/* Of so many looks one is thorough. */
enum { THOROUGH = 8 };

/*
 * Looks at many items of a stream at once: where nobody wants to know of each, what counts is which are done. Workers go through
 * their ranges one by one, so unless the look is thorough it is only for what follows on items that are seen to be done, as
 * most of a large window is far from its turn. Whether there was anything new.
 */
static bool look_through(brood_pool *pool, bool thorough)
{
	struct round *round = &pool->round;
	const size_t mask = round->batch->board.mask;
	const uint64_t before = round->done;
	bool near = true;
	for (uint64_t place = round->low, count; place < round->high; place += count) {
		const uint64_t part = bits_part(mask, place, round->high, &count);
		uint64_t *seen = &round->seen[(place & mask) / 64], fresh = part & ~*seen;
		const bool looked = thorough || near || part & *seen;
		near = part & *seen;
		if (!fresh || !looked)
			continue;
		fresh &= batch_done(round->batch, (uint32_t)(place & mask) & ~UINT32_C(63));
		near |= fresh != 0;
		*seen |= fresh;
		const uint64_t first = place - (place & mask) % 64;
		while (fresh) {
			const uint64_t from = (uint64_t)__builtin_ctzll(fresh), rest = ~(fresh >> from);
			const uint64_t size = rest ? (uint64_t)__builtin_ctzll(rest) : 64;
			round->done += size;
			stream_done(pool, (struct run){first + from, first + from + size});
			fresh &= from + size < 64 ? UINT64_MAX << (from + size) : 0;
		}
	}
	return round->done != before;
}

int round_look(brood_pool *pool)
{
	struct round *round = &pool->round;
	int error = 0;
	if ((pool->options.flags & BROOD_INSIDE) && !round->unseen) {
		/* Each has been seen when it was run. */
	} else if (round->streaming && !round->reported && !pool->options.retries) {
		const bool thorough = ++round->looks % THOROUGH == 0;
		if (!look_through(pool, thorough) && !thorough)
			look_through(pool, true);
	} else if (round->seen) {
		error = look_each(pool);
	}
	round->unseen = false;
	if (!error)
		skip_done(pool);
	return error;
}

int round_see(brood_pool *pool, uint64_t place)
{
	const struct round *round = &pool->round;
	const uint32_t slot = round_slot(pool, place), state = batch_state(round->batch, slot);
	if (!round->seen || (state & STATE_KIND) == STATE_PENDING || bits_test(round->seen, slot))
		return 0;
	const int result = see(pool, place, state);
	return result < 0 ? result : 0;
}

/* So often items are found to be lost, with nothing done in between, before they are given up. */
enum { LOST = 8 };

/* Whether what is lost has been lost too often: who runs it writes over what would say so, and dies of it. */
static bool is_hopeless(struct round *round, uint64_t pending)
{
	const bool better = round->lost_high != round->high || pending < round->lost_pending;
	round->lost_high = round->high;
	round->lost_pending = pending;
	round->lost_again = better ? 0 : round->lost_again + 1;
	return round->lost_again >= LOST;
}

static int give_up(brood_pool *pool, uint64_t place)
{
	struct record *record = record_make(pool->round.records, round_index(pool, place));
	if (!record)
		return -ENOMEM;
	int error = record_say(record, "Lost", "no worker that was given the item said what became of it");
	if (error)
		return error;
	record->attempts++;
	record->outcome = BROOD_ABORT;
	batch_set_state(pool->round.batch, round_slot(pool, place), STATE_DECIDED);
	return 0;
}

static void mark(brood_pool *pool, uint64_t *held, struct board_range range)
{
	for (uint32_t number = range.begin; number != range.end; number++) {
		uint64_t place;
		if (!round_place(pool, number, &place))
			return;
		bits_set(held, place - pool->round.low);
	}
}

int round_seek(brood_pool *pool)
{
	struct round *round = &pool->round;
	const struct crew *crew = &pool->crew;
	uint64_t *held = calloc((round->high - round->low) / 64 + 1, sizeof *held);
	if (!held)
		return -ENOMEM;
	/* In the order of an item's way: first where it waits, then who runs it, and at last whether it is done. */
	for (uint32_t i = 0; i < crew->lines; i++)
		mark(pool, held, board_unpack(atomic_load(&crew->board->line[i].gift)));
	for (uint32_t i = 0; i < crew->lines; i++)
		mark(pool, held, board_unpack(atomic_load(&crew->board->line[i].range)));
	for (uint32_t i = 0; i < crew->lines; i++) {
		uint64_t running = atomic_load(&crew->board->line[i].running), place;
		if (crew->living[i] && running && round_place(pool, (uint32_t)running, &place))
			bits_set(held, place - round->low);
	}
	for (size_t i = 0; i < pool->backlog.count; i++)
		mark(pool, held, pool->backlog.entries[i].range);
	uint64_t pending = 0, lost = 0;
	for (uint64_t place = round->low; place < round->high; place++) {
		/* What is done is held by its state. */
		if (!round_pending(pool, place))
			bits_set(held, place - round->low);
		else
			pending++;
		lost += !bits_test(held, place - round->low);
	}
	const bool hopeless = lost && is_hopeless(round, pending);
	int error = 0;
	for (uint64_t place = round->low; lost && !error && place < round->high; place++) {
		uint32_t number = round_number(pool, place);
		if (bits_test(held, place - round->low))
			continue;
		error = hopeless ? give_up(pool, place) : backlog_add(&pool->backlog, (struct board_range){number, number + 1}, 0);
	}
	free(held);
	return error;
}
