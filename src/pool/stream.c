/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "base/clock.h"
#include "pool/bits.h"
#include "pool/crew.h"
#include "pool/events.h"
#include "pool/handout.h"
#include "pool/inside.h"
#include "pool/round.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* At the most this part of the window is kept back. */
enum { PARTS = 16 };

/* So many times window_bytes may there be for the bytes of items: so that one of that size finds room in one piece beside the item
   of the record that the caller looks at. And so many are there at first. */
enum { RINGS = 3, RING_FIRST = 1 << 20 };

/* Workers are tended every so many seconds, and the clock is looked at once in so many records at the most: for as many, a caller
   who turns slow after a quick time lets limits, a cancel and workers that want memory wait. */
#define TEND 0.001
enum { PATIENCE = 8 };

/* So many slots ahead are fetched into the cache. */
enum { AHEAD = 32 };

/* Within the calls that are made for each item, what is rare would have them save registers for it. */
#define RARE __attribute__((noinline, cold))

static bool is_open(const brood_pool *pool)
{
	return pool->stream && pool->round.streaming;
}

bool stream_busy(const brood_pool *pool)
{
	return is_open(pool) && pool->stream->given < pool->stream->high;
}

void stream_free(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (!stream)
		return;
	batch_free(&stream->batch);
	records_free(&stream->records);
	free(stream->seen);
	free(stream->taken);
	free(stream->runs);
	free(stream->ring.marks);
	free(stream->chunks);
	free(stream);
	pool->stream = NULL;
}

static int allocate(brood_pool *pool)
{
	const size_t window = pool->options.window, slots = 2 * window;
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return -ENOMEM;
	pool->stream = stream;
	stream->window = window;
	stream->some = window < 1024 ? 1 : window < 65536 ? window / 1024 : 64;
	stream->mask = slots - 1;
	stream->seen = calloc(slots / 64 + 1, sizeof *stream->seen);
	stream->taken = calloc(slots / 64 + 1, sizeof *stream->taken);
	stream->runs = calloc(slots, sizeof *stream->runs);
	stream->ring.marks = calloc(slots, sizeof *stream->ring.marks);
	const struct batch_plan plan = {.count = UINT32_MAX, .slots = (uint32_t)slots, .value_size = pool->options.value_size,
					.costs = pool->options.flags & BROOD_COSTS};
	int error = batch_new(&stream->batch, pool->region, &plan);
	uint64_t items = region_take(pool->region, slots * sizeof(struct item_slot));
	const size_t most = RINGS * pool->options.window_bytes;
	stream->ring.place = region_take(pool->region, most);
	stream->ring.capacity = most < RING_FIRST ? most : RING_FIRST;
	if (error || !items || !stream->ring.place || !stream->seen || !stream->taken || !stream->runs || !stream->ring.marks) {
		stream_free(pool);
		return -ENOMEM;
	}
	struct board_batch *board = &stream->batch.board;
	board->kind = BOARD_SLOTS;
	board->items = items;
	board->bytes = stream->ring.place;
	board->bytes_size = most;
	board->watermark = (uint32_t)(window / PARTS > 1 ? window / PARTS : 1);
	board->failures = pool->options.retries > 0;
	stream->items = region_at(pool->region, items);
	stream->states = region_at(pool->region, board->states);
	stream->values = region_at(pool->region, board->values);
	return 0;
}

static int open(brood_pool *pool)
{
	int error = pool->stream ? 0 : allocate(pool);
	if (error)
		return error;
	struct stream *stream = pool->stream;
	stream->batch.board.base = pool->next_number - (uint32_t)stream->high;
	stream->batch.began = clock_now();
	stream->hold = 1;
	stream->room = 0;
	stream->patience = 1;
	stream->holding = false;
	pool->total = 0;
	pool->round = (struct round){.batch = &stream->batch, .records = &stream->records, .low = stream->low, .high = stream->high,
		.inside = stream->high, .done = stream->high, .seen = stream->seen, .streaming = true, .reported = pool_reports(pool)};
	atomic_store(&pool->canceled, false);
	crew_post(pool);
	atomic_store(&pool->crew.board->origin, stream->low);
	return 0;
}

