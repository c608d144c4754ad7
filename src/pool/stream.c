/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "base/clock.h"
#include "pool/crew.h"
#include "pool/inside.h"
#include "pool/items.h"
#include "pool/round.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Memory of the region that values are written to. While a line has it, it is not free before the place NEVER; after that, not
   before a place from which on no value can be in it. */
struct chunk {
	uint64_t offset, free_from;
	size_t size;
	uint32_t line;
};

#define NEVER UINT64_MAX
#define CHUNK_LEAST ((size_t)256 << 10)
#define CHUNK_MOST ((size_t)4 << 20)

struct stream {
	struct batch batch;
	struct records records;
	/* There are twice as many slots as may be in use, so that the one of the record that the caller looks at is left alone
	   until the next call. */
	size_t window, mask;
	/* Places: the records of all before low have been given; those from high on have not been submitted. */
	uint64_t low, high, given;
	uint64_t *seen, *taken; /* a bit for each slot */
	bool held;              /* the caller looks at the record of this place */
	uint64_t held_place;
	/* Places in the order in which their items were done, where that is how they are given. */
	uint64_t *ready, ready_head, ready_tail;
	size_t hold; /* so many items are kept back, to be given at once */
	/* Bytes of items that are too long for their slots, as a ring; and, for each slot, where they end. */
	uint64_t bytes, bytes_head, bytes_tail, *bytes_end;
	bool bytes_used;
	_Atomic uint16_t *states;
	const _Atomic uint64_t *values;
	struct item_slot *items;
	struct chunk *chunks;
	size_t chunk_count, chunk_capacity;
	double looked;
};

/* So many slots ahead are fetched into the cache. */
enum { AHEAD = 32 };

/* At the most this part of the window is kept back. */
enum { PARTS = 16 };

/* The least time between two looks where nobody waits. */
#define LOOK 0.001

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
	records_free(&stream->records);
	free(stream->seen);
	free(stream->taken);
	free(stream->ready);
	free(stream->bytes_end);
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
	stream->mask = slots - 1;
	stream->seen = calloc(slots / 64 + 1, sizeof *stream->seen);
	stream->taken = calloc(slots / 64 + 1, sizeof *stream->taken);
	stream->ready = calloc(slots, sizeof *stream->ready);
	stream->bytes_end = calloc(slots, sizeof *stream->bytes_end);
	const struct batch_plan plan = {.count = UINT32_MAX, .slots = (uint32_t)slots, .value_size = pool->options.value_size};
	int error = batch_new(&stream->batch, pool->region, &plan);
	uint64_t items = region_take(pool->region, slots * sizeof(struct item_slot));
	stream->bytes = region_take(pool->region, pool->options.window_bytes);
	if (error || !items || !stream->bytes || !stream->seen || !stream->taken || !stream->ready || !stream->bytes_end) {
		stream_free(pool);
		return -ENOMEM;
	}
	stream->batch.board.kind = BOARD_SLOTS;
	stream->batch.board.items = items;
	stream->items = region_at(pool->region, items);
	stream->values = region_at(pool->region, stream->batch.board.values);
	stream->states = region_at(pool->region, stream->batch.board.states);
	stream->batch.board.watermark = (uint32_t)(window / PARTS > 1 ? window / PARTS : 1);
	stream->batch.board.failures = pool->options.retries > 0;
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
	pool->round = (struct round){.batch = &stream->batch, .records = &stream->records, .low = stream->low, .high = stream->high,
		.inside = stream->high, .done = stream->high, .seen = stream->seen,
		.streaming = true, .reported = pool_reports(pool)};
	crew_post(pool);
	atomic_store(&pool->crew.board->origin, stream->low);
	return 0;
}

void stream_close(brood_pool *pool)
{
	if (is_open(pool))
		pool->next_number = round_number(pool, pool->stream->high);
}

