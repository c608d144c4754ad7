/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "base/clock.h"
#include "pool/bits.h"
#include "pool/crew.h"
#include "pool/events.h"
#include "pool/handout.h"
#include "pool/inside.h"
#include "pool/order.h"
#include "pool/round.h"
#include "pool/watch.h"

#include <errno.h>
#include <math.h>

/*
 * How records go out of the stream: as in intake.c, what not each of them needs is in a function that the call ends with.
 */

/* Workers are tended every so many seconds, for which less than so many ticks are taken. Those are looked at once in so many
   records at the most: for as many, a caller who turns slow after a quick time lets limits, a cancel and workers that want memory
   wait. */
#define TEND 0.001
enum { TEND_TICKS = 2000000, PATIENCE = 8 };

/* The caller is done with the record that it was given last, and with what belongs to it. */
static void release(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (stream->held && stream->records.count) {
		record_drop(&stream->records, round_index(pool, stream->held_place));
		/* Of the slot's next item there is none yet. */
		batch_set_attempts(&stream->batch, round_slot(pool, stream->held_place), 0);
	}
	if (stream->held && stream->batch.costs)
		batch_forget_cost(&stream->batch, round_slot(pool, stream->held_place));
	stream->held = false;
	if (stream->ring.used) {
		stream_settle(pool);
		stream->ring.tail = stream_mark_of_low(stream).end;
	}
}

/* The next run to be given becomes the current one. */
static bool next_run(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	stream_settle(pool);
	if (pool->options.flags & BROOD_ORDERED) {
		uint64_t end = bits_end_of_run(stream->seen, stream->mask, stream->given, pool->round.high);
		stream->current = (struct run){stream->given, end};
	} else if (stream->runs_head != stream->runs_tail) {
		stream->current = stream->runs[stream->runs_head++ & stream->mask];
	} else {
		return false;
	}
	stream->next = stream->current.begin;
	return stream->next != stream->current.end;
}

bool stream_ready(const brood_pool *pool)
{
	const struct stream *stream = pool->stream;
	if (!stream_is_open(pool))
		return false;
	if (stream->next != stream->current.end || stream->runs_head != stream->runs_tail)
		return true;
	return (pool->options.flags & BROOD_ORDERED) && stream->given < pool->round.high &&
	       bits_end_of_run(stream->seen, stream->mask, stream->given, stream->given + 1) != stream->given;
}

static bool is_awake(brood_pool *pool)
{
	pool->stream->seen_at = clock_now();
	if (stream_broken(pool, round_look(pool)))
		return true;
	crew_measure(pool, pool->stream->seen_at);
	return stream_ready(pool);
}

/*
 * Whether there is no point in looking now: it was done a moment ago, items are short, and no worker waits for more of them. To
 * look takes 5 microseconds of a processor that a worker may want, and always finds the one or two items that were done
 * meanwhile: with two workers on two processors and items of 10 microseconds, a quarter of their time.
 */
static bool rests(brood_pool *pool, double now)
{
	return now - pool->stream->seen_at < TEND && crew_is_fast(pool) && !handout_starved(pool);
}

/* A host that rests is kept awake by nothing but a worker in want of items: who sleeps from now on rings. */
static bool is_starved(brood_pool *pool)
{
	return handout_starved(pool);
}

static void hold(struct stream *stream, uint64_t place)
{
	stream->held = true;
	stream->held_place = place;
	stream->next++;
	stream->given++;
}

/* Gives the record that is ready: 1; 0: there is none. */
static int give(brood_pool *pool, struct brood_result *out)
{
	struct stream *stream = pool->stream;
	if (stream->next == stream->current.end && !next_run(pool))
		return 0;
	const uint64_t place = stream->next;
	int error = batch_outcome(&stream->batch, &stream->records, round_slot(pool, place), round_index(pool, place), out);
	if (error)
		return error;
	hold(stream, place);
	return 1;
}

/* The same where most are the same: a short item with a short value that took no time. false: it is not known to be. */
static inline bool give_quickly(struct stream *stream, struct brood_result *out)
{
	const uint64_t place = stream->next;
	const uint32_t slot = (uint32_t)(place & stream->mask);
	/* With bytes or costs to be released before, quick is 0. */
	if (place == stream->current.end || !stream->quick || stream->records.count)
		return false;
	const uint32_t state = atomic_load_explicit(&stream->states[slot], memory_order_acquire);
	const size_t size = *(const volatile uint64_t *)&stream->items[slot].size;
	if (!batch_is_brief(state) || size > ITEM_SHORT)
		return false;
	__builtin_prefetch(&stream->values[(slot + STREAM_AHEAD) & stream->mask]);
	batch_brief(&stream->batch, slot, state, out);
	out->index = stream->batch.board.first + place;
	out->item = (struct brood_bytes){stream->items[slot].bytes, size};
	stream->quick--;
	hold(stream, place);
	return true;
}