void stream_close(brood_pool *pool)
{
	if (is_open(pool))
		pool->next_number = round_number(pool, pool->stream->high);
}

static bool is_canceled(const brood_pool *pool)
{
	return atomic_load_explicit(&pool->canceled, memory_order_relaxed);
}

/* Gives workers what has been kept back; but what was submitted after a cancel only once that has been carried out. */
static int publish(brood_pool *pool)
{
	struct round *round = &pool->round;
	struct board_range range = {round_number(pool, round->high), round_number(pool, pool->stream->high)};
	pool->stream->room = 0;
	pool->stream->holding &= is_canceled(pool);
	if (range.begin == range.end || pool->stream->holding)
		return 0;
	round->high = pool->stream->high;
	if (round->low - atomic_load_explicit(&pool->crew.board->origin, memory_order_relaxed) > UINT32_MAX / 4)
		atomic_store(&pool->crew.board->origin, round->low);
	return pool->options.flags & BROOD_INSIDE ? 0 : crew_give(pool, range);
}

static int broken(brood_pool *pool, int error)
{
	if (error)
		pool->crew.broken = error;
	return error;
}

/* There is a cancel, which is about what has been submitted before: also about what has been kept back. */
static int heed_cancel(brood_pool *pool)
{
	int error = pool->stream->holding ? 0 : broken(pool, publish(pool));
	pool->stream->holding = true;
	return error;
}

/* What has been given is put down as such, and the window moves on. Not for each record by itself, but for many at once. */
static void settle(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const struct run given = {stream->current.begin, stream->next};
	stream->current.begin = stream->next;
	stream->settled = stream->given;
	stream->full = false;
	if (given.begin == given.end)
		return;
	bits_flip(stream->taken, stream->mask, given.begin, given.end);
	uint64_t low = bits_end_of_run(stream->taken, stream->mask, stream->low, stream->high);
	bits_flip(stream->taken, stream->mask, stream->low, low);
	bits_flip(stream->seen, stream->mask, stream->low, low);
	stream->low = pool->round.low = low;
}

/* Of the items before low. */
static struct ring_mark mark_of_low(const struct stream *stream)
{
	return stream->low ? stream->ring.marks[(stream->low - 1) & stream->mask] : (struct ring_mark){0};
}

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
		settle(pool);
		stream->ring.tail = mark_of_low(stream).end;
	}
}

RARE static int refuse(brood_pool *pool, struct brood_bytes item)
{
	int error = pool_check(pool);
	if (!error && item.size && !item.data)
		error = -EINVAL;
	if (!error && item.size > pool->options.window_bytes)
		error = -EMSGSIZE;
	return error || is_open(pool) ? error : open(pool);
}

/*
 * From the end of the ring on there is more of it. What is there stays where it is: the next round begins, as ever, at the
 * first place, when that is free.
 */
static void grow_ring(struct ring *ring, size_t size, size_t most)
{
	const uint64_t before = ring->capacity, at = (ring->head - ring->origin) % before;
	const uint64_t twice = 2 * before > before + size ? 2 * before : before + size;
	ring->head += at ? before - at : 0;
	ring->capacity = twice < most ? twice : most;
	ring->origin = ring->head - before;
}

/* Whether size bytes are free in one piece, with how many to be skipped before it. */
static bool has_room(const struct ring *ring, size_t size, uint64_t *skip)
{
	const uint64_t at = (ring->head - ring->origin) % ring->capacity;
	*skip = size > ring->capacity - at ? ring->capacity - at : 0;
	return ring->head + *skip + size - ring->tail <= ring->capacity;
}

/* Room for an item's bytes in the ring, in one piece: its offset, or 0. */
static uint64_t ring_room(brood_pool *pool, size_t size)
{
	struct ring *ring = &pool->stream->ring;
	const size_t window = pool->options.window_bytes, most = RINGS * window;
	const uint64_t used = ring->total - mark_of_low(pool->stream).total;
	uint64_t skip;
	if (used && used + size > window)
		return 0;
	while (!has_room(ring, size, &skip)) {
		/* Where half of it is not used, it is only for the moment that there is none. */
		if (ring->capacity == most || (used && 2 * (used + size) < ring->capacity))
			return 0;
		grow_ring(ring, size, most);
	}
	ring->head += skip + size;
	ring->total += size;
	return ring->place + (ring->head - size - ring->origin) % ring->capacity;
}