/* Gives workers what has been kept back. */
static int publish(brood_pool *pool)
{
	struct round *round = &pool->round;
	struct board_range range = {round_number(pool, round->high), round_number(pool, pool->stream->high)};
	if (range.begin == range.end)
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

/* Room for an item's bytes in the ring, in one piece: its offset, or 0. */
static uint64_t ring_room(brood_pool *pool, size_t size)
{
	struct stream *stream = pool->stream;
	const size_t capacity = pool->options.window_bytes;
	size_t at = stream->bytes_head % capacity, skip = size > capacity - at ? capacity - at : 0;
	if (skip + size > capacity - (stream->bytes_head - stream->bytes_tail))
		return 0;
	stream->bytes_head += skip + size;
	return stream->bytes + (stream->bytes_head - size) % capacity;
}

static int refuse(brood_pool *pool, struct brood_bytes item)
{
	int error = pool_check(pool);
	if (!error && item.size && !item.data)
		error = -EINVAL;
	if (!error && item.size > pool->options.window_bytes)
		error = -EMSGSIZE;
	return error || is_open(pool) ? error : open(pool);
}

/* Puts a copy of a longer item into the ring: false, there is no room. */
static bool put_bytes(brood_pool *pool, struct item_slot *place, struct brood_bytes item)
{
	struct stream *stream = pool->stream;
	uint64_t offset = ring_room(pool, item.size);
	if (!offset)
		return false;
	stream->bytes_used = true;
	place->size = item.size;
	place->offset = offset;
	memcpy(region_at(pool->region, offset), item.data, item.size);
	return true;
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
	const size_t slot = stream->high & stream->mask;
	struct item_slot *place = &stream->items[slot];
	if (stream->high - stream->low == stream->window)
		return -EAGAIN;
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
	if (stream->bytes_used)
		stream->bytes_end[slot] = stream->bytes_head;
	atomic_store_explicit(&stream->states[slot], STATE_PENDING, memory_order_relaxed);
	stream->high++;
	if (stream->high - pool->round.high < stream->hold)
		return 0;
	/* The first go out at once, and the more there are the more go together. */
	stream->hold = 2 * stream->hold < stream->window / PARTS ? 2 * stream->hold : stream->window / PARTS + 1;
	return broken(pool, publish(pool));
}

void stream_done(brood_pool *pool, uint64_t place)
{
	struct stream *stream = pool->stream;
	__builtin_prefetch(&stream->values[place & stream->mask]);
	if (!(pool->options.flags & BROOD_ORDERED))
		stream->ready[stream->ready_tail++ & stream->mask] = place;
}

static bool is_set(const uint64_t *bits, size_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static void flip(uint64_t *bits, size_t at)
{
	bits[at / 64] ^= UINT64_C(1) << at % 64;
}

/* The record of the place is given, and the window may move on. */
static void take(struct stream *stream, uint64_t place)
{
	stream->given++;
	if (place != stream->low) {
		flip(stream->taken, place & stream->mask);
		return;
	}
	flip(stream->seen, stream->low++ & stream->mask);
	for (; is_set(stream->taken, stream->low & stream->mask); stream->low++) {
		flip(stream->taken, stream->low & stream->mask);
		flip(stream->seen, stream->low & stream->mask);
	}
}

/* The caller is done with the record that it was given last, and with what belongs to it. */
static void release(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (stream->held && stream->records.count)
		record_drop(&stream->records, round_index(pool, stream->held_place));
	stream->held = false;
	if (stream->bytes_used && stream->low)
		stream->bytes_tail = stream->bytes_end[(stream->low - 1) & stream->mask];
}

static bool find_ready(const brood_pool *pool, uint64_t *place)
{
	const struct stream *stream = pool->stream;
	if (pool->options.flags & BROOD_ORDERED) {
		*place = stream->given;
		return stream->given < pool->round.high && is_set(stream->seen, stream->given & stream->mask);
	}
	if (stream->ready_head == stream->ready_tail)
		return false;
	*place = stream->ready[stream->ready_head & stream->mask];
	return true;
}

static bool is_awake(brood_pool *pool)
{
	uint64_t place;
	return broken(pool, round_look(pool)) || find_ready(pool, &place);
}

/* Gives the result that is ready: 1; 0: there is none. */
static int give(brood_pool *pool, struct brood_result *out)
{
	struct stream *stream = pool->stream;
	uint64_t place;
	if (!find_ready(pool, &place))
		return 0;
	int error = batch_result(&stream->batch, &stream->records, round_slot(pool, place), round_index(pool, place), out);
	if (error)
		return error;
	stream->held = true;
	stream->held_place = place;
	stream->ready_head += !(pool->options.flags & BROOD_ORDERED);
	take(stream, place);
	pool->round.low = stream->low;
	return 1;
}

static int step(brood_pool *pool, double deadline)
{
	if (pool->crew.broken)
		return pool->crew.broken;
	int error = pool->options.flags & BROOD_INSIDE ? inside_step(pool) : crew_step(pool, deadline, is_awake);
	return broken(pool, error);
}

BROOD_API int brood_pool_next(brood_pool *pool, struct brood_result *out, double timeout)
{
	int error = 0;
	if (!out || !pool_is_fit(pool) || !is_open(pool)) {
		error = out ? pool_check(pool) : -EINVAL;
		if (error || !is_open(pool))
			return error;
	}
	release(pool);
	int result = give(pool, out);
	if (result)
		return result;
	if (pool->stream->given == pool->stream->high)
		return 0;
	error = broken(pool, publish(pool));
	pool->stream->hold = 1;
	for (double deadline = clock_deadline(timeout); !error; error = step(pool, deadline)) {
		if (is_awake(pool))
			return pool->crew.broken ? pool->crew.broken : give(pool, out);
		if (deadline < clock_now())
			return -ETIMEDOUT;
	}
	return error;
}

/* --- the chunks of values --- */

static struct chunk *find_chunk(struct stream *stream, size_t size)
{
	for (size_t i = 0; i < stream->chunk_count; i++)
		if (stream->chunks[i].free_from <= stream->low && stream->chunks[i].size >= size)
			return &stream->chunks[i];
	return NULL;
}

static struct chunk *make_chunk(brood_pool *pool, size_t size)
{
	struct stream *stream = pool->stream;
	if (stream->chunk_count == stream->chunk_capacity) {
		size_t capacity = stream->chunk_capacity ? 2 * stream->chunk_capacity : 16;
		struct chunk *chunks = realloc(stream->chunks, capacity * sizeof *chunks);
		if (!chunks)
			return NULL;
		stream->chunks = chunks;
		stream->chunk_capacity = capacity;
	}
	size_t usual = ((size_t)256 << 20) / pool->crew.lines / 4096 * 4096;
	usual = usual < CHUNK_LEAST ? CHUNK_LEAST : usual > CHUNK_MOST ? CHUNK_MOST : usual;
	size = size < usual / 4 ? usual : (size + size / 4 + 4095) / 4096 * 4096;
	uint64_t offset = region_take(pool->region, size);
	if (!offset)
		return NULL;
	stream->chunks[stream->chunk_count] = (struct chunk){.offset = offset, .size = size};
	return &stream->chunks[stream->chunk_count++];
}

uint64_t stream_chunk(brood_pool *pool, uint32_t line, size_t size, size_t *granted)
{
	stream_chunk_close(pool, line);
	struct chunk *chunk = find_chunk(pool->stream, size);
	if (!chunk)
		chunk = make_chunk(pool, size);
	if (!chunk)
		return 0;
	chunk->free_from = NEVER;
	chunk->line = line;
	*granted = chunk->size;
	return chunk->offset;
}

void stream_chunk_close(brood_pool *pool, uint32_t line)
{
	struct stream *stream = pool->stream;
	for (size_t i = 0; stream && i < stream->chunk_count; i++)
		if (stream->chunks[i].free_from == NEVER && stream->chunks[i].line == line)
			stream->chunks[i].free_from = stream->high;
}

/* --- pulled and pushed --- */

struct flow {
	brood_source_fn *source;
	brood_sink_fn *sink;
	void *context;
	struct brood_bytes item;
	bool has_item, ended;
};

static int call_source(brood_pool *pool, struct flow *flow)
{
	pool->calling = true;
	int result = flow->source(flow->context, &flow->item);
	pool->calling = false;
	flow->has_item = result > 0;
	flow->ended = !result;
	return result < 0 ? result : 0;
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
	return error ? error : 1;
}

/* Gives a record to the sink. 1: it did; 0: all have been given. */
static int push(brood_pool *pool, struct flow *flow, double timeout)
{
	struct brood_result result;
	int count = brood_pool_next(pool, &result, timeout);
	if (count <= 0)
		return count;
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
static bool due_look(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	uint64_t place;
	if (find_ready(pool, &place))
		return true;
	double now = clock_now();
	if (now - stream->looked < LOOK)
		return false;
	stream->looked = now;
	return true;
}

BROOD_API int brood_pool_stream(brood_pool *pool, brood_source_fn *source, brood_sink_fn *sink, void *context)
{
	struct flow flow = {.source = source, .sink = sink, .context = context};
	int error = source && sink ? pool_check(pool) : -EINVAL;
	if (error)
		return error;
	if (stream_busy(pool))
		return -EBUSY;
	for (;;) {
		int result = pull(pool, &flow);
		if (result < 0)
			return give_up(pool, result);
		if (result && !due_look(pool))
			continue;
		int pushed = push(pool, &flow, result ? 0 : -1);
		if (pushed < 0 && pushed != -ETIMEDOUT)
			return give_up(pool, pushed);
		if (!result && !pushed && flow.ended)
			return 0;
	}
}