static int step(brood_pool *pool, double deadline, bool (*awake)(brood_pool *))
{
	if (pool->crew.broken)
		return pool->crew.broken;
	int error = pool->options.flags & BROOD_INSIDE ? inside_step(pool, deadline) : crew_step(pool, deadline, awake);
	return stream_broken(pool, error);
}

/* Whether there is something to give, or to be given out: what was kept back for a cancel may be, once that has been carried out. */
static bool is_stirred(brood_pool *pool)
{
	return is_awake(pool) || (stream_kept(pool) && !pool->crew.canceling);
}

/* Waits until a record is ready. */
static int wait(brood_pool *pool, struct brood_result *out, double timeout)
{
	order_heed_cancel(pool);
	if (pool->stream->given == pool->stream->high)
		return 0;
	int error = stream_broken(pool, stream_publish(pool));
	pool->stream->hold = 1;
	const double deadline = clock_deadline(timeout);
	if (!error && rests(pool, clock_now()))
		error = step(pool, fmin(deadline, pool->stream->seen_at + TEND), is_starved);
	/* Without processes nothing is done but in here: who only asks gets on by an item with each call. */
	bool due = !(pool->options.flags & BROOD_INSIDE);
	for (; !error; error = step(pool, deadline, is_stirred), due = true) {
		if ((error = stream_broken(pool, stream_publish(pool))))
			return error;
		if (is_awake(pool))
			return pool->crew.broken ? pool->crew.broken : give(pool, out);
		if (due && deadline < clock_now())
			return -ETIMEDOUT;
	}
	return error;
}

/* For a caller for whom a record is always ready, be it that workers are quick or that the caller is slow. */
static int tend(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const uint64_t ticks = clock_ticks();
	const uint32_t more = 2 * stream->patience < PATIENCE ? 2 * stream->patience : PATIENCE;
	stream->patience = ticks - stream->asked < TEND_TICKS / 8 ? more : 1;
	stream->quick = stream->ring.used || stream->batch.costs ? 0 : stream->patience;
	stream->asked = ticks;
	order_heed_cancel(pool);
	if (ticks - stream->tended < TEND_TICKS || (pool->options.flags & BROOD_INSIDE))
		return 0;
	stream->tended = ticks;
	const double now = clock_now();
	events_tick(pool, now);
	return stream_broken(pool, crew_tend(pool, now));
}

static int next_of_stream(brood_pool *pool, struct brood_result *out, double timeout)
{
	int error = !out ? -EINVAL : pool_is_fit(pool) ? 0 : pool_check(pool);
	if (error || !stream_is_open(pool))
		return error;
	release(pool);
	if (pool->stream->quick)
		pool->stream->quick--;
	else
		error = tend(pool);
	if (error)
		return error;
	int result = give(pool, out);
	return result ? result : wait(pool, out, timeout);
}

static bool is_news(brood_pool *pool)
{
	return stream_is_open(pool) && is_stirred(pool);
}

static __attribute__((noinline)) int next_slowly(brood_pool *pool, struct brood_result *out, double timeout)
{
	int result = next_of_stream(pool, out, timeout);
	/* Nothing may be left undone by a caller who then sleeps at the descriptor. */
	while ((!result || result == -ETIMEDOUT) && watch_is_open(pool)) {
		const int again = pool->options.flags & BROOD_INSIDE ? inside_watch(pool, is_news) : crew_watch(pool, is_news);
		if (again < 0)
			return stream_is_open(pool) ? stream_broken(pool, again) : (pool->crew.broken = again);
		if (!again)
			return result;
		result = next_of_stream(pool, out, 0);
	}
	if (result == 1)
		watch_heat(pool);
	return result;
}

BROOD_API int brood_pool_next(brood_pool *pool, struct brood_result *out, double timeout)
{
	struct stream *stream = stream_at_hand(pool);
	return stream && out && give_quickly(stream, out) ? 1 : next_slowly(pool, out, timeout);
}