/* Puts a copy of a longer item into the ring: false, there is no room. */
__attribute__((noinline)) static bool put_bytes(brood_pool *pool, struct item_slot *place, struct brood_bytes item)
{
	struct stream *stream = pool->stream;
	uint64_t offset = ring_room(pool, item.size);
	if (!offset) {
		settle(pool);
		offset = ring_room(pool, item.size);
	}
	if (!offset)
		return false;
	stream->ring.used = true;
	place->size = item.size;
	place->offset = offset;
	memcpy(region_at(pool->region, offset), item.data, item.size);
	return true;
}

/* So many items can be submitted now, with what there is to do before that. 0: none; or a negative errno. */
static int make_room(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (stream->given - stream->settled >= stream->some || stream->given == stream->high)
		settle(pool);
	if (stream->high - pool->round.high >= stream->hold) {
		/* The first go out at once, and the more there are the more go together. */
		stream->hold = 2 * stream->hold < stream->window / PARTS ? 2 * stream->hold : stream->window / PARTS + 1;
		int error = broken(pool, publish(pool));
		if (error)
			return error;
	}
	size_t window = stream->window - (stream->high - stream->low), hold = stream->hold - (stream->high - pool->round.high);
	stream->room = window < hold ? window : hold;
	stream->full = !window;
	return stream->room > 0;
}

BROOD_API int brood_pool_submit(brood_pool *pool, struct brood_bytes item)
{
	/* Both of the stream's calls are made for each item, and take some nanoseconds; what is rare is out of line. */
	if (!pool_is_fit(pool) || !is_open(pool) || (item.size && !item.data) || item.size > pool->options.window_bytes) {
		int error = refuse(pool, item);
		if (error)
			return error;
	}
	struct stream *stream = pool->stream;
	/* What was canceled before is not this. */
	if (is_canceled(pool)) {
		int error = 0;
		if (stream->given == stream->high)
			atomic_store(&pool->canceled, false);
		else
			error = heed_cancel(pool);
		if (error)
			return error;
	}
	if (!stream->room) {
		/* Who fills the window tries once for each record that is taken. */
		if (stream->full && stream->given - stream->settled < stream->some && stream->given != stream->high)
			return -EAGAIN;
		int result = make_room(pool);
		if (result <= 0)
			return result ? result : -EAGAIN;
	}
	const size_t slot = stream->high & stream->mask;
	struct item_slot *place = &stream->items[slot];
	/* What follows is in another processor's cache, which takes the time of several items. */
	__builtin_prefetch(&stream->items[(slot + AHEAD) & stream->mask], 1);
	if (item.size == ITEM_SHORT) {
		place->size = ITEM_SHORT;
		memcpy(place->bytes, item.data, ITEM_SHORT);
	} else if (item.size < ITEM_SHORT) {
		place->size = item.size;
		if (item.size)
			memcpy(place->bytes, item.data, item.size);
	} else if (!put_bytes(pool, place, item)) {
		return -EAGAIN;
	}
	if (stream->ring.used)
		stream->ring.marks[slot] = (struct ring_mark){stream->ring.head, stream->ring.total};
	atomic_store_explicit(&stream->states[slot], STATE_PENDING, memory_order_relaxed);
	stream->high++;
	/* The last that goes out with others goes at once. */
	if (--stream->room || stream->high - pool->round.high < stream->hold)
		return 0;
	int result = make_room(pool);
	return result < 0 ? result : 0;
}

void stream_done(brood_pool *pool, struct run run)
{
	struct stream *stream = pool->stream;
	if (pool->options.flags & BROOD_ORDERED)
		return;
	struct run *last = &stream->runs[(stream->runs_tail - 1) & stream->mask];
	if (stream->runs_head != stream->runs_tail && last->end == run.begin)
		last->end = run.end;
	else
		stream->runs[stream->runs_tail++ & stream->mask] = run;
}

/* The next run to be given becomes the current one. */
static bool next_run(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	settle(pool);
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
	if (!is_open(pool))
		return false;
	if (stream->next != stream->current.end || stream->runs_head != stream->runs_tail)
		return true;
	return (pool->options.flags & BROOD_ORDERED) && stream->given < pool->round.high &&
	       bits_end_of_run(stream->seen, stream->mask, stream->given, stream->given + 1) != stream->given;
}

static bool is_awake(brood_pool *pool)
{
	pool->stream->seen_at = clock_now();
	return broken(pool, round_look(pool)) || stream_ready(pool);
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

/* Gives the record that is ready: 1; 0: there is none. */
static int give(brood_pool *pool, struct brood_result *out)
{
	struct stream *stream = pool->stream;
	if (stream->next == stream->current.end && !next_run(pool))
		return 0;
	const uint64_t place = stream->next;
	__builtin_prefetch(&stream->values[(place + AHEAD) & stream->mask]);
	const uint32_t slot = (uint32_t)(place & stream->mask);
	if (batch_short(&stream->batch, &stream->records, slot, out)) {
		out->index = round_index(pool, place);
		out->item = items_in_slot(pool->region, &stream->batch.board, slot);
	} else {
		int error = batch_outcome(&stream->batch, &stream->records, slot, round_index(pool, place), out);
		if (error)
			return error;
	}
	stream->held = true;
	stream->held_place = place;
	stream->next++;
	stream->given++;
	return 1;
}

static int step(brood_pool *pool, double deadline, bool (*awake)(brood_pool *))
{
	if (pool->crew.broken)
		return pool->crew.broken;
	int error = pool->options.flags & BROOD_INSIDE ? inside_step(pool, deadline) : crew_step(pool, deadline, awake);
	return broken(pool, error);
}

/* Waits until a record is ready. */
static int wait(brood_pool *pool, struct brood_result *out, double timeout)
{
	if (pool->stream->given == pool->stream->high) {
		/* Of what could be canceled nothing is left. */
		atomic_store(&pool->canceled, false);
		return 0;
	}
	int error = broken(pool, publish(pool));
	pool->stream->hold = 1;
	const double deadline = clock_deadline(timeout);
	if (!error && rests(pool, clock_now()))
		error = step(pool, fmin(deadline, pool->stream->seen_at + TEND), is_starved);
	for (; !error; error = step(pool, deadline, is_awake)) {
		if ((error = broken(pool, publish(pool))))
			return error;
		if (is_awake(pool))
			return pool->crew.broken ? pool->crew.broken : give(pool, out);
		if (deadline < clock_now())
			return -ETIMEDOUT;
	}
	return error;
}

/* For a caller for whom a record is always ready, be it that workers are quick or that the caller is slow. */
static int tend(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const double now = clock_now();
	/* The clock takes longer to look at than a record to give. */
	const uint32_t more = 2 * stream->patience < PATIENCE ? 2 * stream->patience : PATIENCE;
	stream->patience = now - stream->asked < TEND / 8 ? more : 1;
	stream->left = stream->patience;
	stream->asked = now;
	if (is_canceled(pool)) {
		int error = heed_cancel(pool);
		if (error)
			return error;
	}
	if (now - stream->looked < TEND || (pool->options.flags & BROOD_INSIDE))
		return 0;
	stream->looked = now;
	events_tick(pool, now);
	return broken(pool, crew_tend(pool, now));
}

BROOD_API int brood_pool_next(brood_pool *pool, struct brood_result *out, double timeout)
{
	if (!out || !pool_is_fit(pool) || !is_open(pool)) {
		int error = out ? pool_check(pool) : -EINVAL;
		if (error || !is_open(pool))
			return error;
	}
	release(pool);
	if (!pool->stream->left--) {
		int error = tend(pool);
		if (error)
			return error;
	}
	int result = give(pool, out);
	return result ? result : wait(pool, out, timeout);
}
